"""Dotted paths into JSON values (`items.0.metadata.name`; a dot inside a key is written `\\.`)."""

from __future__ import annotations

import re
from typing import Any

_DOT = re.compile(r"(?<!\\)\.")


def split(path: str) -> list[str]:
    return [part.replace("\\.", ".") for part in _DOT.split(path)]


def dig(value: Any, path: str) -> Any:
    """The value at `path`; None where there is nothing."""
    for part in split(path):
        value = _member(value, part)
        if value is None:
            return None
    return value


def _member(value: Any, part: str) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and re.fullmatch(r"-?\d+", part) and -len(value) <= int(part) < len(value):
        return value[int(part)]
    return None


def drop(value: Any, path: str) -> None:
    """Removes what is at `path`; `*` stands for every element."""
    _drop(value, split(path))


def _drop(value: Any, parts: list[str]) -> None:
    head, rest = parts[0], parts[1:]
    entries = (
        list(enumerate(value)) if isinstance(value, list) else list(value.items()) if isinstance(value, dict) else []
    )
    for key, inner in entries:
        if head not in ("*", str(key)):
            continue
        if rest:
            _drop(inner, rest)
        elif isinstance(value, dict):
            del value[key]
