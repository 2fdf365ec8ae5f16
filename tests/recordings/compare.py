"""Where two JSON values differ."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

ABSENT = "(absent)"
Difference = tuple[str, Any, Any]


def differences(wanted: Any, got: Any, path: str = "$") -> Iterator[Difference]:
    """(path, wanted, got) for each place, depth first. 1 and 1.0 are one number, 1 and true are not."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        for key in sorted({*wanted, *got}):
            yield from differences(wanted.get(key, ABSENT), got.get(key, ABSENT), _member(path, key))
    elif isinstance(wanted, list) and isinstance(got, list):
        for index in range(max(len(wanted), len(got))):
            yield from differences(_item(wanted, index), _item(got, index), f"{path}[{index}]")
    elif wanted != got or isinstance(wanted, bool) is not isinstance(got, bool):
        yield path, wanted, got


def _item(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else ABSENT


def _member(path: str, key: str) -> str:
    return f"{path}.{key}" if re.fullmatch(r"[\w-]+", key) else f"{path}[{json.dumps(key)}]"
