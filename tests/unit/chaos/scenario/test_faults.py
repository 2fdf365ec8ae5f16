"""Faults and nemeses as events: who is hit, when, and that every draw is the seed's."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.scenario.compile import compile_scenario
from chaos.scenario.errors import BadScenario, Unsupported
from chaos.scenario.faults import (
    EFFECTS,
    ApiserverFault,
    Crash,
    Degrade,
    Fault,
    Flapping,
    NoNames,
    Partition,
    Pause,
    Skew,
    SwizzleClog,
    Toxic,
    action_of,
)
from chaos.scenario.graphs import Graph
from chaos.scenario.links import LinkChange, LinkOverride, LinkQuality, Links
from chaos.scenario.model import Quiet, Scenario
from chaos.scenario.nemesis import TARGETS, Nemesis, Target, Weighted
from chaos.scenario.selector import ALL, LinkSelector, Pick, Selector
from chaos.scenario.spans import Uniform
from chaos.scenario.timeline import (
    ApiserverTrouble,
    ClockSkew,
    FaultEvent,
    LinkCut,
    LinkDegraded,
    LinkToxic,
    NamesLost,
    SiteCrash,
    SitePause,
    Timeline,
    dump_timeline,
    load_timeline,
)
from chaos.scenario.topology import Sites
from chaos.worlds.capabilities import PROXY

ONE = Selector(sites=("site-001",))


def scenario(*faults: Fault, nemeses: tuple[Nemesis, ...] = (), links: Links | None = None) -> Scenario:
    return Scenario(
        name="x",
        seed=1,
        sites=Sites(count=5),
        links=links or Links(),
        duration_s=100,
        quiet=Quiet(at_s=60, for_s=40),
        faults=faults,
        nemeses=nemeses,
    )


def events(*faults: Fault, seed: int = 1, links: Links | None = None) -> tuple[FaultEvent, ...]:
    return compile_scenario(scenario(*faults, links=links), seed=seed).faults()


EVERY: list[tuple[Fault, FaultEvent]] = [
    (
        Crash(at_s=1, duration_s=2, selector=ONE, lose="disk"),
        SiteCrash(t=1, id="f0", site="site-001", until=3, lose="disk"),
    ),
    (Pause(at_s=1, duration_s=2, selector=ONE), SitePause(t=1, id="f0", site="site-001", until=3)),
    (
        Skew(at_s=1, duration_s=2, selector=ONE, by_s=-3600),
        ClockSkew(t=1, id="f0", site="site-001", until=3, by_s=-3600),
    ),
    (NoNames(at_s=1, selector=ONE), NamesLost(t=1, id="f0", site="site-001", until=60)),
    (
        ApiserverFault(at_s=1, selector=ONE, kind="refuse", status=429, retry_after_s=2, verbs=("patch",), times=3),
        ApiserverTrouble(
            t=1,
            id="f0",
            site="site-001",
            until=60,
            kind="refuse",
            status=429,
            retry_after_s=2,
            verbs=("patch",),
            times=3,
        ),
    ),
    (
        Degrade(at_s=1, selector=ONE, target=Selector(sites=("site-002",)), direction="to", loss=0.1),
        LinkDegraded(t=1, id="f0", origin="site-001", target="site-002", until=60, loss=0.1),
    ),
    (
        Toxic(
            at_s=1,
            selector=ONE,
            target=Selector(sites=("site-002",)),
            direction="to",
            type="bandwidth",
            stream="upstream",
            attributes={"rate": 10},
        ),
        LinkToxic(
            t=1,
            id="f0",
            origin="site-001",
            target="site-002",
            until=60,
            type="bandwidth",
            stream="upstream",
            attributes={"rate": 10},
        ),
    ),
]


@pytest.mark.parametrize(("fault", "event"), EVERY, ids=lambda value: type(value).__name__)
def test_a_fault_becomes_its_event_and_reads_back(fault: Fault, event: FaultEvent) -> None:
    timeline = compile_scenario(scenario(fault))
    assert timeline.faults() == (event,)
    assert load_timeline(dump_timeline(timeline), "x") == timeline


def test_every_action_has_a_word() -> None:
    made = {type(fault) for fault, _ in EVERY} | {Partition, Flapping, SwizzleClog}
    assert made == {each for each, _ in EFFECTS.values()}


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (Degrade(latency_s=1), "latency"),
        (Degrade(latency_s=1, link_jitter_s=1), "latency"),
        (Degrade(link_jitter_s=1), "degrade"),
        (Degrade(loss=0.1), "loss"),
        (Degrade(loss=0.1, latency_s=1), "degrade"),
    ],
)
def test_a_worse_link_is_told_in_the_shortest_word(fault: Fault, word: str) -> None:
    assert action_of(fault) == word


def test_a_flapping_link_is_cut_again_and_again_until_it_ends() -> None:
    flaps = Flapping(at_s=10, duration_s=6, selector=ONE, target=Selector(sites=("site-002",)), direction="to", up_s=1)
    cuts = [(event.t, event.until) for event in events(flaps)]
    assert cuts == [(10, 12), (13, 15)]


def test_swizzled_sites_come_and_go_in_orders_of_their_own() -> None:
    found = events(SwizzleClog(at_s=10, duration_s=20, selector=ALL))
    times = {event.id: (event.t, event.until) for event in found}
    assert len(times) == 5
    assert all(10 <= t <= 20 <= until <= 30 for t, until in times.values())
    assert sorted(times, key=lambda id: times[id][0]) != sorted(times, key=lambda id: times[id][1])


def test_a_fault_that_comes_again_draws_anew() -> None:
    crash = Crash(at_s=1, duration_s=Uniform(1, 3), every_s=5, jitter_s=2, selector=ALL, pick=Pick(mode="one"))
    found = events(crash)
    assert len(found) == 12
    assert len({event.until - event.t for event in found}) > 6
    assert len({event.site for event in found if isinstance(event, SiteCrash)}) > 1
    assert all(1 + 5 * number <= event.t <= 3 + 5 * number for number, event in enumerate(found))
    assert found == events(crash)
    assert found != events(crash, seed=2)


def test_an_added_fault_leaves_the_draws_of_others_alone() -> None:
    crash = Crash(at_s=1, every_s=5, duration_s=2, selector=ALL, pick=Pick(mode="fixed", value=2))
    assert set(events(crash)) <= set(events(crash, Pause(at_s=2, selector=ALL, pick=Pick(mode="one"))))


@pytest.mark.parametrize(
    ("pick", "sizes"),
    [
        (Pick(), {5}),
        (Pick(mode="one"), {1}),
        (Pick(mode="fixed", value=3), {3}),
        (Pick(mode="fixed", value=9), {5}),
        (Pick(mode="fixed-percent", value=30), {2}),
        (Pick(mode="random-max", value=2), {0, 1, 2}),
        (Pick(mode="random-max-percent", value=40), {0, 1, 2}),
    ],
    ids=lambda value: value.mode if isinstance(value, Pick) else "",
)
def test_a_pick_mode_hits_so_many(pick: Pick, sizes: set[int]) -> None:
    found = [pick.of("abcde", Random(seed)) for seed in range(60)]
    assert {len(picked) for picked in found} == sizes
    assert all(list(picked) == sorted(set(picked)) for picked in found)


def test_links_are_chosen_by_name_and_by_class() -> None:
    lte = Links(
        classes={"lte": LinkChange(latency_s=0.05)}, overrides=(LinkOverride(origin=ONE, target=ALL, link_class="lte"),)
    )
    by_class = Degrade(at_s=1, selector=ALL, loss=0.1, links=LinkSelector(classes=("lte",)))
    assert {(event.origin) for event in events(by_class, links=lte) if isinstance(event, LinkDegraded)} == {"site-001"}
    by_name = Partition(at_s=1, selector=ALL, links=LinkSelector(names=("site-003--site-001",)))
    assert [(event.origin, event.target) for event in events(by_name) if isinstance(event, LinkCut)] == [
        ("site-003", "site-001")
    ]
    with pytest.raises(BadScenario, match=r"\$.spec.faults\[0\].links: 'site-003--site-009' is no link"):
        events(replace(by_name, links=LinkSelector(names=("site-003--site-009",))))


def test_what_has_no_link_is_not_cut() -> None:
    line = Links(topology=Graph(kind="line", unlinked="cut"))
    cuts = events(Partition(at_s=1, selector=ONE), links=line)
    assert {(cut.origin, cut.target) for cut in cuts if isinstance(cut, LinkCut)} == {
        ("site-001", "site-000"),
        ("site-000", "site-001"),
        ("site-001", "site-002"),
        ("site-002", "site-001"),
    }


def test_a_world_that_cannot_do_a_fault_names_it() -> None:
    with pytest.raises(Unsupported, match=r"event f0 at 1s: the proxy world has no site/pause: leave it out"):
        compile_scenario(scenario(Pause(at_s=1, selector=ONE)), world=PROXY)
    pareto = Links(default=LinkQuality(jitter_s=0.01, distribution="pareto"))
    with pytest.raises(Unsupported, match=r"\$.spec.links: the proxy world has no links/distribution"):
        compile_scenario(scenario(links=pareto), world=PROXY)


# --- nemeses


def struck(nemesis: Nemesis, sites: int = 5, seed: int = 1) -> Timeline:
    whole = replace(scenario(nemeses=(nemesis,)), sites=Sites(count=sites))
    return compile_scenario(whole, seed=seed)


def cut_pairs(timeline: Timeline) -> dict[str, set[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = {}
    for cut in timeline.cuts():
        found.setdefault(cut.id, set()).add((cut.origin, cut.target))
    return found


def seen_by(site: str, sites: tuple[str, ...], cut: set[tuple[str, str]]) -> frozenset[str]:
    return frozenset(other for other in sites if (site, other) not in cut)


@settings(deadline=None)
@given(sites=st.integers(4, 12), seed=st.integers(0, 50), target=st.sampled_from(TARGETS))
def test_a_partition_splits_as_its_target_says(sites: int, seed: int, target: Target) -> None:
    nemesis = Nemesis(faults=(Weighted(fault=Partition()),), targets=(target,), interval_s=20.0)
    timeline = struck(nemesis, sites, seed)
    for cut in cut_pairs(timeline).values():
        assert all((b, a) in cut for a, b in cut)
        views = {site: seen_by(site, timeline.sites, cut) for site in timeline.sites}
        smallest = min(len(view) for view in views.values())
        match target:
            case "one":
                assert smallest == 1
            case "minority":
                assert smallest < sites / 2
            case "majority":
                assert sorted({len(view) for view in views.values()}) == [sites - (sites // 2 + 1), sites // 2 + 1]
            case "majorities-ring":
                assert smallest > sites / 2
                assert len(set(views.values())) == sites or smallest == sites
            case "bridge":
                whole = [site for site, view in views.items() if len(view) == sites]
                assert len(whole) == 1


def test_a_nemesis_is_plain_faults_in_the_timeline() -> None:
    actions = (
        "partition",
        "flapping",
        "latency",
        "crash",
        "pause",
        "skew",
        "apiserver",
        "swizzle-clog",
        "toxic",
        "loss",
    )
    made = {
        "partition": Partition(),
        "flapping": Flapping(),
        "latency": Degrade(latency_s=0.5),
        "crash": Crash(),
        "pause": Pause(),
        "skew": Skew(by_s=Uniform(-3600, 3600)),
        "apiserver": ApiserverFault(kind="lose-reply"),
        "swizzle-clog": SwizzleClog(),
        "toxic": Toxic(type="latency", attributes={"latency": 100}),
        "loss": Degrade(loss=0.1),
    }
    nemesis = Nemesis(faults=tuple(Weighted(fault=made[action]) for action in actions), targets=TARGETS, interval_s=0.5)
    timeline = struck(nemesis)
    assert load_timeline(dump_timeline(timeline), "x") == timeline
    assert {type(event) for event in timeline.faults()} == {
        LinkCut,
        LinkDegraded,
        LinkToxic,
        SiteCrash,
        SitePause,
        ClockSkew,
        ApiserverTrouble,
    }
    assert all(event.until <= 60 for event in timeline.faults())
    assert timeline == struck(nemesis)
    assert timeline.events != struck(nemesis, seed=2).events


def test_weights_make_a_fault_likelier() -> None:
    nemesis = Nemesis(
        faults=(Weighted(fault=Pause(), weight=9), Weighted(fault=Crash())), targets=("one",), interval_s=0.2
    )
    found = struck(nemesis).faults()
    assert sum(isinstance(event, SitePause) for event in found) > 3 * sum(
        isinstance(event, SiteCrash) for event in found
    )


@pytest.mark.parametrize(
    ("nemesis", "complaint"),
    [
        (
            Nemesis(faults=(Weighted(fault=Crash()),), targets=("bridge",)),
            r"\$.spec.nemesis\[0\].faults\[0\]: crash hits groups of sites, and targets has none: add one of one, minority",
        ),
        (Nemesis(faults=(), targets=("one",)), r"\$.spec.nemesis\[0\].faults: is too short: give 1 or more"),
        (Nemesis(faults=(Weighted(fault=Crash()),), interval_s=0), r"\$.spec.nemesis\[0\].interval: 0s would repeat"),
        (Nemesis(faults=(Weighted(fault=Crash()),), interval_s=0.001), "strikes more than 10000 times"),
        (Nemesis(faults=(Weighted(fault=Crash()),), from_s=70), r"nemesis\[0\].from: 1m10s is after the quiet period"),
        (Nemesis(faults=(Weighted(fault=Crash(), weight=0),)), r"weight: 0 is too small: at least 1"),
    ],
)
def test_a_nemesis_that_cannot_be_is_named(nemesis: Nemesis, complaint: str) -> None:
    with pytest.raises(BadScenario, match=complaint):
        struck(nemesis)
