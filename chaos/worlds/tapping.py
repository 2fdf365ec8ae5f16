"""Bytes as they reach a site on real sockets: each protocol is wrapped by one that shows them to a tap first."""

from __future__ import annotations

import asyncio
from typing import Final

from chaos.virtual.trace import Tap, WireChunk
from chaos.worlds.wire import FrameReader

UNKNOWN: Final = "a link"
"""The sender, as a listener sees it: every connection comes from a proxy."""

_UPGRADE: Final = b"upgrade: websocket"


class Tapped(asyncio.Protocol):
    """Passes everything on to `inner`, and first what is received to `tap`, as having arrived at `site`.

    What a client sends on a WebSocket is masked; a listener's tap shows it in the clear.
    """

    def __init__(self, inner: asyncio.Protocol, tap: Tap, *, site: str, peer: str, number: int) -> None:
        self.inner = inner
        self._tap = tap
        self._site = site
        self._peer = peer
        self._number = number
        self._frames: FrameReader | None = None

    def data_received(self, data: bytes) -> None:
        self._show(data if self._frames is None else self._frames.feed(data))
        if self._peer == UNKNOWN and self._frames is None and _UPGRADE in data.lower():
            self._frames = FrameReader()  # a client sends frames only after the answer to this request
        self.inner.data_received(data)

    def _show(self, data: bytes) -> None:
        now_ns = round(asyncio.get_running_loop().time() * 1e9)
        opener = self._site if self._peer != UNKNOWN else UNKNOWN
        self._tap(WireChunk(now_ns, self._peer, self._site, self._number, opener, data))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.inner.connection_lost(exc)

    def eof_received(self) -> bool | None:
        return self.inner.eof_received()

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()
