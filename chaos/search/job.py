"""One run of a search, as a value that travels to another process: what to run, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chaos.report.report import Report
from chaos.report.summary import summary
from chaos.runner import capabilities, run_timeline
from chaos.scenario import library
from chaos.scenario.compile import compile_scenario
from chaos.scenario.timeline import Timeline

Summary = dict[str, Any]
"""What `run --json` prints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A seed of a scenario in virtual time; `agent` is `package:Class`, by default the collaboration layer's own."""

    scenario: str
    seed: int
    sites: int | None = None
    agent: str | None = None


def compiled(job: Job) -> Timeline:
    """Raises BadScenario."""
    return compile_scenario(library.find(job.scenario), seed=job.seed, sites=job.sites, world=capabilities("virtual"))


def perform(job: Job) -> Summary:
    """Run the job in this process. Raises BadScenario."""
    return summary(report_of(compiled(job), job.agent))


def report_of(timeline: Timeline, agent: str | None = None, *, replay: str = "") -> Report:
    """A run in virtual time with its verdict."""
    return run_timeline(timeline, agent=agent, replay=replay)
