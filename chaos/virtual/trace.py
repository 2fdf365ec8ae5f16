"""What the wire carried: a running hash of every delivery, and a tap for those who want the bytes.

The hash takes times, ends and byte counts, never bytes: WebSocket masks and TLS records differ from run to run. What is
delivered at one instant is taken in the order of its text: Python 3.12 starts some tasks a turn earlier than 3.11 does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple


class WireChunk(NamedTuple):
    """One delivery. src and dst are the ends of this direction; `opener` is the one of them that opened the connection."""

    t_ns: int
    src: str
    dst: str
    conn_no: int
    opener: str
    data: bytes

    @property
    def t_s(self) -> float:
        """Virtual seconds of the delivery."""
        return self.t_ns / 1_000_000_000


Tap = Callable[[WireChunk], None]


class Trace:
    """A running SHA-256 over lines "t_ns src>dst conn bytes". `on_line` sees each line, for the first one that differs between two runs."""

    __slots__ = ("_at_once", "_hash", "_t_ns", "data_bytes", "deliveries", "on_line")

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._t_ns = -1
        self._at_once: list[str] = []
        self.deliveries = 0
        self.data_bytes = 0
        self.on_line: Callable[[str], None] | None = None

    def add(self, t_ns: int, label: str, what: object, size: int) -> None:
        """Record a delivery; `what` is the byte count or the name of a signal."""
        line = f"{t_ns} {label} {what}\n"
        if t_ns != self._t_ns:
            self._hash.update(_text(self._at_once))
            self._t_ns = t_ns
            self._at_once.clear()
        self._at_once.append(line)
        self.deliveries += 1
        self.data_bytes += size
        if self.on_line is not None:
            self.on_line(line)

    def hexdigest(self) -> str:
        """The hash of all deliveries so far."""
        found = self._hash.copy()
        found.update(_text(self._at_once))
        return found.hexdigest()


def _text(lines: list[str]) -> bytes:
    """The deliveries of one instant."""
    return "".join(sorted(lines)).encode()
