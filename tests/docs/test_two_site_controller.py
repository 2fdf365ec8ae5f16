"""examples/two-site-controller: the seeds find the lost update of the naive copier, the replay line shows it again, and the other one passes."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "examples" / "two-site-controller"


def _pytest(*arguments: str, folder: Path = FOLDER) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    ).stdout


def test_the_naive_copier_is_found_out_and_its_failure_replays() -> None:
    output = _pytest("--copier=naive", "--fakekube-runs=5")
    assert "test_the_copy_is_right_after_cuts[seed=0]" in output
    assert "test_the_copy_is_right_on_a_good_link" not in output
    replay = next(line for line in output.splitlines() if line.startswith("replay: pytest "))
    again = _pytest("--copier=naive", *shlex.split(replay.removeprefix("replay: pytest ")))
    assert "1 failed" in again
    assert replay in again
    wire = next(line for line in output.splitlines() if line.startswith("wire "))
    assert wire in again


def test_the_replay_line_is_meant_for_the_folder_where_pytest_was_started() -> None:
    output = _pytest("--copier=naive", FOLDER.name, folder=FOLDER.parent)
    assert f"replay: pytest '{FOLDER.name}/test_copier.py::" in output


def test_the_copier_that_compares_passes() -> None:
    assert "10 passed" in _pytest("--copier=level", "--fakekube-runs=5")
