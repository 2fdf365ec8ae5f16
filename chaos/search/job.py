"""One run of a search, as a value that travels to another process: what to run, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from traceback import extract_tb
from typing import Any

from chaos.report.report import Report
from chaos.report.summary import summary
from chaos.runner import capabilities, replay_command, run_timeline
from chaos.scenario import library
from chaos.scenario.compile import compile_scenario
from chaos.scenario.errors import BadScenario
from chaos.scenario.read import read_content
from chaos.scenario.timeline import Timeline, load_timeline
from chaos.worlds.staging import AS_IT_IS, Staging

Summary = dict[str, Any]
"""What `run --json` prints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A seed of a scenario in virtual time; `agent` is `package:Class`, by default the collaboration layer's own.
    `staging` must travel, so it is not traced."""

    scenario: str
    seed: int
    sites: int | None = None
    agent: str | None = None
    staging: Staging = AS_IT_IS

    @property
    def key(self) -> str:
        """What tells this job from the others of its sweep."""
        lost = self.staging.lose_message
        return f"{self.seed}-{lost}" if lost else str(self.seed)


def read_timeline(path: Path) -> Timeline:
    """What `fakekube compile`, `run --out` or `sweep --out` wrote. Raises BadScenario."""
    return load_timeline(read_content(path, wanted="a timeline that `compile` or `run --out` wrote"), str(path))


def compiled(job: Job) -> Timeline:
    """Raises BadScenario."""
    return compile_scenario(library.find(job.scenario), seed=job.seed, sites=job.sites, world=capabilities("virtual"))


def perform(job: Job) -> Summary:
    """Run the job in this process. Raises BadScenario.

    A run that itself raises (an agent with a bug that this seed finds) is unknown, and says what it raised.
    """
    timeline = compiled(job)
    try:
        found = summary(report_of(timeline, job.agent, staging=job.staging))
    except BadScenario:
        raise
    except Exception as error:
        found = _died(timeline, job, error)
    return {**found, "key": job.key}


def _died(timeline: Timeline, job: Job, error: Exception) -> Summary:
    """A summary as far as there is one; the replay line shows the whole traceback."""
    place = extract_tb(error.__traceback__)[-1]
    reason = f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
    ended = {"check": "ended", "resource": "", "verdict": "unknown", "saw": 0, "reasons": [reason], "guilty": []}
    return {
        "verdict": "unknown",
        "scenario": timeline.scenario,
        "seed": timeline.seed,
        "sites": len(timeline.sites),
        "checks": [ended],
        "replay": replay_command(timeline, "virtual", None, job.agent, job.staging),
    }


def report_of(timeline: Timeline, agent: str | None = None, *, replay: str = "", staging: Staging = AS_IT_IS) -> Report:
    """A run in virtual time with its verdict."""
    return run_timeline(timeline, agent=agent, replay=replay, staging=staging)
