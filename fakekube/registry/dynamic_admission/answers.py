"""What a webhook answers, read and verified.

Source: k8s.io/apiserver/pkg/admission/plugin/webhook/{request,errors} of 1.37, and the answers of kube-apiserver 1.37.2.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from fakekube.meta.errors import Cause, Details, StatusError
from fakekube.meta.gofmt import go_quoted
from fakekube.meta.objects import KubeObject, group_of
from fakekube.registry.canonical import json_word
from fakekube.registry.dynamic_admission.calls import WebhookReply
from fakekube.registry.patch import GO_ENVELOPE

_REVIEW = "AdmissionReview"
_GROUP = "admission.k8s.io"


class Unfit(Exception):
    """A reply that counts as none; the message is the real server's."""


@dataclass(frozen=True, slots=True)
class ReviewAnswer:
    """`result` is the Status of a denial, `patch` a JSON Patch."""

    allowed: bool
    result: KubeObject
    patch: bytes
    warnings: list[str]


def bundle(text: str) -> bytes:
    """Base64 decoded; empty for what is none."""
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""


def read_answer(reply: WebhookReply, version: str, *, mutates: bool) -> ReviewAnswer:
    """Raises Unfit for a call that failed, and for an answer that is no review of this `version`."""
    if reply.error:
        raise Unfit(f"failed to call webhook: {reply.error}")
    review = decoded_review(reply.body)
    found = _shown(str(review.get("apiVersion") or ""), str(review.get("kind") or ""))
    wanted = _shown(f"{_GROUP}/{version}", _REVIEW)
    if found != wanted and review.get("kind") == _REVIEW:
        actual = group_of(str(review.get("apiVersion") or ""))[1]
        what = f"converting ({actual}.{_REVIEW}) to ({version}.{_REVIEW}): unknown conversion"
        raise Unfit(f"failed to call webhook: {what}")
    try:
        return _verified(review, reply, version, f"expected webhook response of {wanted}, got {found}", mutates=mutates)
    except _Invalid as unfit:
        raise Unfit(f"received invalid webhook response: {unfit}") from None


def decoded_review(body: bytes) -> KubeObject:
    """The JSON object of an answer. Raises Unfit in the words of the real server's decoder."""
    if not body:
        what = "0-length response with status code: 200 and content type: application/json"
        raise Unfit(f"failed to call webhook: {what}")
    try:
        review = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        review = ""  # what is no JSON is YAML there, and so a string
    if isinstance(review, dict):
        return review
    what = f"json: cannot unmarshal {json_word(review)} into Go value of type {GO_ENVELOPE}"
    raise Unfit(f"failed to call webhook: couldn't get version/kind; json parse error: {what}")


def _shown(api_version: str, kind: str) -> str:
    """As Go prints a GroupVersionKind."""
    return f"{'/'.join(group_of(api_version))}, Kind={kind}"


class _Invalid(Exception):
    """An answer that breaks the rules of reviews."""


def _verified(review: KubeObject, reply: WebhookReply, version: str, unlike: str, *, mutates: bool) -> ReviewAnswer:
    response = review.get("response")
    if not isinstance(response, dict):
        raise _Invalid("webhook response was absent")
    if version == "v1":
        given = response.get("uid") or ""
        if given != reply.call.uid:
            raise _Invalid(f"expected response.uid={go_quoted(reply.call.uid)}, got {go_quoted(given)}")
        if review.get("kind") != _REVIEW:
            raise _Invalid(unlike)
    return ReviewAnswer(
        allowed=response.get("allowed") is True,
        result=response.get("status") or {},
        patch=_patch(response, version, mutates=mutates),
        warnings=list(response.get("warnings") or ()),
    )


def _patch(response: KubeObject, version: str, *, mutates: bool) -> bytes:
    """The patch of an answer that may have one. Of the older version nothing but the type is looked at."""
    patch, kind = bundle(response.get("patch") or ""), response.get("patchType")
    if version == "v1":
        _require_patchable(patch, kind, mutates=mutates)
    if not mutates:
        return b""
    if patch and version == "v1" and kind != "JSONPatch":
        raise Unfit(f"unsupported patch type {go_quoted(str(kind))}")
    return patch


def _require_patchable(patch: bytes, kind: object, *, mutates: bool) -> None:
    if not mutates:
        for member, value in (("patch", patch), ("patchType", kind)):
            if value:
                raise _Invalid(f"validating webhook may not return response.{member}")
    elif patch and kind is None:
        raise _Invalid("webhook returned response.patch but not response.patchType")
    elif kind is not None and not patch:
        raise _Invalid("webhook returned response.patchType but not response.patch")


def denial(webhook: str, result: Mapping[str, Any]) -> StatusError:
    """The refusal of a write that a webhook does not allow."""
    denied = f"admission webhook {go_quoted(webhook)} denied the request"
    reason, told = result.get("reason") or "", result.get("message") or result.get("reason")
    code = result.get("code") or 0
    details = result.get("details")
    return StatusError(
        code=code if code >= 400 else 400,
        reason=reason,
        message=f"{denied}: {told}" if told else f"{denied} without explanation",
        details=_details(details) if isinstance(details, dict) else None,
    )


def _details(given: Mapping[str, Any]) -> Details:
    causes = [
        Cause(reason=each.get("reason") or "", message=each.get("message") or "", field=each.get("field") or "")
        for each in given.get("causes") or ()
    ]
    return Details(
        name=given.get("name") or "",
        group=given.get("group") or "",
        kind=given.get("kind") or "",
        uid=given.get("uid") or "",
        causes=causes,
        retry_after_s=given.get("retryAfterSeconds") or 0,
    )


def internal(why: str) -> StatusError:
    """500: what is nobody's fault but the webhook's."""
    details = Details(causes=[Cause(reason="", message=why)])
    return StatusError(code=500, reason="InternalError", message=f"Internal error occurred: {why}", details=details)
