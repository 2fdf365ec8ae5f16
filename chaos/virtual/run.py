"""Run one coroutine in a virtual world of its own, from the first turn of its loop to the last."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from chaos.virtual.errors import VirtualWorldError
from chaos.virtual.guard import guarded
from chaos.virtual.loop import EPOCH_S, LIVELOCK_TURNS, VirtualLoop

if TYPE_CHECKING:
    import random

T = TypeVar("T")


def run_virtual(
    main: Callable[[VirtualLoop], Coroutine[object, object, T]],
    *,
    seed: int | str = 0,
    epoch_s: float = EPOCH_S,
    shuffle: random.Random | None = None,
    livelock_turns: int = LIVELOCK_TURNS,
) -> T:
    """The result of `main(loop)`; tasks that are left are cancelled and waited for.

        def test_it() -> None:
            async def main(loop: VirtualLoop) -> float:
                await asyncio.sleep(3600)
                return loop.time()

            assert run_virtual(main) == 3600

    Raises RuntimeError when called from a running loop, and what `main` raises.
    """
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("another loop is running in this thread: a virtual run needs a thread of its own there")
    loop = VirtualLoop(seed=seed, epoch_s=epoch_s, shuffle=shuffle, livelock_turns=livelock_turns)
    try:
        with collected_between_runs(), guarded():
            return _run_to_the_end(loop, main)
    finally:
        loop.close()


def _run_to_the_end(loop: VirtualLoop, main: Callable[[VirtualLoop], Coroutine[object, object, T]]) -> T:
    try:
        result = loop.run_until_complete(main(loop))
    except BaseException:
        with suppress(VirtualWorldError):  # a second deadlock would hide the error that matters
            _wind_up(loop)
        raise
    _wind_up(loop)
    return result


@contextmanager
def collected_between_runs() -> Iterator[None]:
    """No garbage collection inside: when it strikes depends on what the process did before, and finalizers of async generators run then."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.collect(0)  # all that the run left is young
        if was_enabled:
            gc.enable()


def _wind_up(loop: VirtualLoop) -> None:
    """Cancel what still runs, in the order of creation."""
    tasks = sorted(asyncio.all_tasks(loop), key=lambda task: (len(task.get_name()), task.get_name()))
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks))
    loop.run_until_complete(loop.shutdown_asyncgens())
