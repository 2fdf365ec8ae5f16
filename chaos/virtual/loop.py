"""An asyncio event loop whose clock jumps to the next timer instead of waiting. It knows no links: `chaos.virtual.network` carries its connections.

Time is an integer count of nanoseconds; `time()` gives seconds. Two timers of one instant run in the order in which they were set, so that
a run repeats. Nothing here reads the machine's clock, opens a socket or starts a thread.
"""

from __future__ import annotations

import asyncio
import gc
import heapq
import itertools
import threading
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final, TypeVar, TypeVarTuple, Unpack

from chaos.virtual.deadlock import describe_deadlock, describe_livelock
from chaos.virtual.errors import DeadlockError, LivelockError
from chaos.virtual.network import Network
from chaos.virtual.sites import Life, current_site, life_of, site_of
from chaos.virtual.sockets import SocketCalls
from chaos.virtual.threads import Inbox

if TYPE_CHECKING:
    import random
    from collections import deque

NS_PER_S: Final = 1_000_000_000
EPOCH_S: Final = 1_767_225_600.0  # 2026-01-01T00:00:00Z: a run shows the same dates on every day
LIVELOCK_TURNS: Final = 1_000_000
# Some seconds of work; counted in turns, so that finalizers run at the same point of every run.
_COLLECT_TURNS: Final = 1 << 19
_MANY_CANCELLED: Final = 100

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def instant_ns(when_s: float) -> int:
    """The first nanosecond at which `time()` is not less than `when_s`: a callback that finds it is too early would set its timer again, forever."""
    when_ns = round(when_s * NS_PER_S)
    return when_ns if when_ns / NS_PER_S >= when_s else when_ns + 1


def delay_ns(delay_s: float) -> int:
    """A delay in whole nanoseconds, at least one when there is any: sleeping for the rest of a deadline must reach it."""
    return max(round(delay_s * NS_PER_S), 1 if delay_s > 0 else 0)


class Timer(asyncio.TimerHandle):
    """asyncio's handle; the annotations name the private flags that the loop reads."""

    __slots__ = ()

    _cancelled: bool
    _scheduled: bool


class VirtualLoop(SocketCalls):
    """Runs unmodified asyncio code in virtual time. `loop.network` holds its sites and links.

    shuffle: draws the order of timers of one instant; without it they run first set, first run.
    Raises DeadlockError when nothing can ever happen again, LivelockError after `livelock_turns` turns without time moving.
    """

    _check_closed: Callable[[], None]
    _ready: deque[asyncio.Handle]
    _stopping: bool
    _thread_id: int | None

    def __init__(
        self,
        *,
        seed: int | str = 0,
        epoch_s: float = EPOCH_S,
        shuffle: random.Random | None = None,
        livelock_turns: int = LIVELOCK_TURNS,
    ) -> None:
        super().__init__()
        self.now_ns = 0
        self.epoch_s = epoch_s
        self.turns = 0
        self.network: Network = Network(self, seed=seed)
        self._timers: list[tuple[int, int, Timer]] = []
        self._cancelled_timers = 0
        self._tie: Callable[[], int] = itertools.count().__next__ if shuffle is None else _drawn_ties(shuffle)
        self._inbox = Inbox()
        self._frozen: dict[str | Life, list[asyncio.Handle]] = {}
        self._of_the_dead: list[asyncio.Task[Any]] = []
        self._task_numbers = itertools.count(1)
        self._livelock_turns = livelock_turns
        self._turns_of_last_move = 0

    # The clock

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self.now_ns / NS_PER_S

    def now(self) -> float:
        """Virtual Unix time in seconds: what the clock on the wall shows at the site of the running code."""
        now_s = self.epoch_s + self.now_ns / NS_PER_S
        return now_s + self.network.skew_s(current_site()) if self.network.skews else now_s

    def set_time(self, seconds: float) -> None:
        """Move the clock to `seconds`. Timers that are due by then run in their order at the next turn.

        Raises ValueError for a time that has passed.
        """
        when_ns = instant_ns(seconds)
        if when_ns < self.now_ns:
            raise ValueError(f"the clock shows {self.time()} s and cannot go back to {seconds} s")
        self._move_to(when_ns)

    def _move_to(self, when_ns: int) -> None:
        if when_ns > self.now_ns:
            self.now_ns = when_ns
            self._turns_of_last_move = self.turns

    # Timers

    def call_later(
        self, delay: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at_ns(self.now_ns + delay_ns(delay), callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at_ns(instant_ns(when), callback, *args, context=context)

    def call_at_ns(
        self, when_ns: int, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """`call_at` without the detour through floating point."""
        self._check_closed()
        handle = Timer(when_ns / NS_PER_S, callback, args, self, context)
        handle._scheduled = True
        heapq.heappush(self._timers, (when_ns, self._tie(), handle))
        return handle

    def _timer_handle_cancelled(self, handle: Timer) -> None:
        if not handle._scheduled:
            return
        self._cancelled_timers += 1
        if self._cancelled_timers > _MANY_CANCELLED and self._cancelled_timers * 2 > len(self._timers):
            handle._scheduled = False
            self._timers = [timer for timer in self._timers if timer[2]._scheduled and not timer[2]._cancelled]
            heapq.heapify(self._timers)
            self._cancelled_timers = 0

    # Turns

    def run_forever(self) -> None:
        self._turns_of_last_move = self.turns
        super().run_forever()

    def _run_once(self) -> None:
        self._count_turn()
        ready, frozen = self._ready, self._frozen
        if not ready and not self._stopping:
            self._jump()
        self._take_due_timers()
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled or (frozen and self._freeze(handle)):
                continue
            handle._run()

    # Paused sites

    @property
    def paused(self) -> list[str]:
        """The sites that are paused now, by name."""
        return sorted(key for key in self._frozen if isinstance(key, str))

    def pause(self, site: str) -> None:
        """Run no callback of this site until `resume`, as SIGSTOP does: its timers and what it receives wait, and time goes on."""
        self._frozen.setdefault(site, [])

    def resume(self, site: str) -> None:
        """Run what has waited, in its order."""
        self._ready.extend(self._frozen.pop(site, []))

    def _freeze(self, handle: asyncio.Handle) -> bool:
        context: Context = handle._context  # type: ignore[attr-defined]  # private to asyncio, pinned by a test
        life, frozen = life_of(context), self._frozen
        waiting = frozen.get(life) if life in frozen else frozen.get(site_of(context))
        if waiting is None:
            return False
        waiting.append(handle)
        return True

    # Lives that ended

    def end_life(self, life: Life) -> None:
        """Run no callback of this life any more, as when its process is killed: no `finally` and no `except` of it has a say."""
        self._frozen[life] = []
        # Who waits for something that only waits for him would be collected as garbage, and his `finally` would run then.
        self._of_the_dead += [task for task in asyncio.all_tasks(self) if not task.done()]

    def lay_out_the_dead(self) -> None:
        """The run is over: let what was left of ended lives run once more, so that it can be closed in good order."""
        for key in [key for key in self._frozen if isinstance(key, Life)]:
            self._ready.extend(self._frozen.pop(key))
        self._of_the_dead.clear()

    def _count_turn(self) -> None:
        self.turns += 1
        if self.turns - self._turns_of_last_move > self._livelock_turns:
            raise LivelockError(describe_livelock(self, self._livelock_turns, list(self._ready)))
        if self.turns % _COLLECT_TURNS == 0 and not gc.isenabled():
            gc.collect()

    def _jump(self) -> None:
        """Let time pass until the first timer, unless other threads have work for this instant."""
        handed_over = self._inbox.take(self)
        if handed_over:
            self._ready.extend(handed_over)
            return
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
            self._cancelled_timers -= 1
        if not timers:
            raise DeadlockError(describe_deadlock(self, self.paused))
        self._move_to(timers[0][0])

    def _take_due_timers(self) -> None:
        timers, now_ns = self._timers, self.now_ns
        while timers and timers[0][0] <= now_ns:
            handle = heapq.heappop(timers)[2]
            handle._scheduled = False
            if handle._cancelled:
                self._cancelled_timers -= 1
            else:
                self._ready.append(handle)

    # Tasks and threads

    def create_task(
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        """A task; unnamed ones are numbered from 1 in each loop, since asyncio's own count goes on from run to run."""
        if name is None:
            name = f"Task-{next(self._task_numbers)}"
        return super().create_task(coro, name=name, context=context)

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """`call_soon`; from another thread, once nothing else is ready."""
        if self._thread_id in (None, threading.get_ident()):
            return self.call_soon(callback, *args, context=context)
        self._check_closed()
        handle = asyncio.Handle(callback, args, self, context)
        self._inbox.put(handle)
        return handle

    def _write_to_self(self) -> None:
        """asyncio's way of waking a sleeping selector; this loop has none."""

    def run_in_executor(self, executor: object, func: Callable[[Unpack[Ts]], T], *args: *Ts) -> asyncio.Future[T]:
        """Run `func` at once, in the loop's thread and at one instant of virtual time."""
        self._check_closed()
        future: asyncio.Future[T] = self.create_future()
        asyncio._set_running_loop(None)  # to `func` it is a thread of its own, as in an executor
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        finally:
            asyncio._set_running_loop(self)
        return future

    def close(self) -> None:
        super().close()
        self._timers.clear()

    def __repr__(self) -> str:
        return f"<VirtualLoop t={self.time():.6f}s running={self.is_running()} timers={len(self._timers)}>"


def _drawn_ties(rng: random.Random) -> Callable[[], int]:
    return lambda: rng.getrandbits(62)
