"""The virtual world: apiservers and agents of many sites on one virtual loop, and the links between them.

    async def test_twin_appears() -> None:
        async with World(sites=3, seed=7) as world:
            await world.session("site-000").post("/api/v1/namespaces", json={...})
            world.partition("site-000", "site-001", mode="drop")
            ...
            world.heal()

A host name is a site's name: `http://<site>:6443` is its apiserver, `http://<site>:8443` its agent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeVar, cast

import aiohttp

from chaos.scenario.topology import LinkQuality, Sites
from chaos.virtual.link import CutMode
from chaos.virtual.loop import VirtualLoop
from chaos.virtual.network import Direction
from chaos.virtual.sites import context_at, site_context
from chaos.worlds.clock import age_by_loop
from chaos.worlds.session import SiteConnector
from collab.agent.config import AgentConfig, ApiserverAddress
from collab.agent.disk import Disk, MemoryDisk
from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response, WatchStream
from fakekube.apiserver.server import Apiserver
from fakekube.http.site import HttpSite

if TYPE_CHECKING:
    from fakekube.controllers import Stages

APISERVER_PORT: Final = 6443
AGENT_PORT: Final = 8443
CLIENT_TIMEOUT_S: Final = 30.0
"""Of `World.session`: how long a user waits for an answer."""

T = TypeVar("T")


class SiteAgent(Protocol):
    """What a world needs of an agent, ours or a downstream project's."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class AgentClass(Protocol):
    """Makes the agent of one site, which listens on `config.listen` once started. It takes time, chance and storage from
    here, never from the machine."""

    def __call__(self, config: AgentConfig, *, disk: Disk, now: Callable[[], float], rng: Random) -> SiteAgent: ...


def collab_agent(config: AgentConfig, *, disk: Disk, now: Callable[[], float], rng: Random) -> SiteAgent:
    """The collaboration layer's own agent; it loads when the first world needs it."""
    from collab.agent.main import Agent

    return Agent(config, disk=disk, now=now, rng=rng)


class CountedApiserver(Apiserver):
    """An apiserver that counts what it was asked."""

    requests = 0

    def handle(self, request: Request) -> Response | WatchStream:
        self.requests += 1
        return super().handle(request)


def _run_workloads(apiserver: Apiserver, stages: Stages | None) -> None:
    from fakekube.controllers import STAGES, Workloads

    apiserver.attach(Workloads(apiserver, stages=STAGES if stages is None else stages))


class World:
    """`sites` is a number or names; `agent` makes each site's agent, None leaves apiservers alone.
    `controllers="workloads"` makes Deployments, Jobs and so on move, their pods through `stages` (docs/controllers.md).

    Use it inside a running VirtualLoop, as an async context manager or by `start` and `stop`. Two worlds with one seed
    and one program run alike, byte count by byte count.
    """

    def __init__(
        self,
        sites: int | Sequence[str] = 3,
        *,
        seed: int | str = 0,
        agent: AgentClass | None = collab_agent,
        link: LinkQuality | None = None,
        links: Mapping[tuple[str, str], LinkQuality] | None = None,
        controllers: Literal["core", "workloads"] = "core",
        stages: Stages | None = None,
    ) -> None:
        self.sites = Sites(count=sites).names() if isinstance(sites, int) else tuple(sites)
        self.seed = seed
        self.apiservers: dict[str, CountedApiserver] = {}
        self.agents: dict[str, SiteAgent] = {}
        self.disks: dict[str, MemoryDisk] = {}
        age_by_loop()
        self.loop = _virtual_loop()
        self.network = self.loop.network
        self._agent = agent
        if controllers not in ("core", "workloads"):
            raise ValueError(f"controllers={controllers!r}: a world runs core or workloads")
        self._controllers = controllers
        self._stages = stages
        self._http: dict[str, HttpSite] = {}
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._tasks: dict[asyncio.Task[object], None] = {}
        self._quality(link or LinkQuality(), links or {})

    def _quality(self, default: LinkQuality, links: Mapping[tuple[str, str], LinkQuality]) -> None:
        for site in self.sites:
            self.network.add_site(site)
        self.network.set_default(latency_s=default.latency_s, jitter_s=default.jitter_s)
        for (origin, target), quality in links.items():
            self.network.link(origin, target).set(latency_s=quality.latency_s, jitter_s=quality.jitter_s)

    # Life

    async def __aenter__(self) -> World:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """All apiservers answer, and all agents have been started."""
        for site in self.sites:
            await self.start_apiserver(site)
        if self._agent is not None:
            for site in self.sites:
                await self.start_agent(site)

    async def start_apiserver(self, site: str) -> None:
        apiserver = CountedApiserver(name=site, now=self.loop.now, rng=Random(f"{self.seed}/apiserver/{site}"))
        if self._controllers == "workloads":
            _run_workloads(apiserver, self._stages)
        self.apiservers[site] = apiserver
        self._http[site] = HttpSite(apiserver)
        with site_context(site):
            await self._http[site].listen(site, APISERVER_PORT)

    async def start_agent(self, site: str) -> None:
        """Start the site's agent over the disk it has. Raises ValueError in a world without agents."""
        if self._agent is None:
            raise ValueError("this world has no agents: make it with World(agent=...)")
        disk = self.disks.setdefault(site, MemoryDisk())
        rng = Random(f"{self.seed}/agent/{site}")
        agent = self._agent(self.agent_config(site), disk=disk, now=self.loop.now, rng=rng)
        self.agents[site] = agent
        with site_context(site):
            await agent.start()

    def agent_config(self, site: str) -> AgentConfig:
        return AgentConfig(
            site=site,
            listen=f"{site}:{AGENT_PORT}",
            advertise=self.agent_url(site),
            apiserver=ApiserverAddress(url=self.apiserver_url(site)),
            peers=f"http://{{site}}:{AGENT_PORT}",
        )

    async def stop(self) -> None:
        """Tasks of `run_at` are cancelled, sessions closed, agents and apiservers stopped, in site order."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for session in self._sessions.values():
            await session.close()
        for site, agent in self.agents.items():
            with site_context(site):
                await agent.stop()
        for http in self._http.values():
            await http.close()

    # What a test or a timeline does

    def now(self) -> float:
        """Virtual Unix time. `time.time()` and `datetime.now()` show the machine's, which stands still meanwhile."""
        return self.loop.now()

    def apiserver_url(self, site: str) -> str:
        return f"http://{self._known(site)}:{APISERVER_PORT}"

    def agent_url(self, site: str) -> str:
        return f"http://{self._known(site)}:{AGENT_PORT}"

    def url(self, site: str) -> str:
        """What the users of a site talk to: its agent, or the apiserver in a world without agents."""
        return self.apiserver_url(site) if self._agent is None else self.agent_url(site)

    def session(self, site: str) -> aiohttp.ClientSession:
        """A client that stands at `site`; paths such as `/api/v1/namespaces` go to `url(site)`."""
        if site not in self._sessions:
            self._sessions[site] = aiohttp.ClientSession(
                self.url(site),
                connector=SiteConnector(site),
                timeout=aiohttp.ClientTimeout(total=CLIENT_TIMEOUT_S),
                # so that a search of the wire reads what was said
                headers={"Accept-Encoding": "identity"},
            )
        return self._sessions[site]

    def run_at(self, site: str, coroutine: Coroutine[object, object, T]) -> asyncio.Task[T]:
        """Run `coroutine` as a program of `site`: its connections use the site's links. The world's end cancels it."""
        task = self.loop.create_task(coroutine, context=context_at(self._known(site)))
        known = cast("asyncio.Task[object]", task)
        self._tasks[known] = None
        task.add_done_callback(lambda _: self._tasks.pop(known, None))
        return task

    def partition(
        self,
        left: str | Iterable[str],
        right: str | Iterable[str],
        *,
        mode: CutMode | str = CutMode.DROP,
        direction: Direction = "both",
    ) -> None:
        """Cut all links between the two groups; `direction="to"` only from left to right."""
        self.network.partition(self._group(left), self._group(right), mode=mode, direction=direction)

    def heal(self, left: str | Iterable[str] | None = None, right: str | Iterable[str] | None = None) -> None:
        """End all cuts between the two groups; without groups, all cuts there are."""
        if left is None and right is None:
            self.network.heal_all()
            return
        self.network.heal(
            self.sites if left is None else self._group(left), self.sites if right is None else self._group(right)
        )

    def _group(self, group: str | Iterable[str]) -> list[str]:
        return [self._known(site) for site in ([group] if isinstance(group, str) else group)]

    def _known(self, site: str) -> str:
        if site not in self.sites:
            raise ValueError(f"unknown site {site!r}: this world has {self.sites[0]} to {self.sites[-1]}")
        return site


def _virtual_loop() -> VirtualLoop:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        loop = None
    if not isinstance(loop, VirtualLoop):
        raise RuntimeError(
            "a World lives on a VirtualLoop: make it in a test that uses the `world` fixture, or in run_virtual(...)"
        )
    return loop
