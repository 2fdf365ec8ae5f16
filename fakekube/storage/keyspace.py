"""One resource's objects by namespace and name, in etcd's key order, with a bounded history of their changes."""

from __future__ import annotations

import sys
from bisect import bisect_right, insort
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain

from fakekube.storage.items import Event, Item


class Shelf:
    """The objects of one namespace; `names` stays sorted, so that a LIST never sorts."""

    __slots__ = ("items", "names")

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.names: list[str] = []

    def put(self, item: Item) -> None:
        if item.name not in self.items:
            insort(self.names, item.name)
        self.items[item.name] = item

    def drop(self, name: str) -> None:
        del self.items[name]
        self.names.remove(name)

    def after(self, name: str, most: int) -> Iterator[Item]:
        """At most `most` items whose name sorts after `name`, in order; from the first on for the empty name."""
        begin = self._behind(name)
        return map(self.items.__getitem__, self.names[begin : begin + most])

    def count_after(self, name: str) -> int:
        return len(self.names) - self._behind(name)

    def _behind(self, name: str) -> int:
        return bisect_right(self.names, name) if name else 0


def _key(namespace: str) -> str:
    """Namespaces sort as etcd keys do, where `/` follows the namespace: `a-b` comes before `a`."""
    return f"{namespace}/"


class Keyspace:
    """All objects of one resource, and the last `history_limit` changes to them."""

    __slots__ = ("_order", "dropped", "history", "shelves")

    def __init__(self, items: Iterable[Item], *, history_limit: int, dropped: int) -> None:
        self.shelves: dict[str, Shelf] = {}
        self._order: list[str] = []
        self.history: deque[Event] = deque(maxlen=history_limit)
        # Changes up to this revision are forgotten.
        self.dropped = dropped
        for item in items:
            self.put(item)

    def get(self, namespace: str, name: str) -> Item | None:
        shelf = self.shelves.get(namespace)
        return shelf.items.get(name) if shelf is not None else None

    def put(self, item: Item) -> None:
        shelf = self.shelves.get(item.namespace)
        if shelf is None:
            shelf = self.shelves[item.namespace] = Shelf()
            insort(self._order, item.namespace, key=_key)
        shelf.put(item)

    def drop(self, namespace: str, name: str) -> None:
        shelf = self.shelves[namespace]
        shelf.drop(name)
        if not shelf.names:
            del self.shelves[namespace]
            self._order.remove(namespace)

    def items(
        self, namespace: str | None = None, *, after: tuple[str, str] = ("", ""), most: int = sys.maxsize
    ) -> Iterator[Item]:
        """The items of one namespace (None: of all), in key order, from behind the key `after`.

        `most` bounds what is looked up of a namespace, for whoever will not read on.
        """
        spaces = self._order if namespace is None else [namespace]
        behind = _key(after[0])
        return chain.from_iterable(
            self.shelves[space].after(after[1] if space == after[0] else "", most)
            for space in list(spaces)
            if space in self.shelves and _key(space) >= behind
        )

    def listed(self, namespace: str | None = None) -> list[Item]:
        """The same from the start, at once: a list of thousands costs what building it costs."""
        if namespace is not None:
            shelf = self.shelves.get(namespace)
            return [shelf.items[name] for name in shelf.names] if shelf is not None else []
        return [shelf.items[name] for shelf in map(self.shelves.__getitem__, self._order) for name in shelf.names]

    def count(self, namespace: str | None = None) -> int:
        if namespace is None:
            return sum(len(shelf.names) for shelf in self.shelves.values())
        shelf = self.shelves.get(namespace)
        return len(shelf.names) if shelf is not None else 0

    def count_after(self, namespace: str | None, after: tuple[str, str]) -> int:
        """How many items `items` would give from behind the key `after`, without a look at them."""
        spaces = self._order if namespace is None else [namespace]
        behind = _key(after[0])
        return sum(
            self.shelves[space].count_after(after[1] if space == after[0] else "")
            for space in spaces
            if space in self.shelves and _key(space) >= behind
        )

    def record(self, event: Event) -> None:
        """Remember a change; the oldest one gives way when the history is full."""
        if len(self.history) == self.history.maxlen:
            self.dropped = self.history[0].revision
        self.history.append(event)

    def forget(self, revision: int) -> None:
        """Drop the history up to and including `revision`."""
        while self.history and self.history[0].revision <= revision:
            self.history.popleft()
        self.dropped = max(self.dropped, revision)

    def since(self, revision: int) -> list[Event]:
        """The changes after `revision`, oldest first. The caller has checked `dropped`."""
        newer: list[Event] = []
        for event in reversed(self.history):
            if event.revision <= revision:
                break
            newer.append(event)
        newer.reverse()
        return newer

    def at(self, revision: int) -> Keyspace:
        """The objects exactly as of `revision`: this one when nothing changed since, else a copy with changes undone."""
        changes = self.since(revision)
        if not changes:
            return self
        past = Keyspace(self.items(), history_limit=0, dropped=self.dropped)
        for event in reversed(changes):
            if event.type != "DELETED":
                past.drop(event.item.namespace, event.item.name)
            if event.previous is not None:
                past.put(event.previous)
        return past

    def copy(self) -> Keyspace:
        """An independent copy; the items themselves are immutable and shared."""
        twin = Keyspace(self.items(), history_limit=self.history.maxlen or 0, dropped=self.dropped)
        twin.history.extend(self.history)
        return twin
