"""An aiohttp connector whose connections are opened by one site, wherever the code that asks for them stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from chaos.virtual.sites import site_context

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace


class SiteConnector(aiohttp.TCPConnector):
    """`SiteConnector("paris")`: the links of paris carry every request of the session that uses it."""

    def __init__(self, site: str) -> None:
        super().__init__()
        self._site = site

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:
        with site_context(self._site):
            return await super().connect(req, traces, timeout)
