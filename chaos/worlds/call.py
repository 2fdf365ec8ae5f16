"""A request within one site as a call of the server's handler: what aiohttp's server does around it, without its bytes.

The handler runs as a task in the context of who listens, so a paused site does not answer and a site that crashes
never does; its kernel then tells the caller.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import TYPE_CHECKING, cast

import aiohttp
from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from chaos.virtual.errors import os_error
from chaos.worlds.answers import DirectAnswer, body_stream
from fakekube.http.site import HttpSite, WatchPump

if TYPE_CHECKING:
    from chaos.virtual.loop import VirtualLoop
    from chaos.virtual.site import Site
    from fakekube.apiserver.response import WatchStream

Body = bytes | aiohttp.StreamReader | None
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def reset() -> aiohttp.ClientOSError:
    """What a caller is told when the server dies or hangs up."""
    return aiohttp.ClientOSError(*os_error(errno.ECONNRESET).args)


class Call:
    """One request under way. `answer` is done when the head is known; `content` brings the body."""

    def __init__(self, loop: VirtualLoop, site: Site, method: str, url: URL) -> None:
        self.loop = loop
        self.method = method
        self.url = url
        self.answer: asyncio.Future[DirectAnswer] = loop.create_future()
        self.content, self.flow = body_stream(loop)
        self._site = site
        self._task: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        site.calls[self] = None

    def begin(self, work: Callable[[Call], Awaitable[None]], context: Context, limit_s: float | None) -> None:
        """Start `work` for the call; a caller who has no answer after `limit_s` is told so."""
        self._task = self.loop.create_task(self._run(work), context=context)
        if limit_s:
            self._deadline = self.loop.call_later(limit_s, self.fail, TimeoutError())

    async def _run(self, work: Callable[[Call], Awaitable[None]]) -> None:
        try:
            await work(self)
        except (ConnectionError, asyncio.CancelledError):
            self.fail(reset())
        else:
            self._finish()

    def head(self, status: int, reason: str, headers: CIMultiDict[str]) -> None:
        """The answer begins."""
        if not self.answer.done():
            self.answer.set_result(
                DirectAnswer(
                    self.loop,
                    self.method,
                    self.url,
                    status,
                    headers,
                    reason=reason,
                    content=self.content,
                    ended=self.give_up,
                )
            )

    async def write(self, data: bytes) -> None:
        """Some of the body; waits while the caller does not read."""
        if not self.content.is_eof() and self.content.exception() is None:
            self.content.feed_data(data)
            await self.flow.drain()

    def fail(self, error: Exception) -> None:
        """The caller will get no (further) answer."""
        if not self.answer.done():
            self.answer.set_exception(error)
        elif not self.content.is_eof():
            self.content.set_exception(error)
        self.give_up()

    def crashed(self) -> None:
        """The server's process is dead."""
        self.fail(reset())

    def give_up(self) -> None:
        """Nobody waits for the answer any more: the handler is cancelled."""
        self._finish(ended=False)
        if self._task is not None and not self._task.done() and self._task is not asyncio.current_task():
            self._task.cancel()

    def _finish(self, *, ended: bool = True) -> None:
        self._site.calls.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
        if ended and not self.content.is_eof() and self.content.exception() is None:
            self.content.feed_eof()


def served_by(
    handler: Handler, target: str, headers: CIMultiDict[str], body: Body
) -> Callable[[Call], Awaitable[None]]:
    """The work of a call to an aiohttp server: its handler, and then what it answered."""

    async def work(call: Call) -> None:
        request = _request(call, target, headers, body)
        response = await _response(handler, request)
        await response.prepare(request)
        await response.write_eof()

    return work


async def _response(handler: Handler, request: web.BaseRequest) -> web.StreamResponse:
    """As aiohttp's RequestHandler: an exception that is an answer, and any other as 500."""
    try:
        return await handler(request)
    except web.HTTPException as answer:
        return answer
    except (ConnectionError, asyncio.CancelledError):
        raise
    except Exception as error:
        asyncio.get_running_loop().call_exception_handler(
            {"message": f"Error handling {request.method} {request.raw_path}", "exception": error}
        )
        return web.Response(status=500, text="500: Internal Server Error")


def _request(call: Call, target: str, headers: CIMultiDict[str], body: Body) -> web.BaseRequest:
    payload = body_stream(call.loop, body)[0] if isinstance(body, bytes) else body or EMPTY_PAYLOAD
    raw = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items())
    message = RawRequestMessage(
        call.method,
        target,
        HttpVersion11,
        CIMultiDictProxy(headers),
        raw,
        False,
        None,
        False,
        False,
        URL(target, encoded=True),
    )
    ends = cast("web.RequestHandler", _Ends(call))  # of the protocol, a request asks for its ends alone
    task = cast("asyncio.Task[None]", asyncio.current_task())
    return web.BaseRequest(message, payload, ends, _Writer(call), task, call.loop)


class _Ends:
    """Where a request came from, for handlers that ask; `transport.abort()` is how they hang up."""

    ssl_context = None
    sockname = None

    def __init__(self, call: Call) -> None:
        self._call = call
        self.peername = (call.url.host, 0)

    @property
    def transport(self) -> _Ends:
        return self

    def abort(self) -> None:
        self._call.fail(reset())

    def write(self, data: bytes) -> None:
        """`100 Continue`: the body is here already."""

    def is_closing(self) -> bool:
        return self._call.content.exception() is not None

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default


class _Writer(AbstractStreamWriter):
    """Where a StreamResponse writes: its head and its body as values."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None:
        _, status, reason = status_line.split(" ", 2)
        self._call.head(int(status), reason, headers)

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        await self._call.write(bytes(chunk))

    async def write_eof(self, chunk: bytes = b"") -> None:
        if chunk:
            await self._call.write(bytes(chunk))

    async def drain(self) -> None:
        await self._call.flow.drain()

    def enable_compression(self, encoding: str = "deflate", strategy: int | None = None) -> None:
        """Nothing is saved by it here, and a client that asked for it takes plain bytes as well."""

    def enable_chunking(self) -> None:
        """There are no bytes to be framed."""


def watched(site: HttpSite, watch: WatchStream) -> Callable[[Call], Awaitable[None]]:
    """The work of a call that watches: frames as they come, until the watch or the caller ends."""

    async def work(call: Call) -> None:
        call.head(watch.status, "OK", CIMultiDict(watch.headers))
        pump = WatchPump(watch, site.apiserver)
        try:
            await pump.run(cast(web.StreamResponse, _Frames(call)))
        finally:
            pump.close()

    return work


class _Frames:
    """Of a response, a pump uses these two."""

    def __init__(self, call: Call) -> None:
        self.write = call.write

    async def write_eof(self) -> None:
        """The call ends with its work."""
