"""Whose an object is: controller references, the index over them, and the adoption and release of what a selector finds.

Source: pkg/controller/controller_ref_manager.go of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fakekube.controllers.cluster import Cluster
from fakekube.meta.objects import KubeObject, metadata, name_of, namespace_of, uid_of
from fakekube.registry.label_selector import selects
from fakekube.registry.metadata import is_terminating, with_metadata
from fakekube.storage.items import Event


def controller_of(obj: KubeObject) -> KubeObject | None:
    """The owner reference of the object's controller; there is one at most."""
    return next((each for each in metadata(obj).get("ownerReferences") or () if each.get("controller")), None)


def is_controlled_by(obj: KubeObject, owner: KubeObject) -> bool:
    found = controller_of(obj)
    return found is not None and found["uid"] == uid_of(owner)


def controller_reference(owner: KubeObject) -> KubeObject:
    """How what `owner` controls refers to it."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


class OwnedIndex:
    """The objects of one resource by the uid of their controller, and those without any by namespace."""

    def __init__(self, cluster: Cluster, resource: str) -> None:
        self.cluster = cluster
        self.resource = resource
        self._owned: dict[str, set[tuple[str, str]]] = {}

    def start(self) -> None:
        self.cluster.listen(self.resource, self._hear)
        self.resync()

    def resync(self) -> None:
        self._owned.clear()
        if self.resource in self.cluster.site.store.used_resources():
            for obj in self.cluster.list(self.resource):
                self._add(obj)

    def of(self, owner: KubeObject) -> list[KubeObject]:
        """What `owner` controls, sorted by name."""
        return self._objects(uid_of(owner))

    def orphans(self, namespace: str) -> list[KubeObject]:
        """What nobody controls in `namespace`, sorted by name."""
        return self._objects(f"orphans of {namespace}")

    def _objects(self, key: str) -> list[KubeObject]:
        found = (self.cluster.get(self.resource, *place) for place in sorted(self._owned.get(key, ())))
        return [obj for obj in found if obj is not None]

    def _hear(self, event: Event) -> None:
        if event.previous is not None:
            self._drop(event.previous.obj)
        if event.type != "DELETED":
            self._add(event.item.obj)

    def _add(self, obj: KubeObject) -> None:
        self._owned.setdefault(_key(obj), set()).add((namespace_of(obj), name_of(obj)))

    def _drop(self, obj: KubeObject) -> None:
        places = self._owned.get(_key(obj), set())
        places.discard((namespace_of(obj), name_of(obj)))
        if not places:
            self._owned.pop(_key(obj), None)


def _key(obj: KubeObject) -> str:
    controller = controller_of(obj)
    return str(controller["uid"]) if controller is not None else f"orphans of {namespace_of(obj)}"


@dataclass(frozen=True, slots=True)
class Claim:
    """What belongs to `owner` by its selector: its own that fit, and orphans that fit. Others of its own are released."""

    index: OwnedIndex
    owner: KubeObject
    selector: KubeObject

    def objects(self) -> list[KubeObject]:
        """All that are claimed now, sorted by name."""
        return sorted([*self._kept(), *self._adopted()], key=name_of)

    def _kept(self) -> Iterator[KubeObject]:
        for obj in self.index.of(self.owner):
            if self._fits(obj):
                yield obj
            elif not is_terminating(self.owner):
                self._release(obj)

    def _adopted(self) -> Iterator[KubeObject]:
        if is_terminating(self.owner):
            return
        for obj in self.index.orphans(namespace_of(self.owner)):
            if not is_terminating(obj) and self._fits(obj):
                yield self._adopt(obj)

    def _fits(self, obj: KubeObject) -> bool:
        return selects(self.selector, metadata(obj).get("labels") or {})

    def _release(self, obj: KubeObject) -> None:
        def released(live: KubeObject) -> KubeObject:
            kept = [each for each in metadata(live)["ownerReferences"] if each["uid"] != uid_of(self.owner)]
            return with_metadata(live, ownerReferences=kept)

        self.index.cluster.update(self.index.resource, obj, released)

    def _adopt(self, obj: KubeObject) -> KubeObject:
        def adopted(live: KubeObject) -> KubeObject:
            others = metadata(live).get("ownerReferences") or []
            return with_metadata(live, ownerReferences=[*others, controller_reference(self.owner)])

        return self.index.cluster.update(self.index.resource, obj, adopted)
