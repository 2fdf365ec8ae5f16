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

from chaos.scenario.links import LinkQuality
from chaos.scenario.topology import Sites
from chaos.virtual.link import CutMode, LinkChanges
from chaos.virtual.loop import VirtualLoop
from chaos.virtual.network import Direction
from chaos.virtual.sites import Life, context_at, life_context, site_context
from chaos.worlds.clock import age_by_loop
from chaos.worlds.direct import DirectSession, as_session
from chaos.worlds.session import SiteConnector
from collab.agent.config import AgentConfig, ApiserverAddress
from collab.agent.disk import Disk, MemoryDisk
from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response, WatchStream
from fakekube.apiserver.server import Apiserver
from fakekube.http.site import HttpSite
from fakekube.registry.dynamic_admission.calls import WebhookCall

if TYPE_CHECKING:
    from fakekube.controllers import Stages

APISERVER_PORT: Final = 6443
AGENT_PORT: Final = 8443
CLIENT_TIMEOUT_S: Final = 30.0
"""Of `World.session`: how long a user waits for an answer."""

T = TypeVar("T")

Loss = Literal["memory", "disk"]
"""What a crash takes: memory alone, or the disks of apiserver and agent too. The site then comes back as another one."""


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


def direct_collab_agent(config: AgentConfig, *, disk: Disk, now: Callable[[], float], rng: Random) -> SiteAgent:
    """The same agent, its requests within the site without the wire."""
    from collab.agent.link import Progress, open_session
    from collab.agent.main import Agent

    def connected(context: object) -> None:
        if isinstance(context, Progress):
            context.connected = True

    def session(connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
        network = _virtual_loop().network
        return as_session(DirectSession(network, config.site, open_session(connector), connected=connected))

    return Agent(config, disk=disk, now=now, rng=rng, session=session)


class CountedApiserver(Apiserver):
    """An apiserver that counts what it was asked."""

    requests = 0

    def attempt(self, request: Request) -> Response | WatchStream | WebhookCall:
        self.requests += not request.replies
        return super().attempt(request)


def _run_workloads(apiserver: Apiserver, stages: Stages | None) -> None:
    from fakekube.controllers import STAGES, Workloads

    apiserver.attach(Workloads(apiserver, stages=STAGES if stages is None else stages))


class World:
    """`sites` is a number or names; `agent` makes each site's agent, None leaves apiservers alone.
    `controllers="workloads"` makes Deployments, Jobs and so on move, their pods through `stages` (docs/controllers.md).

    `wire=False`: requests within a site are calls, without HTTP bytes (chaos.worlds.direct).

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
        wire: bool = True,
    ) -> None:
        self.sites = Sites(count=sites).names() if isinstance(sites, int) else tuple(sites)
        self.seed = seed
        self.apiservers: dict[str, CountedApiserver] = {}
        self.agents: dict[str, SiteAgent] = {}
        self.disks: dict[str, MemoryDisk] = {}
        age_by_loop()
        self.loop = _virtual_loop()
        self.network = self.loop.network
        self._agent = agent if wire or agent is not collab_agent else direct_collab_agent
        self._wire = wire
        if controllers not in ("core", "workloads"):
            raise ValueError(f"controllers={controllers!r}: a world runs core or workloads")
        self._controllers = controllers
        self._stages = stages
        self._http: dict[str, HttpSite] = {}
        self._lives = {site: Life(site, 0) for site in self.sites}
        self._down: dict[str, Loss] = {}
        self._dead: list[SiteAgent | HttpSite] = []
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._tasks: dict[asyncio.Task[object], str | None] = {}  # and the site whose crash cancels it
        self._quality(link or LinkQuality(), links or {})

    def _quality(self, default: LinkQuality, links: Mapping[tuple[str, str], LinkQuality]) -> None:
        for site in self.sites:
            self.network.add_site(site)
        self.network.set_default(**settings(default))
        for (origin, target), quality in links.items():
            self.network.link(origin, target).set(**settings(quality))

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
        """Listen with the site's apiserver, a new one where it has none."""
        if site not in self.apiservers:
            self.apiservers[site] = self._new_apiserver(site)
        self._http[site] = HttpSite(self.apiservers[site])
        with life_context(self._lives[site]):
            await self._http[site].listen(site, APISERVER_PORT)

    def _new_apiserver(self, site: str) -> CountedApiserver:
        apiserver = CountedApiserver(
            name=site, now=self.loop.now, steady=self.loop.time, rng=self._chance("apiserver", site)
        )
        if self._controllers == "workloads":
            _run_workloads(apiserver, self._stages)
        return apiserver

    async def start_agent(self, site: str) -> None:
        """Start the site's agent over the disk it has. Raises ValueError in a world without agents."""
        if self._agent is None:
            raise ValueError("this world has no agents: make it with World(agent=...)")
        disk = self.disks.setdefault(site, MemoryDisk())
        agent = self._agent(self.agent_config(site), disk=disk, now=self.loop.now, rng=self._chance("agent", site))
        self.agents[site] = agent
        with life_context(self._lives[site]):
            await agent.start()

    def _chance(self, what: str, site: str) -> Random:
        """Each life draws anew: ids of two lives must not be the same."""
        number = self._lives[site].number
        return Random(f"{self.seed}/{what}/{site}" + (f"/{number}" if number else ""))

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
        for site in self.loop.paused:
            self.resume(site)
        self.loop.lay_out_the_dead()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for session in self._sessions.values():
            await session.close()
        for dead in self._dead:
            await (dead.close() if isinstance(dead, HttpSite) else dead.stop())
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
            self._sessions[site] = self._new_session(site)
        return self._sessions[site]

    def _new_session(self, site: str) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            self.url(site),
            connector=SiteConnector(site),
            timeout=aiohttp.ClientTimeout(total=CLIENT_TIMEOUT_S),
            # so that a search of the wire reads what was said
            headers={"Accept-Encoding": "identity"},
        )
        if self._wire:
            return session
        return as_session(DirectSession(self.network, site, session, base=self.url(site)))

    def run_at(self, site: str, coroutine: Coroutine[object, object, T]) -> asyncio.Task[T]:
        """Run `coroutine` as a program of `site`: its connections use the site's links. A crash of the site and the
        world's end cancel it."""
        return self._run(site, coroutine, program_of=site)

    def run_near(self, site: str, coroutine: Coroutine[object, object, T]) -> asyncio.Task[T]:
        """Run `coroutine` as a user of `site` does: on the site's links, and alive when the site crashes."""
        return self._run(site, coroutine, program_of=None)

    def _run(self, site: str, coroutine: Coroutine[object, object, T], *, program_of: str | None) -> asyncio.Task[T]:
        task = self.loop.create_task(coroutine, context=context_at(self._known(site)))
        known = cast("asyncio.Task[object]", task)
        self._tasks[known] = program_of
        task.add_done_callback(lambda _: self._tasks.pop(known, None))
        return task

    # What happens to a site

    def crash(self, site: str, *, lose: Loss = "memory") -> None:
        """Kill apiserver, agent and programs of the site at once: none of their code runs again. Peers get a RST where it
        gets through. `restart` brings back what was on the disks, or with `lose="disk"` a new site that knows nothing.

        A site that is down already loses its disks as well, if `lose` says so.
        """
        if self._known(site) in self._down:
            self._down[site] = "disk" if "disk" in (lose, self._down[site]) else "memory"
            return
        self._down[site] = lose
        self.loop.end_life(self._lives[site])
        self.network.crash(site)
        for task in [task for task, program_of in self._tasks.items() if program_of == site]:
            task.cancel()
        self._bury(site)

    def _bury(self, site: str) -> None:
        """Keep what the dead left, so that it can be closed when the world ends; they write to no disk of the living."""
        http = self._http.pop(site)
        http.die()
        self._dead.append(http)
        if site in self.agents:
            self._dead.append(self.agents.pop(site))
            self.disks[site] = MemoryDisk(self.disks[site].files)

    async def restart(self, site: str) -> None:
        """Start the apiserver and the agent of a site that crashed. Does nothing where the site is up."""
        lost = self._down.pop(self._known(site), None)
        if lost is None:
            return
        self._lives[site] = Life(site, self._lives[site].number + 1)
        if lost == "disk":
            self.apiservers[site] = self._new_apiserver(site)
            self.disks.pop(site, None)
        self.network.restart(site)
        await self.start_apiserver(site)
        if self._agent is not None:
            await self.start_agent(site)

    def pause(self, site: str) -> None:
        """Stop everything at the site, as SIGSTOP does: connections stay, what arrives waits."""
        self.network.pause(self._known(site))

    def resume(self, site: str) -> None:
        """Let a paused site go on where it stopped."""
        self.network.resume(self._known(site))

    def skew(self, site: str, seconds: float) -> None:
        """Put the wall clock of the site that far ahead, negative: behind. Timers go on as they did."""
        self.network.set_skew(self._known(site), seconds)

    def dns(self, site: str, *, works: bool) -> None:
        """Say whether names resolve at the site; those that aiohttp looked up in the last ten seconds it still knows."""
        (self.network.restore_names if works else self.network.fail_names)(self._known(site))

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


def settings(quality: LinkQuality) -> LinkChanges:
    """A link's quality in the network's words."""
    return {
        "latency_s": quality.latency_s,
        "jitter_s": quality.jitter_s,
        "distribution": quality.distribution,
        "rate_bytes_s": quality.rate_bytes_s,
        "loss": quality.loss,
    }


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
