"""Channels over real sockets: frames in order, one end each, and a peer that does not read delays nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from collab.agent.link import open_session, plain_connector
from collab.agent.peers import Peers
from collab.agent.tasks import Tasks
from collab.protocol.actions import Dial, Hangup, Transmit
from collab.protocol.facts import ChannelClosed, ChannelOpened, DialFailed, Fact, FrameReceived
from collab.protocol.names import SiteName
from tests.unit.collab.proxy.wire import connect, read_head, upstream

B = SiteName("b")


@dataclass
class End:
    """One agent's channels, listening."""

    peers: Peers
    url: str
    facts: asyncio.Queue[Fact]
    notes: list[str] = field(default_factory=list)

    async def next(self) -> Fact:
        return await asyncio.wait_for(self.facts.get(), 10)

    async def opened(self) -> int:
        fact = await self.next()
        assert isinstance(fact, ChannelOpened)
        return fact.channel


@asynccontextmanager
async def end() -> AsyncIterator[End]:
    facts: asyncio.Queue[Fact] = asyncio.Queue()
    notes: list[str] = []
    tasks = Tasks()
    async with open_session(plain_connector()) as session:
        peers = Peers(
            session=session,
            tasks=tasks,
            resolve=lambda site, advertised: advertised,
            tell=facts.put_nowait,
            note=lambda kind, text: notes.append(kind),
        )
        server = web.Server(peers.accept, handler_cancellation=True)
        listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
        host, port = listening.sockets[0].getsockname()[:2]
        try:
            yield End(peers, f"http://{host}:{port}", facts, notes)
        finally:
            listening.close()
            peers.forget()
            await server.shutdown(timeout=0.05)
            await tasks.finish()


def test_frames_arrive_in_order_at_both_ends_and_a_hangup_comes_after_them() -> None:
    async def scenario() -> None:
        async with end() as a, end() as b:
            a.peers.dial(Dial(site=B, address=b.url))
            at_a, at_b = await a.opened(), await b.opened()
            frames = [bytes([n]) * 1000 for n in range(50)]
            for frame in frames:
                a.peers.transmit(Transmit(channel=at_a, frame=frame))
            a.peers.hang_up(Hangup(channel=at_a, reason="done"))
            a.peers.transmit(Transmit(channel=at_a, frame=b"too late"))
            got = [await b.next() for _ in frames]
            assert got == [FrameReceived(channel=at_b, data=frame) for frame in frames]
            assert await b.next() == ChannelClosed(channel=at_b)
            assert await a.next() == ChannelClosed(channel=at_a)
            assert a.facts.empty()
            assert b.facts.empty()

    asyncio.run(scenario())


def test_who_was_dialled_is_told_to_the_dialler_alone() -> None:
    async def scenario() -> None:
        async with end() as a, end() as b:
            a.peers.dial(Dial(site=B, address=b.url))
            assert await a.next() == ChannelOpened(channel=1, dialled=B)
            assert await b.next() == ChannelOpened(channel=1, dialled=None)

    asyncio.run(scenario())


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "", "nonsense"])
def test_a_dial_that_cannot_succeed_fails_once(address: str) -> None:
    async def scenario() -> None:
        async with end() as a:
            a.peers.dial(Dial(site=B, address=address))
            assert await a.next() == DialFailed(site=B)

    asyncio.run(scenario())


def test_a_peer_that_answers_something_else_is_a_failed_dial() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    async def scenario() -> None:
        async with end() as a, upstream(serve) as url:
            a.peers.dial(Dial(site=B, address=url))
            assert await a.next() == DialFailed(site=B)

    asyncio.run(scenario())


def test_a_text_message_ends_the_channel() -> None:
    async def scenario() -> None:
        async with end() as b, open_session(plain_connector()) as session:
            socket = await session.ws_connect(b.url + "/collab/v1/peer")
            number = await b.opened()
            await socket.send_str("hello")
            assert await b.next() == ChannelClosed(channel=number)

    asyncio.run(scenario())


def test_a_lost_connection_is_told() -> None:
    async def scenario() -> None:
        async with end() as b:
            reader, writer = await connect(b.url)
            writer.write(
                b"GET /collab/v1/peer HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            await read_head(reader)
            number = await b.opened()
            writer.transport.abort()
            assert await b.next() == ChannelClosed(channel=number)

    asyncio.run(scenario())


def test_a_peer_that_does_not_read_loses_its_channel_and_delays_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collab.agent.peers.WAITING_FRAMES_MAX", 20)

    async def scenario() -> None:
        async with end() as a, end() as b:
            reader, writer = await connect(a.url)
            writer.write(
                b"GET /collab/v1/peer HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            await read_head(reader)
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport has it
            slow = await a.opened()
            a.peers.dial(Dial(site=B, address=b.url))
            quick, at_b = await a.opened(), await b.opened()
            while a.facts.empty():
                a.peers.transmit(Transmit(channel=slow, frame=bytes(1 << 20)))
                a.peers.transmit(Transmit(channel=quick, frame=b"x"))
                assert await b.next() == FrameReceived(channel=at_b, data=b"x")
            assert await a.next() == ChannelClosed(channel=slow)
            assert a.notes == ["ChannelOverflow"]
            writer.transport.abort()

    asyncio.run(scenario())
