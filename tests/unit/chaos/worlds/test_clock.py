"""aiohttp's idle connections age in virtual time."""

from __future__ import annotations

import asyncio
from time import monotonic

import aiohttp

from chaos.virtual.loop import VirtualLoop
from chaos.virtual.run import run_virtual
from chaos.worlds.clock import age_by_loop, loop_time
from chaos.worlds.virtual import World


def connections_made(pause_s: float) -> int:
    """How many connections two requests of one client make that are so far apart."""

    async def main(_: VirtualLoop) -> int:
        async with World(sites=2, agent=None) as world, aiohttp.ClientSession() as session:
            for _number in range(2):
                async with session.get(world.apiserver_url("site-001") + "/version") as response:
                    await response.read()
                await asyncio.sleep(pause_s)
            return world.network.add_site("observer").connection_number("site-001") - 1

    return run_virtual(main)


def test_a_connection_is_kept_for_fifteen_virtual_seconds() -> None:
    assert connections_made(pause_s=10) == 1
    assert connections_made(pause_s=20) == 2


def test_on_an_ordinary_loop_the_clock_stays_the_machine_s() -> None:
    age_by_loop()

    async def read() -> tuple[float, float, float]:
        return monotonic(), loop_time(), monotonic()

    before, read_s, after = asyncio.run(read())
    assert before <= read_s <= after
    assert monotonic() <= loop_time() <= monotonic()
