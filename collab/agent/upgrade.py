"""Requests that turn their connection into something else (exec, attach, port-forward): bytes both ways, unread.

aiohttp parses WebSocket upgrades alone, and kubectl may ask for SPDY, so the connection is taken over as it is.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from typing import cast

from aiohttp import hdrs, web
from yarl import URL

from collab.agent.link import CONNECT_S, Lost, describe
from collab.agent.passing import Upstream, request_headers


def is_upgrade(request: web.BaseRequest) -> bool:
    tokens = request.headers.get(hdrs.CONNECTION, "").lower().split(",")
    return "upgrade" in (token.strip() for token in tokens) and hdrs.UPGRADE in request.headers


class Pipe(asyncio.Protocol):
    """One end of a pair: what it receives is written to the other end, no faster than that takes it."""

    def __init__(self) -> None:
        self.other: Pipe | None = None
        self.transport: asyncio.Transport | None = None
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


async def splice(
    request: web.BaseRequest, upstream: Upstream, target: str, *, drop: Iterable[str] = ()
) -> web.StreamResponse | Lost:
    """Send the request as it came, less the headers in `drop`, and join both connections until either ends.

    Lost when the upstream is not there.
    """
    server = Pipe()
    try:
        await _connect(server, upstream, upstream.at(target))
    except (OSError, TimeoutError) as error:
        return Lost(sent=False, why=describe(error))
    client = Pipe()
    client.other, server.other = server, client
    # the handler of this connection must not see its bytes any more, but be told of its end
    handler, transport = request.protocol, request.transport
    if transport is None or server.transport is None:
        return Lost(sent=False, why="the client has gone")
    client.connection_made(transport)
    transport.set_protocol(client)
    server.transport.write(_head(request, upstream.at(target), drop))
    try:
        await client.closed
    finally:
        server.transport.close()
        transport.set_protocol(handler)
        handler.connection_lost(None)
    return web.StreamResponse()


async def _connect(server: Pipe, upstream: Upstream, url: URL) -> None:
    tls: ssl.SSLContext | bool | None = None if url.scheme == "http" else upstream.tls
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_S):
        await loop.create_connection(lambda: server, url.host or "", url.port or 0, ssl=tls)


def _head(request: web.BaseRequest, url: URL, drop: Iterable[str]) -> bytes:
    """The request's head again, its upgrade included."""
    lines = [f"{request.method} {url.raw_path_qs} HTTP/1.1", f"Host: {url.host}:{url.port}"]
    lines += [f"{name}: {value}" for name, value in request_headers(request, drop).items()]
    lines += [f"Connection: {hdrs.UPGRADE}", f"Upgrade: {request.headers[hdrs.UPGRADE]}", "", ""]
    return "\r\n".join(lines).encode("latin-1")
