"""How each toxic treats the chunks of one stream of one connection.

A behaviour is a generator that asks for one thing at a time and is told what happened:

    item = yield Take()          the next Chunk, or END after the last one
    item = yield Take(0.5)       the same, or EXPIRED when nothing came in 0.5 s
    changed = yield Sleep(0.1)   False after 0.1 s; True at once when the toxic is changed or removed

It hands on with `stage.put(chunk)` and ends the stream with `stage.end()`; returning without that means: start me again
(the toxic was changed) or pass on what is left (it was removed). So what a toxic does reads as in the Toxiproxy
documentation, there are no tasks and no channels, and nothing that the API does can wait for a slow reader.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

CHUNK_BYTES = 32 * 1024
BANDWIDTH_STEP_S = 0.1


@dataclass(slots=True)
class Chunk:
    data: bytes
    arrived: float
    """Loop time at which it came in; a latency toxic moves it on, so that several of them add up."""


class Mark(Enum):
    END = "end"
    """The stream is over; it travels in order behind the data."""
    EXPIRED = "expired"
    """Nothing came in time."""


END = Mark.END
EXPIRED = Mark.EXPIRED


@dataclass(frozen=True, slots=True)
class Take:
    within_s: float | None = None


@dataclass(frozen=True, slots=True)
class Sleep:
    seconds: float
    stubborn: bool = False
    """Goes on although the toxic is changed or removed."""


class Stage(Protocol):
    """What a behaviour sees of its place in the stream."""

    passed: int
    """Bytes let through so far; survives a change of the toxic."""

    @property
    def attributes(self) -> Mapping[str, int]: ...
    @property
    def rng(self) -> random.Random: ...
    def put(self, chunk: Chunk) -> None: ...
    def put_back_end(self) -> None: ...
    def end(self) -> None: ...
    def now(self) -> float: ...


Behaviour = Generator[Take | Sleep, "Chunk | Mark | bool", None]


def noop(stage: Stage) -> Behaviour:
    while isinstance(chunk := (yield Take()), Chunk):
        stage.put(chunk)
    stage.end()


def latency(stage: Stage) -> Behaviour:
    """Due = arrival + latency +- jitter, in order: chunks that came together stay together."""
    while isinstance(chunk := (yield Take()), Chunk):
        wait_s = _delay_s(stage) - (stage.now() - chunk.arrived)
        if (yield Sleep(wait_s)):
            stage.put(chunk)
            return
        chunk.arrived += wait_s
        stage.put(chunk)
    stage.end()


def _delay_s(stage: Stage) -> float:
    delay_ms, jitter_ms = stage.attributes["latency"], stage.attributes["jitter"]
    if jitter_ms > 0:
        delay_ms += stage.rng.randrange(2 * jitter_ms) - jitter_ms
    return delay_ms / 1000


def bandwidth(stage: Stage) -> Behaviour:
    """`rate` KB/s for this connection and stream; 0 holds everything back, the end of the stream too."""
    owed_s = 0.0  # carries the error of one wait into the next
    while isinstance(chunk := (yield Take()), Chunk):
        rate = stage.attributes["rate"]
        if rate == 0:
            yield Sleep(math.inf)
            stage.put(chunk)
            return
        owed_s += len(chunk.data) / (rate * 1000)
        step_bytes = int(rate * 1000 * BANDWIDTH_STEP_S)
        while len(chunk.data) > step_bytes:
            if (yield Sleep(BANDWIDTH_STEP_S)):
                stage.put(chunk)
                return
            stage.put(Chunk(chunk.data[:step_bytes], chunk.arrived))
            chunk.data = chunk.data[step_bytes:]
            owed_s -= BANDWIDTH_STEP_S
        began = stage.now()
        if (yield Sleep(owed_s)):
            stage.put(chunk)
            return
        owed_s -= stage.now() - began
        stage.put(chunk)
    stage.end()


def slow_close(stage: Stage) -> Behaviour:
    """Only the end is late; a change starts the delay again."""
    while isinstance(chunk := (yield Take()), Chunk):
        stage.put(chunk)
    if (yield Sleep(stage.attributes["delay"] / 1000)):
        stage.put_back_end()
        return
    stage.end()


def timeout(stage: Stage) -> Behaviour:
    """Drops everything, and ends the stream when nothing came for `timeout` ms; 0 or less: never by itself."""
    timeout_ms = stage.attributes["timeout"]
    within_s = timeout_ms / 1000 if timeout_ms > 0 else None
    while isinstance((yield Take(within_s)), Chunk):
        pass
    stage.end()


def reset_peer(stage: Stage) -> Behaviour:
    """The first chunk, or the end, dooms the stream: it ends `timeout` ms later, whatever becomes of the toxic."""
    yield Take()
    yield Sleep(stage.attributes["timeout"] / 1000, stubborn=True)
    stage.end()


def slicer(stage: Stage) -> Behaviour:
    while isinstance(chunk := (yield Take()), Chunk):
        for start, stop in slices(len(chunk.data), stage.attributes, stage.rng):
            stage.put(Chunk(chunk.data[start:stop], chunk.arrived))
            if (yield Sleep(stage.attributes["delay"] / 1_000_000)):
                stage.put(Chunk(chunk.data[stop:], chunk.arrived))
                return
    stage.end()


def slices(size: int, attributes: Mapping[str, int], rng: random.Random) -> list[tuple[int, int]]:
    """Where to cut `size` bytes: halved until a piece is at most average + variation; each middle is off by variation."""
    average, variation = attributes["average_size"], attributes["size_variation"]
    found, left = [], [(0, size)]
    while left:
        start, stop = left.pop()
        if stop - start - average <= variation:
            found.append((start, stop))
            continue
        middle = start + (stop - start) // 2
        if variation > 0:
            middle += rng.randrange(2 * variation) - variation
        left += [(middle, stop), (start, middle)]
    return found


def limit_data(stage: Stage) -> Behaviour:
    """Passes exactly `bytes` bytes, then ends; with 0 or less the first byte ends it."""
    while isinstance(chunk := (yield Take()), Chunk):
        room = max(0, stage.attributes["bytes"] - stage.passed)
        if room:
            stage.put(Chunk(chunk.data[:room], chunk.arrived))
            stage.passed += min(room, len(chunk.data))
        if stage.passed >= stage.attributes["bytes"]:
            break
    stage.end()


@dataclass(frozen=True, slots=True, kw_only=True)
class Acts:
    """A behaviour, and what the stream around it has to know."""

    run: Callable[[Stage], Behaviour]
    buffer_chunks: int = 1
    """Chunks that may wait before it until the sender is held back."""
    ends_when_removed: bool = False
    """Bytes were dropped: a stream with a hole must not go on."""
    resets: bool = False
    """Connections that begin with it are closed by RST."""


ACTS: Mapping[str, Acts] = {
    "noop": Acts(run=noop),
    "latency": Acts(run=latency, buffer_chunks=1024),
    "bandwidth": Acts(run=bandwidth),
    "slow_close": Acts(run=slow_close),
    "timeout": Acts(run=timeout, ends_when_removed=True),
    "reset_peer": Acts(run=reset_peer, resets=True),
    "slicer": Acts(run=slicer),
    "limit_data": Acts(run=limit_data),
}
