"""An event loop on which host names are sites, as on the virtual loop, but the sockets are real.

`http://site-004:8443` dialled by code that stands at site-001 leads to the proxy of the link site-001--site-004; from
site-004 itself, and from the observer, straight to where site-004 listens. So an agent, or any asyncio code that
resolves names through its loop, runs here as in the virtual world.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from chaos.virtual.sites import OBSERVER, current_site
from chaos.virtual.trace import Tap
from chaos.worlds.tapping import UNKNOWN, Tapped

Route = Callable[[str, str], Awaitable[str]]
"""(dialler, target) -> HOST:PORT of the proxy of their link."""

_SITES_PER_BLOCK: Final = 250


class SiteAddresses:
    """Where each site listens: an address of its own in 127.1.0.0/16, or ports of 127.0.0.1 where only that exists."""

    def __init__(self, sites: Sequence[str]) -> None:
        own = has_own_addresses()
        self._numbers = {site: number for number, site in enumerate(sites)}
        self._ips = {site: _ip(1, number) if own else "127.0.0.1" for site, number in self._numbers.items()}
        self._proxy_ips = {site: _ip(2, number) if own else "127.0.0.1" for site, number in self._numbers.items()}
        self._bound: dict[tuple[str, int], int] = {}

    def __contains__(self, host: object) -> bool:
        return host in self._numbers

    def ip(self, site: str) -> str:
        return self._ips[site]

    def proxy_listen(self, dialler: str, _target: str) -> str:
        """Where the proxies of a site's links listen: beside the site, on any free port."""
        return f"{self._proxy_ips[dialler]}:0"

    def bind(self, site: str, port: int, actual: int) -> None:
        """The site listens for what is sent to `port` on `actual`, which another world on this machine has not."""
        self._bound[site, port] = actual

    def last_bound(self, site: str, port: int) -> int:
        """The port where the site listened before, so that a restart finds its links again; 0 for none."""
        return self._bound.get((site, port), 0)

    def socket_address(self, site: str, port: int) -> tuple[str, int]:
        """Raises ConnectionRefusedError while nobody listens there."""
        if (site, port) not in self._bound:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"{os.strerror(errno.ECONNREFUSED)}: {site}:{port}")
        return self._ips[site], self._bound[site, port]


def _ip(block: int, number: int) -> str:
    return f"127.{block}.{number // _SITES_PER_BLOCK}.{1 + number % _SITES_PER_BLOCK}"


def has_own_addresses() -> bool:
    """Linux answers on all of 127.0.0.0/8, other systems on 127.0.0.1 alone."""
    with socket.socket() as probe:
        try:
            probe.bind((_ip(1, 0), 0))
        except OSError:
            return False
    return True


class LoopbackLoop(asyncio.SelectorEventLoop):
    """`route` is asked for the proxy of a link when one site dials another at `linked_port`.

    `tap`, when set before anything listens, is called with each chunk that arrives at a site.
    """

    def __init__(self, addresses: SiteAddresses, route: Route, *, linked_port: int) -> None:
        super().__init__()
        self.tap: Tap | None = None
        self._addresses = addresses
        self._route = route
        self._linked_port = linked_port
        self._connections = 0

    async def getaddrinfo(
        self, host: Any, port: Any, *, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> list[Any]:
        if host not in self._addresses:
            return await super().getaddrinfo(host, port, family=family, type=type, proto=proto, flags=flags)
        address = await self._address(host, int(port))
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)]

    async def _address(self, site: str, port: int) -> tuple[str, int]:
        if current_site() in (site, OBSERVER):
            return self._addresses.socket_address(site, port)
        if port != self._linked_port:
            raise socket.gaierror(socket.EAI_NONAME, f"no link leads to port {port} of {site}, only to its agent")
        host, _, proxy_port = (await self._route(current_site(), site)).rpartition(":")
        return host, int(proxy_port)

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        if host not in self._addresses:
            return await super().create_server(protocol_factory, host, port, **options)
        if self.tap is not None:
            protocol_factory = self._tapping(protocol_factory, self.tap, host, UNKNOWN)
        actual = self._addresses.last_bound(host, port)
        server = await super().create_server(protocol_factory, self._addresses.ip(host), actual, **options)
        self._addresses.bind(host, port, server.sockets[0].getsockname()[1])
        return server

    async def create_connection(self, protocol_factory: Any, *place: Any, **options: Any) -> Any:
        if self.tap is None or current_site() not in self._addresses:
            return await super().create_connection(protocol_factory, *place, **options)
        tapping = self._tapping(protocol_factory, self.tap, current_site(), "whom it dialled")
        transport, tapped = await super().create_connection(tapping, *place, **options)
        return transport, tapped.inner

    def _tapping(self, factory: Any, tap: Tap, site: str, peer: str) -> Callable[[], Tapped]:
        def make() -> Tapped:
            self._connections += 1
            return Tapped(factory(), tap, site=site, peer=peer, number=self._connections)

        return make


def loopback_loop() -> LoopbackLoop:
    """The running loop. Raises RuntimeError when it is another one."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, LoopbackLoop):
        raise RuntimeError("the proxy world lives on a LoopbackLoop: run it by play_proxied(...)")
    return loop
