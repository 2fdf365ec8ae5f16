"""Tasks end together, also those begun while the others end, and a failure is never silent."""

from __future__ import annotations

import asyncio

from collab.agent.tasks import Tasks


async def forever() -> None:
    await asyncio.Event().wait()


async def nothing() -> None:
    """Ends in its first turn."""


def test_all_are_cancelled_and_gone() -> None:
    async def scenario() -> None:
        tasks = Tasks()
        running = [tasks.begin(forever()) for _ in range(3)]
        await asyncio.sleep(0)
        await tasks.finish()
        assert all(task.cancelled() for task in running)

    asyncio.run(scenario())


def test_what_has_just_ended_does_not_keep_the_end_waiting() -> None:
    async def scenario() -> None:
        tasks = Tasks()
        ended = tasks.begin(nothing())
        await asyncio.wait([ended])
        await tasks.finish()
        await tasks.finish()

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_a_task_begun_by_one_that_ends_is_ended_as_well() -> None:
    async def scenario() -> None:
        tasks = Tasks()
        late: list[asyncio.Task[None]] = []

        async def begins_another() -> None:
            try:
                await forever()
            finally:
                late.append(tasks.begin(forever()))

        tasks.begin(begins_another())
        await asyncio.sleep(0)
        await tasks.finish()
        assert [task.cancelled() for task in late] == [True]

    asyncio.run(scenario())


def test_a_failure_reaches_the_loops_exception_handler() -> None:
    async def scenario() -> None:
        said: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: said.append(context["exception"]))

        async def fails() -> None:
            raise ValueError("no")

        tasks = Tasks()
        task = tasks.begin(fails())
        await asyncio.wait([task])
        await asyncio.sleep(0)
        assert [str(error) for error in said] == ["no"]
        await tasks.finish()

    asyncio.run(scenario())
