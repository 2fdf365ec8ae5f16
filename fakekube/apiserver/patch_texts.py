"""How the message of a failed patch shows its result: JSON whose touched objects are sorted, or Go's own print of a map.

The libraries behind the real server re-encode only the objects that a patch enters; those come out sorted, the others
as they were. Source: evanphx/json-patch, and answers recorded from kube-apiserver 1.37.2.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fakekube.meta.gofmt import go_value
from fakekube.registry.patch import JSON_PATCH, STRATEGIC_PATCH

# Which objects a patch enters: member -> the same of what is below it.
Touched = Mapping[str, Any]


def shown_result(patch_type: str, patched: Mapping[str, Any], body: bytes) -> Callable[[], str]:
    """The text, made when it is asked for: most patches never are."""

    def shown() -> str:
        if patch_type == STRATEGIC_PATCH:
            return quoted(go_value(patched))
        return quoted(
            json.dumps(_sorted(patched, _touched(patch_type, body)), separators=(",", ":"), ensure_ascii=False)
        )

    return shown


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
