"""Refusals as a Kubernetes apiserver words them: one exception, carrying one `Status`.

Raised where the fact is known, turned into bytes once, at the border.
Source: k8s.io/apimachinery/pkg/api/errors, and the answers of kube-apiserver 1.37.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fakekube.meta.objects import KubeObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One reason of many, as in `Status.details.causes`; `field` is a path such as `spec.replicas`."""

    reason: str
    message: str
    field: str = ""

    def as_json(self) -> KubeObject:
        json: KubeObject = {"reason": self.reason} if self.reason else {}
        json["message"] = self.message
        if self.field:
            json["field"] = self.field
        return json


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """`Status.details`: which object is meant, and why it was refused."""

    name: str = ""
    group: str = ""
    kind: str = ""
    uid: str = ""
    causes: Sequence[Cause] = ()
    retry_after_s: int = 0

    def as_json(self) -> KubeObject:
        members: list[tuple[str, object]] = [
            ("name", self.name),
            ("group", self.group),
            ("kind", self.kind),
            ("uid", self.uid),
            ("causes", [cause.as_json() for cause in self.causes]),
            ("retryAfterSeconds", self.retry_after_s),
        ]
        return {key: value for key, value in members if value}


@dataclass(kw_only=True)
class StatusError(Exception):
    """An answer that is a `Status` of failure. `details=None` leaves the member out, `Details()` prints `{}`."""

    code: int
    reason: str
    message: str
    details: Details | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    # Of the Status itself; a 410 of a list carries a new continue token here.
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code} {self.reason}: {self.message}"

    def status(self) -> KubeObject:
        """The body, members in the real server's order."""
        body: KubeObject = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": dict(self.metadata),
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details.as_json()
        body["code"] = self.code
        return body


def qualified(resource: str, group: str) -> str:
    """`deployments.apps`, or `pods` for the core group: how messages name a resource or kind."""
    return f"{resource}.{group}" if group else resource


def bad_request(message: str) -> StatusError:
    return StatusError(code=400, reason="BadRequest", message=message)


def not_found(resource: str, group: str, name: str) -> StatusError:
    return StatusError(
        code=404,
        reason="NotFound",
        message=f'{qualified(resource, group)} "{name}" not found',
        details=Details(name=name, group=group, kind=resource),
    )


def already_exists(resource: str, group: str, name: str) -> StatusError:
    return StatusError(
        code=409,
        reason="AlreadyExists",
        message=f'{qualified(resource, group)} "{name}" already exists',
        details=Details(name=name, group=group, kind=resource),
    )


def conflict(resource: str, group: str, name: str, why: str) -> StatusError:
    return StatusError(
        code=409,
        reason="Conflict",
        message=f'Operation cannot be fulfilled on {qualified(resource, group)} "{name}": {why}',
        details=Details(name=name, group=group, kind=resource),
    )


def stale_revision(resource: str, group: str, name: str) -> StatusError:
    """An update with a resourceVersion that is no longer the newest."""
    return conflict(
        resource,
        group,
        name,
        "the object has been modified; please apply your changes to the latest version and try again",
    )


def forbidden(resource: str, group: str, name: str, why: str, causes: Sequence[Cause] = ()) -> StatusError:
    return StatusError(
        code=403,
        reason="Forbidden",
        message=f'{qualified(resource, group)} "{name}" is forbidden: {why}',
        details=Details(name=name, group=group, kind=resource, causes=causes),
    )


def invalid(kind: str, group: str, name: str, causes: Sequence[Cause]) -> StatusError:
    """422 with the causes spelled out in the message, as field.ErrorList prints them."""
    texts = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    return StatusError(
        code=422,
        reason="Invalid",
        message=f'{qualified(kind, group)} "{name}" is invalid: {listed}',
        details=Details(name=name, group=group, kind=kind, causes=causes),
    )


def expired(message: str) -> StatusError:
    """410: the history no longer reaches back that far."""
    return StatusError(code=410, reason="Expired", message=message)


def not_implemented(what: str) -> StatusError:
    """501 that names what is missing: refused loudly, never ignored."""
    return StatusError(code=501, reason="NotImplemented", message=f"{what} is not supported by this apiserver")
