"""ServiceAccount tokens: what a TokenRequest is answered with.

Source: pkg/registry/core/serviceaccount/storage/token.go and pkg/serviceaccount/claims.go of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fakekube.meta.errors import Cause, StatusError, bad_request, conflict, invalid, not_found
from fakekube.meta.gofmt import go_quoted
from fakekube.meta.objects import KubeObject, group_of, metadata, uid_of
from fakekube.registry.authenticator import AUDIENCES, ISSUER
from fakekube.registry.metadata import new_uid, timestamp
from fakekube.registry.site import Site
from fakekube.registry.users import account_username
from fakekube.storage.items import Item, encode_json

_GROUP, _KIND = "authentication.k8s.io", "TokenRequest"
_DEFAULT_S = 3600
_MIN_S = 600
_MAX_S = 2**32
# What a kubelet asks for; such a token lasts a year, and after this time its use is only warned of.
_WARNED_S = 3607
_EXTENDED_S = 365 * 24 * 3600
_BINDABLE = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}
_WEBHOOKS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
_WEBHOOK_GATE = "APIServerWebhookAuthenticationToken"
_ATTESTATION = "admissionReviewAPIGroups"


@dataclass(frozen=True, slots=True)
class Bound:
    """The object that a token lives and dies with, and its claims."""

    kind: str
    claims: Mapping[str, KubeObject]


def issue(site: Site, account: Item, request: KubeObject) -> KubeObject:
    """The TokenRequest answered: spec filled in, token and expiry in its status."""
    _require_meant(account, request)
    spec: KubeObject = request.get("spec") or {}
    lifetime_s = spec.get("expirationSeconds") or _DEFAULT_S
    reference = spec.get("boundObjectRef")
    _require_valid(spec, lifetime_s, reference)
    bound = _bound(site, account, reference) if reference is not None else None
    audiences = list(spec.get("audiences") or AUDIENCES)
    claims = _claims(site, account, bound, audiences, lifetime_s)
    now = site.now()
    return {
        "kind": _KIND,
        "apiVersion": f"{_GROUP}/v1",
        "metadata": {
            "name": account.name,
            "namespace": account.namespace,
            "uid": uid_of(account.obj),
            "creationTimestamp": timestamp(now),
        },
        "spec": {"audiences": audiences, "expirationSeconds": lifetime_s, "boundObjectRef": reference},
        "status": {"token": site.signing_key.sign(claims), "expirationTimestamp": timestamp(now + lifetime_s)},
    }


def _require_meant(account: Item, request: KubeObject) -> None:
    """The body may name the account, and nothing else."""
    given = metadata(request)
    name, uid = given.get("name"), given.get("uid")
    if name and name != account.name:
        why = f"Invalid value: {go_quoted(name)}: must match the service account name if specified"
        raise _invalid(account.name, "metadata.name", why)
    if uid and uid != uid_of(account.obj):
        why = (
            f"the UID in the token request ({uid}) does not match the UID of the service account "
            f"({uid_of(account.obj)})"
        )
        raise conflict(_KIND, _GROUP, account.name, why)


def _require_valid(spec: KubeObject, lifetime_s: int, reference: KubeObject | None) -> None:
    if lifetime_s < _MIN_S:
        why = f"Invalid value: {lifetime_s}: may not specify a duration less than 10 minutes"
        raise _invalid("", "spec.expirationSeconds", why)
    if lifetime_s > _MAX_S:
        why = f"Invalid value: {lifetime_s}: may not specify a duration larger than 2^32 seconds"
        raise _invalid("", "spec.expirationSeconds", why)
    attested, to_webhook = spec.get("attestations") or {}, (reference or {}).get("kind") in _WEBHOOKS
    if to_webhook and [len(attested.get(_ATTESTATION) or ()), len(attested)] != [1, 1]:
        why = f"webhook bound requests require exactly one {_ATTESTATION} attestation"
        raise _invalid("", "spec.attestations", f"Invalid value: {_shown(spec.get('attestations'))}: {why}")
    if attested and not to_webhook:
        why = "attestations may only be specified with a webhook bound object reference"
        raise _invalid("", "spec.attestations", f"Invalid value: {_shown(attested)}: {why}")


def _shown(value: KubeObject | None) -> str:
    return encode_json(value).decode() if value else "null"


def _invalid(name: str, field: str, why: str) -> StatusError:
    return invalid(_KIND, _GROUP, name, [Cause(reason="FieldValueInvalid", message=why, field=field)])


def _bound(site: Site, account: Item, reference: KubeObject) -> Bound:
    """What the token is bound to. 400 for a kind that cannot be, 404 without the object, 409 for another one."""
    kind, name = str(reference.get("kind") or ""), str(reference.get("name") or "")
    plural = _bindable(kind, str(reference.get("apiVersion") or ""))
    if not name:
        raise bad_request("Name parameter required.")
    item = site.store.get(plural, "" if plural == "nodes" else account.namespace, name)
    if item is None:
        raise not_found(plural, "", name)
    claims = {kind.lower(): {"name": name, "uid": uid_of(item.obj)}}
    if kind == "Pod":
        claims |= _of_pod(site, account, item)
    _require_same(kind, name, str(reference.get("uid") or ""), item)
    return Bound(kind, claims)


def _bindable(kind: str, api_version: str) -> str:
    group, version = group_of(api_version)
    plural = _BINDABLE.get(kind) if not group else None
    if plural is None:
        off = kind in _WEBHOOKS and group == "admissionregistration.k8s.io"
        gate = f" (feature gate {_WEBHOOK_GATE} is disabled)" if off else ""
        raise bad_request(f"cannot bind token to object of type {group}/{version}, Kind={kind}{gate}")
    return plural


def _of_pod(site: Site, account: Item, pod: Item) -> dict[str, KubeObject]:
    """The node that the pod is on, as far as it is known. 400 for a pod of another account."""
    spec: KubeObject = pod.obj.get("spec") or {}
    if spec.get("serviceAccountName") != account.name:
        raise bad_request(
            f"cannot bind token for serviceaccount {go_quoted(account.name)} to pod running with different "
            "serviceaccount name."
        )
    node = spec.get("nodeName")
    if not node:
        return {}
    item = site.store.get("nodes", "", node)
    return {"node": {"name": node, **({"uid": uid_of(item.obj)} if item is not None else {})}}


def _require_same(kind: str, name: str, uid: str, item: Item) -> None:
    if uid and uid != uid_of(item.obj):
        why = (
            f"the UID in the bound object reference ({uid}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
        raise conflict(kind, "", name, why)


def _claims(site: Site, account: Item, bound: Bound | None, audiences: Sequence[str], lifetime_s: int) -> KubeObject:
    """In the order of their names, as the real server prints them."""
    now = int(site.now())
    extended = (
        bound is not None and bound.kind == "Pod" and lifetime_s == _WARNED_S and set(audiences) <= set(AUDIENCES)
    )
    private: KubeObject = {
        "namespace": account.namespace,
        **(bound.claims if bound is not None else {}),
        "serviceaccount": {"name": account.name, "uid": uid_of(account.obj)},
    }
    if extended:
        private["warnafter"] = now + lifetime_s
    return {
        "aud": list(audiences),
        "exp": now + (_EXTENDED_S if extended else lifetime_s),
        "iat": now,
        "iss": ISSUER,
        "jti": new_uid(site.rng),
        "kubernetes.io": {claim: private[claim] for claim in sorted(private)},
        "nbf": now,
        "sub": account_username(account.namespace, account.name),
    }
