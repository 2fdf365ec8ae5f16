"""What a Kubernetes request is about, read from its method and target: resource, namespace, name, verb.

The grammar is that of the API server's request info; knows no kinds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, quote, unquote

Verb = Literal["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "other"]

_NAMESPACE_PARTS = ("status", "finalize")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")  # Go's, as far as anybody writes them
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_BY_METHOD: dict[str, tuple[Verb, Verb]] = {
    # method -> verb on a collection, verb on one object
    "GET": ("list", "get"),
    "HEAD": ("list", "get"),
    "POST": ("create", "create"),
    "PUT": ("other", "update"),
    "PATCH": ("other", "patch"),
    "DELETE": ("deletecollection", "delete"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One request. `resource` is plural, "" for anything that is no resource: discovery, health, version."""

    method: str
    path: str
    query: str
    verb: Verb = "other"
    group: str = ""
    version: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def text(self) -> str:
        """The request target again: path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def is_namespace(self) -> bool:
        """About namespaces themselves, not what is in one."""
        return (self.group, self.resource, self.subresource) == ("", "namespaces", "")

    @property
    def timeout_s(self) -> float:
        """What `?timeout=` asks for (`kubectl --request-timeout`), in seconds; 0 when nothing or nothing readable."""
        found = dict(parse_qsl(self.query)).get("timeout", "")
        parts = _DURATION.findall(found)
        return sum(float(number) * _UNITS_S[unit] for number, unit in parts) if _is_duration(found) else 0.0

    def without(self, *names: str) -> str:
        """The request target less some query parameters; the others as they came."""
        kept = [part for part in self.query.split("&") if part and unquote(part.partition("=")[0]) not in names]
        return f"{self.path}?{'&'.join(kept)}" if kept else self.path


def _is_duration(text: str) -> bool:
    return re.fullmatch(rf"({_DURATION.pattern})+", text) is not None


def read_target(method: str, target: str) -> Target:
    """The request `method target`, target being path and query as on the request line."""
    path, _, query = target.partition("?")
    segments = [unquote(segment) for segment in path.split("/")[1:]]
    group, version, rest = _group_version(segments)
    if not rest:
        return Target(method=method, path=path, query=query)
    namespace, resource, name, subresource = _places(rest)
    return Target(
        method=method,
        path=path,
        query=query,
        verb=_verb(method, name, query),
        group=group,
        version=version,
        resource=resource,
        namespace=namespace,
        name=name,
        subresource=subresource,
    )


def segment(text: str) -> str:
    """`text` as one path segment."""
    return quote(text, safe="")


def _group_version(segments: list[str]) -> tuple[str, str, list[str]]:
    """Group, version, and the rest of the path; no rest for discovery and everything else."""
    while segments and segments[-1] == "":
        segments = segments[:-1]
    if segments[:1] == ["api"] and len(segments) > 2:
        return "", segments[1], segments[2:]
    if segments[:1] == ["apis"] and len(segments) > 3:
        return segments[1], segments[2], segments[3:]
    return "", "", []


def _places(rest: list[str]) -> tuple[str, str, str, str]:
    """Namespace, resource, name, subresource."""
    if rest[0] != "namespaces" or len(rest) < 3 or (len(rest) == 3 and rest[2] in _NAMESPACE_PARTS):
        namespace, parts = (rest[1] if rest[0] == "namespaces" and len(rest) > 1 else ""), rest
    else:
        namespace, parts = rest[1], rest[2:]
    resource, name, *deeper = [*parts, ""][: max(len(parts), 2)]
    return namespace, resource, name, "/".join(deeper)


def _verb(method: str, name: str, query: str) -> Verb:
    on_collection, on_object = _BY_METHOD.get(method, ("other", "other"))
    verb = on_object if name else on_collection
    return "watch" if verb in ("list", "get") and _is_watch(query) else verb


def _is_watch(query: str) -> bool:
    """As conversion to bool does there: present and neither "false" nor "0"."""
    values = [value for name, value in parse_qsl(query, keep_blank_values=True) if name == "watch"]
    return bool(values) and values[0].lower() not in ("false", "0")
