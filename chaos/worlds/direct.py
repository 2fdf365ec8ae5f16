"""Requests within a site without a wire: no connection, no HTTP bytes, one call into the apiserver's core or the agent's handler.

What goes to another site, and every WebSocket, uses the wire, so links act on it as ever. Within a site there is no link
to act: that is why leaving the bytes out changes what a run costs, and nothing that it shows.
"""

from __future__ import annotations

import errno
import json as jsons
from collections.abc import Awaitable, Callable, Generator, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, cast

import aiohttp
from aiohttp import hdrs, web
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.http import SERVER_SOFTWARE
from multidict import CIMultiDict
from yarl import URL

from chaos.virtual.errors import os_error
from chaos.virtual.sites import current_site, site_context
from chaos.virtual.trace import WireChunk
from chaos.worlds.answers import DirectAnswer
from chaos.worlds.call import Body, Call, reset, served_by, watched
from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from fakekube.http.site import HttpSite

if TYPE_CHECKING:
    from chaos.virtual.network import Network
    from chaos.virtual.server import Listener

CLIENT_HEADERS: Final[Mapping[str, str]] = {"Accept": "*/*", "User-Agent": SERVER_SOFTWARE}
"""What an aiohttp session adds, unless told not to; the apiserver takes the second for the manager of fields."""

BODY_TYPES: Final[Mapping[type, str]] = {bytes: "application/octet-stream", str: "text/plain; charset=utf-8"}

REASONS: Final[Mapping[int, str]] = {status.value: status.phrase for status in HTTPStatus}

Answer = DirectAnswer | aiohttp.ClientResponse


class DirectSession:
    """In the place of an aiohttp.ClientSession whose requests leave from `site`. `wire` is the session for all that is
    not for a server of that site. `connected` is told the `trace_request_ctx` of each request that reached a server.
    """

    def __init__(
        self,
        network: Network,
        site: str,
        wire: aiohttp.ClientSession,
        *,
        base: str = "",
        connected: Callable[[object], None] | None = None,
    ) -> None:
        self._network = network
        self._site = site
        self._wire = wire
        self._base = URL(base) if base else None
        self._left_out = wire.skip_auto_headers
        self._headers = CIMultiDict(
            (name, value) for name, value in CLIENT_HEADERS.items() if name not in self._left_out
        )
        self._headers.update(wire.headers)
        self._connected = connected
        self.ws_connect = wire.ws_connect

    @property
    def timeout(self) -> aiohttp.ClientTimeout:
        return self._wire.timeout

    @property
    def closed(self) -> bool:
        return self._wire.closed

    async def close(self) -> None:
        await self._wire.close()

    def request(self, method: str, url: str | URL, **options: Any) -> _Asking:
        return _Asking(self._ask(method, url, options))

    def get(self, url: str | URL, **options: Any) -> _Asking:
        return self.request("GET", url, **options)

    def post(self, url: str | URL, **options: Any) -> _Asking:
        return self.request("POST", url, **options)

    def put(self, url: str | URL, **options: Any) -> _Asking:
        return self.request("PUT", url, **options)

    def patch(self, url: str | URL, **options: Any) -> _Asking:
        return self.request("PATCH", url, **options)

    def delete(self, url: str | URL, **options: Any) -> _Asking:
        return self.request("DELETE", url, **options)

    async def __aenter__(self) -> DirectSession:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _ask(self, method: str, url: str | URL, options: dict[str, Any]) -> Answer:
        place = self._placed(url, options)
        if place.scheme != "http" or not self._is_here(place.host or ""):
            return await self._wire.request(method, url, **options)
        listener = self._listener(place)
        factory = listener.factory
        if not isinstance(factory, web.Server):
            return await self._wire.request(method, url, **options)
        if self._connected is not None:
            self._connected(options.get("trace_request_ctx"))
        body, headers = self._content(options, place)
        self._show(method, place, body)
        owner = getattr(factory.request_handler, "__self__", None)
        if isinstance(owner, HttpSite):
            return await self._apiserver(owner, listener, method, place, headers, body, options)
        target = place.raw_path_qs
        call = Call(self._network.loop, self._network.add_site(self._site), method, place)
        call.begin(
            served_by(factory.request_handler, target, headers, body), listener.context.copy(), self._limit_s(options)
        )
        return await _awaited(call)

    def _placed(self, url: str | URL, options: dict[str, Any]) -> URL:
        place = URL(url) if isinstance(url, str) else url
        if self._base is not None and not place.absolute:
            place = self._base.join(place)
        params = options.get("params")
        return place.extend_query(params) if params else place

    def _is_here(self, host: str) -> bool:
        """Whether the request stays within the site; one that a paused site would answer later takes the wire, which waits."""
        loop = self._network.loop
        return host == self._site and (current_site() == host or host not in loop.paused)

    def _listener(self, place: URL) -> Listener:
        """Raises aiohttp.ClientConnectorError, as connecting would."""
        site = self._network.add_site(self._site)
        listener = site.listener_for(place.port or 80, local=True)
        if listener is None:
            number = errno.ECONNREFUSED if site.up else errno.ENETDOWN
            key = ConnectionKey(place.host or "", place.port, False, True, None, None, None, None)
            raise aiohttp.ClientConnectorError(key, os_error(number))
        return listener

    def _content(self, options: dict[str, Any], place: URL) -> tuple[Body, CIMultiDict[str]]:
        headers = CIMultiDict(self._headers)
        headers.update(options.get("headers") or {})
        headers["Host"] = f"{place.host}:{place.port}"
        given: Body | str = options.get("data")
        body = given.encode() if isinstance(given, str) else given
        if "json" in options:
            headers.setdefault("Content-Type", "application/json")
            body = jsons.dumps(options["json"]).encode()
        if isinstance(body, bytes):
            headers["Content-Length"] = str(len(body))
            if type(given) in BODY_TYPES and hdrs.CONTENT_TYPE not in self._left_out:
                headers.setdefault("Content-Type", BODY_TYPES[type(given)])
        return body, headers

    def _limit_s(self, options: dict[str, Any]) -> float | None:
        timeout = options.get("timeout", self._wire.timeout)
        return timeout.total if isinstance(timeout, aiohttp.ClientTimeout) else timeout

    def _show(self, method: str, place: URL, body: Body) -> None:
        """The trace and whoever searches the wire see the request, as they would see its bytes."""
        network, site = self._network, self._site
        content = f"{method} {place.raw_path_qs}\r\n".encode() + (body if isinstance(body, bytes) else b"")
        now_ns, size = network.loop.now_ns, len(content)
        network.trace.add(now_ns, f"{site}>{site} {site}:{place.port}", size, size)
        if network.tap is not None:
            network.tap(WireChunk(now_ns, site, site, 0, site, content))

    async def _apiserver(
        self,
        site: HttpSite,
        listener: Listener,
        method: str,
        place: URL,
        headers: CIMultiDict[str],
        body: Body,
        options: dict[str, Any],
    ) -> DirectAnswer:
        content = await body.read() if isinstance(body, aiohttp.StreamReader) else body or b""
        request = Request(
            method=method, path=place.raw_path, query=place.raw_query_string, headers=headers, body=content
        )
        with site_context(self._site):  # whose clock the apiserver reads
            answer = site.apiserver.handle(request)
        loop = self._network.loop
        if isinstance(answer, Response):
            if answer.status == 0:
                raise reset()  # the answer got lost
            return DirectAnswer(
                loop,
                method,
                place,
                answer.status,
                CIMultiDict(answer.headers),
                reason=REASONS.get(answer.status, ""),
                body=b"" if method == "HEAD" else answer.body,
            )
        call = Call(loop, self._network.add_site(self._site), method, place)
        call.begin(watched(site, answer), listener.context.copy(), self._limit_s(options))
        return await _awaited(call)


async def _awaited(call: Call) -> DirectAnswer:
    try:
        return await call.answer
    except BaseException:
        call.give_up()
        raise


class _Asking(Awaitable[Answer]):
    """What aiohttp's verbs give back: to be awaited, or entered."""

    __slots__ = ("_answer", "_asked")

    def __init__(self, asked: Any) -> None:
        self._asked = asked

    def __await__(self) -> Generator[Any, None, Answer]:
        answer: Generator[Any, None, Answer] = self._asked.__await__()
        return answer

    async def __aenter__(self) -> Answer:
        answer: Answer = await self._asked
        self._answer = answer
        return answer

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._answer.release()


def as_session(direct: DirectSession) -> aiohttp.ClientSession:
    """For code that is written for aiohttp's own; subclassing that one is discouraged by aiohttp."""
    return cast(aiohttp.ClientSession, direct)
