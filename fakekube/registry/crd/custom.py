"""One version of a custom resource, ready to be served: what its definition says, compiled once.

Source: apiextensions-apiserver, pkg/apiserver/customresource_handler.go and pkg/registry/customresource of 1.37.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from fakekube.meta.errors import Cause, StatusError, invalid
from fakekube.meta.objects import KubeObject, metadata, name_of
from fakekube.registry.cel import compile_validations
from fakekube.registry.cel.validations import CompiledValidations
from fakekube.registry.crd.coercion import Coerced, body_coerced, coerced, completed, printed
from fakekube.registry.crd.conversion import Conversion, conversion_of
from fakekube.registry.crd.embedded import embedded_causes, has_embedded
from fakekube.registry.crd.field_type import CustomFieldType, field_type
from fakekube.registry.crd.lists import list_causes
from fakekube.registry.crd.scale import ScalePaths, scale_causes, scale_paths
from fakekube.registry.crd.schema_validation import ABSENT, NOWHERE, Check, Result, compile_schema, placed
from fakekube.registry.crd.structural import Structural, structural
from fakekube.registry.crd.version_order import version_priority
from fakekube.registry.validation import object_meta
from fakekube.registry.validation.names import dns_subdomain

# Compiled schemas that are kept: those of a few hundred definitions, shared by all sites of the process.
_KEPT = 1024
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompiledSchema:
    """An openAPIV3Schema, compiled. `bare` is its structure without defaults."""

    schema: KubeObject
    structure: Structural
    bare: Structural
    check: Check
    check_status: Check | None
    rules: CompiledValidations
    type: CustomFieldType
    embeds: bool


@lru_cache(maxsize=_KEPT)
def _compiled_schema(content: bytes) -> CompiledSchema:
    schema: KubeObject = msgspec.json.decode(content)
    structure = completed(structural(schema))
    status = (schema.get("properties") or {}).get("status")
    return CompiledSchema(
        schema=schema,
        structure=structure,
        bare=completed(structural(schema, with_defaults=False)),
        check=compile_schema(schema),
        check_status=None if status is None else compile_schema(status),
        rules=compile_validations(schema),
        type=field_type(structure),
        embeds=has_embedded(structure),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CustomVersion:
    """`stored` names the version that objects are kept in, `schemas` has the schemas of all versions."""

    group: str
    name: str
    kind: str
    stored: str
    schemas: Mapping[str, CompiledSchema]
    has_status: bool
    scale: ScalePaths | None
    columns: Sequence[KubeObject]
    selectable: tuple[str, ...]
    warning: str
    conversion: Conversion | None

    @property
    def compiled(self) -> CompiledSchema:
        return self.schemas[self.name]

    @property
    def type(self) -> CustomFieldType:
        """The type whose fields are owned."""
        return self.compiled.type

    @property
    def form(self) -> CompiledSchema:
        """What marks an object as stored in today's form."""
        return self.schemas[self.stored]

    def coerced(self, obj: KubeObject) -> Coerced:
        """`obj` pruned and defaulted."""
        return coerced(obj, self.compiled.structure)

    def applied(self, obj: KubeObject) -> KubeObject:
        """What an apply made, with defaults."""
        return coerced(obj, self.compiled.structure, keeps_nulls=True).object

    def to_stored(self, obj: KubeObject) -> KubeObject:
        """`obj`, of this version, as it is kept."""
        obj = self._converted(obj, f"{self.group}/{self.stored}")
        found: KubeObject = printed(body_coerced(obj, self.form.structure))
        return found

    def from_stored(self, obj: KubeObject, form: object) -> KubeObject:
        """A kept object in this version. One whose `form` is not today's is first read as its own version wants it."""
        if form is not self.form:
            version = str(obj.get("apiVersion")).rpartition("/")[2]
            obj = body_coerced(obj, self.schemas.get(version, self.form).structure)
        api_version = f"{self.group}/{self.name}"
        if obj.get("apiVersion") == api_version:
            return obj
        return body_coerced(self._converted(obj, api_version), self.compiled.bare)

    def _converted(self, obj: KubeObject, api_version: str) -> KubeObject:
        """`obj` with another apiVersion, and what else its webhook makes of it."""
        if obj.get("apiVersion") == api_version:
            return obj
        return (
            {**obj, "apiVersion": api_version}
            if self.conversion is None
            else self.conversion.converted(obj, api_version)
        )

    def in_version(self, obj: KubeObject, api_version: str) -> tuple[KubeObject, CustomFieldType]:
        """`obj` in another version, and its type there. 500 for a version that the definition has no more."""
        found = self.schemas.get(api_version.removeprefix(f"{self.group}/"))
        if found is None:
            message = f"request to convert CR from an invalid group/version: {api_version}"
            raise StatusError(code=500, reason="", message=message)
        return self._converted(obj, api_version), found.type

    def require_kind(self, obj: KubeObject, held: KubeObject | None, warnings: list[str]) -> None:
        """422 for an object of another kind: its metadata and schema are not looked at, its lists and rules are."""
        found = obj.get("kind") or ""
        if found != self.kind:
            message = f'Invalid value: "{found}": must be {self.kind}'
            cause = Cause(reason="FieldValueInvalid", message=message, field="kind")
            raise invalid(found, self.group, name_of(obj), self._completed([cause], obj, held, warnings))

    def create_causes(self, obj: KubeObject, namespaced: bool) -> list[Cause]:
        """Why `obj` may not be created."""
        self.require_kind(obj, None, [])
        meta = dict(metadata(obj))
        found = [*object_meta.created(meta, namespaced, dns_subdomain, own=False)]
        found += self._schema_causes(obj, ABSENT)
        if self.scale is not None:
            found += scale_causes(obj, self.scale)
        return self._completed(found, obj, None, []) or list(object_meta.names_in_paths(meta))

    def update_causes(self, obj: KubeObject, held: KubeObject, subresource: str, warnings: list[str]) -> list[Cause]:
        """Why `held` may not become `obj`; what stays as it was is not judged again, rules that it breaks are warnings."""
        self.require_kind(obj, held, warnings)
        found = [*object_meta.updated(dict(metadata(obj)), dict(metadata(held)), unconditional=False, own=False)]
        is_status = subresource == "status"
        found += self._status_causes(obj, held) if is_status else self._schema_causes(obj, held)
        if self.scale is not None:
            found += scale_causes(obj, self.scale, with_spec=not is_status)
        return self._completed(found, obj, held, warnings)

    def _schema_causes(self, obj: KubeObject, held: Any) -> Iterator[Cause]:
        result = Result()
        self.compiled.check(obj, held, "", result)
        yield from result.causes

    def _status_causes(self, obj: KubeObject, held: KubeObject) -> Iterator[Cause]:
        check = self.compiled.check_status
        if check is not None and "status" in obj:
            result = Result()
            check(obj["status"], held.get("status", ABSENT), "", result)
            yield from (placed(cause, "status") for cause in result.causes)

    def _completed(
        self, found: list[Cause], obj: KubeObject, held: KubeObject | None, warnings: list[str]
    ) -> list[Cause]:
        """With what embedded resources, lists and rules have to say."""
        compiled = self.compiled
        if compiled.embeds:
            found += embedded_causes(obj, compiled.structure)
        if held is None or not any(True for _ in list_causes(held, compiled.structure)):
            found += list_causes(obj, compiled.structure)
        if compiled.rules.root is not None:
            found += self._rule_causes(found, obj, held, warnings)
        return list(dict.fromkeys(found))

    def _rule_causes(
        self, found: Sequence[Cause], obj: KubeObject, held: KubeObject | None, warnings: list[str]
    ) -> list[Cause]:
        if any(cause.reason in _BLOCKING for cause in found):
            return [_UNCHECKED]
        return self.compiled.rules.check(obj, held, warn=warnings.append)


def compile_versions(kind: str, spec: KubeObject) -> Mapping[str, CustomVersion]:
    """The versions of a definition's spec by name, compiled; the same content is compiled once."""
    return _compile(spec["group"], kind, msgspec.json.encode([spec["versions"], spec.get("conversion")]))


@lru_cache(maxsize=_KEPT)
def _compile(group: str, kind: str, content: bytes) -> Mapping[str, CustomVersion]:
    versions: list[KubeObject]
    versions, conversion = msgspec.json.decode(content)
    webhook = conversion_of(conversion)
    schemas = {version["name"]: _compiled_schema(_schema_of(version)) for version in versions}
    stored = next(version["name"] for version in versions if version.get("storage"))
    preferred = _successor(versions)
    return {
        version["name"]: _version(group, kind, stored, schemas, version, preferred(version), webhook)
        for version in versions
    }


def _schema_of(version: KubeObject) -> bytes:
    return msgspec.json.encode((version.get("schema") or {}).get("openAPIV3Schema") or {})


def _version(
    group: str,
    kind: str,
    stored: str,
    schemas: Mapping[str, CompiledSchema],
    version: KubeObject,
    successor: str,
    conversion: Conversion | None,
) -> CustomVersion:
    subresources = version.get("subresources") or {}
    scale = subresources.get("scale")
    return CustomVersion(
        group=group,
        name=version["name"],
        kind=kind,
        stored=stored,
        schemas=schemas,
        has_status=subresources.get("status") is not None,
        scale=None if scale is None else scale_paths(scale),
        columns=tuple(version.get("additionalPrinterColumns") or ()),
        selectable=tuple(each["jsonPath"].removeprefix(".") for each in version.get("selectableFields") or ()),
        warning=_warning(group, kind, version, successor),
        conversion=conversion,
    )


def _warning(group: str, kind: str, version: KubeObject, successor: str) -> str:
    if not version.get("deprecated"):
        return ""
    told: str | None = version.get("deprecationWarning")
    if told is not None:
        return told
    text = f"{group}/{version['name']} {kind} is deprecated"
    return f"{text}; use {group}/{successor} {kind}" if successor else text


def _successor(versions: Sequence[KubeObject]) -> Callable[[KubeObject], str]:
    """Which version is recommended instead of a deprecated one: the highest that is served and not deprecated."""
    fine = [each["name"] for each in versions if each.get("served") and not each.get("deprecated")]
    best = min(fine, key=version_priority, default="")

    def successor(version: KubeObject) -> str:
        return best if best and version_priority(best) < version_priority(version["name"]) else ""

    return successor
