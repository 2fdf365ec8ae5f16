"""The life of CustomResourceDefinitions: accepted, established and served as soon as they are written, emptied and
removed when they are deleted.

Source: apiextensions-apiserver/pkg/controller/{status,establish,finalizer} and pkg/registry/customresourcedefinition
of 1.37. A real server takes a moment for each step; here a definition is served when its creation is answered.
"""

from __future__ import annotations

from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject
from fakekube.registry.crd.catalog import with_definitions
from fakekube.registry.crd.deletion import CLEANUP, DEFINITIONS
from fakekube.registry.crd.naming import judged, taken_by, with_condition
from fakekube.registry.delete import delete
from fakekube.registry.metadata import finalizers_of, is_terminating, timestamp, with_finalizers
from fakekube.registry.options import DeleteOptions, WriteOptions
from fakekube.registry.resources import ResourceCatalog
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served
from fakekube.registry.update import update
from fakekube.storage.items import Event, Item

_MANAGER = WriteOptions(manager="kube-apiserver")
_IN_PROGRESS = {
    "status": "True",
    "reason": "InstanceDeletionInProgress",
    "message": "CustomResource deletion is in progress",
}


class Definitions:
    """Watches the writes of definitions, and of the objects of those that are being deleted."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._builtin: ResourceCatalog = site.catalog
        self._ending: dict[str, str] = {}  # storage key of the objects -> name of the definition

    def start(self) -> None:
        self._site.store.observers.append(self.observe)

    def resync(self) -> None:
        """Serve what the store holds, after it has been replaced."""
        self._ending.clear()
        self._publish()
        for item in self._listed():
            self._follow(item)

    def observe(self, resource: str, event: Event) -> None:
        if resource == DEFINITIONS:
            (self._forget if event.type == "DELETED" else self._follow)(event.item)
        elif event.type == "DELETED" and resource in self._ending:
            self._plan_emptying(self._ending[resource])

    def _forget(self, item: Item) -> None:
        self._ending.pop(item.name, None)
        self._publish()

    def _follow(self, item: Item) -> None:
        if is_terminating(item.obj):
            if item.name not in self._ending:
                self._ending[item.name] = item.name
                self._plan_emptying(item.name)
            return
        others = [each.obj for each in self._listed() if each.name != item.name and _group(each) == _group(item)]
        status = judged(item.obj, taken_by(others), timestamp(self._site.now()))
        if status != item.obj.get("status"):
            self._write_status(item, status)  # which is observed in its turn
        else:
            self._publish()

    def _write_status(self, item: Item, status: KubeObject) -> None:
        update(
            self._site,
            self._served(),
            "",
            item.name,
            lambda live: {**live, "status": status},
            _MANAGER,
            subresource="status",
        )

    def _publish(self) -> None:
        self._site.catalog = with_definitions(self._builtin, [item.obj for item in self._listed()])

    def _listed(self) -> list[Item]:
        return list(self._site.store.keyspace(DEFINITIONS).listed())

    def _served(self) -> Served:
        served = self._site.served("apiextensions.k8s.io", "v1", "customresourcedefinitions")
        assert served is not None  # built in
        return served

    def _plan_emptying(self, name: str) -> None:
        self._site.schedule.at(self._site.now(), f"end of {name}", lambda: self._empty(name))

    def _empty(self, name: str) -> None:
        """Delete the objects; when none is left, the definition itself may go."""
        held = self._site.store.get(DEFINITIONS, "", name)
        if held is None or not is_terminating(held.obj) or CLEANUP not in finalizers_of(held.obj):
            return
        served = self._site.stored().get(name)
        for item in list(self._site.store.keyspace(name).listed()) if served is not None else ():
            self._delete(served, item)
        if not list(self._site.store.keyspace(name).listed()):
            kept = [each for each in finalizers_of(held.obj) if each != CLEANUP]
            update(self._site, self._served(), "", name, lambda live: with_finalizers(live, kept), _MANAGER)
        else:
            now = timestamp(self._site.now())
            conditions = with_condition(held.obj["status"]["conditions"], "Terminating", _IN_PROGRESS, now)
            self._write_status(held, {**held.obj["status"], "conditions": conditions})

    def _delete(self, served: Served | None, item: Item) -> None:
        """An object that went meanwhile is gone, as was asked."""
        assert served is not None
        try:
            delete(self._site, served, item.namespace, item.name, DeleteOptions())
        except StatusError as error:
            if error.code != 404:
                raise


def _group(item: Item) -> str:
    group: str = item.obj["spec"]["group"]
    return group
