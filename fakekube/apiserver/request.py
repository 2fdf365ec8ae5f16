"""What reaches the core: one HTTP request as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, its body read to the end.

    `path` is percent-encoded, as on the request line and without the query; `query` is the raw text after `?`;
    header names are asked for in lower case. `user` is the authenticated name (everybody is an administrator by default).
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: str = "system:admin"
