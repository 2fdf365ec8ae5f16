"""Toxics on virtual links. They behave as Toxiproxy's, by the code of the built-in Toxiproxy, at the sender's end of each stream.

    toxics = network.toxics("paris", "rennes")           # of the connections that paris opens to rennes
    toxics.add("latency", stream="upstream", latency=100, jitter=20)      # ms, on what paris sends
    toxics.add("limit_data", stream="downstream", bytes=1000)             # on what it receives
    toxics.remove("latency_upstream")

They act on open connections at once, and not on the connecting itself. Latency and bandwidth of a `Link` come on top.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from chaos.toxiproxy.errors import ApiError
from chaos.toxiproxy.gojson import decode
from chaos.toxiproxy.pipe import Pipe
from chaos.toxiproxy.toxics import Stream as StreamName
from chaos.toxiproxy.toxics import Toxic, changed, parse_toxic

if TYPE_CHECKING:
    from chaos.virtual.network import Network
    from chaos.virtual.stream import Stream

T = TypeVar("T")


class Toxics:
    """The toxics of the connections that one site opens to another, in the order in which they were added."""

    def __init__(self, network: Network, opener: str, target: str) -> None:
        self._network = network
        self._ways = {"upstream": network.link(opener, target), "downstream": network.link(target, opener)}
        self._opener = opener
        self._toxics: dict[str, Toxic] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """What is on the link now."""
        return tuple(self._toxics)

    def add(
        self, type: str, *, stream: StreamName = "downstream", name: str = "", toxicity: float = 1.0, **attributes: int
    ) -> str:
        """Add a toxic; gives its name, `<type>_<stream>` by default. Raises ValueError in Toxiproxy's words."""
        body = {"type": type, "stream": stream, "name": name, "toxicity": toxicity, "attributes": attributes}
        toxic = _refusals_told(lambda: parse_toxic(_as_sent(body), self._toxics))
        self._toxics[toxic.name] = toxic
        for open_stream in self._open_streams(toxic):
            self._pipe_of(open_stream).add(toxic)
        return toxic.name

    def change(self, name: str, **attributes: int) -> None:
        """Give a toxic other attributes; those not named stay. Raises KeyError, ValueError."""
        toxic = self._toxics[name]
        toxic.attributes, _ = _refusals_told(lambda: changed(toxic, _as_sent({"attributes": attributes})))
        for open_stream in self._open_streams(toxic):
            self._pipe_of(open_stream).change(toxic)

    def remove(self, name: str) -> None:
        """Take a toxic away; one that dropped bytes ends the connections it dropped them from. Raises KeyError."""
        toxic = self._toxics.pop(name)
        for open_stream in self._open_streams(toxic):
            self._pipe_of(open_stream).remove(toxic)

    def clear(self) -> None:
        """Take all away."""
        for name in self.names:
            self.remove(name)

    def join(self, stream: Stream, direction: StreamName) -> None:
        """A connection stands: put what there is on its stream."""
        toxics = [toxic for toxic in self._toxics.values() if toxic.stream == direction]
        if toxics:
            pipe = self._pipe_of(stream)
            for toxic in toxics:
                pipe.add(toxic)
            stream.resets_when_ended = any(stage.acts.resets for stage in pipe.stages)

    def _open_streams(self, toxic: Toxic) -> list[Stream]:
        return [
            stream
            for stream in self._ways[toxic.stream].streams
            if stream.connection.opener.name == self._opener
            and stream.connection.established  # a proxy has no toxics on a connection that is not there yet
            and (stream.pipe is not None or not stream.fin_sent)
        ]

    def _pipe_of(self, stream: Stream) -> Pipe:
        if stream.pipe is None:
            stream.pipe = _pipe(self._network, stream)
        return stream.pipe


def _pipe(network: Network, stream: Stream) -> Pipe:
    """Toxiproxy's pipe from a stream's writer to its queue."""

    def rng_for(toxic: Toxic) -> random.Random:
        return stream.draws(f"toxic.{toxic.name}")

    return Pipe(stream, stream, rng_for=rng_for, tally=_Uncounted(), clock=_KernelClock(network))


class _KernelClock:
    """The loop's clock; what it calls belongs to no site's program, and goes on while one is paused."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def time(self) -> float:
        return self._network.loop.time()

    def call_later(self, delay: float, callback: Callable[..., None], *args: object) -> asyncio.TimerHandle:
        return self._network.loop.call_later(delay, callback, *args, context=self._network.kernel)


class _Uncounted:
    """Toxiproxy counts bytes for its metrics; the network's trace has them already."""

    def received(self, count: int) -> None:
        """Nothing to do."""

    def sent(self, count: int) -> None:
        """Nothing to do."""


def _as_sent(body: dict[str, object]) -> object:
    """A body as Toxiproxy's rules read it from a client."""
    return decode(json.dumps(body).encode())


def _refusals_told(parse: Callable[[], T]) -> T:
    try:
        return parse()
    except ApiError as refused:
        raise ValueError(f"toxic refused: {refused.message}") from None
