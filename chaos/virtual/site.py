"""A site as the network sees it: its listeners, its open endpoints, whether it is up."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final, Protocol

from chaos.virtual.errors import os_error

if TYPE_CHECKING:
    from chaos.virtual.endpoint import Endpoint
    from chaos.virtual.server import Listener

_FIRST_EPHEMERAL_PORT: Final = 32768  # Linux's ip_local_port_range
_EPHEMERAL_PORTS: Final = 28232


class Crashing(Protocol):
    """Something under way that a crash of its site ends."""

    def crashed(self) -> None: ...


class Site:
    """Made once per name. While it is down nobody connects from it or to it."""

    __slots__ = ("_connections", "_next_port", "calls", "endpoints", "listeners", "name", "up")

    def __init__(self, name: str) -> None:
        self.name = name
        self.up = True
        self.listeners: dict[int, Listener] = {}
        self.endpoints: dict[Endpoint, None] = {}  # a dict, for its order
        self.calls: dict[Crashing, None] = {}  # requests within the site that no connection carries
        self._connections: dict[str, int] = {}
        self._next_port = 0

    def listen(self, listener: Listener) -> None:
        """Raises OSError EADDRINUSE (98) when the port is taken."""
        if listener.port in self.listeners:
            raise os_error(errno.EADDRINUSE)
        self.listeners[listener.port] = listener

    def stop_listening(self, listener: Listener) -> None:
        listener.open = False
        if self.listeners.get(listener.port) is listener:
            del self.listeners[listener.port]

    def listener_for(self, port: int, *, local: bool) -> Listener | None:
        """Who takes a connection to `port`, if anybody."""
        listener = self.listeners.get(port) if self.up else None
        return None if listener is None or (listener.local and not local) else listener

    def ephemeral_port(self) -> int:
        """The next port of the range that is not listened on."""
        while True:
            port = _FIRST_EPHEMERAL_PORT + self._next_port % _EPHEMERAL_PORTS
            self._next_port += 1
            if port not in self.listeners:
                return port

    def connection_number(self, target: str) -> int:
        """How many connections this site has opened to `target`, this one included."""
        number = self._connections[target] = self._connections.get(target, 0) + 1
        return number

    def crash(self) -> None:
        """The process dies: listeners vanish, and the kernel sends a RST for each connection."""
        self.up = False
        for listener in list(self.listeners.values()):
            self.stop_listening(listener)
        for endpoint in list(self.endpoints):
            endpoint.into.connection.crashed(endpoint)
        for call in list(self.calls):
            call.crashed()
