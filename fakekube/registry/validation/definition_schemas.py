"""Schemas of custom resources: structural, and within what Kubernetes takes of OpenAPI.

Source: apiextensions-apiserver (pkg/apiserver/schema/validation.go, pkg/apis/apiextensions/validation) of 1.37.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fakekube.meta.errors import Cause
from fakekube.meta.objects import KubeObject
from fakekube.registry.cel import compile_validations
from fakekube.registry.cel.fieldpaths import field_path
from fakekube.registry.validation.causes import Causes, forbidden, invalid, required, unsupported

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_LIST_TYPES = ("atomic", "set", "map")
_MAP_TYPES = ("atomic", "granular")
_NESTED = ("allOf", "anyOf", "oneOf")
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED = "x-kubernetes-embedded-resource"
_INT_OR_STRING = "x-kubernetes-int-or-string"
_LIST_TYPE = "x-kubernetes-list-type"
_MAP_TYPE = "x-kubernetes-map-type"
_MAP_KEYS = "x-kubernetes-list-map-keys"
_RULES = "x-kubernetes-validations"
_INT_OR_STRING_FORMS = [{"type": "integer"}, {"type": "string"}]


def openapi_schema(schema: KubeObject, path: str, held: KubeObject | None = None) -> Causes:
    """The schema of a version, from its root. `held` is the one that an update replaces.

    Rules are compiled only when the schema is structural and its defaults fit.
    """
    if schema.get("nullable"):
        yield forbidden(f"{path}.nullable", "nullable cannot be true at the root")
    faults: list[Cause] | None = None
    if _is_readable(schema):
        found = [*_structural(schema, path, "root"), *_incomplete(schema, schema, path, path)]
        faults = sorted(found, key=lambda cause: f"{cause.field}: {cause.message}")
        faults = faults or list(_defaults(schema, path))
        yield from faults
    standard = list(_standard(schema, path, is_root=True, no_default=""))
    yield from standard
    if faults == []:
        broken = compile_validations(schema, held).errors_under(path)
        yield from (cause for cause in broken if not _is_hidden(cause, standard))


def _is_hidden(broken: Cause, standard: list[Cause]) -> bool:
    """Whether a rule's error goes untold, as that of a schema with other errors at its node or deeper."""
    node, rules, _ = (broken.field or "").partition(".x-kubernetes-validations")
    if not rules:
        return bool(standard) and broken.reason == "InternalError"
    return any((cause.field or "").startswith(node) for cause in standard)


def _defaults(schema: KubeObject, path: str) -> Causes:
    # imported late: what judges values is loaded where there are definitions alone
    from fakekube.registry.validation.definition_defaults import default_causes

    return default_causes(schema, path)


def _is_readable(schema: KubeObject) -> bool:
    """Whether a structure can be read at all: what Kubernetes leaves out of OpenAPI makes that impossible."""
    if any(schema.get(member) not in (None, "", {}) for member in _UNSUPPORTED) or isinstance(
        schema.get("items"), list
    ):
        return False
    more = schema.get("additionalProperties")
    inner = [*(schema.get("properties") or {}).values(), *(each for _, each in _inner(schema, ""))]
    return all(map(_is_readable, [*inner, more] if isinstance(more, dict) else inner))


def found_type(schema: KubeObject, where: str) -> str | None:
    """The type of the field that a path such as `.spec.color` names; None when there is none."""
    for name in where.split(".")[1:]:
        if name in ("metadata", "kind", "apiVersion") and name not in (schema.get("properties") or {}):
            return None if name == "metadata" else "string"
        properties, more = schema.get("properties") or {}, schema.get("additionalProperties")
        found = properties.get(name, more if isinstance(more, dict) else None)
        if found is None:
            return None
        schema = found
    return str(schema.get("type") or "")


# --- structural -------------------------------------------------------------------------------------------------------

_TYPELESS = {
    "root": "must not be empty at the root",
    "item": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}


def _structural(schema: KubeObject, path: str, level: str) -> Iterator[Cause]:
    kind, items = schema.get("type") or "", schema.get("items")
    if kind == "array" and items is None:
        yield required(f"{path}.items", "must be specified")
    if isinstance(items, dict):
        yield from _structural(items, f"{path}.items", "item")
    properties: Mapping[str, KubeObject] = schema.get("properties") or {}
    for name, inner in properties.items():
        yield from _structural(inner, f"{path}.properties[{name}]", "field")
    more = schema.get("additionalProperties")
    if more is not None and level == "root":
        yield forbidden(f"{path}.additionalProperties", "must not be used at the root")
    if isinstance(more, dict):
        yield from _structural(more, f"{path}.additionalProperties", "field")
    yield from _extensions(schema, path)
    yield from _values(schema, path)
    yield from _typed(schema, path, level, kind)
    if level == "root" or schema.get(_EMBEDDED):
        yield from _meta(properties, path, level)


def _extensions(schema: KubeObject, path: str) -> Iterator[Cause]:
    for member in (_PRESERVE, _EMBEDDED):
        if schema.get(_INT_OR_STRING) and schema.get(member):
            yield invalid(f"{path}.{member}", True, f"must be false if {_INT_OR_STRING} is true")


def _typed(schema: KubeObject, path: str, level: str, kind: str) -> Iterator[Cause]:
    if schema.get(_EMBEDDED) and kind != "object":
        detail = f"must be object if {_EMBEDDED} is true"
        yield invalid(f"{path}.type", kind, detail) if kind else required(f"{path}.type", detail)
    elif not kind and not schema.get(_INT_OR_STRING) and not schema.get(_PRESERVE):
        yield required(f"{path}.type", _TYPELESS[level])
    if schema.get(_EMBEDDED):
        if schema.get("additionalProperties") is not None:
            yield forbidden(f"{path}.additionalProperties", f"must not be used if {_EMBEDDED} is set")
        if not schema.get(_PRESERVE) and not schema.get("properties"):
            detail = f"must not be empty if {_EMBEDDED} is true without {_PRESERVE}"
            yield required(f"{path}.properties", detail)
    if level == "root" and kind and kind != "object":
        yield invalid(f"{path}.type", kind, "must be object at the root")


def _meta(properties: Mapping[str, KubeObject], path: str, level: str) -> Iterator[Cause]:
    for name in ("kind", "apiVersion"):
        found = properties.get(name)
        if found is not None and found.get("type") != "string":
            yield invalid(f"{path}.properties[{name}].type", found.get("type") or "", "must be string")
    meta = properties.get("metadata")
    if meta is None:
        return
    if meta.get("type") != "object":
        yield invalid(f"{path}.properties[metadata].type", meta.get("type") or "", "must be object")
    inner = set(meta.get("properties") or {})
    rest = {name for name, value in meta.items() if name not in ("type", "properties", "default") and value}
    if level == "root" and (rest or not inner <= {"name", "generateName"}):
        detail = "must not specify anything other than name and generateName, but metadata is implicitly specified"
        yield forbidden(f"{path}.properties[metadata]", detail)


def _values(schema: KubeObject, path: str) -> Iterator[Cause]:
    """Validations of values, which may nest, but say nothing of the structure."""
    for member in _NESTED:
        forms = schema.get(member) or []
        if member == "anyOf" and forms == _INT_OR_STRING_FORMS:
            continue
        for index, nested in enumerate(forms):
            pattern = member == "allOf" and index == 0 and (nested.get("anyOf") == _INT_OR_STRING_FORMS)
            yield from _nested({**nested, "anyOf": []} if pattern else nested, f"{path}.{member}[{index}]")
    if schema.get("not") is not None:
        yield from _nested(schema["not"], f"{path}.not")
    fault = _pattern_fault(schema.get("pattern") or "")
    if fault:
        detail = f"must be a valid regular expression, but isn't: {fault}"
        yield invalid(f"{path}.pattern", schema["pattern"], detail)


def _pattern_fault(pattern: str) -> str:
    """What Go's regexp says of a pattern."""
    # imported late: few schemas have patterns
    from fakekube.registry.cel.regex_syntax import RegexError
    from fakekube.registry.cel.regexes import compiled

    try:
        compiled(pattern)
    except RegexError as error:
        return str(error)
    return ""


_NOT_STRUCTURAL = (
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    (_PRESERVE, "must be false to be structural"),
    (_EMBEDDED, "must be false to be structural"),
    (_INT_OR_STRING, "must be false to be structural"),
    (_MAP_KEYS, "must be empty to be structural"),
    (_LIST_TYPE, "must be undefined to be structural"),
    (_MAP_TYPE, "must be undefined to be structural"),
    (_RULES, "must be empty to be structural"),
)


def _nested(schema: KubeObject, path: str) -> Iterator[Cause]:
    yield from _values(schema, path)
    if isinstance(schema.get("items"), dict):
        yield from _nested(schema["items"], f"{path}.items")
    for name, inner in (schema.get("properties") or {}).items():
        yield from _nested(inner, f"{path}.properties[{name}]")
    for member, detail in _NOT_STRUCTURAL:
        if schema.get(member) not in (None, "", False, [], {}):
            yield forbidden(f"{path}.{member}", detail)
    if "metadata" in (schema.get("properties") or {}):
        yield forbidden(f"{path}.properties[metadata]", "must not be specified in a nested context")


def _incomplete(values: KubeObject, structure: KubeObject | None, path: str, where: str) -> Iterator[Cause]:
    """What the root's validations speak of is part of the structure. `where`: the path of `structure`."""
    for member in _NESTED:
        for index, nested in enumerate(values.get(member) or ()):
            yield from _specified(nested, structure, f"{path}.{member}[{index}]", where)
    if values.get("not") is not None:
        yield from _specified(values["not"], structure, f"{path}.not", where)


def _specified(nested: KubeObject, structure: KubeObject | None, path: str, where: str) -> Iterator[Cause]:
    if structure is None:
        yield required(where, f"because it is defined in {path}")
        return
    for name, inner in (nested.get("properties") or {}).items():
        here = f".properties[{name}]"
        yield from _specified(inner, (structure.get("properties") or {}).get(name), path + here, where + here)
    yield from _incomplete({**nested, "properties": None}, structure, path, where)


# --- OpenAPI ----------------------------------------------------------------------------------------------------------

_UNSUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")


def _standard(schema: KubeObject, path: str, *, is_root: bool, no_default: str, in_meta: bool = False) -> Causes:
    yield from _own(schema, path, no_default)
    if schema.get("uniqueItems"):
        detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield forbidden(f"{path}.uniqueItems", detail)
    more = schema.get("additionalProperties")
    if more is not None and more is not True and schema.get("properties"):
        detail = "additionalProperties and properties are mutual exclusive"
        yield forbidden(f"{path}.additionalProperties", detail)
    if isinstance(more, dict):
        reason = "inside additionalProperties applying to object metadata" if in_meta else no_default
        yield from _standard(more, f"{path}.additionalProperties", is_root=False, no_default=reason, in_meta=in_meta)
    for name, inner in (schema.get("properties") or {}).items():
        is_meta = (is_root or bool(schema.get(_EMBEDDED))) and name in ("metadata", "kind", "apiVersion")
        reason = f"in top-level {name}" if is_meta and is_root else no_default
        here = f"{path}.properties[{name}]"
        yield from _standard(inner, here, is_root=False, no_default=reason, in_meta=in_meta or is_meta)
    for here, inner in _inner(schema, path):
        yield from _standard(inner, here, is_root=False, no_default=no_default, in_meta=in_meta)
    yield from _collections(schema, path)
    for index, rule in enumerate(schema.get(_RULES) or ()):
        yield from _rule(rule, f"{path}.{_RULES}[{index}]", schema)


def _inner(schema: KubeObject, path: str) -> Iterator[tuple[str, KubeObject]]:
    """Schemas within, but for those of properties."""
    if schema.get("not") is not None:
        yield f"{path}.not", schema["not"]
    for member in _NESTED:
        for index, inner in enumerate(schema.get(member) or ()):
            yield f"{path}.{member}[{index}]", inner
    items: Any = schema.get("items")
    if isinstance(items, dict):
        yield f"{path}.items", items
    for index, inner in enumerate(items if isinstance(items, list) else ()):
        yield f"{path}.items[{index}]", inner


def _own(schema: KubeObject, path: str, no_default: str) -> Causes:
    kind = schema.get("type") or ""
    if kind and kind not in _TYPES:
        yield unsupported(f"{path}.type", kind, _TYPES)
    if schema.get("default") is not None and no_default:
        yield forbidden(f"{path}.default", f"must not be set {no_default}")
    for member in _UNSUPPORTED:
        if schema.get(member) not in (None, "", {}):
            yield forbidden(f"{path}.{member}", f"{member} is not supported")
    if kind == "null":
        yield forbidden(f"{path}.type", "type cannot be set to null, use nullable as an alternative")
    if isinstance(schema.get("items"), list):
        yield forbidden(f"{path}.items", "items must be a schema object and not an array")


def _collections(schema: KubeObject, path: str) -> Causes:
    if schema.get(_PRESERVE) is False:
        yield invalid(f"{path}.{_PRESERVE}", False, "must be true or undefined")
    kind, map_type, list_type = schema.get("type") or "", schema.get(_MAP_TYPE), schema.get(_LIST_TYPE)
    if map_type is not None:
        yield from _must_be(kind, "object", path, _MAP_TYPE)
        if map_type not in _MAP_TYPES:
            yield unsupported(f"{path}.{_MAP_TYPE}", map_type, _MAP_TYPES)
    if list_type is not None:
        yield from _must_be(kind, "array", path, _LIST_TYPE)
        if kind == "array" and list_type == "set":
            yield from _set_items(schema.get("items"), path)
        if list_type not in _LIST_TYPES:
            yield unsupported(f"{path}.{_LIST_TYPE}", list_type, _LIST_TYPES)
    keys = schema.get(_MAP_KEYS) or []
    if keys and list_type != "map":
        detail = f"must be map if {_MAP_KEYS} is non-empty"
        where = f"{path}.{_LIST_TYPE}"
        yield required(where, detail) if list_type is None else invalid(where, list_type, detail)
    if list_type == "map":
        yield from _map_items(schema, path, keys)


def _must_be(kind: str, wanted: str, path: str, member: str) -> Causes:
    if kind != wanted:
        detail = f"must be {wanted} if {member} is specified"
        yield invalid(f"{path}.type", kind, detail) if kind else required(f"{path}.type", detail)


def _set_items(items: object, path: str) -> Causes:
    """Elements of a set are compared as a whole."""
    if not isinstance(items, dict):
        return
    detail = f"must be atomic as item of a list with {_LIST_TYPE}=set"
    if items.get("type") == "array" and items.get(_LIST_TYPE) not in (None, "atomic"):
        yield invalid(f"{path}.items.{_LIST_TYPE}", items[_LIST_TYPE], detail)
    if items.get("type") == "object" and items.get(_MAP_TYPE) != "atomic":
        yield invalid(f"{path}.items.{_MAP_TYPE}", items.get(_LIST_TYPE), detail)
    if items.get("nullable"):
        yield forbidden(f"{path}.items.nullable", f"cannot be nullable when {_LIST_TYPE} is set")


def _map_items(schema: KubeObject, path: str, keys: Sequence[str]) -> Causes:
    items: Any = schema.get("items")
    if not keys:
        yield required(f"{path}.{_MAP_KEYS}", f"must not be empty if {_LIST_TYPE} is map")
    if items is None:
        yield required(f"{path}.items", f"must have a schema if {_LIST_TYPE} is map")
    elif isinstance(items, list):
        yield invalid(f"{path}.items", items, f"must only have a single schema if {_LIST_TYPE} is map")
    elif items.get("type") != "object":
        detail = f"must be object if parent array's {_LIST_TYPE} is map"
        yield invalid(f"{path}.items.type", items.get("type") or "", detail)
    else:
        yield from _map_keys(items, path, keys)
    if isinstance(items, dict):
        yield from _key_fields(items, path, keys)


def _map_keys(items: KubeObject, path: str, keys: Sequence[str]) -> Causes:
    properties = items.get("properties") or {}
    for index, key in enumerate(keys):
        if key not in properties:
            yield invalid(f"{path}.{_MAP_KEYS}", keys, "entries must all be names of item properties")
        elif properties[key].get("type") in ("array", "object"):
            detail = f"must be a scalar type if parent array's {_LIST_TYPE} is map"
            yield invalid(f"{path}.items.properties[{key}].type", items.get("type"), detail)
        if key in keys[:index]:
            yield invalid(f"{path}.{_MAP_KEYS}", keys, "must not contain duplicate entries")


def _key_fields(items: KubeObject, path: str, keys: Sequence[str]) -> Causes:
    if items.get("nullable"):
        yield forbidden(f"{path}.items.nullable", f"cannot be nullable when {_LIST_TYPE} is map")
    for key in keys:
        found = (items.get("properties") or {}).get(key)
        if found is None:
            continue
        here, why = f"{path}.items.properties[{key}]", f"this property is in {_MAP_KEYS}, so it"
        if key not in (items.get("required") or ()) and found.get("default") is None:
            yield required(f"{here}.default", f"{why} must have a default or be a required property")
        if found.get("nullable"):
            yield forbidden(f"{here}.nullable", f"{why} cannot be nullable")


def _rule(rule: KubeObject, path: str, schema: KubeObject) -> Causes:
    text, message = rule.get("rule") or "", rule.get("message") or ""
    if not text.strip():
        yield required(f"{path}.rule", "rule is not specified")
    elif message and not message.strip():
        yield invalid(f"{path}.message", message, "must be non-empty if specified")
    elif re.search(r"[\n\r]", message.strip()):
        yield invalid(f"{path}.message", message, "must not contain line breaks")
    elif re.search(r"[\n\r]", text.strip()) and not message.strip():
        yield required(f"{path}.message", "message must be specified if rule contains line breaks")
    if rule.get("messageExpression") and not rule["messageExpression"].strip():
        yield required(f"{path}.messageExpression", "messageExpression must be non-empty if specified")
    reason, where = rule.get("reason"), rule.get("fieldPath") or ""
    if reason is not None and reason not in _REASONS:
        yield unsupported(f"{path}.reason", reason, _REASONS)
    if where and not where.strip():
        yield invalid(f"{path}.fieldPath", where, "must be non-empty if specified")
    if re.search(r"[\n\r]", where):
        yield invalid(f"{path}.fieldPath", where, "must not contain line breaks")
    if where and field_path(where, schema) is None:
        yield invalid(f"{path}.fieldPath", where, "must be a valid path")
