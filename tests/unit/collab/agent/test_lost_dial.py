"""A peer that goes away while its dial is being answered is no error of ours."""

from __future__ import annotations

import asyncio
import logging

import pytest

from chaos.virtual.loop import VirtualLoop
from chaos.virtual.run import run_virtual
from chaos.worlds.virtual import World

UPGRADE = (
    b"GET /collab/v1/peer HTTP/1.1\r\nHost: site-000\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def test_a_dial_that_is_reset_at_once_leaves_no_trace_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def main(loop: VirtualLoop) -> None:
        async with World(sites=1) as world:
            transport, _ = await loop.create_connection(asyncio.Protocol, "site-000", 8443)
            transport.write(UPGRADE)
            await asyncio.sleep(0)
            transport.abort()
            await asyncio.sleep(5)
            async with world.session("site-000").get("/healthz") as response:
                assert response.status == 200

    with caplog.at_level(logging.ERROR):
        run_virtual(main)
    assert caplog.records == []
