"""A run depends on its seed alone: not on the order of sets, nor on the process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

from tests.unit.collab.protocol.test_random import Chaos


def trace(seed: int) -> str:
    """Everything on all disks after a random schedule, as one hash."""
    chaos = Chaos(seed)
    world = chaos.run()
    disks = sorted(
        (site, name, tuple(entries)) for site, node in world.nodes.items() for name, entries in node.disk.items()
    )
    sent = [(site, node.frames_sent, node.bytes_sent) for site, node in sorted(world.nodes.items())]
    return hashlib.sha256(repr((disks, sent, chaos.trace)).encode()).hexdigest()


def test_a_run_repeats_in_another_process_under_another_hash_seed() -> None:
    code = "from tests.unit.collab.protocol.test_determinism import trace; print(trace(7))"
    hashes = set()
    for hash_seed in ("1", "2"):
        path = os.pathsep.join(path for path in [os.getcwd(), *sys.path] if path)
        env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path}
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        hashes.add(done.stdout.strip())
    assert hashes == {trace(7)}


def test_another_seed_is_another_run() -> None:
    assert trace(7) != trace(8)
