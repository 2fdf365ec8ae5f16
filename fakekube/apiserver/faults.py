"""Faults at the protocol's own level: refusals, lost replies, stale lists, slow or repeated watch events.

Values, matched by verb and resource; a run injects them and takes them out again. Nothing here knows why.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import assert_never

from fakekube.apiserver.call import Answer
from fakekube.apiserver.chain import Serve
from fakekube.apiserver.filters import status_response
from fakekube.apiserver.request import Request
from fakekube.apiserver.request_info import RequestInfo, parse_query, request_info
from fakekube.apiserver.response import Headers, Response, WatchStream
from fakekube.meta.errors import Details, StatusError
from fakekube.registry.site import Site

_READS = frozenset(["get", "list", "watch"])
WRITES = frozenset(["create", "update", "patch", "delete", "deletecollection"])
_REASONS = {
    409: ("Conflict", "the object has been modified; please apply your changes to the latest version and try again"),
    410: ("Expired", "The resourceVersion for the provided list is too old."),
    429: ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
    500: ("InternalError", "Internal error occurred: injected"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which requests are meant: an empty member fits all. `resource` is the plural, without its group."""

    verbs: frozenset[str] = frozenset()
    resource: str = ""
    namespace: str = ""
    name: str = ""

    def fits(self, info: RequestInfo) -> bool:
        wanted = ((self.resource, info.resource), (self.namespace, info.namespace), (self.name, info.name))
        return (not self.verbs or info.verb in self.verbs) and all(not want or want == found for want, found in wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """The request is not carried out: 409, 410, 429, 500 or 503, with Retry-After where one is given."""

    match: Match = field(default_factory=Match)
    status: int = 503
    retry_after_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseReply:
    """The request is carried out, and the connection closes without an answer: a `Response` of status 0."""

    match: Match = field(default_factory=lambda: Match(verbs=WRITES))


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleList:
    """A list shows what was there `revisions` writes ago, as a cache that lags behind does."""

    match: Match = field(default_factory=Match)
    revisions: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowEvents:
    """The frames of a watch arrive `delay_s` late, in their order."""

    match: Match = field(default_factory=Match)
    delay_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatEvents:
    """Every frame of a watch arrives twice."""

    match: Match = field(default_factory=Match)


Fault = Refuse | LoseReply | StaleList | SlowEvents | RepeatEvents


class Injected:
    """A fault at work: `hits` counts the requests it met; past `times` of them it does nothing more."""

    __slots__ = ("_remove", "fault", "hits", "times")

    def __init__(self, fault: Fault, times: int | None, remove: Callable[[Injected], None]) -> None:
        self.fault = fault
        self.times = times
        self.hits = 0
        self._remove = remove

    def remove(self) -> None:
        self._remove(self)


class Faults:
    """The faults of one site, in the order of their injection; the first that fits a request takes it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._injected: dict[Injected, None] = {}

    def inject(self, fault: Fault, *, times: int | None = None) -> Injected:
        """`fault` from now on, until it is removed or has met `times` requests."""
        injected = Injected(fault, times, self._drop)
        self._injected[injected] = None
        return injected

    def _drop(self, injected: Injected) -> None:
        self._injected.pop(injected, None)

    def around(self, serve: Serve) -> Serve:
        """The filter of the chain. Without any fault it costs one look at a dict."""

        def filtered(request: Request) -> Answer:
            if not self._injected:
                return serve(request)
            fault = self._met(request)
            return serve(request) if fault is None else self._answer(fault, serve, request)

        return filtered

    def _met(self, request: Request) -> Fault | None:
        info = request_info(request.method, request.path, parse_query(request.query))
        if info is None:
            return None
        for injected in self._injected:
            if injected.fault.match.fits(info) and _applies(injected.fault, info.verb):
                injected.hits += 1
                if injected.hits == injected.times:
                    self._drop(injected)
                return injected.fault
        return None

    def _answer(self, fault: Fault, serve: Serve, request: Request) -> Answer:
        match fault:
            case Refuse():
                return status_response(_refusal(fault), request.headers.get("accept", ""))
            case LoseReply():
                answer = serve(request)
                return Response(status=0) if isinstance(answer, Response) else answer
            case StaleList():
                return serve(self._in_the_past(request, fault.revisions))
            case SlowEvents():
                answer = serve(request)
                return answer if isinstance(answer, Response) else SlowWatch(answer, fault.delay_s, self._site.steady)
            case RepeatEvents():
                answer = serve(request)
                return answer if isinstance(answer, Response) else RepeatingWatch(answer)
        assert_never(fault)

    def _in_the_past(self, request: Request, revisions: int) -> Request:
        past = max(1, self._site.store.revision - revisions)
        exact = f"resourceVersion={past}&resourceVersionMatch=Exact"
        kept = [pair for pair in request.query.split("&") if pair and not pair.startswith("resourceVersion")]
        return replace(request, query="&".join([*kept, exact]))


def _applies(fault: Fault, verb: str) -> bool:
    """A stale list is about lists, the faults of events about watches; what a read answers cannot get lost unseen."""
    match fault:
        case StaleList():
            return verb == "list"
        case SlowEvents() | RepeatEvents():
            return verb == "watch"
        case LoseReply():
            return verb not in _READS
        case Refuse():
            return True
    assert_never(fault)


def _refusal(fault: Refuse) -> StatusError:
    reason, message = _REASONS.get(fault.status, ("", f"refused with {fault.status}"))
    headers = {"Retry-After": str(fault.retry_after_s)} if fault.retry_after_s else {}
    details = Details(retry_after_s=fault.retry_after_s)
    return StatusError(code=fault.status, reason=reason, message=message, details=details, headers=headers)


class RepeatingWatch:
    """A watch whose every frame comes twice."""

    def __init__(self, inner: WatchStream) -> None:
        self._inner = inner
        self.status = inner.status
        self.headers: Headers = inner.headers

    @property
    def ring(self) -> Callable[[], None]:
        return self._inner.ring

    @ring.setter
    def ring(self, callback: Callable[[], None]) -> None:
        self._inner.ring = callback

    @property
    def ended(self) -> bool:
        return self._inner.ended

    @property
    def wake_at(self) -> float | None:
        return self._inner.wake_at

    def drain(self) -> bytes:
        return b"".join(line * 2 for line in self._inner.drain().splitlines(keepends=True))

    def tick(self, now: float) -> None:
        self._inner.tick(now)

    def close(self) -> None:
        self._inner.close()


class SlowWatch:
    """A watch whose frames come late. What is on its way when the watch ends still arrives."""

    def __init__(self, inner: WatchStream, delay_s: float, now: Callable[[], float]) -> None:
        self._inner = inner
        self._delay_s = delay_s
        self._now = now
        self._held: deque[tuple[float, bytes]] = deque()
        self.status = inner.status
        self.headers: Headers = inner.headers
        self.ring: Callable[[], None] = lambda: None
        inner.ring = self._hold
        self._hold()

    def _hold(self) -> None:
        frames = self._inner.drain()
        if frames:
            self._held.append((self._now() + self._delay_s, frames))
        self.ring()

    @property
    def ended(self) -> bool:
        return self._inner.ended and not self._held

    @property
    def wake_at(self) -> float | None:
        due = [self._held[0][0]] if self._held else []
        inner = self._inner.wake_at
        return min([*due, *([inner] if inner is not None else [])], default=None)

    def drain(self) -> bytes:
        now, ready = self._now(), bytearray()
        while self._held and self._held[0][0] <= now:
            ready += self._held.popleft()[1]
        return bytes(ready)

    def tick(self, now: float) -> None:
        self._inner.tick(now)

    def close(self) -> None:
        self._held.clear()
        self._inner.close()
