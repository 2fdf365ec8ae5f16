"""`fakekube sweep` and `fakekube shrink`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from chaos.search.job import Job

Agent = Annotated[
    str | None, typer.Option("--agent", metavar="PACKAGE:CLASS", help="An agent of your own at every site.")
]
Wire = Annotated[
    bool, typer.Option("--wire/--no-wire", help="Requests within a site as HTTP bytes, or as calls, which cost less.")
]
LoseMessage = Annotated[
    int, typer.Option("--lose-message", min=0, metavar="N", help="Lose the N-th message between sites (virtual world).")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout; all else goes to stderr.")]


EXIT_UNFINISHED = 3


def sweep(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO|FILE", help="A name of `fakekube scenarios`, or a file.")
    ],
    seeds: Annotated[str, typer.Option("--seeds", metavar="A-B", help="The seeds, both ends included.")],
    sites: Annotated[
        int | None, typer.Option("--sites", help="Number of sites, instead of the scenario's own.")
    ] = None,
    jobs: Annotated[int, typer.Option("-j", min=1, help="Processes.")] = os.cpu_count() or 1,
    shard: Annotated[
        str, typer.Option("--shard", metavar="I/N", help="Only the I-th of N parts of the seeds.")
    ] = "1/1",
    executor: Annotated[Literal["local", "dask"], typer.Option(help="Where the runs take place.")] = "local",
    scheduler: Annotated[str | None, typer.Option(help="Address of the Dask scheduler.")] = None,
    agent: Agent = None,
    wire: Wire = True,
    sweep_messages: Annotated[
        bool, typer.Option("--sweep-messages", help="For each seed: lose the n-th message, for every n.")
    ] = False,
    check_determinism: Annotated[
        bool,
        typer.Option("--check-determinism", help="Run each seed in two processes, and show where their traces differ."),
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Keep results here; an interrupted sweep goes on.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run a scenario with many seeds and say which fail."""
    from chaos.scenario.errors import BadScenario
    from chaos.search import sweep as sweeping
    from chaos.search.executors import Dask, Executor, Processes
    from chaos.search.job import Job
    from chaos.search.progress import Progress
    from chaos.worlds.staging import Staging

    if executor == "dask" and scheduler is None:
        raise BadScenario(
            "--scheduler", "", "--executor dask needs the scheduler's address, such as tcp://127.0.0.1:8786"
        )
    part = sweeping.read_shard(shard)
    wanted = part.of(sweeping.read_seeds(seeds))
    where: Executor = Dask(scheduler) if executor == "dask" and scheduler else Processes(jobs)
    if not wanted:
        raise BadScenario("--shard", "", f"{shard} of {seeds} holds no seed")
    staging = Staging(wire=wire)
    todo = [Job(scenario=scenario, seed=seed, sites=sites, agent=agent, staging=staging) for seed in wanted]
    if check_determinism:
        raise typer.Exit(_compare(todo))
    if sweep_messages:
        todo = [losing for job in todo for losing in sweeping.losing_each_message(job)]
    with _going_on(out), Progress(len(todo), sys.stderr) as progress:
        tally = sweeping.sweep(todo, where, out=out, told=progress.told, shard=part)
    _print_tally(tally, out, as_json=as_json)
    raise typer.Exit(tally.exit_code)


@contextmanager
def _going_on(out: Path | None) -> Iterator[None]:
    """Whoever stops a sweep is told how it goes on."""
    from chaos.search.executors import SweepStopped

    way = "repeat the command to go on" if out is not None else "with --out DIR it would go on where it was"
    try:
        yield
    except SweepStopped as stopped:
        print(f"{stopped}: {way}", file=sys.stderr)
        raise typer.Exit(EXIT_UNFINISHED) from None
    except KeyboardInterrupt:
        print(f"interrupted: {way}", file=sys.stderr)
        raise


def _compare(jobs: Sequence[Job]) -> int:
    """The exit code: 1 when a run does not repeat."""
    from chaos.search.determinism import first_difference

    code = 0
    for job in jobs:
        difference = first_difference(job)
        if difference is None:
            print(f"seed {job.key}: one trace in two processes")
            continue
        code = 1
        print(f"seed {job.key}: two traces, which first differ in\n  {difference[0]}\n  {difference[1]}")
    return code


def _print_tally(tally: object, out: Path | None, *, as_json: bool) -> None:
    import msgspec

    from chaos.search.sweep import Tally

    assert isinstance(tally, Tally)
    if as_json:
        found = {
            "verdicts": dict(tally.verdicts),
            "sometimes": tally.sightings.counted(),
            "failing": tally.failing(),
        }
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
        return
    counts = ", ".join(f"{tally.verdicts[verdict]} {verdict}" for verdict in ("valid", "invalid", "unknown"))
    print(f"{sum(tally.verdicts.values())} runs: {counts}")
    for line in tally.sightings.lines():
        print(f"  {line}")
    for result in tally.failing():
        wrong = ", ".join(_told(check) for check in result["checks"] if check["verdict"] == result["verdict"])
        print(f"  seed {result['key']}: {result['verdict']}: {wrong}\n    {result['replay']}")
        if out is not None:
            print(f"    fakekube shrink {out}/seed-{result['key']}/timeline.jsonl{_lost(result['key'])}")


def _told(check: dict[str, Any]) -> str:
    """What raised has no check that says more when it is run again."""
    return check["reasons"][0] if check["check"] == "ended" else str(check["check"])


def _lost(key: str) -> str:
    number = key.partition("-")[2]
    return f" --lose-message {number}" if number else ""


def shrink(
    timeline: Annotated[
        Path, typer.Argument(help="A failing timeline: what `compile`, `run --out` or `sweep --out` wrote.")
    ],
    agent: Agent = None,
    wire: Wire = True,
    lose_message: LoseMessage = 0,
    out: Annotated[Path | None, typer.Option("--out", help="Write the small timeline and its report here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Reduce a failing timeline to the few events that matter."""
    from chaos.report.folder import write_report, write_timeline
    from chaos.report.text import print_report
    from chaos.runner import staging_words
    from chaos.scenario.timeline import dump_timeline
    from chaos.search import shrink as shrinking
    from chaos.search.job import read_timeline, report_of
    from chaos.worlds.staging import Staging

    loaded, staging = read_timeline(timeline), Staging(wire=wire, lose_message=lose_message)

    def tried(runs: int, events: int) -> None:
        print(f"\rrun {runs}: {events} events ", end="", file=sys.stderr, flush=True)

    found = shrinking.shrink(loaded, lambda candidate: report_of(candidate, agent, staging=staging), tried)
    print(file=sys.stderr)
    folder = out or timeline.parent / "shrunk"
    written = write_timeline(folder, found.timeline)
    again = shlex.join(
        ["fakekube", "replay", str(written), *(["--agent", agent] if agent else []), *staging_words(staging)]
    )
    report = replace(found.report, replay=again)
    write_report(folder, report)
    if as_json:
        import msgspec

        told = {"runs": found.runs, "before": len(loaded.events), "after": len(found.timeline.events), "replay": again}
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    else:
        print(f"{len(loaded.events)} events shrank to {len(found.timeline.events)} in {found.runs} runs:\n")
        sys.stdout.write(dump_timeline(found.timeline))
        print()
        print_report(report, sys.stdout)
    raise typer.Exit(report.exit_code)
