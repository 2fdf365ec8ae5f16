"""The types that rules see of a structural schema, with the limits that price them.

Source: k8s.io/apiserver/pkg/cel/common/schemas.go, pkg/cel/types.go, pkg/cel/escaping.go of 1.37.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from fakekube.meta.objects import KubeObject
from fakekube.registry.cel import celtypes
from fakekube.registry.cel.celtypes import Type, list_of, map_of, struct
from fakekube.registry.cel.check import RESERVED

# The largest request; no value is longer.
_REQUEST = 3 * 1024 * 1024
_STRING_MIN, _BOOL_MIN, _NUMBER_MIN, _COLLECTION_MIN = 2, 4, 1, 2
# The longest and the shortest JSON of each format.
_DURATION_MAX, _DATETIME_MAX, _DATE_SIZE = 32, 32, 12
_DURATION_MIN, _DATETIME_MIN = 3, 21
_NAME_MAX = 253

RULES = "x-kubernetes-validations"
INT_OR_STRING = "x-kubernetes-int-or-string"
EMBEDDED = "x-kubernetes-embedded-resource"
PRESERVE = "x-kubernetes-preserve-unknown-fields"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredType:
    """What one node of a schema is to a rule."""

    type: Type
    max_elements: int = 0
    """Characters, items or entries; 0 where a size means nothing."""
    min_size: int
    """Bytes of the shortest JSON."""
    fields: Mapping[str, DeclaredType] | None = None
    """Of an object, escaped."""
    element: DeclaredType | None = None
    is_map: bool = False


_KEY = DeclaredType(type=celtypes.STRING, min_size=_STRING_MIN)


def declared(schema: KubeObject, *, is_root: bool, name: str) -> DeclaredType | None:
    """The type of a schema, or None when rules cannot see it. `name` is the type's own, for objects."""
    if schema.get(INT_OR_STRING):
        longest = _max_length(schema, times=4)
        return DeclaredType(type=celtypes.DYN, max_elements=_REQUEST - 2 if longest is None else longest, min_size=1)
    if is_root:
        schema = with_type_and_meta(schema)
    build = _BUILDERS.get(schema.get("type") or "")
    return build(schema, name) if build else None


def _array(schema: KubeObject, name: str) -> DeclaredType | None:
    items = schema.get("items")
    if not isinstance(items, dict):
        return None
    element = declared(items, is_root=bool(items.get(EMBEDDED)), name=f"{name}.@idx")
    if element is None:
        return None
    most = schema.get("maxItems")
    limit = (_REQUEST - 2) // (element.min_size + 1) if most is None else max(most, 0)
    return DeclaredType(type=list_of(element.type), max_elements=limit, min_size=_COLLECTION_MIN, element=element)


def _object(schema: KubeObject, name: str) -> DeclaredType | None:
    more = schema.get("additionalProperties")
    return _map(schema, more, name) if isinstance(more, dict) else _struct(schema, name)


def _map(schema: KubeObject, values: KubeObject, name: str) -> DeclaredType | None:
    element = declared(values, is_root=bool(values.get(EMBEDDED)), name=f"{name}.@elem")
    if element is None:
        return None
    most = schema.get("maxProperties")
    limit = (_REQUEST - 2) // (element.min_size + 6) if most is None else max(most, 0)
    return DeclaredType(
        type=map_of(celtypes.STRING, element.type),
        max_elements=limit,
        min_size=_COLLECTION_MIN,
        element=element,
        is_map=True,
    )


def _struct(schema: KubeObject, name: str) -> DeclaredType:
    required = set(schema.get("required") or ())
    fields: dict[str, DeclaredType] = {}
    size = _COLLECTION_MIN
    for property_name, inner in (schema.get("properties") or {}).items():
        escaped = escape(property_name)
        kind = declared(inner, is_root=bool(inner.get(EMBEDDED)), name=f"{name}.{escaped}")
        if kind is None:
            continue
        if escaped is not None:
            fields[escaped] = kind
        if property_name in required and inner.get("default") is None:
            size += len(property_name.encode()) + kind.min_size + 4
    return DeclaredType(type=struct(name), min_size=size, fields=fields)


def _string(schema: KubeObject, name: str) -> DeclaredType:
    form = schema.get("format") or ""
    if form in _FORMATS:
        kind, most, least = _FORMATS[form]
        return DeclaredType(type=kind, max_elements=most, min_size=least)
    if form == "byte":
        longest = _max_length(schema, times=1)
        return DeclaredType(
            type=celtypes.BYTES, max_elements=_REQUEST - 2 if longest is None else longest, min_size=_STRING_MIN
        )
    longest = _max_length(schema, times=4)
    if longest is None:
        longest = _longest_of_enum(schema)
    return DeclaredType(
        type=celtypes.STRING, max_elements=_REQUEST - 2 if longest is None else longest, min_size=_STRING_MIN
    )


def _max_length(schema: KubeObject, *, times: int) -> int | None:
    """maxLength counts characters; sizes count bytes, of which a character has up to four."""
    most = schema.get("maxLength")
    return None if most is None else max(most, 0) * times


def _longest_of_enum(schema: KubeObject) -> int | None:
    values = schema.get("enum") or ()
    return max((len(each.encode()) for each in values if isinstance(each, str)), default=0) if values else None


_FORMATS: Mapping[str, tuple[Type, int, int]] = {
    "duration": (celtypes.DURATION, _DURATION_MAX, _DURATION_MIN),
    "date": (celtypes.TIMESTAMP, _DATE_SIZE, _DATE_SIZE),
    "date-time": (celtypes.TIMESTAMP, _DATETIME_MAX, _DATETIME_MIN),
}
_BOOLEAN = DeclaredType(type=celtypes.BOOL, min_size=_BOOL_MIN)
_DOUBLE = DeclaredType(type=celtypes.DOUBLE, min_size=_NUMBER_MIN)
_INTEGER = DeclaredType(type=celtypes.INT, min_size=_NUMBER_MIN)
_BUILDERS: Mapping[str, Callable[[KubeObject, str], DeclaredType | None]] = {
    "array": _array,
    "object": _object,
    "string": _string,
    "boolean": lambda _schema, _name: _BOOLEAN,
    "number": lambda _schema, _name: _DOUBLE,
    "integer": lambda _schema, _name: _INTEGER,
}


def with_type_and_meta(schema: KubeObject) -> KubeObject:
    """A resource's schema with apiVersion, kind, metadata.name and metadata.generateName, which every rule may see."""
    properties: KubeObject = schema.get("properties") or {}
    meta = (properties.get("metadata") or {}).get("properties") or {}
    complete = all((properties.get(each) or {}).get("type") == "string" for each in ("kind", "apiVersion"))
    if complete and all((meta.get(each) or {}).get("type") == "string" for each in ("name", "generateName")):
        return schema
    text = {"type": "string"}
    names = {"name": _capped(meta, "name", _NAME_MAX), "generateName": _capped(meta, "generateName", _NAME_MAX - 1)}
    own = {"kind": text, "apiVersion": text, "metadata": {"type": "object", "properties": names}}
    return {**schema, "properties": {**properties, **own}}


def _capped(meta: KubeObject, name: str, most: int) -> KubeObject:
    own = (meta.get(name) or {}).get("maxLength")
    return {"type": "string", "maxLength": most if own is None else min(own, most)}


def object_fields(root: DeclaredType) -> Mapping[str, Mapping[str, Type]]:
    """Name of every object type within -> its fields, as the checker wants them."""
    return {
        kind.type.name: {name: inner.type for name, inner in kind.fields.items()}
        for kind in _within(root)
        if kind.fields is not None
    }


def _within(kind: DeclaredType) -> Iterator[DeclaredType]:
    yield kind
    for inner in (kind.fields or {}).values():
        yield from _within(inner)
    if kind.element is not None:
        yield from _within(kind.element)


# --- escaping ---------------------------------------------------------------------------------------------------------

_ESCAPED = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_UNESCAPED = {"underscores": "__", "dot": ".", "dash": "-", "slash": "/"}
_ESCAPABLE = re.compile(r"[A-Za-z_./-][A-Za-z0-9_./-]*\Z", re.ASCII)
_TO_ESCAPE = re.compile(r"__|[-./]")
_TO_UNESCAPE = re.compile(r"__([^_]+)__")


def escape(name: str) -> str | None:
    """A property's name as a rule writes it (`a-b` -> `a__dash__b`); None when a rule cannot name it."""
    if name in RESERVED:
        return f"__{name}__"
    if not _ESCAPABLE.match(name):
        return None
    return _TO_ESCAPE.sub(lambda found: _ESCAPED[found.group()], name)


def unescape(name: str) -> str | None:
    """The property that a rule's name stands for; None for an escape that means nothing."""
    whole = name.startswith("__") and name.endswith("__") and name[2:-2] in RESERVED
    if whole:
        return name[2:-2]
    parts = _TO_UNESCAPE.findall(name)
    if any(part not in _UNESCAPED for part in parts):
        return None
    return _TO_UNESCAPE.sub(lambda found: _UNESCAPED[found.group(1)], name)
