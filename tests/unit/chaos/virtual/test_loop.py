"""The virtual loop by itself: clock, order, executors, and what it says when nothing can happen."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import random
import sys
import threading
from collections.abc import AsyncIterator

import pytest

from chaos.virtual import DeadlockError, LivelockError, VirtualLoop, current_site, run_virtual, site_context


def test_an_hour_of_sleep_takes_no_time_and_ends_on_the_nanosecond() -> None:
    async def main(loop: VirtualLoop) -> int:
        for _ in range(3600):
            await asyncio.sleep(0.9999999)
            await asyncio.sleep(0.0000001)
        return loop.now_ns

    assert run_virtual(main) == 3600 * 1_000_000_000


def test_the_date_is_the_same_on_every_day_and_moves_with_the_clock() -> None:
    async def main(loop: VirtualLoop) -> tuple[float, float]:
        before = loop.now()
        await asyncio.sleep(90)
        return before, loop.now()

    assert run_virtual(main) == (1_767_225_600.0, 1_767_225_690.0)
    assert run_virtual(main, epoch_s=0.0) == (0.0, 90.0)


def test_setting_the_clock_makes_timers_due_in_their_order() -> None:
    async def main(loop: VirtualLoop) -> list[str]:
        seen: list[str] = []
        loop.call_later(20, seen.append, "late")
        loop.call_later(10, seen.append, "early")
        loop.set_time(30)
        await asyncio.sleep(0)
        with pytest.raises(ValueError, match="cannot go back"):
            loop.set_time(29)
        return seen

    assert run_virtual(main) == ["early", "late"]


def test_timers_of_one_instant_run_first_set_first() -> None:
    async def main(loop: VirtualLoop) -> list[int]:
        seen: list[int] = []
        for number in range(200):
            loop.call_at(5.0, seen.append, number)
        await asyncio.sleep(6)
        return seen

    assert run_virtual(main) == list(range(200))


def test_shuffle_draws_the_order_of_timers_of_one_instant() -> None:
    async def main(loop: VirtualLoop) -> list[int]:
        seen: list[int] = []
        for number in range(50):
            loop.call_at(5.0, seen.append, number)
        await asyncio.sleep(6)
        return seen

    orders = [run_virtual(main, shuffle=random.Random(seed)) for seed in (1, 1, 2)]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert sorted(orders[0]) == list(range(50))


def test_cancelled_timers_are_swept_out_and_never_run() -> None:
    async def main(loop: VirtualLoop) -> tuple[int, list[int]]:
        seen: list[int] = []
        handles = [loop.call_later(1000 + number, seen.append, number) for number in range(1000)]
        for handle in handles[1:]:
            handle.cancel()
            handle.cancel()
        left = len(loop._timers)
        await asyncio.sleep(3000)
        return left, seen

    left, seen = run_virtual(main)
    assert left <= 201
    assert seen == [0]


def test_cancelling_a_timer_that_has_run_leaves_the_count_alone() -> None:
    async def main(loop: VirtualLoop) -> int:
        handle = loop.call_later(1, lambda: None)
        await asyncio.sleep(2)
        handle.cancel()
        return loop._cancelled_timers

    assert run_virtual(main) == 0


@pytest.mark.parametrize("when_s", [0.1, 2.91315112345678, 1e6 + 1 / 3, 3 - 1e-16, 1e-12])
def test_a_timer_is_never_early_by_a_part_of_a_nanosecond(when_s: float) -> None:
    """A callback that finds itself too early sets its timer again; one early by rounding would do so forever."""

    async def main(loop: VirtualLoop) -> float:
        while loop.time() < when_s:  # noqa: ASYNC110 - what is under test
            await asyncio.sleep(when_s - loop.time())
        late_s: asyncio.Future[float] = loop.create_future()
        loop.call_at(2 * when_s, lambda: late_s.set_result(loop.time() - 2 * when_s))
        return await late_s

    assert 0 <= run_virtual(main, livelock_turns=100) < 2e-9


def test_a_deadlock_names_the_tasks_and_where_they_wait() -> None:
    async def waits_for_nobody() -> None:
        await asyncio.Event().wait()

    async def main(loop: VirtualLoop) -> None:
        await asyncio.sleep(3)
        await asyncio.gather(loop.create_task(waits_for_nobody(), name="lonely"), asyncio.Event().wait())

    with pytest.raises(DeadlockError, match=r"deadlock at virtual time 3\.0+ s") as caught:
        run_virtual(main)
    assert "lonely" in str(caught.value)
    assert "waits_for_nobody waits in" in str(caught.value)
    assert "test_loop.py" in str(caught.value)


def test_a_livelock_is_an_error_and_busy_work_in_moving_time_is_none() -> None:
    async def polls(_: VirtualLoop) -> None:
        while True:  # noqa: ASYNC110 - the fault under test
            await asyncio.sleep(0)

    async def works(_: VirtualLoop) -> str:
        for _turn in range(1000):
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
        return "done"

    with pytest.raises(LivelockError, match="500 turns of the loop and time did not move"):
        run_virtual(polls, livelock_turns=500)
    assert run_virtual(works, livelock_turns=500) == "done"


def test_an_executor_runs_inline_and_hands_over_its_error() -> None:
    def work(number: int) -> tuple[int, int]:
        if number < 0:
            raise ValueError("negative")
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return number * 2, threading.get_ident()

    async def main(loop: VirtualLoop) -> tuple[int, int]:
        with pytest.raises(ValueError, match="negative"):
            await loop.run_in_executor(None, work, -1)
        assert await asyncio.to_thread(work, 4) == (8, threading.get_ident())
        assert asyncio.get_running_loop() is loop
        return await loop.run_in_executor(None, work, 21)

    assert run_virtual(main) == (42, threading.get_ident())


def test_a_callback_of_another_thread_is_taken() -> None:
    async def main(loop: VirtualLoop) -> str:
        future: asyncio.Future[str] = loop.create_future()
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(future.set_result, "from a thread"))
        thread.start()
        thread.join()
        return await future

    assert run_virtual(main) == "from a thread"


def test_timeouts_cancel_in_virtual_time() -> None:
    async def main(loop: VirtualLoop) -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.sleep(31)
        return loop.time()

    assert run_virtual(main) == 30


def test_tasks_stand_at_the_site_in_whose_block_they_start() -> None:
    async def where() -> str:
        await asyncio.sleep(1)
        return current_site()

    async def main(loop: VirtualLoop) -> list[str]:
        tasks = [loop.create_task(where())]
        for site in ("paris", "rennes"):
            with site_context(site):
                tasks.append(loop.create_task(where()))
        return [await task for task in tasks]

    assert run_virtual(main) == ["observer", "paris", "rennes"]


def test_unnamed_tasks_are_numbered_from_one_in_each_run() -> None:
    async def nothing() -> None:
        return None

    async def main(loop: VirtualLoop) -> list[str]:
        return [loop.create_task(nothing()).get_name(), loop.create_task(nothing(), name="mine").get_name()]

    assert run_virtual(main) == ["Task-2", "mine"]
    assert run_virtual(main) == ["Task-2", "mine"]


def test_what_is_left_is_cancelled_and_waited_for_in_order() -> None:
    ended: list[str] = []

    async def straggler(name: str) -> None:
        try:
            await asyncio.sleep(1e6)
        finally:
            await asyncio.sleep(5)
            ended.append(name)

    async def generator() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            ended.append("generator")

    kept: list[AsyncIterator[int]] = []

    async def main(loop: VirtualLoop) -> None:
        kept.append(generator())
        await anext(kept[0])
        for name in ("a", "b", "c"):
            loop.create_task(straggler(name))
        await asyncio.sleep(1)

    run_virtual(main)
    assert ended == ["a", "b", "c", "generator"]


def test_a_task_that_waits_on_after_its_cancellation_is_named() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.Event().wait()

    async def main(loop: VirtualLoop) -> None:
        loop.create_task(stubborn(), name="stubborn-one")
        await asyncio.sleep(1)

    async def main_that_fails(loop: VirtualLoop) -> None:
        await main(loop)
        raise KeyError("what matters")

    with pytest.raises(DeadlockError, match="stubborn-one"):
        run_virtual(main)
    with pytest.raises(KeyError, match="what matters"):
        run_virtual(main_that_fails)


def test_the_garbage_collector_rests_during_a_run_only() -> None:
    async def main(_: VirtualLoop) -> bool:
        return gc.isenabled()

    assert gc.isenabled()
    assert run_virtual(main) is False
    assert gc.isenabled()


def test_garbage_of_a_long_run_is_collected_at_a_fixed_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.virtual.loop._COLLECT_TURNS", 100)

    class Cycle:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            collected.append(asyncio.get_running_loop().time())

    collected: list[float] = []

    async def main(_: VirtualLoop) -> None:
        Cycle()
        for _turn in range(200):
            await asyncio.sleep(1)

    run_virtual(main)
    assert len(collected) == 1
    assert 10 < collected[0] < 150


def test_a_run_inside_a_running_loop_is_refused() -> None:
    async def inner(_: VirtualLoop) -> None:
        return None

    async def main(_: VirtualLoop) -> None:
        run_virtual(inner)

    with pytest.raises(RuntimeError, match="another loop is running"):
        run_virtual(main)


def test_the_loop_works_with_asyncio_runner() -> None:
    async def main() -> float:
        await asyncio.sleep(12)
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(main()) == 12


def test_context_of_callbacks_is_kept() -> None:
    variable = contextvars.ContextVar("variable", default="outside")

    async def main(loop: VirtualLoop) -> list[str]:
        seen: list[str] = []
        context = contextvars.copy_context()
        context.run(variable.set, "inside")
        loop.call_later(1, lambda: seen.append(variable.get()), context=context)
        loop.call_later(2, lambda: seen.append(variable.get()))
        await asyncio.sleep(3)
        return seen

    assert run_virtual(main) == ["inside", "outside"]


def test_the_private_names_of_asyncio_that_the_loop_uses_are_there() -> None:
    """asyncio gives no promise for them: a Python that renames one must fail here first."""
    base = asyncio.BaseEventLoop
    for name in ("_run_once", "_timer_handle_cancelled", "_write_to_self", "_check_closed"):
        assert callable(getattr(base, name)), f"{name} is gone in Python {sys.version}"
    loop = VirtualLoop()
    try:
        assert len(loop._ready) == 0
        assert loop._stopping is False
        handle = loop.call_later(1, lambda: None)
        assert {"_scheduled", "_when"} <= set(asyncio.TimerHandle.__slots__)
        assert {"_cancelled", "_callback", "_context"} <= set(asyncio.Handle.__slots__)
        assert handle._scheduled is True  # type: ignore[attr-defined]  # the private name under test
        assert loop._run_once.__func__ is not base._run_once  # type: ignore[attr-defined]  # as above
    finally:
        loop.close()
