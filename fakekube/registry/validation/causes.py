"""The causes of an invalid object, worded as field.Error words them.

Source: k8s.io/apimachinery/pkg/util/validation/field.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from fakekube.meta.errors import Cause
from fakekube.meta.gofmt import go_float

Causes = Iterator[Cause]


def required(path: str, detail: str = "") -> Cause:
    return Cause(reason="FieldValueRequired", message=_detailed("Required value", detail), field=path)


def invalid(path: str, value: object, detail: str = "", *, shown: bool = True) -> Cause:
    """`shown` is false where the value is left out of the message."""
    if not shown:
        return Cause(reason="FieldValueInvalid", message=_detailed("Invalid value", detail), field=path)
    return Cause(reason="FieldValueInvalid", message=_detailed(f"Invalid value: {go_value(value)}", detail), field=path)


def forbidden(path: str, detail: str = "") -> Cause:
    return Cause(reason="FieldValueForbidden", message=_detailed("Forbidden", detail), field=path)


def unsupported(path: str, value: object, supported: Iterable[str]) -> Cause:
    """`supported` in the order the server lists it."""
    listed = ", ".join(quoted(each) for each in supported)
    detail = f"supported values: {listed}" if listed else ""
    message = _detailed(f"Unsupported value: {go_value(value)}", detail)
    return Cause(reason="FieldValueNotSupported", message=message, field=path)


def duplicate(path: str, value: object, detail: str = "") -> Cause:
    message = _detailed(f"Duplicate value: {go_value(value)}", detail)
    return Cause(reason="FieldValueDuplicate", message=message, field=path)


def not_found(path: str, value: object, detail: str = "") -> Cause:
    message = _detailed(f"Not found: {go_value(value)}", detail)
    return Cause(reason="FieldValueNotFound", message=message, field=path)


def too_long(path: str, most: int, unit: str = "bytes") -> Cause:
    return Cause(reason="FieldValueTooLong", message=f"Too long: may not be more than {most} {unit}", field=path)


def too_many(path: str, count: int, most: int) -> Cause:
    message = f"Too many: {count}: must have at most {most} item{'' if most == 1 else 's'}"
    return Cause(reason="FieldValueTooMany", message=message, field=path)


def all_invalid(path: str, value: object, details: Iterable[str]) -> Causes:
    """One cause for each thing that is wrong with `value`."""
    for detail in details:
        yield invalid(path, value, detail)


def _detailed(head: str, detail: str) -> str:
    return f"{head}: {detail}" if detail else head


def quoted(text: str) -> str:
    """A string as Go's %q prints it."""
    return json.dumps(text, ensure_ascii=False).replace("\\u00", "\\x")


def go_value(value: object) -> str:
    """A value as an error message shows it: strings quoted, everything else as JSON in Go's order."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float):
        return go_float(value)
    return msgspec.json.encode(_sorted_maps(value)).decode() if isinstance(value, dict | list) else json.dumps(value)


# Members that are maps, whose keys Go sorts; the members of structs have an order of their own.
_MAPS = frozenset(["matchLabels", "labels", "annotations"])


def _sorted_maps(value: Any) -> Any:
    if isinstance(value, list):
        return [_sorted_maps(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: dict(sorted(each.items())) if name in _MAPS and isinstance(each, dict) else _sorted_maps(each)
        for name, each in value.items()
    }
