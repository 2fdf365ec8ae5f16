"""Sites with agents on real loopback sockets: a fake apiserver and an agent each, asked as clients ask."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from collab.agent.config import AgentConfig, ApiserverAddress
from collab.agent.disk import Disk, MemoryDisk
from collab.agent.main import Agent
from fakekube.apiserver.server import Apiserver
from fakekube.http.site import HttpSite

PATIENCE_S = 20.0


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: dict[str, object]


@dataclass
class Link:
    """Where a site dials another: a port of its own, so that it can be cut and healed without either's help."""

    target: str = ""
    cut: bool = False
    url: str = ""
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    server: asyncio.Server | None = None

    async def open(self) -> None:
        self.server = await asyncio.start_server(self._joined, "127.0.0.1", 0)
        host, port = self.server.sockets[0].getsockname()[:2]
        self.url = f"http://{host}:{port}"

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.cut or not self.target:
            writer.transport.abort()
            return
        url = URL(self.target)
        try:
            there, back = await asyncio.open_connection(url.host, url.port)
        except OSError:
            writer.transport.abort()  # the agent is down
            return
        self.writers += [writer, back]
        await asyncio.gather(_pump(reader, back), _pump(there, writer))

    def break_off(self) -> None:
        self.cut = True
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
    except ConnectionError:
        pass  # cut
    finally:
        writer.close()


@dataclass
class SiteUp:
    """One site: its apiserver, its disk, its agent (which may be killed and started again)."""

    name: str
    http: HttpSite
    apiserver_url: str
    config: AgentConfig
    disk: Disk
    agent: Agent
    session: aiohttp.ClientSession
    token: str = ""

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        scope: str = "",
        accept: str = "application/json",
        patch: str = "merge",
    ) -> Reply:
        headers = {"Accept": accept}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers["Content-Type"] = f"application/{patch}-patch+json" if method == "PATCH" else "application/json"
        if scope:
            headers["X-Collab-Scope"] = scope
        data = None if body is None else json.dumps(body)
        async with self.session.request(method, self.agent.url + path, data=data, headers=headers) as response:
            return Reply(response.status, response.headers.copy(), await response.json(content_type=None))

    async def operate(self, verb: str, name: str, **more: object) -> Reply:
        body = {"verb": verb, "resource": f"namespaces/{name}", **more}
        return await self.ask("POST", "/collab/v1/operations", body)

    async def record(self, name: str) -> dict[str, object]:
        """The record of a namespace, {} when there is none."""
        found = (await self.ask("GET", "/collab/v1/records")).body["records"]
        assert isinstance(found, list)
        return next((row for row in found if row["resource"] == f"namespaces/{name}"), {})

    async def labels(self, name: str) -> dict[str, str] | None:
        """The labels of a namespace, those of Kubernetes itself left out; None when it does not exist."""
        reply = await self.ask("GET", f"/api/v1/namespaces/{name}")
        if reply.status != 200:
            return None
        metadata = reply.body["metadata"]
        assert isinstance(metadata, dict)
        return {key: value for key, value in metadata.get("labels", {}).items() if "kubernetes.io" not in key}

    async def label(self, name: str, **labels: str | None) -> None:
        reply = await self.ask("PATCH", f"/api/v1/namespaces/{name}", {"metadata": {"labels": labels}})
        assert reply.status == 200, reply

    async def start(self, *, recovered: bool = False) -> None:
        self.agent = Agent(self.config, disk=self.disk, now=time.time, rng=random.Random(), recovered=recovered)
        await self.agent.start()


@dataclass
class Federation:
    sites: dict[str, SiteUp]
    links: dict[tuple[str, str], Link]

    def __getitem__(self, name: str) -> SiteUp:
        return self.sites[name]

    def cut(self, one: str, other: str) -> None:
        for pair in ((one, other), (other, one)):
            self.links[pair].break_off()

    def heal(self, one: str, other: str) -> None:
        for pair in ((one, other), (other, one)):
            self.links[pair].cut = False

    async def restart(self, name: str, *, recovered: bool = False) -> None:
        """Start a killed agent again, on its disk and at a new port."""
        await self.sites[name].start(recovered=recovered)
        for (_, target), link in self.links.items():
            if target == name:
                link.target = self.sites[name].agent.url


async def until(met: Callable[[], object], what: str) -> None:
    """Wait until an awaitable of `met` is true. Bounded; `what` is for the failure."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = met()
        if await found if asyncio.iscoroutine(found) else found:
            return
        assert time.monotonic() < deadline, f"not within {PATIENCE_S} s: {what}"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def federation(*names: str) -> AsyncIterator[Federation]:
    """Sites of these names that know each other, every ordered pair joined by a Link of its own."""
    links = {(one, other): Link() for one in names for other in names if one != other}
    for link in links.values():
        await link.open()
    sites: dict[str, SiteUp] = {}
    async with aiohttp.ClientSession() as session:
        for n, name in enumerate(names):
            http = HttpSite(Apiserver(name=name, now=time.time, rng=random.Random(n)))
            url = await http.listen()
            peers = {other: links[name, other].url for other in names if other != name}
            config = AgentConfig(site=name, apiserver=ApiserverAddress(url=url), peers=peers)
            disk = MemoryDisk()
            agent = Agent(config, disk=disk, now=time.time, rng=random.Random(100 + n))
            await agent.start()
            sites[name] = SiteUp(name, http, url, config, disk, agent, session)
        for (_, target), link in links.items():
            link.target = sites[target].agent.url
        try:
            yield Federation(sites, links)
        finally:
            for site in sites.values():
                await site.agent.stop()
                await site.http.close()
            for link in links.values():
                assert link.server is not None
                link.server.close()
                link.break_off()
