"""The released toxiproxy-cli drives the built-in server."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest

from chaos.toxiproxy.thread import ThreadedToxiproxy
from tests.real import start

pytestmark = pytest.mark.real

Command = Callable[..., str]


@pytest.fixture
def command() -> Iterator[Command]:
    """Runs one command line; gives what it printed, its errors last."""
    try:
        program = start.binary("toxiproxy-cli")
    except start.NotBuilt as absent:
        pytest.skip(str(absent))
    with ThreadedToxiproxy() as url:

        def run(*arguments: str) -> str:
            done = subprocess.run(
                [program, "-h", url, *arguments], capture_output=True, text=True, timeout=30, check=False
            )
            return done.stdout + done.stderr

        yield run


def test_a_proxy_is_made_listed_toggled_and_deleted(command: Command) -> None:
    assert "Created new proxy web" in command("create", "-l", "127.0.0.1:0", "-u", "127.0.0.1:1", "web")
    assert command("list").split()[:4:2] == ["web", "127.0.0.1:1"]
    assert "now disabled" in command("toggle", "web")
    assert "now enabled" in command("toggle", "web")
    assert "Deleted proxy web" in command("delete", "web")
    assert "web" not in command("list")


def test_a_toxic_is_added_changed_shown_and_deleted(command: Command) -> None:
    command("create", "-l", "127.0.0.1:0", "-u", "127.0.0.1:1", "web")
    added = command("toxic", "add", "-t", "latency", "-n", "slow", "-tox", "0.5", "-a", "latency=100", "web")
    assert "Added downstream latency toxic 'slow'" in added
    assert "Updated toxic 'slow'" in command("toxic", "update", "-n", "slow", "-a", "latency=200", "web")
    shown = command("inspect", "web")
    assert "toxicity=1.00" in shown  # the client sends its default toxicity with every update
    assert "latency=200" in shown
    assert "Removed toxic 'slow'" in command("toxic", "delete", "-n", "slow", "web")
    assert "slow" not in command("inspect", "web")


def test_a_refusal_is_shown(command: Command) -> None:
    command("create", "-l", "127.0.0.1:0", "-u", "127.0.0.1:1", "web")
    assert "HTTP 400: bad request body: slicer: average_size" in command("toxic", "add", "-t", "slicer", "web")
    assert "HTTP 404: proxy not found" in command("inspect", "absent")
