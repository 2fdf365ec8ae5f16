"""Two sites and a link: what tests of links share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from chaos.virtual import VirtualLoop, current_site, run_virtual, site_context

T = TypeVar("T")
Seen = tuple[float, str, object]


@dataclass
class Recorder(asyncio.Protocol):
    """Notes what happens to one end of a connection, with the virtual time."""

    loop: VirtualLoop
    seen: list[Seen] = field(default_factory=list)
    keeps_open: bool = False
    held_back: bool = False
    site: str = ""
    transport: asyncio.Transport = field(init=False)

    def note(self, what: str, detail: object = None) -> None:
        self.seen.append((round(self.loop.time(), 9), what, detail))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.site = current_site()
        self.note("made")

    def data_received(self, data: bytes) -> None:
        self.note("data", data if len(data) < 100 else len(data))

    def eof_received(self) -> bool:
        self.note("eof")
        return self.keeps_open

    def connection_lost(self, exc: Exception | None) -> None:
        self.note("lost", exc if exc is None else getattr(exc, "errno", exc))

    def pause_writing(self) -> None:
        self.held_back = True
        self.note("pause_writing")

    def resume_writing(self) -> None:
        self.held_back = False
        self.note("resume_writing")

    def paused(self) -> bool:
        """Whether asyncio asked it to stop writing."""
        return self.held_back

    def told(self, what: str) -> list[tuple[float, object]]:
        """Times and details of one kind of event."""
        return [(t, detail) for t, kind, detail in self.seen if kind == what]


@dataclass
class Pair:
    """Two sites, paris and rennes, 20 ms apart each way; rennes listens on port 80."""

    loop: VirtualLoop
    servers: list[Recorder] = field(default_factory=list)
    keeps_open: bool = False

    async def start(self) -> None:
        network = self.loop.network
        network.set_default(latency_s=0.020)
        network.add_site("paris")
        with site_context("rennes"):
            await self.loop.create_server(self._accepted, port=80)

    def _accepted(self) -> Recorder:
        self.servers.append(Recorder(self.loop, keeps_open=self.keeps_open))
        return self.servers[-1]

    async def connect(self, src: str = "paris", host: str = "rennes", port: int = 80) -> Recorder:
        with site_context(src):
            _, protocol = await self.loop.create_connection(lambda: Recorder(self.loop), host, port)
        return protocol

    async def joined(self) -> tuple[Recorder, Recorder]:
        """A connection that both ends have."""
        client = await self.connect()
        while not self.servers:  # noqa: ASYNC110 - virtual time costs nothing
            await asyncio.sleep(0.020)
        return client, self.servers[-1]

    def cut(self, mode: str, direction: str = "both") -> None:
        network = self.loop.network
        if direction != "from":
            network.link("paris", "rennes").cut(mode)
        if direction != "to":
            network.link("rennes", "paris").cut(mode)

    def heal(self) -> None:
        self.loop.network.heal(["paris"], ["rennes"])


def at(t_s: float) -> float:
    """A time as the recorder notes it."""
    return round(t_s, 9)


def in_pair(story: Callable[[Pair], Awaitable[T]], *, seed: int = 0) -> T:
    async def main(loop: VirtualLoop) -> T:
        pair = Pair(loop)
        await pair.start()
        return await story(pair)

    return run_virtual(main, seed=seed)
