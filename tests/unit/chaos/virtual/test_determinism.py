"""One seed, one execution: the trace of a mixed program has one hash in processes of different hash seeds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("mixed_traffic.py")


def _run(hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, str(PROGRAM)], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


def test_three_processes_with_three_hash_seeds_give_one_trace() -> None:
    outputs = {_run(hash_seed) for hash_seed in ("0", "1", "4242")}
    assert len(outputs) == 1
    digest, deliveries, _ = outputs.pop().split()
    assert len(digest) == 64
    assert int(deliveries) > 1000
