"""APIServices of custom resources: one for each version of each group that a definition serves, kept as long as it does.

Source: kube-aggregator/pkg/controllers/autoregister and pkg/controlplane/controller/crdregistration of 1.37. The real
server takes a moment; here they are there when the definition is answered.
"""

from __future__ import annotations

from collections.abc import Iterator

from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.crd.deletion import DEFINITIONS
from fakekube.registry.create import create
from fakekube.registry.delete import delete
from fakekube.registry.options import DeleteOptions, WriteOptions
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served
from fakekube.registry.update import update
from fakekube.storage.items import Event, Item

API_SERVICES = "apiservices.apiregistration.k8s.io"
_GROUP_PRIORITY, _VERSION_PRIORITY = 1000, 100
# What carries this label with this value is kept; anything else belongs to whoever made it, and is left alone.
_LABEL, _ALWAYS = "kube-aggregator.kubernetes.io/automanaged", "true"


class ApiServices:
    """Watches definitions, and what others do to the APIServices that it keeps."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def start(self) -> None:
        self._site.store.observers.append(self.observe)

    def resync(self) -> None:
        """A store brings its APIServices along."""

    def observe(self, resource: str, event: Event) -> None:
        if resource == API_SERVICES:
            self._keep(event.item.name)
        elif resource == DEFINITIONS:
            for name in sorted({*_served_by(event.item.obj), *self._kept(event.item.obj["spec"]["group"])}):
                self._keep(name)

    def _kept(self, group: str) -> Iterator[str]:
        """A version may have been taken out of its definition, which then no longer names it."""
        for item in self._site.store.keyspace(API_SERVICES).listed():
            if _is_kept(item) and item.obj["spec"].get("group") == group:
                yield item.name

    def _keep(self, name: str) -> None:
        """Make it what it has to be. What admission refuses stays as it is until something of it changes again."""
        wanted, held = self._wanted(name), self._site.store.get(API_SERVICES, "", name)
        try:
            if held is None:
                self._make(name, wanted)
            elif _is_kept(held):
                self._mend(held, wanted)
        except StatusError as error:
            if error.code not in (403, 404, 409, 422):
                raise

    def _wanted(self, name: str) -> KubeObject | None:
        definitions = self._site.store.keyspace(DEFINITIONS).listed()
        if not any(name in _served_by(item.obj) for item in definitions):
            return None
        version, _, group = name.partition(".")
        priorities = {"groupPriorityMinimum": _GROUP_PRIORITY, "versionPriority": _VERSION_PRIORITY}
        return {"group": group, "version": version, **priorities}

    def _make(self, name: str, wanted: KubeObject | None) -> None:
        if wanted is not None:
            made = {"metadata": {"name": name, "labels": {_LABEL: _ALWAYS}}, "spec": wanted}
            create(self._site, self._resource(), "", made, _options())

    def _mend(self, held: Item, wanted: KubeObject | None) -> None:
        if wanted is None:
            delete(self._site, self._resource(), "", held.name, DeleteOptions(uid=metadata(held.obj)["uid"]))
        elif held.obj["spec"] != wanted:
            update(self._site, self._resource(), "", held.name, lambda live: {**live, "spec": wanted}, _options())

    def _resource(self) -> Served:
        found = self._site.served("apiregistration.k8s.io", "v1", "apiservices")
        assert found is not None  # built in
        return found


def _options() -> WriteOptions:
    return WriteOptions(manager="kube-apiserver")


def _served_by(definition: KubeObject) -> list[str]:
    spec = definition["spec"]
    return [f"{version['name']}.{spec['group']}" for version in spec["versions"] if version.get("served")]


def _is_kept(item: Item) -> bool:
    return (metadata(item.obj).get("labels") or {}).get(_LABEL) == _ALWAYS
