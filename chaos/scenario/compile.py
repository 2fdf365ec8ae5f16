"""Scenario + seed -> timeline. All chance of a schedule is spent here, each draw from a generator of its own, named by
seed, purpose and event: adding an event leaves the draws of all others as they were, which shrinking needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random

from chaos.scenario.duration import NANOSECOND_DIGITS, format_duration
from chaos.scenario.errors import BadScenario, Unsupported
from chaos.scenario.faults import Partition, cut_links
from chaos.scenario.model import Scenario
from chaos.scenario.selector import Selector
from chaos.scenario.timeline import EVENTS_MAX, Event, LinkCut, Operation, Quieting, Timeline
from chaos.scenario.topology import SITES_MAX, LinkQuality, Topology, link_qualities, topology
from chaos.scenario.workload import RandomSite, Step
from chaos.worlds.capabilities import VIRTUAL, Capabilities
from collab.scope.parse import ScopeError, parse
from collab.scope.plan import plan


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the scenario something stands, for complaints."""

    source: str
    path: str

    def bad(self, problem: str) -> BadScenario:
        return BadScenario(self.source, self.path, problem)


def compile_scenario(
    scenario: Scenario, *, seed: int | None = None, sites: int | None = None, world: Capabilities = VIRTUAL
) -> Timeline:
    """The events of `scenario` at `seed` (default: the scenario's own) with `sites` sites (default likewise).

    Raises BadScenario for what contradicts itself (a site that does not exist, a time after the end) and Unsupported,
    naming the event, for what `world` cannot do.
    """
    scenario = _sized(scenario, sites)
    seed = scenario.seed if seed is None else seed
    spec = _Place(scenario.source or scenario.name, "$.spec")
    _check_times(scenario, spec)
    where = topology(scenario.sites)
    events: list[Event] = [
        *_operations(scenario, where, seed),
        *_cuts(scenario, where),
        Quieting(t=scenario.quiet.at_s, id="quiet", limit_s=scenario.quiet.for_s),
    ]
    timeline = Timeline(
        scenario=scenario.name,
        seed=seed,
        duration_s=scenario.duration_s,
        sites=where.sites,
        link=scenario.links.default,
        links=_qualities(scenario, where, spec),
        claims=scenario.claims,
        events=tuple(sorted(events, key=lambda event: event.t)),
        source=spec.source,
    )
    check_world(timeline, world)
    return timeline


def _sized(scenario: Scenario, sites: int | None) -> Scenario:
    if sites is None:
        return scenario
    if not 1 <= sites <= SITES_MAX:
        raise BadScenario("--sites", "", f"{sites} sites: give a number from 1 to {SITES_MAX}")
    return replace(scenario, sites=replace(scenario.sites, count=sites))


def _check_times(scenario: Scenario, spec: _Place) -> None:
    """Python values reach this point without a file having been read, so nothing is taken on trust."""
    times = [
        (f"workload[{index}].{name}", value)
        for index, step in enumerate(scenario.workload)
        for name, value in (("at", step.at_s), ("until", step.until_s), ("jitter", step.jitter_s))
    ]
    times += [(f"faults[{index}].at", fault.at_s) for index, fault in enumerate(scenario.faults)]
    for path, value in times:
        _check_time(_Place(spec.source, f"{spec.path}.{path}"), value, scenario.quiet.at_s)
    end_s = scenario.quiet.at_s + scenario.quiet.for_s
    if end_s > scenario.duration_s:
        raise _Place(spec.source, f"{spec.path}.quiet").bad(
            f"ends at {format_duration(end_s)}, after the duration of {format_duration(scenario.duration_s)}: lengthen it"
        )


def _check_time(place: _Place, value: float | None, quiet_s: float) -> None:
    if value is not None and value < 0:
        raise place.bad(f"{value:g}s is negative: times count from 0s")
    if value is not None and value > quiet_s:
        raise place.bad(
            f"{format_duration(value)} is after the quiet period began at {format_duration(quiet_s)}: move one"
        )


def _qualities(scenario: Scenario, where: Topology, spec: _Place) -> dict[tuple[str, str], LinkQuality]:
    try:
        return link_qualities(scenario.links, where)
    except ValueError as error:
        raise _Place(spec.source, f"{spec.path}.links.overrides").bad(str(error)) from None


# --- faults


def _cuts(scenario: Scenario, where: Topology) -> Iterator[LinkCut]:
    for index, fault in enumerate(scenario.faults):
        place = _Place(scenario.source or scenario.name, f"$.spec.faults[{index}]")
        selected = _sites(where, fault.selector, replace(place, path=f"{place.path}.selector"))
        targets = _sites(where, fault.target, replace(place, path=f"{place.path}.target"))
        pairs = cut_links(selected, targets, fault.direction)
        if not pairs:
            raise place.bad("cuts no link: select sites that have a link between them")
        for origin, target in pairs:
            yield LinkCut(
                t=fault.at_s,
                id=f"f{index}",
                origin=origin,
                target=target,
                mode=fault.mode,
                until=_end(fault, scenario.quiet.at_s),
            )


def _end(fault: Partition, quiet_s: float) -> float:
    if fault.duration_s is None:
        return quiet_s
    return min(round(fault.at_s + fault.duration_s, NANOSECOND_DIGITS), quiet_s)


def _sites(where: Topology, selector: Selector, place: _Place) -> tuple[str, ...]:
    try:
        sites = where.resolve(selector)
    except ValueError as error:
        raise place.bad(str(error)) from None
    if not sites:
        raise place.bad("selects no site: name one, or write all")
    return sites


# --- workload


def _operations(scenario: Scenario, where: Topology, seed: int) -> Iterator[Operation]:
    homes: dict[str, str] = {}
    members: dict[str, tuple[str, ...]] = {}
    for index, step in enumerate(scenario.workload):
        place = _Place(scenario.source or scenario.name, f"$.spec.workload[{index}]")
        if step.do == "create":
            homes[step.resource] = _home(step, where, place)
            members[step.resource] = _scope(step, where, place)
        elif step.resource not in members:
            raise place.bad(f"{step.resource} is not created by an earlier step: create it first")
        for event in _occurrences(step, f"w{index}", scenario.quiet.at_s, seed):
            yield _operation(step, event, _Draw(where, homes, members, seed, place))


def _home(step: Step, where: Topology, place: _Place) -> str:
    if not isinstance(step.on, str):
        raise place.bad("a create needs one named site under on")
    return _site(where, step.on, replace(place, path=f"{place.path}.on"))


def _site(where: Topology, name: str, place: _Place) -> str:
    return _sites(where, Selector(sites=(name,)), place)[0]


def _scope(step: Step, where: Topology, place: _Place) -> tuple[str, ...]:
    place = replace(place, path=f"{place.path}.scope")
    match step.scope:
        case None:
            raise place.bad("a create needs a scope: write all, or site-000 & site-001")
        case Selector():
            return _sites(where, step.scope, place)
        case str() as text:
            return _sites(where, Selector(sites=_named(text, place)), place)


def _named(text: str, place: _Place) -> tuple[str, ...]:
    """The sites of a scope such as `a & b`. Alternatives are refused: a timeline leaves nothing open."""
    try:
        alternatives = plan(parse(text))
    except ScopeError as error:
        raise place.bad(str(error)) from None
    if len(alternatives) != 1:
        raise place.bad("a scope with '|' is not supported here yet: join the sites with '&'")
    return alternatives[0]


@dataclass(frozen=True, slots=True)
class _Occurrence:
    t: float
    id: str
    seq: int


def _occurrences(step: Step, name: str, end_s: float, seed: int) -> Iterator[_Occurrence]:
    if step.every_s is None:
        yield _Occurrence(step.at_s, name, 0)
        return
    until = end_s if step.until_s is None else step.until_s
    seq = 0
    while (base := round(step.at_s + seq * step.every_s, NANOSECOND_DIGITS)) <= until:
        if seq >= EVENTS_MAX:
            raise BadScenario(name, "", f"repeats more than {EVENTS_MAX} times: lengthen every")
        jitter = Random(f"{seed}/jitter/{name}.{seq}").uniform(0, step.jitter_s)
        yield _Occurrence(min(round(base + jitter, NANOSECOND_DIGITS), end_s), f"{name}.{seq}", seq)
        seq += 1


@dataclass(frozen=True, slots=True)
class _Draw:
    """What an occurrence of a step is resolved against."""

    where: Topology
    homes: Mapping[str, str]
    members: Mapping[str, tuple[str, ...]]
    seed: int
    place: _Place

    def acting_site(self, step: Step, occurrence: _Occurrence) -> str:
        match step.on:
            case None:
                return self.homes[step.resource]
            case RandomSite(of=of):
                pool = self.members[step.resource] if of == "members" else self.where.sites
                return Random(f"{self.seed}/on/{occurrence.id}").choice(pool)
            case str() as name:
                return self.named(name, "on")

    def named(self, name: str, member: str) -> str:
        return _site(self.where, name, replace(self.place, path=f"{self.place.path}.{member}"))


def _operation(step: Step, occurrence: _Occurrence, draw: _Draw) -> Operation:
    on = draw.acting_site(step, occurrence)
    return Operation(
        t=occurrence.t,
        id=occurrence.id,
        verb=step.do,
        on=on,
        resource=step.resource,
        scope=draw.members[step.resource] if step.do == "create" else (),
        patch={key: _filled(value, occurrence, on) for key, value in step.patch.items()},
        kinds=step.kinds,
        to=None if step.to is None else draw.named(step.to, "to"),
        origin=None if step.origin is None else draw.named(step.origin, "from"),
        role=step.role,
        exit=step.exit,
        force=step.force,
    )


def _filled(value: str | None, occurrence: _Occurrence, on: str) -> str | None:
    """Only the two known placeholders are filled; any other brace is the user's own text."""
    return None if value is None else value.replace("{seq}", str(occurrence.seq)).replace("{site}", on)


# --- worlds


def check_world(timeline: Timeline, world: Capabilities) -> None:
    """Raises Unsupported, naming the first event (or the number of links) that `world` lacks."""
    for event in timeline.events:
        for need in event_needs(event):
            if need not in world.able:
                raise Unsupported(timeline.source, f"event {event.id} at {event.t:g}s", world.refusal(need))
    if len(timeline.sites) > world.sites_max:
        raise Unsupported(timeline.source, "$.spec.sites.count", world.size_refusal(len(timeline.sites)))


def approximations(timeline: Timeline, world: Capabilities) -> tuple[str, ...]:
    """What `world` only comes near to, of all that the timeline asks: shown in the report."""
    needs = {need for event in timeline.events for need in event_needs(event)}
    return tuple(f"{need}: {world.approximate[need]}" for need in sorted(needs) if need in world.approximate)


def event_needs(event: Event) -> tuple[str, ...]:
    match event:
        case LinkCut():
            return (f"partition/{event.mode}",)
        case Operation():
            return ("operations",)
        case Quieting():
            return ("heal",)
