"""One whole request to another agent or to the local apiserver, and what is known when no answer comes.

Unknown is not failed: a lost request says whether a byte of it can have arrived.
"""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TypeAlias

import aiohttp
from yarl import URL

CONNECT_S = 2.0
ANSWER_S = 5.0
BODY_MAX = 64 << 20
HEAD_MAX = 1 << 20  # bytes of a line or header, as Go's servers take them; label selectors grow long
HEADERS_MAX = 1000

Connector: TypeAlias = Callable[[], aiohttp.BaseConnector]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A whole answer. Header names as sent."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first value of a header, "" when absent."""
        return next((value for found, value in self.headers if found.lower() == name.lower()), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """No answer. `sent`: a byte of the request may have arrived; otherwise it surely did not happen."""

    sent: bool
    why: str


Outcome: TypeAlias = "Answered | Lost"


@dataclass(slots=True)
class Progress:
    """Filled while a request runs: has it had a connection yet?"""

    connected: bool = False


def plain_connector() -> aiohttp.BaseConnector:
    """Sockets of the running loop; no limit, because a slow peer must not keep others waiting for a place."""
    return aiohttp.TCPConnector(limit=0)


def open_session(connector: aiohttp.BaseConnector, *, watched: bool = True) -> aiohttp.ClientSession:
    """A client session that adds nothing of its own: no cookies, no default headers, no decompression, no proxies.

    One that is not `watched` fills no Progress, is cheaper, and leaves the connector to the session that is.
    """
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        max_line_size=HEAD_MAX,
        max_field_size=HEAD_MAX,
        max_headers=HEADERS_MAX,
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_S),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        trace_configs=[_watch_connections()] if watched else None,
        connector_owner=watched,
    )


def target_url(base: str, target: str) -> URL:
    """`base` with a request target (path and query, already encoded) appended as it is."""
    return URL(base.rstrip("/") + target, encoded=True)


async def exchange(
    session: aiohttp.ClientSession,
    method: str,
    url: URL,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    tls: ssl.SSLContext | bool = True,
    answer_s: float = ANSWER_S,
) -> Outcome:
    """Send one request and read its answer whole, within `answer_s` seconds in all."""
    progress = Progress()
    try:
        async with asyncio.timeout(answer_s):
            response = await session.request(
                method, url, headers=headers, data=body, ssl=tls, allow_redirects=False, trace_request_ctx=progress
            )
            async with response:
                return await _whole(response)
    except TimeoutError:
        return Lost(sent=progress.connected, why=f"no answer within {answer_s:g} s")
    except (aiohttp.ClientError, OSError) as error:
        return Lost(sent=progress.connected, why=describe(error))


async def _whole(response: aiohttp.ClientResponse) -> Outcome:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > BODY_MAX:
            response.close()
            return Lost(sent=True, why=f"an answer of more than {BODY_MAX} bytes")
    return Answered(
        status=response.status, reason=response.reason or "", headers=decoded_headers(response), body=bytes(body)
    )


def decoded_headers(response: aiohttp.ClientResponse) -> tuple[tuple[str, str], ...]:
    """Every header as it came, in order, repetitions included."""
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers)


def describe(error: Exception) -> str:
    """An error in a few words: the system's own where it has some."""
    cause = getattr(error, "os_error", None) or error
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno in errno.errorcode:
        return os.strerror(cause.errno).lower()
    return " ".join((str(cause) or type(cause).__name__).split())


def _watch_connections() -> aiohttp.TraceConfig:
    """Notes in a request's Progress that it was given a connection: from here on bytes may leave."""
    tracing = aiohttp.TraceConfig()
    tracing.on_connection_create_end.append(_connected)
    tracing.on_connection_reuseconn.append(_connected)
    return tracing


async def _connected(_session: aiohttp.ClientSession, context: SimpleNamespace, _event: object) -> None:
    progress = context.trace_request_ctx
    if isinstance(progress, Progress):
        progress.connected = True
