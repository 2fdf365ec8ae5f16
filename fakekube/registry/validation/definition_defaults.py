"""Defaults in a custom resource's schema: each must be a value that its own schema would take.

Source: apiextensions-apiserver/pkg/apiserver/schema/defaulting/validation.go of 1.37.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fakekube.meta.errors import Cause
from fakekube.meta.objects import KubeObject
from fakekube.registry.canonical import DecodeError
from fakekube.registry.cel import compile_validations
from fakekube.registry.crd.coercion import coerced_part
from fakekube.registry.crd.schema_validation import ABSENT, Result, compile_schema, placed
from fakekube.registry.crd.structural import EMBEDDED, structural
from fakekube.registry.validation.causes import Causes, go_value, invalid


def default_causes(schema: KubeObject, path: str) -> Causes:
    """What is wrong with the defaults of a structural schema and all below it; additionalProperties can have none."""
    yield from _below(schema, path, is_resource=True)


def _below(schema: KubeObject, path: str, *, is_resource: bool) -> Causes:
    """`is_resource`: the root, or an embedded resource, whose kind and apiVersion are texts."""
    if isinstance(schema.get("items"), dict):
        yield from _at(schema["items"], f"{path}.items")
    for name, inner in (schema.get("properties") or {}).items():
        here, value = f"{path}.properties[{name}]", inner.get("default")
        if is_resource and name in ("apiVersion", "kind") and value is not None and not isinstance(value, str):
            fault = f"{name}: Invalid value: {go_value(value)}: must be a string"
            yield invalid(f"{here}.default", value, f"must result in valid metadata: {fault}")
        else:
            yield from _at(inner, here)


def _at(schema: KubeObject, path: str) -> Causes:
    if schema.get("default") is not None:
        yield from _own(schema, schema["default"], f"{path}.default")
    yield from _below(schema, path, is_resource=bool(schema.get(EMBEDDED)))


def _own(schema: KubeObject, value: Any, path: str) -> Causes:
    try:
        pruned = coerced_part(value, structural(schema))
    except DecodeError as error:
        yield invalid(path, value, str(error))
        return
    if not _kept(pruned, value):
        yield invalid(path, value, "must not have unknown fields")
    result = Result()
    compile_schema(schema)(value, ABSENT, "", result)
    found = [placed(cause, path) for cause in result.causes]
    yield from found or _broken_rules(schema, value, path)


def _kept(pruned: Any, value: Any) -> bool:
    """Whether pruning left all members; nulls do not count, they may go or become defaults."""
    if value is None:
        return True
    if isinstance(value, dict) and isinstance(pruned, dict):
        return all(each is None or (name in pruned and _kept(pruned[name], each)) for name, each in value.items())
    if isinstance(value, list) and isinstance(pruned, list):
        return all(map(_kept, pruned, value))
    return bool(pruned == value)


def _broken_rules(schema: KubeObject, value: Any, path: str) -> Iterator[Cause]:
    """A default must stand where there was none, and where it stood before."""
    rules = compile_validations(schema)
    if not rules.faults:
        yield from rules.check(value, value, path) or rules.check(value, None, path)
