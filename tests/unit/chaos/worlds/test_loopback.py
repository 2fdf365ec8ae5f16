"""Host names as sites on real sockets: who stands where decides where a name leads."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from typing import TypeVar

import aiohttp
import pytest
from aiohttp import web

from chaos.virtual.sites import context_at, site_context
from chaos.virtual.trace import WireChunk
from chaos.worlds import loopback
from chaos.worlds.loopback import LoopbackLoop, SiteAddresses

T = TypeVar("T")

PORT = 8443
SITES = ("paris", "rennes")


class Routes:
    """Links that lead to a listener of ours, and who asked for them."""

    def __init__(self, addresses: SiteAddresses) -> None:
        self._addresses = addresses
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, dialler: str, target: str) -> str:
        self.asked.append((dialler, target))
        host, port = self._addresses.socket_address(target, PORT)
        return f"{host}:{port}"


def run(program: Coroutine[object, object, T], addresses: SiteAddresses, routes: Routes) -> T:
    with asyncio.Runner(loop_factory=lambda: LoopbackLoop(addresses, routes, linked_port=PORT)) as runner:
        return runner.run(program)


async def serve(site: str, port: int = PORT) -> asyncio.Server:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=f"{site} here")

    with site_context(site):
        server: asyncio.Server = await asyncio.get_running_loop().create_server(web.Server(answer), site, port)
    return server


async def ask(site: str, port: int = PORT) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"http://{site}:{port}/") as answer:
        return await answer.text()


async def ask_from(dialler: str, site: str, port: int = PORT) -> str:
    return await asyncio.get_running_loop().create_task(ask(site, port), context=context_at(dialler))


def test_one_site_reaches_another_through_their_link() -> None:
    addresses = SiteAddresses(SITES)
    routes = Routes(addresses)

    async def program() -> list[str]:
        await serve("paris")
        await serve("rennes")
        return [await ask_from("paris", "rennes"), await ask_from("rennes", "paris")]

    assert run(program(), addresses, routes) == ["rennes here", "paris here"]
    assert routes.asked == [("paris", "rennes"), ("rennes", "paris")]


def test_a_site_and_the_observer_reach_it_without_a_link() -> None:
    addresses = SiteAddresses(SITES)
    routes = Routes(addresses)

    async def program() -> list[str]:
        await serve("paris")
        await serve("paris", 6443)
        return [await ask_from("paris", "paris"), await ask_from("paris", "paris", 6443), await ask("paris")]

    assert run(program(), addresses, routes) == ["paris here"] * 3
    assert routes.asked == []


def test_a_port_without_links_is_closed_to_other_sites() -> None:
    addresses = SiteAddresses(SITES)

    async def program() -> None:
        await serve("paris", 6443)
        await ask_from("rennes", "paris", 6443)

    with pytest.raises(aiohttp.ClientConnectorError, match="no link leads to port 6443 of paris"):
        run(program(), addresses, Routes(addresses))


def test_a_site_that_does_not_listen_refuses() -> None:
    addresses = SiteAddresses(SITES)
    with pytest.raises(aiohttp.ClientConnectorError, match="refused"):
        run(ask("paris"), addresses, Routes(addresses))


def test_other_names_are_resolved_as_ever() -> None:
    addresses = SiteAddresses(SITES)

    async def program() -> object:
        return await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)

    assert run(program(), addresses, Routes(addresses)) == [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))
    ]


def test_a_site_that_listens_again_has_its_old_address() -> None:
    addresses = SiteAddresses(SITES)

    async def program() -> tuple[object, object]:
        first = await serve("paris")
        before = first.sockets[0].getsockname()
        first.close()
        again = await serve("paris")
        return before, again.sockets[0].getsockname()

    before, after = run(program(), addresses, Routes(addresses))
    assert before == after


@pytest.mark.parametrize("own", [True, False])
def test_two_worlds_fit_on_one_machine(own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if own and not loopback.has_own_addresses():
        pytest.skip("this system answers on 127.0.0.1 alone")
    monkeypatch.setattr(loopback, "has_own_addresses", lambda: own)
    worlds = [SiteAddresses(SITES), SiteAddresses(SITES)]

    async def inner() -> str:
        await serve("paris")
        return await ask("paris")

    async def outer() -> str:
        await serve("paris")
        return await asyncio.to_thread(run, inner(), worlds[1], Routes(worlds[1]))

    assert run(outer(), worlds[0], Routes(worlds[0])) == "paris here"


def test_sites_have_addresses_of_their_own_where_they_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "has_own_addresses", lambda: True)
    addresses = SiteAddresses([f"site-{number:03}" for number in range(600)])
    assert [addresses.ip(f"site-{number:03}") for number in (0, 249, 250, 599)] == [
        "127.1.0.1",
        "127.1.0.250",
        "127.1.1.1",
        "127.1.2.100",
    ]
    assert addresses.proxy_listen("site-250", "site-000") == "127.2.1.1:0"


def test_a_tap_sees_what_reaches_each_site() -> None:
    addresses = SiteAddresses(SITES)
    arrived: dict[str, bytes] = {}

    def tap(chunk: WireChunk) -> None:
        arrived[chunk.dst] = arrived.get(chunk.dst, b"") + chunk.data

    async def program() -> None:
        loopback.loopback_loop().tap = tap
        await serve("rennes")
        await ask_from("paris", "rennes")

    run(program(), addresses, Routes(addresses))
    assert b"GET / HTTP/1.1" in arrived["rennes"]
    assert b"rennes here" in arrived["paris"]


def test_a_tap_sees_what_a_websocket_masks() -> None:
    addresses = SiteAddresses(SITES)
    arrived: list[WireChunk] = []

    async def echo(request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data.upper())
        return socket

    async def talk() -> str:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"http://rennes:{PORT}/") as socket:
            await socket.send_str("whisper")
            return await socket.receive_str()

    async def program() -> str:
        loop = loopback.loopback_loop()
        loop.tap = arrived.append
        with site_context("rennes"):
            await loop.create_server(web.Server(echo), "rennes", PORT)
        return await loop.create_task(talk(), context=context_at("paris"))

    assert run(program(), addresses, Routes(addresses)) == "WHISPER"
    assert b"whisper" in b"".join(chunk.data for chunk in arrived if chunk.dst == "rennes")
    assert b"WHISPER" in b"".join(chunk.data for chunk in arrived if chunk.dst == "paris")


def test_another_loop_is_told_apart() -> None:
    async def program() -> None:
        loopback.loopback_loop()

    with pytest.raises(RuntimeError, match="play_proxied"):
        asyncio.run(program())
