"""One version of a custom resource, ready to be served: what its definition says, compiled once.

Source: apiextensions-apiserver, pkg/apiserver/customresource_handler.go and pkg/registry/customresource of 1.37.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from fakekube.meta.errors import Cause
from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.cel import compile_validations
from fakekube.registry.cel.validations import CompiledValidations
from fakekube.registry.crd.coercion import Coerced, coerced, completed
from fakekube.registry.crd.field_type import CustomFieldType, field_type
from fakekube.registry.crd.lists import list_causes
from fakekube.registry.crd.schema_validation import ABSENT, NOWHERE, Check, Result, compile_schema
from fakekube.registry.crd.structural import Structural, structural
from fakekube.registry.validation import object_meta
from fakekube.registry.validation.names import dns_subdomain

# Versions that are kept compiled: those of a few hundred definitions, shared by all sites of the process.
_KEPT = 1024
_UNKNOWN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
# What makes a schema's verdict too uncertain for rules to be run on the object.
_BLOCKING = frozenset(
    ["FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid"]
)
_UNCHECKED = Cause(
    reason="FieldValueInvalid",
    message="Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
    field=NOWHERE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalePaths:
    """Where a custom resource keeps its replicas and the selector of its pods: dotted, without the leading dot."""

    replicas: str
    status_replicas: str
    selector: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CustomVersion:
    """`schema` is the version's openAPIV3Schema as it was sent; `stored` the version that objects are kept in."""

    stored: str
    schema: KubeObject
    structure: Structural
    check: Check
    rules: CompiledValidations
    type: CustomFieldType
    has_status: bool
    scale: ScalePaths | None
    columns: Sequence[KubeObject]
    selectable: tuple[str, ...]
    warning: str

    def coerced(self, obj: KubeObject) -> Coerced:
        """`obj` pruned and defaulted."""
        return coerced(obj, self.structure)

    def create_causes(self, obj: KubeObject, namespaced: bool) -> list[Cause]:
        """Why `obj` may not be created."""
        meta = list(object_meta.created(dict(metadata(obj)), namespaced, dns_subdomain, own=False))
        return self._causes(meta, obj, ABSENT)

    def update_causes(self, obj: KubeObject, held: KubeObject) -> list[Cause]:
        """Why `held` may not become `obj`; what stays as it was is not judged again."""
        meta = list(object_meta.updated(dict(metadata(obj)), dict(metadata(held)), unconditional=False, own=False))
        return self._causes(meta, obj, held)

    def _causes(self, found: list[Cause], obj: KubeObject, held: Any) -> list[Cause]:
        result = Result()
        self.check(_body(obj), ABSENT if held is ABSENT else _body(held), "", result)
        causes = [*found, *result.causes]
        if held is ABSENT or not list(list_causes(held, self.structure)):
            causes += list_causes(obj, self.structure)
        if self.rules.root is None:
            return causes
        if any(cause.reason in _BLOCKING for cause in causes):
            return [*causes, _UNCHECKED]
        return causes + self.rules.check(obj, None if held is ABSENT else held)


def _body(obj: KubeObject) -> KubeObject:
    """All but what every object has, which no schema judges."""
    return {name: value for name, value in obj.items() if name != "metadata"}


def compile_version(group: str, kind: str, stored: str, version: KubeObject) -> CustomVersion:
    """The version of a definition's spec, compiled; the same content is compiled once."""
    return _compile(group, kind, stored, msgspec.json.encode(version))


@lru_cache(maxsize=_KEPT)
def _compile(group: str, kind: str, stored: str, content: bytes) -> CustomVersion:
    version: KubeObject = msgspec.json.decode(content)
    schema = (version.get("schema") or {}).get("openAPIV3Schema") or _UNKNOWN
    structure, subresources = completed(structural(schema)), version.get("subresources") or {}
    scale = subresources.get("scale")
    return CustomVersion(
        stored=stored,
        schema=schema,
        structure=structure,
        check=compile_schema(schema),
        rules=compile_validations(schema),
        type=field_type(structure),
        has_status="status" in subresources,
        scale=None if scale is None else _scale(scale),
        columns=tuple(version.get("additionalPrinterColumns") or ()),
        selectable=tuple(each["jsonPath"].removeprefix(".") for each in version.get("selectableFields") or ()),
        warning=_warning(group, kind, version),
    )


def _scale(scale: KubeObject) -> ScalePaths:
    return ScalePaths(
        replicas=scale.get("specReplicasPath", "").removeprefix("."),
        status_replicas=scale.get("statusReplicasPath", "").removeprefix("."),
        selector=scale.get("labelSelectorPath", "").removeprefix("."),
    )


def _warning(group: str, kind: str, version: KubeObject) -> str:
    if not version.get("deprecated"):
        return ""
    return version.get("deprecationWarning") or f"{group}/{version['name']} {kind} is deprecated"
