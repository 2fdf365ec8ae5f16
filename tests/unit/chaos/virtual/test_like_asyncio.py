"""The virtual transport tells a protocol what asyncio's own would: the same programs on a real loopback socket and on a virtual link.

One difference is meant: `abort` resets the peer here (docs/link-model.md); asyncio closes the socket, which is a FIN unless unread bytes wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from chaos.virtual import VirtualLoop, run_virtual, site_context

TIMEOUT_S = 20.0
BIG = 30_000_000  # more than the machine's socket buffers take


class End(asyncio.Protocol):
    """Notes what it is told; neighbouring pieces of data count as one."""

    def __init__(self, *, greets: bool = False, keeps_open: bool = False) -> None:
        self.told: list[str] = []
        self.received = 0
        self.transport: asyncio.Transport
        self.over = asyncio.get_running_loop().create_future()
        self.made = asyncio.Event()
        self.eof = asyncio.Event()
        self.got_data = asyncio.Event()
        self.resumed = asyncio.Event()
        self._greets = greets
        self._keeps_open = keeps_open

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.told.append("made")
        self.made.set()
        if self._greets:
            transport.write(b"hello")

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self.told[-1] != "data":
            self.told.append("data")
        self.got_data.set()

    def eof_received(self) -> bool:
        self.told.append("eof")
        self.eof.set()
        return self._keeps_open

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")
        self.resumed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append(f"lost {type(exc).__name__ if exc else 'cleanly'}")
        self.over.set_result(None)


Story = Callable[[End, End], Awaitable[None]]


async def words_and_close(client: End, server: End) -> None:
    client.transport.write(b"words")
    client.transport.close()
    client.transport.close()


async def question_and_answer_over_a_half_close(client: End, server: End) -> None:
    client.transport.write(b"question")
    client.transport.write_eof()
    await server.eof.wait()
    server.transport.write(b"answer")
    server.transport.close()


async def end_without_words(client: End, server: End) -> None:
    client.transport.write_eof()
    await server.eof.wait()
    server.transport.close()


async def much_data(client: End, server: End) -> None:
    server.transport.pause_reading()
    client.transport.write(b"x" * BIG)
    server.transport.resume_reading()
    await client.resumed.wait()
    client.transport.close()


async def writing_after_the_close(client: End, server: End) -> None:
    client.transport.close()
    client.transport.write(b"nobody hears this")


async def closing_while_reading_is_paused(client: End, server: End) -> None:
    server.transport.pause_reading()
    client.transport.write(b"words")
    client.transport.close()
    await client.over
    server.transport.resume_reading()


STORIES: list[Story] = [
    words_and_close,
    question_and_answer_over_a_half_close,
    end_without_words,
    much_data,
    writing_after_the_close,
    closing_while_reading_is_paused,
]


async def _tell(story: Story, host: str, greets: bool, keeps_open: bool) -> list[tuple[list[str], int]]:
    loop = asyncio.get_running_loop()
    accepted: asyncio.Queue[End] = asyncio.Queue()

    def accept() -> End:
        end = End(greets=greets, keeps_open=keeps_open)
        accepted.put_nowait(end)
        return end

    server_socket = await loop.create_server(accept, host, 0)
    port = server_socket.sockets[0].getsockname()[1]
    with site_context("paris"):
        _, client = await loop.create_connection(End, host, port)
    server = await accepted.get()
    await server.made.wait()
    if greets:
        await client.got_data.wait()
    async with asyncio.timeout(TIMEOUT_S):
        await story(client, server)
        await client.over
        await server.over
    server_socket.close()
    return [(client.told, client.received), (server.told, server.received)]


@pytest.mark.parametrize("greets", [True, False])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_protocol_is_told_the_same(story: Story, greets: bool) -> None:
    keeps_open = story is question_and_answer_over_a_half_close

    async def virtual(loop: VirtualLoop) -> list[tuple[list[str], int]]:
        loop.network.set_default(latency_s=0.020)
        loop.network.add_site("rennes")
        return await _tell(story, "rennes", greets, keeps_open)

    assert run_virtual(virtual) == asyncio.run(_tell(story, "127.0.0.1", greets, keeps_open))
