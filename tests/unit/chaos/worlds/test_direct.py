"""Requests within a site, by a wire and by a call: clients see the same."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar

import aiohttp
import pytest
from aiohttp import web

from chaos.scenario.links import LinkQuality
from chaos.virtual.loop import VirtualLoop
from chaos.virtual.run import run_virtual
from chaos.virtual.sites import site_context
from chaos.virtual.trace import WireChunk
from chaos.worlds.answers import DirectAnswer
from chaos.worlds.virtual import World

PARIS, RENNES = "paris", "rennes"
NAMESPACES = "/api/v1/namespaces"
TEAM = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}

T = TypeVar("T")


def in_world(story: Callable[[World], Coroutine[object, object, T]], *, wire: bool) -> T:
    async def main(_: VirtualLoop) -> T:
        async with World([PARIS, RENNES], agent=None, link=LinkQuality(latency_s=0.02), wire=wire) as world:
            return await story(world)

    return run_virtual(main)


def alike(story: Callable[[World], Coroutine[object, object, T]]) -> T:
    """What the story sees without the wire, having seen the same with it."""
    seen = in_world(story, wire=False)
    assert seen == in_world(story, wire=True)
    return seen


async def answered(asked: Awaitable[aiohttp.ClientResponse]) -> tuple[int, str, bytes]:
    """The revision is left out: what the site does by itself comes between two requests of one instant, or after them."""
    response = await asked
    body = re.sub(rb'"resourceVersion":"\d+"', b"", await response.read())
    return response.status, response.content_type, body


def test_reads_writes_and_refusals_are_answered_alike() -> None:
    async def story(world: World) -> list[tuple[int, str, bytes]]:
        session = world.session(PARIS)
        merge = {"Content-Type": "application/merge-patch+json"}
        return [
            await answered(session.post(NAMESPACES, json=TEAM)),
            await answered(session.post(NAMESPACES, json=TEAM)),
            await answered(
                session.patch(NAMESPACES + "/team", data=b'{"metadata":{"labels":{"a":"b"}}}', headers=merge)
            ),
            await answered(session.get(NAMESPACES, params={"labelSelector": "a=b"})),
            await answered(session.get(NAMESPACES + "/team%2Fx")),
            await answered(session.request("HEAD", NAMESPACES + "/team")),
            await answered(session.put(NAMESPACES + "/team", data="no json")),
            await answered(session.delete(NAMESPACES + "/team")),
        ]

    statuses = [status for status, _, _ in alike(story)]
    assert statuses == [201, 409, 200, 200, 404, 405, 415, 200]


def test_a_call_is_a_call() -> None:
    async def story(world: World) -> type:
        async with world.session(PARIS).get(NAMESPACES) as response:
            return type(response)

    assert in_world(story, wire=False) is DirectAnswer


def test_a_watch_brings_events_until_it_is_left() -> None:
    async def story(world: World) -> list[bytes]:
        session = world.session(PARIS)
        async with session.get(NAMESPACES, params={"watch": "true", "resourceVersion": "0"}) as watch:
            before = [await watch.content.readline() for _ in range(4)]
            await session.post(NAMESPACES, json=TEAM)
            after = await watch.content.readline()
        return [*before, after]

    assert b'"name":"team"' in alike(story)[-1]


def test_a_watch_that_times_out_ends_in_good_order() -> None:
    async def story(world: World) -> tuple[float, bool]:
        async with world.session(PARIS).get(NAMESPACES, params={"watch": "true", "timeoutSeconds": "7"}) as watch:
            await watch.read()
            return world.loop.time(), watch.content.at_eof()

    assert alike(story) == (7.0, True)


def test_a_client_waits_as_long_as_it_said() -> None:
    async def story(world: World) -> float:
        timeout = aiohttp.ClientTimeout(total=3)
        async with world.session(PARIS).get(NAMESPACES, params={"watch": "true"}, timeout=timeout) as watch:
            with pytest.raises(TimeoutError):
                await watch.read()
        return world.loop.time()

    assert alike(story) == 3.0


def test_nobody_listens_and_a_site_that_is_down() -> None:
    async def story(world: World) -> list[int | None]:
        async def refused(url: str) -> int | None:
            with pytest.raises(aiohttp.ClientConnectorError) as error:
                await world.session(PARIS).get(url)
            return error.value.errno

        refusals = [await refused(f"http://{PARIS}:1")]
        world.crash(PARIS)
        return [*refusals, await refused(NAMESPACES)]

    assert alike(story) == [111, 100]


def test_a_crash_resets_who_waits() -> None:
    async def story(world: World) -> float:
        async with world.session(PARIS).get(NAMESPACES, params={"watch": "true"}) as watch:
            world.loop.call_later(5, lambda: world.crash(PARIS))
            with pytest.raises(aiohttp.ClientError):
                await watch.read()
        return world.loop.time()

    assert alike(story) == 5.0


async def served(world: World, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> str:
    """A server of somebody's own at paris."""
    with site_context(PARIS):
        await world.loop.create_server(web.Server(handler), PARIS, 80)
    return f"http://{PARIS}:80/a%20b?c=d"


def test_a_handler_of_one_s_own_sees_and_answers_alike() -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        seen = (
            request.method,
            request.raw_path,
            request.headers["X-Mine"],
            request.content_length,
            request.can_read_body,
        )
        return web.Response(text=f"{seen} {body!r}", status=203, headers={"X-Yours": "1"})

    async def story(world: World) -> tuple[int, str, str]:
        url = await served(world, handler)
        async with world.session(PARIS).post(url, data=b"body", headers={"X-Mine": "2"}) as response:
            return response.status, response.headers["X-Yours"], await response.text()

    assert alike(story)[:2] == (203, "1")


def test_a_handler_that_raises_answers_500_and_one_that_raises_an_answer_gives_it() -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "PUT":
            raise web.HTTPConflict
        raise RuntimeError("a bug")

    async def story(world: World) -> list[int]:
        world.loop.set_exception_handler(lambda loop, context: None)
        url = await served(world, handler)
        return [(await world.session(PARIS).get(url)).status, (await world.session(PARIS).put(url)).status]

    assert alike(story) == [500, 409]


def test_a_handler_that_hangs_up_is_a_connection_that_breaks() -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "10"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        await asyncio.sleep(1)
        request.transport.abort()
        return response

    async def story(world: World) -> bytes:
        async with world.session(PARIS).get(await served(world, handler)) as response:
            half = await response.content.readany()
            with pytest.raises(aiohttp.ClientError):
                await response.content.readany()
            return half

    assert alike(story) == b"half"


def test_a_client_that_goes_away_cancels_a_handler_that_wants_to_know() -> None:
    ended: list[float] = []

    async def story(world: World) -> float:
        async def handler(request: web.BaseRequest) -> web.StreamResponse:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(world.loop.time())
            return web.Response()

        with site_context(PARIS):
            await world.loop.create_server(web.Server(handler, handler_cancellation=True), PARIS, 80)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(4):
                await world.session(PARIS).get(f"http://{PARIS}:80/")
        await asyncio.sleep(0.1)
        return ended[-1]

    assert alike(story) == 4.0


def test_a_body_that_nobody_reads_holds_its_writer_back() -> None:
    written: list[int] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for number in range(100):
            await response.write(b"x" * 65_536)
            written.append(number)
        return response

    async def story(world: World) -> int:
        written.clear()
        async with world.session(PARIS).get(await served(world, handler)) as response:
            await asyncio.sleep(10)
            held_back_at = len(written)
            assert held_back_at < 10
            assert len(await response.read()) == 100 * 65_536
        return len(written)

    assert in_world(story, wire=False) == 100


def test_requests_to_other_sites_pay_for_the_link() -> None:
    async def story(world: World) -> tuple[float, int]:
        async with world.session(PARIS).get(world.apiserver_url(RENNES) + NAMESPACES) as response:
            await response.read()
        return round(world.loop.time(), 6), world.network.messages

    assert alike(story) == (0.08, 2)


def test_a_paused_site_answers_a_client_from_outside_when_it_goes_on() -> None:
    async def story(world: World) -> float:
        world.pause(PARIS)
        world.loop.call_later(8, lambda: world.resume(PARIS))
        await answered(world.session(PARIS).get(NAMESPACES))
        return world.loop.time()

    assert alike(story) == 8.0


def test_the_clock_of_the_site_is_the_one_that_is_written() -> None:
    async def story(world: World) -> bytes:
        world.skew(PARIS, 3600)
        return (await answered(world.session(PARIS).post(NAMESPACES, json=TEAM)))[2]

    assert b'"creationTimestamp":"2026-01-01T01:00:00Z"' in alike(story)


def test_who_searches_the_wire_finds_what_was_asked() -> None:
    async def story(world: World) -> list[WireChunk]:
        seen: list[WireChunk] = []
        world.network.tap = seen.append
        await world.session(PARIS).post(NAMESPACES, json=TEAM)
        return seen

    [chunk] = in_world(story, wire=False)
    assert (chunk.src, chunk.dst) == (PARIS, PARIS)
    assert b'"team"' in chunk.data
