"""What the records say about a Kubernetes object: which record it belongs to, and who its members are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from collab.agent.target import Target
from collab.protocol.names import NAMESPACES, SiteName

_WITH_US = ("member", "invited")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A shared namespace as one site sees it. `members` are those in, invited ones included, sorted."""

    gid: str
    namespace: str
    members: tuple[SiteName, ...]
    kinds: frozenset[str]

    def covers(self, target: Target) -> bool:
        """Whether objects of this kind are shared: the namespace itself, and its content kinds."""
        return target.group == "" and (target.resource == NAMESPACES or target.resource in self.kinds)


def shared_namespaces(view: Mapping[str, object]) -> dict[str, Shared]:
    """The namespaces that this site shares now, by name, from the `records` view of its core."""
    rows = _dicts(view.get("records"))
    found = (_shared(row) for row in rows if row.get("state") == "member")
    return {shared.namespace: shared for shared in found}


def _shared(row: Mapping[str, object]) -> Shared:
    members = [member for member in _dicts(row.get("members")) if member.get("state") in _WITH_US]
    kinds = row.get("kinds")
    return Shared(
        gid=str(row.get("gid")),
        namespace=str(row.get("resource")).partition("/")[2],
        members=tuple(sorted(SiteName(str(member.get("site"))) for member in members)),
        kinds=frozenset(map(str, kinds if isinstance(kinds, Iterable) else ())),
    )


def _dicts(value: object) -> Sequence[Mapping[str, object]]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list | tuple) else []
