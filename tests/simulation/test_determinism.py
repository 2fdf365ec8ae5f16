"""One seed, one run: in another process and under another hash seed every delivery comes at the same nanosecond."""

from __future__ import annotations

import os
import subprocess
import sys

import msgspec
import pytest


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
def test_three_hash_seeds_give_one_trace(name: str) -> None:
    reports = [run_elsewhere(name, "--sites", "9", hash_seed=hash_seed) for hash_seed in (0, 1, 2)]
    assert len({str(report["trace_sha256"]) for report in reports}) == 1
    first, *others = ({**report, "wall_s": None} for report in reports)
    assert all(other == first for other in others), "all but the wall time is the same"


def test_another_seed_gives_another_trace() -> None:
    traces = {str(run_elsewhere("partition-e", "--seed", seed, hash_seed=0)["trace_sha256"]) for seed in ("1", "2")}
    assert len(traces) == 2
