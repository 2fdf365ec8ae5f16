"""An apiserver on a listening socket of whatever asyncio loop is running: real, or virtual.

aiohttp's low-level server reads and writes HTTP; everything else is the core's. Of the loop only `time`, `call_later`,
`create_server` and futures are used, so a virtual loop runs this file as it is.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Sequence
from dataclasses import replace
from email.utils import formatdate
from http import HTTPStatus
from typing import NoReturn

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import BadHttpMethod

from fakekube.apiserver.filters import BODY_MAX_BYTES, status_response
from fakekube.apiserver.request import Request
from fakekube.apiserver.resources_handler import method_not_allowed
from fakekube.apiserver.response import Response, WatchStream
from fakekube.apiserver.server import Apiserver
from fakekube.http.compression import worth_zipping
from fakekube.http.tls import Authority, certified_user
from fakekube.http.webhooks import call_webhook
from fakekube.registry.dynamic_admission.calls import WebhookCall
from fakekube.registry.users import UserInfo

# Idle connections of clients stay open this long.
KEEPALIVE_S = 3600.0
# How long closing waits for a watch's last bytes, and for connections that are idle anyway.
LAST_BYTES_S = 0.5
CLOSE_S = 0.01
# After an answer of this size the next request of its connection waits until the client has read.
DRAINED_BYTES = 64 * 1024
_WITHOUT_BODY = frozenset([204, 304])


class HttpSite:
    """`HttpSite(apiserver)`; `await listen(host, port)` gives the URL, `await close()` ends every open watch at once.

    With an `authority` it speaks TLS: clients verify it by the authority's certificate, and may show one of its own.
    """

    def __init__(self, apiserver: Apiserver, authority: Authority | None = None) -> None:
        self.apiserver = apiserver
        self._authority = authority
        self._server: asyncio.AbstractServer | None = None
        self._protocols: web.Server | None = None
        self._due: asyncio.TimerHandle | None = None
        self._pumps: dict[WatchPump, None] = {}
        self._drained: asyncio.Future[None] | None = None
        self._dated = (-1, "")

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Start serving; port 0 takes a free one. Raises OSError when the address is in use."""
        loop = asyncio.get_running_loop()
        self._protocols = _Server(
            self._answer, access_log=None, keepalive_timeout=KEEPALIVE_S, tcp_keepalive=False, handler_cancellation=True
        )
        tls = self._authority.server_context([host]) if self._authority is not None else None
        self._server = await loop.create_server(self._protocols, host, port, ssl=tls)
        self.apiserver.on_due_changed = self._arm
        self._arm()
        found = self._server.sockets[0].getsockname()
        url = f"{'http' if tls is None else 'https'}://{host}:{found[1]}"
        self.apiserver.site.url = url
        return url

    async def close(self) -> None:
        """Stop serving; open watches are ended, running requests answered."""
        self.apiserver.on_due_changed = lambda: None
        if self._due is not None:
            self._due.cancel()
        if self._server is not None:
            self._server.close()
        await self._end_watches()
        if self._protocols is not None:
            await self._protocols.shutdown(CLOSE_S)
        if self._server is not None:
            await self._server.wait_closed()

    def die(self) -> None:
        """Forget timers and watches at once, as a process that is killed does; nobody is told. The apiserver keeps its store."""
        self.apiserver.on_due_changed = lambda: None
        if self._due is not None:
            self._due.cancel()
        for pump in self._pumps:
            pump.close()

    async def _end_watches(self) -> None:
        """Each open watch gets its last bytes out; one whose client does not read is not waited for."""
        for pump in list(self._pumps):
            pump.end()
        if self._pumps:
            self._drained = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._drained], timeout=LAST_BYTES_S)

    def _arm(self) -> None:
        """One timer for the earliest background work; none when nothing waits."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        due = self.apiserver.next_due()
        if due is not None:
            wait_s = max(0.0, due - self.apiserver.steady())
            self._due = asyncio.get_running_loop().call_later(wait_s, self._run_due)

    def _run_due(self) -> None:
        self._due = None
        self.apiserver.run_due(self.apiserver.steady())
        self._arm()

    async def _answer(self, http: web.BaseRequest) -> web.StreamResponse:
        request = await _request_of(http)
        answer = self.apiserver.attempt(request)
        while isinstance(answer, WebhookCall):
            request = replace(request, replies=(*request.replies, await call_webhook(answer)))
            answer = self.apiserver.attempt(request)
        if isinstance(answer, Response):
            if answer.status == 0:
                _abort(http)
            return self._whole(http, request, answer)
        return await self._stream(http, answer)

    def _whole(self, http: web.BaseRequest, request: Request, answer: Response) -> web.StreamResponse:
        body, headers = answer.body, [*answer.headers, ("Date", self._date())]
        if worth_zipping(request, body):
            body = gzip.compress(body, compresslevel=1, mtime=0)
            headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        usual = http.keep_alive and http.version == HttpVersion11 and http.method != "HEAD"
        if usual and answer.status not in _WITHOUT_BODY:
            return _AtOnce(answer.status, headers, body)
        return _Plain(status=answer.status, headers=headers, body=body)

    async def _stream(self, http: web.BaseRequest, watch: WatchStream) -> web.StreamResponse:
        response = _Stream(status=watch.status, headers=[*watch.headers, ("Date", self._date())])
        response.enable_chunked_encoding()
        pump = WatchPump(watch, self.apiserver)
        self._pumps[pump] = None
        try:
            await response.prepare(http)
            await pump.run(response)
        except ConnectionError:
            pass  # the client went away, which ends a watch like any other end
        finally:
            pump.close()
            del self._pumps[pump]
            if not self._pumps and self._drained is not None and not self._drained.done():
                self._drained.set_result(None)
        return response

    def _date(self) -> str:
        """The site's own time, made once a second."""
        second = int(self.apiserver.now())
        if second != self._dated[0]:
            self._dated = (second, formatdate(second, usegmt=True))
        return self._dated[1]


class _Plain(web.Response):
    """An answer with the core's headers alone: aiohttp adds no Server of its own."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self._headers.popall("Server", None)


class _AtOnce(web.StreamResponse):
    """The usual answer, written in one piece past aiohttp's own headers: half of what a GET costs otherwise."""

    def __init__(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        super().__init__(status=status)
        self._head = "".join([f"{name}: {_one_line(value)}\r\n" for name, value in headers])
        self._bytes = body
        self._keep_alive = True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        if request.transport is None:
            raise ConnectionResetError
        head = f"HTTP/1.1 {self._status} {self._reason}\r\n{self._head}Content-Length: {len(self._bytes)}\r\n\r\n"
        if len(self._bytes) <= DRAINED_BYTES:
            request.transport.write(head.encode() + self._bytes)
            return None
        # a second system call costs less than a copy of a large body
        request.transport.write(head.encode())
        request.transport.write(self._bytes)
        await request.writer.drain()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Everything is written."""


def _one_line(value: str) -> str:
    """A header's value can never begin another header."""
    return value if value.isprintable() else "".join(each if each.isprintable() else " " for each in value)


class _Stream(web.StreamResponse):
    """The same for a watch."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self._headers.popall("Server", None)


class _Protocol(web.RequestHandler):
    """aiohttp's reader of requests, which answers what it cannot read as the real server does.

    `certified` is whom the certificate of the connection's client names, `distrusted` that it is nobody's.
    """

    certified: UserInfo | None = None
    distrusted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        connection = transport.get_extra_info("ssl_object")
        if connection is not None:
            self.certified, self.distrusted = certified_user(connection), connection.distrusted

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """A method that HTTP does not know is a method that no resource allows; all else is no HTTP."""
        if isinstance(exc, BadHttpMethod):
            refused = status_response(method_not_allowed())
        else:
            text = f"{status} {HTTPStatus(status).phrase}"
            refused = Response(
                status=status, headers=(("Content-Type", "text/plain; charset=utf-8"),), body=text.encode()
            )
        response = _Plain(status=refused.status, headers=[*refused.headers], body=refused.body)
        response.force_close()
        return response


class _Server(web.Server):
    """The same for every connection."""

    def __call__(self) -> web.RequestHandler:
        return _Protocol(self, loop=self._loop, **self._kwargs)


class WatchPump:
    """Moves frames from a watch to a response: whenever it rings, and when its timer is due."""

    def __init__(self, watch: WatchStream, apiserver: Apiserver) -> None:
        self._watch = watch
        self._apiserver = apiserver
        self._loop = asyncio.get_running_loop()
        self._rung: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for: float | None = None
        self._stopped = False
        watch.ring = self._ring

    async def run(self, response: web.StreamResponse) -> None:
        """Until the watch has ended and everything is written."""
        while True:
            frames = self._watch.drain()
            if frames:
                await response.write(frames)
            elif self._watch.ended or self._stopped:
                await response.write_eof()
                return
            else:
                await self._wait()

    async def _wait(self) -> None:
        self._arm()
        await self._rung
        self._rung = self._loop.create_future()

    def _arm(self) -> None:
        """An event moves no timer: most watches keep the one they have."""
        due = self._watch.wake_at
        if due == self._armed_for:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed_for = due
        if due is not None:
            wait_s = max(0.0, due - self._apiserver.steady())
            self._timer = self._loop.call_later(wait_s, self._tick)

    def _tick(self) -> None:
        self._armed_for = None
        self._watch.tick(self._apiserver.steady())
        self._ring()

    def _ring(self) -> None:
        if not self._rung.done():
            self._rung.set_result(None)

    def end(self) -> None:
        """End the response now, the site closes."""
        self._stopped = True
        self._watch.close()
        self._ring()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._watch.close()


def _abort(http: web.BaseRequest) -> NoReturn:
    """The answer got lost: the client sees its connection reset."""
    if http.transport is not None:
        http.transport.abort()
    raise ConnectionResetError


async def _request_of(http: web.BaseRequest) -> Request:
    path, _, query = http.raw_path.partition("?")
    body = await _body_of(http) if http.body_exists else b""
    protocol = http.protocol
    assert isinstance(protocol, _Protocol)  # _Server makes no others
    return Request(
        method=http.method,
        path=path,
        query=query,
        headers=http.headers,
        body=body,
        certified=protocol.certified,
        distrusted=protocol.distrusted,
    )


async def _body_of(http: web.BaseRequest) -> bytes:
    """The body, read just far enough for the core to refuse one that is too large."""
    if http.content.is_eof():
        # all of it came with the head, as small bodies do: nothing to wait for
        return http.content.read_nowait()
    chunks: list[bytes] = []
    size = 0
    while size <= BODY_MAX_BYTES and (chunk := await http.content.readany()):
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)
