"""Answers as tables, which is how kubectl asks for them, and as PartialObjectMetadata.

Columns come from a generated table, cells from one small function per kind. Kinds without one show NAME and
CREATED AT, as the real server does; custom resources bring their columns along (`Columns`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from fakekube.apiserver import table_custom, table_network, table_policy, table_storage, table_workloads
from fakekube.apiserver.negotiation import META_GROUP
from fakekube.apiserver.table_pods import pod_conditions
from fakekube.apiserver.table_storage import default_storage_class
from fakekube.apiserver.table_values import Ages, at
from fakekube.data import read_table
from fakekube.meta.errors import StatusError, bad_request
from fakekube.meta.objects import KubeObject, metadata, name_of, revision_of
from fakekube.registry.resources import ResourceType

Cells = Callable[[KubeObject, Ages], list[Any]]

_CELLS: Mapping[str, Cells] = {
    **table_network.CELLS,
    **table_policy.CELLS,
    **table_storage.CELLS,
    **table_workloads.CELLS,
}
_STORAGE_CLASSES = "storage.k8s.io/v1/storageclasses"
_INCLUDED = ("Metadata", "Object", "None")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns of one resource, as `columnDefinitions` prints them, and the function that fills a row."""

    definitions: Sequence[KubeObject]
    cells: Cells


def name_and_creation(obj: KubeObject, ages: Ages) -> list[Any]:
    """What kinds without columns of their own show."""
    return [name_of(obj), at(obj, "metadata.creationTimestamp")]


def column(name: str, kind: str = "string", form: str = "", priority: int = 0) -> KubeObject:
    """One of `columnDefinitions`; columns of priority 1 show with `-o wide` alone. The description is our own."""
    return {"name": name, "type": kind, "format": form, "description": f"{name} of the object.", "priority": priority}


_PLAIN = Columns(
    definitions=(column("Name", form="name"), column("Created At", "date")),
    cells=name_and_creation,
)


@cache
def _builtin() -> Mapping[str, Columns]:
    """Columns of the built-in resources by `apps/v1/deployments`."""
    return {
        key: Columns(
            definitions=tuple(column(*definition) for definition in definitions),
            cells=_CELLS.get(key, name_and_creation),
        )
        for key, definitions in read_table("columns.json")["columns"].items()
    }


def columns_of(resource: ResourceType) -> Columns:
    if resource.custom is not None:
        named = (_PLAIN.definitions[0], *table_custom.definitions_of(resource.custom))
        return Columns(definitions=named, cells=table_custom.cells_of(resource.custom))
    return _builtin().get(_key(resource), _PLAIN)


def _key(resource: ResourceType) -> str:
    return f"{resource.api_version}/{resource.plural}"


def render(
    resource: ResourceType,
    items: Sequence[KubeObject],
    now: float,
    *,
    include_object: str = "",
    list_meta: KubeObject | None = None,
    headers: bool = True,
    version: str = "v1",
    columns: Columns | None = None,
) -> KubeObject:
    """`items` as a `Table`; ages count up to `now` (epoch seconds).

    `include_object` is the query's includeObject; `list_meta` the metadata of the list (a single object shows its own
    resourceVersion). A watch sends the columns with its first event alone: `headers=False` afterwards. `version` is
    that of meta.k8s.io which the client asked for. Raises StatusError 400 for a bad `include_object`.
    """
    if include_object and include_object not in _INCLUDED:
        raise _bad_include(include_object)
    shown = columns or columns_of(resource)
    api_version = f"{META_GROUP}/{version}"
    rows = [_row(shown, obj, Ages(now), include_object, api_version) for obj in items]
    if _key(resource) == _STORAGE_CLASSES and list_meta is not None:
        _mark_default(rows, items)
    return {
        "kind": "Table",
        "apiVersion": api_version,
        "metadata": list_meta if list_meta is not None else _own_revision(items),
        "columnDefinitions": list(shown.definitions) if headers else None,
        "rows": rows,
    }


def _bad_include(text: str) -> StatusError:
    return bad_request(
        f'Unable to convert to Table as requested: includeObject: Invalid value: "{text}": '
        "must be 'Metadata', 'Object', 'None', or empty"
    )


def _own_revision(items: Sequence[KubeObject]) -> KubeObject:
    return {"resourceVersion": revision_of(items[0])} if items and revision_of(items[0]) else {}


def _row(columns: Columns, obj: KubeObject, ages: Ages, include: str, api_version: str) -> KubeObject:
    row: KubeObject = {"cells": columns.cells(obj, ages)}
    conditions = pod_conditions(obj) if obj.get("kind") == "Pod" and obj.get("apiVersion") == "v1" else []
    if conditions:
        row["conditions"] = conditions
    row["object"] = _included(obj, include, api_version)
    return row


def _included(obj: KubeObject, include: str, api_version: str) -> KubeObject | None:
    match include:
        case "None":
            return None
        case "Object":
            return obj
        case _:
            return {"kind": "PartialObjectMetadata", "apiVersion": api_version, "metadata": metadata(obj)}


def _mark_default(rows: Sequence[KubeObject], items: Sequence[KubeObject]) -> None:
    default = default_storage_class(items)
    for row, obj in zip(rows, items, strict=True):
        if default and name_of(obj) == default:
            row["cells"][0] = f"{default} (default)"


def partial(obj: KubeObject, version: str = "v1") -> KubeObject:
    """`obj` as PartialObjectMetadata: its metadata and nothing else."""
    return {"kind": "PartialObjectMetadata", "apiVersion": f"{META_GROUP}/{version}", "metadata": metadata(obj)}


def partial_list(items: Sequence[KubeObject], list_meta: KubeObject, version: str = "v1") -> KubeObject:
    return {
        "kind": "PartialObjectMetadataList",
        "apiVersion": f"{META_GROUP}/{version}",
        "metadata": list_meta,
        "items": [partial(obj, version) for obj in items],
    }
