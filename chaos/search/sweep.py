"""Many seeds of one scenario: which fail, told as they come, written so that an interrupted sweep goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from chaos.report.folder import write_timeline
from chaos.report.report import EXIT_CODES
from chaos.scenario.errors import BadScenario
from chaos.search.executors import Executor
from chaos.search.job import Job, Summary, compiled, report_of

RESULTS = "results.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The `number`-th of `count` equal parts of a sweep, counted from 1: every count-th seed."""

    number: int = 1
    count: int = 1

    def of(self, seeds: Sequence[int]) -> list[int]:
        return list(seeds[self.number - 1 :: self.count])


@dataclass(slots=True)
class Tally:
    """What a sweep has seen: verdicts counted, and every run that was not valid, in the order of the jobs."""

    verdicts: Counter[str] = field(default_factory=Counter)
    failures: dict[str, Summary] = field(default_factory=dict)

    def add(self, result: Summary) -> None:
        self.verdicts[result["verdict"]] += 1
        if result["verdict"] != "valid":
            self.failures[result["key"]] = result

    @property
    def exit_code(self) -> int:
        """1 when any run was invalid, 3 when any was unknown, else 0."""
        found = [verdict for verdict in ("invalid", "unknown") if self.verdicts[verdict]]
        return EXIT_CODES[found[0]] if found else 0  # type: ignore[index]  # the two are verdicts

    def failing(self) -> list[Summary]:
        return [self.failures[key] for key in sorted(self.failures, key=_in_numbers)]


def _in_numbers(key: str) -> list[int]:
    return [int(part) for part in key.split("-")]


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


def sweep(jobs: Sequence[Job], executor: Executor, *, out: Path | None, told: Callable[[Summary], None]) -> Tally:
    """Run all `jobs`, of one scenario. With `out`, results are kept there and jobs that have one are not run again.

    Raises BadScenario for a scenario that cannot be run (before any is), or a results file of another sweep.
    """
    compiled(jobs[0])
    tally = Tally()
    done = {result["key"]: result for result in _kept(jobs[0], out)}
    for job in jobs:
        if job.key in done:
            tally.add(done[job.key])
            told(done[job.key])
    for one, result in executor.results([job for job in jobs if job.key not in done]):
        _keep(one, result, out)
        tally.add(result)
        told(result)
    return tally


def _kept(job: Job, out: Path | None) -> Iterator[Summary]:
    """The results of an earlier run; a line that was being written when it died is dropped."""
    path = None if out is None else out / RESULTS
    if path is None or not path.exists():
        return
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if len(whole) < len(text):
        path.write_bytes(whole)
    for number, line in enumerate(whole.splitlines(), 1):
        yield _result(job, path, number, line)


def _result(job: Job, path: Path, number: int, line: bytes) -> Summary:
    try:
        kept = msgspec.json.decode(line, type=dict)
        asked = kept["job"]
        result: Summary = kept["result"]
        result["key"], asked["scenario"]
    except (msgspec.DecodeError, msgspec.ValidationError, KeyError, TypeError):
        raise BadScenario(str(path), f"line {number}", "is no result of a sweep: name another --out") from None
    if asked != _asked(job):
        raise BadScenario(str(path), f"line {number}", f"is of another sweep ({asked['scenario']}): name another --out")
    return result


def _asked(job: Job) -> dict[str, object]:
    return {"scenario": job.scenario, "sites": job.sites, "agent": job.agent, "wire": job.staging.wire}


def _keep(job: Job, result: Summary, out: Path | None) -> None:
    if out is None:
        return
    out.mkdir(parents=True, exist_ok=True)
    if result["verdict"] != "valid":
        write_timeline(out / f"seed-{job.key}", compiled(job))
    with (out / RESULTS).open("ab") as file:
        file.write(msgspec.json.encode({"job": _asked(job), "result": result}) + b"\n")
