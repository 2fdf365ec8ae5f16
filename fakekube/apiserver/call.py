"""One request on its way through the chain: what was sent, what it asks for, and how the answer shall look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fakekube.apiserver.represent import Representation
from fakekube.apiserver.request import Request
from fakekube.apiserver.request_info import Query, RequestInfo
from fakekube.apiserver.response import Headers, Response, WatchStream
from fakekube.registry.resources import Subresource
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served

Answer = Response | WatchStream
NO_CACHE = ("Cache-Control", "no-cache, private")


@dataclass(slots=True, kw_only=True)
class Call:
    """A request for a resource. `warnings` become Warning headers of whatever is answered."""

    site: Site
    request: Request
    info: RequestInfo
    query: Query
    served: Served
    subresource: Subresource | None
    representation: Representation
    warnings: list[str] = field(default_factory=list)

    @property
    def namespace(self) -> str:
        """Where the object lives; empty for cluster-scoped resources."""
        return self.info.namespace if self.served.namespaced else ""

    @property
    def listed_namespace(self) -> str | None:
        """Of a list or watch: one namespace, or None for all."""
        return (self.info.namespace or None) if self.served.namespaced else None

    def header(self, name: str) -> str:
        return self.request.headers.get(name, "")


Handler = Callable[[Call], Answer]


def answer(call: Call, status: int, body: bytes) -> Response:
    """`body`, already in the representation that was asked for."""
    headers: Headers = (("Content-Type", call.representation.content_type), NO_CACHE)
    if call.warnings:
        headers = (*headers, *warning_headers(call.warnings))
    return Response(status=status, headers=headers, body=body)


def warning_headers(warnings: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """RFC 7234, 5.5: code 299 and no agent, each text once."""
    return tuple(("Warning", f"299 - {quoted(text)}") for text in dict.fromkeys(warnings))


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
