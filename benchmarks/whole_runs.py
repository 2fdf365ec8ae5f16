"""Whole runs in virtual time: their budgets, what they cost, and how many requests to a plain asyncio server that is.

    python -m benchmarks.whole_runs [ROW ...]

CPU time, since that is what a run costs on a shared machine; the floor (aiohttp on a loopback socket, in the same
process) is measured right before each row. Each row has a process of its own.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from benchmarks.sites import resident_bytes
from benchmarks.virtual_loop import REQUESTS, loopback
from chaos.report.report import Report
from chaos.runner import run, run_timeline
from chaos.scenario import library
from chaos.scenario.compile import compile_scenario
from chaos.scenario.read import read_file
from chaos.scenario.topology import Sites
from chaos.search.job import read_timeline, report_of
from chaos.search.shrink import shrink
from chaos.virtual.loop import VirtualLoop
from chaos.virtual.run import run_virtual
from chaos.worlds.staging import Staging
from chaos.worlds.virtual import World

SPEC = Path(__file__).parent / "reattach-under-partition.yaml"
FORTY = Path(__file__).parent.parent / "tests" / "simulation" / "crowded" / "seed-29.jsonl"
NAIVE = "tests.simulation.eager:EagerAgent"
SCHEDULES = 20
RUNS = 100
WIRE, DIRECT = Staging(), Staging(wire=False)


class Row(NamedTuple):
    """`measure` gives the figure that `budget` bounds."""

    budget: str
    measure: Callable[[], str]


def _cpu_s(act: Callable[[], object]) -> float:
    begun = time.process_time()
    act()
    return time.process_time() - begun


def _seconds(act: Callable[[], object]) -> str:
    floor_s = asyncio.run(loopback()) / REQUESTS
    wall = time.perf_counter()
    spent = _cpu_s(act)
    wall = time.perf_counter() - wall
    return f"{spent:.1f} s of CPU ({wall:.1f} s wall), {spent / floor_s:,.0f} floor requests of {floor_s * 1e6:.0f} us"


def _partition(staging: Staging) -> str:
    timeline = compile_scenario(library.find("partition-e"), sites=200)
    return _seconds(lambda: run_timeline(timeline, staging=staging))


def _ten_minutes(staging: Staging) -> str:
    timeline = compile_scenario(read_file(SPEC))
    return _seconds(lambda: run_timeline(timeline, staging=staging))


def _thousand_sites() -> str:
    """1,000 sites with their agents for a minute, none of which has anything to do."""

    async def main(_: VirtualLoop) -> None:
        async with World(sites=1000):
            await asyncio.sleep(60)

    return _seconds(lambda: run_virtual(main))


def _nemesis(seed: int, staging: Staging) -> Report:
    """5 sites, all members, 2 minutes of the same work and the same nemesis, and all its checks."""
    scenario = read_file(SPEC)
    quick = replace(scenario, name="five", sites=Sites(count=5), links=replace(scenario.links, overrides=()))
    work = tuple(
        replace(step, at_s=step.at_s / 5, until_s=None if step.until_s is None else step.until_s / 5)
        for step in scenario.workload
    )
    create = replace(work[0], on="site-000", scope="all")
    reattach = replace(work[-1], to="site-001")
    nemesis = tuple(replace(each, from_s=12.0, until_s=90.0) for each in scenario.nemeses)
    quiet = replace(scenario.quiet, at_s=96.0, for_s=24.0)
    claims = tuple(claim for claim in scenario.claims if claim.phase in ("always", "eventually"))
    quick = replace(
        quick, workload=(create, *work[1:-1], reattach), faults=(), nemeses=nemesis, quiet=quiet, claims=claims
    )
    return run(replace(quick, duration_s=120.0), seed=seed, staging=staging)


def _schedules(staging: Staging) -> str:
    _nemesis(0, staging)  # modules and tables, loaded once a process
    spent = _cpu_s(lambda: [_nemesis(seed, staging) for seed in range(1, SCHEDULES + 1)])
    return f"{SCHEDULES / spent:.1f} schedules per second of CPU"


def _memory() -> str:
    """Resident megabytes and objects after 10 and after all runs."""
    told = []
    for seed in range(1, RUNS + 1):
        _nemesis(seed, DIRECT)
        if seed in (10, RUNS):
            gc.collect()
            told.append(f"{resident_bytes() / 1e6:.0f} MB, {len(gc.get_objects()):,} objects after {seed} runs")
    return "; ".join(told)


def _shrinking() -> str:
    """The committed failure of forty events, on the agent that fails."""
    runs = 0

    def tried(number: int, _events: int) -> None:
        nonlocal runs
        runs = number

    told = _seconds(lambda: shrink(read_timeline(FORTY), lambda candidate: report_of(candidate, NAIVE), tried))
    return f"{told}, {runs} runs"


ROWS: dict[str, Row] = {
    "partition-e-200": Row("8 s wall", lambda: _partition(WIRE)),
    "partition-e-200-direct": Row("none", lambda: _partition(DIRECT)),
    "ten-minutes": Row("10 s", lambda: _ten_minutes(WIRE)),
    "ten-minutes-direct": Row("3 s", lambda: _ten_minutes(DIRECT)),
    "thousand-sites": Row("20 s", _thousand_sites),
    "schedules": Row("10 a second", lambda: _schedules(WIRE)),
    "schedules-direct": Row("20 a second", lambda: _schedules(DIRECT)),
    "memory": Row("flat", _memory),
    "shrinking": Row("60 s", _shrinking),
}


def main() -> None:
    for name in ROWS:
        subprocess.run([sys.executable, "-m", "benchmarks.whole_runs", name], check=True)


if __name__ == "__main__":
    if not sys.argv[1:]:
        main()
    for name in sys.argv[1:]:
        print(f"{name} (budget {ROWS[name].budget}): {ROWS[name].measure()}", flush=True)
