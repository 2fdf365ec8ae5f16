"""Scenario + seed -> timeline: resolved, repeatable, and undisturbed by what is added beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chaos.scenario import library
from chaos.scenario.compile import approximations, compile_scenario
from chaos.scenario.errors import BadScenario, Unsupported
from chaos.scenario.faults import Partition
from chaos.scenario.links import LinkOverride, LinkQuality, Links
from chaos.scenario.model import Scenario
from chaos.scenario.read import read_value
from chaos.scenario.selector import Selector
from chaos.scenario.timeline import LinkCut, Operation, Quieting, Timeline, dump_timeline, load_timeline
from chaos.scenario.workload import RandomSite, Step
from chaos.worlds.capabilities import PROXY, VIRTUAL

Document = dict[str, Any]


@pytest.fixture
def scenario(document: Document) -> Scenario:
    return read_value(document, "small.yaml")


REPEATED = Step(
    do="patch",
    resource="namespaces/team",
    at_s=1,
    every_s=3,
    jitter_s=2,
    until_s=20,
    on=RandomSite(of="members"),
    patch={"n": "{seq} of {site}", "braces": "{other}"},
)


def test_events_come_in_order_with_everything_resolved(scenario: Scenario) -> None:
    timeline = compile_scenario(scenario)

    create, *_, patch, quiet = timeline.events
    assert isinstance(create, Operation)
    assert create.scope == ("site-000", "site-001")
    assert isinstance(patch, Operation)
    assert patch.on == "site-001"
    assert quiet == Quieting(t=30, id="quiet", limit_s=30)
    assert {(cut.origin, cut.target) for cut in timeline.cuts()} == {
        pair for other in ("site-001", "site-002", "site-003") for pair in (("site-000", other), (other, "site-000"))
    }
    assert {(cut.t, cut.until) for cut in timeline.cuts()} == {(3, 7)}


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ("to", [("site-000", "site-001")]),
        ("from", [("site-001", "site-000")]),
        ("both", [("site-000", "site-001"), ("site-001", "site-000")]),
    ],
)
def test_a_cut_may_go_one_way(scenario: Scenario, direction: Any, expected: list[tuple[str, str]]) -> None:
    fault = Partition(
        at_s=1, selector=Selector(sites=("site-000",)), target=Selector(sites=("site-001",)), direction=direction
    )
    timeline = compile_scenario(replace(scenario, faults=(fault,)))
    assert [(cut.origin, cut.target) for cut in timeline.cuts()] == expected


def test_the_quiet_period_heals_what_has_no_end_or_a_later_one(scenario: Scenario) -> None:
    site = Selector(sites=("site-000",))
    faults = (Partition(at_s=1, selector=site), Partition(at_s=2, duration_s=1000, selector=site))
    timeline = compile_scenario(replace(scenario, faults=faults))
    assert {cut.until for cut in timeline.cuts()} == {30}


def test_members_follow_the_workload(scenario: Scenario) -> None:
    more = (
        Step(do="extend", resource="namespaces/team", at_s=6, to="site-003"),
        Step(do="retract", resource="namespaces/team", at_s=7, origin="site-001"),
    )
    timeline = compile_scenario(replace(scenario, workload=(*scenario.workload, *more)))
    assert timeline.members() == {"namespaces/team": ("site-000", "site-003")}
    assert timeline.operations()[-1].on == "site-000", "asked where the resource was created"


def test_a_seed_gives_one_timeline_and_another_seed_another(scenario: Scenario) -> None:
    scenario = replace(scenario, workload=(*scenario.workload, REPEATED))
    assert compile_scenario(scenario, seed=5) == compile_scenario(scenario, seed=5)
    assert compile_scenario(scenario, seed=5).events != compile_scenario(scenario, seed=6).events


def test_repetition_fills_the_placeholders_and_stays_in_its_span(scenario: Scenario) -> None:
    timeline = compile_scenario(replace(scenario, workload=(*scenario.workload, REPEATED)))
    repeated = [operation for operation in timeline.operations() if operation.id.startswith("w2.")]

    assert len(repeated) == 7
    for number, operation in enumerate(sorted(repeated, key=lambda operation: operation.id)):
        assert 1 + 3 * number <= operation.t <= 3 + 3 * number
        assert operation.on in ("site-000", "site-001")
        assert operation.patch == {"n": f"{number} of {operation.on}", "braces": "{other}"}


def test_an_added_event_leaves_the_others_alone(scenario: Scenario) -> None:
    before = compile_scenario(replace(scenario, workload=(*scenario.workload, REPEATED)))
    added = replace(REPEATED, every_s=1)
    after = compile_scenario(replace(scenario, workload=(*scenario.workload, REPEATED, added)))
    assert set(map(str, before.events)) < set(map(str, after.events))


def test_links_that_differ_are_resolved_by_label(scenario: Scenario) -> None:
    near = LinkOverride(
        origin=Selector(labels={"region": "nantes"}), target=Selector(labels={"region": "nantes"}), latency_s=0.004
    )
    links = Links(default=LinkQuality(latency_s=0.02, jitter_s=0.005), overrides=(near,))
    timeline = compile_scenario(replace(scenario, links=links))
    quality = LinkQuality(latency_s=0.004, jitter_s=0.005)
    assert timeline.links == {("site-000", "site-001"): quality, ("site-001", "site-000"): quality}


@pytest.mark.parametrize("name", library.names())
@pytest.mark.parametrize("sites", [None, 200])
def test_every_shipped_scenario_compiles_and_travels(name: str, sites: int | None) -> None:
    timeline = compile_scenario(library.find(name), sites=sites)
    assert load_timeline(dump_timeline(timeline), timeline.source) == timeline
    assert timeline.claims
    if name.startswith("partition"):
        assert timeline.members() == {"namespaces/shared-field": timeline.sites}, "all sites are members"


def test_locality_has_sites_outside_of_both_resources() -> None:
    members = compile_scenario(library.find("locality")).members()
    assert members["namespaces/orchard-west"] == ("site-000", "site-001", "site-002")
    assert members["namespaces/vineyard-east"] == ("site-001", "site-002", "site-003", "site-004", "site-005")


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"on": "site-009"}, "$.spec.workload[1].on: unknown site 'site-009': the sites are site-000 to site-003"),
        ({"at_s": -1.0}, "$.spec.workload[1].at: -1s is negative"),
        ({"at_s": 40.0}, "$.spec.workload[1].at: 40s is after the quiet period began at 30s"),
        ({"resource": "namespaces/other"}, "namespaces/other is not created by an earlier step: create it first"),
    ],
)
def test_a_step_that_contradicts_the_rest_is_named(scenario: Scenario, wrong: dict[str, Any], complaint: str) -> None:
    steps = (scenario.workload[0], replace(scenario.workload[1], **wrong))
    with pytest.raises(BadScenario) as caught:
        compile_scenario(replace(scenario, workload=steps))
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("scope", "complaint"),
    [
        ("site-000 | site-001", "a scope with '|' is not supported here yet"),
        ("site-000 &", "$.spec.workload[0].scope: column 11 of 'site-000 &': "),
        ("site-000 & paris", "$.spec.workload[0].scope: unknown site 'paris'"),
        (Selector(labels={"region": "none"}), "$.spec.workload[0].scope: selects no site"),
    ],
)
def test_a_scope_that_cannot_be_served_is_named(scenario: Scenario, scope: Selector | str, complaint: str) -> None:
    steps = (replace(scenario.workload[0], scope=scope),)
    with pytest.raises(BadScenario) as caught:
        compile_scenario(replace(scenario, workload=steps))
    assert complaint in str(caught.value)


def test_a_fault_on_an_unknown_site_is_named(change: Callable[..., Document]) -> None:
    document = change("spec", "faults", 0, "target", to=["site-777"])
    with pytest.raises(BadScenario, match=r"small.yaml: \$.spec.faults\[0\].target: unknown site 'site-777'"):
        compile_scenario(read_value(document, "small.yaml"))


def test_a_fault_that_hits_nothing_is_refused(scenario: Scenario) -> None:
    site = Selector(sites=("site-000",))
    with pytest.raises(BadScenario, match="hits nothing: select sites that have a link between them"):
        compile_scenario(replace(scenario, faults=(Partition(at_s=1, selector=site, target=site),)))


def test_a_quiet_period_beyond_the_end_is_refused(change: Callable[..., Document]) -> None:
    document = change("spec", "quiet", "for", to="31s")
    with pytest.raises(BadScenario, match=r"\$.spec.quiet: ends at 1m1s, after the duration of 1m"):
        compile_scenario(read_value(document, "small.yaml"))


@pytest.mark.parametrize("sites", [0, -1, 2001])
def test_an_impossible_number_of_sites_is_refused(scenario: Scenario, sites: int) -> None:
    with pytest.raises(BadScenario, match="--sites: "):
        compile_scenario(scenario, sites=sites)


def test_a_world_that_lacks_an_event_is_named_with_the_event(scenario: Scenario) -> None:
    poor = replace(PROXY, able=frozenset({"operations", "heal"}))
    with pytest.raises(Unsupported, match=r"event f0 at 3s: the proxy world has no partition/drop"):
        compile_scenario(scenario, world=poor)


def test_a_world_that_is_too_small_says_so(scenario: Scenario) -> None:
    with pytest.raises(Unsupported, match="300 sites do not fit into the proxy world: at most 250, or --world virtual"):
        compile_scenario(scenario, sites=300, world=PROXY)


def test_what_a_world_only_comes_near_to_is_told(scenario: Scenario) -> None:
    timeline = compile_scenario(scenario)
    assert approximations(timeline, VIRTUAL) == ()
    assert [text.partition(":")[0] for text in approximations(timeline, PROXY)] == ["partition/drop"]


# --- timelines as files


@pytest.fixture
def timeline(scenario: Scenario) -> Timeline:
    return compile_scenario(scenario)


def test_a_timeline_reads_back_as_itself(timeline: Timeline) -> None:
    assert load_timeline(dump_timeline(timeline), "small.yaml") == timeline


def test_a_timeline_cut_anywhere_is_refused_or_is_a_shorter_one(timeline: Timeline) -> None:
    text = dump_timeline(timeline)
    whole = len(text)
    for end in range(0, whole, 7):
        shorter = timeline_or_complaint(text[:end])
        if isinstance(shorter, str):
            assert shorter.startswith("cut.jsonl: ")
            assert "\n" not in shorter
        else:
            assert text[end - 1] == "\n"
            assert len(shorter.events) < len(timeline.events)


def timeline_or_complaint(text: str) -> Timeline | str:
    try:
        return load_timeline(text, "cut.jsonl")
    except BadScenario as error:
        return str(error)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"timeline":1', '"timeline":2', "line 1: is no timeline of version 1"),
        ('"op":"quiet"', '"op":"quite"', "unknown value 'quite': did you mean 'quiet'?"),
        ('"to":"site-002"', '"to":"site-042"', "unknown site 'site-042'"),
        ('"t":3', '"t":-3', "-3.0 is negative"),
        ('"mode":"drop"', '"mode":"slow"', "unknown value 'slow'"),
    ],
)
def test_a_changed_timeline_is_refused_by_line(timeline: Timeline, old: str, new: str, complaint: str) -> None:
    with pytest.raises(BadScenario, match=r"x.jsonl: line \d+") as caught:
        load_timeline(dump_timeline(timeline).replace(old, new, 1), "x.jsonl")
    assert complaint in str(caught.value)


def test_cuts_are_events_like_in_the_published_form(timeline: Timeline) -> None:
    cut = next(line for line in dump_timeline(timeline).splitlines() if "link.set" in line)
    assert cut == (
        '{"t":3.0,"id":"f0","op":"link.set","from":"site-000","to":"site-001","effect":"partition","mode":"drop","until":7.0}'
    )
    assert isinstance(timeline.events[1], LinkCut)
