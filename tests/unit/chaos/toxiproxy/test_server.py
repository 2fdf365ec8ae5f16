"""Starting and stopping the built-in server: in a loop, in a thread, as a process."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from chaos.toxiproxy.driver import Links
from chaos.toxiproxy.server import ToxiproxyServer
from chaos.toxiproxy.thread import ThreadedToxiproxy
from tests.differential.toxiproxy_traffic import PATIENCE_S

PROGRAM = "from chaos.toxiproxy.server import serve; serve(port=0, ready=lambda url: print(url, flush=True))"


def version(url: str) -> bytes:
    with urllib.request.urlopen(f"{url}/version", timeout=PATIENCE_S) as answer:
        body: bytes = answer.read()
    return body


def test_it_shares_a_loop_with_what_it_proxies() -> None:
    async def run() -> bytes:
        server = ToxiproxyServer(port=0)
        url = await server.start()
        try:
            return await asyncio.to_thread(version, url)
        finally:
            await server.stop()

    assert asyncio.run(run()) == b'{"version": "git"}\n'


def test_a_port_in_use_is_an_error_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"listen tcp 127.0.0.1:{port}: bind: address already in use"):
            ThreadedToxiproxy(port=port).start()


@contextmanager
def open_connection(url: str) -> Iterator[tuple[socket.socket, socket.socket, str]]:
    """Both ends of a connection through a new proxy of that server, and the proxy's address."""
    with ExitStack() as stack:
        upstream = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        upstream.settimeout(PATIENCE_S)
        links = Links(url, upstream=lambda dialler, target: f"127.0.0.1:{upstream.getsockname()[1]}")
        address = links.link("a", "b").address
        client = stack.enter_context(dial(address))
        server = stack.enter_context(upstream.accept()[0])
        server.settimeout(PATIENCE_S)
        yield client, server, address


def dial(address: str) -> socket.socket:
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=PATIENCE_S)


def test_stopping_closes_proxies_and_their_connections() -> None:
    toxiproxy = ThreadedToxiproxy()
    with open_connection(toxiproxy.start()) as (client, server, address):
        toxiproxy.stop()
        assert (client.recv(1), server.recv(1)) == (b"", b"")
        with pytest.raises(ConnectionRefusedError):
            dial(address)
    toxiproxy.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_process_cleanly(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        with open_connection(process.stdout.readline().strip()) as (client, server, _):
            process.send_signal(number)
            assert (client.recv(1), server.recv(1)) == (b"", b"")
            _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, "")
