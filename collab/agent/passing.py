"""Byte-transparent pass-through: one request to an apiserver or agent, its answer handed on as it comes.

Status, reason, headers (but hop-by-hop ones) and body are those of the upstream; nothing is added unless the caller
says so. Bodies are streamed, so a watch is just a long answer.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from collab.agent.link import HEAD_MAX, HEADERS_MAX, Lost, Progress, decoded_headers, describe, target_url

WHOLE_BODY_MAX = 4 << 20  # a request body up to this size is read first, so that aiohttp may repeat an idempotent call
KEEPALIVE_S = 3600.0  # longer than clients keep an idle connection, so that none meets one that is just closing
SCOPE_HEADER = "X-Collab-Scope"
_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
_OURS = "x-collab-"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

Handler: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """Where a request goes: base URL, and how to check its certificate."""

    url: str
    tls: ssl.SSLContext | bool = True

    def at(self, target: str) -> URL:
        return target_url(self.url, target)


def serve(handler: Handler) -> web.Server:
    """A server for requests that are passed on: nothing that the apiserver would take is refused here.

    A client that goes away ends what was done for it: a watch at the apiserver, above all.
    """
    return web.Server(
        handler,
        handler_cancellation=True,
        access_log=None,
        keepalive_timeout=KEEPALIVE_S,
        tcp_keepalive=False,
        max_line_size=HEAD_MAX,
        max_field_size=HEAD_MAX,
        max_headers=HEADERS_MAX,
    )


class Relayed(web.StreamResponse):
    """An answer that is somebody else's: aiohttp's own Server, Date and Content-Type are not put in."""

    async def _prepare_headers(self) -> None:
        # aiohttp offers no switch for its default headers; this is the one place where they are decided
        sent = {name.lower() for name in self.headers}
        await super()._prepare_headers()
        for name in (hdrs.SERVER, hdrs.DATE, hdrs.CONTENT_TYPE):
            if name.lower() not in sent:
                self.headers.pop(name, None)


async def relay(
    session: aiohttp.ClientSession,
    request: web.BaseRequest,
    upstream: Upstream,
    target: str,
    *,
    drop: Iterable[str] = (),
    add: Mapping[str, str] | None = None,
    answer_s: float | None = None,
) -> web.StreamResponse | Lost:
    """Pass `request` on to `target` at `upstream` and its answer back.

    `drop` names request headers that stay here, `add` gives headers for the answer, `answer_s` bounds the wait for the
    answer's head. Lost when no answer's head came; a body that breaks later breaks for the client as well.
    """
    progress = Progress()
    try:
        async with asyncio.timeout(answer_s):
            response = await session.request(
                request.method,
                upstream.at(target),
                headers=request_headers(request, drop),
                data=await _body(request),
                ssl=upstream.tls,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=session.timeout.connect),
                trace_request_ctx=progress,
            )
    except TimeoutError:
        return Lost(sent=progress.connected, why="no answer in time")
    except (aiohttp.ClientError, OSError) as error:
        return Lost(sent=progress.connected, why=describe(error))
    try:
        return await _hand_on(request, response, add or {})
    finally:
        response.close()


def request_headers(request: web.BaseRequest, drop: Iterable[str] = ()) -> CIMultiDict[str]:
    """The client's headers, less hop-by-hop ones, ours, Host (the upstream's own is set) and those in `drop`."""
    stay = {"host", "expect", *(name.lower() for name in drop)}
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers]
    return end_to_end((name, value) for name, value in pairs if not _stays(name.lower(), stay))


def end_to_end(headers: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    """The headers that are meant for the other end, in order: no hop-by-hop ones, nor those that Connection names."""
    found = CIMultiDict(headers)
    named = {token.strip().lower() for value in found.getall(hdrs.CONNECTION, []) for token in value.split(",")}
    return CIMultiDict((name, value) for name, value in found.items() if name.lower() not in _HOP_BY_HOP | named)


def _stays(name: str, stay: set[str]) -> bool:
    return name in stay or name.startswith(_OURS)


async def _body(request: web.BaseRequest) -> bytes | aiohttp.StreamReader | None:
    """A small body of known length as bytes, any other as the stream itself, None when there is none."""
    if not request.body_exists:
        return None
    await answer_expectation(request)
    length = request.content_length
    if length is not None and length <= WHOLE_BODY_MAX:
        return await request.content.read()
    return request.content


async def answer_expectation(request: web.BaseRequest) -> None:
    """A client that asked `Expect: 100-continue` waits for this before it sends its body."""
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(_CONTINUE)


async def _hand_on(
    request: web.BaseRequest, response: aiohttp.ClientResponse, add: Mapping[str, str]
) -> web.StreamResponse:
    answer = Relayed(status=response.status, reason=response.reason, headers=end_to_end(decoded_headers(response)))
    for name, value in add.items():
        answer.headers.add(name, value)
    await answer.prepare(request)
    try:
        async for chunk in response.content.iter_any():
            await answer.write(chunk)
    except (aiohttp.ClientError, OSError):
        # the client must not take half an answer for a whole one
        if request.transport is not None:
            request.transport.abort()
        return answer
    await answer.write_eof()
    return answer
