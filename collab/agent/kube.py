"""The local apiserver as a client sees it: calls, and list+watch of what the core asked for, told as facts."""

from __future__ import annotations

import asyncio
import json
import random
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import aiohttp

from collab.agent.config import ApiserverAddress
from collab.agent.link import ANSWER_S, CONNECT_S, Answered, Outcome, describe, exchange, target_url
from collab.agent.tasks import Tasks
from collab.protocol.actions import ReadLocal, UnwatchKind, WatchKind, WriteLocal
from collab.protocol.facts import CallFinished, Fact, Listed, Observed, WatchEvent
from collab.protocol.names import NAMESPACES, KubeObject, collection_path
from fakekube.meta.objects import uid_of

BACKOFF_FIRST_S = 0.2
BACKOFF_CAP_S = 10.0
EARLY_S = 5  # a stream that the server ends so much before its time was cut off
WATCH_S = 300  # a watch is asked for this long and up to twice as long, so that many do not end together
LINE_MAX = 8 << 20
_EVENTS = ("ADDED", "MODIFIED", "DELETED")


class Tell(Protocol):
    """Where facts go; one that is not `still` wanted when its turn comes is left out."""

    def __call__(self, fact: Fact, still: Callable[[], bool] = ...) -> None: ...


class WatchLost(Exception):
    """A list or watch that cannot go on as it is. `relist`: the revision is too old, list again."""

    def __init__(self, why: str, *, relist: bool = False) -> None:
        super().__init__(why)
        self.relist = relist


@dataclass(slots=True)
class _Watch:
    """One running list+watch, at the newest revision seen ("": list first).

    `live` turns false at its end, so that nothing of it is told any more.
    """

    task: asyncio.Task[None] | None = None
    live: bool = True
    revision: str = ""
    failures: int = 0


class LocalApiserver:
    """Everything this agent asks of its apiserver on its own account. Ends are told through `tell`."""

    def __init__(
        self,
        address: ApiserverAddress,
        *,
        session: aiohttp.ClientSession,
        tasks: Tasks,
        rng: random.Random,
        tell: Tell,
        note: Callable[[str, str], None],
    ) -> None:
        self.url = address.url
        self.tls = tls_of(address)
        self._token_file = address.token_file
        self._session = session
        self._tasks = tasks
        self._rng = rng
        self._tell = tell
        self._note = note
        self._watches: dict[tuple[str, str], _Watch] = {}

    def begin(self, call: WriteLocal | ReadLocal) -> None:
        """Send the request; its end is told as one CallFinished."""
        self._tasks.begin(self._call(call))

    def watch(self, action: WatchKind) -> None:
        """List and watch; what is found is told as Listed and Observed. A second watch of the same name replaces it."""
        self.unwatch(UnwatchKind(kind=action.kind, namespace=action.namespace))
        watch = _Watch()
        self._watches[action.kind, action.namespace] = watch
        watch.task = self._tasks.begin(self._follow(action, watch))

    def unwatch(self, action: UnwatchKind) -> None:
        """End the watch: nothing of it is told any more."""
        watch = self._watches.pop((action.kind, action.namespace), None)
        if watch is not None:
            watch.live = False
            if watch.task is not None:
                watch.task.cancel()

    async def identify(self, answer_s: float = ANSWER_S) -> str:
        """The uid of kube-system; "" while the apiserver does not answer with it."""
        outcome = await self._get("/api/v1/namespaces/kube-system", answer_s)
        if isinstance(outcome, Answered) and outcome.status == 200:
            return uid_of(parse_object(outcome.body))
        return ""

    async def identify_in_the_end(self) -> str:
        """The uid of kube-system, asked for until it is known."""
        failures = 0
        while not (uid := await self.identify()):
            await asyncio.sleep(self._backoff_s(failures))
            failures += 1
        return uid

    def headers(self) -> dict[str, str]:
        """What the agent itself shows the apiserver; the token file is read anew, since tokens rotate."""
        headers = {"Accept": "application/json", "User-Agent": "collab"}
        if self._token_file:
            try:
                token = Path(self._token_file).read_text(encoding="utf-8").strip()
            except OSError as error:
                # the apiserver's 401 is then told to whoever asked
                self._note("NoToken", f"{self._token_file}: {error.strerror}")
            else:
                headers["Authorization"] = f"Bearer {token}"
        return headers

    async def _get(self, target: str, answer_s: float = ANSWER_S) -> Outcome:
        url = target_url(self.url, target)
        return await exchange(self._session, "GET", url, headers=self.headers(), tls=self.tls, answer_s=answer_s)

    async def _call(self, call: WriteLocal | ReadLocal) -> None:
        headers = self.headers()
        method, body = "GET", None
        if isinstance(call, WriteLocal):
            method, body = call.method, call.body or None
            headers["Content-Type"] = call.content_type
        url = target_url(self.url, call.path)
        outcome = await exchange(self._session, method, url, headers=headers, body=body, tls=self.tls)
        self._tell(finished(call.call, outcome))

    async def _follow(self, action: WatchKind, watch: _Watch) -> None:
        """List, then watch, and resume where a stream ended in good order; list again after any other end: a server that
        was restored from a backup is behind the newest revision seen, and would be silent until it has caught up."""
        while True:
            try:
                if not watch.revision:
                    await self._list(action, watch)
                await self._stream(action, watch)
                watch.failures = 0
            except WatchLost as lost:
                if lost.relist:
                    watch.revision = ""
                if not watch.failures:
                    self._note("WatchLost", f"{action.kind} of {action.namespace}: {lost}")
                # also after 410, so that a server that always answers 410 is not asked without pause
                await asyncio.sleep(self._backoff_s(watch.failures))
                watch.failures += 1

    async def _list(self, action: WatchKind, watch: _Watch) -> None:
        outcome = await self._get(_target(action, {}))
        if not isinstance(outcome, Answered):
            raise WatchLost(outcome.why)
        if outcome.status != 200:
            raise WatchLost(f"list answered {outcome.status}")
        found = parse_object(outcome.body)
        watch.revision = str(_metadata(found).get("resourceVersion") or "")
        if not watch.revision.isdecimal():
            raise WatchLost(f"a list with resourceVersion {watch.revision!r}", relist=True)
        listed_items = found.get("items")
        items = tuple(map(_mapping, listed_items if isinstance(listed_items, list) else ()))
        listed = Listed(kind=action.kind, namespace=action.namespace, revision=int(watch.revision), items=items)
        self._tell(listed, lambda: watch.live)

    async def _stream(self, action: WatchKind, watch: _Watch) -> None:
        """Watch from the newest revision seen until the server ends the stream when its time is over. Raises WatchLost."""
        seconds = WATCH_S + self._rng.randrange(WATCH_S)
        time = asyncio.get_running_loop().time
        over_at = time() + seconds - EARLY_S
        query = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": watch.revision}
        url = target_url(self.url, _target(action, query | {"timeoutSeconds": str(seconds)}))
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_S, sock_read=seconds + 30.0)
        lines = Lines()
        try:
            async with self._session.get(url, headers=self.headers(), ssl=self.tls, timeout=timeout) as response:
                if response.status != 200:
                    raise WatchLost(f"watch answered {response.status}", relist=response.status == 410)
                async for chunk in response.content.iter_any():
                    for line in lines.feed(chunk):
                        self._take_event(action, watch, parse_object(line))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise WatchLost(describe(error), relist=True) from error
        if time() < over_at:
            raise WatchLost("ended before its time", relist=True)

    def _take_event(self, action: WatchKind, watch: _Watch, event: KubeObject) -> None:
        told = _mapping(event.get("object"))
        kind = event.get("type")
        if kind == "ERROR":
            raise WatchLost(f"{told.get('code')} {told.get('message')}", relist=told.get("code") == 410)
        watch.revision = str(_metadata(told).get("resourceVersion") or watch.revision)
        watch.failures = 0
        if kind in _EVENTS:
            event_type = cast(WatchEvent, kind)
            observed = Observed(kind=action.kind, namespace=action.namespace, event=event_type, object=told)
            self._tell(observed, lambda: watch.live)

    def _backoff_s(self, failures: int) -> float:
        """Full jitter: anything up to the first pause doubled per failure, capped."""
        return self._rng.uniform(0, min(BACKOFF_CAP_S, BACKOFF_FIRST_S * 2 ** min(failures, 10)))


def tls_of(address: ApiserverAddress) -> ssl.SSLContext | bool:
    """How to check the apiserver's certificate: by its CA where one is given, else by the machine's."""
    return ssl.create_default_context(cafile=address.ca) if address.ca else True


def finished(call: int, outcome: Outcome) -> CallFinished:
    """The end of a call as a fact."""
    if not isinstance(outcome, Answered):
        return CallFinished(call=call, outcome="unknown")
    is_ok = 200 <= outcome.status < 300
    return CallFinished(
        call=call, outcome="ok" if is_ok else "refused", code=outcome.status, object=parse_object(outcome.body)
    )


def parse_object(body: bytes) -> dict[str, object]:
    """A JSON object; {} for anything else, as a gateway's text page is no Status."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _metadata(obj: KubeObject) -> KubeObject:
    return _mapping(obj.get("metadata"))


def _mapping(value: object) -> KubeObject:
    """An object; {} for what a gateway may have put in its place."""
    return value if isinstance(value, dict) else {}


def _target(action: WatchKind, query: Mapping[str, str]) -> str:
    """Path and query of a list or watch; every value is of a kind that needs no escaping."""
    chosen = dict(query)
    if action.kind == NAMESPACES:
        chosen["fieldSelector"] = f"metadata.name%3D{action.namespace}"
    text = "&".join(f"{name}={value}" for name, value in chosen.items())
    path = collection_path(action.kind, action.namespace)
    return f"{path}?{text}" if text else path


class Lines:
    """Bytes as they come, lines as they end."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes. Raises WatchLost when one grows beyond LINE_MAX."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LINE_MAX:
            raise WatchLost(f"a watch event of more than {LINE_MAX} bytes", relist=True)
        return lines
