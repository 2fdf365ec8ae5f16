"""What sites tell each other of a shared namespace, whole: who owns it, who is a member, and the value of every label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec.structs import replace

Stamp = tuple[int, str]
"""A count and the site that counted: the greater one is the later."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A site that is a member (`joined`) or no longer; `exit` says what a leaver does with its copy."""

    stamp: Stamp
    joined: bool
    exit: Literal["keep", "delete"] = "keep"


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """`value` None: removed."""

    stamp: Stamp
    value: str | None


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """`ownership` is the epoch and its owner."""

    gid: str
    resource: str
    ownership: Stamp
    members: dict[str, Member]
    labels: dict[str, Label]

    @property
    def owner(self) -> str:
        return self.ownership[1]

    def joined(self) -> list[str]:
        return sorted(site for site, member in self.members.items() if member.joined)

    def values(self) -> dict[str, str]:
        return {key: label.value for key, label in self.labels.items() if label.value is not None}

    def newest(self) -> int:
        """The greatest count of any label."""
        return max((label.stamp[0] for label in self.labels.values()), default=0)

    def with_member(self, site: str, *, by: str, joined: bool, exit: Literal["keep", "delete"] = "keep") -> Share:
        newest = max(member.stamp[0] for member in self.members.values())
        member = Member(stamp=(newest + 1, by), joined=joined, exit=exit)
        return replace(self, members={**self.members, site: member})

    def without_members(self, *, by: str) -> Share:
        """Destroyed: everybody leaves and deletes its copy."""
        share = self
        for site in self.joined():
            share = share.with_member(site, by=by, joined=False, exit="delete")
        return share

    def with_owner(self, site: str) -> Share:
        return replace(self, ownership=(self.ownership[0] + 1, site))


NOTHING = Share(gid="", resource="", ownership=(0, ""), members={}, labels={})
"""What a site holds of a resource that it does not share."""


def merged(held: Share, told: Share, is_newer: Callable[[Label, Label], bool]) -> Share:
    """Both together: the greater stamp of each owner and member; of a label the told one where it `is_newer`."""
    members, labels = dict(held.members), dict(held.labels)
    for site, member in told.members.items():
        if site not in members or member.stamp > members[site].stamp:
            members[site] = member
    for key, label in told.labels.items():
        if key not in labels or is_newer(label, labels[key]):
            labels[key] = label
    return replace(held, ownership=max(held.ownership, told.ownership), members=members, labels=labels)
