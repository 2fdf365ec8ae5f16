"""A nemesis of every kind on the collaboration layer, and on a naive agent, whose failure shrinks to a few plain faults."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.checks.catalog import run_checks
from chaos.report.report import Report
from chaos.runner import run
from chaos.scenario.compile import compile_scenario
from chaos.scenario.faults import (
    ApiserverFault,
    Crash,
    Degrade,
    Fault,
    Flapping,
    NoNames,
    Partition,
    Pause,
    Skew,
    SwizzleClog,
    Toxic,
)
from chaos.scenario.model import Claim, Quiet, Scenario
from chaos.scenario.nemesis import TARGETS, Nemesis, Weighted
from chaos.scenario.spans import Uniform
from chaos.scenario.timeline import FAULT_EVENTS, Timeline
from chaos.scenario.topology import Sites
from chaos.scenario.workload import RandomSite, Step
from chaos.search.shrink import shrink
from chaos.worlds.rehearsal import rehearse
from chaos.worlds.staging import Staging
from tests.simulation.eager import EagerAgent
from tests.simulation.wild import wild_scenario

FIELD = "namespaces/stony-field"
MEMBERS = RandomSite(of="members")
WORST: tuple[Fault, ...] = (
    Partition(),
    Partition(mode="reject"),
    Flapping(),
    SwizzleClog(),
    Degrade(latency_s=0.5, link_jitter_s=0.2, loss=0.05),
    Toxic(type="bandwidth", attributes={"rate": 5}),
    Crash(),
    Pause(),
    Skew(by_s=Uniform(-3600, 3600)),
    NoNames(),
    ApiserverFault(kind="refuse", status=429, retry_after_s=1),
    ApiserverFault(kind="lose-reply", times=2),
    ApiserverFault(kind="slow-events", delay_s=2),
)


def scenario(*faults: Fault, seed: int = 1) -> Scenario:
    weighted = tuple(Weighted(fault=fault) for fault in faults)
    return Scenario(
        name="nemesis",
        seed=seed,
        sites=Sites(count=5),
        duration_s=240,
        quiet=Quiet(at_s=60, for_s=180),
        workload=(
            Step(do="create", resource=FIELD, on="site-000", scope=" & ".join(Sites(count=5).names())),
            Step(
                do="mix",
                at_s=6,
                every_s=2,
                jitter_s=1,
                until_s=45,
                of=(
                    Step(do="patch", weight=4, resource=FIELD, on=MEMBERS, patch={"crop": "{site}-{seq}"}),
                    Step(do="get", weight=2, resource=FIELD, on=MEMBERS),
                    Step(do="reattach", resource=FIELD, to=MEMBERS),
                ),
            ),
        ),
        nemeses=(Nemesis(faults=weighted, targets=TARGETS, interval_s=5, duration_s=Uniform(3, 15), from_s=5),),
        claims=(
            Claim(name="no-lost-acknowledged-write", phase="always"),
            Claim(name="session-guarantees", phase="always"),
            Claim(name="resource-versions-grow", phase="always"),
            Claim(name="watch-equals-list", phase="always"),
            Claim(name="converged", phase="eventually", within_s=120),
            Claim(name="one-owner", phase="eventually"),
            Claim(name="placed-at-members", phase="eventually"),
        ),
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_must_hold_holds_whatever_the_nemesis_does(seed: int) -> None:
    report = run(scenario(*WORST, seed=seed))
    assert [finding for finding in report.findings if finding.verdict != "valid"] == []


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_ever_wrong_in_a_wild_schedule(seed: int) -> None:
    """What had no answer leaves a verdict open; but nothing may be invalid."""
    report = run(wild_scenario(seed, WORST), staging=Staging(wire=False))
    assert [finding for finding in report.findings if finding.verdict == "invalid"] == []
    assert sum(finding.verdict == "valid" for finding in report.findings) >= 4


def test_a_naive_agents_failure_shrinks_to_the_faults_that_matter() -> None:
    claims = (Claim(name="converged", phase="eventually"),)
    timeline = compile_scenario(replace(scenario(Partition(), Pause(), Skew(by_s=60)), claims=claims))

    def naive(candidate: Timeline) -> Report:
        outcome = rehearse(candidate, agent=EagerAgent)
        return Report(outcome=outcome, findings=tuple(run_checks(outcome.evidence)), wall_s=0, replay="")

    found = shrink(timeline, naive)
    assert found.report.verdict == "invalid"
    assert len(timeline.faults()) > 20
    assert sum(isinstance(event, FAULT_EVENTS) for event in found.timeline.events) <= 2
    assert len(found.timeline.events) <= 5
