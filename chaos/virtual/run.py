"""Run coroutines in a virtual world of their own, from the first turn of its loop to the last."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from chaos.virtual.errors import VirtualWorldError
from chaos.virtual.guard import guarded
from chaos.virtual.loop import EPOCH_S, LIVELOCK_TURNS, VirtualLoop

if TYPE_CHECKING:
    import random

T = TypeVar("T")


class VirtualRunner:
    """A VirtualLoop and its life: `run` any number of coroutines on it, one after another, then `close`. Time passes only inside `run`."""

    def __init__(
        self,
        *,
        seed: int | str = 0,
        epoch_s: float = EPOCH_S,
        shuffle: random.Random | None = None,
        livelock_turns: int = LIVELOCK_TURNS,
    ) -> None:
        gc.collect(1)  # the run before this one in the process: it survived the collections of its own time
        self.loop = VirtualLoop(seed=seed, epoch_s=epoch_s, shuffle=shuffle, livelock_turns=livelock_turns)

    def run(self, coroutine: Coroutine[object, object, T]) -> T:
        """The coroutine's result. Raises RuntimeError when called from a running loop, and what the coroutine raises."""
        if asyncio._get_running_loop() is not None:
            coroutine.close()
            raise RuntimeError("another loop is running in this thread: a virtual run needs a thread of its own there")
        with collected_between_runs(), guarded():
            return self.loop.run_until_complete(coroutine)

    def close(self) -> None:
        """Cancel what still runs, in the order of creation, and wait for it."""
        if self.loop.is_closed():
            return
        try:
            self.run(_wind_up(self.loop))
        finally:
            self.loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            with suppress(VirtualWorldError):  # a second deadlock would hide the error that matters
                self.close()


def run_virtual(
    main: Callable[[VirtualLoop], Coroutine[object, object, T]],
    *,
    seed: int | str = 0,
    epoch_s: float = EPOCH_S,
    shuffle: random.Random | None = None,
    livelock_turns: int = LIVELOCK_TURNS,
) -> T:
    """The result of `main(loop)` on a loop of its own; tasks that are left are cancelled and waited for.

        def test_it() -> None:
            async def main(loop: VirtualLoop) -> float:
                await asyncio.sleep(3600)
                return loop.time()

            assert run_virtual(main) == 3600

    Raises RuntimeError when called from a running loop, and what `main` raises.
    """
    with VirtualRunner(seed=seed, epoch_s=epoch_s, shuffle=shuffle, livelock_turns=livelock_turns) as runner:
        return runner.run(main(runner.loop))


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


async def _wind_up(loop: VirtualLoop) -> None:
    loop.lay_out_the_dead()
    for site in loop.paused:
        loop.resume(site)
    others = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
    tasks = sorted(others, key=lambda task: (len(task.get_name()), task.get_name()))
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    await loop.shutdown_asyncgens()
