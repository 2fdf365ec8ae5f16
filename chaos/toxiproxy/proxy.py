"""One proxy: a listener, an upstream, its toxics, and the connections that run through it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable

from chaos.toxiproxy import address
from chaos.toxiproxy.connection import Connection, Endpoint
from chaos.toxiproxy.errors import AddressError, toxic_not_found
from chaos.toxiproxy.metrics import Labels, Metrics
from chaos.toxiproxy.pipe import Pipe
from chaos.toxiproxy.toxics import STREAMS, Stream, Toxic, changed, parse_toxic


class Proxy:
    def __init__(self, name: str, listen: str, upstream: str, *, seed: int, metrics: Metrics) -> None:
        self.name = name
        self.listen = listen
        """As given, then as bound: `localhost:0` becomes `127.0.0.1:45151` with the first start."""
        self.upstream = upstream
        self.enabled = False
        self._seed = seed
        self._metrics = metrics
        self._toxics: dict[Stream, list[Toxic]] = {stream: [] for stream in STREAMS}
        self._server: asyncio.Server | None = None
        self._accepted = 0
        self._connections: dict[int, Connection] = {}
        self._dials: dict[int, asyncio.Task[None]] = {}

    def document(self) -> dict[str, object]:
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            "Logger": {},  # leaks from the real server's struct; kept, since clients may decode strictly
            "toxics": [toxic.document() for toxic in self.toxics()],
        }

    # Listening

    async def start(self) -> None:
        """Listen, if it does not yet; AddressError when the address cannot be had, and then it stays disabled."""
        if self.enabled:
            return
        try:
            listener = address.listen(await address.resolve(self.listen))
        except AddressError as error:
            raise _as_listen_error(error) from None
        self.listen = address.bound_to(listener)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Endpoint(self._accept), sock=listener, backlog=address.BACKLOG
        )
        self.enabled = True

    def stop(self) -> None:
        """Refuse new connections and drop those that are open, with what is in flight; toxics stay."""
        self.enabled = False
        if self._server is not None:
            self._server.close()
            self._server = None
        for dial in self._dials.values():
            dial.cancel()
        for connection in list(self._connections.values()):
            connection.abort()

    async def update(self, *, listen: str, upstream: str, enabled: bool) -> None:
        """Change what differs; a changed address or upstream drops all connections. AddressError: nothing changed, or disabled."""
        if await self.differs(listen, upstream):
            self.stop()
            self.listen, self.upstream = listen, upstream
        if enabled and not self.enabled:
            await self.start()
        elif not enabled:
            self.stop()

    async def differs(self, listen: str, upstream: str) -> bool:
        """Whether a listener or upstream is meant that it does not have; `:0` and the like always differ."""
        return str(await address.resolve(listen)) != self.listen or upstream != self.upstream

    # Connections

    def _accept(self, client: Endpoint) -> None:
        if not self.enabled:
            client.abort()  # accepted by the event loop just before the stop
            return
        number = self._accepted = self._accepted + 1
        connection = Connection(
            client,
            toxics=self._toxics,
            rng_for=lambda stream, toxic: self._rng(number, stream, toxic),
            tallies={stream: self._metrics.tally(self._labels(stream)) for stream in STREAMS},
            on_over=lambda: self._forget(number),
        )
        self._connections[number] = connection
        dial = asyncio.get_running_loop().create_task(connection.dial(self.upstream))
        self._dials[number] = dial
        dial.add_done_callback(lambda _: self._dials.pop(number, None))

    def _forget(self, number: int) -> None:
        self._connections.pop(number, None)

    def _rng(self, number: int, stream: Stream, toxic: Toxic) -> random.Random:
        """Chance of one toxic on one connection: another link, connection or toxic does not disturb it."""
        return random.Random(f"{self._seed}/{self.name}/{number}/{stream}/{toxic.name}")

    def _labels(self, stream: Stream) -> Labels:
        return Labels(direction=stream, listener=self.listen, proxy=self.name, upstream=self.upstream)

    # Toxics

    def toxics(self) -> list[Toxic]:
        """Those of the upstream first, each stream's in the order of its chain."""
        return [toxic for stream in STREAMS for toxic in self._toxics[stream]]

    def toxic(self, name: str) -> Toxic:
        for toxic in self.toxics():
            if toxic.name == name:
                return toxic
        raise toxic_not_found()

    def parse_toxic(self, body: object) -> Toxic:
        return parse_toxic(body, {toxic.name for toxic in self.toxics()})

    def add_toxic(self, toxic: Toxic) -> None:
        self._toxics[toxic.stream].append(toxic)
        for pipe in self._pipes(toxic.stream):
            pipe.add(toxic)

    def change_toxic(self, name: str, body: object) -> Toxic:
        toxic = self.toxic(name)
        toxic.attributes, toxic.toxicity = changed(toxic, body)
        for pipe in self._pipes(toxic.stream):
            pipe.change(toxic)
        return toxic

    def remove_toxic(self, toxic: Toxic) -> None:
        self._toxics[toxic.stream].remove(toxic)
        for pipe in self._pipes(toxic.stream):
            pipe.remove(toxic)

    def replace_toxics(self, toxics: Iterable[Toxic]) -> None:
        for toxic in self.toxics():
            self.remove_toxic(toxic)
        for toxic in toxics:
            self.add_toxic(toxic)

    def _pipes(self, stream: Stream) -> list[Pipe]:
        found = (connection.pipe_of(stream) for connection in self._connections.values())
        return [pipe for pipe in found if pipe is not None]


def _as_listen_error(error: AddressError) -> AddressError:
    """Go prefixes what went wrong with what was tried."""
    text = str(error)
    return error if text.startswith("listen tcp") else AddressError(f"listen tcp: {text}")
