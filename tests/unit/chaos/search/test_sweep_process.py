"""Sweeps as processes: killed, interrupted, sharded over two shells, started twice. Whatever happens, nothing is lost."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.search.results import RESULTS

SCENARIO = """
apiVersion: fakekube/v1alpha1
kind: Scenario
metadata: {name: told-once}
spec:
  duration: 70s
  sites: {count: 3}
  workload:
    - {at: 0s, do: create, resource: namespaces/shared, on: site-000, scope: all, labels: {crop: barley}}
    - {at: 16s, do: update, resource: namespaces/shared, on: site-000, patch: {crop: oats}}
    - {at: 18s, do: update, resource: namespaces/shared, on: site-002, patch: {crop: wheat}}
  faults:
    - {at: 10s, duration: 25s, action: partition, mode: drop, selector: {sites: [site-002]}, target: all}
  quiet: {at: 36s, for: 30s}
  check:
    eventually: [{converged: namespaces/shared}]
    sometimes: [write-during-partition]
"""
"""Its write is missed by a site that is cut off: every seed is invalid with the agent that tells everything once."""

NAIVE = "tests.simulation.eager:EagerAgent"
ROOT = Path(__file__).parents[4]

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sweep").mkdir()
    return tmp_path / "sweep"


def started(folder: Path, *options: str, seeds: str = "1-12") -> subprocess.Popen[str]:
    """`fakekube sweep` in a session of its own, so that signals reach what a shell's Ctrl-C would reach."""
    scenario = folder.parent / "told-once.yaml"
    scenario.write_text(SCENARIO)
    command = [sys.executable, "-m", "chaos.cli", "sweep", str(scenario), "--seeds", seeds]
    command += ["-j", "2", "--agent", NAIVE, "--out", str(folder / "out"), *options]
    return subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def told(process: subprocess.Popen[str], count: int) -> list[str]:
    """The first `count` lines about failing seeds: so many runs have ended and are kept."""
    assert process.stderr is not None
    return [process.stderr.readline() for _ in range(count)]


def children(process: subprocess.Popen[str]) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def workers(process: subprocess.Popen[str]) -> list[int]:
    """Its children but multiprocessing's own tracker."""
    return [pid for pid in children(process) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def wait_until_gone(pids: list[int]) -> None:
    """Raises TimeoutError for a process that lives on."""
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ready, _, _ = select.select([descriptor], [], [], 60)
        os.close(descriptor)
        if not ready:
            raise TimeoutError(f"process {pid} outlived its parent")


linux = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="looks at processes as Linux shows them")


@linux
def test_a_sweep_that_is_killed_goes_on_and_leaves_the_file_of_one_that_was_not(tmp_path: Path) -> None:
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    whole.mkdir()
    torn.mkdir()
    code, out, _ = ended(started(whole))
    assert (code, out.splitlines()[0]) == (1, "12 runs: 0 valid, 12 invalid, 0 unknown")

    with started(torn) as killed:
        assert all(": invalid" in line for line in told(killed, 5))
        orphans = workers(killed)
        killed.kill()
    assert len(orphans) == 2
    wait_until_gone(orphans)
    kept = (torn / "out" / RESULTS).read_bytes()
    assert 5 <= kept.count(b"\n") < 12

    code, out, _ = ended(started(torn))
    assert (code, out.splitlines()[0]) == (1, "12 runs: 0 valid, 12 invalid, 0 unknown")
    assert all(line in (torn / "out" / RESULTS).read_bytes() for line in kept.splitlines())
    assert (torn / "out" / RESULTS).read_bytes() == (whole / "out" / RESULTS).read_bytes()
    assert sorted(path.name for path in (torn / "out").iterdir()) == sorted(
        path.name for path in (whole / "out").iterdir()
    )


def test_ctrl_c_says_how_to_go_on(folder: Path) -> None:
    process = started(folder)
    told(process, 1)
    os.killpg(process.pid, signal.SIGINT)
    code, _, err = ended(process)
    assert code == 130
    assert err.splitlines()[-1] == "interrupted: repeat the command to go on"
    assert "Traceback" not in err


@linux
def test_a_worker_that_is_killed_stops_the_sweep_with_one_line(folder: Path) -> None:
    process = started(folder)
    told(process, 2)
    os.kill(workers(process)[0], signal.SIGKILL)
    code, _, err = ended(process)
    assert code == 3
    assert err.splitlines()[-1].startswith("a process of the sweep was killed")
    assert "repeat the command to go on" in err
    assert ended(started(folder))[0] == 1


def test_two_shells_with_a_shard_each_give_together_what_one_run_gives(tmp_path: Path) -> None:
    one, both = tmp_path / "one", tmp_path / "both"
    one.mkdir()
    both.mkdir()
    code, told_by_one, _ = ended(started(one, seeds="1-6"))
    shells = [started(both, "--shard", f"{number}/2", seeds="1-6") for number in (1, 2)]
    assert [ended(shell)[0] for shell in shells] == [1, 1]
    shards = [(both / "out" / f"results-{number}-of-2.jsonl").read_text().splitlines() for number in (1, 2)]
    assert [len(lines) for lines in shards] == [3, 3]
    assert sorted(shards[0] + shards[1]) == sorted((one / "out" / RESULTS).read_text().splitlines())

    joined = ended(started(both, seeds="1-6"))
    assert joined[0] == code
    assert joined[1].replace(str(both), str(one)) == told_by_one
    assert (both / "out" / RESULTS).read_text() == "", "all that was asked for was there"


def test_a_second_sweep_into_the_same_file_is_refused(folder: Path) -> None:
    first = started(folder)
    told(first, 1)
    code, _, err = ended(started(folder))
    assert code == 2
    assert err == f"{folder}/out/{RESULTS}: another sweep writes here: wait for it, or name another --out\n"
    assert ended(first)[0] == 1
