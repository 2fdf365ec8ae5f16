"""Channels: one WebSocket each between two agents. Frames in and out in order; knows nothing of what they say.

A channel that its peer does not read is closed when too much waits in it; nobody else notices. Whether a silent peer
is alive is for the core to find out (PING), so the WebSockets have no heartbeat of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import aiohttp
from aiohttp import web

from collab.agent.link import target_url
from collab.agent.tasks import Tasks
from collab.protocol.actions import Dial, Hangup, Transmit
from collab.protocol.facts import ChannelClosed, ChannelOpened, DialFailed, Fact, FrameReceived
from collab.protocol.names import SiteName

PEER_PATH = "/collab/v1/peer"
DIAL_S = 5.0
CLOSE_S = 2.0
FRAME_MAX = 16 << 20
WAITING_FRAMES_MAX = 1024
WAITING_BYTES_MAX = 64 << 20

Socket: TypeAlias = "aiohttp.ClientWebSocketResponse | web.WebSocketResponse"
Resolve: TypeAlias = Callable[[SiteName, str], str]


@dataclass(slots=True)
class _Channel:
    """A socket and what waits to be sent on it; `sender` begins with the first frame and sleeps until there is `more`."""

    socket: Socket
    waiting: deque[bytes] = field(default_factory=deque)
    waiting_bytes: int = 0
    closing: bool = False
    sender: asyncio.Task[None] | None = None
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self) -> bytes:
        data = self.waiting.popleft()
        self.waiting_bytes -= len(data)
        return data


class Peers:
    """Every channel of this agent, dialled or accepted. What happens is told through `tell`."""

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        tasks: Tasks,
        resolve: Resolve,
        tell: Callable[[Fact], None],
        note: Callable[[str, str], None],
    ) -> None:
        self._session = session
        self._tasks = tasks
        self._resolve = resolve
        self._tell = tell
        self._note = note
        self._channels: dict[int, _Channel] = {}
        self._last_number = 0

    def dial(self, action: Dial) -> None:
        """Open a channel to a peer; ends in ChannelOpened or DialFailed."""
        self._tasks.begin(self._dial(action))

    async def accept(self, request: web.BaseRequest) -> web.StreamResponse:
        """A peer dialled: serve the channel until it ends."""
        socket = web.WebSocketResponse(compress=False, max_msg_size=FRAME_MAX, timeout=CLOSE_S)
        try:
            await socket.prepare(request)
        except ConnectionError:  # it went away while it was being answered, and dials again when it can
            return web.Response()
        await self._serve(socket, None)
        return socket

    def transmit(self, action: Transmit) -> None:
        """Send a frame after those before it; on a channel that is gone, nothing."""
        channel = self._channels.get(action.channel)
        if channel is None or channel.closing:
            return
        channel.waiting.append(action.frame)
        channel.waiting_bytes += len(action.frame)
        if len(channel.waiting) > WAITING_FRAMES_MAX or channel.waiting_bytes > WAITING_BYTES_MAX:
            self._note("ChannelOverflow", f"channel {action.channel}: {len(channel.waiting)} frames wait; closed")
            self._abandon(action.channel)
        else:
            self._wake_sender(action.channel, channel)

    def hang_up(self, action: Hangup) -> None:
        """Close a channel once what waits is sent."""
        channel = self._channels.get(action.channel)
        if channel is None or channel.closing:
            return
        channel.closing = True
        self._wake_sender(action.channel, channel)

    def close_all(self) -> None:
        """Close every channel once what waits in it is sent."""
        for number in list(self._channels):
            self.hang_up(Hangup(channel=number, reason="stopping"))

    async def _dial(self, action: Dial) -> None:
        url = target_url(self._resolve(action.site, action.address), PEER_PATH)
        try:
            async with asyncio.timeout(DIAL_S):
                socket = await self._session.ws_connect(
                    url,
                    compress=0,
                    max_msg_size=FRAME_MAX,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
                )
        except (aiohttp.ClientError, OSError, TimeoutError):
            # what to do about it, and whether to say so, is the core's decision
            self._tell(DialFailed(site=action.site))
            return
        await self._serve(socket, action.site)

    def drop_all(self) -> None:
        """Close every channel at once, whatever waits in it."""
        for number in list(self._channels):
            self._abandon(number)

    def forget(self) -> None:
        """Drop every channel without a word: a crash."""
        self._channels.clear()

    async def _serve(self, socket: Socket, dialled: SiteName | None) -> None:
        self._last_number += 1
        number = self._last_number
        self._channels[number] = _Channel(socket)
        self._tell(ChannelOpened(channel=number, dialled=dialled))
        try:
            await self._receive(number, socket)
        finally:
            self._abandon(number)

    async def _receive(self, number: int, socket: Socket) -> None:
        """Frames until the channel ends; anything but a binary frame ends it."""
        while number in self._channels:
            message = await socket.receive()
            if message.type is not aiohttp.WSMsgType.BINARY:
                return
            if number in self._channels:
                self._tell(FrameReceived(channel=number, data=message.data))

    def _wake_sender(self, number: int, channel: _Channel) -> None:
        channel.more.set()
        if channel.sender is None:
            channel.sender = self._tasks.begin(self._send(number, channel))

    async def _send(self, number: int, channel: _Channel) -> None:
        """Send what waits, as it comes, until the channel is to be closed or is lost."""
        with contextlib.suppress(aiohttp.ClientError, OSError):
            while channel.waiting or not channel.closing:
                await channel.more.wait()
                channel.more.clear()
                while channel.waiting:
                    await channel.socket.send_bytes(channel.take())
        self._abandon(number)

    def _abandon(self, number: int) -> None:
        """The channel is gone for everybody; told once. Closing the socket ends its receiver."""
        channel = self._channels.pop(number, None)
        if channel is None:
            return
        channel.waiting.clear()
        if channel.sender is not None and channel.sender is not asyncio.current_task():
            channel.sender.cancel()
        self._tell(ChannelClosed(channel=number))
        self._tasks.begin(_close(channel.socket))


async def _close(socket: Socket) -> None:
    """Close in good order, or hard when the peer does not read: a close frame waits behind what it has not taken."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            await socket.close()
