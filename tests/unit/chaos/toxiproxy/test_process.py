"""The built-in server as a process: it answers, it ends with whoever started it, it says what is wrong."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import ExitStack

import pytest

from chaos.toxiproxy.driver import Api, ToxiproxyError, Unreachable
from chaos.toxiproxy.process import ToxiproxyProcess
from tests.differential.toxiproxy_traffic import PATIENCE_S


def test_it_answers_until_the_block_ends() -> None:
    process = ToxiproxyProcess(seed=7)
    with process as url:
        assert Api(url).get("/version") == {"version": "git"}
    with pytest.raises(Unreachable):
        Api(url).get("/version")
    process.stop()


def test_it_ends_when_its_input_ends() -> None:
    command = [sys.executable, "-m", "chaos.toxiproxy", "--port", "0", "--leashed"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0


def test_a_port_in_use_is_one_line_and_exit_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "chaos.toxiproxy", "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stderr) == (2, f"listen tcp 127.0.0.1:{port}: bind: address already in use\n")


def test_a_process_that_ends_at_once_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    process = ToxiproxyProcess()
    monkeypatch.setattr(process, "_command", [sys.executable, "-c", "raise SystemExit(9)"])
    with pytest.raises(ToxiproxyError, match="exit code 9"):
        process.start()
    process.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit of descriptors")
def test_a_server_out_of_descriptors_says_so_once_and_lives() -> None:
    """More clients than it may have sockets: those beyond are not served, and afterwards it answers again."""
    limited = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)); "
    program = (
        limited + "from chaos.toxiproxy.server import serve; serve(port=0, ready=lambda url: print(url, flush=True))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().strip()
        port = int(url.rsplit(":", 1)[1])
        with ExitStack() as clients:
            for _ in range(60):
                clients.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S))
            assert "out of system resource" in process.stderr.readline()
        assert Api(url).get("/version") == {"version": "git"}
        process.terminate()
        _, more = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, more) == (0, "")
