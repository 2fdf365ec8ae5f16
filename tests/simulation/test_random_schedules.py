"""Random schedules on the collaboration layer: cuts of every mode and direction, hand-overs, seizes, an extension, writes.

A seed that fails prints its scenario by `random_scenario(seed)`; the checks' own eyes are tested with a planted bug.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import pytest

from chaos.report.report import Report
from chaos.runner import run
from collab.record import joins
from collab.record.joins import JoinedField
from collab.record.slots import Field
from tests.simulation.schedules import random_scenario

SEEDS = range(6)


@cache
def report_of(seed: int) -> Report:
    return run(random_scenario(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_what_must_hold_holds_on_any_schedule(seed: int) -> None:
    assert [finding for finding in report_of(seed).findings if finding.verdict != "valid"] == []


def test_the_schedules_are_worth_their_time() -> None:
    """Together they show conflicts, other owners than the creator, and members that were added later."""
    outcomes = [report_of(seed).outcome for seed in SEEDS]
    views = [view for outcome in outcomes for view in outcome.evidence.views.values()]
    owners = {record.owner for view in views for record in view.records}
    extends = [call for outcome in outcomes for call in outcome.evidence.history.calls("extend") if call.acknowledged]
    assert any(view.losers for view in views)
    assert len(owners) > 1
    assert extends


def test_a_join_that_hides_its_losers_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted bug: of two concurrent edits one wins, and the other is gone without a trace."""
    honest = joins.join_field

    def hiding(slots: Mapping[str, Field]) -> JoinedField | None:
        joined = honest(slots)
        return None if joined is None else replace(joined, losers=())

    monkeypatch.setattr(joins, "join_field", hiding)
    caught = (
        finding for seed in SEEDS for finding in run(random_scenario(seed)).findings if finding.verdict == "invalid"
    )
    assert next(caught).check == "no-lost-acknowledged-write"
