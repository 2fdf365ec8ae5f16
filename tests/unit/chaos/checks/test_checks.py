"""Each check on a good run, on runs with one bug planted, and on runs that show it nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.checks.catalog import CHECKS, run_checks
from chaos.checks.evidence import Evidence, Followed, SiteView
from chaos.checks.finding import REASONS_MAX, Finding, judge, overall
from chaos.checks.history import History, Line, LineType
from chaos.scenario.events import ApiserverTrouble, Outage, SiteCrash, SitePause
from chaos.scenario.model import Claim
from chaos.scenario.timeline import Operation
from tests.unit.chaos.checks.planted import (
    GOOD,
    HEARD,
    LINES,
    MEMBERS,
    RECORD,
    TEAM,
    TIMELINE,
    VIEWS,
    Heard,
    unseen,
    with_line,
    with_record,
    with_view,
)
from tests.unit.chaos.checks.planted_partings import (
    APART,
    PARTED,
    apart_with,
    parted_as,
    parted_copy,
    parted_record,
)
from tests.unit.chaos.checks.planted_sessions import SESSIONS, SETTINGS, destroyed, holding, with_end, with_watch

GOOD_RUNS: dict[str, Evidence] = {
    "copies-not-remade": SESSIONS,
    "deletions-finish": SESSIONS,
    "kept-after-retract": PARTED,
    "leaving-needs-nobody": PARTED,
    "members-agreed": PARTED,
    "namesakes-kept-apart": APART,
    "no-resurrection": SESSIONS,
    "session-guarantees": SESSIONS,
    "resource-versions-grow": SESSIONS,
    "watch-equals-list": SESSIONS,
}
"""Where the run of `planted` shows a check nothing, the one that does."""


JUDGED = sorted(name for name, check in CHECKS.items() if check.phase != "sometimes")
"""Checks that can find something wrong; what is seen sometimes has tests of its own."""


def found(name: str, evidence: Evidence, within_s: float | None = None) -> Finding:
    return CHECKS[name].run(evidence, TEAM, within_s)


@pytest.mark.parametrize("name", JUDGED)
def test_a_good_run_is_valid_and_something_was_seen(name: str) -> None:
    finding = found(name, GOOD_RUNS.get(name, GOOD))
    assert (finding.verdict, finding.reasons) == ("valid", ())
    assert finding.saw > 0


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_a_run_that_shows_nothing_is_never_valid(name: str) -> None:
    nothing = replace(GOOD_RUNS.get(name, GOOD), history=History(), views={}, wire={}, disks={}, watches={})
    assert found(name, nothing).verdict != "valid"


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_an_unknown_resource_is_never_valid(name: str) -> None:
    assert CHECKS[name].run(GOOD_RUNS.get(name, GOOD), "namespaces/other", None).verdict != "valid"


PLANTED: dict[str, list[tuple[Evidence, str]]] = {
    "converged": [
        (
            with_view("b", objects={TEAM: {"labels/crop": "barley"}}),
            "labels/crop differs: 'oats' at 2 sites, but 'barley' at b",
        ),
        (with_view("b", objects={TEAM: {}}), "labels/crop differs: 'oats' at 2 sites, but None at b"),
        (with_view("b", objects={}), "no copy of namespaces/team at b"),
        (with_view("b", records=()), "no record of namespaces/team at b"),
        (with_record("b", digest="d2"), "record digest differs: d1 at 2 sites, but d2 at b"),
        (with_record("b", value_digest="v2"), "value digest differs: v1 at 2 sites, but v2 at b"),
        (replace(GOOD, settled_t=None), "the sites were still changing when the quiet period ended"),
    ],
    "one-owner": [
        (with_record("c", owner="c"), "a is the owner for a, b"),
        (with_record("c", acting=True), "2 sites act as owner: a, c"),
        (with_record("a", acting=False), "nobody acts as owner"),
        (with_record("c", gid="c~1.1"), "2 records of one resource: a~1.1, c~1.1"),
        (with_record("b", members={"b": "member", "c": "member"}), "the owner a is no member for b"),
        (with_view("b", records=(replace(RECORD, state="invited"),)), "no record of namespaces/team at b"),
        (
            replace(
                GOOD,
                views={
                    **VIEWS,
                    "a": replace(VIEWS["a"], records=(RECORD,)),
                    "b": replace(VIEWS["b"], records=(replace(RECORD, acting=True),)),
                },
            ),
            "b acts as owner, but names a",
        ),
    ],
    "placed-at-members": [
        (with_view("c", objects={}), "no copy of namespaces/team at c"),
        (with_view("d", objects={TEAM: {}}), "a copy of namespaces/team at d, outside its members"),
    ],
    "no-lost-acknowledged-write": [
        (with_view("c", losers=(), objects=VIEWS["c"].objects), ""),
        (
            replace(GOOD, views={site: replace(view, losers=()) for site, view in VIEWS.items()}),
            "w2: labels/crop='wheat' written at c is nowhere",
        ),
        (
            replace(
                GOOD, views={site: replace(view, objects={TEAM: {}}) for site, view in VIEWS.items() if site != "d"}
            ),
            "w1: labels/crop='oats' written at a is nowhere",
        ),
    ],
    "local-writes-available": [
        (with_line(5, type="info"), "w2 at c: ended as info"),
        (with_line(5, type="fail", code=503), "w2 at c: ended as fail (503)"),
        (with_line(5, t=17.5), "w2 at c: took 2.5s"),
        (replace(GOOD, history=History(list(LINES[:5]))), "w2 at c: was never answered"),
    ],
    "no-leak-outside-scope": [
        (
            replace(GOOD, wire={**HEARD, "d": Heard(b"OP a~1.1")}),
            "gid a~1.1 reached d, which is outside the scope (wire, from somewhere)",
        ),
        (replace(GOOD, wire={**HEARD, "d": Heard(b"GET /team")}), "name team reached d"),
        (replace(GOOD, disks={**HEARD, "d": Heard(b"a~1.1")}), "gid a~1.1 reached d, which is outside the scope (disk"),
    ],
    "kept-after-retract": [
        (parted_copy(None), "no copy of namespaces/team at c"),
        (
            parted_copy({"labels/crop": "barley"}),
            "labels/roof='red', which c wrote, is None in the copy it kept",
        ),
    ],
    "leaving-needs-nobody": [
        (parted_as("info"), "w2: c could not leave by itself, it ended as info"),
        (parted_as("info", state="pending"), "w2: c could not leave by itself, it ended as info"),
        (parted_as("fail"), "w2: c could not leave by itself, it ended as fail"),
        (parted_as("ok", took=12), "w2: c could not leave by itself, it took 12s"),
    ],
    "members-agreed": [
        (parted_record("b", RECORD), "b still takes c for a member"),
        (parted_record("a", replace(RECORD, members={"a": "member"})), "a does not know that b is a member"),
    ],
    "no-resurrection": [
        (holding({"labels/roof": "blue"}), "w5 removed labels/roof='blue', and it is back at c"),
        (holding({"configmaps/settings": "present"}), "w7 removed configmaps/settings, and it is back at c"),
        (destroyed(back=True), "w8 removed the resource, and it is back at c"),
    ],
    "copies-not-remade": [
        (with_end("w4", uid="u2"), "the copy at a that w2 saw had been made anew when w4 looked"),
    ],
    "deletions-finish": [
        (
            with_end("w9", read={}),
            "w7 deleted namespaces/team/configmaps/settings at b, and w9 still shows it 6s later",
        ),
    ],
    "session-guarantees": [
        (
            with_end("w5", seen={"roof": "red"}, read={"labels/roof": "red"}),
            "a saw labels/roof='blue' in w4, and the older 'red' in w5",
        ),
    ],
    "resource-versions-grow": [
        (with_end("w4", rv="3"), "a told namespaces/team at 3 in w4, after 5 in w1"),
    ],
    "watch-equals-list": [
        (
            with_watch("b", Followed(watched={TEAM: "10"}, listed={TEAM: "11"}, events=4)),
            "namespaces/team at b: the watch ended at 10, the list shows 11",
        ),
        (
            with_watch("b", Followed(watched={TEAM: "11", SETTINGS: "8"}, listed={TEAM: "11"}, events=4)),
            "namespaces/team/configmaps/settings at b: the watch ended at 8, the list shows None",
        ),
    ],
    "namesakes-kept-apart": [
        (apart_with("d", {"labels/crop": "barley"}), "labels/crop='barley' at d is none of its side's own values"),
        (apart_with("d", {"labels/crop": "poppy", "labels/roof": "red"}), "labels/roof='red' at d is none"),
        (apart_with("b", {"labels/roof": "red"}), "labels/crop=None at b is none"),
        (apart_with("d", None), "no copy of namespaces/team at d"),
    ],
}
BUGS = [(name, evidence, reason) for name, bugs in PLANTED.items() for evidence, reason in bugs if reason]


@pytest.mark.parametrize(("name", "evidence", "reason"), BUGS, ids=[f"{name}: {reason}" for name, _, reason in BUGS])
def test_a_planted_bug_is_seen_and_named(name: str, evidence: Evidence, reason: str) -> None:
    finding = found(name, evidence)
    assert finding.verdict == "invalid"
    assert any(reason in text for text in finding.reasons), finding.reasons


def test_every_check_has_a_planted_bug() -> None:
    assert sorted({name for name, _, _ in BUGS}) == JUDGED


def test_a_conflict_that_one_member_shows_is_no_loss() -> None:
    assert found("no-lost-acknowledged-write", with_view("c", losers=())).verdict == "valid"


@pytest.mark.parametrize("name", ["converged", "one-owner", "placed-at-members", "no-lost-acknowledged-write"])
def test_a_member_out_of_sight_makes_a_clean_run_unknown(name: str) -> None:
    finding = found(name, unseen("b"))
    assert finding.verdict == "unknown"
    assert finding.reasons == ("b could not be looked at: TimeoutError",)


def test_what_is_wrong_elsewhere_stays_wrong_with_a_member_out_of_sight() -> None:
    half = replace(unseen("b"), views={**unseen("b").views, "c": replace(VIEWS["c"], objects={})})
    assert found("converged", half).verdict == "invalid"


def test_an_owner_out_of_sight_is_no_absent_owner() -> None:
    assert found("one-owner", unseen("a")).verdict == "unknown"


def test_equal_emptiness_is_no_convergence() -> None:
    empty = {site: replace(view, objects={TEAM: {}}) for site, view in VIEWS.items() if site in MEMBERS}
    assert found("converged", replace(GOOD, views={**VIEWS, **empty})).verdict == "unknown"


def test_a_change_after_the_bound_is_too_late() -> None:
    assert found("converged", GOOD, within_s=3).verdict == "valid"
    finding = found("converged", GOOD, within_s=2)
    assert finding.verdict == "invalid"
    assert finding.reasons == ("the last change came 3s after the heal, later than 2s",)


def test_a_bound_on_local_writes_may_be_given() -> None:
    assert found("local-writes-available", GOOD, within_s=0.015).verdict == "invalid"


def test_a_refused_write_is_no_lost_write() -> None:
    views = {site: replace(view, losers=()) for site, view in VIEWS.items()}
    evidence = replace(with_line(5, type="fail", code=409), views=views)
    assert found("no-lost-acknowledged-write", evidence).verdict == "valid"


def test_a_write_of_unknown_end_may_have_replaced_what_it_saw() -> None:
    """w2 timed out after it had read `oats`: that `oats` is gone is then no loss."""
    lines = list(LINES)
    lines[5] = replace(lines[5], type="info", value={**lines[5].value, "seen": {"crop": "oats"}})
    views = {site: replace(view, losers=(), objects={TEAM: {"labels/crop": "wheat"}}) for site, view in VIEWS.items()}
    evidence = replace(GOOD, history=History(lines), views={**views, "d": SiteView(site="d")})
    assert found("no-lost-acknowledged-write", evidence).verdict == "valid"


def test_a_later_write_settles_the_conflict_that_its_site_showed() -> None:
    """w3 is written where `oats` stands and `wheat` is shown as its loser: it replaces both, knowingly."""
    value = {"resource": TEAM, "patch": {"crop": "rye"}}
    settled = {**value, "seen": {"crop": "oats"}, "overrode": {"crop": ["wheat"]}}
    w3 = [
        Line(t=40, process="b", type="invoke", f="patch", id="w3", value=value),
        Line(t=40, process="b", type="ok", f="patch", id="w3", value=settled),
    ]
    views = {
        site: replace(view, losers=(), objects={TEAM: {"labels/crop": "rye"}})
        for site, view in VIEWS.items()
        if site != "d"
    }
    evidence = replace(GOOD, history=History([*LINES, *w3]), views=views)
    assert found("no-lost-acknowledged-write", evidence).verdict == "valid"

    unshown = replace(w3[1], value={**value, "seen": {"crop": "oats"}})
    blind = replace(evidence, history=History([*LINES, w3[0], unshown]))
    assert found("no-lost-acknowledged-write", blind).guilty == ("w2",)


def test_a_write_that_had_not_seen_it_replaces_nothing() -> None:
    """Both read `barley`; the later one wins without showing the loser: that is a loss, whatever the clock says."""
    views = {site: replace(view, losers=()) for site, view in VIEWS.items()}
    finding = found("no-lost-acknowledged-write", replace(GOOD, views=views))
    assert finding.guilty == ("w2",)


def test_a_cut_history_proves_nothing() -> None:
    evidence = replace(GOOD, history=History(list(LINES), truncated=True))
    assert found("no-lost-acknowledged-write", evidence).verdict == "unknown"


def test_a_write_where_nothing_is_says_nothing_about_availability() -> None:
    lines = [LINES[4], replace(LINES[5], type="fail", code=404)]
    assert found("local-writes-available", replace(GOOD, history=History(lines))).verdict == "unknown"


OUTAGES: dict[str, Outage] = {
    "crash": SiteCrash(t=12, id="f1", site="c", until=18, lose="memory"),
    "pause": SitePause(t=12, id="f1", site="c", until=18),
    "apiserver": ApiserverTrouble(t=12, id="f1", site="c", until=18, kind="refuse"),
}


@pytest.mark.parametrize("outage", sorted(OUTAGES))
def test_a_site_that_is_out_is_not_blamed_for_its_cut(outage: str) -> None:
    refused = with_line(5, type="fail", code=503)
    during = replace(TIMELINE, events=(*TIMELINE.events, OUTAGES[outage]))
    assert found("local-writes-available", replace(refused, timeline=during)).verdict == "valid"
    earlier = replace(TIMELINE, events=(*TIMELINE.events, replace(OUTAGES[outage], t=11.0, until=14.0)))
    assert found("local-writes-available", replace(refused, timeline=earlier)).verdict == "invalid"
    elsewhere = replace(TIMELINE, events=(*TIMELINE.events, replace(OUTAGES[outage], site="a")))
    assert found("local-writes-available", replace(refused, timeline=elsewhere)).verdict == "invalid"


def test_only_writes_under_a_cut_count_as_local_writes() -> None:
    lines = [replace(LINES[4], t=31), replace(LINES[5], t=31.01)]
    finding = found("local-writes-available", replace(GOOD, history=History(lines)))
    assert (finding.verdict, finding.saw) == ("unknown", 0)


def test_a_blind_search_is_not_believed() -> None:
    blind = {**HEARD, "b": Heard(b"\x8f\x03\x11")}
    finding = found("no-leak-outside-scope", replace(GOOD, wire=blind))
    assert finding.verdict == "unknown"
    assert "name team was not found on the wire of b: the search is blind" in finding.reasons


def test_a_wire_that_was_not_kept_whole_proves_no_absence() -> None:
    finding = found("no-leak-outside-scope", replace(GOOD, wire={**HEARD, "d": Heard(b"HELLO a", complete=False)}))
    assert (finding.verdict, finding.reasons) == ("unknown", ("not all that reached d was kept",))


def test_without_an_outsider_there_is_no_locality_to_see() -> None:
    everywhere = replace(TIMELINE, sites=MEMBERS)
    finding = found("no-leak-outside-scope", replace(GOOD, timeline=everywhere))
    assert (finding.verdict, finding.saw) == ("unknown", 0)


def test_claims_run_on_their_resource_or_on_all() -> None:
    claims = (
        Claim(name="one-owner", phase="eventually"),
        Claim(name="converged", phase="eventually", resource=TEAM, within_s=2),
    )
    findings = run_checks(replace(GOOD, timeline=replace(TIMELINE, claims=claims)))
    assert [(finding.check, finding.resource, finding.verdict) for finding in findings] == [
        ("one-owner", TEAM, "valid"),
        ("converged", TEAM, "invalid"),
    ]


# --- members that change


def changed(verb: str, kind: LineType, *, state: str = "", **where: str) -> Evidence:
    """The good run after one more operation at `a` that ended as `kind`."""
    operation = Operation(t=20, id="w3", verb=verb, on="a", resource=TEAM, **where)  # type: ignore[arg-type]  # by name
    lines = [
        Line(t=20, process="a", type="invoke", f=verb, id="w3", value={"resource": TEAM}),
        Line(t=21, process="a", type=kind, f=verb, id="w3", value={"resource": TEAM, "state": state, "id": "op-3"}),
    ]
    timeline = replace(TIMELINE, events=(*TIMELINE.events, operation))
    return replace(GOOD, timeline=timeline, history=History([*LINES, *lines]))


STANDING = ("converged", "one-owner", "placed-at-members")


@pytest.mark.parametrize("name", STANDING)
def test_a_refused_extend_makes_nobody_a_member(name: str) -> None:
    assert found(name, changed("extend", "fail", to="d")).verdict == "valid"


@pytest.mark.parametrize("name", STANDING)
@pytest.mark.parametrize(("kind", "state"), [("ok", "done"), ("info", "pending")])
def test_an_extend_that_was_granted_or_promised_must_come_true(name: str, kind: LineType, state: str) -> None:
    finding = found(name, changed("extend", kind, state=state, to="d"))
    assert finding.verdict == "invalid"
    assert "at d" in finding.reasons[0]


@pytest.mark.parametrize("name", STANDING)
def test_a_promise_that_the_asked_site_shows_as_refused_makes_nobody_a_member(name: str) -> None:
    """The member that was asked left before it could pass the extend on."""
    evidence = changed("extend", "info", state="pending", to="d")
    views = {**VIEWS, "a": replace(VIEWS["a"], operations={"op-3": "refused"})}
    assert found(name, replace(evidence, views=views)).verdict == "valid"


@pytest.mark.parametrize("name", STANDING)
@pytest.mark.parametrize("holds", [True, False])
def test_a_change_without_an_answer_leaves_its_site_open(name: str, holds: bool) -> None:
    evidence = changed("extend", "info", to="d")
    if holds:
        evidence = replace(evidence, views={**VIEWS, "d": replace(VIEWS["b"], site="d")})
    finding = found(name, evidence)
    assert (finding.verdict, finding.reasons) == ("unknown", ("whether d is a member is open: w3 had no answer",))


def test_a_retracted_site_must_not_hold_what_it_should_delete() -> None:
    finding = found("placed-at-members", changed("retract", "ok", origin="c", exit="delete"))
    assert finding.reasons == ("a copy of namespaces/team at c, outside its members",)


def test_a_retracted_site_may_keep_its_copy() -> None:
    assert found("placed-at-members", changed("retract", "ok", origin="c")).verdict == "valid"


def test_what_was_destroyed_must_be_gone_everywhere() -> None:
    destroyed = changed("destroy", "ok")
    assert found("placed-at-members", destroyed).verdict == "invalid"
    gone = replace(destroyed, views={site: SiteView(site=site) for site in TIMELINE.sites})
    finding = found("placed-at-members", gone)
    assert (finding.verdict, finding.saw) == ("valid", 4)


@pytest.mark.parametrize(("state", "verdict"), [("pending", "valid"), ("", "unknown")])
def test_a_destroy_that_was_promised_must_come_true(state: str, verdict: str) -> None:
    """A member is cut off, so the owner can only promise; without any answer nothing is known."""
    promised = changed("destroy", "info", state=state)
    gone = replace(promised, views={site: SiteView(site=site) for site in TIMELINE.sites})
    assert found("placed-at-members", gone).verdict == verdict
    if state:
        assert found("placed-at-members", promised).verdict == "invalid"


# --- verdicts


def test_the_worst_finding_decides() -> None:
    valid, unknown, invalid = (
        judge("x", TEAM, saw=1, wrong=wrong, unsure=unsure)
        for wrong, unsure in (((), ()), ((), ("?",)), (("!",), ("?",)))
    )
    assert overall([valid, valid]) == "valid"
    assert overall([valid, unknown]) == "unknown"
    assert overall([unknown, invalid, valid]) == "invalid"
    assert overall([]) == "unknown"


def test_reasons_are_bounded() -> None:
    finding = judge("x", TEAM, saw=1, wrong=[f"reason {number}" for number in range(100)])
    assert len(finding.reasons) == REASONS_MAX + 1
    assert finding.reasons[-1] == f"and {100 - REASONS_MAX} more"
