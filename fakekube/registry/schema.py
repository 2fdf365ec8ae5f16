"""The shape of every built-in kind: fields, types, defaults, list types, merge keys. Read from a generated table.

Nodes are resolved on first use, and one node stands for one OpenAPI type, so recursive types are finite.
Source: the server's OpenAPI v3, and Go's struct tags for `always_printed` and `pointers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from fakekube.data import LazyEntries, read_lazily
from fakekube.meta.objects import GroupVersionKind, KubeObject

# One node as the table has it: a bare type, or a mapping with single-letter members (the header of schema.json).
_Node = str | KubeObject


class Schema:
    """One type, or one field with its type.

    `type` is string, int32, int64, bool, double, byte, date-time, quantity, int-or-string, object (no declared
    fields), any, list, map or struct. `name` is the OpenAPI name of a referenced type, else empty.
    """

    __slots__ = ("_fields", "_inner", "_items", "_node", "_own", "_target", "name", "type")

    def __init__(self, node: _Node, name: str = "", target: Schema | None = None) -> None:
        own: KubeObject = {"t": node} if isinstance(node, str) else node
        self._target = target
        self._own = own
        # what the type says of itself, and that with what the field adds to it
        self._inner: KubeObject = own if target is None else target._inner
        self._node: KubeObject = own if target is None else {**target._inner, **own, "t": target.type}
        self.name = name
        self.type: str = self._inner["t"]
        self._fields: dict[str, Schema] | None = None
        self._items: Schema | None = None

    def __repr__(self) -> str:
        return f"Schema({self.name or self.type})"

    @property
    def fields(self) -> Mapping[str, Schema]:
        """Declared fields of a struct in the order Go prints them; empty for other types."""
        if self._target is not None:
            return self._target.fields
        if self._fields is None:
            self._fields = {name: _resolve(node) for name, node in self._inner.get("f", {}).items()}
        return self._fields

    @property
    def preserves(self) -> bool:
        """Built-in kinds keep nothing that they do not know."""
        return False

    @property
    def items(self) -> Schema | None:
        """The element type of a list, the value type of a map."""
        if self._items is None and "i" in self._inner:
            self._items = _resolve(self._inner["i"])
        return self._items

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(self._inner.get("req", ()))

    @property
    def has_default(self) -> bool:
        return "d" in self._node

    @property
    def default(self) -> Any:
        """The OpenAPI default; None when there is none (see `has_default`)."""
        return self._node.get("d")

    @property
    def enum(self) -> tuple[str, ...]:
        return tuple(self._node.get("e", ()))

    @property
    def list_type(self) -> str:
        """atomic, set or map."""
        return str(self._node.get("lt", "atomic"))

    @property
    def declared_list_type(self) -> str:
        """The same, empty when the server's document does not say."""
        return str(self._node.get("lt", ""))

    @property
    def list_map_keys(self) -> tuple[str, ...]:
        return tuple(self._node.get("lk", ()))

    @property
    def map_type(self) -> str:
        """atomic or granular, of maps and structs."""
        return str(self._node.get("mt", "granular"))

    @property
    def declared_map_type(self) -> str:
        """The same, empty when the server's document does not say."""
        return str(self._node.get("mt", ""))

    @property
    def bare_references(self) -> frozenset[str]:
        """Fields to whose types the server's document refers without a wrapper."""
        return frozenset(self._inner.get("b", ()))

    @property
    def own_map_type(self) -> str:
        """What the field says of a referenced type, beyond what the type says of itself."""
        return str(self._own.get("mt", "")) if self._target is not None else ""

    @property
    def patch_merge_key(self) -> str:
        return str(self._node.get("pk", ""))

    @property
    def patch_strategy(self) -> frozenset[str]:
        """merge and retainKeys; empty means replace."""
        return frozenset(filter(None, self.patch_strategy_text.split(",")))

    @property
    def patch_strategy_text(self) -> str:
        """The same as the server prints it: `merge,retainKeys`."""
        return str(self._node.get("ps", ""))

    @property
    def unions(self) -> tuple[KubeObject, ...]:
        return tuple(self._inner.get("u", ()))

    @property
    def raw(self) -> bool:
        """The Go type keeps any JSON as it came: no field below it is unknown, and apply owns it as a whole."""
        return "raw" in self._inner

    @property
    def always_printed(self) -> Mapping[str, object]:
        """What the server prints for an unset field; `{}` stands for the nested struct with its own."""
        always: Mapping[str, object] = self._inner.get("z", {})
        return always

    @property
    def pointers(self) -> frozenset[str]:
        """Fields where an explicit zero value (false, 0, "", {}) is kept and printed."""
        return frozenset(self._inner.get("p", ()))

    @property
    def embedded(self) -> Mapping[str, str]:
        """Fields that stand in an embedded Go struct, and its name: Go's error paths spell it out."""
        embedded: Mapping[str, str] = self._inner.get("em", {})
        return embedded

    @property
    def go_types(self) -> Mapping[str, str]:
        """The Go type of the fields where it is a named one, such as `v1.RestartPolicy`."""
        go_types: Mapping[str, str] = self._inner.get("g", {})
        return go_types

    @property
    def gvks(self) -> tuple[GroupVersionKind, ...]:
        """The kinds this type serves, by x-kubernetes-group-version-kind."""
        return tuple(GroupVersionKind(*gvk) for gvk in self._inner.get("gvk", ()))


@cache
def _table() -> dict[str, LazyEntries]:
    return read_lazily("schema.json")


@cache
def schema_named(name: str) -> Schema:
    """The type of that OpenAPI name, such as `io.k8s.api.apps.v1.Deployment`. Raises KeyError for an unknown one."""
    node: _Node = msgspec.json.decode(_table()["types"][name])
    return Schema(node, name)


def _resolve(node: _Node) -> Schema:
    """A field's or element's node: a reference gives the shared type, unless the field adds facts of its own."""
    reference = node if isinstance(node, str) else str(node["t"])
    if not reference.startswith("@"):
        return Schema(node)
    target = schema_named(reference[1:])
    if isinstance(node, str) or len(node) == 1:
        return target
    return Schema(node, target.name, target)


_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
# Registered in every group-version, so the table does not list them one by one.
_EVERYWHERE = frozenset({"DeleteOptions", "WatchEvent"})


@cache
def schema_for(gvk: GroupVersionKind) -> Schema | None:
    """The schema of a built-in kind, lists and reviews included; None for a kind the table does not have."""
    name = _table()["kinds"].get(f"{gvk.api_version}/{gvk.kind}")
    if name is not None:
        return schema_named(msgspec.json.decode(name, type=str))
    if gvk.kind in _EVERYWHERE and gvk.api_version in _api_versions():
        return schema_named(f"{_META}.{gvk.kind}")
    return None


def is_registered(gvk: GroupVersionKind) -> bool:
    """Whether the real server has the kind compiled in: it may belong to a group-version that is not served."""
    names = _table()["registered"].get(gvk.api_version)
    if schema_for(gvk) is not None:
        return True
    return names is not None and gvk.kind in msgspec.json.decode(names, type=list[str])


@cache
def _api_versions() -> frozenset[str]:
    return frozenset(kind.rpartition("/")[0] for kind in _table()["kinds"])


def registered_versions() -> tuple[tuple[str, str], ...]:
    """Every (group, version) that the real server has kinds of, served or not, sorted."""
    found = {*_api_versions(), *_table()["registered"]}
    return tuple(sorted((group, version) for group, _, version in (each.rpartition("/") for each in found)))


def schema_names() -> tuple[str, ...]:
    return tuple(_table()["types"])
