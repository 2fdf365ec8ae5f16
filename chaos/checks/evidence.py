"""All that a run leaves behind for the checks: timeline, history, the last look at every site, the wire and the disks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from chaos.checks.history import History
from chaos.scenario.timeline import Timeline

Content = Mapping[str, str]
"""What users put into an object, flat: `labels/team` -> `blue`, `data/key` -> `value`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """A record as one site's agent tells it. `members` maps a site to its state; `acting`: this site acts as owner."""

    gid: str
    resource: str
    state: str
    owner: str | None
    acting: bool
    members: Mapping[str, str]
    digest: str = ""
    value_digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LosingValue:
    """A value that a site shows as overridden by a concurrent one. None: the losing edit was a removal."""

    resource: str
    path: str
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteView:
    """The last look at one site. `objects` holds its shared resources by their names; an absent one has no entry.
    `operations` maps the ids of what was asked here to what became of it: done, pending or refused.

    `problem` says why the site could not be looked at; then all else is empty and means nothing.
    """

    site: str
    records: tuple[RecordView, ...] = ()
    losers: tuple[LosingValue, ...] = ()
    objects: Mapping[str, Content] = field(default_factory=dict)
    operations: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    def record_of(self, resource: str) -> RecordView | None:
        """The living record of `resource` here, if any."""
        living = (record for record in self.records if record.resource == resource and record.state == "member")
        return next(living, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What a client at one site built up from watch events, and what a list showed when it stopped: `namespaces/NAME` and
    `namespaces/NAME/configmaps/NAME` with their resourceVersions. `events` counts what the watches told.

    `problem` says why nothing could be followed."""

    watched: Mapping[str, str] = field(default_factory=dict)
    listed: Mapping[str, str] = field(default_factory=dict)
    events: int = 0
    problem: str = ""


class Searchable(Protocol):
    """Bytes that reached one site, over the wire or on its disk."""

    @property
    def complete(self) -> bool:
        """Whether nothing was left out; what was not kept cannot be found."""

    def find(self, needle: bytes) -> str | None:
        """Where `needle` stands (`from site-001`, `file journal`), or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """`healed_t` is when everything healed, `settled_t` when the last site changed for the last time (None: they never
    came to rest), both in seconds since the start. `wire` and `disks` are empty where a world cannot show them, and
    `watches` where nobody asked for them."""

    timeline: Timeline
    history: History
    views: Mapping[str, SiteView]
    healed_t: float
    settled_t: float | None
    wire: Mapping[str, Searchable] = field(default_factory=dict)
    disks: Mapping[str, Searchable] = field(default_factory=dict)
    watches: Mapping[str, Followed] = field(default_factory=dict)
