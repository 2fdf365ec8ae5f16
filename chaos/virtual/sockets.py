"""The socket calls of an asyncio loop, answered by the virtual network. No descriptor is kept."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar
from weakref import WeakKeyDictionary

from chaos.virtual.tls import accepting_tls, dial_tls
from chaos.virtual.transport import VirtualTransport

if TYPE_CHECKING:
    import ssl

    from chaos.virtual.endpoint import Endpoint
    from chaos.virtual.network import Network
    from chaos.virtual.server import VirtualServer

_WELL_KNOWN_PORTS: Final = {"http": 80, "https": 443}

_NO_DESCRIPTORS: Final = "the virtual loop has no descriptors to watch: connections of this world are made by create_connection and create_server"
_NO_PROCESSES: Final = (
    "a process would live in real time: test programs of their own with the `kube` and `kube_sites` fixtures"
)

P = TypeVar("P", bound=asyncio.BaseProtocol)
AddrInfo = tuple[int, int, int, str, tuple[str, int]]


class SocketCalls(asyncio.BaseEventLoop):
    """The half of the virtual loop that meets the network.

    Happy eyeballs (aiohttp) makes a socket, calls `sock_connect` and then `create_connection(sock=...)`: the first opens
    the connection, the second gives it a protocol and closes the socket, which was never used.
    """

    network: Network

    def __init__(self) -> None:
        super().__init__()
        self._connected: WeakKeyDictionary[socket.socket, Endpoint] = WeakKeyDictionary()

    async def getaddrinfo(  # type: ignore[override]  # one kind of address: (site, port)
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> list[AddrInfo]:
        """A site's address is its name. Raises socket.gaierror for a name that no site has."""
        site = self.network.resolve(_text(host or "localhost"))
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (site, _port(port)))]

    async def getnameinfo(  # type: ignore[override]  # as above
        self, sockaddr: tuple[str, int], flags: int = 0
    ) -> tuple[str, str]:
        return sockaddr[0], str(sockaddr[1])

    async def sock_connect(self, sock: socket.socket, address: tuple[str, int]) -> None:  # type: ignore[override]  # as above
        """Open a virtual connection in the name of `sock`, which stays untouched."""
        self._connected[sock] = await self.network.connect(address[0], address[1])

    async def create_connection(
        self,
        protocol_factory: Callable[[], P],
        host: str | None = None,
        port: int | None = None,
        *,
        sock: socket.socket | None = None,
        ssl: ssl.SSLContext | bool | None = None,
        server_hostname: str | None = None,
        **_choices: object,
    ) -> tuple[asyncio.Transport, P]:
        """As asyncio's; options that choose among several addresses have nothing to choose from.

        Raises what `Network.connect` raises; ValueError for a socket that this loop did not connect.
        """
        endpoint = self._take(sock) if sock is not None else await self.network.connect(host or "localhost", port or 0)
        protocol = protocol_factory()
        if ssl:
            name = server_hostname if server_hostname is not None else host or ""
            return await dial_tls(self.network.loop, endpoint, protocol, ssl, server_hostname=name), protocol
        return VirtualTransport.attach(self.network.loop, endpoint, protocol), protocol

    async def create_server(  # type: ignore[override]  # the options that matter here, of asyncio's many
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | None = None,
        port: int | None = None,
        *,
        sock: socket.socket | None = None,
        ssl: ssl.SSLContext | None = None,
        start_serving: bool = True,
        **_options: object,
    ) -> VirtualServer:
        """Listen at the site of the running code, or at the site that `host` names."""
        if sock is not None:
            raise ValueError("a socket of this machine cannot listen on the virtual loop; give host and port")
        if ssl is not None:
            protocol_factory = accepting_tls(self.network.loop, protocol_factory, ssl)
        return self.network.listen(protocol_factory, host, port or 0, start=start_serving)

    def add_reader(self, fd: object, callback: object, *args: object) -> NoReturn:
        raise NotImplementedError(_NO_DESCRIPTORS)

    def add_writer(self, fd: object, callback: object, *args: object) -> NoReturn:
        raise NotImplementedError(_NO_DESCRIPTORS)

    async def create_datagram_endpoint(self, *arguments: object, **options: object) -> NoReturn:
        raise NotImplementedError("the virtual network carries streams, no datagrams")

    async def subprocess_exec(self, *arguments: object, **options: object) -> NoReturn:
        raise NotImplementedError(_NO_PROCESSES)

    async def subprocess_shell(self, *arguments: object, **options: object) -> NoReturn:
        raise NotImplementedError(_NO_PROCESSES)

    def _take(self, sock: socket.socket) -> Endpoint:
        endpoint = self._connected.pop(sock, None)
        if endpoint is None:
            raise ValueError("a socket of this machine cannot be used on the virtual loop; give host and port")
        sock.close()
        return endpoint


def _text(host: bytes | str) -> str:
    return host.decode() if isinstance(host, bytes) else host


def _port(port: bytes | str | int | None) -> int:
    if port is None or isinstance(port, int):
        return port or 0
    name = _text(port)
    return int(name) if name.isdigit() else _WELL_KNOWN_PORTS.get(name, 0)
