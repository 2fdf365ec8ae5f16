"""An object's data as values: read lazily, through its schema, so that nothing is converted that no rule asks for.

Source: k8s.io/apiserver/pkg/cel/common (valuesunstructured.go, valuesreflect.go) of 1.37.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from fakekube.meta.objects import KubeObject
from fakekube.registry.cel import times
from fakekube.registry.cel.schema import EMBEDDED, INT_OR_STRING, PRESERVE, escape, unescape, with_type_and_meta
from fakekube.registry.cel.values import (
    MISSING,
    CelError,
    Lister,
    Mapper,
    elements,
    equal,
    is_list,
    no_such_overload,
)

Read = Callable[[Any], object]
"""JSON -> value. CelError for data that the schema would not have let in."""


class SchemaNode:
    """How the data of one node of a schema is read. What is below is made when it is first asked for."""

    def __init__(self, schema: KubeObject, *, is_root: bool = False) -> None:
        if is_root or (schema.get(EMBEDDED) and schema.get("type") == "object"):
            schema = with_type_and_meta(schema)
        self.schema = schema
        self.list_type: str = schema.get("x-kubernetes-list-type") or "atomic"
        self.keys = tuple(escape(each) or each for each in schema.get("x-kubernetes-list-map-keys") or ())
        self.read = _or_null(_reader(schema, self), nullable=bool(schema.get("nullable")))

    @cached_property
    def properties(self) -> Mapping[str, SchemaNode] | None:
        properties = self.schema.get("properties")
        if properties is None and not self.schema.get(EMBEDDED):
            return None
        return {name: SchemaNode(inner) for name, inner in (properties or {}).items()}

    @cached_property
    def fields(self) -> Mapping[str, tuple[str, SchemaNode]]:
        """Name in a rule -> property and node; a name that needs no escape stands for itself too."""
        found: dict[str, tuple[str, SchemaNode]] = {}
        for name, node in (self.properties or {}).items():
            for alias in (name, escape(name)):
                if alias is not None and unescape(alias) == name:
                    found[alias] = name, node
        return found

    @cached_property
    def values(self) -> SchemaNode | None:
        more = self.schema.get("additionalProperties")
        return SchemaNode(more) if isinstance(more, dict) and self.properties is None else None

    @cached_property
    def items(self) -> SchemaNode | None:
        items = self.schema.get("items")
        return SchemaNode(items) if isinstance(items, dict) else None


def _or_null(read: Read, *, nullable: bool) -> Read:
    def either(raw: object) -> object:
        if raw is not None:
            return read(raw)
        if nullable:
            return None
        raise CelError("invalid data, got null for schema with nullable=false")

    return either


# --- scalars ------------------------------------------------------------------------------------------------------------


def _reader(schema: KubeObject, node: SchemaNode) -> Read:
    if schema.get(INT_OR_STRING):
        return _int_or_string
    kind = schema.get("type") or ""
    if kind == "string":
        return _STRINGS.get(schema.get("format") or "", _string)
    if kind in _SCALARS:
        return _SCALARS[kind]
    if kind == "object":
        return lambda raw: _object(raw, node)
    if kind == "array":
        return lambda raw: _array(raw, node)
    return Unknown if schema.get(PRESERVE) else _unreadable


def _go_type(raw: object) -> str:
    return _GO_TYPES.get(type(raw), "map[string]interface {}")


_GO_TYPES: Mapping[type, str] = {
    str: "string",
    bool: "bool",
    int: "int64",
    float: "float64",
    list: "[]interface {}",
    dict: "map[string]interface {}",
}


def _int_or_string(raw: object) -> object:
    if type(raw) in (str, int):
        return raw
    raise CelError("invalid data, expected XIntOrString value to be either a string or integer")


def _string(raw: object) -> object:
    if type(raw) is str:
        return raw
    raise CelError(f"invalid data, expected string, got {_go_type(raw)}")


def _boolean(raw: object) -> object:
    if type(raw) is bool:
        return raw
    raise CelError(f"invalid data, expected bool, got {_go_type(raw)}")


def _integer(raw: object) -> object:
    if type(raw) is int:
        return raw
    raise CelError(f"invalid data, expected int, got {_go_type(raw)}")


def _number(raw: object) -> object:
    if type(raw) is float or type(raw) is int:
        return float(raw)
    raise CelError(f"invalid data, expected float, got {_go_type(raw)}")


def _bytes(raw: object) -> object:
    text = str(_string(raw))
    try:
        return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        raise CelError(f"Invalid byte formatted string {text}: illegal base64 data") from None


def _text(parse: Callable[[str], object], what: str) -> Read:
    """A reader of strings of one form; `what` words a string of another."""

    def read(raw: object) -> object:
        text = str(_string(raw))
        try:
            return parse(text)
        except ValueError as error:
            raise CelError(f"Invalid {what} {text}: {error}") from None

    return read


def _unreadable(raw: object) -> object:
    raise CelError(
        "invalid type, expected object, array, number, integer, boolean or string, or no type with "
        "x-kubernetes-int-or-string or x-kubernetes-preserve-unknown-fields is true, got "
    )


_STRINGS: Mapping[str, Read] = {
    "byte": _bytes,
    "duration": _text(times.lenient_duration, "duration"),
    "date": _text(times.date, "date formatted string"),
    "date-time": _text(times.date_time, "date-time formatted string"),
}
_SCALARS: Mapping[str, Read] = {"boolean": _boolean, "integer": _integer, "number": _number}


class Unknown:
    """Data without a schema: it can be compared, and nothing else."""

    __slots__ = ("raw",)
    type_name = "unknown"

    def __init__(self, raw: object) -> None:
        self.raw = raw

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unknown) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(repr(self.raw))


# --- objects and maps ---------------------------------------------------------------------------------------------------


def _object(raw: object, node: SchemaNode) -> object:
    if type(raw) is not dict:
        raise CelError("invalid data, expected a map for the provided schema with type=object")
    return MapData(raw, node) if node.properties is None and node.values is not None else ObjectData(raw, node)


class ObjectData(Mapper):
    """An object with properties; only those of its schema can be seen."""

    __slots__ = ("node", "raw")

    def __init__(self, raw: KubeObject, node: SchemaNode) -> None:
        self.raw = raw
        self.node = node

    def find(self, key: object) -> object:
        """Null is as good as absent."""
        if type(key) is not str:
            raise no_such_overload()
        field = self.node.fields.get(key)
        if field is None:
            return MISSING
        raw = self.raw.get(field[0])
        return MISSING if raw is None else field[1].read(raw)

    def keys(self) -> list[object]:
        properties = self.node.properties or {}
        return [escape(name) or name for name in self.raw if name in properties]

    def size(self) -> int:
        return len(self.raw)

    def equals(self, other: object) -> bool:
        if not isinstance(other, Mapper):
            raise no_such_overload()
        if other.size() != self.size():
            return False
        return all(self._same(name, raw, other) for name, raw in self.raw.items())

    def _same(self, name: str, raw: object, other: Mapper) -> bool:
        if name in (self.node.properties or {}):
            mine, theirs = self.find(escape(name) or name), other.find(escape(name) or name)
            if mine is MISSING or theirs is MISSING:
                return mine is theirs
            return equal(mine, theirs)
        if not isinstance(other, ObjectData):
            raise no_such_overload()
        return name not in other.raw or bool(other.raw[name] == raw)


class MapData(Mapper):
    """A map of values of one schema."""

    __slots__ = ("node", "raw", "values")

    def __init__(self, raw: KubeObject, node: SchemaNode) -> None:
        assert node.values is not None
        self.raw = raw
        self.node = node
        self.values: SchemaNode = node.values

    def find(self, key: object) -> object:
        if type(key) is not str:
            raise no_such_overload()
        raw = self.raw.get(key, MISSING)
        return MISSING if raw is MISSING else self.values.read(raw)

    def keys(self) -> list[object]:
        return list(self.raw)

    def size(self) -> int:
        return len(self.raw)

    def equals(self, other: object) -> bool:
        if not isinstance(other, Mapper):
            raise no_such_overload()
        if other.size() != self.size():
            return False
        for key, raw in self.raw.items():
            theirs = other.find(key)
            if theirs is MISSING or not equal(self.values.read(raw), theirs):
                return False
        return True


# --- lists --------------------------------------------------------------------------------------------------------------


def _array(raw: object, node: SchemaNode) -> object:
    if type(raw) is not list:
        raise CelError("invalid data, expected an array for the provided schema with type=array")
    if node.items is None:
        raise CelError("invalid array type, expected Items with a non-empty Schema")
    return ListData(raw, node)


_GO_LISTS: Mapping[str, str] = {
    "atomic": "*common.unstructuredList",
    "set": "*common.unstructuredSetList",
    "map": "*common.unstructuredMapList",
}


class ListData(Lister):
    """A list of a schema: atomic, a set, or a map by keys, which decides what == and + mean."""

    __slots__ = ("_elements", "node", "raw")

    def __init__(self, raw: Sequence[object], node: SchemaNode) -> None:
        self.raw = raw
        self.node = node
        self._elements: list[object] | None = None

    @property
    def go_type(self) -> str:
        return _GO_LISTS[self.node.list_type]

    def elements(self) -> list[object]:
        if self._elements is None:
            assert self.node.items is not None
            self._elements = list(map(self.node.items.read, self.raw))
        return self._elements

    def equals(self, other: object) -> bool:
        if not is_list(other):
            raise no_such_overload()
        theirs = elements(other)
        if len(theirs) != len(self.raw):
            return False
        if self.node.list_type == "set":
            return _same_set(self.elements(), theirs)
        if self.node.list_type == "map":
            return _same_by_key(self.elements(), theirs, self.node.keys)
        return all(map(equal, self.elements(), theirs))

    def plus(self, other: object) -> object:
        theirs = elements(other)
        if self.node.list_type in ("set", "map"):
            keys = self.node.keys if self.node.list_type == "map" else None
            return KeyedList(_merged(self.elements(), theirs, keys), keys)
        return [*self.elements(), *theirs]


class KeyedList(Lister):
    """What + makes of a set or a map list: one again."""

    __slots__ = ("_elements", "_keys")

    def __init__(self, values: list[object], keys: Sequence[str] | None) -> None:
        self._elements = values
        self._keys = keys

    def elements(self) -> list[object]:
        return self._elements

    def equals(self, other: object) -> bool:
        if not is_list(other):
            raise no_such_overload()
        theirs = elements(other)
        if len(theirs) != len(self._elements):
            return False
        if self._keys is None:
            return _same_set(self._elements, theirs)
        return _same_by_key(self._elements, theirs, self._keys)

    def plus(self, other: object) -> object:
        return KeyedList(_merged(self._elements, elements(other), self._keys), self._keys)


def _set_key(value: object) -> object:
    if is_list(value) or isinstance(value, Mapper):
        raise CelError("listSet operations are only supported on lists of scalar values")
    return type(value), value


def _map_key(value: object, keys: Sequence[str]) -> object:
    if not isinstance(value, Mapper):
        return None
    found = [value.find(key) for key in keys]
    return tuple((type(each), each) for each in found)


def _merged(mine: list[object], theirs: list[object], keys: Sequence[str] | None) -> list[object]:
    """Mine in their places, overwritten where a map list has the key again, and what is new behind them."""
    result = list(mine)
    places = {_key(value, keys): place for place, value in enumerate(mine)}
    for value in theirs:
        key = _key(value, keys)
        if key not in places:
            places[key] = len(result)
            result.append(value)
        elif keys is not None:
            result[places[key]] = value
    return result


def _key(value: object, keys: Sequence[str] | None) -> object:
    return _set_key(value) if keys is None else _map_key(value, keys)


def _same_set(mine: list[object], theirs: list[object]) -> bool:
    return set(map(_set_key, mine)) == set(map(_set_key, theirs))


def _same_by_key(mine: list[object], theirs: list[object], keys: Sequence[str]) -> bool:
    by_key = {_map_key(value, keys): value for value in mine}
    seen = set()
    for value in theirs:
        key = _map_key(value, keys)
        if key not in by_key or not equal(by_key[key], value):
            return False
        seen.add(key)
    return len(seen) == len(by_key)
