"""A connection: two streams, two endpoints and the handshake between them, packet by packet, so that a cut link acts on each step as on any byte."""

from __future__ import annotations

import asyncio
import errno
from contextvars import copy_context
from typing import TYPE_CHECKING

from chaos.virtual.endpoint import Endpoint
from chaos.virtual.errors import os_error
from chaos.virtual.link import CutMode
from chaos.virtual.stream import Signal, Stream

if TYPE_CHECKING:
    from chaos.virtual.link import Link
    from chaos.virtual.network import Network
    from chaos.virtual.server import Listener
    from chaos.virtual.site import Site


class Connection:
    """The number-th connection that site `opener` opens to `target`."""

    __slots__ = (
        "_client",
        "_connected",
        "_listener",
        "_network",
        "_port",
        "_server",
        "down",
        "established",
        "number",
        "opener",
        "target",
        "up",
    )

    def __init__(
        self, network: Network, opener: Site, target: Site, port: int, link: Link | None, *, number: int
    ) -> None:
        self.opener = opener
        self.target = target
        self.number = number
        self._network = network
        self._port = port
        a, b = opener.name, target.name
        self.up = Stream(network, self, link, purpose="up", label=f"{a}>{b} {a}#{number}")
        self.down = Stream(network, self, link.back if link else None, purpose="down", label=f"{b}>{a} {a}#{number}")
        self._listener: Listener | None = None
        self.established = False  # the opener knows that it is connected
        self._connected: asyncio.Future[None] = network.loop.create_future()
        near, far = (a, opener.ephemeral_port()), (b, port)
        self._client = Endpoint(opener, near, far, copy_context(), into=self.down, out=self.up)
        self._server = Endpoint(target, far, near, copy_context(), into=self.up, out=self.down)

    # The handshake

    async def open(self) -> Endpoint:
        """The opener's end, once both sides have agreed.

        Raises ConnectionRefusedError (111) when nobody listens or the link rejects, TimeoutError (110) after the network's give-up.
        """
        loop = self._network.loop
        give_up = loop.call_at_ns(
            loop.now_ns + self._network.connect_give_up_ns, self.give_up, context=self._network.kernel
        )
        if self.up.link is not None and self.up.link.mode is CutMode.REJECT:
            self.break_off()
        else:
            self.up.signal(Signal.SYN)
        try:
            await self._connected
        except asyncio.CancelledError:
            self._abandon()
            raise
        finally:
            give_up.cancel()
        return self._client

    def _abandon(self) -> None:
        """The opener no longer waits."""
        if self._connected.cancelled():
            self._fail(errno.ECONNABORTED)
        else:
            self._client.abort()

    def signal_arrived(self, stream: Stream, signal: Signal) -> None:
        """A signal reached the reader of one of the two streams."""
        match signal:
            case Signal.SYN:
                self._syn_arrived()
            case Signal.SYN_ACK:
                self._syn_ack_arrived()
            case Signal.REFUSED:
                self._fail(errno.ECONNREFUSED)
            case Signal.ACK:
                self._ack_arrived()
            case Signal.FIN:
                stream.reader.fin_arrived()
            case Signal.RST:
                self._reset_arrived(stream)

    def _syn_arrived(self) -> None:
        listener = self.target.listener_for(self._port, local=self.opener is self.target)
        if listener is None:
            self.down.signal(Signal.REFUSED)
            return
        self._listener = listener
        self._server.context = listener.context.copy()
        self.down.signal(Signal.SYN_ACK)

    def _syn_ack_arrived(self) -> None:
        if self._client.closed:
            return  # its abort is on the way
        self._client.reading = False  # until a protocol is attached
        self.established = True
        self._network.join_toxics(self)
        self.up.signal(Signal.ACK)
        if not self._connected.done():
            self._connected.set_result(None)

    def _ack_arrived(self) -> None:
        if self._listener is None or not self._listener.accept(self._server):
            self._server.abort()

    # The end

    def crashed(self, endpoint: Endpoint) -> None:
        """The process behind one end died; its kernel tells the peer, if a RST gets through."""
        endpoint.out.reset()
        if endpoint is self._client and not self._connected.done():
            self._connected.set_exception(os_error(errno.ECONNABORTED))
        endpoint.lost(os_error(errno.ECONNRESET))

    def break_off(self) -> None:
        """Both ends learn at once that the connection is gone; what was in flight is lost."""
        self._fail(errno.ECONNREFUSED)

    def give_up(self) -> None:
        """TCP has sent again for long enough."""
        self._fail(errno.ETIMEDOUT)

    def _fail(self, errno_of_connect: int) -> None:
        if not self._connected.done():
            self._connected.set_exception(os_error(errno_of_connect))
        self._finish()
        for endpoint in (self._client, self._server):
            endpoint.lost(os_error(errno.ECONNRESET))

    def _reset_arrived(self, stream: Stream) -> None:
        self._finish()
        if not self._connected.done():
            self._connected.set_exception(os_error(errno.ECONNREFUSED))
        stream.reader.lost(os_error(errno.ECONNRESET))

    def ended_by_toxic(self, *, reset: bool) -> None:
        """A toxic ended one stream; a proxy closes both sides then."""
        if reset:
            self.break_off()
        else:
            self.up.hang_up()
            self.down.hang_up()

    def end_closed(self) -> None:
        """One end closed. When both have and nothing is under way, nothing will be: a RST between them was lost."""
        if self._client.closed and self._server.closed and self.up.is_empty() and self.down.is_empty():
            self._finish()

    def reset_lost(self, stream: Stream) -> None:
        """A RST that nobody repeats was lost. A peer that never got as far as a protocol forgets the connection; any other learns by its next write."""
        if stream.reader.transport is None:
            self._finish()
            stream.reader.lost(os_error(errno.ECONNRESET))
        self.end_closed()

    def _finish(self) -> None:
        self.up.close()
        self.down.close()
