"""An apiserver on a listening socket of whatever asyncio loop is running: real, or virtual."""

from __future__ import annotations

from fakekube.apiserver.server import Apiserver


class HttpSite:
    """`HttpSite(apiserver)`; `await listen(host, port)` gives the URL, `await close()` ends every open watch at once."""

    def __init__(self, apiserver: Apiserver) -> None:
        self.apiserver = apiserver

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Start serving; port 0 takes a free one. Raises OSError when the address is in use."""
        raise OSError("not listening yet")

    async def close(self) -> None:
        """Stop serving; open watches are ended, running requests answered."""
