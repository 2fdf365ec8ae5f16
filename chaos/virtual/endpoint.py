"""One end of a connection as the kernel of its site keeps it: it exists before asyncio has a transport for it and after that is closed."""

from __future__ import annotations

from contextvars import Context
from typing import TYPE_CHECKING

from chaos.virtual.stream import Stream

if TYPE_CHECKING:
    from chaos.virtual.site import Site
    from chaos.virtual.transport import VirtualTransport

Address = tuple[str, int]


class Endpoint:
    """Knows its site, its two streams and, once a protocol is attached, its transport. `reading` says whether it takes what arrives."""

    __slots__ = ("address", "closed", "context", "into", "out", "peer", "reading", "site", "throttled", "transport")

    def __init__(
        self, site: Site, address: Address, peer: Address, context: Context, *, into: Stream, out: Stream
    ) -> None:
        self.site = site
        self.address = address
        self.peer = peer
        self.context = context
        self.into = into
        self.out = out
        self.transport: VirtualTransport | None = None
        self.reading = True  # signals of the handshake are for the kernel itself
        self.throttled = False
        self.closed = False
        into.reader = out.writer = self
        site.endpoints[self] = None

    # What arrives

    def data_arrived(self, data: bytes) -> None:
        if self.closed:
            self.out.reset()  # a kernel answers data for a closed socket so
        elif self.transport is not None:
            self.transport.data_arrived(data)

    def fin_arrived(self) -> None:
        if self.closed:
            if self.out.is_empty() and not self.out.done:  # this end was aborted or crashed, and its RST was lost
                self.out.reset()
        elif self.transport is not None:
            self.transport.eof_arrived()

    def drained(self, queued_bytes: int) -> None:
        """The link took bytes of a throttled writer."""
        if self.transport is not None:
            self.transport.drained(queued_bytes)

    # What this end does

    def close(self) -> None:
        """Send FIN behind the data and take no more."""
        if not self.closed:
            self.out.fin()
            self._shut()

    def abort(self) -> None:
        """Forget the data and send RST."""
        if not self.closed:
            self.out.reset()
            self._shut()

    def lost(self, error: OSError) -> None:
        """The connection is gone; whoever holds the transport hears of it."""
        if not self.closed:
            self._shut()
            if self.transport is not None:
                self.transport.connection_gone(error)

    def _shut(self) -> None:
        self.closed = True
        self.site.endpoints.pop(self, None)
        self.reading = True  # the kernel goes on answering for the closed socket
        self.into.resume()
        self.into.connection.end_closed()
