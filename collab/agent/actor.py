"""The one place where facts meet the core: a queue, steps in order, actions carried out in order, one timer.

Single-threaded. Facts that wait together are stepped together, so that their journal entries share one sync.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeAlias

from collab.agent import journals
from collab.agent.core import Core
from collab.agent.disk import Disk
from collab.protocol.actions import Action, Drop, Persist, Rewrite, UnwatchKind, WatchKind
from collab.protocol.facts import Fact, Woken

BATCH_MAX = 64

Perform: TypeAlias = Callable[[Action], None]
Still: TypeAlias = Callable[[], bool]


def _always() -> bool:
    return True


class Actor:
    """`tell` takes facts from anywhere in the loop; `perform` is given every action that is not the disk's.

    `failed` is called once when a step or the disk raises: an agent whose memory and disk may differ must not go on.
    """

    def __init__(
        self,
        core: Core,
        disk: Disk,
        *,
        now: Callable[[], float],
        perform: Perform,
        failed: Callable[[Exception], None],
    ) -> None:
        self._core = core
        self._disk = disk
        self._now = now
        self._perform = perform
        self._failed = failed
        self._facts: deque[tuple[Fact, Still]] = deque()
        self._turn: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        self._ended = False

    def tell(self, fact: Fact, still: Still = _always) -> None:
        """Something happened; it is stepped in a moment, after what was told before, if it is `still` wanted then."""
        if self._ended:
            return
        self._facts.append((fact, still))
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._run)

    def end(self) -> None:
        """No step and no action from now on."""
        self._ended = True
        self._facts.clear()
        for handle in (self._turn, self._timer):
            if handle is not None:
                handle.cancel()

    def _run(self) -> None:
        self._turn = None
        try:
            while self._facts and not self._ended:
                self._carry_out(self._step_batch())
        except Exception as error:
            self.end()
            self._failed(error)
            return
        self._arm()

    def _step_batch(self) -> list[Action]:
        """Step facts until there are none, the batch is full, or a journal was dropped.

        A dropped journal may be begun again by a later fact, so nothing is put before a drop.
        """
        actions: list[Action] = []
        for _ in range(BATCH_MAX):
            if not self._facts:
                break
            step = self._step_one()
            actions += step
            if any(isinstance(action, Drop) for action in step):
                break
        return actions

    def _step_one(self) -> list[Action]:
        """One step. Watches begin and end at once: after an UnwatchKind no fact of that stream may be stepped."""
        fact, still = self._facts.popleft()
        if not still():
            return []
        actions = self._core.step(fact, self._now())
        for action in actions:
            if isinstance(action, WatchKind | UnwatchKind):
                self._perform(action)
        return [action for action in actions if not isinstance(action, WatchKind | UnwatchKind)]

    def _carry_out(self, actions: Iterable[Action]) -> None:
        """What must be durable first, then everything else in order, then drops."""
        kept: list[Persist | Rewrite | Drop] = []
        dropped: list[Persist | Rewrite | Drop] = []
        others: list[Action] = []
        for action in actions:
            match action:
                case Persist() | Rewrite():
                    kept.append(action)
                case Drop():
                    dropped.append(action)
                case _:
                    others.append(action)
        journals.write(self._disk, kept)
        for action in others:
            self._perform(action)
        journals.write(self._disk, dropped)

    def _arm(self) -> None:
        """One timer for the core's wake_at, set again only when that moved."""
        wake_at = None if self._ended else self._core.wake_at
        if wake_at == self._timer_at and self._timer is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = None, wake_at
        if wake_at is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, wake_at - self._now()), self._wake)

    def _wake(self) -> None:
        self._timer = self._timer_at = None
        self.tell(Woken())
