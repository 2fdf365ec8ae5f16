"""What the virtual loop costs, beside asyncio on loopback in the same process: `python benchmarks/virtual_loop.py`.

Budgets (one core): 250 us for a request at 1 to 200 sites; 200 sites with 1,600 idle WebSockets cost nothing while an hour passes.
Read the last column: a request's cost divided by that of the same aiohttp client and server on a real loopback socket.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine

import aiohttp
from aiohttp import web

from chaos.virtual import VirtualLoop, context_at, run_virtual, site_context
from chaos.worlds.virtual import World

REQUESTS = 4000
SITES = 200
PEERS = (1, 2, 3, 5, 8, 13, 21, 34)

floor_us = 0.0


def report(what: str, seconds: float, count: int) -> float:
    """Print one line; gives the microseconds of one."""
    each_us = seconds * 1e6 / count
    ratio = f"{each_us / floor_us:6.2f} x" if floor_us else "   floor"
    print(f"{what:<58} {each_us:9.1f} us each {ratio}")
    return each_us


async def answer(request: web.BaseRequest) -> web.StreamResponse:
    if request.path != "/ws":
        return web.Response(body=b"x" * 500)
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_bytes(message.data)
    return socket


async def requests(session: aiohttp.ClientSession, url: str, count: int) -> None:
    for _ in range(count):
        async with session.get(url) as response:
            await response.read()


async def timed(work: Callable[[int], Awaitable[None]], count: int) -> float:
    await work(50)
    start = time.process_time()
    await work(count)
    return time.process_time() - start


async def loopback() -> float:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(web.Server(answer, access_log=None), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with aiohttp.ClientSession() as session:
        spent = await timed(lambda count: requests(session, f"http://127.0.0.1:{port}/", count), REQUESTS)
    server.close()
    return spent


async def one_pair(loop: VirtualLoop) -> None:
    loop.network.set_default(latency_s=0.020, jitter_s=0.005)
    with site_context("rennes"):
        await loop.create_server(web.Server(answer, access_log=None), port=80)
    for site, what in (("paris", "virtual, over a link of 20 +- 5 ms"), ("rennes", "virtual, within one site")):

        async def client() -> float:
            async with aiohttp.ClientSession() as session:
                return await timed(lambda count: requests(session, "http://rennes/", count), REQUESTS)

        report(what, await loop.create_task(client(), context=context_at(site)), REQUESTS)


async def many_sites(loop: VirtualLoop) -> None:
    loop.network.set_default(latency_s=0.020, jitter_s=0.005)
    names = [f"site-{number:03}" for number in range(SITES)]
    for name in names:
        with site_context(name):
            await loop.create_server(web.Server(answer, access_log=None), port=80)
    sessions = {name: aiohttp.ClientSession() for name in names}
    sockets: list[aiohttp.ClientWebSocketResponse] = []

    async def dial(number: int) -> None:
        for distance in PEERS:
            peer = names[(number + distance) % SITES]
            sockets.append(await sessions[names[number]].ws_connect(f"http://{peer}/ws"))

    async def fetch(number: int) -> None:
        await requests(sessions[names[number]], f"http://{names[(number + 1) % SITES]}/", 20)

    async def everywhere(work: Callable[[int], Awaitable[None]]) -> float:
        start = time.process_time()
        await asyncio.gather(
            *(loop.create_task(_coroutine(work, number), context=context_at(name)) for number, name in enumerate(names))
        )
        return time.process_time() - start

    report(f"a WebSocket dialled, {SITES} sites", await everywhere(dial), SITES * len(PEERS))
    report(f"virtual, {SITES} sites at once", await everywhere(fetch), SITES * 20)
    start, turns = time.process_time(), loop.turns
    await asyncio.sleep(36_000)
    idle = time.process_time() - start
    print(
        f"ten idle hours of {len(sockets)} WebSockets: {idle * 1e3:.1f} ms of CPU, {loop.turns - turns} turns of the loop"
    )
    start = time.process_time()
    loop.network.partition(names[:100], names[100:])
    report("a link cut, 100 sites from 100", time.process_time() - start, 20_000)
    for session in sessions.values():
        await session.close()


async def _coroutine(work: Callable[[int], Awaitable[None]], number: int) -> None:
    await work(number)


async def apiserver(loop: VirtualLoop) -> None:
    async with World(sites=["paris", "rennes"], agent=None) as world:

        async def client() -> float:
            url = world.apiserver_url("rennes") + "/api/v1/namespaces/default"
            async with aiohttp.ClientSession() as session:
                return await timed(lambda count: requests(session, url, count), REQUESTS)

        report("virtual, GET of a namespace from a fakekube apiserver", await world.run_at("paris", client()), REQUESTS)


def within_sites(*, wire: bool) -> Callable[[VirtualLoop], Coroutine[object, object, None]]:
    """Requests to the apiserver of one's own site, at all sites at once, as bytes or as calls."""

    async def main(loop: VirtualLoop) -> None:
        async with World(sites=SITES, agent=None, wire=wire) as world:

            async def ask(site: str) -> None:
                await requests(world.session(site), "/api/v1/namespaces/default", 20)

            async def everywhere() -> float:
                start = time.process_time()
                await asyncio.gather(*map(ask, world.sites))
                return time.process_time() - start

            await everywhere()  # connections stand, tables are loaded
            told = "over the wire" if wire else "as a call"
            report(f"GET at one's own site, {SITES} sites at once, {told}", await everywhere(), SITES * 20)

    return main


async def start_sites(_: VirtualLoop) -> None:
    start = time.process_time()
    world = World(sites=SITES, agent=None)
    await world.start()
    report(f"an apiserver started, {SITES} of them", time.process_time() - start, SITES)
    await world.stop()


def main() -> None:
    global floor_us  # noqa: PLW0603 - the yardstick of every later line
    floor_us = report("asyncio on a loopback socket", asyncio.run(loopback()), REQUESTS)
    for part in (one_pair, many_sites, apiserver, within_sites(wire=True), within_sites(wire=False), start_sites):
        run_virtual(part)


if __name__ == "__main__":
    main()
