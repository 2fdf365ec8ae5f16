"""A committed failure of forty events becomes a story of four, its replay line fails again, and a sweep finds it from scratch."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from chaos.cli import call
from chaos.scenario.timeline import dump_timeline
from chaos.search.job import Job, compiled, read_timeline

NAIVE = "tests.simulation.eager:EagerAgent"
FOLDER = Path(__file__).parents[3] / "simulation" / "crowded"
SCENARIO = FOLDER / "crowded.yaml"
FAILING = FOLDER / "seed-29.jsonl"

pytestmark = pytest.mark.slow


def test_the_committed_timeline_shrinks_and_its_replay_line_fails_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(read_timeline(FAILING).events) == 40
    assert call(["shrink", str(FAILING), "--agent", NAIVE, "--out", str(tmp_path)]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("40 events shrank to ")
    small = read_timeline(tmp_path / "timeline.jsonl")
    assert len(small.events) <= 5
    assert [event.id for event in small.events] == ["w0", "f0.12", "w1.7", "quiet"]

    [replay] = [line.partition("replay: ")[2] for line in told if "replay: " in line]
    command, *words = shlex.split(replay)
    assert command == "fakekube"
    assert call(words) == 1
    again = capsys.readouterr().out.splitlines()
    assert [line for line in again if "trace" in line] == [line for line in told if "trace" in line]
    assert "labels/crop differs: '7' at 3 sites, but 'barley' at site-001" in "\n".join(again)


def test_a_sweep_from_scratch_finds_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Within 200 seeds: the first 29 hold it."""
    command = ["sweep", str(SCENARIO), "--seeds", "1-29", "-j", "2", "--agent", NAIVE, "--out", str(tmp_path)]
    assert call(command) == 1
    assert "  seed 29: invalid: converged" in capsys.readouterr().out
    found = read_timeline(tmp_path / "seed-29" / "timeline.jsonl")
    assert dump_timeline(found) == FAILING.read_text()


def test_the_committed_timeline_is_what_its_seed_compiles_to() -> None:
    assert dump_timeline(compiled(Job(scenario=str(SCENARIO), seed=29))) == FAILING.read_text()
