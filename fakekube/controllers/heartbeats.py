"""Heartbeats of nodes: the Lease that each kubelet renews in kube-node-lease. Asked for, since a site with them never rests.

Source: k8s.io/component-helpers/apimachinery/lease, as a kubelet of Kubernetes 1.37 uses it: ten seconds, good for forty.
"""

from __future__ import annotations

from fakekube.controllers.cluster import Cluster
from fakekube.controllers.controller import Controller
from fakekube.controllers.nodes import KUBELET, NODES
from fakekube.meta.objects import KubeObject, name_of, uid_of
from fakekube.registry.metadata import micro_timestamp

LEASES = "leases.coordination.k8s.io"
SPACE = "kube-node-lease"
DURATION_S = 40
RENEWAL_S = DURATION_S / 4


class Heartbeats(Controller):
    """One timer a node."""

    resource = NODES

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)

    def sync(self, namespace: str, name: str) -> None:
        node = self.cluster.get(NODES, "", name)
        if node is None:
            return  # its Lease goes with it, by its owner
        self._renew(node)
        self.plan("", name, RENEWAL_S)

    def _renew(self, node: KubeObject) -> None:
        held = self.cluster.get(LEASES, SPACE, name_of(node))
        renewed = micro_timestamp(self.cluster.now())
        if held is not None:
            spec = {**held["spec"], "renewTime": renewed}
            self.cluster.update(LEASES, held, lambda live: {**live, "spec": spec}, manager=KUBELET)
            return
        owner = {"apiVersion": "v1", "kind": "Node", "name": name_of(node), "uid": uid_of(node)}
        spec = {"holderIdentity": name_of(node), "leaseDurationSeconds": DURATION_S, "renewTime": renewed}
        lease = {"metadata": {"name": name_of(node), "ownerReferences": [owner]}, "spec": spec}
        self.cluster.create(LEASES, SPACE, lease, manager=KUBELET)
