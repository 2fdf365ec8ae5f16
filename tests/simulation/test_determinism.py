"""One seed, one run: in another process and under another hash seed every delivery comes at the same nanosecond."""

from __future__ import annotations

import os
import subprocess
import sys

import msgspec
import pytest

from chaos.report.summary import summary
from chaos.runner import run


def run_elsewhere(*arguments: str, hash_seed: int) -> dict[str, object]:
    """The JSON report of `fakekube run` in a process of its own."""
    answer = subprocess.run(
        [sys.executable, "-m", "chaos.cli", "run", *arguments, "--json"],
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        timeout=120,
        check=True,
    )
    return msgspec.json.decode(answer.stdout, type=dict[str, object])


@pytest.mark.parametrize("name", ["partition-e", "locality"])
def test_processes_with_other_hash_seeds_give_one_trace(name: str) -> None:
    """Two processes of their own, and this one."""
    here = summary(run(name, sites=9))
    for hash_seed in (1, 2):
        there = run_elsewhere(name, "--sites", "9", hash_seed=hash_seed)
        assert there["trace_sha256"] == here["trace_sha256"]
        assert {**there, "wall_s": None} == {**here, "wall_s": None}, "all but the wall time is the same"


def test_another_seed_gives_another_trace() -> None:
    assert run("partition-e", seed=1).outcome.trace_sha256 != run("partition-e", seed=2).outcome.trace_sha256
