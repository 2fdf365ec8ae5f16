"""An answer that was never bytes on a wire, in the shape of aiohttp's ClientResponse: what a call within a site gives back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self, cast

import aiohttp
from aiohttp.base_protocol import BaseProtocol
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

BUFFER_BYTES: Final = 1 << 16
"""A writer waits when twice as much is unread."""


class Flow:
    """Back-pressure between the two ends of a body, in the place of a StreamReader's protocol."""

    connected = True

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._taken: asyncio.Future[None] | None = None

    def pause_reading(self) -> None:
        if self._taken is None:
            self._taken = self._loop.create_future()

    def resume_reading(self, resume_parser: bool = True) -> None:
        if self._taken is not None and not self._taken.done():
            self._taken.set_result(None)
        self._taken = None

    async def drain(self) -> None:
        """Wait until the reader wants more."""
        if self._taken is not None:
            await self._taken


def body_stream(loop: asyncio.AbstractEventLoop, body: bytes | None = None) -> tuple[aiohttp.StreamReader, Flow]:
    """A stream to feed, or one that holds all of `body`."""
    flow = Flow(loop)
    stream = aiohttp.StreamReader(cast(BaseProtocol, flow), BUFFER_BYTES, loop=loop)
    if body is not None:
        stream.feed_data(body)
        stream.feed_eof()
    return stream, flow


class DirectAnswer:
    """`ended` is called once when nobody will read on."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        method: str,
        url: URL,
        status: int,
        headers: CIMultiDict[str],
        *,
        reason: str = "",
        body: bytes | None = None,
        content: aiohttp.StreamReader | None = None,
        ended: Callable[[], None] | None = None,
    ) -> None:
        self.method = method
        self.url = url
        self.status = status
        self.reason = reason
        self.headers = CIMultiDictProxy(headers)
        self._loop = loop
        self._body = body
        self._content = content
        self._ended = ended

    @property
    def content(self) -> aiohttp.StreamReader:
        if self._content is None:
            self._content, _ = body_stream(self._loop, self._body)
        return self._content

    @property
    def raw_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items())

    @property
    def content_type(self) -> str:
        return self.headers.get("Content-Type", "application/octet-stream").partition(";")[0].strip()

    @property
    def ok(self) -> bool:
        return self.status < 400

    @property
    def closed(self) -> bool:
        return self._ended is None

    async def read(self) -> bytes:
        if self._body is None:
            self._body = await self.content.read()
        return self._body

    async def text(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return (await self.read()).decode(encoding, errors)

    async def json(self, *, content_type: str | None = None, loads: Callable[[str], Any] = json.loads) -> Any:
        return loads(await self.text())

    def raise_for_status(self) -> None:
        """Raises aiohttp.ClientResponseError, without a request to show."""
        if not self.ok:
            raise aiohttp.ClientResponseError(
                cast(aiohttp.RequestInfo, None), (), status=self.status, message=self.reason, headers=self.headers
            )

    def close(self) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended()

    release = close

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
