"""No resurrection, session guarantees, versions that grow, watches that equal lists: each judges only what it can know."""

from __future__ import annotations

from dataclasses import replace

from chaos.checks import finishing, resurrection, sameness, sessions, versions, watches
from chaos.checks.evidence import Evidence, Followed
from chaos.checks.history import History
from chaos.scenario.timeline import SiteCrash
from tests.unit.chaos.checks.planted import TEAM
from tests.unit.chaos.checks.planted_sessions import (
    LINES,
    SESSIONS,
    SETTINGS,
    call,
    destroyed,
    holding,
    with_end,
    with_watch,
)


def more(*lines: object) -> Evidence:
    return replace(SESSIONS, history=History([*LINES, *lines]))  # type: ignore[list-item]  # lines of `call`


def test_a_value_that_two_calls_wrote_may_be_the_second_one() -> None:
    again = more(*call(9, "c", "patch", "w9", rv="1", patch={"roof": "blue"}, told={"seen": {"roof": None}}))
    finding = resurrection.check(replace(holding({"labels/roof": "blue"}), history=again.history), TEAM, None)
    assert finding.verdict == "valid"


def test_a_configmap_that_was_applied_meanwhile_is_no_resurrection() -> None:
    settings = f"{TEAM}/configmaps/settings"
    again = more(*call(12.05, "c", "apply", "w9", rv="1", resource=settings, data={"k": "w"}, told={"seen": {}}))
    evidence = replace(holding({"configmaps/settings": "present"}), history=again.history)
    assert resurrection.check(evidence, TEAM, None).verdict == "valid"


def test_what_was_destroyed_may_not_be_back() -> None:
    assert resurrection.check(destroyed(back=False), TEAM, None).verdict == "valid"
    finding = resurrection.check(destroyed(back=True), TEAM, None)
    assert (finding.verdict, finding.guilty) == ("invalid", ("w8",))


def test_two_sites_may_differ_in_what_they_show() -> None:
    """Only one session's own order counts: `c` has never seen `blue`."""
    evidence = more(*call(7, "c", "get", "w9", rv="3", told={"read": {"labels/roof": "red"}}))
    assert sessions.check(evidence, TEAM, None).verdict == "valid"


def test_a_read_that_overlaps_a_write_may_miss_it() -> None:
    evidence = more(*call(2.05, "a", "get", "w9", rv="4", told={"read": {"labels/crop": "barley"}}))
    assert sessions.check(evidence, TEAM, None).verdict == "valid"


def test_calls_of_one_instant_are_concurrent() -> None:
    """In virtual time a local call costs none: when a paused site goes on, all that waited is answered at once."""
    at_once = [
        replace(line, t=10.0)
        for line in (
            *call(10, "a", "patch", "w8", rv="21", patch={"x": "2"}, told={"seen": {"x": "1"}}),
            *call(10, "a", "patch", "w9", rv="20", patch={"x": "1"}, told={"seen": {"x": None}}),
        )
    ]
    assert sessions.check(more(*at_once), TEAM, None).verdict == "valid"
    assert versions.check(more(*at_once), TEAM, None).verdict == "valid"


def test_the_write_before_the_one_before_is_older_too() -> None:
    evidence = more(
        *call(10, "c", "patch", "w8", rv="3", patch={"roof": "green"}, told={"seen": {"roof": "blue"}}),
        *call(11, "c", "get", "w9", rv="4", told={"read": {"labels/roof": "red"}}),
    )
    finding = sessions.check(evidence, TEAM, None)
    assert (finding.verdict, finding.guilty) == ("invalid", ("w8", "w9"))


def test_values_in_a_circle_end_the_check_without_a_verdict_on_them() -> None:
    lines = [
        *call(0, "a", "patch", "w1", rv="1", patch={"x": "1"}, told={"seen": {"x": "2"}}),
        *call(1, "a", "patch", "w2", rv="2", patch={"x": "2"}, told={"seen": {"x": "1"}}),
        *call(2, "a", "patch", "w3", rv="3", patch={"x": "1"}, told={"seen": {"x": "2"}}),
    ]
    assert sessions.check(replace(SESSIONS, history=History(lines)), TEAM, None).verdict == "valid"


def test_a_site_without_its_disks_counts_anew() -> None:
    crash = SiteCrash(t=5, id="f0", site="a", until=5.5, lose="disk")
    timeline = replace(SESSIONS.timeline, events=(*SESSIONS.timeline.events, crash))
    assert versions.check(with_end("w4", rv="2"), TEAM, None).verdict == "invalid"
    assert versions.check(replace(with_end("w4", rv="6"), timeline=timeline), TEAM, None).verdict == "valid"


def test_a_site_that_nobody_watched_leaves_it_open() -> None:
    finding = watches.check(with_watch("b", Followed(problem="TimeoutError")), TEAM, None)
    assert (finding.verdict, finding.reasons) == ("unknown", ("b was not watched: TimeoutError",))


# --- deletions-finish, copies-not-remade


def test_a_look_too_soon_or_elsewhere_says_nothing_of_a_deletion() -> None:
    for t, site in ((13, "b"), (18, "c")):
        look = call(t, site, "get", "w9", rv="", resource=SETTINGS, told={"read": {}})
        kept = [line for line in SESSIONS.history.lines if line.id != "w9"]
        evidence = replace(SESSIONS, history=History([*kept, *look]))
        assert finishing.check(evidence, TEAM, None).verdict == "unknown"


def test_what_is_made_again_may_be_there() -> None:
    again = call(14, "a", "apply", "w8", rv="9", resource=SETTINGS, data={"k": "v"})
    shown = call(18, "b", "get", "w9", rv="9", resource=SETTINGS, told={"read": {}})
    kept = [line for line in SESSIONS.history.lines if line.id != "w9"]
    evidence = replace(SESSIONS, history=History([*kept, *again, *shown]))
    assert finishing.check(evidence, TEAM, None).verdict == "unknown"


def test_a_copy_that_was_taken_away_may_be_another_one_later() -> None:
    gone = call(5, "a", "delete", "w8", rv="")
    lines = sorted([*SESSIONS.history.lines, *gone], key=lambda line: line.t)
    remade = [replace(line, value={**line.value, "uid": "u2"}) if line.id == "w4" else line for line in lines]
    evidence = replace(SESSIONS, history=History(remade))
    assert sameness.check(evidence, TEAM, None).verdict == "unknown"
