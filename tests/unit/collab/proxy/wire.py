"""A proxy between raw sockets: an upstream that answers exact bytes, a client that reads exact bytes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from collab.agent.config import AgentConfig, ApiserverAddress, Peers
from collab.agent.disk import MemoryDisk
from collab.agent.leftovers import Leftovers
from collab.agent.link import open_session, plain_connector
from collab.agent.operations import Operations
from collab.agent.passing import Upstream, serve
from collab.agent.placing import Placing
from collab.agent.proxy import Proxy
from collab.agent.reading import Reading
from collab.agent.scoped import Scoped
from collab.agent.sites import Sites
from collab.agent.tasks import Tasks
from collab.agent.writing import Writing
from collab.protocol.actions import Action, Answer
from collab.protocol.facts import CommandIssued, Fact
from collab.protocol.operations import Operation, OperationResult

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
NOW = 1_700_000_000.0


@dataclass
class ScriptedCore:
    """A core with given records that answers every operation as it is told to."""

    rows: list[dict[str, object]] = field(default_factory=list)
    answer: Callable[[Operation], OperationResult] | None = None
    issued: list[Operation] = field(default_factory=list)
    wake_at: float | None = None

    def close(self) -> None:
        """It has no documents."""

    def step(self, fact: Fact, now: float) -> list[Action]:
        assert isinstance(fact, CommandIssued)
        self.issued.append(fact.operation)
        assert self.answer is not None
        return [Answer(operation=fact.operation.id, result=self.answer(fact.operation))]

    def records(self) -> dict[str, object]:
        return {"site": "a", "records": self.rows}

    def conflicts(self) -> list[dict[str, object]]:
        return []

    def operations(self) -> list[dict[str, object]]:
        return []

    def sites(self) -> dict[str, object]:
        return {}

    def why(self, resource: str, path: str) -> None:
        return None


def shared_row(name: str, *members: str, kinds: tuple[str, ...] = ()) -> dict[str, object]:
    """A record of a namespace as the core's view shows it."""
    sites = [{"site": site, "state": "member"} for site in members]
    return {"gid": f"g-{name}", "resource": f"namespaces/{name}", "state": "member", "members": sites, "kinds": kinds}


@asynccontextmanager
async def upstream(serve: Serve) -> AsyncIterator[str]:
    """An HTTP server by hand; `serve` reads and writes the bytes of one connection."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side has gone, as some tests want
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=1 << 20)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        server.close()


@asynccontextmanager
async def proxy(
    apiserver: str, *, peers: Peers | None = None, core: ScriptedCore | None = None, disk: MemoryDisk | None = None
) -> AsyncIterator[str]:
    """The proxy of site a in front of `apiserver`, listening."""
    core = core or ScriptedCore()
    config = AgentConfig(site="a", apiserver=ApiserverAddress(url=apiserver), peers=peers or {})
    tasks, rng = Tasks(), random.Random(1)
    async with open_session(plain_connector()) as session:

        def tell(fact: Fact, still: Callable[[], bool] = bool) -> None:
            for action in core.step(fact, NOW):
                assert isinstance(action, Answer)
                operations.answer(action)

        operations = Operations(session=session, tasks=tasks, resolve=config.resolve, tell=tell)
        sites = Sites(config, session=session, local=Upstream(url=apiserver), now=lambda: NOW)
        leftovers = Leftovers(disk or MemoryDisk(), sites=sites, tasks=tasks, rng=rng, note=lambda kind, text: None)
        scoped = Scoped(
            sites,
            reading=Reading(sites, core),
            writing=Writing(sites, core, operations, rng),
            placing=Placing(sites, leftovers, rng),
        )
        proxy = Proxy(sites, scoped, core=core, knows=config.knows)
        server = serve(proxy.answer)
        listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
        host, port = listening.sockets[0].getsockname()[:2]
        try:
            yield f"http://{host}:{port}"
        finally:
            listening.close()
            await server.shutdown(timeout=1)
            await tasks.finish()


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = url.removeprefix("http://").split(":")
    return await asyncio.open_connection(host, int(port))


async def converse(url: str, request: bytes) -> bytes:
    """Everything the server at `url` answers to these bytes until it closes."""
    reader, writer = await connect(url)
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


async def read_head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def answering(answer: bytes, seen: list[bytes] | None = None) -> Serve:
    """Answers each connection's first request with these bytes, then closes; the request's head goes to `seen`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader)
        body = await reader.readexactly(body_length(head))
        if seen is not None:
            seen.append(head + body)
        writer.write(answer)
        await writer.drain()

    return serve


def body_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
