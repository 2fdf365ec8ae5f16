"""Nodes become ready, carry the taints of their conditions, and lose their pods when those are not tolerated.

Source: pkg/controller/{nodelifecycle,tainteviction,podgc} of Kubernetes 1.37. Nobody sends heartbeats: a node's
conditions stay as they are until somebody writes them.
"""

from __future__ import annotations

from fakekube.controllers.cluster import Cluster
from fakekube.controllers.conditions import conditions_of, find
from fakekube.controllers.controller import Controller
from fakekube.controllers.events import Recorder
from fakekube.controllers.nodes import KUBELET, NODES, covers, node_status
from fakekube.controllers.pods import PODS, node_of
from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.metadata import epoch, is_terminating
from fakekube.storage.items import Event

_NOT_READY, _UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
_CORDONED = "node.kubernetes.io/unschedulable"
# The last part of the first node's address.
_FIRST_HOST = 10
_OURS = (_NOT_READY, _UNREACHABLE, _CORDONED)
_BY_STATUS = {"False": _NOT_READY, "Unknown": _UNREACHABLE}


class NodeLifecycle(Controller):
    """`becomes_ready`: whether a node without any word about it gets the status of one that is."""

    resource = NODES

    def __init__(self, cluster: Cluster, *, becomes_ready: bool) -> None:
        super().__init__(cluster)
        self._becomes_ready = becomes_ready
        self._hosts = 0

    def resync(self) -> None:
        self._hosts = _FIRST_HOST + len(self.cluster.list(NODES))
        super().resync()

    def sync(self, namespace: str, name: str) -> None:
        node = self.cluster.get(NODES, "", name)
        if node is None:
            return
        if self._becomes_ready and find(conditions_of(node), "Ready") is None:
            status = node_status(node, self._hosts, self.cluster.now())
            self._hosts += 1
            node = self.cluster.update_status(NODES, node, status, manager=KUBELET)
        self.cluster.update(NODES, node, _tainted)


def _tainted(node: KubeObject) -> KubeObject:
    spec = node.get("spec") or {}
    held: list[KubeObject] = spec.get("taints") or []
    wanted = _taints(node)
    kept = [each for each in held if each["key"] not in _OURS or (each["key"], each["effect"]) in wanted]
    known = {(each["key"], each["effect"]) for each in kept}
    added = [{"key": key, "effect": effect} for key, effect in wanted if (key, effect) not in known]
    return {**node, "spec": {**spec, "taints": [*kept, *added]}}


def _taints(node: KubeObject) -> list[tuple[str, str]]:
    found = [(_CORDONED, "NoSchedule")] if (node.get("spec") or {}).get("unschedulable") else []
    ready = find(conditions_of(node), "Ready")
    key = _BY_STATUS.get(ready["status"] if ready is not None else "Unknown")
    return [*found, (key, "NoSchedule"), (key, "NoExecute")] if key is not None else found


class TaintEviction(Controller):
    """Takes pods from nodes whose NoExecute taints they do not tolerate, or no longer; and from nodes that are gone."""

    resource = PODS

    def __init__(self, cluster: Cluster, recorder: Recorder) -> None:
        super().__init__(cluster)
        self._recorder = recorder

    def listen(self) -> None:
        self.cluster.listen(NODES, self._hear_node)

    def hear(self, event: Event) -> None:
        """A pod matters when it comes to a node that has such taints."""
        pod = event.item.obj
        if event.type == "DELETED" or not node_of(pod) or is_terminating(pod):
            return
        before = node_of(event.previous.obj) if event.previous is not None else ""
        if before != node_of(pod) and _evicting(self.cluster.get(NODES, "", node_of(pod))):
            self.enqueue(pod)

    def _hear_node(self, event: Event) -> None:
        before = _evicting(event.previous.obj) if event.previous is not None else []
        if event.type != "DELETED" and _evicting(event.item.obj) == before:
            return
        for pod in self.cluster.list(PODS) if PODS in self.cluster.site.store.used_resources() else ():
            if node_of(pod) == event.item.name:
                self.enqueue(pod)

    def sync(self, namespace: str, name: str) -> None:
        pod = self.cluster.get(PODS, namespace, name)
        if pod is None or not node_of(pod):
            return
        node = self.cluster.get(NODES, "", node_of(pod))
        if node is None:
            self.cluster.delete(PODS, pod, grace_period_s=0)
            return
        if is_terminating(pod):
            return
        due = _eviction_due(pod, node)
        if due is not None and due <= self.cluster.now():
            self._recorder.record(pod, "Normal", "TaintManagerEviction", f"Marking for deletion Pod {namespace}/{name}")
            self.cluster.delete(PODS, pod)
        elif due is not None:
            self.plan(namespace, name, due - self.cluster.now())


def _evicting(node: KubeObject | None) -> list[KubeObject]:
    taints = ((node or {}).get("spec") or {}).get("taints") or ()
    return [each for each in taints if each["effect"] == "NoExecute"]


def _eviction_due(pod: KubeObject, node: KubeObject) -> float | None:
    """When the first of the node's taints is tolerated no longer, in epoch seconds; None for never."""
    since = _tainted_since(node)
    dues: list[float] = []
    for taint in _evicting(node):
        tolerating = [each for each in pod["spec"].get("tolerations") or () if covers(each, taint)]
        if not tolerating:
            return 0.0
        limits = [each["tolerationSeconds"] for each in tolerating if each.get("tolerationSeconds") is not None]
        if len(limits) == len(tolerating):
            dues.append(since + max(0, min(limits)))
    return min(dues, default=None)


def _tainted_since(node: KubeObject) -> float:
    """Taints are as old as what their node's Ready condition says."""
    ready = find(conditions_of(node), "Ready")
    return epoch(ready["lastTransitionTime"]) if ready is not None else epoch(metadata(node)["creationTimestamp"])
