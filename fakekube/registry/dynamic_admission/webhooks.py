"""Admission webhooks: which are asked about a write, what they are told, and what becomes of it.

Source: k8s.io/apiserver/pkg/admission/plugin/webhook/{generic,mutating,validating,request,errors} of 1.37.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import msgspec

from fakekube.meta.errors import StatusError, bad_request, forbidden
from fakekube.meta.gofmt import go_quoted
from fakekube.meta.objects import KubeObject
from fakekube.registry.cel.admission import Activation, Condition, Conditions
from fakekube.registry.dynamic_admission.answers import ReviewAnswer, Unfit, bundle, denial, internal, read_answer
from fakekube.registry.dynamic_admission.attributes import WriteAttributes
from fakekube.registry.dynamic_admission.calls import Replies, WebhookReply
from fakekube.registry.dynamic_admission.match_conditions import Unmatched, hold
from fakekube.registry.dynamic_admission.matching import matched_webhook
from fakekube.registry.patch import apply_json_patch
from fakekube.registry.site import Site

MUTATING = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
VALIDATING = "validatingwebhookconfigurations.admissionregistration.k8s.io"
_KNOWN_VERSIONS = ("v1", "v1beta1")
_KEPT = 256


def require_webhooks(site: Site, write: WriteAttributes, replies: Replies) -> None:
    """Ask all validating webhooks. Raises StatusError for the first denial, and for a failure that is not ignored."""
    refusals: list[StatusError] = []
    for webhook in _webhooks(site, VALIDATING):
        try:
            _asked(site, webhook, write, replies, mutates=False)
        except StatusError as refusal:
            refusals.append(refusal)
    if refusals:
        raise refusals[0]


def mutated(site: Site, write: WriteAttributes, replies: Replies) -> WriteAttributes:
    """`write` as all mutating webhooks leave it; those that wish so are asked again about what others changed later."""
    again: list[KubeObject] = []
    asked: list[KubeObject] = []
    for webhook in _webhooks(site, MUTATING):
        changed = _changed(site, webhook, write, replies)
        if changed.obj != write.obj:
            again, write = list(asked), changed
        if webhook.get("reinvocationPolicy") == "IfNeeded":
            asked.append(webhook)
    for webhook in again:
        write = _changed(site, webhook, write, replies)
    return write


def _changed(site: Site, webhook: KubeObject, write: WriteAttributes, replies: Replies) -> WriteAttributes:
    answer = _asked(site, webhook, write, replies, mutates=True)
    if answer is None or not answer.patch or msgspec.json.decode(answer.patch) == []:
        return write
    if write.obj is None:
        what = "attempted to modify the object, which is not supported for this operation"
        raise internal(f"admission webhook {go_quoted(webhook['name'])} {what}")
    return replace(write, obj=_patched(write.obj, msgspec.json.decode(answer.patch)))


def _patched(obj: KubeObject, operations: Sequence[Mapping[str, Any]]) -> KubeObject:
    """`obj` after the operations. 500 that names the one that does not fit."""
    for operation in operations:
        try:
            obj = apply_json_patch(obj, msgspec.json.encode([operation]))
        except StatusError:
            raise internal(_unfit(operation)) from None
    return obj


def _unfit(operation: Mapping[str, Any]) -> str:
    """What the Go library says of an operation that does not fit; to which value it was applied does not matter."""
    path = str(operation.get("path"))
    match operation.get("op"):
        case "remove":
            name = path.rpartition("/")[2]
            return f"error in remove for path: '{path}': Unable to remove nonexistent key: {name}: missing value"
        case "replace":
            return f"replace operation does not apply: doc is missing key: {path}: missing value"
        case "test":
            return f"testing value {path} failed: test failed"
        case op:
            return f'{op} operation does not apply: doc is missing path: "{path}": missing value'


def _webhooks(site: Site, resource: str) -> Iterator[KubeObject]:
    for item in site.store.keyspace(resource).listed():
        yield from item.obj.get("webhooks") or ()


def _asked(
    site: Site, webhook: KubeObject, write: WriteAttributes, replies: Replies, *, mutates: bool
) -> ReviewAnswer | None:
    """What the webhook answers; None where it is not asked, or its failure is ignored."""
    shown = matched_webhook(site, webhook, write)
    if shown is None or not _conditions_hold(site, webhook, shown):
        return None
    if write.dry_run and webhook.get("sideEffects") not in ("None", "NoneOnDryRun"):
        raise bad_request(f"admission webhook {go_quoted(webhook['name'])} does not support dry run")
    try:
        answer = read_answer(_called(site, webhook, shown, replies), _version(webhook), mutates=mutates)
    except Unfit as failure:
        if webhook.get("failurePolicy") == "Ignore":
            return None
        raise internal(f"failed calling webhook {go_quoted(webhook['name'])}: {failure}") from None
    write.warnings.extend(answer.warnings)
    if not answer.allowed:
        raise denial(webhook["name"], answer.result)
    return answer


def _conditions_hold(site: Site, webhook: KubeObject, write: WriteAttributes) -> bool:
    if not webhook.get("matchConditions"):
        return True
    activation = Activation(
        obj=write.obj,
        old=write.old,
        namespace=None,
        request={**write.as_request(), "options": write.options()},
        user=write.user,
        authorizer=site.authorizer,
    )
    try:
        return hold(_compiled(msgspec.json.encode(webhook["matchConditions"])), activation)
    except Unmatched as error:
        if webhook.get("failurePolicy") == "Ignore":
            return False
        raise forbidden(write.resource, write.served.type.group, write.name, str(error)) from None


@lru_cache(maxsize=_KEPT)
def _compiled(content: bytes) -> tuple[Condition, ...]:
    known = Conditions()
    return tuple(known.compile(each["expression"].strip()) for each in msgspec.json.decode(content))


# What is asked.


def _called(site: Site, webhook: KubeObject, write: WriteAttributes, replies: Replies) -> WebhookReply:
    """Raises Unfit when there is nothing to be called."""
    client, timeout_s = webhook["clientConfig"], webhook.get("timeoutSeconds", 10)
    url, unreachable = _address(site, client)
    url = f"{url}?timeout={timeout_s}s"
    if unreachable:
        raise Unfit(f"failed to call webhook: Post {go_quoted(url)}: {unreachable}")
    # the name of a new object may still be drawn
    name = "" if write.operation == "CREATE" else write.name
    return replies.call(
        "/".join((webhook["name"], write.operation, write.served.key, write.namespace, name)),
        url=url,
        ca_bundle=bundle(client.get("caBundle") or ""),
        timeout_s=timeout_s,
        review=_review(_version(webhook), write),
    )


def _address(site: Site, client: KubeObject) -> tuple[str, str]:
    """The URL, and why it leads nowhere: Services have no network here."""
    url: str | None = client.get("url")
    if url is not None:
        return url, ""
    service = client["service"]
    port, path = service.get("port", 443), service.get("path", "")
    url = f"https://{service['name']}.{service['namespace']}.svc:{port}{path}"
    found = site.store.get("services", service["namespace"], service["name"])
    if found is None:
        return url, f"service {go_quoted(service['name'])} not found"
    address = (found.obj.get("spec") or {}).get("clusterIP") or "None"
    return url, f"dial tcp {address}:{port}: connect: no route to host"


def _version(webhook: KubeObject) -> str:
    """The first version of reviews that both sides know: validation has seen to it that there is one."""
    versions: list[str] = webhook["admissionReviewVersions"]
    return next(each for each in versions if each in _KNOWN_VERSIONS)


def _review(version: str, write: WriteAttributes) -> KubeObject:
    objects = {"object": write.obj, "oldObject": write.old, "options": write.options()}
    return {
        "kind": "AdmissionReview",
        "apiVersion": f"admission.k8s.io/{version}",
        "request": {**write.as_request(), **objects},
    }
