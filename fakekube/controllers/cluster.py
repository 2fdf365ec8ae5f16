"""One site as its controllers see it: what is stored, and the few writes they make. Never over HTTP, always as the apiserver would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fakekube.meta.objects import KubeObject, name_of, namespace_of, uid_of
from fakekube.registry.create import create
from fakekube.registry.delete import delete
from fakekube.registry.options import DeleteOptions, Propagation, WriteOptions
from fakekube.registry.rules import canonical
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served
from fakekube.registry.update import Change, update
from fakekube.storage.items import Event

MANAGER = "kube-controller-manager"


@dataclass(frozen=True, slots=True, eq=False)
class Listener:
    """Hears of one resource's writes, from inside the write: it may plan work, never write."""

    hear: Callable[[Event], None]

    def offer(self, event: Event) -> None:
        self.hear(event)


class Cluster:
    """Resources are named as the store names them: `pods`, `replicasets.apps`. Every write may raise StatusError."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def now(self) -> float:
        return self.site.now()

    def listen(self, resource: str, hear: Callable[[Event], None]) -> None:
        """Call `hear` for each write to `resource`, after those who listen already."""
        self.site.store.subscribe(resource, Listener(hear))

    def get(self, resource: str, namespace: str, name: str) -> KubeObject | None:
        item = self.site.store.get(resource, namespace, name)
        return item.obj if item is not None else None

    def list(self, resource: str, namespace: str | None = None) -> list[KubeObject]:
        """All of them in key order; of one namespace, or of all."""
        return [item.obj for item in self.site.store.keyspace(resource).listed(namespace)]

    def create(self, resource: str, namespace: str, obj: KubeObject, *, manager: str = MANAGER) -> KubeObject:
        served = self._served(resource)
        return create(self.site, served, namespace, canonical(served, obj), WriteOptions(manager=manager)).obj

    def update(
        self, resource: str, obj: KubeObject, change: Change, *, subresource: str = "", manager: str = MANAGER
    ) -> KubeObject:
        """The object of that name after `change`; an update that changes nothing writes nothing."""
        served = self._served(resource)

        def written(live: KubeObject) -> KubeObject:
            return canonical(served, change(live))

        options, place = WriteOptions(manager=manager), (namespace_of(obj), name_of(obj))
        return update(self.site, served, *place, written, options, subresource=subresource).obj

    def update_status(
        self, resource: str, obj: KubeObject, status: Mapping[str, Any], *, manager: str = MANAGER
    ) -> KubeObject:
        """The object with another status."""
        return self.update(
            resource, obj, lambda live: {**live, "status": dict(status)}, subresource="status", manager=manager
        )

    def delete(
        self,
        resource: str,
        obj: KubeObject,
        *,
        propagation: Propagation = "",
        grace_period_s: int | None = None,
    ) -> None:
        """Delete this very object, not another one of its name."""
        options = DeleteOptions(uid=uid_of(obj), propagation=propagation, grace_period_s=grace_period_s)
        delete(self.site, self._served(resource), namespace_of(obj), name_of(obj), options)

    def _served(self, resource: str) -> Served:
        return self.site.stored()[resource]
