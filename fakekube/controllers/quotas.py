"""ResourceQuotas: their limits put in force, and what is used counted again when something goes.

Source: pkg/controller/resourcequota of Kubernetes 1.37. What comes is counted by admission.
"""

from __future__ import annotations

from fakekube.controllers.cluster import Cluster
from fakekube.controllers.controller import Controller
from fakekube.meta.objects import KubeObject
from fakekube.registry.quota import usage_of, used_of
from fakekube.registry.quota_scopes import attributes_classes, is_terminating_pod
from fakekube.storage.items import Event

QUOTAS = "resourcequotas"
# What counts for more than being there; an update may change it.
_MEASURED = frozenset(["pods", "persistentvolumeclaims", "services"])


class Quotas(Controller):
    """Hears of quotas, and of everything that goes."""

    resource = QUOTAS

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)

    def listen(self) -> None:
        self.cluster.site.store.observers.append(self._hear_any)

    def _hear_any(self, resource: str, event: Event) -> None:
        if not event.item.namespace or QUOTAS not in self.cluster.site.store.used_resources():
            return
        if event.type == "DELETED" or (event.type == "MODIFIED" and self._counts_anew(resource, event)):
            for quota in self.cluster.list(QUOTAS, event.item.namespace):
                self.enqueue(quota)

    def _counts_anew(self, resource: str, event: Event) -> bool:
        """Whether a write may have changed what an object uses, or which scopes it is in."""
        if resource not in _MEASURED or event.previous is None:
            return False
        site, before, after = self.cluster.site, event.previous.obj, event.item.obj
        if usage_of(site, resource, before) != usage_of(site, resource, after):
            return True
        return is_terminating_pod(before) != is_terminating_pod(after) or (
            attributes_classes(before) != attributes_classes(after)
        )

    def sync(self, namespace: str, name: str) -> None:
        quota = self.cluster.get(QUOTAS, namespace, name)
        if quota is None:
            return
        hard: KubeObject = quota["spec"].get("hard") or {}
        status = {"hard": hard, "used": used_of(self.cluster.site, quota)}
        if (quota.get("status") or {}) != status:
            self.cluster.update_status(QUOTAS, quota, status)
