"""The first half hour of the soak; `make soak` runs its day, which takes minutes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chaos.runner import run
from chaos.scenario.model import Quiet
from chaos.scenario.read import read_file
from chaos.worlds.staging import Staging

SOAK = read_file(Path(__file__).with_name("soak.yaml"))
WORK_S = 1500.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_the_first_half_hour_of_the_soak_holds(seed: int) -> None:
    sites = replace(SOAK.sites, count=8)
    claims = tuple(claim for claim in SOAK.claims if claim.phase != "sometimes")  # too short to see all of a day
    short = replace(SOAK, seed=seed, sites=sites, duration_s=WORK_S + 300, claims=claims)
    short = replace(short, quiet=Quiet(at_s=WORK_S, for_s=300))
    report = run(short, staging=Staging(wire=False))
    assert [finding for finding in report.findings if finding.verdict != "valid"] == []


def test_the_soak_is_a_day_at_twenty_sites() -> None:
    assert (SOAK.duration_s, len(SOAK.sites.names())) == (24 * 3600, 20)
