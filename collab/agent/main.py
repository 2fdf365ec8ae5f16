"""The agent: one site's core with everything around it. The only place that knows all parts.

    agent = Agent(config, disk=FileDisk(path), now=time.time, rng=random.Random())
    await agent.start()
    ...
    await agent.stop()

Runs on any asyncio loop: time by the loop and by `now`, ids from `rng`; no threads, no executor.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import assert_never

import aiohttp
from aiohttp import web

from collab.agent import journals
from collab.agent.actor import Actor
from collab.agent.api import Api
from collab.agent.clock import steady
from collab.agent.config import AgentConfig
from collab.agent.core import Core, Json
from collab.agent.disk import Disk, FileDisk
from collab.agent.kube import LocalApiserver
from collab.agent.leftovers import Leftovers
from collab.agent.link import Connector, open_session, plain_connector
from collab.agent.log import AgentLog
from collab.agent.operations import Operations
from collab.agent.passing import Upstream, serve
from collab.agent.peers import Peers
from collab.agent.placing import Placing
from collab.agent.proxy import Proxy
from collab.agent.reading import Reading
from collab.agent.scoped import Scoped
from collab.agent.sites import Sites
from collab.agent.tasks import Tasks
from collab.agent.writing import Writing
from collab.protocol.actions import (
    Action,
    Answer,
    Dial,
    Drop,
    Forward,
    Hangup,
    Persist,
    ReadLocal,
    Reported,
    Rewrite,
    Transmit,
    UnwatchKind,
    WatchKind,
    WriteLocal,
)
from collab.protocol.core import SiteCore
from collab.protocol.facts import Booted, Identified, Identity
from collab.protocol.names import SiteName

IDENTIFY_S = 2.0  # how long a start waits for the apiserver; an agent without one starts all the same
STOP_S = 0.2  # for each of the two waits of aiohttp's shutdown; a watch that is passed through ends with it
LOG_FILE = "agent.log"


class Agent:
    """One site's agent: the proxy in front of its apiserver, and a peer of other agents.

    `disk` must be this agent's alone. With a FileDisk the log is the file agent.log beside the disk's directory.
    """

    def __init__(
        self,
        config: AgentConfig,
        *,
        disk: Disk,
        now: Callable[[], float],
        rng: random.Random,
        connector: Connector | None = None,
        session: Callable[[aiohttp.BaseConnector], aiohttp.ClientSession] = open_session,
        recovered: bool = False,
    ) -> None:
        self.config = config
        self.url = ""
        self.log = AgentLog(now, _log_path(disk))
        self.ready = False
        self._disk = disk
        self._now = now
        self._recovered = recovered
        self._connector = connector or plain_connector
        self._open_session = session
        self._rng = random.Random(rng.getrandbits(64))
        self._core: Core = SiteCore(random.Random(rng.getrandbits(64)))
        self._tasks = Tasks()
        self._server: asyncio.Server | None = None
        self._failure: Exception | None = None
        self._has_failed = asyncio.Event()

    async def start(self) -> None:
        """Read the journals, listen, and begin. Raises DamagedJournal, or OSError when the address is in use."""
        entries = journals.load(self._disk, recovered=self._recovered, note=lambda text: self.log.note("Journal", text))
        self._assemble()
        await self._listen()
        uid = await self._kube.identify(IDENTIFY_S)
        identity = Identity(
            site=SiteName(self.config.site), uid=uid, address=self.config.advertise or self.url, known=self._known()
        )
        self._actor.tell(Booted(identity=identity, journals=entries, recovered=self._recovered))
        self._leftovers.resume()
        self.ready = True
        self.log.note("Started", f"site {self.config.site} at {self.url}, apiserver {self.config.apiserver.url}")
        if not uid:
            self.log.note("Unidentified", "the apiserver does not answer yet; it is asked again")
            self._tasks.begin(self._identify())

    async def stop(self) -> None:
        """Close every channel in good order, end what runs, and return when nothing is left."""
        if self._server is None:
            return
        self._server.close()
        self.ready = False
        self._peers.close_all()
        await self._web.shutdown(timeout=STOP_S)
        self._actor.end()
        await self._tasks.finish()
        await self._close_sessions()
        self._core.close()
        self._server = None
        self.log.note("Stopped", f"site {self.config.site}")

    def kill(self) -> None:
        """Crash: nothing is sent, written or answered from now on; connections drop without a goodbye."""
        if self._server is None:
            return
        self._actor.end()
        self._core.close()
        self.ready = False
        self._server.close()
        self._server = None
        self._peers.forget()
        self._tasks.cancel()
        for connection in self._web.connections:
            if connection.transport is not None:
                connection.transport.abort()
        asyncio.get_running_loop().create_task(self._close_sessions())

    async def failed(self) -> None:
        """Wait until collaboration had to end, and raise why: the disk is full, or a step went wrong.

        Unscoped requests still pass through then; the agent is to be stopped and started again.
        """
        await self._has_failed.wait()
        assert self._failure is not None, "set before the event"
        raise self._failure

    def list_records(self) -> Json:
        """What `GET /collab/v1/records` answers, without a request."""
        return self._core.records()

    def knows(self, site: str) -> bool:
        """Whether a scope may name `site`."""
        return self.config.knows(site)

    def _assemble(self) -> None:
        """Every part, made inside the running loop."""
        connector = self._connector()
        self._session = self._open_session(connector)
        self._dialling = open_session(connector, watched=False)
        self._actor = Actor(self._core, self._disk, now=steady(self._now), perform=self._perform, failed=self._fail)
        tell = self._actor.tell
        self._kube = LocalApiserver(
            self.config.apiserver,
            session=self._session,
            tasks=self._tasks,
            rng=self._rng,
            tell=tell,
            note=self.log.note,
        )
        resolve = self.config.resolve
        self._peers = Peers(session=self._dialling, tasks=self._tasks, resolve=resolve, tell=tell, note=self.log.note)
        self._operations = Operations(session=self._session, tasks=self._tasks, resolve=resolve, tell=tell)
        self._api = Api(
            self._core,
            operations=self._operations,
            peers=self._peers,
            log=self.log,
            reach=self,
            rng=self._rng,
            now=self._now,
        )
        self._proxy = self._make_proxy()
        self._web = serve(self._handle)

    def _make_proxy(self) -> Proxy:
        local = Upstream(url=self._kube.url, tls=self._kube.tls)
        sites = Sites(self.config, session=self._session, local=local, now=self._now)
        self._leftovers = Leftovers(self._disk, sites=sites, tasks=self._tasks, rng=self._rng, note=self.log.note)
        scoped = Scoped(
            sites,
            reading=Reading(sites, self._core),
            writing=Writing(sites, self._core, self._operations, self._rng),
            placing=Placing(sites, self._leftovers, self._rng),
        )
        return Proxy(sites, scoped, core=self._core, knows=self.knows)

    async def _listen(self) -> None:
        host, port = self.config.address
        try:
            self._server = await asyncio.get_running_loop().create_server(self._web, host, port)
        except OSError:
            await self._close_sessions()
            raise
        address = self._server.sockets[0].getsockname()
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{address[1]}"

    async def _close_sessions(self) -> None:
        await self._dialling.close()
        await self._session.close()

    async def _identify(self) -> None:
        self._actor.tell(Identified(uid=await self._kube.identify_in_the_end()))

    def _known(self) -> frozenset[SiteName] | None:
        if isinstance(self.config.peers, str):
            return None
        return frozenset(map(SiteName, self.config.peers))

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        if Api.owns(path):
            return await self._api.answer(request, path, query)
        return await self._proxy.answer(request)

    def _perform(self, action: Action) -> None:
        match action:
            case Transmit():
                self._peers.transmit(action)
            case WriteLocal() | ReadLocal():
                self._kube.begin(action)
            case Dial():
                self._peers.dial(action)
            case Hangup():
                self._peers.hang_up(action)
            case WatchKind():
                self._kube.watch(action)
            case UnwatchKind():
                self._kube.unwatch(action)
            case Forward():
                self._operations.forward(action)
            case Answer():
                self._operations.answer(action)
            case Reported():
                self.log.note(action.type, action.message, gid=action.gid, site=action.site or "")
            case Persist() | Rewrite() | Drop():
                raise AssertionError("the actor keeps the disk's actions to itself")
            case _:
                assert_never(action)

    def _fail(self, error: Exception) -> None:
        """Memory and disk may differ now: collaboration ends until a restart. Clients of the apiserver go on."""
        self.log.note("Failed", f"{type(error).__name__}: {error}; restart the agent")
        if not isinstance(error, OSError):
            # a mistake of ours, not of the machine: loud, with its traceback
            asyncio.get_running_loop().call_exception_handler({"message": "the agent failed", "exception": error})
        self.ready = False
        self._tasks.cancel()
        self._peers.drop_all()
        self._failure = error
        self._has_failed.set()


def _log_path(disk: Disk) -> Path | None:
    return disk.directory.parent / LOG_FILE if isinstance(disk, FileDisk) else None
