"""The shipped scenarios with and without the wire: the same verdicts for the same reasons, the same final state everywhere."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from chaos.report.report import Report
from chaos.runner import run
from chaos.scenario import library
from chaos.worlds.staging import Staging
from tests.simulation.schedules import random_scenario

WITHOUT_WIRE = Staging(wire=False)


def shown(report: Report) -> dict[str, object]:
    """All that must not depend on the wire: findings, and what every site shows at the end."""
    evidence = report.outcome.evidence
    return {
        "findings": [
            (finding.check, finding.resource, finding.verdict, finding.reasons) for finding in report.findings
        ],
        "views": {site: asdict(view) for site, view in evidence.views.items()},
        "ends": [(line.id, line.type, line.code) for line in evidence.history.lines],
    }


@pytest.mark.parametrize("name", [scenario.name for scenario in library.shipped()])
def test_a_scenario_shows_the_same_with_and_without_the_wire(name: str) -> None:
    assert shown(run(name, staging=WITHOUT_WIRE)) == shown(run(name))


@pytest.mark.parametrize("seed", range(4))
def test_a_random_schedule_holds_without_the_wire_as_well(seed: int) -> None:
    report = run(random_scenario(seed), staging=WITHOUT_WIRE)
    assert [finding for finding in report.findings if finding.verdict != "valid"] == []


def test_a_run_without_the_wire_repeats() -> None:
    assert len({run("partition-e", staging=WITHOUT_WIRE).outcome.trace_sha256 for _ in range(2)}) == 1


def test_an_outsider_s_wire_is_searched_without_the_wire_too() -> None:
    """The check first shows that it finds the names at members."""
    found = [each for each in run("locality", staging=WITHOUT_WIRE).findings if "leak" in each.check]
    assert [(finding.verdict, finding.saw > 0) for finding in found] == [("valid", True)] * 2
