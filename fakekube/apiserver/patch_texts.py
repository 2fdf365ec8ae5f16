"""How the message of a failed patch shows its result: JSON whose touched objects are sorted, or Go's own print of a map.

The libraries behind the real server re-encode only the objects that a patch enters; those come out sorted, the others
as they were. Source: evanphx/json-patch, and answers recorded from kube-apiserver 1.37.2.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from fakekube.apiserver.gojson import parse_json
from fakekube.meta.gofmt import go_value
from fakekube.registry.canonical import Repeated
from fakekube.registry.patch import JSON_PATCH, STRATEGIC_PATCH
from fakekube.registry.schema import Schema

# Which objects a patch enters: member -> the same of what is below it.
Touched = Mapping[str, Any]


def shown_result(
    patch_type: str, patched: Mapping[str, Any], body: bytes, schema: Schema | None = None
) -> Callable[[], str]:
    """The text, made when it is asked for: most patches never are. Of a strategic patch only the patch is shown."""

    def shown() -> str:
        if patch_type == STRATEGIC_PATCH:
            return quoted(go_value(msgspec.json.decode(body)))
        return quoted(
            json.dumps(
                decoded_order(patch_type, with_sorted_maps(patched, schema), body),
                separators=(",", ":"),
                ensure_ascii=False,
            )
        )

    return shown


def with_sorted_maps(value: Any, schema: Schema | None) -> Any:
    """`value` with the maps of its schema sorted, as Go writes them."""
    if schema is None:
        return value
    if isinstance(value, list):
        return [with_sorted_maps(each, schema.items) for each in value]
    if not isinstance(value, dict):
        return value
    if schema.type == "map":
        return {name: with_sorted_maps(value[name], schema.items) for name in sorted(value)}
    return {name: with_sorted_maps(each, schema.fields.get(name)) for name, each in value.items()}


def decoded_order(patch_type: str, patched: Mapping[str, Any], body: bytes) -> Any:
    """The result with its members in the order in which the real server reads them."""
    if patch_type == STRATEGIC_PATCH:
        return _all_sorted(patched)
    return _sorted(patched, _touched(patch_type, body))


def repeated_names(patch_type: str, body: bytes) -> Iterator[str]:
    """`duplicate field "data.a"` for each name that an object of the patch has twice."""
    prefix = "json patch " if patch_type == JSON_PATCH else ""
    for place in _repeated(parse_json(body), ""):
        yield f'{prefix}duplicate field "{place}"'


def _repeated(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _repeated(each, f"{place}[{index}]")
    elif isinstance(value, dict):
        for name, member in value.items():
            inner = f"{place}.{name}" if place else name
            if isinstance(name, Repeated):
                yield inner
            yield from _repeated(member, inner)


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _touched(patch_type: str, body: bytes) -> Touched:
    patch = msgspec.json.decode(body)
    if patch_type != JSON_PATCH:
        return patch if isinstance(patch, dict) else {}
    touched: dict[str, Any] = {}
    for operation in patch:
        for pointer in (operation.get("path"), operation.get("from")):
            _enter(touched, str(pointer or "").split("/")[1:-1])
    return touched


def _enter(touched: dict[str, Any], segments: list[str]) -> None:
    for segment in segments:
        touched = touched.setdefault(segment.replace("~1", "/").replace("~0", "~"), {})


def _sorted(value: Any, touched: Any) -> Any:
    """`value` with the members of every touched object sorted."""
    if not isinstance(touched, Mapping):
        return value
    if isinstance(value, dict):
        return {key: _sorted(value[key], touched.get(key)) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(each, touched.get(str(index))) for index, each in enumerate(value)]
    return value


def _all_sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _all_sorted(value[key]) for key in sorted(value)}
    return [_all_sorted(each) for each in value] if isinstance(value, list) else value
