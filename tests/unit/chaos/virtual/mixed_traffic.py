"""A program with everything in it that could make two runs differ. Prints the hash of its trace; run by test_determinism.py in several processes."""

from __future__ import annotations

import asyncio
import contextlib

import aiohttp
from aiohttp import web

from chaos.virtual import VirtualLoop, run_virtual, site_context

SITES = ["brest", "nantes", "paris", "rennes"]


async def _serve(request: web.BaseRequest) -> web.StreamResponse:
    if request.path != "/ws":
        return web.Response(body=await request.read())
    socket = web.WebSocketResponse(heartbeat=3)
    await socket.prepare(request)
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT:
            await socket.send_str(message.data)
    return socket


async def _chatter(loop: VirtualLoop, site: str) -> None:
    """Requests and WebSockets to every other site, some of which fail."""
    async with aiohttp.ClientSession() as session:
        for number in range(6):
            for peer in SITES:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    timeout = aiohttp.ClientTimeout(total=2)
                    async with session.post(f"http://{peer}/", data=b"x" * 1000 * number, timeout=timeout) as response:
                        await response.read()
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with asyncio.timeout(4), session.ws_connect(f"http://{peer}/ws", heartbeat=1) as socket:
                        await socket.send_str(site)
                        await socket.receive()


async def main(loop: VirtualLoop) -> str:
    network = loop.network
    network.set_default(latency_s=0.020, jitter_s=0.015, loss=0.05, rate_bytes_s=200_000)
    for site in SITES:
        with site_context(site):
            await loop.create_server(web.Server(_serve), port=80)
    tasks = []
    for site in SITES:
        with site_context(site):
            tasks.append(loop.create_task(_chatter(loop, site)))
    loop.call_at(3, network.partition, ["paris"], ["brest", "rennes"])
    loop.call_at(5, network.crash, "nantes")
    loop.call_at(8, network.heal_all)
    loop.call_at(9, lambda: network.partition(["brest"], ["rennes"], mode="reject"))
    await asyncio.gather(*tasks)
    return f"{network.trace.hexdigest()} {network.trace.deliveries} {loop.now_ns}"


if __name__ == "__main__":
    print(run_virtual(main, seed=7))
