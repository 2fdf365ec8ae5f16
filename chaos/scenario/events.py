"""A compiled scenario: every instant, link and number resolved, and nothing left to chance but the jitter of links.

Values only; timeline.py writes them as JSON lines and reads them back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

from chaos.scenario.claims import Claim
from chaos.scenario.faults import ApiserverKind, Lost, Mode, Stream
from chaos.scenario.links import LinkQuality
from chaos.scenario.workload import shared_part

if TYPE_CHECKING:
    from chaos.scenario.graphs import Pair

EVENTS_MAX: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCut:
    """The directed link is cut from `t` until `until` (seconds since the start)."""

    t: float
    id: str
    origin: str
    target: str
    mode: Mode
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDegraded:
    """The directed link is worse than it was from `t` until `until`; None leaves that quality as it is."""

    t: float
    id: str
    origin: str
    target: str
    until: float
    latency_s: float | None = None
    jitter_s: float | None = None
    rate_bytes_s: float | None = None
    loss: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkToxic:
    """A toxic on the connections that `origin` opens to `target`."""

    t: float
    id: str
    origin: str
    target: str
    until: float
    type: str
    stream: Stream
    attributes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCrash:
    """The programs of `site` are dead from `t` until `until`, when they start again without what `lose` says."""

    t: float
    id: str
    site: str
    until: float
    lose: Lost


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePause:
    """The programs of `site` stand still."""

    t: float
    id: str
    site: str
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSkew:
    """The wall clock of `site` is ahead by `by_s`."""

    t: float
    id: str
    site: str
    until: float
    by_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesLost:
    """At `site` no name resolves."""

    t: float
    id: str
    site: str
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiserverTrouble:
    """The apiserver of `site` misbehaves, as `ApiserverFault` says."""

    t: float
    id: str
    site: str
    until: float
    kind: ApiserverKind
    verbs: tuple[str, ...] = ()
    resource: str = ""
    namespace: str = ""
    name: str = ""
    times: int | None = None
    status: int = 503
    retry_after_s: float = 0.0
    revisions: int = 1
    delay_s: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A user of site `on` does `verb`. `scope` lists the members of a created resource, in site order."""

    t: float
    id: str
    verb: str
    on: str
    resource: str
    scope: tuple[str, ...] = ()
    patch: Mapping[str, str | None] = field(default_factory=dict)
    data: Mapping[str, str | None] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    to: str | None = None
    origin: str | None = None
    role: str | None = None
    exit: str | None = None
    force: bool = False
    function: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quieting:
    """Everything heals at `t`; the sites have `limit_s` to come to rest."""

    t: float
    id: str
    limit_s: float


LinkEvent = LinkCut | LinkDegraded | LinkToxic
SiteEvent = SiteCrash | SitePause | ClockSkew | NamesLost | ApiserverTrouble
FaultEvent = LinkEvent | SiteEvent
Event = FaultEvent | Operation | Quieting
Outage = SiteCrash | SitePause | ApiserverTrouble

FAULT_EVENTS: Final = (
    LinkCut,
    LinkDegraded,
    LinkToxic,
    SiteCrash,
    SitePause,
    ClockSkew,
    NamesLost,
    ApiserverTrouble,
)
"""What begins at `t` and ends at `until`."""


@dataclass(frozen=True, kw_only=True)  # no slots: what is sorted out is kept beside the fields
class Timeline:
    """`links` holds the directed links that differ from `link`, `unlinked` the pairs that never reach each other.
    `source` is the name for complaints."""

    scenario: str
    seed: int
    duration_s: float
    sites: tuple[str, ...]
    link: LinkQuality = field(default_factory=LinkQuality)
    links: Mapping[Pair, LinkQuality] = field(default_factory=dict)
    unlinked: tuple[Pair, ...] = ()
    claims: tuple[Claim, ...] = ()
    events: tuple[Event, ...] = ()
    source: str = ""

    def members(self, *, without: Collection[str] = ()) -> dict[str, tuple[str, ...]]:
        """Resource -> the sites that the workload makes members, in site order; out are those that were retracted, and those
        whose users deleted the shared namespace there.

        `without` names events that did not happen.
        """
        wanted: dict[str, set[str]] = {}
        for event in self.operations():
            if event.resource and event.id not in without:
                _enrol(wanted.setdefault(shared_part(event.resource), set()), event)
        return {name: tuple(site for site in self.sites if site in sites) for name, sites in wanted.items()}

    @cached_property
    def _sorted_out(self) -> _SortedOut:
        return _sort_out(self.events)

    def cuts(self) -> tuple[LinkCut, ...]:
        return self._sorted_out.cuts

    def cuts_at(self, site: str) -> tuple[LinkCut, ...]:
        """The cuts of links from or to a site, in the timeline's order."""
        return tuple(self._sorted_out.cuts_by_site.get(site, ()))

    def outages_at(self, site: str) -> tuple[Outage, ...]:
        """What keeps a site from serving its own users, in the timeline's order."""
        return tuple(self._sorted_out.outages_by_site.get(site, ()))

    def faults(self) -> tuple[FaultEvent, ...]:
        return tuple(event for event in self.events if isinstance(event, FAULT_EVENTS))

    def operations(self) -> tuple[Operation, ...]:
        return self._sorted_out.operations


@dataclass(frozen=True, slots=True)
class _SortedOut:
    """A timeline's events by what checks ask for: hundreds of thousands are gone through once, not once a question."""

    cuts: tuple[LinkCut, ...]
    cuts_by_site: Mapping[str, list[LinkCut]]
    outages_by_site: Mapping[str, list[Outage]]
    operations: tuple[Operation, ...]


def _sort_out(events: Iterable[Event]) -> _SortedOut:
    cuts = tuple(event for event in events if isinstance(event, LinkCut))
    by_site: dict[str, list[LinkCut]] = {}
    for cut in cuts:
        by_site.setdefault(cut.origin, []).append(cut)
        by_site.setdefault(cut.target, []).append(cut)
    outages: dict[str, list[Outage]] = {}
    for event in events:
        if isinstance(event, Outage):
            outages.setdefault(event.site, []).append(event)
    return _SortedOut(cuts, by_site, outages, tuple(event for event in events if isinstance(event, Operation)))


def _enrol(sites: set[str], operation: Operation) -> None:
    match operation.verb:
        case "create" | "apply":
            sites.update(operation.scope)
        case "extend" if operation.to is not None:
            sites.add(operation.to)
        case "retract" if operation.origin is not None:
            sites.discard(operation.origin)
        case "delete" if operation.resource == shared_part(operation.resource):
            sites.discard(operation.on)
        case "destroy":
            sites.clear()


def hit_sites(event: FaultEvent) -> tuple[str, ...]:
    """The sites that a fault is felt at."""
    if isinstance(event, LinkCut | LinkDegraded | LinkToxic):
        return (event.origin, event.target)
    return (event.site,)
