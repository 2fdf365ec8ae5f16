"""ResourceQuotas: their limits put in force, and what is used counted again when something goes.

Source: pkg/controller/resourcequota of Kubernetes 1.37. What comes is counted by admission.
"""

from __future__ import annotations

from fakekube.controllers.cluster import Cluster
from fakekube.controllers.controller import Controller
from fakekube.controllers.pods import PODS, has_ended
from fakekube.meta.objects import KubeObject
from fakekube.registry.quota import used_of
from fakekube.storage.items import Event

QUOTAS = "resourcequotas"


class Quotas(Controller):
    """Hears of quotas, and of everything that goes."""

    resource = QUOTAS

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)

    def listen(self) -> None:
        self.cluster.site.store.observers.append(self._hear_any)

    def _hear_any(self, resource: str, event: Event) -> None:
        gone = event.type == "DELETED" or (resource == PODS and has_ended(event.item.obj))
        if gone and event.item.namespace and QUOTAS in self.cluster.site.store.used_resources():
            for quota in self.cluster.list(QUOTAS, event.item.namespace):
                self.enqueue(quota)

    def sync(self, namespace: str, name: str) -> None:
        quota = self.cluster.get(QUOTAS, namespace, name)
        if quota is None:
            return
        hard: KubeObject = quota["spec"].get("hard") or {}
        status = {"hard": hard, "used": used_of(self.cluster.site, quota)}
        if (quota.get("status") or {}) != status:
            self.cluster.update_status(QUOTAS, quota, status)
