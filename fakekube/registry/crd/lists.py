"""Lists of custom resources that are sets, or maps by key: no element stands twice.

Source: apiextensions-apiserver/pkg/apiserver/schema/listtype/validation.go of 1.37.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fakekube.meta.errors import Cause
from fakekube.registry.crd.structural import Structural
from fakekube.registry.validation.causes import duplicate, invalid


def list_causes(value: Any, node: Structural, path: str = "") -> Iterator[Cause]:
    """A cause for each repeated element of the value and of all below it."""
    if not node.keyed:
        return
    if isinstance(value, list):
        yield from _repeated(value, node, path)
        if node.items is not None and node.items.keyed:
            for index, item in enumerate(value):
                yield from list_causes(item, node.items, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name, member in value.items():
            inner = node.below(name)
            if inner is not None and inner.keyed and isinstance(member, dict | list):
                yield from list_causes(member, inner, _below(path, name, node))


def _below(path: str, name: str, node: Structural) -> str:
    if name not in node.properties:
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name


def _repeated(value: list[Any], node: Structural, path: str) -> Iterator[Cause]:
    """Each element that stands twice is told once, where it first stands again."""
    if node.list_type not in ("set", "map"):
        return
    if node.list_type == "set" and (len(value) < 2 or _are_different_texts(value)):
        return
    strange = next((index for index, item in enumerate(value) if not isinstance(item, dict | None)), None)
    if node.list_type == "map" and strange is not None:
        yield invalid(f"{path}[{strange}]", value[strange], "must be an object for an array of list-type map")
        return
    seen: dict[str, int] = {}
    for index, item in enumerate(value):
        shown = item if node.list_type == "set" else _key(item, node)
        text = json.dumps(shown, sort_keys=True)
        seen[text] = seen.get(text, 0) + 1
        if seen[text] == 2:
            yield duplicate(f"{path}[{index}]", shown)


def _are_different_texts(value: list[Any]) -> bool:
    return all(type(item) is str for item in value) and len(set(value)) == len(value)


def _key(item: Any, node: Structural) -> Any:
    if not isinstance(item, dict):
        return {}
    return {key: item[key] for key in sorted(node.list_keys) if key in item}
