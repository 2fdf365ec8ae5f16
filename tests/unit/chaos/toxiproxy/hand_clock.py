"""A clock that a test turns by hand, and the two ends of a pipe: toxics without sockets, to the microsecond."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from chaos.toxiproxy.behaviours import Mark
from chaos.toxiproxy.gojson import decode, encode
from chaos.toxiproxy.pipe import Pipe
from chaos.toxiproxy.stage import Item
from chaos.toxiproxy.toxics import Toxic, parse_toxic


@dataclass(order=True)
class Alarm:
    due: float
    number: int
    ring: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class HandClock:
    def __init__(self) -> None:
        self._now = 1000.0
        self._alarms: list[Alarm] = []
        self._numbers = 0

    def time(self) -> float:
        return self._now

    def call_later(self, delay: float, callback: Callable[..., None], *args: Item | bool) -> Alarm:
        self._numbers += 1
        alarm = Alarm(self._now + delay, self._numbers, lambda: callback(*args))
        heapq.heappush(self._alarms, alarm)
        return alarm

    def pass_s(self, seconds: float) -> None:
        """Let time pass and ring what is due, in order."""
        end = self._now + seconds
        while self._alarms and self._alarms[0].due <= end + 1e-9:
            alarm = heapq.heappop(self._alarms)
            self._now = max(self._now, alarm.due)
            if not alarm.cancelled:
                alarm.ring()
        self._now = end


class Ends:
    """Source and destination of one pipe, and what they were told: (seconds since the start, bytes or "end")."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self._start = clock.time()
        self.arrivals: list[tuple[float, bytes | str]] = []
        self.held = False
        self.totals: dict[str, int] = {}

    def hold(self, held: bool) -> None:
        self.held = held

    def write(self, data: bytes) -> None:
        self.arrivals.append((self._since(), data))

    def finish(self) -> None:
        self.arrivals.append((self._since(), Mark.END.value))

    def received(self, count: int) -> None:
        self.totals["received"] = self.totals.get("received", 0) + count

    def sent(self, count: int) -> None:
        self.totals["sent"] = self.totals.get("sent", 0) + count

    def _since(self) -> float:
        return round(self._clock.time() - self._start, 6)


class Bench:
    """One pipe on a hand-turned clock."""

    def __init__(self, *toxics: Toxic) -> None:
        self.clock = HandClock()
        self.ends = Ends(self.clock)
        self.pipe = Pipe(
            self.ends, self.ends, rng_for=lambda toxic: random.Random(toxic.name), tally=self.ends, clock=self.clock
        )
        for toxic in toxics:
            self.pipe.add(toxic)

    @property
    def arrivals(self) -> list[tuple[float, bytes | str]]:
        return self.ends.arrivals

    def held(self) -> bool:
        """Whether the sender is held back now."""
        return self.ends.held


def toxic(kind: str, *, name: str = "", toxicity: float = 1.0, **attributes: int) -> Toxic:
    document = {"type": kind, "name": name, "toxicity": toxicity, "attributes": attributes}
    return parse_toxic(decode(encode(document).encode()), ())
