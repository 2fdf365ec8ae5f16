"""TLS over virtual connections, by asyncio's own SSLProtocol.

Keys are the machine's chance, so bytes differ from run to run; so do byte counts with ECDSA certificates, and with them the trace.
"""

from __future__ import annotations

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable
from typing import TYPE_CHECKING

from chaos.virtual.transport import VirtualTransport

if TYPE_CHECKING:
    from chaos.virtual.endpoint import Endpoint
    from chaos.virtual.loop import VirtualLoop


async def dial_tls(
    loop: VirtualLoop,
    endpoint: Endpoint,
    protocol: asyncio.BaseProtocol,
    context: ssl.SSLContext | bool,
    *,
    server_hostname: str,
) -> asyncio.Transport:
    """The transport of a client once the handshake is done. Raises ssl.SSLError, ConnectionError, TimeoutError as asyncio does."""
    ready: asyncio.Future[None] = loop.create_future()
    chosen = context if isinstance(context, ssl.SSLContext) else ssl.create_default_context()
    tls = SSLProtocol(loop, protocol, chosen, ready, server_side=False, server_hostname=server_hostname)
    wire = VirtualTransport.attach(loop, endpoint, tls)
    try:
        await ready
    except BaseException:
        wire.close()
        raise
    transport: asyncio.Transport = tls._app_transport
    return transport


def accepting_tls(
    loop: VirtualLoop, factory: Callable[[], asyncio.BaseProtocol], context: ssl.SSLContext
) -> Callable[[], asyncio.BaseProtocol]:
    """A factory of protocols that each wait behind a handshake."""

    def accept() -> asyncio.BaseProtocol:
        return SSLProtocol(loop, factory(), context, _unwaited(loop), server_side=True)

    return accept


def _unwaited(loop: VirtualLoop) -> asyncio.Future[None]:
    """For a handshake whose failure is told to the peer, and to nobody here."""
    future: asyncio.Future[None] = loop.create_future()
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future
