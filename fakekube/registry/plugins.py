"""Admission by functions of one's own: `Apiserver(admission=[...])`.

A plugin is asked about every create, update and delete, after the built-in plugins that change objects and before
validation. It gives the object to go on with, or None to leave it as it is, and raises `AdmissionDenied` to refuse.

    def only_signed(asked: AdmissionRequest) -> None:
        if asked.resource == "pods" and asked.operation == "CREATE" and not signed(asked.object):
            raise AdmissionDenied("images must be signed")
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from fakekube.meta.errors import Details, StatusError, qualified
from fakekube.meta.gofmt import go_quoted
from fakekube.meta.objects import GroupVersionKind, KubeObject
from fakekube.registry.strategies import Served
from fakekube.registry.users import UserInfo

Operation = Literal["CREATE", "UPDATE", "DELETE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionRequest:
    """One write as a plugin sees it. `object` is None for a delete, `old_object` for a create.

    Objects belong to the server: a plugin that changes one copies it first. What it puts into `warnings` the client is
    told.
    """

    operation: Operation
    kind: GroupVersionKind
    resource: str
    subresource: str
    namespace: str
    name: str
    object: KubeObject | None
    old_object: KubeObject | None
    user: UserInfo
    dry_run: bool
    warnings: list[str]


@dataclass
class AdmissionDenied(Exception):
    """The write shall not be: 403 that says why, unless another code and reason are named."""

    message: str
    code: int = 403
    reason: str = "Forbidden"


AdmissionPlugin: TypeAlias = Callable[[AdmissionRequest], KubeObject | None]


@dataclass(frozen=True, slots=True)
class Plugins:
    """All plugins of a site, asked in their order, each with what the one before left."""

    plugins: Sequence[AdmissionPlugin] = ()

    def __bool__(self) -> bool:
        return bool(self.plugins)

    def admit(self, served: Served, request: AdmissionRequest) -> KubeObject | None:
        """The object as the last plugin leaves it. Raises StatusError for a refusal."""
        for plugin in self.plugins:
            try:
                changed = plugin(request)
            except AdmissionDenied as denied:
                raise _refusal(served, request, denied) from None
            if changed is not None:
                request = replace(request, object=changed)
        return request.object


def _refusal(served: Served, request: AdmissionRequest, denied: AdmissionDenied) -> StatusError:
    resource = qualified(served.type.plural, served.type.group)
    named = f"{resource} {go_quoted(request.name)}" if request.name else resource
    message = f"{named} is forbidden: {denied.message}" if denied.code == 403 else denied.message
    details = Details(name=request.name, group=served.type.group, kind=served.type.plural)
    return StatusError(code=denied.code, reason=denied.reason, message=message, details=details)
