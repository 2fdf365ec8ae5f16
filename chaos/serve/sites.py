"""The servers of one run: apiservers, agents, Toxiproxy, all on the running event loop."""

from __future__ import annotations

import asyncio
import errno
import random
import shutil
import socket
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from chaos.scenario.graphs import Pair
from chaos.serve import objects, security, topology
from chaos.serve.options import ServeOptions, refused
from chaos.serve.security import Credentials
from chaos.toxiproxy.driver import Links
from chaos.toxiproxy.server import DEFAULT_PORT, ToxiproxyServer
from collab.agent.config import AgentConfig, ApiserverAddress
from collab.agent.disk import FileDisk
from collab.agent.journals import DamagedJournal
from collab.agent.main import Agent
from fakekube.apiserver.server import Apiserver, Controllers
from fakekube.http.site import HttpSite
from fakekube.http.tls import Authority


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedLink:
    """What a--b listens on, and the name of its proxy."""

    listen: str
    proxy: str


@dataclass(slots=True, kw_only=True)
class Federation:
    """What answers now: URLs by site, links by name."""

    apiservers: dict[str, str] = field(default_factory=dict)
    agents: dict[str, str] = field(default_factory=dict)
    links: dict[tuple[str, str], ServedLink] = field(default_factory=dict)
    toxiproxy: str | None = None
    # An administrator's at every site, "" where nobody is asked; and who vouches for the apiservers, by site, with TLS.
    token: str = ""
    authorities: dict[str, Authority] = field(default_factory=dict)
    # By site, what `security.write_site` wrote.
    credentials: dict[str, dict[str, str]] = field(default_factory=dict)

    def entry(self, site: str) -> str:
        """Where clients of a site go: its agent's proxy when it has one."""
        return self.agents.get(site) or self.apiservers[site]


async def start(options: ServeOptions, stack: AsyncExitStack) -> Federation:
    """Starts everything; `stack` stops it. Raises BadScenario, naming the option, for what the user can mend."""
    wanted = topology.pairs(options.names, options.links) if options.has_links else []
    loaded = objects.read(options.load) if options.load is not None else []
    shown = security.credentials(options)
    served = Federation(token=shown.token)
    for at, name in enumerate(options.names):
        authority = Authority(name) if options.tls else None
        served.apiservers[name] = url = await _start_apiserver(options, at, name, loaded, shown, authority, stack)
        if authority is not None:
            served.authorities[name] = authority
        served.credentials[name] = security.write_site(options.out.resolve(), name, url, shown.token, authority)
    fronts = _agent_addresses(options) if options.collab else _addresses(served.apiservers)
    if options.has_links:
        served.toxiproxy = options.toxiproxy_url or await _start_toxiproxy(options, stack)
        served.links = await _make_links(served.toxiproxy, wanted, fronts, stack)
    if options.collab:
        await _start_agents(options, served, fronts, stack)
    return served


async def _start_apiserver(
    options: ServeOptions,
    at: int,
    name: str,
    loaded: list[objects.Loaded],
    shown: Credentials,
    authority: Authority | None,
    stack: AsyncExitStack,
) -> str:
    controllers: Controllers = "none" if options.controllers == "none" else "core"
    rng = random.Random(f"{options.seed}/apiserver/{name}")
    apiserver = Apiserver(
        name=name,
        now=time.time,
        steady=time.monotonic,
        rng=rng,
        controllers=controllers,
        authentication=shown.authentication,
        authorization=shown.authorization,
        authority=authority,
    )
    if options.controllers == "workloads":
        from fakekube.controllers import Workloads

        apiserver.attach(Workloads(apiserver))
    objects.create(apiserver, loaded, shown.token)
    site = HttpSite(apiserver, authority)
    port = options.port + at if options.port else 0
    try:
        url = await site.listen(options.host, port)
    except OSError as error:
        raise _cannot_listen(options.host, port, name, error) from None
    stack.push_async_callback(site.close)
    return url


def _cannot_listen(host: str, port: int, name: str, error: OSError) -> Exception:
    if error.errno == errno.EADDRINUSE:
        return refused(f"--port {port}", f"in use on {host} ({name}); name another, or 0 for free ones")
    return refused(f"--host {host}", f"cannot listen on port {port} ({name}): {error.strerror}")


def _addresses(urls: Mapping[str, str]) -> dict[str, str]:
    return {name: urlsplit(url).netloc for name, url in urls.items()}


def _agent_addresses(options: ServeOptions) -> dict[str, str]:
    """HOST:PORT of every agent, known before any starts, since each is told where its peers are."""
    if options.port:
        first = options.port + options.sites
        return {name: f"{options.host}:{first + at}" for at, name in enumerate(options.names)}
    holders = [socket.create_server((options.host, 0)) for _ in options.names]
    try:
        ports = [holder.getsockname()[1] for holder in holders]
    finally:
        for holder in holders:
            holder.close()
    return {name: f"{options.host}:{port}" for name, port in zip(options.names, ports, strict=True)}


async def _start_toxiproxy(options: ServeOptions, stack: AsyncExitStack) -> str:
    """On Toxiproxy's own port when it is free, so that its tools find it; else on any."""
    for port in (DEFAULT_PORT, 0):
        server = ToxiproxyServer(options.host, port, seed=options.seed)
        try:
            url = await server.start()
        except OSError as error:
            if port == 0:
                raise refused("--toxiproxy", f"cannot listen on {options.host}: {error}") from None
            continue
        stack.push_async_callback(server.stop)
        return url
    raise AssertionError("the last port either answers or is refused")


async def _make_links(
    toxiproxy: str, wanted: list[Pair], fronts: Mapping[str, str], stack: AsyncExitStack
) -> dict[Pair, ServedLink]:
    links = Links(toxiproxy, lambda _, target: fronts[target])
    await asyncio.to_thread(links.populate, wanted)
    stack.push_async_callback(asyncio.to_thread, links.close)
    return await asyncio.to_thread(_described, links, wanted)


def _described(links: Links, wanted: list[Pair]) -> dict[Pair, ServedLink]:
    made = {pair: links.link(*pair) for pair in wanted}
    return {pair: ServedLink(listen=link.address, proxy=link.proxy) for pair, link in made.items()}


async def _start_agents(
    options: ServeOptions, served: Federation, fronts: Mapping[str, str], stack: AsyncExitStack
) -> None:
    for name in options.names:
        config = AgentConfig(
            site=name,
            apiserver=ApiserverAddress(
                url=served.apiservers[name],
                token_file=served.credentials[name].get("token"),
                ca=served.credentials[name].get("ca"),
            ),
            listen=fronts[name],
            data_dir=str(options.out / name / "data"),
            peers={
                other: f"http://{_dialled(served, fronts, name, other)}" for other in options.names if other != name
            },
        )
        rng = random.Random(f"{options.seed}/agent/{name}/{time.time_ns()}")  # another writer at every boot
        agent = Agent(config, disk=FileDisk(options.out / name / "data"), now=time.time, rng=rng)
        host, port = config.address
        try:
            await agent.start()
        except OSError as error:
            raise _cannot_listen(host, port, f"agent of {name}", error) from None
        except DamagedJournal as error:
            way_out = f"restore {name}/data from a backup, or name another folder"
            raise refused(f"--out {options.out}", f"{name}/data: {error}; {way_out}") from None
        stack.push_async_callback(agent.stop)
        served.agents[name] = agent.url


def _dialled(served: Federation, fronts: Mapping[str, str], site: str, other: str) -> str:
    """What `site` dials to reach `other`: their link, or the other itself where no link was made."""
    link = served.links.get((site, other))
    return link.listen if link is not None else fronts[other]


def clear(options: ServeOptions) -> None:
    """Take away what an earlier run said it serves; agents' data stays, as disks do."""
    (options.out / "ready.json").unlink(missing_ok=True)
    shutil.rmtree(options.out / "links", ignore_errors=True)
