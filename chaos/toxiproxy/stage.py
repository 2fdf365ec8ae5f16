"""One toxic's place in one stream: it runs the toxic's behaviour, and starts it again when the toxic changes."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol

from chaos.toxiproxy.behaviours import ACTS, END, EXPIRED, Acts, Behaviour, Chunk, Mark, Sleep, Take
from chaos.toxiproxy.toxics import Toxic

Item = Chunk | Mark

_PASS_ON = ACTS["noop"]


class Next(Protocol):
    """Where a stage hands on: another stage, or the end of the pipe."""

    def feed(self, item: Item) -> None: ...


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """What of an event loop a stage needs."""

    def time(self) -> float: ...

    def call_later(self, delay: float, callback: Callable[..., None], *args: Item | bool) -> Timer: ...


class ToxicStage:
    def __init__(
        self,
        toxic: Toxic,
        following: Next,
        *,
        rng: random.Random,
        clock: Clock,
        settled: Callable[[], None],
    ) -> None:
        """`settled` is called when a timer has moved something, so that the sender may be let on."""
        self.toxic = toxic
        self.following = following
        self.rng = rng
        self.passed = 0
        self.ended = False
        self._clock = clock
        self._settled = settled
        # Thrown once for a connection and a toxic; in the real server a change of a neighbour throws it again.
        self._dice = rng.random()
        self._waiting: deque[Item] = deque()
        self._timer: Timer | None = None
        self._asleep: Sleep | None = None
        self._behaviour: Behaviour
        self._start()

    # What the behaviour sees

    @property
    def attributes(self) -> Mapping[str, int]:
        return self.toxic.attributes

    def now(self) -> float:
        return self._clock.time()

    def put(self, chunk: Chunk) -> None:
        if chunk.data:
            self.following.feed(chunk)

    def put_back_end(self) -> None:
        self._waiting.appendleft(END)

    def end(self) -> None:
        self.drop()
        self.following.feed(END)

    # What the pipe does with it

    @property
    def acts(self) -> Acts:
        """How it treats this connection: as its type says, or not at all when the dice said so."""
        return ACTS[self.toxic.type.name] if self._dice < self.toxic.toxicity else _PASS_ON

    @property
    def full(self) -> bool:
        return len(self._waiting) > ACTS[self.toxic.type.name].buffer_chunks

    @property
    def doomed(self) -> bool:
        """It will end the stream at its time, and cannot be talked out of it."""
        return self._asleep is not None and self._asleep.stubborn

    def feed(self, item: Item) -> None:
        if self.ended:
            return
        self._waiting.append(item)
        if self._asleep is None:
            self._tell(self._waiting.popleft())

    def change(self) -> None:
        """The toxic has other attributes: a chunk that it delays goes on at once, and it starts again."""
        if not self.ended and not self.doomed:
            self._interrupt()
            self._start()

    def remove(self) -> None:
        """Hand on what waits here, in order; end the stream where the toxic has left a hole in it."""
        if self.ended or self.doomed:
            return
        self._interrupt()
        # The real server asks the type, not the dice: even one that never acted closes its connections.
        if ACTS[self.toxic.type.name].ends_when_removed:
            self.end()
        for item in self.drop():
            self.following.feed(item)

    def drop(self) -> list[Item]:
        """Nothing more will come of this stage; gives what waited."""
        waited = list(self._waiting)
        self.ended = True
        self._waiting.clear()
        self._cancel_timer()
        return waited

    # Running the behaviour

    def _start(self) -> None:
        self._behaviour = self.acts.run(self)
        with suppress(StopIteration):
            self._obey(next(self._behaviour))

    def _interrupt(self) -> None:
        asleep, self._asleep = self._asleep, None
        self._cancel_timer()
        if asleep is not None:
            with suppress(StopIteration):  # a behaviour whose sleep is cut short hands on and returns
                self._behaviour.send(True)
        self._behaviour.close()

    def _tell(self, what: Item | bool) -> None:
        """Tell the behaviour what happened, and do what it asks for next; it returns when it has ended the stream."""
        self._asleep = None
        self._cancel_timer()
        with suppress(StopIteration):
            self._obey(self._behaviour.send(what))

    def _obey(self, wish: Take | Sleep) -> None:
        """Fulfil wishes until one has to wait for a chunk or a timer; StopIteration when there are no more."""
        while True:
            match wish:
                case Take(within_s) if not self._waiting:
                    self._arm(within_s, EXPIRED)
                    return
                case Take():
                    wish = self._behaviour.send(self._waiting.popleft())
                case Sleep(seconds) if seconds > 0:
                    self._asleep = wish
                    self._arm(seconds, False)
                    return
                case Sleep():
                    wish = self._behaviour.send(False)

    def _arm(self, seconds: float | None, what: Item | bool) -> None:
        if seconds is not None and math.isfinite(seconds):
            self._timer = self._clock.call_later(seconds, self._ring, what)

    def _ring(self, what: Item | bool) -> None:
        self._tell(what)
        self._settled()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
