"""Walks an object by its schema and lets each type add its defaults. Branches without any are never entered.

Nothing is changed in place: what gets a default is copied, with the path that leads to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fakekube.meta.objects import KubeObject
from fakekube.registry.defaulting.kinds import FUNCTIONS
from fakekube.registry.defaulting.values import STATIC
from fakekube.registry.quantity import parse_quantity
from fakekube.registry.schema import Schema

Walk = Callable[[Any], Any]

_PREFIXES = ("io.k8s.api.", "io.k8s.apiextensions-apiserver.pkg.apis.", "io.k8s.kube-aggregator.pkg.apis.")
_MILLI = -3
_KNOWN: dict[str, Walk | None] = {}


def defaulter(schema: Schema) -> Walk | None:
    """The function that defaults values of a type; None when nothing in it has a default."""
    if schema.type in ("list", "map"):
        return _elements(schema)
    if schema.type != "struct":
        return None
    if schema.name not in _KNOWN:
        struct = _Struct(schema)
        _KNOWN[schema.name] = struct.walk  # for types that contain themselves
        struct.compile()
        if struct.idle:
            _KNOWN[schema.name] = None
    return _KNOWN[schema.name]


def short_name(openapi_name: str) -> str:
    """`io.k8s.api.core.v1.Pod` -> `core.v1.Pod`."""
    for prefix in _PREFIXES:
        openapi_name = openapi_name.removeprefix(prefix)
    return openapi_name


class _Struct:
    """Defaults of one struct: plain values, a function of its own, then those of its fields."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        name = short_name(schema.name)
        self._static: Mapping[str, Any] = {**_declared(schema), **STATIC.get(name, {})}
        self._function = FUNCTIONS.get(name)
        self._inner: list[tuple[str, Walk]] = []

    def compile(self) -> None:
        for name, field in self._schema.fields.items():
            if self._schema.go_types.get(name) == "v1.ResourceList":
                self._inner.append((name, _rounded))
                continue
            walk = defaulter(field)
            if walk is not None:
                self._inner.append((name, walk))

    @property
    def idle(self) -> bool:
        return not (self._static or self._function or self._inner)

    def _with_static(self, value: KubeObject) -> KubeObject:
        """With the plain values that are not set; what Go always prints is not set while it is zero or null."""
        always = self._schema.always_printed
        missing = {
            name: default
            for name, default in self._static.items()
            if name not in value or (name in always and _is_unset(value[name], name in self._schema.pointers))
        }
        return {**value, **missing} if missing else value

    def walk(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if self._function is not None:
            value = self._function(value)
        value = self._with_static(value)
        changed: KubeObject = {}
        for name, walk in self._inner:
            member = value.get(name)
            if member is not None:
                defaulted = walk(member)
                if defaulted is not member:
                    changed[name] = defaulted
        return {**value, **changed} if changed else value


def _is_unset(value: Any, pointer: bool) -> bool:
    """Behind a pointer only null is unset; elsewhere Go cannot tell zero from unset."""
    return value is None or (not pointer and value in ("", 0, []) and value is not False)


def _declared(schema: Schema) -> KubeObject:
    """Defaults that the server's own schema tells; a zero value has no effect but behind a pointer."""
    declared = {name: field.default for name, field in schema.fields.items() if field.has_default}
    return {name: d for name, d in declared.items() if d or (name in schema.pointers and d not in ({}, [], None))}


def _elements(schema: Schema) -> Walk | None:
    walk = None if schema.items is None else defaulter(schema.items)
    if walk is None:
        return None
    return _of_list(walk) if schema.type == "list" else _of_map(walk)


def _of_list(walk: Walk) -> Walk:
    def walk_list(values: Any) -> Any:
        defaulted = [walk(value) for value in values]
        return values if all(new is old for new, old in zip(defaulted, values, strict=True)) else defaulted

    return walk_list


def _of_map(walk: Walk) -> Walk:
    def walk_map(values: Any) -> Any:
        defaulted = {name: walk(value) for name, value in values.items()}
        return values if all(defaulted[name] is values[name] for name in values) else defaulted

    return walk_map


def _rounded(quantities: Any) -> Any:
    """Amounts of resources are whole thousandths, rounded up."""
    rounded = {name: str(parse_quantity(str(text)).rounded_up(_MILLI)) for name, text in quantities.items()}
    return quantities if rounded == quantities else rounded
