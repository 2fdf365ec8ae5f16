"""What the core gives back: a whole response, or a watch that a shell pumps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """Status, headers (Content-Type among them, Date and Content-Length not) and the whole body.

    Status 0 is an answer that gets lost (a fault): the shell closes the connection instead.
    """

    status: int
    headers: Headers = ()
    body: bytes = b""


class WatchStream(Protocol):
    """A watch as the shell sees it. The core never pushes bytes: it rings, and the shell drains.

    The shell sets `ring` and calls `drain()` whenever it rang; it arms one timer for `wake_at` (epoch seconds, None
    for never) and then calls `tick(now)`. When `ended` is true and `drain()` is empty the response is over.
    `close()` must be called when the client goes away. What a slow reader leaves undrained is bounded: past the bound
    the stream ends.
    """

    status: int
    headers: Headers
    ring: Callable[[], None]

    @property
    def ended(self) -> bool: ...

    @property
    def wake_at(self) -> float | None: ...

    def drain(self) -> bytes: ...

    def tick(self, now: float) -> None: ...

    def close(self) -> None: ...
