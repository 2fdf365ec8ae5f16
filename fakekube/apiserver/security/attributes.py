"""What a request asks to be allowed, read off its method, path and query before anything is routed.

Unlike the router's view it says something about every path, served or not. Source:
k8s.io/apiserver/pkg/endpoints/request/requestinfo.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from urllib.parse import unquote

from fakekube.apiserver.query import int_of
from fakekube.apiserver.request import Request
from fakekube.apiserver.request_info import Query, asks_for_watch, parse_query
from fakekube.meta.errors import StatusError
from fakekube.meta.selectors import parse_field_selector, parse_label_selector
from fakekube.registry.authorizer import Attributes
from fakekube.registry.users import UserInfo

_VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_NAMESPACE_SUBRESOURCES = frozenset(["status", "finalize"])
# Verbs that stand in the path.
_IN_PATH = frozenset(["proxy", "watch"])


def attributes_of(request: Request) -> Attributes:
    """What `request.user` asks for."""
    return _attributes(request.method, request.path, request.query, request.user)


@lru_cache(maxsize=4096)
def _attributes(method: str, encoded: str, query: str, user: UserInfo) -> Attributes:
    path = unquote(encoded)
    found = _resource(method, path, path.strip("/").split("/"), user)
    if found is None:
        return Attributes(user=user, verb=method.lower(), path=path, resource_request=False)
    if found.verb == "get" and not found.name:
        return _listing(found, parse_query(query))
    return found


def _resource(method: str, path: str, parts: Sequence[str], user: UserInfo) -> Attributes | None:
    """None for a path that leads to no resource. Lists and watches of a collection are still gets here."""
    head = {"api": 2, "apis": 3}.get(parts[0])
    if head is None or len(parts) <= head:
        return None
    group, rest = parts[1] if head == 3 else "", parts[head:]
    verb = _VERBS.get(method, "")
    if rest[0] in _IN_PATH:
        if len(rest) < 2:
            return None
        verb, rest = rest[0], rest[1:]
    namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 1 else ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
        rest = rest[2:]
    name = rest[1] if len(rest) > 1 else ""
    return Attributes(
        user=user,
        verb="deletecollection" if verb == "delete" and not name else verb,
        group=group,
        resource=rest[0],
        subresource=rest[2] if len(rest) > 2 and verb != "proxy" else "",
        namespace=namespace,
        name=name,
        path=path,
    )


def _listing(found: Attributes, query: Query) -> Attributes:
    """A collection is listed or watched; a field selector may name the one object that is meant."""
    return replace(found, verb="watch" if asks_for_watch(query) else "list", name=_selected_name(query))


def _selected_name(query: Query) -> str:
    """What `metadata.name` must be, as long as all options can be read."""
    selector = query.get("fieldSelector")
    if not selector or not _can_be_read(query):
        return ""
    wanted = [each for each in parse_field_selector(selector).requirements if each.field == "metadata.name"]
    exact = [each.value for each in wanted if not each.negated]
    name = exact[0] if exact else ""
    return "" if name in (".", "..") or "/" in name or "%" in name else name


_READERS: tuple[tuple[str, Callable[[Query], object]], ...] = (
    ("fieldSelector", lambda query: parse_field_selector(query["fieldSelector"])),
    ("labelSelector", lambda query: parse_label_selector(query["labelSelector"])),
    ("limit", lambda query: int_of(query, "limit")),
    ("timeoutSeconds", lambda query: int_of(query, "timeoutSeconds")),
)


def _can_be_read(query: Query) -> bool:
    try:
        for option, read in _READERS:
            if option in query:
                read(query)
    except (ValueError, StatusError):
        return False
    return True
