"""The schemas of custom resources as OpenAPI publishes them: what the definition says, and what every object has.

Source: apiextensions-apiserver/pkg/controller/openapi/builder of 1.37.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fakekube.apiserver.openapi_words import type_meta_words
from fakekube.meta.objects import GroupVersionKind, KubeObject
from fakekube.registry.crd.custom import CustomVersion
from fakekube.registry.crd.structural import EMBEDDED, INT_OR_STRING, PRESERVE
from fakekube.registry.resources import ResourceType

INFO: KubeObject = {"title": "Kubernetes CRD Swagger", "version": "v0.1.0"}
_META = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1"
_CONVENTIONS = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
_METADATA: KubeObject = {
    "allOf": [{"$ref": f"{_META}.ObjectMeta"}],
    "description": f"Standard object's metadata. More info: {_CONVENTIONS}#metadata",
}
_LIST_METADATA: KubeObject = {
    "allOf": [{"$ref": f"{_META}.ListMeta"}],
    "description": f"Standard list metadata. More info: {_CONVENTIONS}#types-kinds",
}
# Said of them where Kubernetes' own words are not installed.
_TYPE_META = {
    "apiVersion": "The version of the schema that the object is written in.",
    "kind": "The kind of the object, in CamelCase.",
}
_INT_OR_STRING_FORMS: tuple[KubeObject, ...] = ({"type": "integer"}, {"type": "string"})
_KINDS = "x-kubernetes-group-version-kind"
_SELECTABLE = "x-kubernetes-selectable-fields"
# What a v2 document cannot say, or what made old clients refuse good objects.
_NOT_IN_V2 = frozenset(["allOf", "anyOf", "oneOf", "not", "nullable"])
# ... and what it does not say of a value that may be null, or have fields that nobody declared.
_SHAPE = frozenset(["type", "properties", "items", "additionalProperties"])


def model_name(kind: GroupVersionKind) -> str:
    """`com.example.stable.v1.Foo` for Foo of stable.example.com/v1."""
    return ".".join([*reversed(kind.group.split(".")), kind.version, kind.kind])


def model_schemas(resources: Iterable[ResourceType]) -> Mapping[str, KubeObject]:
    """The schemas of the custom ones of `resources` and of their lists, by name."""
    found: dict[str, KubeObject] = {}
    for resource in resources:
        if resource.custom is not None:
            found[model_name(resource.gvk)] = _object(resource, resource.custom)
            found[model_name(resource.gvk._replace(kind=resource.list_kind))] = _list(resource, resource.custom)
    return found


def _object(resource: ResourceType, custom: CustomVersion) -> KubeObject:
    found = published(custom.compiled.schema)
    properties = {**(found.get("properties") or {}), **_type_meta(), "metadata": _METADATA}
    return {**found, "properties": dict(sorted(properties.items())), **_extensions(resource.gvk, custom)}


def _list(resource: ResourceType, custom: CustomVersion) -> KubeObject:
    items: KubeObject = {
        "type": "array",
        "items": {"$ref": f"#/components/schemas/{model_name(resource.gvk)}"},
        "description": f"List of {resource.plural}. More info: {_CONVENTIONS}",
    }
    return {
        "description": f"{resource.list_kind} is a list of {resource.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {**_type_meta(), "items": items, "metadata": _LIST_METADATA},
        **_extensions(resource.gvk._replace(kind=resource.list_kind), custom),
    }


def _type_meta() -> KubeObject:
    words = type_meta_words()
    return {name: {"type": "string", "description": words.of(name) or text} for name, text in _TYPE_META.items()}


def _extensions(kind: GroupVersionKind, custom: CustomVersion) -> KubeObject:
    found: KubeObject = {_KINDS: [dict(sorted(kind._asdict().items()))]}
    if custom.selectable:
        found[_SELECTABLE] = [{"fieldPath": path} for path in custom.selectable]
    return found


def published(schema: KubeObject) -> KubeObject:
    """A node of the definition's schema with what it leaves to be understood."""
    found = {name: _inner(name, value) for name, value in schema.items()}
    if schema.get(INT_OR_STRING) and not schema.get("anyOf") and not schema.get("allOf"):
        found["anyOf"] = list(_INT_OR_STRING_FORMS)
    if schema.get(EMBEDDED):
        found["properties"] = {**(found.get("properties") or {}), **_type_meta(), "metadata": _METADATA}
        required = found.get("required") or []
        found["required"] = [*required, *(name for name in ("kind", "apiVersion") if name not in required)]
    return found


def _inner(name: str, value: Any) -> Any:
    if name == "properties":
        return {member: published(each) for member, each in value.items()}
    if name in ("items", "additionalProperties") and isinstance(value, dict):
        return published(value)
    return value


def without_logic(schema: KubeObject) -> KubeObject:
    """The schema of a kind for a v2 document; one that keeps unknown fields says nothing of known ones there."""
    if schema.get(PRESERVE):
        return {name: schema[name] for name in ("type", "description", _KINDS, _SELECTABLE) if name in schema}
    return _without_logic(schema)


def _without_logic(schema: KubeObject) -> KubeObject:
    if "$ref" in (schema.get("allOf") or [{}])[0]:
        return schema
    dropped = set(_NOT_IN_V2)
    if schema.get("nullable") or schema.get(PRESERVE):
        dropped |= _SHAPE
    if schema.get(PRESERVE) and schema.get(EMBEDDED):
        dropped.add("required")
    found = {name: _v2_member(name, value) for name, value in schema.items() if name not in dropped}
    nullable = {name for name, member in (schema.get("properties") or {}).items() if member.get("nullable")}
    if nullable and "required" in found:
        found["required"] = [name for name in found["required"] if name not in nullable]
    return found


def _v2_member(name: str, value: Any) -> Any:
    if name == "properties":
        return {member: _without_logic(each) for member, each in value.items()}
    inner = name in ("items", "additionalProperties") and isinstance(value, dict)
    return _without_logic(value) if inner else value
