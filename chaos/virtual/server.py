"""Who listens where: a listener of a site, and asyncio's Server around it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING

from chaos.virtual.transport import VirtualSocket, VirtualTransport

if TYPE_CHECKING:
    from chaos.virtual.endpoint import Endpoint
    from chaos.virtual.loop import VirtualLoop
    from chaos.virtual.site import Site

ProtocolFactory = Callable[[], asyncio.BaseProtocol]


class Listener:
    """A port that a site listens on. `local`: it takes connections of its own site only, as one bound to 127.0.0.1 does."""

    __slots__ = ("_loop", "context", "factory", "local", "open", "port")

    def __init__(
        self, loop: VirtualLoop, factory: ProtocolFactory, port: int, context: Context, *, local: bool
    ) -> None:
        self.port = port
        self.local = local
        self.context = context
        self._loop = loop
        self.factory = factory
        self.open = True

    def accept(self, endpoint: Endpoint) -> bool:
        """Give the endpoint a protocol; False when the listener has closed meanwhile. Runs in the endpoint's context."""
        if not self.open:
            return False
        VirtualTransport.attach(self._loop, endpoint, self.factory())
        return True


class VirtualServer(asyncio.AbstractServer):
    """What `loop.create_server` returns."""

    def __init__(self, loop: VirtualLoop, site: Site, listener: Listener) -> None:
        self._loop = loop
        self._site = site
        self._listener = listener
        self._closed: asyncio.Future[None] = loop.create_future()

    @property
    def sockets(self) -> tuple[VirtualSocket, ...]:
        """One stand-in that knows its address; empty once closed."""
        return (VirtualSocket((self._site.name, self._listener.port)),) if self.is_serving() else ()

    def get_loop(self) -> VirtualLoop:
        return self._loop

    def is_serving(self) -> bool:
        return self._listener.open and self._site.listeners.get(self._listener.port) is self._listener

    async def start_serving(self) -> None:
        """Raises OSError EADDRINUSE (98) when another took the port."""
        if not self.is_serving():
            self._site.listen(self._listener)

    async def serve_forever(self) -> None:
        """Serves until it is cancelled or closed."""
        await self.start_serving()
        try:
            await asyncio.shield(self._closed)
        finally:
            self.close()

    def close(self) -> None:
        """Take no more connections; those that are open live on."""
        self._site.stop_listening(self._listener)
        if not self._closed.done():
            self._closed.set_result(None)

    def close_clients(self) -> None:
        """Close the connections that this server accepted (Python 3.13)."""
        for endpoint in self._clients():
            endpoint.close()

    def abort_clients(self) -> None:
        """Reset the connections that this server accepted (Python 3.13)."""
        for endpoint in self._clients():
            endpoint.abort()

    def _clients(self) -> list[Endpoint]:
        return [endpoint for endpoint in self._site.endpoints if endpoint.address[1] == self._listener.port]

    async def wait_closed(self) -> None:
        """Waits for `close`, not for the connections."""
        if not self._closed.done():
            await asyncio.shield(self._closed)
