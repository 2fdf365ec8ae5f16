"""The types of built-in kinds as OpenAPI v3's `components.schemas` has them, made from the table of schemas.

Types and fields are described where `openapi_words` finds the words. Source: the documents of kube-apiserver 1.37.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fakekube.apiserver.openapi_paths import META
from fakekube.apiserver.openapi_words import with_values, words_of
from fakekube.meta.objects import GroupVersionKind, KubeObject
from fakekube.registry.schema import Schema, registered_versions, schema_named

REFERENCE = "#/components/schemas/"


# A pair of group and version.
Versions = Sequence[tuple[str, str]]

# Their kinds are compiled in beside those that custom resources know of ...
_ASIDE = ("apiextensions.k8s.io", "apiregistration.k8s.io")
# ... and these are neither served nor in the table of kinds.
_NEVER_SERVED = (
    ("admission.k8s.io", "v1"),
    ("admission.k8s.io", "v1beta1"),
    ("apiextensions.k8s.io", "v1beta1"),
    ("apiregistration.k8s.io", "v1beta1"),
    ("imagepolicy.k8s.io", "v1alpha1"),
)


def all_versions() -> Versions:
    """The group-versions that a document about everything names for DeleteOptions and WatchEvent."""
    return sorted({*registered_versions(), *_NEVER_SERVED})


def versions_of_custom() -> Versions:
    """The same in a document about custom resources."""
    return [each for each in registered_versions() if each[0] not in _ASIDE]


def referred_by(value: object) -> Iterator[str]:
    """The named types that operations mention, in any depth."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        if name == "$ref" and isinstance(member, str):
            yield member.removeprefix(REFERENCE)
        else:
            yield from referred_by(member)


def schemas_of(names: Iterable[str], versions: Versions = ()) -> KubeObject:
    """The named types and all they refer to; DeleteOptions and WatchEvent serve a kind in each of `versions`."""
    found: KubeObject = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        schema = schema_named(name)
        found[name] = _type(schema, versions)
        waiting += referred(schema)
    return dict(sorted(found.items()))


def referred(schema: Schema) -> list[str]:
    """The named types a type mentions."""
    inner = [*schema.fields.values(), *([schema.items] if schema.items is not None else [])]
    return [name for each in inner for name in ([each.name] if each.name else referred(each))]


_SIMPLE: dict[str, KubeObject] = {
    "string": {"type": "string"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "bool": {"type": "boolean"},
    "double": {"type": "number", "format": "double"},
    "byte": {"type": "string", "format": "byte"},
    "date-time": {"type": "string", "format": "date-time"},
    "quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
    "int-or-string": {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
    "object": {"type": "object"},
    "any": {},
}
_IN_EVERY_VERSION = ("DeleteOptions", "WatchEvent")


def _type(schema: Schema, versions: Versions) -> KubeObject:
    """A type as `components.schemas` has it."""
    found = _described(words_of(schema.name).description, _shape(schema))
    if schema.declared_map_type:
        found["x-kubernetes-map-type"] = schema.declared_map_type
    if schema.unions:
        found["x-kubernetes-unions"] = [dict(union) for union in schema.unions]
    kinds = [dict(sorted(kind._asdict().items())) for kind in _kinds(schema, versions)]
    if kinds:
        found["x-kubernetes-group-version-kind"] = kinds
    return found


def _kinds(schema: Schema, versions: Versions) -> Sequence[GroupVersionKind]:
    kind = schema.name.removeprefix(f"{META}.")
    if kind in _IN_EVERY_VERSION:
        return [GroupVersionKind(group, version, kind) for group, version in versions]
    return schema.gvks


def _shape(schema: Schema) -> KubeObject:
    """Type, properties, items: the part that the Go type alone tells."""
    if schema.type == "struct":
        found: KubeObject = {"type": "object"}
        if schema.required:
            found["required"] = list(schema.required)
        found["properties"] = _properties(schema)
        return found
    if schema.type in ("list", "map"):
        assert schema.items is not None
        member = "items" if schema.type == "list" else "additionalProperties"
        return {"type": "array" if schema.type == "list" else "object", member: _element(schema.items)}
    return dict(_SIMPLE[schema.type])


def _properties(schema: Schema) -> KubeObject:
    words, bare = words_of(schema.name), schema.bare_references
    return {
        name: _field(field, bare=True) if name in bare else _described(words.of(name), _field(field), field.enum)
        for name, field in sorted(schema.fields.items())
    }


def _described(text: str, found: KubeObject, enum: Sequence[str] = ()) -> KubeObject:
    return {"description": with_values(text, enum), **found} if text else found


def _element(schema: Schema) -> KubeObject:
    """The element of a list or map: a bare reference, or a shape with its default."""
    reference = {"$ref": f"{REFERENCE}{schema.name}"}
    if schema.name and not schema.has_default:
        return reference
    if schema.name:
        return {"allOf": [reference], "default": schema.default}
    return _with_extensions(_shape(schema), schema)


def _field(schema: Schema, *, bare: bool = False) -> KubeObject:
    """A property: a reference is wrapped, as the server does to hang a description on it; a few types have none."""
    if schema.name:
        reference = {"$ref": f"{REFERENCE}{schema.name}"}
        if bare:
            return reference
        found: KubeObject = {"allOf": [reference]}
        if schema.has_default:
            found = {"default": schema.default, **found}
        return found | _merge_extensions(schema) | _own_map_type(schema)
    return _with_extensions(_shape(schema), schema)


def _own_map_type(schema: Schema) -> KubeObject:
    return {"x-kubernetes-map-type": schema.own_map_type} if schema.own_map_type else {}


def _with_extensions(found: KubeObject, schema: Schema) -> KubeObject:
    if schema.has_default:
        found["default"] = schema.default
    if schema.enum:
        found["enum"] = list(schema.enum)
    if schema.list_map_keys:
        found["x-kubernetes-list-map-keys"] = list(schema.list_map_keys)
    if schema.declared_list_type:
        found["x-kubernetes-list-type"] = schema.declared_list_type
    if schema.declared_map_type:
        found["x-kubernetes-map-type"] = schema.declared_map_type
    return found | _merge_extensions(schema)


def _merge_extensions(schema: Schema) -> KubeObject:
    found: KubeObject = {}
    if schema.patch_merge_key:
        found["x-kubernetes-patch-merge-key"] = schema.patch_merge_key
    if schema.patch_strategy_text:
        found["x-kubernetes-patch-strategy"] = schema.patch_strategy_text
    return found
