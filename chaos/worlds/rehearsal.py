"""One timeline in a virtual world of its own: from nothing to evidence, the same at every run."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final, Protocol

import aiohttp

from chaos.checks.evidence import SiteView
from chaos.checks.history import History
from chaos.scenario.compile import approximations, check_world
from chaos.scenario.timeline import Timeline
from chaos.virtual.loop import VirtualLoop
from chaos.virtual.run import run_virtual
from chaos.worlds.capabilities import VIRTUAL
from chaos.worlds.chance import ambient_chance
from chaos.worlds.effects import Effects
from chaos.worlds.film import Film
from chaos.worlds.following import follow_sites
from chaos.worlds.operations import Users
from chaos.worlds.outcome import Outcome
from chaos.worlds.play import play
from chaos.worlds.staging import AS_IT_IS, Staging
from chaos.worlds.views import HELD_BY_APISERVERS, TOLD_BY_AGENTS, site_view
from chaos.worlds.virtual import AgentClass, World, collab_agent
from chaos.worlds.visits import Function, functions_of
from chaos.worlds.wire import WireLog, search_disks
from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from fakekube.apiserver.server import Apiserver

LOOK_TIMEOUT_S: Final = 10.0


def rehearse(
    timeline: Timeline, *, agent: AgentClass = collab_agent, film: Film | None = None, staging: Staging = AS_IT_IS
) -> Outcome:
    """Play `timeline` in virtual time and look at every site at the end. `film` is shown what happens.

    Raises Unsupported for a timeline that the virtual world cannot play, RuntimeError inside a running event loop.
    """
    check_world(timeline, VIRTUAL)
    functions = functions_of(timeline)
    with ambient_chance(timeline.seed):
        return run_virtual(lambda loop: _rehearse(loop, timeline, agent, film, functions, staging), seed=timeline.seed)


async def _rehearse(
    loop: VirtualLoop,
    timeline: Timeline,
    agent: AgentClass,
    film: Film | None,
    functions: Mapping[str, Function],
    staging: Staging,
) -> Outcome:
    wire = wire_log(timeline)
    loop.network.tap = wire
    loop.network.lose_message = staging.lose_message
    loop.network.trace.on_line = staging.traced
    world = World(
        timeline.sites,
        seed=timeline.seed,
        agent=agent,
        link=timeline.link,
        links=timeline.links,
        wire=staging.wire,
    )
    async with world:
        stage = VirtualStage(world, timeline)
        history = History()
        users = Users(
            history=history, now=stage.now, agent_url=world.agent_url, session=world.session, functions=functions
        )
        followers = follow_sites(world, timeline)
        async with _filmed(film, world, stage, wire):
            evidence = await play(timeline, stage, history, users.perform)
        watches = {site: await follower.stop() for site, follower in followers.items()}
        return Outcome(
            world=VIRTUAL.world,
            evidence=replace(
                evidence,
                wire=wire.sites if wire is not None else {},
                disks=search_disks(world.disks),
                watches=watches,
            ),
            seconds=stage.now(),
            requests=sum(apiserver.requests for apiserver in world.apiservers.values()),
            messages=loop.network.messages,
            trace_sha256=_trace(world, history),
            approximate=approximations(timeline, VIRTUAL),
        )


@asynccontextmanager
async def _filmed(film: Film | None, world: World, stage: VirtualStage, wire: WireLog | None) -> AsyncIterator[None]:
    if film is None:
        yield
        return
    world.network.tap = film.tap(world.loop.time() - stage.now(), wire)
    watching = asyncio.ensure_future(film.watch(world, stage.now))
    try:
        yield
    finally:
        watching.cancel()
        film.look(world, round(stage.now(), 3))
        film.finish()


def wire_log(timeline: Timeline) -> WireLog | None:
    """Keeping the wire costs time and memory: done only where some site is outside of something."""
    outsiders = {site for members in timeline.members().values() for site in timeline.sites if site not in members}
    return WireLog(timeline.sites, outsiders) if outsiders else None


def _trace(world: World, history: History) -> str:
    return hashlib.sha256(f"{world.network.trace.hexdigest()}\n{history.dump()}".encode()).hexdigest()


class VirtualStage:
    """A world under a timeline. Its clock starts at 0 when it is made."""

    def __init__(self, world: World, timeline: Timeline) -> None:
        self._world = world
        self._resources = tuple(timeline.members())
        self._start_s = world.loop.time()
        effects = Effects(world, timeline)
        self.begin = effects.begin
        self.end = effects.end
        self.end_all = effects.end_all

    def now(self) -> float:
        return self._world.loop.time() - self._start_s

    async def look(self) -> dict[str, SiteView]:
        return await look_at_sites(self._world, self._resources)

    async def revisions(self) -> tuple[str, ...]:
        return tuple(str(apiserver.site.store.revision) for apiserver in self._world.apiservers.values())

    def start(self, site: str, coroutine: Coroutine[object, object, None]) -> asyncio.Task[None]:
        return self._world.run_near(site, coroutine)


class Visible(Protocol):
    """A world whose sites can be looked at."""

    @property
    def sites(self) -> tuple[str, ...]: ...

    @property
    def apiservers(self) -> Mapping[str, Apiserver]: ...

    def agent_url(self, site: str) -> str: ...


async def look_at_sites(world: Visible, resources: tuple[str, ...]) -> dict[str, SiteView]:
    """A view of every site: what its agent tells over HTTP, and what its apiserver holds."""
    timeout = aiohttp.ClientTimeout(total=LOOK_TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        return {site: await _look(world, session, site, resources) for site in world.sites}


async def _look(world: Visible, session: aiohttp.ClientSession, site: str, resources: tuple[str, ...]) -> SiteView:
    try:
        told = {path: await _get(session, world.agent_url(site) + path) for path in TOLD_BY_AGENTS}
        held = {path: _read(world, site, path) for path in HELD_BY_APISERVERS}
    except (TimeoutError, aiohttp.ClientError, ConnectionError) as error:
        return SiteView(site=site, problem=f"{type(error).__name__}: {error}")
    documents: Mapping[str, bytes] = {**told, **held}
    return site_view(site, documents, resources)


async def _get(session: aiohttp.ClientSession, url: str) -> bytes:
    async with session.get(url) as response:
        response.raise_for_status()
        return await response.read()


def _read(world: Visible, site: str, path: str) -> bytes:
    """Straight from the apiserver: the agent under test has no say in what is there."""
    answer = world.apiservers[site].handle(Request(method="GET", path=path, headers={"accept": "application/json"}))
    if not isinstance(answer, Response) or answer.status != 200:
        raise ConnectionError(f"the apiserver does not list {path}")
    return answer.body
