"""Scenario + seed -> timeline. All chance of a schedule is spent here, each draw from a generator of its own, named by
seed, purpose and event: adding an event leaves the draws of all others as they were, which shrinking needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from chaos.scenario.breaking import Breaking
from chaos.scenario.document import checked
from chaos.scenario.duration import format_duration
from chaos.scenario.errors import BadScenario, Source, Unsupported
from chaos.scenario.events import (
    EVENTS_MAX,
    ApiserverTrouble,
    ClockSkew,
    Event,
    LinkCut,
    LinkDegraded,
    LinkToxic,
    NamesLost,
    Operation,
    Quieting,
    SiteCrash,
    SitePause,
    Timeline,
)
from chaos.scenario.links import Network, network
from chaos.scenario.model import Scenario
from chaos.scenario.place import Place
from chaos.scenario.topology import SITES_MAX, topology
from chaos.scenario.using import Using
from chaos.worlds.capabilities import VIRTUAL, Capabilities


def compile_scenario(
    scenario: Scenario, *, seed: int | None = None, sites: int | None = None, world: Capabilities = VIRTUAL
) -> Timeline:
    """The events of `scenario` at `seed` (default: the scenario's own) with `sites` sites (default likewise).

    Raises BadScenario for what contradicts itself (a site that does not exist, a time after the end) and Unsupported,
    naming the event, for what `world` cannot do.
    """
    own = scenario.sites.count
    scenario = checked(_sized(scenario, sites))
    seed = scenario.seed if seed is None else seed
    source = Source(scenario.source or scenario.name, scenario.lines)
    hint = "" if sites is None or sites >= own else f" by --sites {sites}: give more, the scenario's own are {own}"
    root = Place(source, "$.spec", topology(scenario.sites, hint))
    _check_times(scenario, root)
    wired = _network(scenario, seed, root)
    timeline = Timeline(
        scenario=scenario.name,
        seed=seed,
        duration_s=scenario.duration_s,
        sites=root.where.sites,
        link=wired.default,
        links=wired.qualities,
        unlinked=tuple(sorted(wired.unlinked)),
        claims=scenario.claims,
        events=tuple(sorted(_events(scenario, seed, wired, root), key=lambda event: event.t)),
        source=source.name,
    )
    check_world(timeline, world)
    return timeline


def _sized(scenario: Scenario, sites: int | None) -> Scenario:
    if sites is None:
        return scenario
    if not 1 <= sites <= SITES_MAX:
        raise BadScenario("--sites", "", f"{sites} sites: give a number from 1 to {SITES_MAX}")
    return replace(scenario, sites=replace(scenario.sites, count=sites))


def _network(scenario: Scenario, seed: int, root: Place) -> Network:
    try:
        return network(scenario.links, root.where, seed, root.source.name)
    except ValueError as error:
        raise root.at(".links").bad(str(error)) from None


def _events(scenario: Scenario, seed: int, wired: Network, root: Place) -> list[Event]:
    quiet = scenario.quiet
    breaking = Breaking(seed=seed, network=wired, quiet_s=quiet.at_s, root=root)
    using = Using(seed=seed, quiet_s=quiet.at_s, root=root)
    events: list[Event] = [
        *using.operations(scenario.workload),
        *breaking.faults(scenario.faults),
        *breaking.nemeses(scenario.nemeses),
        Quieting(t=quiet.at_s, id="quiet", limit_s=quiet.for_s),
    ]
    if len(events) > EVENTS_MAX:
        raise root.bad(f"makes {len(events)} events, more than {EVENTS_MAX}: take fewer sites, or repeat less")
    return events


# --- times


def _check_times(scenario: Scenario, root: Place) -> None:
    quiet = scenario.quiet
    times = [
        (f".workload[{index}].{name}", value)
        for index, step in enumerate(scenario.workload)
        for name, value in (("at", step.at_s), ("until", step.until_s), ("jitter", step.jitter_s))
    ]
    times += [(f".faults[{index}].at", fault.at_s) for index, fault in enumerate(scenario.faults)]
    times += [(f".faults[{index}].until", fault.until_s) for index, fault in enumerate(scenario.faults)]
    times += [(f".nemesis[{index}].from", nemesis.from_s) for index, nemesis in enumerate(scenario.nemeses)]
    times += [(f".nemesis[{index}].until", nemesis.until_s) for index, nemesis in enumerate(scenario.nemeses)]
    for path, value in times:
        if value is not None and value > quiet.at_s:
            raise root.at(path).bad(
                f"{format_duration(value)} is after the quiet period began at {format_duration(quiet.at_s)}: move one"
            )
    end_s = quiet.at_s + quiet.for_s
    if end_s > scenario.duration_s:
        raise root.at(".quiet").bad(
            f"ends at {format_duration(end_s)}, after the duration of {format_duration(scenario.duration_s)}: lengthen it"
        )


# --- worlds


def check_world(timeline: Timeline, world: Capabilities) -> None:
    """Raises Unsupported, naming the first event (or the number of links) that `world` lacks."""
    for event in timeline.events:
        for need in event_needs(event):
            if need not in world.able:
                raise Unsupported(timeline.source, f"event {event.id} at {event.t:g}s", world.refusal(need))
    for need in link_needs(timeline):
        if need not in world.able:
            raise Unsupported(timeline.source, "$.spec.links", world.refusal(need))
    if len(timeline.sites) > world.sites_max:
        raise Unsupported(timeline.source, "$.spec.sites.count", world.size_refusal(len(timeline.sites)))


def approximations(timeline: Timeline, world: Capabilities) -> tuple[str, ...]:
    """What `world` only comes near to, of all that the timeline asks: shown in the report."""
    needs = {need for event in timeline.events for need in event_needs(event)} | set(link_needs(timeline))
    return tuple(f"{need}: {world.approximate[need]}" for need in sorted(needs) if need in world.approximate)


_SITE_NEEDS: Final = {SitePause: "site/pause", ClockSkew: "site/skew", NamesLost: "site/no-names"}


_WORSE_NEEDS: Final = ("link/latency", "link/jitter", "link/bandwidth", "link/loss")


def event_needs(event: Event) -> tuple[str, ...]:
    match event:
        case LinkCut():
            return (f"partition/{event.mode}",)
        case LinkDegraded():
            given = (event.latency_s, event.jitter_s, event.rate_bytes_s, event.loss)
            return tuple(need for need, value in zip(_WORSE_NEEDS, given, strict=True) if value is not None)
        case LinkToxic():
            return ("toxic",)
        case SiteCrash():
            return (f"crash/{event.lose}",)
        case ApiserverTrouble():
            return (f"apiserver/{event.kind}",)
        case Operation():
            return ("operations",)
        case Quieting():
            return ("heal",)
        case SitePause() | ClockSkew() | NamesLost():
            return (_SITE_NEEDS[type(event)],)


def link_needs(timeline: Timeline) -> tuple[str, ...]:
    """What the links ask for all the time."""
    qualities = (timeline.link, *timeline.links.values())
    needs = {
        "links/bandwidth": any(quality.rate_bytes_s is not None for quality in qualities),
        "links/loss": any(quality.loss for quality in qualities),
        "links/distribution": any(quality.distribution != "uniform" for quality in qualities),
        "links/unlinked": bool(timeline.unlinked),
    }
    return tuple(need for need, asked in needs.items() if asked)
