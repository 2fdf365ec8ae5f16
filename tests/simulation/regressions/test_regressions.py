"""Schedules that once broke something: each was found by a seed, made small, and holds now."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.runner import run
from chaos.worlds.staging import Staging

SCHEDULES = sorted(Path(__file__).parent.glob("*.yaml"))


@pytest.mark.parametrize("wire", [True, False], ids=["wire", "direct"])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda path: path.stem)
def test_a_schedule_that_broke_something_holds(schedule: Path, wire: bool) -> None:
    report = run(str(schedule), staging=Staging(wire=wire))
    assert [finding for finding in report.findings if finding.verdict != "valid"] == []
