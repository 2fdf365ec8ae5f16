"""Stops blocking network calls in a thread that runs a virtual loop: they would reach the machine's network, and stop every site meanwhile.

Python's audit events show them ("socket.connect", "socket.getaddrinfo"). An audit hook cannot be taken out again, so one is
installed at the first virtual run of a process, and it looks at nothing but those two names while no virtual run is on.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from chaos.virtual.errors import BlockingClientError

_WATCHED: Final = {"socket.connect": 1, "socket.getaddrinfo": 0}  # event -> which argument names the target
_guard: Final = threading.local()
_installed = threading.Lock()


@contextmanager
def guarded() -> Iterator[None]:
    """Blocking network calls of this thread raise BlockingClientError inside."""
    _install_once()
    _guard.depth = _depth() + 1
    try:
        yield
    finally:
        _guard.depth -= 1


def _depth() -> int:
    depth: int = getattr(_guard, "depth", 0)
    return depth


def _install_once() -> None:
    if _installed.acquire(blocking=False):  # never released: the hook stays
        sys.addaudithook(_hook)


def _hook(event: str, args: tuple[object, ...]) -> None:
    if event in _WATCHED and _depth():
        target = args[_WATCHED[event]]
        if not isinstance(target, str) or event != "socket.connect":  # a str is the path of a Unix socket
            raise BlockingClientError(
                f"blocking network call to {target!r} in virtual time: a synchronous client (requests, kubernetes) cannot reach"
                " a virtual site and would stop them all. Use an asyncio client (aiohttp, kubernetes_asyncio) here,"
                " or test the synchronous one with the `kube` fixture, which serves on a real socket."
            )
