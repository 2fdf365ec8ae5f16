"""The query of a list or watch as checked options, refused in the server's words where the parts contradict.

Source: k8s.io/apimachinery/pkg/apis/internalversion/validation, and answers recorded from kube-apiserver 1.37.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from fakekube.apiserver.query import bool_of, int_of
from fakekube.meta.errors import Cause, Details, StatusError
from fakekube.registry.list import ListOptions, Match
from fakekube.registry.selection import parsed_selectors, selection
from fakekube.registry.strategies import Served

_LEGACY_VERSIONS = ("", "0")
NOT_OLDER_THAN = "NotOlderThan"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """`send_initial_events` is None where the query is silent and the version is an exact one."""

    list: ListOptions
    timeout_s: int = 0
    allow_bookmarks: bool = False
    send_initial_events: bool | None = None


def list_options(served: Served, query: Mapping[str, str]) -> ListOptions:
    """The options of a list or deletecollection."""
    limit = int_of(query, "limit")
    int_of(query, "timeoutSeconds")
    _require_valid(list(_list_causes(query)), query)
    chosen = selection(served, query.get("labelSelector", ""), query.get("fieldSelector", ""))
    return _options(query, limit, ListOptions(selection=chosen))


def _options(query: Mapping[str, str], limit: int, base: ListOptions) -> ListOptions:
    return ListOptions(
        selection=base.selection,
        limit=limit,
        continue_text=query.get("continue", ""),
        resource_version=query.get("resourceVersion", ""),
        match=cast(Match, query.get("resourceVersionMatch", "")),
    )


def watch_options(served: Served, query: Mapping[str, str]) -> WatchOptions:
    """The options of a watch. From an unset or zero version it starts with the present state, as a WatchList does."""
    limit, timeout_s = int_of(query, "limit"), int_of(query, "timeoutSeconds")
    initial = bool_of(query, "sendInitialEvents")
    _require_valid(list(_watch_causes(query, initial)), query)
    chosen = selection(served, query.get("labelSelector", ""), query.get("fieldSelector", ""))
    if initial is None and query.get("resourceVersion", "") in _LEGACY_VERSIONS:
        initial = True
    return WatchOptions(
        list=_options(query, limit, ListOptions(selection=chosen)),
        timeout_s=timeout_s,
        allow_bookmarks=bool_of(query, "allowWatchBookmarks") is True,
        send_initial_events=initial,
    )


def _require_valid(causes: list[Cause], query: Mapping[str, str]) -> None:
    """422. A selector that cannot be read is told before, one by a field that nobody knows afterwards."""
    if causes:
        parsed_selectors(query.get("labelSelector", ""), query.get("fieldSelector", ""))
        raise options_invalid("ListOptions", causes)


def options_invalid(kind: str, causes: list[Cause]) -> StatusError:
    """422 about the options of a request, which have no name."""
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    return StatusError(
        code=422,
        reason="Invalid",
        message=f'{kind}.meta.k8s.io "" is invalid: {listed}',
        details=Details(group="meta.k8s.io", kind=kind, causes=causes),
    )


def _forbidden(field: str, why: str) -> Cause:
    return Cause(reason="FieldValueForbidden", message=f"Forbidden: {why}", field=field)


def _unsupported(value: str, supported: str) -> Cause:
    message = f'Unsupported value: "{value}": supported values: {supported}'
    return Cause(reason="FieldValueNotSupported", message=message, field="resourceVersionMatch")


def _list_causes(query: Mapping[str, str]) -> Iterator[Cause]:
    match, version = query.get("resourceVersionMatch", ""), query.get("resourceVersion", "")
    if match:
        if not version:
            yield _forbidden(
                "resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided"
            )
        if query.get("continue"):
            yield _forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")
        if match not in ("Exact", NOT_OLDER_THAN):
            yield _unsupported(match, '"Exact", "NotOlderThan", ""')
        if match == "Exact" and version == "0":
            yield _forbidden(
                "resourceVersionMatch", 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            )
    if "sendInitialEvents" in query:
        yield _forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")


def _watch_causes(query: Mapping[str, str], initial: bool | None) -> Iterator[Cause]:
    match = query.get("resourceVersionMatch", "")
    if query.get("continue"):
        yield _forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")
        return
    if match and initial is None:
        yield _forbidden(
            "resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        )
    if initial is not None and match != NOT_OLDER_THAN:
        yield _forbidden(
            "resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        )
    if match not in ("", NOT_OLDER_THAN):
        yield _unsupported(match, '"NotOlderThan"')
