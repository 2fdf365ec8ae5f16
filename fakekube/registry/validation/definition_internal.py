"""Versions of a definition as messages show them: the internal Go structs, in which every field shows under its Go name.

Source: apiextensions-apiserver/pkg/apis/apiextensions/types.go and types_jsonschema.go, and answers of kube-apiserver 1.37.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fakekube.meta.objects import KubeObject

_Shown = Callable[[Any], Any]
# Go name, JSON name, what shows where nothing is set, and how a value shows.
_Field = tuple[str, str, object, _Shown]


def shown_version(version: KubeObject) -> KubeObject:
    return _struct(version, _VERSION)


def _struct(value: KubeObject, fields: Sequence[_Field]) -> KubeObject:
    return {go: shown(value[name]) if value.get(name) is not None else zero for go, name, zero, shown in fields}


def _plain(value: Any) -> Any:
    return value


def _of(fields: Callable[[], Sequence[_Field]]) -> _Shown:
    """`fields` is asked late: a schema contains schemas."""
    return lambda value: _struct(value, fields())


def _each(shown: _Shown) -> _Shown:
    return lambda values: [shown(value) for value in values]


def _by_name(shown: _Shown) -> _Shown:
    """Go sorts the keys of maps."""
    return lambda values: {name: shown(values[name]) for name in sorted(values)}


def _or_bool(value: Any) -> KubeObject:
    if isinstance(value, bool):
        return {"Allows": value, "Schema": None}
    return {"Allows": True, "Schema": _schema(value)}


def _or_list(value: Any) -> KubeObject:
    if isinstance(value, list):
        return {"Schema": None, "JSONSchemas": [_schema(each) for each in value]}
    return {"Schema": _schema(value), "JSONSchemas": None}


def _or_names(value: Any) -> KubeObject:
    if isinstance(value, list):
        return {"Schema": None, "Property": value}
    return {"Schema": _schema(value), "Property": None}


_schema = _of(lambda: _SCHEMA)
_RULE: tuple[_Field, ...] = (
    ("Rule", "rule", "", _plain),
    ("Message", "message", "", _plain),
    ("MessageExpression", "messageExpression", "", _plain),
    ("Reason", "reason", None, _plain),
    ("FieldPath", "fieldPath", "", _plain),
    ("OptionalOldSelf", "optionalOldSelf", None, _plain),
)
_DOCS: tuple[_Field, ...] = (("Description", "description", "", _plain), ("URL", "url", "", _plain))
_SCHEMA: tuple[_Field, ...] = (
    ("ID", "id", "", _plain),
    ("Schema", "$schema", "", _plain),
    ("Ref", "$ref", None, _plain),
    ("Description", "description", "", _plain),
    ("Type", "type", "", _plain),
    ("Nullable", "nullable", False, _plain),
    ("Format", "format", "", _plain),
    ("Title", "title", "", _plain),
    ("Default", "default", None, _plain),
    ("Maximum", "maximum", None, _plain),
    ("ExclusiveMaximum", "exclusiveMaximum", False, _plain),
    ("Minimum", "minimum", None, _plain),
    ("ExclusiveMinimum", "exclusiveMinimum", False, _plain),
    ("MaxLength", "maxLength", None, _plain),
    ("MinLength", "minLength", None, _plain),
    ("Pattern", "pattern", "", _plain),
    ("MaxItems", "maxItems", None, _plain),
    ("MinItems", "minItems", None, _plain),
    ("UniqueItems", "uniqueItems", False, _plain),
    ("MultipleOf", "multipleOf", None, _plain),
    ("Enum", "enum", None, _plain),
    ("MaxProperties", "maxProperties", None, _plain),
    ("MinProperties", "minProperties", None, _plain),
    ("Required", "required", None, _plain),
    ("Items", "items", None, _or_list),
    ("AllOf", "allOf", None, _each(_schema)),
    ("OneOf", "oneOf", None, _each(_schema)),
    ("AnyOf", "anyOf", None, _each(_schema)),
    ("Not", "not", None, _schema),
    ("Properties", "properties", None, _by_name(_schema)),
    ("AdditionalProperties", "additionalProperties", None, _or_bool),
    ("PatternProperties", "patternProperties", None, _by_name(_schema)),
    ("Dependencies", "dependencies", None, _by_name(_or_names)),
    ("AdditionalItems", "additionalItems", None, _or_bool),
    ("Definitions", "definitions", None, _by_name(_schema)),
    ("ExternalDocs", "externalDocs", None, _of(lambda: _DOCS)),
    ("Example", "example", None, _plain),
    ("XPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields", None, _plain),
    ("XEmbeddedResource", "x-kubernetes-embedded-resource", False, _plain),
    ("XIntOrString", "x-kubernetes-int-or-string", False, _plain),
    ("XListMapKeys", "x-kubernetes-list-map-keys", None, _plain),
    ("XListType", "x-kubernetes-list-type", None, _plain),
    ("XMapType", "x-kubernetes-map-type", None, _plain),
    ("XValidations", "x-kubernetes-validations", None, _each(_of(lambda: _RULE))),
)
_VALIDATION: tuple[_Field, ...] = (("OpenAPIV3Schema", "openAPIV3Schema", None, _schema),)
_SCALE: tuple[_Field, ...] = (
    ("SpecReplicasPath", "specReplicasPath", "", _plain),
    ("StatusReplicasPath", "statusReplicasPath", "", _plain),
    ("LabelSelectorPath", "labelSelectorPath", None, _plain),
)
_SUBRESOURCES: tuple[_Field, ...] = (("Status", "status", None, _plain), ("Scale", "scale", None, _of(lambda: _SCALE)))
_COLUMN: tuple[_Field, ...] = (
    ("Name", "name", "", _plain),
    ("Type", "type", "", _plain),
    ("Format", "format", "", _plain),
    ("Description", "description", "", _plain),
    ("Priority", "priority", 0, _plain),
    ("JSONPath", "jsonPath", "", _plain),
)
_SELECTABLE: tuple[_Field, ...] = (("JSONPath", "jsonPath", "", _plain),)
_VERSION: tuple[_Field, ...] = (
    ("Name", "name", "", _plain),
    ("Served", "served", False, _plain),
    ("Storage", "storage", False, _plain),
    ("Deprecated", "deprecated", False, _plain),
    ("DeprecationWarning", "deprecationWarning", None, _plain),
    ("Schema", "schema", None, _of(lambda: _VALIDATION)),
    ("Subresources", "subresources", None, _of(lambda: _SUBRESOURCES)),
    ("AdditionalPrinterColumns", "additionalPrinterColumns", None, _each(_of(lambda: _COLUMN))),
    ("SelectableFields", "selectableFields", None, _each(_of(lambda: _SELECTABLE))),
)
