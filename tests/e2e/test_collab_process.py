"""`collab agent` as a process: it serves, stops on a signal, and says in one line what it cannot start with."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakekube.apiserver.server import Apiserver
from fakekube.http.site import HttpSite

PATIENCE_S = 30


@pytest.fixture
def apiserver() -> Iterator[str]:
    """The URL of a fake apiserver in a thread of its own, since the commands under test block."""
    loop = asyncio.new_event_loop()
    site = HttpSite(Apiserver(name="a", now=time.time, rng=random.Random(1)))
    url = loop.run_until_complete(site.listen())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield url
    asyncio.run_coroutine_threadsafe(site.close(), loop).result(PATIENCE_S)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def config(apiserver: str, tmp_path: Path) -> Path:
    path = tmp_path / "a.yaml"
    path.write_text(json.dumps({"site": "a", "apiserver": {"url": apiserver}, "data_dir": str(tmp_path / "state")}))
    return path


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "collab.cli", *arguments]


def collab(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **(env or {})}
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=PATIENCE_S, env=environment, check=False
    )


def start(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    """A running agent and its URL."""
    process = subprocess.Popen(command("agent", *arguments), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"http://\S+", line)
    assert found, line
    return process, found[0]


def stop(process: subprocess.Popen[str], number: int) -> int:
    process.send_signal(number)
    code = process.wait(PATIENCE_S)
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    return code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_an_agent_serves_until_it_is_told_to_stop(number: int, code: int, config: Path, tmp_path: Path) -> None:
    process, url = start("--config", str(config))
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        json.dumps(
            {
                "current-context": "x",
                "contexts": [{"name": "x", "context": {"cluster": "x"}}],
                "clusters": [{"name": "x", "cluster": {"server": url}}],
            }
        )
    )
    shown = collab("sites", "--json", env={"KUBECONFIG": str(kubeconfig)})
    assert json.loads(shown.stdout)["site"] == "a"
    assert stop(process, number) == code
    log = (tmp_path / "state" / "agent.log").read_text().splitlines()
    assert [line.split(" ")[1] for line in log] == ["Started:", "Stopped:"]


def failing(*arguments: str) -> str:
    """The one line that a start which cannot succeed prints."""
    ended = collab("agent", *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


def test_a_port_in_use_is_named(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        config.write_text(json.dumps({**json.loads(config.read_text()), "listen": address}))
        line = failing("--config", str(config))
    assert f"{config}: field listen: '{address}'" in line
    assert "choose another address" in line


def test_a_damaged_journal_is_named_with_its_byte_and_recovered_when_asked(config: Path, tmp_path: Path) -> None:
    process, _ = start("--config", str(config))
    assert stop(process, signal.SIGTERM) == 0
    path = tmp_path / "state" / "data" / "site"
    whole = path.read_bytes()
    ruined = bytes([whole[0] ^ 1]) + whole[1:] + whole
    path.write_bytes(ruined)

    line = failing("--config", str(config))
    assert f"{tmp_path}/state/data: journal site: bad checksum at byte 0" in line
    assert "--recovered" in line
    assert path.read_bytes() == ruined

    process, _ = start("--config", str(config), "--recovered")
    assert stop(process, signal.SIGTERM) == 0
    assert (path.parent / "site.corrupt").read_bytes() == ruined


def test_a_data_directory_that_cannot_be_made_is_named(config: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    config.write_text(json.dumps({**json.loads(config.read_text()), "data_dir": str(tmp_path / "file" / "x")}))
    assert "field data_dir" in failing("--config", str(config))


def test_a_data_directory_of_a_running_agent_is_refused(config: Path) -> None:
    process, _ = start("--config", str(config))
    assert "in use by another agent" in failing("--config", str(config))
    assert stop(process, signal.SIGTERM) == 0
    process, _ = start("--config", str(config))
    assert stop(process, signal.SIGTERM) == 0


def test_a_configuration_with_a_mistake_is_named(config: Path) -> None:
    config.write_text(json.dumps({**json.loads(config.read_text()), "site": "A"}))
    assert f"{config}: field site: site name 'A'" in failing("--config", str(config))
