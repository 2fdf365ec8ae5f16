"""What the command of a Job's container says about its end, and the pods that end so."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from fakekube.controllers.commands import End, end_of


def pod(*commands: list[str], image: str = "busybox") -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "c", "image": image, "command": each} for each in commands]}}


@pytest.mark.parametrize(
    ("command", "end"),
    [
        (["sleep", "5"], End(0, 5)),
        (["/bin/sleep", "1m", "30"], End(0, 90)),
        (["sleep", "infinity"], End(0, inf)),
        (["true"], End()),
        (["/bin/false"], End(1)),
        (["sh", "-c", "exit 3"], End(3)),
        (["/bin/sh", "-c", "sleep 2; exit 1"], End(1, 2)),
        (["bash", "-c", "echo hello && sleep 1\nsleep 2"], End(0, 3)),
        (["sh", "-c", "exit 0; exit 1"], End(0)),
    ],
)
def test_simple_commands_say_when_and_how_they_end(command: list[str], end: End) -> None:
    assert end_of(pod(command)) == end


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["nginx"],
        ["sleep"],
        ["sleep", "soon"],
        ["sh", "-c", "exit $CODE"],
        ["sh", "-c", "echo $(date)"],
        ["sh", "-c", "if true; then exit 1; fi"],
        ["sh", "script.sh"],
    ],
)
def test_other_commands_say_nothing(command: list[str]) -> None:
    assert end_of(pod(command)) is None


@pytest.mark.parametrize("image", ["registry.k8s.io/pause:3.10", "pause", "pause@sha256:00"])
def test_the_pause_image_never_ends(image: str) -> None:
    assert end_of(pod([], image=image)) == End(0, inf)


def test_of_several_containers_the_longest_counts_and_the_one_that_fails() -> None:
    assert end_of(pod(["sleep", "5"], ["false"])) == End(1, 5)
    assert end_of(pod(["sleep", "5"], ["nginx"])) is None
