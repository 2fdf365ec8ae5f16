"""One client's connection and the one opened for it to the upstream: two sockets, two pipes."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Callable, Mapping, Sequence

from chaos.toxiproxy.address import split
from chaos.toxiproxy.pipe import Pipe, Tally
from chaos.toxiproxy.toxics import Stream, Toxic

DIAL_TIMEOUT_S = 130.0  # what Linux gives a SYN by default; the real server sets none of its own

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # struct linger: on, 0 s


class Endpoint(asyncio.Protocol):
    """One socket: the source of one pipe and the destination of the other. It reads once both are there."""

    def __init__(self, connected: Callable[[Endpoint], None] | None = None) -> None:
        self.transport: asyncio.Transport | None = None
        self.lost = False
        self.on_lost: Callable[[], None] | None = None
        self._connected = connected
        self._outgoing: Pipe | None = None
        self._incoming: Pipe | None = None

    def join(self, *, outgoing: Pipe, incoming: Pipe) -> None:
        """What is read here goes into `outgoing`; what `incoming` brings is written here."""
        self._outgoing, self._incoming = outgoing, incoming
        self.hold(False)

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.pause_reading()
        if self._connected is not None:
            self._connected(self)

    def data_received(self, data: bytes) -> None:
        if self._outgoing is not None:
            self._outgoing.receive(data)

    def eof_received(self) -> bool:
        if self._outgoing is not None:
            self._outgoing.receive_end()
        return True  # stay open for writing: the end travels behind the data and closes the other side

    def connection_lost(self, exc: Exception | None) -> None:
        if self._incoming is not None:
            self._incoming.lose(failed=exc is not None)
        if self._outgoing is not None:
            self._outgoing.receive_end()
        self.lost = True
        if self.on_lost is not None:
            self.on_lost()

    def pause_writing(self) -> None:
        if self._incoming is not None:
            self._incoming.destination_busy(True)

    def resume_writing(self) -> None:
        if self._incoming is not None:
            self._incoming.destination_busy(False)

    # Called by the pipes

    def hold(self, held: bool) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        if held:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def write(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    def finish(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def reset_on_close(self) -> None:
        if self.transport is not None:
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)

    def abort(self) -> None:
        """Close at once: what is not yet with the system is lost."""
        if self.transport is not None:
            self.transport.abort()


class Connection:
    """From the accept to the end of both sockets."""

    def __init__(
        self,
        client: Endpoint,
        *,
        toxics: Mapping[Stream, Sequence[Toxic]],
        rng_for: Callable[[Stream, Toxic], random.Random],
        tallies: Mapping[Stream, Tally],
        on_over: Callable[[], None],
    ) -> None:
        """`on_over` is called when both sockets are closed."""
        self._client = client
        self._server = Endpoint()
        self._on_over = on_over
        client.on_lost = self._server.on_lost = self._check_over
        self._toxics = toxics
        self._rng_for = rng_for
        self._tallies = tallies
        self._pipes: dict[Stream, Pipe] = {}

    def _check_over(self) -> None:
        if self._client.lost and (self._server.lost or self._server.transport is None):
            self._on_over()

    async def dial(self, upstream: str) -> None:
        """Open the connection to the upstream; when it cannot be, the client sees an empty answer, never a refusal."""
        try:
            host, port = split(upstream)
            async with asyncio.timeout(DIAL_TIMEOUT_S):
                await asyncio.get_running_loop().create_connection(lambda: self._server, host, int(port))
        except (OSError, ValueError):  # AddressError and TimeoutError are OSErrors
            self._client.finish()
            return
        self._join()

    def _join(self) -> None:
        upstream = self._pipe("upstream", self._client, self._server)
        downstream = self._pipe("downstream", self._server, self._client)
        if any(stage.acts.resets for pipe in self._pipes.values() for stage in pipe.stages):
            self._client.reset_on_close()
            self._server.reset_on_close()
        self._client.join(outgoing=upstream, incoming=downstream)
        self._server.join(outgoing=downstream, incoming=upstream)

    def _pipe(self, stream: Stream, source: Endpoint, destination: Endpoint) -> Pipe:
        pipe = Pipe(
            source,
            destination,
            rng_for=lambda toxic: self._rng_for(stream, toxic),
            tally=self._tallies[stream],
            clock=asyncio.get_running_loop(),
        )
        self._pipes[stream] = pipe
        for toxic in self._toxics[stream]:
            pipe.add(toxic)
        return pipe

    def pipe_of(self, stream: Stream) -> Pipe | None:
        """None while the upstream is being dialled: the toxics are read when it answers."""
        return self._pipes.get(stream)

    def abort(self) -> None:
        self._client.abort()
        self._server.abort()
