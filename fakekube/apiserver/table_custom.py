"""The table of a custom resource: the columns that its definition declares, else name and age.

Source: apiextensions-apiserver/pkg/registry/customresource/tableconvertor of 1.37.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from fakekube.apiserver.table_values import Ages
from fakekube.meta.objects import KubeObject, name_of
from fakekube.registry.crd.custom import CustomVersion
from fakekube.registry.crd.jsonpath import PathFault, parse

Cell = Callable[[KubeObject, Ages], Any]
_AGE: KubeObject = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def definitions_of(custom: CustomVersion) -> list[KubeObject]:
    """`columnDefinitions` behind the name's."""
    return [
        {
            "name": column["name"],
            "type": column["type"],
            "format": column.get("format") or "",
            "description": column.get("description")
            or f"Custom resource definition column (in JSONPath format): {column['jsonPath']}",
            "priority": column.get("priority") or 0,
        }
        for column in _columns(custom)
    ]


@lru_cache(maxsize=1024)
def cells_of(custom: CustomVersion) -> Callable[[KubeObject, Ages], list[Any]]:
    cells = [_cell(column["type"], column["jsonPath"]) for column in _columns(custom)]
    return lambda obj, ages: [name_of(obj), *(cell(obj, ages) for cell in cells)]


def _columns(custom: CustomVersion) -> Sequence[KubeObject]:
    """One path that cannot be read makes the real server show the name alone."""
    try:
        for column in custom.columns:
            parse(column["jsonPath"])
    except PathFault:
        return ()
    return custom.columns or (_AGE,)


def _cell(kind: str, path: str) -> Cell:
    find = parse(path)
    shown: Callable[[Any, Ages], Any] = _SHOWN.get(kind, _nothing)

    def cell(obj: KubeObject, ages: Ages) -> Any:
        try:
            found = find(obj)
        except PathFault:
            return None
        return shown(found[0], ages) if found else None

    return cell


def _text(value: Any, ages: Ages) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _integer(value: Any, ages: Ages) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _number(value: Any, ages: Ages) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _boolean(value: Any, ages: Ages) -> bool | None:
    return value if isinstance(value, bool) else None


def _date(value: Any, ages: Ages) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return ages.since(value)
    except ValueError:
        return "<invalid>"


def _nothing(value: Any, ages: Ages) -> None:
    return None


_SHOWN: dict[str, Callable[[Any, Ages], Any]] = {
    "string": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
}
