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
from fakekube.registry.crd.structural import structural
from fakekube.registry.validation.causes import Causes, invalid


def default_causes(schema: KubeObject, path: str) -> Causes:
    """What is wrong with the defaults of a structural schema and all below it; additionalProperties can have none."""
    if schema.get("default") is not None:
        yield from _own(schema, schema["default"], f"{path}.default")
    if isinstance(schema.get("items"), dict):
        yield from default_causes(schema["items"], f"{path}.items")
    for name, inner in (schema.get("properties") or {}).items():
        yield from default_causes(inner, f"{path}.properties[{name}]")


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
