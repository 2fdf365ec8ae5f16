"""One site's objects under one revision counter, as etcd keeps them. Knows neither kinds nor rules: it writes and tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from fakekube.meta.objects import KubeObject
from fakekube.storage.items import Event, Item, item_of
from fakekube.storage.keyspace import Keyspace

HISTORY_LIMIT = 4096


class Subscriber(Protocol):
    """Whoever wants one resource's events, in order."""

    def offer(self, event: Event) -> None: ...


Observer = Callable[[str, Event], None]


class Compacted(Exception):
    """The history no longer reaches back to the revision asked for; `revision` is the oldest that is left."""

    def __init__(self, revision: int) -> None:
        super().__init__(f"compacted up to {revision}")
        self.revision = revision


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of a store at one moment; restoring it is a copy of dicts."""

    revision: int
    compacted: int
    keyspaces: dict[str, Keyspace]
    # What is there at birth of the resources that nobody has used yet.
    birth: Callable[[str], Iterable[Item]]


def _nothing_at_birth(resource: str) -> Iterable[Item]:
    return ()


class Store:
    """Objects by resource (`deployments.apps`), namespace and name.

    Every write takes the next revision, is recorded in the resource's bounded history and told to its subscribers and
    to all observers before the call returns. What is there at birth comes from `birth(resource)`, asked once, on the
    first use of that resource: an unused site costs nothing.
    """

    def __init__(
        self,
        *,
        birth: Callable[[str], Iterable[Item]] = _nothing_at_birth,
        birth_revision: int = 0,
        history_limit: int = HISTORY_LIMIT,
    ) -> None:
        self.revision = birth_revision
        self.compacted = birth_revision
        self.observers: list[Observer] = []
        self._birth = birth
        self._history_limit = history_limit
        self._keyspaces: dict[str, Keyspace] = {}
        self._subscribers: dict[str, dict[Subscriber, None]] = {}

    def keyspace(self, resource: str) -> Keyspace:
        found = self._keyspaces.get(resource)
        if found is None:
            found = Keyspace(self._birth(resource), history_limit=self._history_limit, dropped=self.compacted)
            self._keyspaces[resource] = found
        return found

    def get(self, resource: str, namespace: str, name: str) -> Item | None:
        return self.keyspace(resource).get(namespace, name)

    def used_resources(self) -> list[str]:
        """The resources that hold or held something, sorted."""
        return sorted(self._keyspaces)

    def put(self, resource: str, namespace: str, name: str, obj: KubeObject, form: object = None) -> Item:
        """Create or replace; the stored object carries its new resourceVersion. `form` is kept with it."""
        keyspace = self.keyspace(resource)
        previous = keyspace.get(namespace, name)
        item = item_of(namespace, name, obj, self._next_revision(), form)
        keyspace.put(item)
        self._tell(resource, Event("MODIFIED" if previous else "ADDED", item.revision, item, previous))
        return item

    def delete(self, resource: str, namespace: str, name: str) -> Item:
        """Remove an object that exists; gives its last state under the revision of the deletion."""
        keyspace = self.keyspace(resource)
        previous = keyspace.get(namespace, name)
        if previous is None:
            raise KeyError(f"{resource} {namespace}/{name}")
        item = item_of(namespace, name, previous.obj, self._next_revision(), previous.form)
        keyspace.drop(namespace, name)
        self._tell(resource, Event("DELETED", item.revision, item, previous))
        return item

    def at(self, resource: str, revision: int) -> Keyspace:
        """The resource's objects exactly as of `revision`. Raises `Compacted`."""
        keyspace = self.keyspace(resource)
        if revision < self.oldest(resource):
            raise Compacted(self.oldest(resource))
        return keyspace.at(revision)

    def since(self, resource: str, revision: int) -> list[Event]:
        """The resource's changes after `revision`. Raises `Compacted`."""
        if revision < self.oldest(resource):
            raise Compacted(self.oldest(resource))
        return self.keyspace(resource).since(revision)

    def oldest(self, resource: str) -> int:
        """The oldest revision from which the resource's history is whole."""
        return self.keyspace(resource).dropped

    def subscribe(self, resource: str, subscriber: Subscriber) -> None:
        self._subscribers.setdefault(resource, {})[subscriber] = None

    def unsubscribe(self, resource: str, subscriber: Subscriber) -> None:
        self._subscribers.get(resource, {}).pop(subscriber, None)

    def subscribers(self) -> list[Subscriber]:
        return [each for resource in sorted(self._subscribers) for each in self._subscribers[resource]]

    def compact(self, revision: int | None = None) -> None:
        """Forget the history up to `revision` (all of it by default): older watches and lists get 410."""
        self.compacted = min(self.revision if revision is None else revision, self.revision)
        for keyspace in self._keyspaces.values():
            keyspace.forget(self.compacted)

    def jump(self, revisions: int) -> None:
        """Skip revisions, as a restored or re-elected etcd may."""
        self.revision += revisions

    def snapshot(self) -> Snapshot:
        copies = {resource: keyspace.copy() for resource, keyspace in self._keyspaces.items()}
        return Snapshot(self.revision, self.compacted, copies, self._birth)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to `snapshot`, revision counter included. Open watches are the caller's business."""
        self.revision = snapshot.revision
        self.compacted = snapshot.compacted
        self._birth = snapshot.birth
        self._keyspaces = {resource: keyspace.copy() for resource, keyspace in snapshot.keyspaces.items()}

    def _next_revision(self) -> int:
        self.revision += 1
        return self.revision

    def _tell(self, resource: str, event: Event) -> None:
        self.keyspace(resource).record(event)
        for subscriber in list(self._subscribers.get(resource, ())):
            subscriber.offer(event)
        for observer in self.observers:
            observer(resource, event)
