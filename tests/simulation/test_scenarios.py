"""The shipped scenarios on the collaboration layer: what each claims holds, at its own size and, the schedules, at 200 members."""

from __future__ import annotations

import pytest

from chaos.report.report import Report
from chaos.runner import run
from chaos.scenario import library

SCHEDULES = [name for name in library.names() if name.startswith(("partition-", "disconnect-", "locality"))]


def told(report: Report) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Every finding that is not valid, with its reasons: what a reader of a failure wants to see."""
    return {
        f"{finding.check} {finding.resource}": (finding.verdict, finding.reasons)
        for finding in report.findings
        if finding.verdict != "valid"
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", library.names())
def test_a_shipped_scenario_holds(name: str, seed: int) -> None:
    report = run(name, seed=seed)
    assert told(report) == {}
    assert report.verdict == "valid"


@pytest.mark.parametrize("name", [name for name in library.names() if name.startswith("partition")])
def test_all_sites_are_members(name: str) -> None:
    report = run(name)
    assert report.members == len(report.timeline.sites)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_holds_at_200_sites(name: str) -> None:
    report = run(name, sites=200)
    assert told(report) == {}
    assert report.verdict == "valid"
    assert report.members == (199 if name == "locality" else 200)


def test_the_losing_value_of_a_conflict_is_shown() -> None:
    """partition-e: both sides of the cut set one label; every member shows the value that lost."""
    report = run("partition-e")
    values = {view.objects["namespaces/shared-field"]["labels/crop"] for view in report.outcome.evidence.views.values()}
    losers = {(loser.path, loser.value) for view in report.outcome.evidence.views.values() for loser in view.losers}
    assert len(values) == 1
    assert losers == {("labels/crop", value) for value in {"oats", "wheat"} - values}
