"""Links that can be cut: one Toxiproxy proxy per directed pair of sites, driven through toxiproxy-python.

Works with the built-in server and with a real one. It is the only importer of toxiproxy-python and wraps around what
that client leaves open: one server per process (host and port are class attributes: a subclass per server has its
own), no time-outs, a download of every proxy per create, no /populate, no update of a toxic, and answers other than
400, 404 and 409 taken for success.

    links = Links("http://127.0.0.1:8474", upstream=lambda dialler, target: addresses[target])
    links.link("paris", "rennes").address              # "127.0.0.1:41234": what paris dials to reach rennes
    links.link("paris", "rennes").cut(mode="drop")     # silence, until .heal()
    links.partition("paris", "rennes", mode="reject")  # the connections that either opens to the other

Every call blocks, at most CALL_TIMEOUT_S for each request; in a coroutine use `asyncio.to_thread`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import quote, urlsplit

import requests
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

CALL_TIMEOUT_S = 5.0
RETRANSMIT_MS = 200
"""The least that TCP waits before it sends again."""

Mode = Literal["drop", "reject", "jam"]
"""drop: silence (connects, nothing arrives); reject: refused and closed; jam: held, delivered at the heal."""

Direction = Literal["both", "to", "from"]
"""Seen from the dialler: `to` is what it sends to the target, `from` what the target sends to it."""

Stream = Literal["upstream", "downstream"]

STREAMS: Mapping[Direction, tuple[Stream, ...]] = {
    "both": ("upstream", "downstream"),
    "to": ("upstream",),
    "from": ("downstream",),
}
OPPOSITE: Mapping[Direction, Direction] = {"both": "both", "to": "from", "from": "to"}

# How a stream is silenced. timeout 0 drops bytes for ever and closes at the heal; bandwidth 0 keeps them (spec of
# both: docs/toxiproxy.md). `reject` has no toxic: the proxy is disabled.
SILENCE: Mapping[Mode, tuple[str, Mapping[str, int]]] = {
    "drop": ("timeout", {"timeout": 0}),
    "jam": ("bandwidth", {"rate": 0}),
}


class ToxiproxyError(OSError):
    """A call was refused, or answered in a way that the API does not promise."""


class Unreachable(ToxiproxyError, ConnectionError):
    """No server at that address."""


class Wedged(ToxiproxyError, ConnectionError):
    """The server gave up (503) or did not answer in time: that proxy may never answer again (Toxiproxy #558)."""


class Api:
    """Toxiproxy's HTTP API, every call with a time-out and with all its failures told."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or not parts.port:
            raise ValueError(f"a Toxiproxy is named as http://HOST:PORT, not {url!r}")
        self.url = url
        self._consumer: type[APIConsumer] = type(
            "Consumer", (APIConsumer,), {"host": parts.hostname, "port": parts.port}
        )

    def get(self, path: str) -> object:
        return self._call(self._consumer.get, path)

    def post(self, path: str, body: object = None) -> object:
        return self._call(self._consumer.post, path, json=body)

    def delete(self, path: str) -> None:
        self._call(self._consumer.delete, path)

    def _call(self, verb: Callable[..., requests.Response], path: str, **arguments: object) -> object:
        _refuse_in_event_loop()
        try:
            # Empty proxies: a HTTP_PROXY of the environment must not come between us and a loopback server.
            answer = verb(path, timeout=CALL_TIMEOUT_S, proxies={"http": "", "https": ""}, **arguments)
        except (InvalidToxic, NotFound, ProxyExists) as refused:
            raise ToxiproxyError(f"{path}: {_text(refused)}") from refused
        except requests.Timeout as late:
            raise Wedged(f"{self.url}{path}: no answer in {CALL_TIMEOUT_S:g} s: is it a Toxiproxy?") from late
        except requests.RequestException as lost:
            raise Unreachable(f"no Toxiproxy answers at {self.url}: start one with `fakekube toxiproxy`") from lost
        if answer.status_code == 503:
            raise Wedged(f"{path}: the server gave up (503)")
        if not answer.ok:
            raise ToxiproxyError(f"{path}: {answer.status_code} {answer.text.strip()}")
        try:
            return answer.json() if answer.content else None
        except requests.JSONDecodeError as text:
            # Toxiproxy before 2.5 tells its version as plain text; anything else that speaks HTTP is no Toxiproxy
            raise ToxiproxyError(
                f"{self.url}{path} answers no JSON: it must be a Toxiproxy of 2.5 or later, or the built-in one"
            ) from text


def _refuse_in_event_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError("links block: in a coroutine write `await asyncio.to_thread(link.cut)`")


def _text(refused: Exception) -> str:
    body = refused.args[0] if refused.args else b""
    return body.decode(errors="replace").strip() if isinstance(body, bytes) else str(body)


def any_port(dialler: str, target: str) -> str:
    """The default of `Links(listen=...)`: a free port of 127.0.0.1 for every link."""
    return "127.0.0.1:0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Toxic:
    """One effect on one stream of a link; attributes and units are Toxiproxy's."""

    type: str
    stream: Stream
    attributes: Mapping[str, int]
    name: str = ""
    toxicity: float = 1.0

    def document(self) -> dict[str, object]:
        name = self.name or f"{self.type}_{self.stream}"
        return {
            "name": name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": self.toxicity,
            "attributes": dict(self.attributes),
        }


class Link:
    """The connections that `dialler` opens to `target`.

    Its proxy is made when its address is first asked for; cuts and toxics from before are on it from the start.
    """

    def __init__(self, links: Links, dialler: str, target: str) -> None:
        self._links = links
        self.dialler = dialler
        self.target = target
        self.name = f"{dialler}--{target}"
        self.wedged: list[str] = []
        """Proxies of this link that stopped answering, oldest first; each was replaced by one of a new name."""
        self._address: str | None = None
        self._toxics: dict[str, Toxic] = {}
        self._enabled = True

    @property
    def proxy(self) -> str:
        """Name of its proxy in the server: `a--b`, then `a--b~2` once the first is wedged, and so on."""
        return self.name if not self.wedged else f"{self.name}~{len(self.wedged) + 1}"

    @property
    def address(self) -> str:
        """HOST:PORT that the dialler connects to. It changes when a wedged proxy is replaced."""
        self._links.populate([(self.dialler, self.target)])
        assert self._address is not None
        return self._address

    @property
    def made(self) -> bool:
        return self._address is not None

    @property
    def listening(self) -> str | None:
        """HOST:PORT of its proxy, None while there is none. Never waits, so a coroutine may ask."""
        return self._address

    @property
    def toxics(self) -> list[Toxic]:
        """What is on the link now, cuts included, in the order in which it was added."""
        return list(self._toxics.values())

    def cut(self, mode: Mode = "drop", direction: Direction = "both") -> None:
        """Cut the link until `heal`. `reject` has no direction of its own: it closes and refuses connections."""
        if mode == "reject":
            if direction != "both":
                raise ValueError(
                    "a rejected connection is refused both ways: use direction='both', or mode 'drop' or 'jam'"
                )
            self._set_enabled(False)
            return
        for stream in STREAMS[direction]:
            self.add(_silence(mode, stream))

    def heal(self) -> None:
        """Undo every cut; latency and other toxics stay. A dropped connection is closed by it, a jammed one goes on."""
        self.set_cuts(to=None, back=None)

    def set_cuts(self, *, to: Mode | None, back: Mode | None) -> None:
        """Exactly these cuts: of what the dialler sends, and of what the target sends back."""
        for stream, mode in zip(STREAMS["both"], (to, back), strict=True):
            if mode is None or mode == "reject":
                self.remove(f"cut_{stream}")
            else:
                self.add(_silence(mode, stream))
        self._set_enabled("reject" not in (to, back))

    def latency(self, latency_ms: int, jitter_ms: int = 0, direction: Direction = "both") -> None:
        """Delay each chunk in the chosen streams by latency +- jitter; 0 and 0 take the delay away."""
        self._shape(
            "latency", {"latency": latency_ms, "jitter": jitter_ms}, direction, clear=latency_ms == jitter_ms == 0
        )

    def bandwidth(self, rate_kb_s: int | None, direction: Direction = "both") -> None:
        """At most `rate_kb_s` (1000 bytes/s) per connection and stream; None takes the limit away."""
        self._shape("bandwidth", {"rate": rate_kb_s or 0}, direction, clear=rate_kb_s is None)

    def loss(self, share: float, latency_ms: int, direction: Direction = "both") -> None:
        """That share of the connections is late by a retransmission, which is as near to loss as a proxy of streams comes."""
        late = {"latency": max(RETRANSMIT_MS, 2 * 2 * latency_ms), "jitter": 0}
        for stream in STREAMS[direction]:
            if share:
                self.add(Toxic(type="latency", stream=stream, attributes=late, name=f"loss_{stream}", toxicity=share))
            else:
                self.remove(f"loss_{stream}")

    def _shape(self, kind: str, attributes: Mapping[str, int], direction: Direction, *, clear: bool) -> None:
        for stream in STREAMS[direction]:
            if clear:
                self.remove(f"{kind}_{stream}")
            else:
                self.add(Toxic(type=kind, stream=stream, attributes=attributes))

    def add(self, toxic: Toxic) -> None:
        """Add a toxic, or change the attributes and toxicity of the one that has its name and type. One that is there
        already is left alone: on a busy link, each change may wedge a real server."""
        document = toxic.document()
        name = str(document["name"])
        existing = self._toxics.get(name)
        if existing == toxic:
            return
        if existing is not None and (existing.type, existing.stream) != (toxic.type, toxic.stream):
            self.remove(name)
            existing = None
        wanted = {**self._toxics, name: toxic}
        self._change(f"/toxics/{quote(name, safe='')}" if existing else "/toxics", document, toxics=wanted)

    def remove(self, name: str) -> None:
        """Take a toxic away; one that is not there is no error."""
        if name in self._toxics:
            wanted = {other: toxic for other, toxic in self._toxics.items() if other != name}
            self._change(f"/toxics/{quote(name, safe='')}", None, toxics=wanted)

    def _set_enabled(self, enabled: bool) -> None:
        if enabled != self._enabled:
            self._change("", {"enabled": enabled}, enabled=enabled)

    def _change(
        self, path: str, body: object, *, toxics: dict[str, Toxic] | None = None, enabled: bool | None = None
    ) -> None:
        """Ask for one change (no body: delete) and remember it; a wedged proxy is replaced by one that has it."""
        with self._links.lock:
            answered = not self.made or self._links.ask(self._path + path, body)
            self._toxics = self._toxics if toxics is None else toxics
            self._enabled = self._enabled if enabled is None else enabled
            if not answered:
                self._replace()

    def _replace(self) -> None:
        """A new proxy with a new name, in the state that is wanted. What runs through the old one cannot be touched."""
        self.wedged.append(self.proxy)
        self._address = None
        self._links.populate([(self.dialler, self.target)])

    @property
    def _path(self) -> str:
        return f"/proxies/{quote(self.proxy, safe='')}"

    def order(self) -> dict[str, object]:
        """What /populate is asked for. The built-in server takes the toxics here; the real one ignores them.

        Enabled in any case: a proxy that never listened has no port yet.
        """
        return {
            "name": self.proxy,
            "listen": self._links.listen(self.dialler, self.target),
            "upstream": self._links.upstream(self.dialler, self.target),
            "enabled": True,
            "toxics": [toxic.document() for toxic in self._toxics.values()],
        }

    def complete(self, proxy: Mapping[str, object]) -> None:
        """Take the server's answer to `order`, and do what it left out. Only then the link has an address."""
        if not proxy["toxics"]:
            for toxic in self._toxics.values():
                self._links.api.post(f"{self._path}/toxics", toxic.document())
        if not self._enabled:
            self._links.api.post(self._path, {"enabled": False})
        self._address = str(proxy["listen"])

    def delete(self) -> None:
        """Delete the proxy, if there is one; when it is wedged it stays."""
        if self.made:
            self._links.ask(self._path, None)
            self._address = None


def _silence(mode: Mode, stream: Stream) -> Toxic:
    kind, attributes = SILENCE[mode]
    return Toxic(type=kind, stream=stream, attributes=attributes, name=f"cut_{stream}")


class Links:
    """The links of a federation, as proxies of one Toxiproxy. Thread-safe; what it made, `close` deletes."""

    def __init__(
        self,
        url: str,
        upstream: Callable[[str, str], str],
        *,
        listen: Callable[[str, str], str] = any_port,
    ) -> None:
        """`upstream(dialler, target)` is the HOST:PORT where the target really listens, asked when the link is made."""
        self.api = Api(url)
        self.upstream = upstream
        self.listen = listen
        self.lock = threading.RLock()
        self._links: dict[str, Link] = {}

    def link(self, dialler: str, target: str) -> Link:
        """The link of the connections that `dialler` opens to `target`, made in the server when first needed."""
        if dialler == target:
            raise ValueError(f"a link joins two sites, not {dialler!r} and itself")
        with self.lock:
            return self._links.setdefault(f"{dialler}--{target}", Link(self, dialler, target))

    def populate(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Make the proxies of all these links in one request; those that exist are left as they are."""
        with self.lock:
            absent = [link for link in (self.link(*pair) for pair in pairs) if not link.made]
            if not absent:
                return
            proxies = _proxies(self.api.post("/populate", [link.order() for link in absent]))
            for link, proxy in zip(absent, proxies, strict=True):
                link.complete(proxy)

    def partition(self, one: str, other: str, mode: Mode = "drop", direction: Direction = "both") -> None:
        """Cut what either opens to the other. `to`: nothing passes from `one` to `other`; `from`: the reverse."""
        self.link(one, other).cut(mode, direction)
        self.link(other, one).cut(mode, OPPOSITE[direction])

    def heal(self, one: str, other: str) -> None:
        self.link(one, other).heal()
        self.link(other, one).heal()

    def heal_all(self) -> None:
        """Heal every link, whatever cut it."""
        for link in self.known():
            link.heal()

    def known(self) -> list[Link]:
        """The links asked for so far, by name."""
        with self.lock:
            return [self._links[name] for name in sorted(self._links)]

    def close(self) -> None:
        """Delete the proxies that were made here; wedged ones cannot be deleted and stay."""
        for link in self.known():
            link.delete()

    def ask(self, path: str, body: object) -> bool:
        """One change (no body: delete); False when the proxy is wedged."""
        try:
            if body is None:
                self.api.delete(path)
            else:
                self.api.post(path, body)
        except Wedged:
            return False
        return True


def _proxies(answer: object) -> Sequence[Mapping[str, object]]:
    match answer:
        case {"proxies": list(found)}:
            return cast(Sequence[Mapping[str, object]], found)
    raise ToxiproxyError(f"/populate answered without proxies: {answer!r}")
