"""Faults and nemeses -> the events of a timeline. Every draw has a generator of its own, named by seed, purpose and
occurrence, so that adding a fault leaves all others as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final, TypeVar, cast

from chaos.scenario.duration import NANOSECOND_DIGITS
from chaos.scenario.events import (
    EVENTS_MAX,
    ApiserverTrouble,
    ClockSkew,
    FaultEvent,
    LinkCut,
    LinkDegraded,
    LinkToxic,
    NamesLost,
    SiteCrash,
    SitePause,
)
from chaos.scenario.faults import (
    ApiserverFault,
    Crash,
    Degrade,
    Fault,
    Flapping,
    LinkFault,
    NoNames,
    Partition,
    Pause,
    Skew,
    SwizzleClog,
    Toxic,
)
from chaos.scenario.graphs import Pair
from chaos.scenario.links import Network
from chaos.scenario.nemesis import Nemesis, strikes
from chaos.scenario.place import Place
from chaos.scenario.spans import drawn

F = TypeVar("F", bound=Fault)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaking:
    """What faults are compiled against: the seed, the links there are, and the beginning of the quiet period."""

    seed: int
    network: Network
    quiet_s: float
    root: Place

    def faults(self, faults: Sequence[Fault]) -> Iterator[FaultEvent]:
        for index, fault in enumerate(faults):
            place = self.root.at(f".faults[{index}]")
            for number, t in enumerate(self._times(fault, f"f{index}", place)):
                name = f"f{index}" if fault.every_s is None else f"f{index}.{number}"
                yield from self._events(replace(fault, at_s=t), name, place)

    def nemeses(self, nemeses: Sequence[Nemesis]) -> Iterator[FaultEvent]:
        for index, nemesis in enumerate(nemeses):
            place = self.root.at(f".nemesis[{index}]")
            among = place.at(".selector").sites(nemesis.selector)
            try:
                found = list(strikes(nemesis, among, f"n{index}", self.seed, self.quiet_s))
            except ValueError as error:
                raise place.bad(str(error)) from None
            for strike in found:
                for fault in strike.faults:
                    # a draw may hit what has no link, as in a topology with cut pairs: then nothing happens
                    yield from self._events(fault, strike.name, place, may_miss=True)

    def _times(self, fault: Fault, name: str, place: Place) -> Iterator[float]:
        if fault.every_s is None:
            yield fault.at_s
            return
        until_s = self.quiet_s if fault.until_s is None else fault.until_s
        number = 0
        while (base := round(fault.at_s + number * fault.every_s, NANOSECOND_DIGITS)) <= until_s:
            if number >= EVENTS_MAX:
                raise place.bad(f"repeats more than {EVENTS_MAX} times: lengthen every")
            late = Random(f"{self.seed}/jitter/{name}.{number}").uniform(0, fault.jitter_s)
            yield min(round(base + late, NANOSECOND_DIGITS), self.quiet_s)
            number += 1

    def _events(self, fault: Fault, name: str, place: Place, *, may_miss: bool = False) -> Iterator[FaultEvent]:
        end = self._end(fault, Random(f"{self.seed}/duration/{name}"))
        hit = _Hit(
            name=name, t=fault.at_s, until=end, rng=Random(f"{self.seed}/hit/{name}"), breaking=self, place=place
        )
        events = list(_EXPANSIONS[type(fault)](fault, hit))
        if not events and not may_miss:
            raise place.bad("hits nothing: select sites that have a link between them, or pick more")
        yield from events

    def _end(self, fault: Fault, rng: Random) -> float:
        if fault.duration_s is None:
            return self.quiet_s
        return min(round(fault.at_s + drawn(fault.duration_s, rng), NANOSECOND_DIGITS), self.quiet_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hit:
    """One occurrence of a fault."""

    name: str
    t: float
    until: float
    rng: Random
    breaking: Breaking
    place: Place

    def sites(self, fault: Fault) -> tuple[str, ...]:
        return fault.pick.of(self.place.at(".selector").sites(fault.selector), self.rng)

    def pairs(self, fault: LinkFault, selected: Sequence[str]) -> list[Pair]:
        """The directed links between `selected` and the targets, each once."""
        targets = self.place.at(".target").sites(fault.target)
        return [pair for pair in cut_links(selected, targets, fault) if self._linked(pair)]

    def _linked(self, pair: Pair) -> bool:
        return pair not in self.breaking.network.unlinked

    def picked_links(self, fault: LinkFault) -> tuple[Pair, ...]:
        selected = self.place.at(".selector").sites(fault.selector)
        return fault.pick.of(self.chosen(fault, self.pairs(fault, selected)), self.rng)

    def chosen(self, fault: LinkFault, pairs: Sequence[Pair]) -> list[Pair]:
        """Of `pairs`, those that `links` names. Raises BadScenario for names that are none of them."""
        network = self.breaking.network
        known = {f"{origin}--{target}" for origin, target in pairs}
        for name in fault.links.names or ():
            if name not in known:
                raise self.place.at(".links").bad(f"{name!r} is no link between selector and target: write a--b")
        return [pair for pair in pairs if fault.links.selects(*pair, network.link_class(pair))]


def cut_links(selected: Sequence[str], targets: Sequence[str], fault: LinkFault) -> list[Pair]:
    """The directed links between the two groups, in site order, each once."""
    pairs: dict[Pair, None] = {}
    for site in selected:
        for other in targets:
            if site == other:
                continue
            if fault.direction != "from":
                pairs[site, other] = None
            if fault.direction != "to":
                pairs[other, site] = None
    return list(pairs)


def _partition(fault: Partition, hit: _Hit) -> Iterator[FaultEvent]:
    pairs = hit.chosen(fault, hit.pairs(fault, hit.sites(fault)))
    return (_cut(fault, hit.name, pair, hit.t, hit.until) for pair in pairs)


def _cut(fault: Partition, name: str, pair: Pair, t: float, until: float) -> LinkCut:
    return LinkCut(t=t, id=name, origin=pair[0], target=pair[1], mode=fault.mode, until=until)


def _flapping(fault: Flapping, hit: _Hit) -> Iterator[FaultEvent]:
    pairs = hit.chosen(fault, hit.pairs(fault, hit.sites(fault)))
    t, number = hit.t, 0
    while t < hit.until and number < EVENTS_MAX:
        # time passes even where a draw is 0
        healed = round(t + max(drawn(fault.down_s, hit.rng), 1e-3), NANOSECOND_DIGITS)
        for pair in pairs:
            yield _cut(fault, f"{hit.name}.{number}", pair, t, min(healed, hit.until))
        t = round(healed + max(drawn(fault.up_s, hit.rng), 1e-3), NANOSECOND_DIGITS)
        number += 1


def _swizzle_clog(fault: SwizzleClog, hit: _Hit) -> Iterator[FaultEvent]:
    """Each site is cut from all targets at a time of the first half, and back at a time of the second."""
    middle = (hit.t + hit.until) / 2
    for site in hit.sites(fault):
        t = round(hit.rng.uniform(hit.t, middle), NANOSECOND_DIGITS)
        until = round(hit.rng.uniform(middle, hit.until), NANOSECOND_DIGITS)
        for pair in hit.chosen(fault, hit.pairs(fault, [site])):
            yield _cut(fault, f"{hit.name}.{site}", pair, t, until)


def _degrade(fault: Degrade, hit: _Hit) -> Iterator[FaultEvent]:
    for origin, target in hit.picked_links(fault):
        yield LinkDegraded(
            t=hit.t,
            id=hit.name,
            origin=origin,
            target=target,
            until=hit.until,
            latency_s=fault.latency_s,
            jitter_s=fault.link_jitter_s,
            rate_bytes_s=fault.rate_bytes_s,
            loss=fault.loss,
        )


def _toxic(fault: Toxic, hit: _Hit) -> Iterator[FaultEvent]:
    """By who opens the connection, so a direction of both means those that either side opens."""
    for origin, target in hit.picked_links(fault):
        yield LinkToxic(
            t=hit.t,
            id=hit.name,
            origin=origin,
            target=target,
            until=hit.until,
            type=fault.type,
            stream=fault.stream,
            attributes=fault.attributes,
        )


def _crash(fault: Crash, hit: _Hit) -> Iterator[FaultEvent]:
    for site in hit.sites(fault):
        yield SiteCrash(t=hit.t, id=hit.name, site=site, until=hit.until, lose=fault.lose)


def _pause(fault: Pause, hit: _Hit) -> Iterator[FaultEvent]:
    return (SitePause(t=hit.t, id=hit.name, site=site, until=hit.until) for site in hit.sites(fault))


def _skew(fault: Skew, hit: _Hit) -> Iterator[FaultEvent]:
    for site in hit.sites(fault):
        yield ClockSkew(t=hit.t, id=hit.name, site=site, until=hit.until, by_s=drawn(fault.by_s, hit.rng))


def _no_names(fault: NoNames, hit: _Hit) -> Iterator[FaultEvent]:
    return (NamesLost(t=hit.t, id=hit.name, site=site, until=hit.until) for site in hit.sites(fault))


def _apiserver(fault: ApiserverFault, hit: _Hit) -> Iterator[FaultEvent]:
    for site in hit.sites(fault):
        yield ApiserverTrouble(
            t=hit.t,
            id=hit.name,
            site=site,
            until=hit.until,
            kind=fault.kind,
            verbs=fault.verbs,
            resource=fault.resource,
            namespace=fault.namespace,
            name=fault.name,
            times=fault.times,
            status=fault.status,
            retry_after_s=fault.retry_after_s,
            revisions=fault.revisions,
            delay_s=fault.delay_s,
        )


_Expansion = Callable[[Fault, _Hit], Iterator[FaultEvent]]


def _row(expand: Callable[[F, _Hit], Iterator[FaultEvent]]) -> _Expansion:
    """A row of the table: the key is the very type that `expand` takes."""
    return cast(_Expansion, expand)


_EXPANSIONS: Final[Mapping[type[Fault], _Expansion]] = {
    Partition: _row(_partition),
    Flapping: _row(_flapping),
    SwizzleClog: _row(_swizzle_clog),
    Degrade: _row(_degrade),
    Toxic: _row(_toxic),
    Crash: _row(_crash),
    Pause: _row(_pause),
    Skew: _row(_skew),
    NoNames: _row(_no_names),
    ApiserverFault: _row(_apiserver),
}
