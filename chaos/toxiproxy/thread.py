"""The built-in Toxiproxy in a thread of its own, for programs that have no event loop or must not share theirs.

with ThreadedToxiproxy() as url:
    links = Links(url, upstream=...)
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from types import TracebackType

from chaos.toxiproxy.server import DEFAULT_HOST, ToxiproxyServer

START_TIMEOUT_S = 10.0


class ThreadedToxiproxy:
    def __init__(self, host: str = DEFAULT_HOST, port: int = 0, *, seed: int = 0, metrics: bool = False) -> None:
        self._server = ToxiproxyServer(host, port, seed=seed, metrics=metrics)
        self._url: Future[str] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="toxiproxy", daemon=True)

    def start(self) -> str:
        """Returns the API's URL once it answers; OSError when it cannot listen there."""
        self._thread.start()
        return self._url.result(START_TIMEOUT_S)

    def stop(self) -> None:
        """Close every proxy and end the thread; a second call does nothing."""
        if self._loop is not None and self._stopped is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join()

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        try:
            url = await self._server.start()
        except OSError as error:
            self._url.set_exception(error)
        else:
            self._url.set_result(url)
            await self._stopped.wait()
        finally:
            await self._server.stop()
