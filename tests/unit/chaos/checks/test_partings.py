"""What the checks on leaving and on namesakes say where there is nothing to say, or not enough."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.checks.catalog import CHECKS
from chaos.checks.evidence import Evidence, SiteView
from chaos.checks.finding import Finding
from chaos.checks.history import History
from chaos.scenario.timeline import Operation
from tests.unit.chaos.checks.planted import RECORD, TEAM
from tests.unit.chaos.checks.planted_partings import APART, CREATED, LEFT, PAINTED, PARTED, call, parted_as, parted_copy


def found(name: str, evidence: Evidence, within_s: float | None = None) -> Finding:
    return CHECKS[name].run(evidence, TEAM, within_s)


def with_exit(evidence: Evidence, exit: str) -> Evidence:
    events = tuple(
        replace(event, exit=exit) if isinstance(event, Operation) and event.verb == "retract" else event
        for event in evidence.timeline.events
    )
    return replace(evidence, timeline=replace(evidence.timeline, events=events))


def followed_by(evidence: Evidence, operation: Operation) -> Evidence:
    timeline = evidence.timeline
    return replace(evidence, timeline=replace(timeline, events=(*timeline.events, operation)))


# --- kept-after-retract


def test_who_meant_to_delete_its_copy_need_not_keep_it() -> None:
    finding = found("kept-after-retract", with_exit(parted_copy(None), "delete"))
    assert (finding.verdict, finding.saw) == ("unknown", 0)


def test_who_was_refused_or_gave_no_sign_proves_nothing() -> None:
    assert found("kept-after-retract", parted_as("fail")).verdict == "unknown"
    finding = found("kept-after-retract", parted_as("info"))
    assert (finding.verdict, finding.reasons[0]) == ("unknown", "whether c left is open: w2 had no answer")


def test_a_promised_retract_counts() -> None:
    assert found("kept-after-retract", parted_as("info", state="pending")).verdict == "valid"


def test_who_joined_again_is_no_leaver() -> None:
    again = Operation(t=20, id="w3", verb="extend", on="a", resource=TEAM, to="c")
    assert found("kept-after-retract", followed_by(parted_copy(None), again)).verdict == "unknown"


def test_what_others_wrote_too_may_have_changed() -> None:
    """`a` paints the roof as well: which of the two came last at `c` is not for this check."""
    lines = [*CREATED, *PAINTED, *call(13, "a", "patch", "w3", patch={"roof": "blue"}), *LEFT]
    evidence = replace(parted_copy({"labels/crop": "barley", "labels/roof": "blue"}), history=History(lines))
    assert found("kept-after-retract", evidence).verdict == "valid"


def test_a_removal_is_kept_too() -> None:
    lines = [*CREATED, *PAINTED, *call(13, "c", "patch", "w3", patch={"roof": None}), *LEFT]
    evidence = replace(PARTED, history=History(lines))
    assert found("kept-after-retract", evidence).verdict == "invalid"
    bare = replace(parted_copy({"labels/crop": "barley"}), history=History(lines))
    assert found("kept-after-retract", bare).verdict == "valid"


def test_a_leaver_out_of_sight_is_unknown() -> None:
    hidden = replace(PARTED, views={**PARTED.views, "c": SiteView(site="c", problem="TimeoutError")})
    assert found("kept-after-retract", hidden).verdict == "unknown"


# --- leaving-needs-nobody


def test_a_bound_on_leaving_may_be_given() -> None:
    assert found("leaving-needs-nobody", PARTED, within_s=0.005).verdict == "invalid"


def test_leaving_with_all_links_up_says_nothing() -> None:
    lines = [*CREATED, *call(31, "c", "retract", "w2", origin="c")]
    finding = found("leaving-needs-nobody", replace(PARTED, history=History(lines)))
    assert (finding.verdict, finding.saw) == ("unknown", 0)


def test_being_taken_out_by_another_is_not_leaving() -> None:
    lines = [*CREATED, *call(15, "a", "retract", "w2", took=20, origin="c")]
    assert found("leaving-needs-nobody", replace(PARTED, history=History(lines))).verdict == "unknown"


# --- members-agreed


def test_a_change_without_an_answer_leaves_the_members_open() -> None:
    finding = found("members-agreed", parted_as("info"))
    assert (finding.verdict, finding.reasons) == ("unknown", ("whether c is a member is open: w2 had no answer",))


def test_a_member_without_a_record_agrees_with_nobody() -> None:
    bare = replace(PARTED, views={**PARTED.views, "b": SiteView(site="b", records=(replace(RECORD, state="left"),))})
    assert found("members-agreed", bare).reasons == ("no record of namespaces/team at b",)


# --- namesakes-kept-apart


@pytest.mark.parametrize("end", ["fail", "info"])
def test_one_resource_alone_has_no_namesake(end: str) -> None:
    lines = [*CREATED, *call(1, "d", "create", "w1", end="fail" if end == "fail" else "info", patch={"crop": "poppy"})]
    finding = found("namesakes-kept-apart", replace(APART, history=History(lines)))
    assert (finding.verdict, finding.saw) == ("unknown", 0)


def test_two_creates_with_a_site_in_common_are_no_namesakes() -> None:
    events = tuple(
        replace(event, scope=("b", "d")) if isinstance(event, Operation) and event.id == "w1" else event
        for event in APART.timeline.events
    )
    evidence = replace(APART, timeline=replace(APART.timeline, events=events))
    assert found("namesakes-kept-apart", evidence).verdict == "unknown"


def test_a_write_that_may_have_happened_may_show() -> None:
    lines = [*APART.history.lines, *call(9, "d", "patch", "w3", end="info", patch={"roof": "red"})]
    views = {**APART.views, "d": SiteView(site="d", objects={TEAM: {"labels/crop": "poppy", "labels/roof": "red"}})}
    shown = replace(APART, history=History(lines), views=views)
    assert found("namesakes-kept-apart", shown).verdict == "valid"


# --- no-lost-acknowledged-write


def test_what_a_site_writes_after_it_left_is_its_own_affair() -> None:
    """It deleted its copy with what it had just written; but what it wrote as a member must not get lost."""
    own = call(16, "c", "patch", "w3", patch={"roof": "blue"})
    evidence = replace(parted_copy(None), history=History([*CREATED, *LEFT, *own]))
    everywhere = {site: replace(view, objects={TEAM: {"labels/crop": "barley"}}) for site, view in PARTED.views.items()}
    evidence = replace(evidence, views=everywhere)
    assert found("no-lost-acknowledged-write", evidence).verdict == "valid"
    back = call(15.5, "a", "extend", "w4", to="c")
    taken_in = replace(evidence, history=History([*CREATED, *LEFT, *back, *own]))
    assert found("no-lost-acknowledged-write", taken_in).guilty == ("w3",)
    refused = call(15, "c", "retract", "w2", end="fail", origin="c")
    still_in = replace(evidence, history=History([*CREATED, *refused, *own]))
    assert found("no-lost-acknowledged-write", still_in).guilty == ("w3",)
    promised = call(15, "a", "retract", "w2", end="info", origin="c", state="pending")
    on_its_way = replace(evidence, history=History([*CREATED, *promised, *own]))
    assert found("no-lost-acknowledged-write", on_its_way).verdict == "valid"
    before = replace(evidence, history=History([*CREATED, *PAINTED, *LEFT]))
    assert found("no-lost-acknowledged-write", before).guilty == ("w1",)
