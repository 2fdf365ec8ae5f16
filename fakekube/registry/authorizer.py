"""The question whether somebody may do something, and whoever answers it.

Source: k8s.io/apiserver/pkg/authorization/authorizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fakekube.registry.rbac_rules import EVERYTHING, Rule
from fakekube.registry.users import UserInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """One act: a verb on a resource, or, where `resource_request` is false, on the `path` of a URL.

    `version` is no part of any rule; a review shows it. `namespace` is empty for the whole cluster.
    """

    user: UserInfo
    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    resource_request: bool = True

    @property
    def combined(self) -> str:
        """`pods`, or `pods/log`: how rules name it."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True, slots=True)
class Decision:
    """`reason` says what allowed it, or what was missing on the way."""

    allowed: bool
    reason: str = ""


class Authorizer(Protocol):
    """`rules_for` gives all that a user may do in a namespace, and what could not be found out."""

    def authorize(self, attributes: Attributes) -> Decision: ...

    def rules_for(self, user: UserInfo, namespace: str) -> tuple[Sequence[Rule], Sequence[str]]: ...


class AlwaysAllow:
    """Everybody may do everything: what a site does unless it is told otherwise."""

    def authorize(self, attributes: Attributes) -> Decision:
        return Decision(True)

    def rules_for(self, user: UserInfo, namespace: str) -> tuple[Sequence[Rule], Sequence[str]]:
        return EVERYTHING, ()


ALWAYS_ALLOW = AlwaysAllow()
