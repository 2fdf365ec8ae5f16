"""What answers at --toxiproxy-url and is no Toxiproxy to work with: one line, an exit code, nothing started."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chaos.cli import call
from chaos.toxiproxy import driver


@contextmanager
def answering(reply: bytes | None) -> Iterator[str]:
    """A server that accepts, and sends `reply` to each connection; None: it never answers."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            try:
                while True:
                    connection, _ = server.accept()
                    held.append(connection)
                    if reply is not None:
                        connection.recv(65536)
                        connection.sendall(reply)
                        connection.close()
            except OSError:
                return

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in held:
                connection.close()


def told(capsys: pytest.CaptureFixture[str], url: str) -> tuple[int, str]:
    code = call(["run", "partition-a", "--world", "proxy", "--toxiproxy-url", url])
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    return code, err


def test_one_that_accepts_and_never_answers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "CALL_TIMEOUT_S", 0.2)
    with answering(None) as url:
        assert told(capsys, url) == (4, f"{url}/version: no answer in 0.2 s: is it a Toxiproxy?\n")


def test_one_that_is_too_old_to_tell_its_version_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n2.1.4") as url:
        code, line = told(capsys, url)
    assert code == 2
    assert line.startswith(f"{url}/version answers no JSON: it must be a Toxiproxy of 2.5 or later")


def test_one_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    assert told(capsys, url) == (4, f"no Toxiproxy answers at {url}: start one with `fakekube toxiproxy`\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of descriptors")
def test_a_machine_with_too_few_descriptors() -> None:
    command = 'ulimit -n 90; exec "$0" -m chaos.cli run partition-a --world proxy'
    ended = subprocess.run(
        ["sh", "-c", command, sys.executable], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "5 sites need about 180 descriptors and this process may open 90: raise `ulimit -n`" in ended.stderr
