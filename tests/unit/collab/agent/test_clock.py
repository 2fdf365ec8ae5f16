"""The agent's own time goes on by the loop, and not by a clock that somebody sets."""

from __future__ import annotations

import asyncio

from chaos.virtual.loop import VirtualLoop
from chaos.virtual.run import run_virtual
from collab.agent.clock import steady


def test_a_clock_that_is_set_moves_no_timer() -> None:
    wall = 1_000.0

    async def main(_: VirtualLoop) -> None:
        nonlocal wall
        clock = steady(lambda: wall)
        assert clock() == 1_000.0
        wall = 4_600.0
        await asyncio.sleep(5)
        assert clock() == 1_005.0

    run_virtual(main)
