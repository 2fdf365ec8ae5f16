"""Garbage collection: what is left when owners go. Background, foreground and orphan, by owner references.

Source: pkg/controller/garbagecollector of Kubernetes 1.37. The graph is kept by what is written, work is planned as
background work, and an idle site has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from fakekube.meta.errors import StatusError
from fakekube.meta.objects import GroupVersionKind, KubeObject, group_of, metadata, uid_of
from fakekube.registry.delete import FOREGROUND, ORPHAN, delete
from fakekube.registry.metadata import finalizers_of, is_terminating, with_finalizers, with_metadata
from fakekube.registry.options import DeleteOptions, Propagation, WriteOptions
from fakekube.registry.site import Site
from fakekube.registry.strategies import served
from fakekube.registry.update import Change, update
from fakekube.storage.items import Event, Item

CONTROLLER = WriteOptions(manager="kube-controller-manager")


class Place(NamedTuple):
    """Where an object is stored."""

    key: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Owners:
    """An object's owner references by what became of the owners; `waiting` ones wait for their dependents to go."""

    solid: list[KubeObject]
    absent: list[KubeObject]
    waiting: list[KubeObject]


def owner_references(obj: KubeObject) -> list[KubeObject]:
    found: list[KubeObject] = metadata(obj).get("ownerReferences") or []
    return found


class GarbageCollector:
    """Hears every write, and acts `delay_s` later. Only objects with owner references, or with the two finalizers of deletion, cost anything."""

    def __init__(self, site: Site, *, delay_s: float) -> None:
        self._site = site
        self._delay_s = delay_s
        # uid of an owner -> its dependents, in the order they came
        self._dependents: dict[str, dict[Place, None]] = {}

    def start(self) -> None:
        self._site.store.observers.append(self.observe)

    def resync(self) -> None:
        """Learn anew who owns whom, after the store has been replaced."""
        self._dependents.clear()
        for resource in self._site.store.used_resources():
            for item in self._site.store.keyspace(resource).listed():
                self.observe(resource, Event("ADDED", item.revision, item, None))

    def observe(self, resource: str, event: Event) -> None:
        place = Place(resource, event.item.namespace, event.item.name)
        before = owner_references(event.previous.obj) if event.previous is not None else []
        after = owner_references(event.item.obj) if event.type != "DELETED" else []
        if before or after:
            self._reindex(place, before, after)
        if event.type == "DELETED":
            self._owner_gone(event.item, before)
        elif before != after:
            self._plan(place)
            self._plan_owners(before, event.item.namespace)
        if is_terminating(event.item.obj) and event.type != "DELETED":
            self._owner_going(place, event.item)

    def _reindex(self, place: Place, before: list[KubeObject], after: list[KubeObject]) -> None:
        for reference in before:
            dependents = self._dependents.get(reference["uid"], {})
            dependents.pop(place, None)
            if not dependents:
                self._dependents.pop(reference["uid"], None)
        for reference in after:
            self._dependents.setdefault(reference["uid"], {})[place] = None

    def _owner_gone(self, item: Item, owners: list[KubeObject]) -> None:
        """Its dependents may follow, and owners that waited for it may go on."""
        for dependent in self._of(item):
            self._plan(dependent)
        self._plan_owners(owners, item.namespace)

    def _plan_owners(self, references: list[KubeObject], namespace: str) -> None:
        """Those that wait for their dependents may go on when one lets them."""
        for reference in references:
            owner = self._owner(reference, namespace)
            if owner is not None:
                self._plan(owner)

    def _owner_going(self, place: Place, item: Item) -> None:
        if not {ORPHAN, FOREGROUND}.isdisjoint(finalizers_of(item.obj)):
            self._plan(place)

    def _of(self, item: Item) -> list[Place]:
        return list(self._dependents.get(uid_of(item.obj), ()))

    def _plan(self, place: Place) -> None:
        due = self._site.now() + self._delay_s
        self._site.schedule.at(due, f"garbage {'/'.join(place)}", lambda: self._attempt(place))

    def _item(self, place: Place) -> Item | None:
        return self._site.store.get(place.key, place.namespace, place.name)

    def _owner(self, reference: KubeObject, namespace: str) -> Place | None:
        """Where the owner would be; None for a kind that nobody serves."""
        group, version = group_of(reference["apiVersion"])
        resource = self._site.catalog.of_kind(GroupVersionKind(group, version, reference["kind"]))
        if resource is None:
            return None
        found = served(resource)
        return Place(found.key, namespace if found.namespaced else "", reference["name"])

    def _attempt(self, place: Place) -> None:
        item = self._item(place)
        if item is None:
            return
        if is_terminating(item.obj):
            self._go_on(place, item)
        elif owner_references(item.obj):
            self._judge(place, item)

    def _go_on(self, place: Place, item: Item) -> None:
        """An object that is being deleted: orphan its dependents, or wait for them."""
        if ORPHAN in finalizers_of(item.obj):
            for dependent in self._of(item):
                self._drop_owners(dependent, {uid_of(item.obj)})
            self._drop_finalizer(place, ORPHAN)
        elif FOREGROUND in finalizers_of(item.obj):
            self._wait_for_dependents(place, item)

    def _wait_for_dependents(self, place: Place, item: Item) -> None:
        blocking = [dependent for dependent in self._of(item) if self._blocks(dependent, uid_of(item.obj))]
        if not blocking:
            self._drop_finalizer(place, FOREGROUND)
            return
        for dependent in self._of(item):
            self._plan(dependent)

    def _blocks(self, dependent: Place, owner_uid: str) -> bool:
        item = self._item(dependent)
        references = owner_references(item.obj) if item is not None else []
        return any(each["uid"] == owner_uid and each.get("blockOwnerDeletion") for each in references)

    def _judge(self, place: Place, item: Item) -> None:
        """An object with owners: it goes when none of them is there to stay."""
        owners = self._owners(item)
        gone = {each["uid"] for each in (*owners.absent, *owners.waiting)}
        if not gone:
            return
        if owners.solid:
            self._drop_owners(place, gone)
        elif owners.waiting and self._of(item):
            if any(map(self._waits, self._of(item))):
                # owners in a circle would wait for each other
                self._unblock(place)
            self._delete(place, item, "Foreground")
        else:
            self._delete(place, item, _policy_of(item.obj))

    def _owners(self, item: Item) -> Owners:
        found = Owners([], [], [])
        for reference in owner_references(item.obj):
            place = self._owner(reference, item.namespace)
            if place is None:
                # nobody can say that an owner of an unknown kind is gone
                found.solid.append(reference)
                continue
            owner = self._item(place)
            if owner is None or uid_of(owner.obj) != reference["uid"]:
                found.absent.append(reference)
            elif _is_waiting(owner.obj):
                found.waiting.append(reference)
            else:
                found.solid.append(reference)
        return found

    def _waits(self, place: Place) -> bool:
        item = self._item(place)
        return item is not None and _is_waiting(item.obj)

    def _unblock(self, place: Place) -> None:
        """Its owners need not wait for it any more."""

        def freed(live: KubeObject) -> KubeObject:
            kept = [{**each, "blockOwnerDeletion": False} for each in owner_references(live)]
            return with_metadata(live, ownerReferences=kept)

        self._write(place, freed)

    def _drop_owners(self, place: Place, uids: set[str]) -> None:
        def freed(live: KubeObject) -> KubeObject:
            kept = [each for each in owner_references(live) if each["uid"] not in uids]
            return with_metadata(live, ownerReferences=kept)

        self._write(place, freed)

    def _drop_finalizer(self, place: Place, finalizer: str) -> None:
        def freed(live: KubeObject) -> KubeObject:
            return with_finalizers(live, (each for each in finalizers_of(live) if each != finalizer))

        self._write(place, freed)

    def _write(self, place: Place, change: Change) -> None:
        resource = self._site.stored().get(place.key)
        if resource is None or self._item(place) is None:
            return
        update(self._site, resource, place.namespace, place.name, change, CONTROLLER)

    def _delete(self, place: Place, item: Item, propagation: Propagation) -> None:
        resource = self._site.stored().get(place.key)
        if resource is None:
            return
        options = DeleteOptions(uid=uid_of(item.obj), propagation=propagation)
        try:
            delete(self._site, resource, place.namespace, place.name, options)
        except StatusError as refused:
            # gone meanwhile, or forbidden as for the namespaces of the system
            if refused.code not in (403, 404, 409):
                raise


def _is_waiting(obj: KubeObject) -> bool:
    """Whether it is being deleted, but for its dependents."""
    return is_terminating(obj) and FOREGROUND in finalizers_of(obj)


def _policy_of(obj: KubeObject) -> Propagation:
    """How a dependent goes: as its own finalizers already say, else in the background."""
    finalizers = finalizers_of(obj)
    if ORPHAN in finalizers:
        return "Orphan"
    return "Foreground" if FOREGROUND in finalizers else "Background"
