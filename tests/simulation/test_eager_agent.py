"""The shipped scenarios on a naive agent: where nothing is cut it does well, and a cut shows its bug."""

from __future__ import annotations

import pytest

from chaos.checks.catalog import run_checks
from chaos.checks.finding import Finding, overall
from chaos.scenario import library
from chaos.scenario.compile import compile_scenario
from chaos.worlds.rehearsal import rehearse
from tests.simulation.eager import EagerAgent


def findings(name: str) -> dict[str, Finding]:
    outcome = rehearse(compile_scenario(library.find(name)), agent=EagerAgent)
    return {finding.check: finding for finding in run_checks(outcome.evidence)}


@pytest.mark.parametrize("name", ["partition-a", "partition-b", "locality"])
def test_without_a_cut_it_does_well(name: str) -> None:
    found = findings(name)
    assert overall(found.values()) == "valid", found


@pytest.mark.parametrize("name", ["partition-c", "partition-d", "partition-e"])
def test_a_cut_leaves_a_member_behind(name: str) -> None:
    found = findings(name)
    assert overall(found.values()) == "invalid"
    assert found["converged"].verdict == "invalid"


def test_the_conflicting_write_at_the_cut_site_is_lost_in_silence() -> None:
    assert "is nowhere" in findings("partition-e")["no-lost-acknowledged-write"].reasons[0]


def test_local_writes_answer_late_when_they_wait_for_peers() -> None:
    """It tells the others before it answers: under a cut that costs its users the time-out."""
    assert "took 2" in findings("partition-e")["local-writes-available"].reasons[0]
