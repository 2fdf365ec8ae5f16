"""What is odd about a definition that is taken all the same: formats that nobody checks, sets of compound items.

Source: apiextensions-apiserver/pkg/registry/customresourcedefinition/strategy.go of 1.37.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fakekube.meta.objects import KubeObject
from fakekube.registry.crd.formats import is_known_format
from fakekube.registry.crd.structural import LIST_TYPE

_NESTED = ("allOf", "anyOf", "oneOf")


def definition_warnings(definition: KubeObject) -> Iterator[str]:
    """The texts of the Warning headers of a write that leaves `definition`."""
    versions = (definition.get("spec") or {}).get("versions") or ()
    schemas = [(version.get("schema") or {}).get("openAPIV3Schema") or {} for version in versions]
    for schema in schemas:
        yield from (f'unrecognized format "{name}"' for name in _unknown_formats(schema))
    yield from sorted({text for schema in schemas for text in _compound_sets(schema)})


def _unknown_formats(schema: KubeObject) -> Iterator[str]:
    name = schema.get("format") or ""
    if name and not is_known_format(name, schema.get("type") or ""):
        yield name
    for inner in _inner(schema):
        yield from _unknown_formats(inner)


def _compound_sets(schema: KubeObject) -> Iterator[str]:
    items: Any = schema.get("items")
    if schema.get(LIST_TYPE) == "set" and isinstance(items, dict) and items.get("type") in ("object", "array"):
        kind = items["type"]
        yield (
            f'{LIST_TYPE}: set for items of type "{kind}" is not supported by server-side apply or CEL validation rules'
        )
    for inner in _inner(schema):
        yield from _compound_sets(inner)


def _inner(schema: KubeObject) -> Iterator[KubeObject]:
    yield from (schema.get("properties") or {}).values()
    for member in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(member), dict):
            yield schema[member]
    for member in _NESTED:
        yield from schema.get(member) or ()
