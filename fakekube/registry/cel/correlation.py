"""Which part of an object before an update is the same thing after it: what transition rules and ratcheting go by.

Source: k8s.io/apiserver/pkg/cel/common (maplist.go, equality.go) of 1.37.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fakekube.meta.objects import KubeObject


def by_key(schema: KubeObject, values: Sequence[Any]) -> dict[object, Any]:
    """Key -> element of a map list, the first of each; empty for every other list."""
    if schema.get("x-kubernetes-list-type") != "map":
        return {}
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    found: dict[object, Any] = {}
    for value in values:
        key = element_key(keys, value)
        if key is not None:
            found.setdefault(key, value)
    return found


def element_key(keys: Sequence[str], value: object) -> object:
    """None for what has no key: a part of it is absent or no scalar."""
    if not isinstance(value, dict) or not keys:
        return None
    parts = [value.get(key) for key in keys]
    if any(isinstance(part, dict | list) or part is None for part in parts):
        return None
    return tuple((type(part), part) for part in parts)


class Correlated:
    """A value with the one it replaces, or with none where nothing tells which that was."""

    __slots__ = ("_by_key", "_same", "new", "old", "schema")

    def __init__(self, new: Any, old: Any, schema: KubeObject) -> None:
        self.new = new
        self.old = old
        self.schema = schema
        self._same: bool | None = None
        self._by_key: dict[object, Any] | None = None

    def is_same(self) -> bool:
        """Whether nothing changed, elements of map lists compared by key in their new order."""
        if self._same is None:
            self._same = self._compared()
        return self._same

    def _compared(self) -> bool:
        if self.new is None or self.old is None:
            return self.new is self.old
        if isinstance(self.new, list) and isinstance(self.old, list):
            return len(self.new) == len(self.old) and self._same_elements()
        if isinstance(self.new, dict) and isinstance(self.old, dict):
            return len(self.new) == len(self.old) and all(
                child is not None and child.is_same() for child in map(self.below, self.new)
            )
        return type(self.new) is type(self.old) and bool(self.new == self.old)

    def _same_elements(self) -> bool:
        if self.schema.get("x-kubernetes-list-type") != "map":
            return bool(self.new == self.old)
        children = [self.at(place) for place in range(len(self.new))]
        return all(child is not None and child.is_same() for child in children)

    def below(self, name: str) -> Correlated | None:
        """A member that both have and that a schema speaks of."""
        if not isinstance(self.new, dict) or not isinstance(self.old, dict):
            return None
        if name not in self.new or name not in self.old:
            return None
        schema = (self.schema.get("properties") or {}).get(name, self.schema.get("additionalProperties"))
        return Correlated(self.new[name], self.old[name], schema) if isinstance(schema, dict) else None

    def at(self, place: int) -> Correlated | None:
        """An element of a map list whose key the old list had too."""
        items = self.schema.get("items")
        if not isinstance(self.new, list) or not isinstance(self.old, list) or not isinstance(items, dict):
            return None
        if self._by_key is None:
            self._by_key = by_key(self.schema, self.old)
        keys = self.schema.get("x-kubernetes-list-map-keys") or ()
        old = self._by_key.get(element_key(keys, self.new[place]))
        return None if old is None else Correlated(self.new[place], old, items)
