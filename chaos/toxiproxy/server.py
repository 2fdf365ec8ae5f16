"""The built-in Toxiproxy: the API on one port, the proxies on theirs, all on the running event loop.

    server = ToxiproxyServer(port=0)
    url = await server.start()
    ...
    await server.stop()

In a program without an event loop use chaos.toxiproxy.thread.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections.abc import Callable

from aiohttp import web

from chaos.toxiproxy import address
from chaos.toxiproxy.address import Address
from chaos.toxiproxy.api import Api, application
from chaos.toxiproxy.collection import ProxyCollection
from chaos.toxiproxy.metrics import Metrics

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8474
COMPLAINTS_MAX = 100


class ToxiproxyServer:
    def __init__(
        self, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT, *, seed: int = 0, metrics: bool = False
    ) -> None:
        """Port 0: any free one. `seed` fixes jitter, slices and toxicity per proxy and connection."""
        self._host = host
        self._port = port
        totals = Metrics()
        self._proxies = ProxyCollection(seed=seed, metrics=totals)
        api = Api(self._proxies, totals if metrics else None, random.Random(f"{seed}/request-ids"))
        self._runner = web.AppRunner(application(api), access_log=None, shutdown_timeout=0.01)

    async def start(self) -> str:
        """Listen; returns the API's URL. AddressError, an OSError, when the port is in use."""
        listener = address.listen(await address.resolve(str(Address(self._host, self._port))))
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()
        return f"http://{address.bound_to(listener)}"

    async def stop(self) -> None:
        """Stop answering, close every proxy and drop its connections."""
        self._proxies.stop()
        await self._runner.cleanup()


class _Complaints:
    """Tells each trouble of the loop once: a process out of descriptors would otherwise repeat it for every listener."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        line = f"{context['message']}: {context.get('exception')}"
        if line not in self._told and len(self._told) < COMPLAINTS_MAX:
            self._told.add(line)
            print(line, file=sys.stderr, flush=True)


async def _until_signalled(server: ToxiproxyServer, ready: Callable[[str], None]) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_Complaints())
    for number in (signal.SIGINT, signal.SIGTERM):
        # signal.signal, since not every platform's loop has add_signal_handler
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopped.set))
    try:
        ready(await server.start())
        await stopped.wait()
    finally:
        await server.stop()


def _announce(url: str) -> None:
    print(f"Toxiproxy API at {url}", file=sys.stderr, flush=True)


def serve(
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    *,
    seed: int = 0,
    metrics: bool = False,
    ready: Callable[[str], None] = _announce,
) -> None:
    """Run until SIGINT or SIGTERM; `ready` gets the URL once it answers. AddressError, an OSError: it cannot listen."""
    asyncio.run(_until_signalled(ToxiproxyServer(host, port, seed=seed, metrics=metrics), ready))
