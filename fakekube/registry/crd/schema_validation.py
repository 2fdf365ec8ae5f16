"""Whether a custom resource fits its OpenAPI schema, in the words of the validator that the real server runs.

A schema is compiled once into nested functions. Source: k8s.io/kube-openapi/pkg/validation/validate (schema.go, type.go,
object_validator.go, slice_validator.go, schema_props.go), and apiextensions-apiserver/pkg/apiserver/validation for the
causes and for ratcheting: what an update leaves as it was is not looked at again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fakekube.meta.errors import Cause
from fakekube.meta.objects import KubeObject
from fakekube.registry.crd.formats import Format, format_of
from fakekube.registry.crd.structural import INT_OR_STRING, LIST_KEYS, LIST_TYPE
from fakekube.registry.validation.causes import go_value, invalid, required, too_long, too_many, unsupported
from fakekube.storage.items import encode_json

NOWHERE = "<nil>"
"""The field of a cause that the real server cannot place."""


@dataclass(slots=True)
class Result:
    """Causes in the order of their finding, each once. `matches` counts checks, to tell which alternative came closest."""

    causes: dict[Cause, None] = field(default_factory=dict)
    matches: int = 0

    def add(self, cause: Cause) -> None:
        self.causes[cause] = None

    def merge(self, other: Result) -> None:
        self.causes.update(other.causes)
        self.matches += other.matches


def placed(cause: Cause, path: str) -> Cause:
    """A cause of a part that was checked on its own, told where that part stands. Its message stays as it is."""
    return replace(cause, field=path if cause.field == NOWHERE else f"{path}.{cause.field}")


class _Absent:
    """What stands for the old value where there was none: equal to nothing."""


ABSENT = _Absent()
# Value, its predecessor or ABSENT, its path, and where to write.
Check = Callable[[Any, Any, str, Result], None]


def is_unchanged(value: Any, old: Any) -> bool:
    """Whether two JSON values are the same; to Python, false and 0 are equal."""
    if type(value) is not type(old) or value != old:
        return False
    return not isinstance(value, dict | list) or encode_json(value) == encode_json(old)


def compile_schema(schema: KubeObject) -> Check:
    """The check of one schema node and all below it."""
    checks = _compiled(schema, _COMPILERS)
    on_null = _compiled(schema, (_type, _enum))
    counted = _counts(schema)

    def check(value: Any, old: Any, path: str, result: Result) -> None:
        if old is not ABSENT and is_unchanged(value, old):
            result.matches += 1
            return
        for each in on_null if value is None else checks:
            each(value, old, path, result)
        if value is not None:
            result.matches += counted.get(type(value), counted[dict])

    return check


def _counts(schema: KubeObject) -> Mapping[type, int]:
    """How many validators of the real server look at a value of each type, and count that they did.

    Of two alternatives that fail, the one in which more was counted came closest.
    """
    always = 4 + (1 if _types(schema) or _format(schema).name else 0)
    text = 1 + (1 if _format(schema).check is not None else 0)
    return {bool: always, int: always + 2, float: always + 2, str: always + text, list: always + 2, dict: always + 1}


def _compiled(schema: KubeObject, compilers: Iterable[Callable[[KubeObject], Check | None]]) -> list[Check]:
    found = (compiler(schema) for compiler in compilers)
    return [check for check in found if check is not None]


def _types(schema: KubeObject) -> tuple[str, ...]:
    if schema.get("type"):
        return (schema["type"],)
    return ("integer", "string") if schema.get(INT_OR_STRING) else ()


def _format(schema: KubeObject) -> Format:
    return format_of(schema.get("format") or "", schema.get("type") or "")


_NAMES: Mapping[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}


def type_name(value: Any) -> str:
    """The JSON type of a value, as messages name it."""
    return _NAMES[type(value)]


def _mistyped(path: str, expected: str, shown: Any) -> Cause:
    text = shown if isinstance(shown, str) else json.dumps(shown)
    message = f"Invalid value: {go_value(shown)}: {path} in body must be of type {expected}: {go_value(text)}"
    return Cause(reason="FieldValueTypeInvalid", message=message, field=path or NOWHERE)


_GO_FORMATS = {int: "int64", float: "float64"}


def _type(schema: KubeObject) -> Check | None:
    types, nullable, form = _types(schema), bool(schema.get("nullable")), _format(schema).name
    if not types and not form:
        return None
    expected, numeric = ",".join(types), "integer" in types or "number" in types

    def check(value: Any, old: Any, path: str, result: Result) -> None:
        if value is None:
            if types and not nullable:
                result.add(_mistyped(path, expected, "null"))
            else:
                result.matches += 1
            return
        found = type_name(value)
        fits = found in types or (found == "integer" and "number" in types)
        fits = fits or (found == "number" and "integer" in types and is_whole(value))
        is_text = isinstance(value, str | list)
        if fits or (form and is_text and not numeric):
            result.matches += 1
        elif form and not is_text and _GO_FORMATS.get(type(value)) != form:
            result.add(_mistyped(path, form, _GO_FORMATS.get(type(value), "")))
        else:
            result.add(_mistyped(path, expected, found))

    return check


_JSON_INTEGER_MAX = 2**53 - 1
_EPSILON = 1e-9


def is_whole(value: float) -> bool:
    """Whether Go's library takes a float for an integer: as far as JSON numbers are exact, and nearly is enough."""
    if abs(value) > _JSON_INTEGER_MAX:
        return False
    whole = float(int(value))
    if value == whole:
        return True
    return abs(value - whole) / (abs(value) + abs(whole)) < _EPSILON


def _said(path: str, value: object, text: str) -> Cause:
    return invalid(path or NOWHERE, value, f"{path} in body {text}")


def _strings(schema: KubeObject) -> Check | None:
    longest, shortest, pattern = schema.get("maxLength"), schema.get("minLength"), schema.get("pattern")
    if longest is None and shortest is None and not pattern:
        return None
    matches = go_pattern(pattern) if pattern else None

    def check(value: Any, old: Any, path: str, result: Result) -> None:
        if not isinstance(value, str):
            return
        if longest is not None and len(value) > longest:
            result.add(too_long(path or NOWHERE, longest))
        elif shortest is not None and len(value) < shortest:
            result.add(_said(path, value, f"should be at least {shortest} chars long"))
        elif matches is not None and not matches(value):
            result.add(_said(path, value, f"should match '{pattern}'"))

    return check


def go_pattern(pattern: str) -> Callable[[str], object]:
    """An unanchored match by Go's RE2. A pattern that cannot be read refuses nobody: its definition was refused."""
    # imported late: few schemas have patterns
    from fakekube.registry.cel.regex_syntax import RegexError
    from fakekube.registry.cel.regexes import compiled

    try:
        return compiled(pattern).search
    except RegexError:
        return lambda text: True


def _string_format(schema: KubeObject) -> Check | None:
    name, fits = _format(schema)
    if fits is None:
        return None

    def check(value: Any, old: Any, path: str, result: Result) -> None:
        if isinstance(value, str) and not fits(value):
            result.add(_mistyped(path, name, value))

    return check


_RANGES: Mapping[str, tuple[float, float]] = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "float": (-3.4028234663852886e38, 3.4028234663852886e38),
}


def _numbers(schema: KubeObject) -> Check | None:
    kind, name = schema.get("type") or "", _format(schema).name
    bounds = _compiled(schema, (_multiple, _minimum, _maximum))
    if not bounds and kind not in ("integer", "number"):
        return None

    def check(value: Any, old: Any, path: str, result: Result) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return
        if not _in_range(value, kind, name):
            form = f"with format {name}" if name else "(default format)"
            result.add(invalid(NOWHERE, "", f"Checked value must be of type {kind} {form} in {path}"))
        for bound in bounds:
            bound(value, old, path, result)

    return check


def _in_range(value: float, kind: str, name: str) -> bool:
    if kind == "integer" and isinstance(value, float) and not (value.is_integer() and abs(value) < 2**63):
        return False
    least, most = _RANGES.get(name, _EVERYTHING)
    return least <= value <= most


_EVERYTHING = (float("-inf"), float("inf"))


def _fits_type(bound: float, schema: KubeObject) -> bool:
    """Whether a bound is a value of the type itself; one that is not is told with every value."""
    kind = schema.get("type") or ""
    return kind != "integer" or _in_range(bound, kind, _format(schema).name)


def _misfit(schema: KubeObject, told: str, path: str) -> Cause:
    name = _format(schema).name
    form = f"with format {name}" if name else "(default format)"
    return invalid(NOWHERE, "", f"{told} value must be of type integer {form} in {path}")


def _native(bound: float, value: float, *, exact: bool) -> float:
    """A bound is compared, and shown, in the type of the value; an inexact one as a float."""
    return int(bound) if isinstance(value, int) and exact else float(bound)


def _multiple(schema: KubeObject) -> Check | None:
    factor = schema.get("multipleOf")
    if factor is None:
        return None
    exact = _fits_type(factor, schema)

    def check(value: Any, old: Any, path: str, result: Result) -> None:
        if not exact:
            result.add(_misfit(schema, "MultipleOf", path))
        native = _native(factor, value, exact=exact)
        shown = value if exact else float(value)
        if native <= 0:
            text = f"factor MultipleOf declared for {path} must be positive: {go_value(native)}"
            result.add(invalid(path or NOWHERE, native, text))
        elif not _is_multiple(shown, native):
            result.add(_said(path, shown, f"should be a multiple of {go_value(native)}"))

    return check


def _is_multiple(value: float, factor: float) -> bool:
    if isinstance(value, int) and isinstance(factor, int):
        return value % factor == 0
    return is_whole(1 / factor * value if factor < 1 else value / factor)


def _maximum(schema: KubeObject) -> Check | None:
    return _bound(schema, "maximum", "Maximum boundary", "exclusiveMaximum", ("less than", "less than or equal to"))


def _minimum(schema: KubeObject) -> Check | None:
    words = ("greater than", "greater than or equal to")
    return _bound(schema, "minimum", "Minimum boundary", "exclusiveMinimum", words)


def _bound(schema: KubeObject, member: str, told: str, exclusive_member: str, words: tuple[str, str]) -> Check | None:
    bound, exclusive = schema.get(member), bool(schema.get(exclusive_member))
    if bound is None:
        return None
    exact = _fits_type(bound, schema)
    sign, said = (1 if member == "maximum" else -1), words[0 if exclusive else 1]

    def check(value: Any, old: Any, path: str, result: Result) -> None:
        if not exact:
            result.add(_misfit(schema, told, path))
        native = _native(bound, value, exact=exact)
        beyond = (value - native) * sign
        if beyond > 0 or (exclusive and beyond == 0):
            shown = value if exact else float(value)
            result.add(_said(path, shown, f"should be {said} {go_value(native)}"))

    return check


def _items(schema: KubeObject) -> Check | None:
    inner = schema.get("items")
    least, most, unique = schema.get("minItems"), schema.get("maxItems"), bool(schema.get("uniqueItems"))
    if not isinstance(inner, dict) and least is None and most is None and not unique:
        return None
    check_item = compile_schema(inner) if isinstance(inner, dict) else None
    predecessors = _correlated(schema)

    def check(value: Any, old: Any, path: str, result: Result) -> None:
        if not isinstance(value, list):
            return
        if check_item is not None:
            for index, (item, before) in enumerate(zip(value, predecessors(value, old), strict=True)):
                check_item(item, before, f"{path}[{index}]", result)
        if least is not None and len(value) < least:
            result.add(_said(path, len(value), f"should have at least {least} items"))
        if most is not None and len(value) > most:
            result.add(too_many(path or NOWHERE, len(value), most))
        if unique and any(item in value[:index] for index, item in enumerate(value)):
            result.add(_said(path, "", "shouldn't contain duplicates"))

    return check


def _correlated(schema: KubeObject) -> Callable[[list[Any], Any], Iterable[Any]]:
    """Which old item is the predecessor of each new one: in a map list that with the same keys, elsewhere none."""
    keys = tuple(schema.get(LIST_KEYS) or ()) if schema.get(LIST_TYPE) == "map" else ()

    def predecessors(value: list[Any], old: Any) -> Iterable[Any]:
        if not keys or not isinstance(old, list):
            return [ABSENT] * len(value)
        known = {_key(item, keys): item for item in reversed(old)}
        return [known.get(_key(item, keys), ABSENT) for item in value]

    return predecessors


def _key(item: Any, keys: Sequence[str]) -> str:
    found = [item.get(key) for key in keys] if isinstance(item, dict) else [item]
    return json.dumps(found, sort_keys=True)


def _enum(schema: KubeObject) -> Check | None:
    allowed = schema.get("enum")
    if not allowed:
        return None
    shown = [each if isinstance(each, str) else json.dumps(each, separators=(",", ":")) for each in allowed]

    def check(value: Any, old: Any, path: str, result: Result) -> None:
        if not any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in allowed):
            result.add(unsupported(path or NOWHERE, value, shown))

    return check


def _properties(schema: KubeObject) -> Check | None:
    properties = {name: compile_schema(inner) for name, inner in (schema.get("properties") or {}).items()}
    more = schema.get("additionalProperties")
    others = compile_schema(more) if isinstance(more, dict) else None
    wanted, count = tuple(schema.get("required") or ()), _property_count(schema)

    def check(value: Any, old: Any, path: str, result: Result) -> None:
        if not isinstance(value, dict):
            return
        if (wrong := count(value, path)) is not None:
            result.add(wrong)
        before: Mapping[str, Any] = old if isinstance(old, dict) else {}
        lead = f"{path}." if path else ""
        for name, member in value.items():
            inner = properties.get(name) or others
            if inner is not None:
                inner(member, before.get(name, ABSENT), lead + name, result)
        for name in wanted:
            if name not in value:
                result.add(required(lead + name))

    return check if properties or others is not None or wanted or count is not _any_count else None


Count = Callable[[KubeObject, str], Cause | None]


def _any_count(value: KubeObject, path: str) -> Cause | None:
    return None


def _property_count(schema: KubeObject) -> Count:
    least, most = schema.get("minProperties"), schema.get("maxProperties")
    if least is None and most is None:
        return _any_count

    def wrong(value: KubeObject, path: str) -> Cause | None:
        if least is not None and len(value) < least:
            return _said(path, len(value), f"should have at least {least} properties")
        return too_many(path or NOWHERE, len(value), most) if most is not None and len(value) > most else None

    return wrong


# Schemas of schemas.


def _logic(schema: KubeObject) -> Check | None:
    parts = [
        _any_of([compile_schema(each) for each in schema.get("anyOf") or ()]),
        _one_of([compile_schema(each) for each in schema.get("oneOf") or ()]),
        _all_of([compile_schema(each) for each in schema.get("allOf") or ()]),
        _not(compile_schema(schema["not"])) if schema.get("not") else None,
    ]
    checks = [part for part in parts if part is not None]
    if not checks:
        return None

    def check(value: Any, old: Any, path: str, result: Result) -> None:
        for each in checks:
            each(value, old, path, result)

    return check


def _must(path: str, what: str) -> Cause:
    return invalid(NOWHERE, "", f'"{path}" must {what}')


def _closest(failures: Sequence[Result]) -> Result | None:
    """The first of those with the most checks passed."""
    return max(failures, key=lambda each: each.matches, default=None)


def _tried(check: Check, value: Any, old: Any, path: str) -> Result:
    result = Result()
    check(value, old, path, result)
    return result


def _any_of(schemas: Sequence[Check]) -> Check | None:
    def check(value: Any, old: Any, path: str, result: Result) -> None:
        failures: list[Result] = []
        for each in schemas:
            tried = _tried(each, value, old, path)
            if not tried.causes:
                result.merge(tried)
                return
            failures.append(tried)
        result.add(_must(path, "validate at least one schema (anyOf)"))
        if (closest := _closest(failures)) is not None:
            result.merge(closest)

    return check if schemas else None


def _one_of(schemas: Sequence[Check]) -> Check | None:
    def check(value: Any, old: Any, path: str, result: Result) -> None:
        tried = [_tried(each, value, old, path) for each in schemas]
        valid = [each for each in tried if not each.causes]
        if len(valid) == 1:
            result.merge(valid[0])
            return
        found = f"Found {len(valid)} valid alternatives" if valid else "Found none valid"
        result.add(_must(path, f"validate one and only one schema (oneOf). {found}"))
        if not valid and (closest := _closest(tried)) is not None:
            result.merge(closest)

    return check if schemas else None


def _all_of(schemas: Sequence[Check]) -> Check | None:
    def check(value: Any, old: Any, path: str, result: Result) -> None:
        tried = [_tried(each, value, old, path) for each in schemas]
        for each in tried:
            result.merge(each)
        failed = sum(1 for each in tried if each.causes)
        if failed:
            none = ". None validated" if failed == len(tried) else ""
            result.add(_must(path, f"validate all the schemas (allOf){none}"))

    return check if schemas else None


def _not(schema: Check) -> Check:
    def check(value: Any, old: Any, path: str, result: Result) -> None:
        if not _tried(schema, value, old, path).causes:
            result.add(_must(path, "not validate the schema (not)"))

    return check


_COMPILERS: tuple[Callable[[KubeObject], Check | None], ...] = (
    _type,
    _logic,
    _strings,
    _string_format,
    _numbers,
    _items,
    _enum,
    _properties,
)
