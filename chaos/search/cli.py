"""`fakekube sweep` and `fakekube shrink`."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

Agent = Annotated[
    str | None, typer.Option("--agent", metavar="PACKAGE:CLASS", help="An agent of your own at every site.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout; all else goes to stderr.")]


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
    out: Annotated[Path | None, typer.Option("--out", help="Keep results here; an interrupted sweep goes on.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run a scenario with many seeds and say which fail."""
    from chaos.scenario.errors import BadScenario
    from chaos.search import sweep as sweeping
    from chaos.search.executors import Dask, Executor, Processes
    from chaos.search.job import Job
    from chaos.search.progress import Progress

    if executor == "dask" and scheduler is None:
        raise BadScenario(
            "--scheduler", "", "--executor dask needs the scheduler's address, such as tcp://127.0.0.1:8786"
        )
    wanted = sweeping.read_shard(shard).of(sweeping.read_seeds(seeds))
    where: Executor = Dask(scheduler) if executor == "dask" and scheduler else Processes(jobs)
    job = Job(scenario=scenario, seed=0, sites=sites, agent=agent)
    if not wanted:
        raise BadScenario("--shard", "", f"{shard} of {seeds} holds no seed")
    with Progress(len(wanted), sys.stderr) as progress:
        tally = sweeping.sweep(job, wanted, where, out=out, told=progress.told)
    _print_tally(tally, out, as_json=as_json)
    raise typer.Exit(tally.exit_code)


def _print_tally(tally: object, out: Path | None, *, as_json: bool) -> None:
    import msgspec

    from chaos.search.sweep import Tally

    assert isinstance(tally, Tally)
    if as_json:
        found = {"verdicts": dict(tally.verdicts), "failing": tally.failing()}
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
        return
    counts = ", ".join(f"{tally.verdicts[verdict]} {verdict}" for verdict in ("valid", "invalid", "unknown"))
    print(f"{sum(tally.verdicts.values())} seeds: {counts}")
    for result in tally.failing():
        wrong = ", ".join(check["check"] for check in result["checks"] if check["verdict"] != "valid")
        print(f"  seed {result['seed']}: {result['verdict']}: {wrong}\n    {result['replay']}")
        if out is not None:
            print(f"    fakekube shrink {out}/seed-{result['seed']}/timeline.jsonl")


def shrink(
    timeline: Annotated[
        Path, typer.Argument(help="A failing timeline: what `compile`, `run --out` or `sweep --out` wrote.")
    ],
    agent: Agent = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the small timeline and its report here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Reduce a failing timeline to the few events that matter."""
    from chaos.report.folder import write_report, write_timeline
    from chaos.report.text import print_report
    from chaos.scenario.read import read_content
    from chaos.scenario.timeline import dump_timeline, load_timeline
    from chaos.search import shrink as shrinking
    from chaos.search.job import report_of

    loaded = load_timeline(read_content(timeline), str(timeline))

    def tried(runs: int, events: int) -> None:
        print(f"\rrun {runs}: {events} events ", end="", file=sys.stderr, flush=True)

    found = shrinking.shrink(loaded, lambda candidate: report_of(candidate, agent), tried)
    print(file=sys.stderr)
    folder = out or timeline.parent / "shrunk"
    written = write_timeline(folder, found.timeline)
    again = shlex.join(["fakekube", "replay", str(written), *(["--agent", agent] if agent else [])])
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
