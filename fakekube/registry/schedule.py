"""Work that is due later: a heap of due times, run by whoever owns the clock. An idle site has nothing in it.

Due times are told by the wall clock and kept by a steady one: a wall clock that is set back holds nothing up.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Schedule:
    """`at(due, key, work)` plans work; planning a key again keeps the earlier due time, so that nothing piles up."""

    __slots__ = ("_heap", "_planned", "_steady", "_tie", "_wall", "on_earlier")

    def __init__(self, wall: Callable[[], float], steady: Callable[[], float]) -> None:
        self._wall = wall
        self._steady = steady
        self._heap: list[tuple[float, int, str]] = []
        self._planned: dict[str, tuple[float, Callable[[], None]]] = {}
        self._tie = 0
        self.on_earlier: Callable[[], None] = lambda: None

    def at(self, due: float, key: str, work: Callable[[], None]) -> None:
        """Plan `work` for `due` (epoch seconds, as the wall clock shows them now) under `key`."""
        if self._steady is not self._wall:
            due = self._steady() + (due - self._wall())
        planned = self._planned.get(key)
        if planned is not None and planned[0] <= due:
            return
        first = self.next_due()
        self._planned[key] = (due, work)
        self._tie += 1
        heapq.heappush(self._heap, (due, self._tie, key))
        if first is None or due < first:
            self.on_earlier()

    def next_due(self) -> float | None:
        """When the first work is due, by the steady clock."""
        self._drop_replanned()
        return self._heap[0][0] if self._heap else None

    def run_due(self, now: float) -> None:
        """Run what is due by `now` (of the steady clock), in order of due time. Work planned meanwhile for `now` waits for the next call."""
        due_now: list[Callable[[], None]] = []
        while (due := self.next_due()) is not None and due <= now:
            key = heapq.heappop(self._heap)[2]
            due_now.append(self._planned.pop(key)[1])
        for work in due_now:
            work()

    def clear(self) -> None:
        self._heap.clear()
        self._planned.clear()

    def _drop_replanned(self) -> None:
        """An entry whose key has been planned anew (earlier), or has run, is stale."""
        while self._heap:
            due, _, key = self._heap[0]
            planned = self._planned.get(key)
            if planned is not None and planned[0] == due:
                return
            heapq.heappop(self._heap)
