"""What a server answered, before anything of it is compared."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HeaderValues = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer. A watch has `events`, and `ended`: count, server, or client (patience was over)."""

    code: int
    headers: HeaderValues = field(default_factory=dict)
    raw: bytes = b""
    events: list[Any] | None = None
    ended: str = ""

    def header(self, name: str) -> str:
        return ", ".join(self.headers.get(name, []))

    def body(self) -> bytes:
        """The raw bytes, unzipped."""
        return gzip.decompress(self.raw) if self.header("content-encoding") == "gzip" else self.raw

    def document(self) -> Any:
        """The JSON value, None when there is none."""
        try:
            return json.loads(self.body())
        except ValueError:
            return None
