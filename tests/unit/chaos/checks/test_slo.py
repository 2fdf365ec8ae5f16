"""Objectives for latencies, and situations that a run has shown or not."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.checks import slo
from chaos.checks.catalog import CHECKS, run_checks
from chaos.checks.evidence import SiteView
from chaos.checks.history import History
from chaos.checks.sightings import SIGHTINGS
from chaos.scenario.model import Claim
from tests.unit.chaos.checks.planted import GOOD, LINES, RECORD, TEAM, VIEWS, with_line
from tests.unit.chaos.checks.planted_partings import CREATED, PARTED, call, parted_as


def test_a_percentile_within_its_bound_holds() -> None:
    finding = slo.check(GOOD, "write-p99", TEAM, 0.02)
    assert (finding.verdict, finding.saw) == ("valid", 2)


def test_the_slow_one_is_named() -> None:
    finding = slo.check(GOOD, "write-p99", TEAM, 0.015)
    assert (finding.verdict, finding.guilty) == ("invalid", ("w2",))
    assert finding.reasons == ("the slowest of 99% took 20ms, more than 15ms",)
    assert slo.check(GOOD, "write-p50", TEAM, 0.015).verdict == "valid"


def test_no_answer_is_slower_than_any_bound_and_a_refusal_is_an_answer() -> None:
    assert (
        slo.check(with_line(5, type="info"), "write-p100", TEAM, 1e9)
        .reasons[0]
        .startswith("the slowest of 100% took for ever")
    )
    assert slo.check(with_line(5, type="fail", code=409), "write-p100", TEAM, 1).verdict == "valid"


def test_only_what_is_meant_is_measured() -> None:
    assert slo.check(GOOD, "create-p99", TEAM, 1).saw == 1
    assert slo.check(GOOD, "cut-write-p99", TEAM, 1).saw == 2
    healed = replace(GOOD, history=History([replace(line, t=line.t + 40) for line in LINES]))
    assert slo.check(healed, "cut-write-p99", TEAM, 1).verdict == "unknown"
    assert slo.check(GOOD, "destroy-p99", TEAM, 1).reasons == (f"no destroy of {TEAM}",)


@given(st.integers(1, 500), st.floats(0, 100))
def test_the_rank_leaves_no_more_above_it_than_the_percentage_allows(count: int, percent: float) -> None:
    rank = slo.rank(count, percent)
    assert 0 <= rank < count
    assert count - (rank + 1) <= count * (100 - percent) / 100 + 1e-6
    assert rank == 0 or rank < math.ceil(count * percent / 100)


def test_a_claim_of_the_timeline_runs_it() -> None:
    claims = (Claim(name="write-p99", phase="slo", within_s=0.015),)
    findings = run_checks(replace(GOOD, timeline=replace(GOOD.timeline, claims=claims)))
    assert [(finding.check, finding.verdict) for finding in findings] == [("write-p99", "invalid")]


# --- sometimes

MOVED = {site: replace(view, records=(replace(RECORD, owner="b"),)) for site, view in VIEWS.items() if site != "d"}


def during(verb: str) -> list[object]:
    return [*CREATED, *call(15, "c", verb, "w9")]


SEEN = {
    "concurrent-edit-merged": GOOD,
    "write-during-partition": GOOD,
    "retract-during-partition": PARTED,
    "reattach-during-partition": replace(PARTED, history=History(during("reattach"))),  # type: ignore[arg-type]  # lines
    "extend-during-partition": replace(PARTED, history=History(during("extend"))),  # type: ignore[arg-type]  # lines
    "ownership-moved": replace(GOOD, views=MOVED),
    "operation-pending": parted_as("info", state="pending"),
    "operation-refused": parted_as("fail"),
    "operation-unanswered": parted_as("info"),
}


@pytest.mark.parametrize("name", sorted(SIGHTINGS))
def test_what_was_seen_is_valid_and_what_was_not_is_unknown(name: str) -> None:
    seen = CHECKS[name].run(SEEN[name], TEAM, None)
    assert (seen.verdict, seen.saw > 0) == ("valid", True)
    bare = replace(GOOD, history=History(), views={site: SiteView(site=site) for site in VIEWS})
    unseen = CHECKS[name].run(bare, TEAM, None)
    assert (unseen.verdict, unseen.reasons) == ("unknown", (f"never seen of {TEAM}",))
