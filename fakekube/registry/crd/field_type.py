"""A custom resource's schema as server-side apply sees it: which lists are sets or maps, what is atomic.

Source: k8s.io/apimachinery/pkg/util/managedfields (the OpenAPI type converter), kube-openapi/pkg/schemaconv.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from fakekube.registry.crd.structural import Structural
from fakekube.registry.schema import Schema, schema_named

_META = ("io.k8s.apimachinery.pkg.apis.meta.v1", "ObjectMeta")
_SCALARS = {"string": "string", "integer": "int64", "number": "double", "boolean": "bool"}


class CustomFieldType:
    """One node of the structure; the root also knows what every object has.

    `loose`: a node above keeps unknown fields, and with it all below.
    """

    raw = False
    always_printed: Mapping[str, Any] = {}

    def __init__(self, node: Structural, *, is_root: bool = False, loose: bool = False) -> None:
        self._node = node
        self._is_root = is_root
        self._loose = loose or node.preserves

    @cached_property
    def type(self) -> str:
        node = self._node
        if node.type == "array":
            return "list"
        if node.type == "object" or (not node.type and node.properties):
            return "map" if node.additional is not None and not node.properties else "struct"
        if node.type == "string" and node.format not in ("", "byte"):
            return "int-or-string"  # any scalar
        return _SCALARS.get(node.type, "deduced")

    @cached_property
    def fields(self) -> Mapping[str, CustomFieldType | Schema]:
        own: dict[str, CustomFieldType | Schema] = {
            name: CustomFieldType(inner, loose=self._loose) for name, inner in self._node.properties.items()
        }
        if self._is_root or self._node.embedded:
            own |= {"apiVersion": _TEXT, "kind": _TEXT, "metadata": schema_named(".".join(_META))}
        return own

    @cached_property
    def items(self) -> CustomFieldType | None:
        inner = self._node.items if self._node.type == "array" else self._node.additional
        return None if inner is None else CustomFieldType(inner, loose=self._loose)

    @property
    def list_type(self) -> str:
        return self._node.list_type or "atomic"

    @property
    def list_map_keys(self) -> tuple[str, ...]:
        return self._node.list_keys

    @property
    def map_type(self) -> str:
        return self._node.map_type

    @property
    def default(self) -> Any:
        return self._node.default

    @cached_property
    def preserves(self) -> bool:
        """Whether fields that are not declared are kept, and owned one by one: a bare object is free in its form."""
        node = self._node
        declared = node.properties or node.keeps_any_name
        return self._loose or not declared or (node.keeps_any_name and node.additional is None)


_TEXT = CustomFieldType(Structural(type="string"))


def field_type(root: Structural) -> CustomFieldType:
    """The type of whole objects."""
    return CustomFieldType(root, is_root=True)
