"""The tasks an agent has running: kept alive, ended together, and never failing in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


class Tasks:
    """Tasks in the order they were begun, so that ending them repeats exactly."""

    def __init__(self) -> None:
        self._running: dict[asyncio.Task[None], None] = {}

    def begin(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._running[task] = None
        task.add_done_callback(self._ended)
        return task

    def cancel(self) -> None:
        """Ask every task to end."""
        for task in list(self._running):
            task.cancel()

    async def finish(self) -> None:
        """Cancel and wait until all have ended."""
        while ending := list(self._running):
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
            for task in ending:
                # not left to the callback: a gather of what has ended already gives the loop no turn (Python 3.12)
                self._running.pop(task, None)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if not task.cancelled() and (error := task.exception()):
            context = {"message": "a task of the agent failed", "exception": error, "task": task}
            task.get_loop().call_exception_handler(context)
