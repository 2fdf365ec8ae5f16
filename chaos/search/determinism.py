"""Does a run repeat? The same job in two processes that hash strings differently, and the first line in which they differ."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from subprocess import PIPE, run
from tempfile import TemporaryDirectory

import msgspec

from chaos.scenario.errors import BadScenario
from chaos.search.job import Job, compiled, report_of
from chaos.worlds.staging import Staging

HASH_SEEDS = ("1", "2")
ENDED = "the run ended"


def first_difference(job: Job) -> tuple[str, str] | None:
    """Runs `job` twice, each time in a process of its own. The first lines of the two traces that differ, None if none do.

    Raises BadScenario for a job that cannot run.
    """
    compiled(job)
    with TemporaryDirectory() as folder:
        first, second = (_traced_elsewhere(job, hash_seed, Path(folder)) for hash_seed in HASH_SEEDS)
        with first.open(encoding="utf-8") as left, second.open(encoding="utf-8") as right:
            for one, other in zip_longest(left, right, fillvalue=ENDED):
                if one != other:
                    return one.rstrip("\n"), other.rstrip("\n")
    return None


def _traced_elsewhere(job: Job, hash_seed: str, folder: Path) -> Path:
    path = folder / hash_seed
    with path.open("wb") as file:
        ended = run(
            [sys.executable, "-m", "chaos.search.determinism"],
            input=msgspec.json.encode(_as_sent(job)),
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            stdout=file,
            stderr=PIPE,
            check=False,
        )
    if ended.returncode:
        last = ended.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise BadScenario("--check-determinism", "", f"the run did not end well: {last}")
    return path


def _as_sent(job: Job) -> dict[str, object]:
    staging = {"wire": job.staging.wire, "lose_message": job.staging.lose_message}
    return {
        "scenario": job.scenario,
        "seed": job.seed,
        "sites": job.sites,
        "agent": job.agent,
        "staging": staging,
    }


def trace_of(job: Job) -> Iterator[str]:
    """Every delivery, those of one instant in the order of their text, and then the history."""
    lines: list[tuple[int, str]] = []

    def traced(line: str) -> None:
        lines.append((int(line.partition(" ")[0]), line))

    staging = Staging(wire=job.staging.wire, lose_message=job.staging.lose_message, traced=traced)
    report = report_of(compiled(job), job.agent, staging=staging)
    yield from (line for _, line in sorted(lines))
    yield report.outcome.evidence.history.dump()


def main() -> None:
    """Reads a job, writes its trace."""
    sys.stdout.writelines(trace_of(msgspec.json.decode(sys.stdin.buffer.read(), type=Job)))


if __name__ == "__main__":
    main()
