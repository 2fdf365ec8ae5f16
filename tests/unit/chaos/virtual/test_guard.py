"""Blocking clients in virtual time are stopped with an advice; anything else on the same thread or another is left alone."""

from __future__ import annotations

import asyncio
import socket
import threading
import urllib.request

import pytest

from chaos.virtual import BlockingClientError, VirtualLoop, run_virtual


def _fetch(url: str) -> None:
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5)


@pytest.mark.parametrize("url", ["http://rennes:8080/", "http://127.0.0.1:9/"])
def test_a_blocking_client_is_told_of_the_kube_fixture(url: str) -> None:
    async def main(_: VirtualLoop) -> None:
        _fetch(url)

    with pytest.raises(BlockingClientError, match=r"the `kube` fixture"):
        run_virtual(main)


def test_a_blocking_client_in_an_executor_is_stopped_as_well() -> None:
    async def main(_: VirtualLoop) -> None:
        await asyncio.to_thread(_fetch, "http://rennes:8080/")

    with pytest.raises(BlockingClientError):
        run_virtual(main)


def test_other_threads_and_later_code_may_connect() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()

        def connect() -> None:
            socket.create_connection(address, timeout=5).close()

        async def main(_: VirtualLoop) -> None:
            thread = threading.Thread(target=connect)
            thread.start()
            thread.join()

        run_virtual(main)
        connect()


def test_a_unix_socket_is_no_network(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = str(tmp_path_factory.mktemp("s") / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()

        async def main(_: VirtualLoop) -> None:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)

        run_virtual(main)
