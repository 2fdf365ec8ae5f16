"""The structure that a custom resource's schema describes: what is declared where, apart from what values are allowed.

Source: apiextensions-apiserver, pkg/apiserver/schema (structural.go, convert.go) of Kubernetes 1.37.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fakekube.meta.objects import KubeObject

EMBEDDED = "x-kubernetes-embedded-resource"
INT_OR_STRING = "x-kubernetes-int-or-string"
LIST_KEYS = "x-kubernetes-list-map-keys"
LIST_TYPE = "x-kubernetes-list-type"
MAP_TYPE = "x-kubernetes-map-type"
PRESERVE = "x-kubernetes-preserve-unknown-fields"


@dataclass(slots=True, kw_only=True, eq=False)
class Structural:
    """One node. `default` is None where there is none, already completed by the defaults below it.

    `keeps_any_name` tells an object with additionalProperties; their schema, when they have one, is `additional`.
    `defaults` are the properties with a default. `keyed` tells that a list here or below is a set or a map.
    """

    type: str = ""
    format: str = ""
    properties: dict[str, Structural] = field(default_factory=dict)
    additional: Structural | None = None
    keeps_any_name: bool = False
    items: Structural | None = None
    nullable: bool = False
    default: Any = None
    preserves: bool = False
    embedded: bool = False
    int_or_string: bool = False
    list_type: str = ""
    list_keys: tuple[str, ...] = ()
    map_type: str = ""
    defaults: dict[str, Any] = field(default_factory=dict)
    keyed: bool = False

    def below(self, name: str) -> Structural | None:
        """The node of a member of this name; None where no schema speaks of it."""
        return self.properties.get(name) or self.additional


def structural(schema: KubeObject, *, with_defaults: bool = True) -> Structural:
    """The structure of a stored `openAPIV3Schema`, or of a part of one."""

    def inner(schema: KubeObject) -> Structural:
        return structural(schema, with_defaults=with_defaults)

    more, items = schema.get("additionalProperties"), schema.get("items")
    return Structural(
        type=schema.get("type") or "",
        format=schema.get("format") or "",
        properties={name: inner(each) for name, each in (schema.get("properties") or {}).items()},
        additional=inner(more) if isinstance(more, dict) else None,
        keeps_any_name=more is not None,
        items=inner(items) if isinstance(items, dict) else None,
        nullable=bool(schema.get("nullable")),
        default=schema.get("default") if with_defaults else None,
        preserves=bool(schema.get(PRESERVE)),
        embedded=bool(schema.get(EMBEDDED)),
        int_or_string=bool(schema.get(INT_OR_STRING)),
        list_type=schema.get(LIST_TYPE) or "",
        list_keys=tuple(schema.get(LIST_KEYS) or ()),
        map_type=schema.get(MAP_TYPE) or "",
    )
