"""What the wire carried: a running hash of every delivery, and a tap for those who want the bytes.

The hash takes times, ends and byte counts, never bytes: WebSocket masks and TLS records differ from run to run.
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

    __slots__ = ("_hash", "data_bytes", "deliveries", "on_line")

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.deliveries = 0
        self.data_bytes = 0
        self.on_line: Callable[[str], None] | None = None

    def add(self, t_ns: int, label: str, what: object, size: int) -> None:
        """Record a delivery; `what` is the byte count or the name of a signal."""
        line = f"{t_ns} {label} {what}\n"
        self._hash.update(line.encode())
        self.deliveries += 1
        self.data_bytes += size
        if self.on_line is not None:
            self.on_line(line)

    def hexdigest(self) -> str:
        """The hash of all deliveries so far."""
        return self._hash.hexdigest()
