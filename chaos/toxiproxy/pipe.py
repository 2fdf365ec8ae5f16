"""One stream of one connection: chunks go from its source through a stage for each toxic to its destination.

    source -> stage of toxic 1 -> stage of toxic 2 -> ... -> destination

Everything is a method call on one event loop, so a toxic is added, changed or removed between two chunks and never
waits for a slow reader (in the real server it does, and the proxy may hang for good: Toxiproxy #558).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

from chaos.toxiproxy.behaviours import CHUNK_BYTES, END, Chunk, Mark
from chaos.toxiproxy.stage import Clock, Item, Next, ToxicStage
from chaos.toxiproxy.toxics import Toxic


class Source(Protocol):
    def hold(self, held: bool) -> None:
        """Stop reading while held; what is in flight stays with the sender."""


class Destination(Protocol):
    def write(self, data: bytes) -> None: ...

    def finish(self) -> None:
        """Close entirely, after what was written: the real server knows no half-close."""


class Tally(Protocol):
    """Called once per pipe and kind, when that side of it has ended."""

    def received(self, count: int) -> None: ...

    def sent(self, count: int) -> None: ...


class Pipe:
    def __init__(
        self,
        source: Source,
        destination: Destination,
        *,
        rng_for: Callable[[Toxic], random.Random],
        tally: Tally,
        clock: Clock,
    ) -> None:
        self.stages: list[ToxicStage] = []
        self.finished = False
        self._source = source
        self._destination = destination
        self._rng_for = rng_for
        self._tally = tally
        self._clock = clock
        self._received = 0
        self._sent = 0
        self._source_ended = False
        self._destination_busy = False
        self._held = False

    # Toxics

    def add(self, toxic: Toxic) -> None:
        """At the end of the chain, as in the real server."""
        stage = ToxicStage(toxic, self, rng=self._rng_for(toxic), clock=self._clock, settled=self.settle)
        if self.stages:
            self.stages[-1].following = stage
        self.stages.append(stage)

    def change(self, toxic: Toxic) -> None:
        for stage in self._of(toxic):
            stage.change()
        self.settle()

    def remove(self, toxic: Toxic) -> None:
        for stage in self._of(toxic):
            stage.remove()
            if not stage.doomed:
                self._unlink(stage)
        self.settle()

    def _of(self, toxic: Toxic) -> list[ToxicStage]:
        return [stage for stage in self.stages if stage.toxic is toxic]

    def _unlink(self, stage: ToxicStage) -> None:
        position = self.stages.index(stage)
        if position:
            self.stages[position - 1].following = stage.following
        self.stages.remove(stage)

    # From the source

    def receive(self, data: bytes) -> None:
        self._received += len(data)
        arrived = self._clock.time()
        for start in range(0, len(data), CHUNK_BYTES):
            self._first().feed(Chunk(data[start : start + CHUNK_BYTES], arrived))
        self.settle()

    def receive_end(self) -> None:
        if not self._source_ended:
            self._source_ended = True
            self._tally.received(self._received)
            self._first().feed(END)

    def _first(self) -> Next:
        return self.stages[0] if self.stages else self

    # To the destination

    def feed(self, item: Item) -> None:
        """What has come through every stage."""
        if self.finished:
            return
        if isinstance(item, Mark):
            self._finish()
            self._destination.finish()
        else:
            self._sent += len(item.data)
            self._destination.write(item.data)

    def lose(self, *, failed: bool) -> None:
        """The destination is gone; what the pipe still holds is lost, and not counted when a write failed."""
        if not self.finished:
            self._sent = 0 if failed else self._sent
            self._finish()

    def _finish(self) -> None:
        self.finished = True
        self._tally.sent(self._sent)
        for stage in self.stages:
            stage.drop()
        self.settle()

    # Back-pressure

    def destination_busy(self, busy: bool) -> None:
        self._destination_busy = busy
        self.settle()

    def settle(self) -> None:
        """Hold the source back while the destination or a stage has enough; a finished pipe reads nothing more."""
        held = self.finished or self._destination_busy or any(stage.full for stage in self.stages)
        if held != self._held:
            self._held = held
            self._source.hold(held)
