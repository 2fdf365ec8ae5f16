"""Unmodified aiohttp, client and server, on the virtual loop: default connector, keep-alive, WebSockets with heartbeat, time-outs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp
import pytest
from aiohttp import web

from chaos.virtual import VirtualLoop, current_site, run_virtual, site_context

T = TypeVar("T")


async def _where(request: web.BaseRequest) -> web.Response:
    body = {"site": current_site(), "peer": request.remote, "t": asyncio.get_running_loop().time()}
    return web.json_response(body)


async def _echo(request: web.BaseRequest) -> web.StreamResponse:
    if request.path == "/where":
        return await _where(request)
    if request.path == "/slow":
        await asyncio.sleep(60)
        return web.Response()
    socket = web.WebSocketResponse(heartbeat=10)
    await socket.prepare(request)
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT:
            await socket.send_str(message.data.upper())
    return socket


def between_two_sites(story: Callable[[VirtualLoop, aiohttp.ClientSession], Awaitable[T]]) -> T:
    """Run `story` at paris; rennes serves on port 8080, 20 ms away."""

    async def main(loop: VirtualLoop) -> T:
        loop.network.set_default(latency_s=0.020)
        loop.network.add_site("paris")
        with site_context("rennes"):
            server = web.Server(_echo)
            await loop.create_server(server, port=8080)

        async def at_paris() -> T:
            async with aiohttp.ClientSession() as session:
                return await story(loop, session)

        with site_context("paris"):
            return await loop.create_task(at_paris())

    return run_virtual(main)


def test_requests_share_a_kept_connection_and_cost_a_round_trip_each() -> None:
    async def story(loop: VirtualLoop, session: aiohttp.ClientSession) -> list[float]:
        times = []
        for _ in range(3):
            async with session.get("http://rennes:8080/where") as response:
                body = json.loads(await response.read())
            assert (body["site"], body["peer"]) == ("rennes", "paris")
            times.append(loop.time())
        return times

    assert between_two_sites(story) == [0.080, 0.120, 0.160]


def test_a_session_on_no_descriptor_serves_hundreds_of_connections_at_once() -> None:
    async def story(loop: VirtualLoop, session: aiohttp.ClientSession) -> int:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as wide:
            responses = await asyncio.gather(*(wide.get("http://rennes:8080/where") for _ in range(500)))
            statuses = [response.status for response in responses]
            for response in responses:
                await response.read()
        assert loop.time() == pytest.approx(0.080)
        return statuses.count(200)

    assert between_two_sites(story) == 500


def test_a_time_out_strikes_in_virtual_time() -> None:
    async def story(loop: VirtualLoop, session: aiohttp.ClientSession) -> float:
        with pytest.raises(TimeoutError):
            await session.get("http://rennes:8080/slow", timeout=aiohttp.ClientTimeout(total=4.5))
        return loop.time()

    assert between_two_sites(story) == 4.5


def test_a_refused_and_an_unknown_host_are_the_errors_that_aiohttp_makes_of_them() -> None:
    async def story(loop: VirtualLoop, session: aiohttp.ClientSession) -> None:
        with pytest.raises(aiohttp.ClientConnectorError, match="Cannot connect to host rennes:81"):
            await session.get("http://rennes:81/")
        with pytest.raises(aiohttp.ClientConnectorDNSError, match="brest"):
            await session.get("http://brest:8080/")

    between_two_sites(story)


def test_a_websocket_lives_by_its_heartbeat_and_dies_of_a_cut() -> None:
    async def story(loop: VirtualLoop, session: aiohttp.ClientSession) -> float:
        async with session.ws_connect("http://rennes:8080/ws", heartbeat=10) as socket:
            receiving = loop.create_task(socket.receive())
            await asyncio.sleep(86_400)
            await socket.send_str("still here")
            assert (await receiving).data == "STILL HERE"
            loop.network.partition(["paris"], ["rennes"])
            cut = loop.time()
            message = await socket.receive()
            assert message.type in (aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSED)
            return loop.time() - cut

    assert 0 < between_two_sites(story) <= 20


def test_a_response_is_lost_when_the_way_back_is_cut_and_the_request_has_been_served() -> None:
    async def story(loop: VirtualLoop, session: aiohttp.ClientSession) -> None:
        async with session.get("http://rennes:8080/where") as response:
            await response.read()
        loop.network.partition(["rennes"], ["paris"], direction="to")
        deliveries = loop.network.trace.data_bytes
        with pytest.raises(TimeoutError):
            await session.get("http://rennes:8080/where", timeout=aiohttp.ClientTimeout(total=10))
        assert loop.network.trace.data_bytes > deliveries

    between_two_sites(story)


def test_a_keep_alive_connection_that_died_of_a_reject_is_replaced() -> None:
    async def story(loop: VirtualLoop, session: aiohttp.ClientSession) -> int:
        for _ in range(2):
            async with session.get("http://rennes:8080/where") as response:
                await response.read()
            loop.network.partition(["paris"], ["rennes"], mode="reject")
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get("http://rennes:8080/where")
            loop.network.heal(["paris"], ["rennes"])
        return response.status

    assert between_two_sites(story) == 200


def test_a_watch_stream_arrives_line_by_line() -> None:
    async def main(loop: VirtualLoop) -> list[tuple[float, bytes]]:
        async def watch(request: web.BaseRequest) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            for number in range(4):
                await response.write(b"event %d\n" % number)
                await asyncio.sleep(30)
            return response

        loop.network.set_default(latency_s=0.020)
        with site_context("rennes"):
            await loop.create_server(web.Server(watch), port=80)
        with site_context("paris"):
            async with aiohttp.ClientSession() as session, session.get("http://rennes/") as response:
                return [(round(loop.time(), 3), line) async for line in response.content]

    assert run_virtual(main) == [(0.08 + 30 * number, b"event %d\n" % number) for number in range(4)]
