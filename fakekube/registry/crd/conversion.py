"""Objects from one version to another by a webhook: what it is asked, and what its answer has to be.

Source: apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go of 1.37.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from fakekube.meta.errors import StatusError
from fakekube.meta.gofmt import go_quoted
from fakekube.meta.objects import KubeObject, group_of, metadata
from fakekube.registry.dynamic_admission.calls import WebhookReply, answering

_TIMEOUT_S = 30
_KNOWN_VERSIONS = ("v1", "v1beta1")
_GROUP = "apiextensions.k8s.io"
_REVIEW = "ConversionReview"
# What a conversion may change of metadata.
_CONVERTIBLE = ("labels", "annotations")
_UNSEEN = ("resourceVersion", "managedFields")


class Undecodable(StatusError):
    """500: an object is not what its webhook makes of it, or the webhook makes nothing."""


class _Failed(Exception):
    """The message is the real server's."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """The `webhook` of a definition's spec.conversion."""

    spec: KubeObject

    @property
    def version(self) -> str:
        """The first version of reviews that both sides know."""
        versions: list[str] = self.spec["conversionReviewVersions"]
        return next(each for each in versions if each in _KNOWN_VERSIONS)

    def converted(self, obj: KubeObject, api_version: str) -> KubeObject:
        """`obj` in another version. 500 with the real server's message when the webhook does not do it."""
        kind = f"{'/'.join(group_of(str(obj['apiVersion'])))}, Kind={obj['kind']}"
        try:
            reply = self._asked(obj, api_version)
            return _restored(obj, self._answered(reply, obj, api_version, kind))
        except _Failed as failure:
            message = f"conversion webhook for {kind} {failure}"
            raise Undecodable(code=500, reason="", message=message) from None

    def _asked(self, obj: KubeObject, api_version: str) -> WebhookReply:
        client, replies = self.spec["clientConfig"], answering.get()
        url = f"{client.get('url') or _service_url(client['service'])}?timeout={_TIMEOUT_S}s"
        if client.get("url") is None:
            raise _Failed(f"failed: Post {go_quoted(url)}: service {go_quoted(client['service']['name'])} not found")
        if replies is None:
            raise _Failed(f"failed: Post {go_quoted(url)}: no client waits for an answer")
        review = {"desiredAPIVersion": api_version, "objects": [obj]}
        return replies.convert(
            _about(obj, api_version),
            url=url,
            ca_bundle=base64.b64decode(client.get("caBundle") or ""),
            timeout_s=_TIMEOUT_S,
            review={"kind": _REVIEW, "apiVersion": f"{_GROUP}/{self.version}", "request": review},
        )

    def _answered(self, reply: WebhookReply, obj: KubeObject, api_version: str, kind: str) -> KubeObject:
        if reply.error:
            raise _Failed(f"failed: {reply.error}")
        found = self._objects(reply)
        if len(found) != 1:
            raise _Failed(f"returned {len(found)} objects, expected 1")
        [converted] = found
        version = converted.get("apiVersion") or ""
        if version != api_version:
            told = f"invalid groupVersion (expected {api_version}, received {version})"
            raise _Failed(f"returned invalid object at index 0: {told}")
        if converted.get("kind") != obj["kind"]:
            told = f"invalid kind (expected {obj['kind']}, received {converted.get('kind') or ''})"
            raise _Failed(f"returned invalid object at index 0: {told}")
        _require_same(obj, converted.get("metadata"))
        return converted

    def _objects(self, reply: WebhookReply) -> list[KubeObject]:
        try:
            review = msgspec.json.decode(reply.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _Failed(f"failed: {error}") from None
        response = review.get("response") if isinstance(review, dict) else None
        if not isinstance(response, dict):
            raise _Failed("failed: no response provided")
        if (response.get("uid") or "") != reply.call.uid:
            given = go_quoted(response.get("uid") or "")
            raise _Failed(f"failed: expected response.uid={go_quoted(reply.call.uid)}, got {given}")
        result: Mapping[str, Any] = response.get("result") or {}
        if result.get("status") != "Success":
            told = f"response.result.status was '{result.get('status') or ''}', not 'Success'"
            raise _Failed(f"failed: {result.get('message') or told}")
        return list(response.get("convertedObjects") or ())


def conversion_of(conversion: KubeObject | None) -> Conversion | None:
    """How the objects of a definition with this spec.conversion change; None where their apiVersion alone does."""
    if conversion is None or conversion.get("strategy") != "Webhook":
        return None
    return Conversion(conversion["webhook"])


def _service_url(service: KubeObject) -> str:
    port, path = service.get("port", 443), service.get("path", "")
    return f"https://{service['name']}.{service['namespace']}.svc:{port}{path}"


def _about(obj: KubeObject, api_version: str) -> str:
    """Names the conversion by content. Versions and owners have no part in it: what was asked before a write is the
    answer after it."""
    seen = {name: value for name, value in metadata(obj).items() if name not in _UNSEEN}
    content = msgspec.json.encode([{**obj, "metadata": seen}, api_version], order="sorted")
    return f"conversion/{hashlib.sha256(content).hexdigest()}"


def _require_same(original: KubeObject, converted: object) -> None:
    if not isinstance(converted, dict):
        raise _Failed("returned invalid object: missing metadata in converted object")
    for member, shown in (("name", "name"), ("namespace", "namespace"), ("uid", "UID")):
        before, after = metadata(original).get(member) or "", converted.get(member) or ""
        if before != after:
            raise _Failed(f"returned invalid object: must have the same {shown}: {before} != {after}")


def _restored(original: KubeObject, converted: KubeObject) -> KubeObject:
    """`converted` with the metadata of `original`, but for labels and annotations."""
    given = converted["metadata"]
    kept = {name: value for name, value in metadata(original).items() if name not in _CONVERTIBLE}
    return {**converted, "metadata": {**kept, **{name: given[name] for name in _CONVERTIBLE if given.get(name)}}}
