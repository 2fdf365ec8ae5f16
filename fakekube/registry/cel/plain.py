"""Objects without a schema as values: what expressions of admission see of them.

Source: cel-go 0.29 (common/types, NativeToValue), over what k8s.io/apimachinery calls unstructured content.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakekube.registry.cel.values import MISSING, Mapper, equal


class PlainMap(Mapper):
    """A JSON object; its members become values when they are asked for."""

    __slots__ = ("raw",)

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw

    @property
    def go_type(self) -> str:
        return "*types.baseMap"

    def find(self, key: object) -> object:
        if type(key) is not str:
            return MISSING
        raw = self.raw.get(key, MISSING)
        return MISSING if raw is MISSING else plain(raw)

    def keys(self) -> list[object]:
        return list(self.raw)

    def size(self) -> int:
        return len(self.raw)

    def equals(self, other: object) -> bool:
        if not isinstance(other, Mapper) or other.size() != len(self.raw):
            return False
        for name, raw in self.raw.items():
            found = other.find(name)
            if found is MISSING or not equal(plain(raw), found):
                return False
        return True


def plain(raw: Any) -> object:
    """A JSON value as CEL has it."""
    if isinstance(raw, dict):
        return PlainMap(raw)
    return [plain(each) for each in raw] if isinstance(raw, list) else raw
