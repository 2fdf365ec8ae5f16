"""What a request asks for, read off its path by hand: group, version, namespace, resource, name, subresource.

Source: k8s.io/apiserver/pkg/endpoints/request/requestinfo.go, and the answers of kube-apiserver 1.37.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, unquote_plus

_METHOD_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_COLLECTION_VERBS = {"get": "list", "delete": "deletecollection"}
# What stands behind a namespace's name and still belongs to the Namespace itself.
_NAMESPACE_SUBRESOURCES = frozenset(["status", "finalize"])
_FALSE = frozenset(["0", "false"])


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestInfo:
    """A path of the resource API. `verb` is empty for a method that no resource knows; `rest` is what nobody claims."""

    verb: str
    group: str
    version: str
    namespace: str = ""
    resource: str = ""
    name: str = ""
    subresource: str = ""
    rest: tuple[str, ...] = ()
    # Whether the path goes through a namespace.
    inside: bool = False


def resource_path(path: str) -> tuple[str, str, Sequence[str]] | None:
    """Group, version and the remaining segments of `/api/v1/...` or `/apis/GROUP/VERSION/...`; None for other paths."""
    segments = path.split("/")
    if segments[1] == "api" and len(segments) > 3:
        return "", segments[2], segments[3:]
    if segments[1] == "apis" and len(segments) > 4:
        return segments[2], segments[3], segments[4:]
    return None


def request_info(method: str, path: str, query: Mapping[str, str]) -> RequestInfo | None:
    """The resource request that `method` and the encoded `path` stand for; None when the path is not of that form."""
    return _request_info(method, path, bool(query) and asks_for_watch(query))


@lru_cache(maxsize=4096)
def _request_info(method: str, path: str, watches: bool) -> RequestInfo | None:
    found = resource_path(path)
    if found is None:
        return None
    group, version, encoded = found
    segments = [unquote(segment) for segment in encoded] if "%" in path else list(encoded)
    verb = _METHOD_VERBS.get(method, "")
    if segments[0] == "watch" and len(segments) > 1:
        return _located("watch" if verb == "get" else "", group, version, segments[1:])
    info = _located(verb, group, version, segments)
    if info.name or info.subresource:
        return info
    verb = "watch" if verb == "get" and watches else _COLLECTION_VERBS.get(verb, verb)
    return _located(verb, group, version, segments)


def _located(verb: str, group: str, version: str, segments: Sequence[str]) -> RequestInfo:
    namespace, inside = "", False
    if segments[0] == "namespaces" and len(segments) > 2 and not _of_the_namespace(segments):
        namespace, segments, inside = segments[1], segments[2:], True
    elif segments[0] == "namespaces" and len(segments) > 1:
        namespace = segments[1]
    padded = [*segments, "", "", ""]
    return RequestInfo(
        verb=verb,
        group=group,
        version=version,
        namespace=namespace,
        resource=padded[0],
        name=padded[1],
        subresource=padded[2],
        rest=tuple(segments[3:]),
        inside=inside,
    )


def _of_the_namespace(segments: Sequence[str]) -> bool:
    return len(segments) == 3 and (segments[2] in _NAMESPACE_SUBRESOURCES or not segments[2])


def asks_for_watch(query: Mapping[str, str]) -> bool:
    """`watch=` is a bool of its own kind: only `0` and `false` are false, even the empty value opens a watch."""
    value = query.get("watch")
    return value is not None and value.lower() not in _FALSE


class Query(dict[str, str]):
    """The first value of each name, as Go's url.Values.Get gives it; `all` has those that are repeated."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self.setdefault(name, value)
            self._values.setdefault(name, []).append(value)

    def all(self, name: str) -> list[str]:
        return list(self._values.get(name, ()))


@lru_cache(maxsize=1024)
def parse_query(text: str) -> Query:
    """The query by name; pairs with a semicolon are dropped, as Go does. The result is shared: read it only."""
    pairs = [pair.partition("=") for pair in text.split("&") if pair and ";" not in pair]
    return Query([(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs])
