"""The proxy world: apiservers and agents on loopback sockets, each link a proxy of a Toxiproxy, real time.

    outcome = play_proxied(timeline)                                            # the built-in Toxiproxy
    outcome = play_proxied(timeline, toxiproxy_url="http://127.0.0.1:8474")     # one that runs already

The same program as in the virtual world, with the same names of hosts: only time and wires differ.
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from random import Random
from types import TracebackType
from typing import Final, Self, assert_never

import aiohttp

from chaos.checks.evidence import SiteView
from chaos.checks.history import History
from chaos.scenario.compile import approximations, check_world
from chaos.scenario.errors import BadScenario, Unsupported
from chaos.scenario.events import (
    ApiserverTrouble,
    ClockSkew,
    FaultEvent,
    LinkCut,
    LinkDegraded,
    LinkToxic,
    NamesLost,
    SiteCrash,
    SitePause,
    Timeline,
)
from chaos.toxiproxy.driver import Direction, Link, Links, Toxic, ToxiproxyError
from chaos.toxiproxy.process import ToxiproxyProcess
from chaos.virtual.sites import context_at, site_context
from chaos.worlds.apiserver_faults import Trouble, inject
from chaos.worlds.capabilities import PROXY
from chaos.worlds.cuts import Cuts
from chaos.worlds.degradations import Degradations
from chaos.worlds.loopback import LoopbackLoop, SiteAddresses, loopback_loop
from chaos.worlds.operations import Users
from chaos.worlds.outcome import Outcome
from chaos.worlds.play import play
from chaos.worlds.rehearsal import look_at_sites, wire_log
from chaos.worlds.virtual import (
    AGENT_PORT,
    APISERVER_PORT,
    CLIENT_TIMEOUT_S,
    AgentClass,
    CountedApiserver,
    SiteAgent,
    collab_agent,
)
from chaos.worlds.visits import functions_of
from chaos.worlds.wire import search_disks
from collab.agent.config import AgentConfig, ApiserverAddress
from collab.agent.disk import MemoryDisk
from fakekube.http.site import HttpSite

DESCRIPTORS_PER_SITE: Final = 24
"""Two listeners, and both ends of what an agent and its users keep open to the site's own servers."""
DESCRIPTORS_PER_LINK: Final = 3
"""Of the sites' process: both ends of a connection; of the built-in Toxiproxy's: a listener, and both ends likewise."""
LINKS_PER_SITE: Final = 25
"""Of a record with hundreds of members: 3,000 links after 11 s and 4,600 after a minute, at 200 sites (measured)."""


def play_proxied(timeline: Timeline, *, toxiproxy_url: str | None = None, agent: AgentClass = collab_agent) -> Outcome:
    """Play `timeline` in real time, over a Toxiproxy that runs already or the built-in one.

    Raises Unsupported for what this world or this machine cannot do, BadScenario for a URL that is none, ToxiproxyError
    for a Toxiproxy that is absent (Unreachable) or refuses, RuntimeError inside a running event loop.
    """
    check_world(timeline, PROXY)
    _check_descriptors(timeline)
    with ExitStack() as stack:
        url = toxiproxy_url or stack.enter_context(ToxiproxyProcess(seed=timeline.seed))
        wiring = _wiring(timeline, url)
        wiring.check()
        stack.callback(wiring.close)
        with asyncio.Runner(loop_factory=wiring.loop) as runner:
            return runner.run(_play(timeline, wiring, agent))


def _wiring(timeline: Timeline, url: str) -> Wiring:
    try:
        return Wiring(timeline, url)
    except ValueError as error:
        raise BadScenario("--toxiproxy-url", "", str(error)) from None


async def _play(timeline: Timeline, wiring: Wiring, agent: AgentClass) -> Outcome:
    wire = wire_log(timeline)
    loopback_loop().tap = wire
    async with ProxyWorld(timeline.sites, seed=timeline.seed, agent=agent) as world:
        stage = ProxyStage(world, wiring, tuple(timeline.members()))
        history = History()
        users = Users(
            history=history,
            now=stage.now,
            agent_url=world.agent_url,
            session=world.session,
            functions=functions_of(timeline),
        )
        evidence = await play(timeline, stage, history, users.perform)
        await asyncio.to_thread(wiring.check)
        return Outcome(
            world=PROXY.world,
            evidence=replace(evidence, wire=wire.sites if wire is not None else {}, disks=search_disks(world.disks)),
            seconds=stage.now(),
            requests=sum(apiserver.requests for apiserver in world.apiservers.values()),
            approximate=approximations(timeline, PROXY),
        )


def _check_descriptors(timeline: Timeline) -> None:
    """Told at the start, and not as a refused accept in the middle of a run."""
    sites = len(timeline.sites)
    needed = sites * (DESCRIPTORS_PER_SITE + min(sites - 1, LINKS_PER_SITE) * DESCRIPTORS_PER_LINK)
    allowed = raised_descriptor_limit()
    if allowed is not None and needed > allowed:
        problem = f"{sites} sites need about {needed} descriptors and this process may open {allowed}"
        raise Unsupported(timeline.source, "$.spec.sites.count", f"{problem}: raise `ulimit -n`, or --world virtual")


def raised_descriptor_limit() -> int | None:
    """The number of descriptors this process may open, once its soft limit is as high as it goes; None without limits."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return None if hard == resource.RLIM_INFINITY else hard


class Wiring:
    """The links of a run: made when first dialled, with the qualities of the timeline and the cuts of the moment."""

    def __init__(self, timeline: Timeline, url: str) -> None:
        self.addresses = SiteAddresses(timeline.sites)
        self._timeline = timeline
        self._cuts = Cuts()
        self._links = Links(url, upstream=self._upstream, listen=self.addresses.proxy_listen)
        self._used: dict[tuple[str, str], Link] = {}
        self._dialled: dict[tuple[str, str], asyncio.Future[str]] = {}
        self._answering: asyncio.Task[None] | None = None
        self._failure: ToxiproxyError | None = None
        self._changed: dict[tuple[Callable[..., None], tuple[str, ...]], None] = {}  # a dict, for its order
        self._degradations = Degradations(timeline.link, timeline.links)
        self._toxics: dict[str, Toxic] = {}
        self._unlinked = frozenset(timeline.unlinked)
        self._changing: asyncio.Task[None] | None = None

    def loop(self) -> LoopbackLoop:
        return LoopbackLoop(self.addresses, self.address, linked_port=AGENT_PORT)

    def check(self) -> None:
        """Raises ToxiproxyError when no Toxiproxy answers, or when it refused to make, cut or heal a link."""
        self._links.api.get("/version")
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        self._links.close()

    @property
    def made(self) -> int:
        """How many links have been used."""
        return sum(link.made for link in self._links.known())

    # Links as they are dialled

    async def address(self, dialler: str, target: str) -> str:
        """HOST:PORT of the proxy of a link. Links that are dialled at the same time are made in one request.

        Raises ConnectionRefusedError where the topology has no link.
        """
        if (dialler, target) in self._unlinked:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"no link from {dialler} to {target}")
        used = self._used.get((dialler, target))
        if used is not None and used.listening is not None:
            return used.listening
        loop = asyncio.get_running_loop()
        future = self._dialled.get((dialler, target))
        if future is None:
            future = self._dialled[dialler, target] = loop.create_future()
        if self._answering is None:
            self._answering = loop.create_task(self._answer_dialled())
        return await asyncio.shield(future)

    async def _answer_dialled(self) -> None:
        try:
            while self._dialled:
                batch, self._dialled = self._dialled, {}
                await self._answer(batch)
        finally:
            self._answering = None

    async def _answer(self, batch: Mapping[tuple[str, str], asyncio.Future[str]]) -> None:
        try:
            made = await asyncio.to_thread(self._make, tuple(batch))
        except ToxiproxyError as error:
            self._failure = error
            for future in batch.values():
                future.set_exception(ConnectionRefusedError(errno.ECONNREFUSED, str(error)))
            return
        for (pair, future), (link, address) in zip(batch.items(), made, strict=True):
            self._used[pair] = link
            future.set_result(address)

    def _make(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[Link, str]]:
        links = [self._links.link(dialler, target) for dialler, target in pairs]
        for link in links:
            if not link.made:
                self._shape(link)
        self._links.populate(pairs)
        return [(link, link.address) for link in links]

    def _shape(self, link: Link) -> None:
        ways: tuple[tuple[Direction, str, str], ...] = (
            ("to", link.dialler, link.target),
            ("from", link.target, link.dialler),
        )
        for direction, origin, target in ways:
            quality = self._degradations.quality(origin, target)
            link.latency(round(quality.latency_s * 1000), round(quality.jitter_s * 1000), direction)
            link.bandwidth(_kilobytes(quality.rate_bytes_s), direction)
            link.loss(quality.loss, round(quality.latency_s * 1000), direction)

    def _upstream(self, _dialler: str, target: str) -> str:
        host, port = self.addresses.socket_address(target, AGENT_PORT)
        return f"{host}:{port}"

    # Cuts

    async def cut(self, cut: LinkCut) -> None:
        """The cut is under way when this returns: those of one instant are carried out together."""
        self._cuts.add(cut)
        self._change_both(self._set_cuts, cut.origin, cut.target)

    async def heal(self, cut: LinkCut) -> None:
        """As `cut`."""
        self._cuts.remove(cut)
        self._change_both(self._set_cuts, cut.origin, cut.target)

    # Worse links and toxics: as cuts, under way when these return

    def degrade(self, event: LinkDegraded) -> None:
        self._degradations.add(event)
        self._change_both(self._reshape, event.origin, event.target)

    def restore(self, event: LinkDegraded) -> None:
        self._degradations.remove(event)
        self._change_both(self._reshape, event.origin, event.target)

    def poison(self, event: LinkToxic) -> None:
        name = _toxic_name(event)
        self._toxics[name] = Toxic(type=event.type, stream=event.stream, attributes=event.attributes, name=name)
        self._change(self._set_toxic, event.origin, event.target, name)

    def cure(self, event: LinkToxic) -> None:
        name = _toxic_name(event)
        del self._toxics[name]
        self._change(self._set_toxic, event.origin, event.target, name)

    async def heal_all(self) -> None:
        """All is healed when this returns."""
        self._cuts.clear()
        await self.settled()
        await asyncio.to_thread(self._links.heal_all)

    async def settled(self) -> None:
        """Wait until every cut and heal has been carried out."""
        while self._changing is not None:
            await self._changing

    def _change_both(self, change: Callable[[str, str], None], one: str, other: str) -> None:
        """What one sends is changed on the connections that either of the two opened."""
        self._change(change, one, other)
        self._change(change, other, one)

    def _change(self, change: Callable[..., None], *arguments: str) -> None:
        """Calls that block, in the order in which they were asked for, off the loop."""
        self._changed[change, arguments] = None
        if self._changing is None:
            self._changing = asyncio.get_running_loop().create_task(self._carry_out())

    async def _carry_out(self) -> None:
        try:
            while self._changed:
                changes, self._changed = self._changed, {}
                await asyncio.to_thread(_call_each, tuple(changes))
        except ToxiproxyError as error:
            self._failure = error
        finally:
            self._changing = None

    def _set_cuts(self, dialler: str, target: str) -> None:
        self._links.link(dialler, target).set_cuts(
            to=self._cuts.mode(dialler, target), back=self._cuts.mode(target, dialler)
        )

    def _set_toxic(self, dialler: str, target: str, name: str) -> None:
        toxic, link = self._toxics.get(name), self._links.link(dialler, target)
        if toxic is None:
            link.remove(name)
        else:
            link.add(toxic)

    def _reshape(self, dialler: str, target: str) -> None:
        self._shape(self._links.link(dialler, target))


def _toxic_name(event: LinkToxic) -> str:
    return f"{event.id}-{event.origin}-{event.target}-{event.type}-{event.stream}"


def _call_each(changes: Sequence[tuple[Callable[..., None], tuple[str, ...]]]) -> None:
    for change, arguments in changes:
        change(*arguments)


def _kilobytes(rate_bytes_s: float | None) -> int | None:
    """Toxiproxy counts in whole KB/s, and 0 of them would be a cut."""
    return None if rate_bytes_s is None else max(1, round(rate_bytes_s / 1000))


class ProxyWorld:
    """Apiservers, agents and users of all sites, on the running LoopbackLoop. `apiservers` and `disks` by site."""

    def __init__(self, sites: Sequence[str], *, seed: int, agent: AgentClass) -> None:
        self.sites = tuple(sites)
        self.apiservers: dict[str, CountedApiserver] = {}
        self.disks: dict[str, MemoryDisk] = {}
        self._seed = seed
        self._agent = agent
        self._agents: dict[str, SiteAgent] = {}
        self._http: dict[str, HttpSite] = {}
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        for site in self.sites:
            await self._start_apiserver(site)
        for site in self.sites:
            await self._start_agent(site)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in self._sessions.values():
            await session.close()
        await asyncio.gather(*(agent.stop() for agent in self._agents.values()))
        await asyncio.gather(*(http.close() for http in self._http.values()))

    def agent_url(self, site: str) -> str:
        return f"http://{site}:{AGENT_PORT}"

    def session(self, site: str) -> aiohttp.ClientSession:
        """A client of the users of `site`; it dials from where the code that uses it stands."""
        if site not in self._sessions:
            self._sessions[site] = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CLIENT_TIMEOUT_S))
        return self._sessions[site]

    async def _start_apiserver(self, site: str) -> None:
        apiserver = CountedApiserver(
            name=site, now=time.time, steady=time.monotonic, rng=Random(f"{self._seed}/apiserver/{site}")
        )
        self.apiservers[site] = apiserver
        self._http[site] = HttpSite(apiserver)
        with site_context(site):
            await self._http[site].listen(site, APISERVER_PORT)

    async def _start_agent(self, site: str) -> None:
        config = AgentConfig(
            site=site,
            listen=f"{site}:{AGENT_PORT}",
            advertise=self.agent_url(site),
            apiserver=ApiserverAddress(url=f"http://{site}:{APISERVER_PORT}"),
            peers=f"http://{{site}}:{AGENT_PORT}",
        )
        disk = self.disks[site] = MemoryDisk()
        agent = self._agent(config, disk=disk, now=time.time, rng=Random(f"{self._seed}/agent/{site}"))
        self._agents[site] = agent
        with site_context(site):
            await agent.start()


class ProxyStage:
    """A proxy world under a timeline. Its clock starts at 0 when it is made."""

    def __init__(self, world: ProxyWorld, wiring: Wiring, resources: tuple[str, ...]) -> None:
        self._world = world
        self._resources = resources
        self._loop = asyncio.get_running_loop()
        self._start_s = self._loop.time()
        self._wiring = wiring
        self._under_way: dict[int, FaultEvent] = {}
        self._injected: dict[int, Trouble] = {}

    def now(self) -> float:
        return self._loop.time() - self._start_s

    async def begin(self, fault: FaultEvent) -> None:
        self._under_way[id(fault)] = fault
        match fault:
            case LinkCut():
                await self._wiring.cut(fault)
            case LinkDegraded():
                self._wiring.degrade(fault)
            case LinkToxic():
                self._wiring.poison(fault)
            case ApiserverTrouble():
                self._injected[id(fault)] = inject(self._world.apiservers[fault.site], fault)
            case SiteCrash() | SitePause() | ClockSkew() | NamesLost():
                raise AssertionError(f"check_world has refused {fault.id}")
            case _:
                assert_never(fault)

    async def end(self, fault: FaultEvent) -> None:
        """Once; everything may have been healed before."""
        if self._under_way.pop(id(fault), None) is None:
            return
        match fault:
            case LinkCut():
                await self._wiring.heal(fault)
            case LinkDegraded():
                self._wiring.restore(fault)
            case LinkToxic():
                self._wiring.cure(fault)
            case ApiserverTrouble():
                self._injected.pop(id(fault)).remove()
            case SiteCrash() | SitePause() | ClockSkew() | NamesLost():
                raise AssertionError(f"check_world has refused {fault.id}")
            case _:
                assert_never(fault)

    async def end_all(self) -> None:
        for fault in list(self._under_way.values()):
            await self.end(fault)
        await self._wiring.heal_all()

    async def look(self) -> dict[str, SiteView]:
        return await look_at_sites(self._world, self._resources)

    async def revisions(self) -> tuple[str, ...]:
        return tuple(str(apiserver.site.store.revision) for apiserver in self._world.apiservers.values())

    def start(self, site: str, coroutine: Coroutine[object, object, None]) -> asyncio.Task[None]:
        return self._loop.create_task(coroutine, context=context_at(site))
