"""Many seeds of one scenario: which fail, told as they come, written so that an interrupted sweep goes on."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from chaos.report.folder import write_timeline
from chaos.report.report import EXIT_CODES
from chaos.scenario import library
from chaos.scenario.document import document_of
from chaos.scenario.errors import BadScenario
from chaos.scenario.timeline import Timeline
from chaos.search.executors import Executor
from chaos.search.job import Job, Summary, compiled, report_of
from chaos.search.results import WHOLE, Results, Shard, in_numbers, lasting
from chaos.search.sightings import Sightings


@dataclass(slots=True)
class Tally:
    """What a sweep has seen: verdicts counted, every run that was not valid, and which situations came about at all.

    A run in which a situation of `sometimes` did not come about is valid if all else is: another seed may show it.
    """

    sightings: Sightings
    verdicts: Counter[str] = field(default_factory=Counter)
    failures: dict[str, Summary] = field(default_factory=dict)

    def add(self, result: Summary) -> Summary:
        """The result with the verdict that it has in a sweep."""
        judged = self.sightings.take(result)
        self.verdicts[judged["verdict"]] += 1
        if judged["verdict"] != "valid":
            self.failures[judged["key"]] = judged
        return judged

    @property
    def exit_code(self) -> int:
        """1 when any run was invalid, 3 when any was unknown or a situation never came about, else 0."""
        if self.verdicts["invalid"]:
            return EXIT_CODES["invalid"]
        return EXIT_CODES["unknown"] if self.verdicts["unknown"] or self.sightings.never() else 0

    def failing(self) -> list[Summary]:
        return [self.failures[key] for key in sorted(self.failures, key=in_numbers)]


def read_seeds(text: str) -> list[int]:
    """`7`, or `1-100` with both ends. Raises BadScenario."""
    first, dash, last = text.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()) or (dash and int(last) < int(first)):
        raise BadScenario("--seeds", "", f"{text!r} is no seed N nor a range A-B with A <= B")
    return list(range(int(first), int(last or first) + 1))


def read_shard(text: str) -> Shard:
    """`3/16`. Raises BadScenario."""
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise BadScenario("--shard", "", f"{text!r} is no i/n with 1 <= i <= n")
    return Shard(number=int(number), count=int(count))


def losing_each_message(job: Job) -> list[Job]:
    """For every message between sites that `job` sends, a job that loses that one."""
    messages = report_of(compiled(job), job.agent, staging=job.staging).outcome.messages
    return [replace(job, staging=replace(job.staging, lose_message=number)) for number in range(1, messages + 1)]


def sweep(
    jobs: Sequence[Job], executor: Executor, *, out: Path | None, told: Callable[[Summary], None], shard: Shard = WHOLE
) -> Tally:
    """Run all `jobs`, of one scenario. With `out`, results are kept there and jobs that have one are not run again.

    `shard` says which part of a sweep they are: a part does not judge whether a situation ever came about.

    Raises BadScenario for a scenario that cannot be run (before any is), or a results file of another sweep.
    """
    first = compiled(jobs[0])
    tally = Tally(Sightings(first, judged=shard == WHOLE))
    with ExitStack() as stack:
        results = None if out is None else stack.enter_context(Results(out, _asked(jobs[0], first), shard))
        done = {} if results is None else results.kept()
        for job in jobs:
            if job.key in done:
                told(tally.add(done[job.key]))
        for job, result in executor.results([job for job in jobs if job.key not in done]):
            judged = tally.add(lasting(result))
            if results is not None and out is not None:
                _keep_timeline(job, judged, out)
                results.keep(lasting(result))
            told(judged)
        if results is not None:
            results.finish()
    return tally


def _asked(job: Job, timeline: Timeline) -> dict[str, object]:
    """What two sweeps must have in common to be one; the digest is of what the scenario says, wherever it stands."""
    says = json.dumps(document_of(library.find(job.scenario)), sort_keys=True)
    return {
        "scenario": timeline.scenario,
        "says": hashlib.sha256(says.encode()).hexdigest()[:16],
        "sites": job.sites,
        "agent": job.agent,
        "wire": job.staging.wire,
    }


def _keep_timeline(job: Job, result: Summary, out: Path) -> None:
    """Before the result: a result that is there has its timeline."""
    if result["verdict"] != "valid":
        write_timeline(out / f"seed-{job.key}", compiled(job))
