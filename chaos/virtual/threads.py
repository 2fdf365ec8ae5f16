"""Results of real threads. Time stands still while a worker thread of anyio (kr8s and httpx use them) is busy; what it hands over is
taken when nothing else is ready, so that its speed changes nothing.

asyncio's own executors need none of this: `run_in_executor` runs inline.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Final, Protocol, cast

from chaos.virtual.errors import DeadlockError

WORKER_TIMEOUT_S: Final = 30.0
"""Real seconds that a busy worker may take."""


class _Worker(Protocol):
    """What anyio's worker threads show; pinned by a test."""

    loop: asyncio.AbstractEventLoop
    idle_workers: deque[object]
    stopping: bool


class Inbox:
    """Callbacks that other threads gave to the loop."""

    def __init__(self) -> None:
        self._handles: deque[asyncio.Handle] = deque()
        self._arrived = threading.Event()

    def put(self, handle: asyncio.Handle) -> None:
        """Called in the other thread."""
        self._handles.append(handle)
        self._arrived.set()

    def take(self, loop: asyncio.AbstractEventLoop) -> list[asyncio.Handle]:
        """What has arrived, once each busy worker has handed something over. Raises DeadlockError when one takes too long."""
        if threading.active_count() > 1:
            while len(self._handles) < _busy_workers(loop):
                self._arrived.clear()
                if len(self._handles) < _busy_workers(loop) and not self._arrived.wait(WORKER_TIMEOUT_S):
                    raise DeadlockError(
                        f"a worker thread has been busy for {WORKER_TIMEOUT_S:g} s of real time, and virtual time waits for it"
                    )
        taken = list(self._handles)
        self._handles.clear()
        return taken


def _busy_workers(loop: asyncio.AbstractEventLoop) -> int:
    return sum(1 for thread in threading.enumerate() if getattr(thread, "loop", None) is loop and _busy(thread))


def _busy(thread: threading.Thread) -> bool:
    worker = cast("_Worker", thread)
    return not worker.stopping and thread not in worker.idle_workers
