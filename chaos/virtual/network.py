"""The network of a virtual loop: sites, directed links between them, name resolution, and the trace of what was carried.

    network.set_default(latency_s=0.020)
    network.link("paris", "rennes").set(latency_s=0.004)
    network.partition(["paris"], ["rennes", "brest"], mode="drop")
    network.heal(["paris"], ["rennes", "brest"])

Links come into being when they are named or used: a full mesh of hundreds of sites costs nothing until then.
"""

from __future__ import annotations

import errno
import random
import socket
from collections import deque
from collections.abc import Iterable, Iterator
from contextvars import Context
from itertools import product
from typing import TYPE_CHECKING, Final, Literal, Unpack

from chaos.virtual.connection import Connection
from chaos.virtual.endpoint import Endpoint
from chaos.virtual.errors import os_error
from chaos.virtual.link import NS_PER_S, CutMode, Link, LinkChanges, LinkSettings
from chaos.virtual.server import Listener, ProtocolFactory, VirtualServer
from chaos.virtual.site import Site
from chaos.virtual.sites import OBSERVER, context_at, current_site
from chaos.virtual.toxics import Toxics
from chaos.virtual.trace import Tap, Trace, WireChunk

if TYPE_CHECKING:
    from chaos.virtual.loop import VirtualLoop
    from chaos.virtual.stream import Stream

CONNECT_GIVE_UP_S: Final = 130.0  # Linux's tcp_syn_retries = 6: 127 s, then the last wait
TCP_GIVE_UP_S: Final = 924.6  # Linux's tcp_retries2 = 15
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_ANY: Final = frozenset({"", "0.0.0.0", "::"})
_SHOWN: Final = 10
_REMEMBERED: Final = 200

Direction = Literal["both", "to", "from"]


class Network:
    """Belongs to one loop. `tap`, when set, is called with each chunk that arrives between two sites or within one."""

    def __init__(self, loop: VirtualLoop, *, seed: int | str = 0) -> None:
        self.loop = loop
        self.seed = seed
        self.trace = Trace()
        self.tap: Tap | None = None
        self.connect_give_up_ns = round(CONNECT_GIVE_UP_S * NS_PER_S)
        self.tcp_give_up_ns = round(TCP_GIVE_UP_S * NS_PER_S)
        self._default = LinkSettings()
        self._links: dict[tuple[str, str], Link] = {}
        self._sites: dict[str, Site] = {}
        self._aliases: dict[str, str] = {}
        self._toxics: dict[tuple[str, str], Toxics] = {}
        self.skews: dict[str, float] = {}
        self._without_names: dict[str, None] = {}
        self.schedule: deque[tuple[float, str]] = deque(maxlen=_REMEMBERED)  # what was done to the network, and when
        self.messages = 0  # chunks of data that reached another site
        self.lose_message = 0  # the number of the one that gets lost, with its connection
        self.kernel = Context()  # of timers that belong to no site's program, and run while one is paused

    # Sites and names

    def add_site(self, name: str) -> Site:
        """The site of that name, made if need be."""
        site = self._sites.get(name)
        if site is None:
            site = self._sites[name] = Site(name)
        return site

    def add_alias(self, alias: str, site: str) -> None:
        """Let a further host name lead to a site."""
        self._aliases[alias] = self.add_site(site).name

    def resolve(self, host: str) -> str:
        """The site that a host name leads to, seen from the running code. Raises socket.gaierror for a name that no site has."""
        if host in _LOOPBACK or host in _ANY:
            return current_site()
        name = self._aliases.get(host, host)
        if name != current_site() and current_site() in self._without_names:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if name not in self._sites:
            known = ", ".join(sorted(self._sites)[:_SHOWN]) or "none yet"
            raise socket.gaierror(socket.EAI_NONAME, f"{host!r} is no site of this virtual network (sites: {known})")
        return name

    def crash(self, site: str) -> None:
        """The site's process dies: its listeners vanish, peers get a RST where it gets through, and it can neither connect nor listen."""
        self._note(f"crash {site}")
        self.loop.resume(site)
        self.add_site(site).crash()

    def restart(self, site: str) -> None:
        """The site may connect and listen again; what listened before must listen anew."""
        self._note(f"restart {site}")
        self.add_site(site).up = True

    def pause(self, site: str) -> None:
        """Stop the site's program, as SIGSTOP does. Its kernel still completes connections and holds what arrives."""
        self._note(f"pause {site}")
        self.loop.pause(self.add_site(site).name)

    def resume(self, site: str) -> None:
        """Let a paused site go on: first what has waited, in its order."""
        self._note(f"resume {site}")
        self.loop.resume(site)

    def set_skew(self, site: str, seconds: float) -> None:
        """Put the site's wall clock (`loop.now()`) that far ahead; negative: behind. Timers are not affected."""
        self._note(f"clock of {site} {seconds:+g} s")
        self.skews[self.add_site(site).name] = seconds

    def skew_s(self, site: str) -> float:
        """How far ahead a site's wall clock is."""
        return self.skews.get(site, 0.0)

    def fail_names(self, site: str) -> None:
        """At this site no name resolves any more, its own and localhost excepted. Open connections live on."""
        self._note(f"names fail at {site}")
        self._without_names[self.add_site(site).name] = None

    def restore_names(self, site: str) -> None:
        """Names resolve at this site again."""
        self._note(f"names resolve at {site}")
        self._without_names.pop(site, None)

    # Links

    def link(self, src: str, dst: str) -> Link:
        """The way from src to dst."""
        if src == dst:
            raise ValueError(f"a link needs two sites; within {src!r} connections cost nothing and are never cut")
        link = self._links.get((src, dst))
        return link if link is not None else self._make_links(src, dst)

    def _make_links(self, src: str, dst: str) -> Link:
        """Both ways at once, since each needs the other for its round trip."""
        link, back = Link(src, dst, self._default), Link(dst, src, self._default)
        link.back, back.back = back, link
        self._links[src, dst], self._links[dst, src] = link, back
        return link

    def set_default(self, **settings: Unpack[LinkChanges]) -> None:
        """What holds on every link that was not given settings of its own."""
        self._default = LinkSettings(**settings)
        for link in self._links.values():
            link.follow(self._default)

    def partition(
        self,
        left: str | Iterable[str],
        right: str | Iterable[str],
        *,
        mode: CutMode | str = CutMode.DROP,
        direction: Direction = "both",
        cause: str = "",
    ) -> None:
        """Cut every link between the two groups. `to` cuts only what travels from left to right, `from` only the reverse."""
        left, right = _group(left), _group(right)
        self._note(f"cut {_named(left)} from {_named(right)}, {direction}, {CutMode(mode)}")
        for link in self._between(left, right, direction):
            link.cut(mode, cause=cause)

    def heal(
        self,
        left: str | Iterable[str],
        right: str | Iterable[str],
        *,
        direction: Direction = "both",
        cause: str | None = None,
    ) -> None:
        """End the cuts of one cause, or all cuts, between the two groups."""
        left, right = _group(left), _group(right)
        self._note(f"heal {_named(left)} and {_named(right)}, {direction}")
        for link in self._between(left, right, direction):
            link.heal(cause=cause)

    def heal_all(self) -> None:
        """End every cut."""
        self._note("heal all")
        for link in list(self._links.values()):
            link.heal()

    def _note(self, what: str) -> None:
        self.schedule.append((self.loop.time(), what))

    def _between(self, left: list[str], right: list[str], direction: Direction) -> Iterator[Link]:
        for a, b in product(left, right):
            if a == b:
                continue
            if direction != "from":
                yield self.link(a, b)
            if direction != "to":
                yield self.link(b, a)

    def toxics(self, opener: str, target: str) -> Toxics:
        """Toxics for the connections that one site opens to another."""
        found = self._toxics.get((opener, target))
        if found is None:
            found = self._toxics[opener, target] = Toxics(self, opener, target)
        return found

    # What the loop calls

    def listen(self, factory: ProtocolFactory, host: str | None, port: int, *, start: bool = True) -> VirtualServer:
        """Listen at the running code's site, or at the site that `host` names.

        Raises OSError: EADDRINUSE (98) for a port that is taken, ENETDOWN (100) for a site that is down.
        """
        site = self._up(self.add_site(self._listening_site(host)))
        context = context_at(site.name)
        listener = Listener(self.loop, factory, port or site.ephemeral_port(), context, local=host in _LOOPBACK)
        if start:
            site.listen(listener)
        return VirtualServer(self.loop, site, listener)

    def _listening_site(self, host: str | None) -> str:
        return current_site() if host is None else self.resolve(host)

    async def connect(self, host: str, port: int) -> Endpoint:
        """Open a connection from the running code's site.

        Raises socket.gaierror, or OSError: ECONNREFUSED (111), ETIMEDOUT (110), ENETDOWN (100) when this site is down.
        """
        opener = self._up(self.add_site(current_site()))
        target = self.add_site(self.resolve(host))
        number = opener.connection_number(target.name)
        return await Connection(self, opener, target, port, self._way(opener.name, target.name), number=number).open()

    def _way(self, src: str, dst: str) -> Link | None:
        """None where there is no wire: within one site, and to and from the observer."""
        return None if src == dst or OBSERVER in (src, dst) else self.link(src, dst)

    def _up(self, site: Site) -> Site:
        if not site.up:
            raise os_error(errno.ENETDOWN)
        return site

    # What the streams call

    def join_toxics(self, connection: Connection) -> None:
        """A connection stands."""
        found = self._toxics.get((connection.opener.name, connection.target.name))
        if found is not None:
            found.join(connection.up, "upstream")
            found.join(connection.down, "downstream")

    def draws(self, connection: Connection, purpose: str) -> random.Random:
        """Chance for one purpose of one connection; a further connection or link leaves it alone."""
        return random.Random(
            f"{self.seed}/{connection.opener.name}/{connection.target.name}/{connection.number}/{purpose}"
        )

    def loses_next(self) -> bool:
        """Count a message between two sites; whether it is the one to be lost."""
        self.messages += 1
        return self.messages == self.lose_message

    def delivered(self, stream: Stream, data: bytes, size: int) -> None:
        """Bytes are about to reach the stream's reader."""
        self.trace.add(self.loop.now_ns, stream.label, size, size)
        if self.tap is not None:
            src, dst, connection = stream.writer.site.name, stream.reader.site.name, stream.connection
            self.tap(WireChunk(self.loop.now_ns, src, dst, connection.number, connection.opener.name, data))


def _named(sites: list[str]) -> str:
    more = f" and {len(sites) - _SHOWN} more" if len(sites) > _SHOWN else ""
    return ", ".join(sites[:_SHOWN]) + more


def _group(sites: str | Iterable[str]) -> list[str]:
    return [sites] if isinstance(sites, str) else list(sites)
