"""asyncio's view of an endpoint: a Transport with flow control, half-close and the errors of a TCP socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from chaos.virtual.endpoint import Address, Endpoint
    from chaos.virtual.loop import VirtualLoop

HIGH_WATER_BYTES: Final = 64 * 1024
Buffer = bytes | bytearray | memoryview


class VirtualSocket:
    """Stands where code asks a transport for its socket: it knows its addresses and takes any option."""

    __slots__ = ("_address", "_peer")

    family: Final = socket.AF_INET
    type: Final = socket.SOCK_STREAM
    proto: Final = socket.IPPROTO_TCP

    def __init__(self, address: Address, peer: Address | None = None) -> None:
        self._address = address
        self._peer = peer

    def getsockname(self) -> Address:
        return self._address

    def getpeername(self) -> Address:
        """Raises OSError for a listening socket."""
        if self._peer is None:
            raise OSError(107, "Transport endpoint is not connected")
        return self._peer

    def fileno(self) -> int:
        """-1: there is no descriptor."""
        return -1

    def setsockopt(self, *_option: object) -> None:
        """The link has none of the machine's options."""

    def getsockopt(self, *_option: object) -> int:
        """0: no error, no option set."""
        return 0

    def setblocking(self, _flag: bool) -> None:
        """Nothing here blocks."""


class VirtualTransport(asyncio.Transport):
    """Made by `attach`. Bytes go to the endpoint's stream at once; what the link has not yet delivered counts as this writer's buffer."""

    _start_tls_compatible = True  # for loop.start_tls

    __slots__ = ("__weakref__", "_closing", "_endpoint", "_eof_sent", "_high", "_loop", "_low", "_paused", "_protocol")

    def __init__(self, loop: VirtualLoop, endpoint: Endpoint, protocol: asyncio.BaseProtocol) -> None:
        facts = {
            "peername": endpoint.peer,
            "sockname": endpoint.address,
            "socket": VirtualSocket(endpoint.address, endpoint.peer),
        }
        super().__init__(facts)
        self._loop = loop
        self._endpoint = endpoint
        self._closing = False
        self._eof_sent = False
        self._paused = False
        self._high = HIGH_WATER_BYTES
        self._low = HIGH_WATER_BYTES // 4
        self.set_protocol(protocol)

    @classmethod
    def attach(cls, loop: VirtualLoop, endpoint: Endpoint, protocol: asyncio.BaseProtocol) -> Self:
        """Join protocol and endpoint; bytes that arrived before are delivered from now on."""
        transport = cls(loop, endpoint, protocol)
        endpoint.transport = transport
        endpoint.reading = True
        endpoint.into.resume()
        protocol.connection_made(transport)
        return transport

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    # Reading

    def is_reading(self) -> bool:
        return self._endpoint.reading and not self._closing

    def pause_reading(self) -> None:
        """Leave what arrives in the link; the peer's writer feels it."""
        if not self._closing:
            self._endpoint.reading = False

    def resume_reading(self) -> None:
        if not self._closing:
            self._endpoint.reading = True
            self._endpoint.into.resume()

    def data_arrived(self, data: bytes) -> None:
        """The link delivered bytes."""
        protocol = self._protocol
        try:
            if isinstance(protocol, asyncio.BufferedProtocol):
                _fill(protocol, data)
            else:
                protocol.data_received(data)  # type: ignore[attr-defined]  # asyncio's own contract for stream protocols
        except Exception as error:
            self._fatal(error, "data_received() failed")

    def eof_arrived(self) -> None:
        """The peer will send no more."""
        try:
            keep_open = self._protocol.eof_received()  # type: ignore[attr-defined]  # as above
        except Exception as error:
            self._fatal(error, "eof_received() failed")
            return
        if not keep_open:
            self.close()

    # Writing

    def write(self, data: Buffer) -> None:
        """Raises RuntimeError after `write_eof`. Bytes for a lost connection are dropped, as asyncio does."""
        if self._eof_sent:
            raise RuntimeError("Cannot call write() after write_eof()")
        stream = self._endpoint.out
        if self._closing or stream.fin_sent or not data:
            return
        stream.send(data if type(data) is bytes else bytes(data))
        if (stream.queued_bytes > self._high or stream.held) and not self._paused:
            self._pause_writing()

    def writelines(self, list_of_data: Iterable[Buffer]) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """Half-close: the peer reads to the end, this side goes on reading."""
        if not self._closing and not self._eof_sent:
            self._eof_sent = True
            self._endpoint.out.fin()

    def get_write_buffer_size(self) -> int:
        return self._endpoint.out.queued_bytes

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """As in asyncio: low is a quarter of high unless given."""
        if high is None:
            high = HIGH_WATER_BYTES if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high, self._low = high, low

    def _pause_writing(self) -> None:
        self._paused = self._endpoint.throttled = True
        self._protocol.pause_writing()

    def drained(self, queued_bytes: int) -> None:
        """The link delivered some of what this side wrote."""
        if queued_bytes <= self._low and not self._endpoint.out.held:
            self._endpoint.throttled = False
            self._loop.call_soon(self._resume_writing, context=self._endpoint.context)

    def _resume_writing(self) -> None:
        if self._paused:
            self._paused = False
            self._protocol.resume_writing()

    # The end

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """Send what is queued, then FIN. `connection_lost(None)` follows at the loop's next turn."""
        if not self._closing:
            self._endpoint.close()
            self._end(None)

    def abort(self) -> None:
        """Drop what is queued and send RST."""
        if not self._closing:
            self._endpoint.abort()
            self._end(None)

    def connection_gone(self, error: OSError) -> None:
        """The network ended the connection."""
        if not self._closing:
            self._end(error)

    def _end(self, error: Exception | None) -> None:
        self._closing = True
        self._loop.call_soon(self._protocol.connection_lost, error, context=self._endpoint.context)

    def _fatal(self, error: Exception, message: str) -> None:
        """A protocol's callback raised: report it and drop the connection, as asyncio does."""
        self._loop.call_exception_handler(
            {
                "message": f"Fatal error: protocol.{message}",
                "exception": error,
                "transport": self,
                "protocol": self._protocol,
            }
        )
        self._force_close(error)

    def _force_close(self, error: Exception | None) -> None:
        """Abort for a reason; asyncio's SSLProtocol calls it by this name."""
        if not self._closing:
            self._endpoint.abort()
            self._end(error)

    def __repr__(self) -> str:
        (a, b), (c, d) = self._endpoint.address, self._endpoint.peer
        return f"<VirtualTransport {a}:{b} <-> {c}:{d}{' closing' if self._closing else ''}>"


def _fill(protocol: asyncio.BufferedProtocol, data: bytes) -> None:
    """Hand bytes to a protocol that brings its own buffer."""
    rest = memoryview(data)
    while rest:
        buffer = memoryview(protocol.get_buffer(len(rest)))
        size = min(len(buffer), len(rest))
        if size == 0:
            raise RuntimeError("get_buffer() returned an empty buffer")
        buffer[:size] = rest[:size]
        protocol.buffer_updated(size)
        rest = rest[size:]
