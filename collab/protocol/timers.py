"""Named timers: at most one due time per name. A heap with lazy removal, so that setting one is cheap."""

from __future__ import annotations

import heapq

TimerName = tuple[str, ...]


class Timers:
    """When what has to be looked at again. Names due at the same instant come out sorted."""

    def __init__(self) -> None:
        self._due: dict[TimerName, float] = {}
        self._heap: list[tuple[float, TimerName]] = []

    def set(self, name: TimerName, at: float) -> None:
        """(Re)set a timer."""
        if self._due.get(name) != at:
            self._due[name] = at
            heapq.heappush(self._heap, (at, name))

    def set_earlier(self, name: TimerName, at: float) -> None:
        """Set a timer unless it is due before that anyway."""
        if self._due.get(name, at + 1.0) > at:
            self.set(name, at)

    def cancel(self, name: TimerName) -> None:
        self._due.pop(name, None)

    def cancel_all(self, *prefix: str) -> None:
        """Cancel every timer whose name begins like this."""
        for name in [name for name in self._due if name[: len(prefix)] == prefix]:
            del self._due[name]

    def next_due(self) -> float | None:
        self._skip_stale()
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> list[TimerName]:
        """Take all timers due at `now`, earliest first."""
        due: list[TimerName] = []
        self._skip_stale()
        while self._heap and self._heap[0][0] <= now:
            _, name = heapq.heappop(self._heap)
            del self._due[name]
            due.append(name)
            self._skip_stale()
        return due

    def _skip_stale(self) -> None:
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
