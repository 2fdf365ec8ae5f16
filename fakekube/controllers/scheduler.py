"""Gives each pod a node: the emptiest of those that take it. A pod that none takes waits until something changes.

Source of rules and texts: pkg/scheduler/framework/plugins of Kubernetes 1.37; scores are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fractions import Fraction

from fakekube.controllers.cluster import Cluster
from fakekube.controllers.conditions import conditions_of, without
from fakekube.controllers.events import Recorder
from fakekube.controllers.nodes import NODES, taints_of, tolerates, wanted_by
from fakekube.controllers.pods import PODS, has_ended, node_of
from fakekube.meta.objects import KubeObject, metadata, name_of, namespace_of
from fakekube.registry.amounts import amount
from fakekube.registry.limits import pod_amounts
from fakekube.registry.metadata import timestamp
from fakekube.registry.options import WriteOptions
from fakekube.registry.pods import bind
from fakekube.storage.items import Event

SCHEDULER = "default-scheduler"
_MANAGER = "kube-scheduler"
_HARD = ("NoSchedule", "NoExecute")
Key = tuple[str, str]


class Scheduler:
    """Knows what each node carries, and who waits. `retry(namespace, name)` is called for those when a node may have room."""

    def __init__(self, cluster: Cluster, recorder: Recorder, retry: Callable[[str, str], None]) -> None:
        self._cluster = cluster
        self._recorder = recorder
        self._retry = retry
        self._carried: dict[str, dict[Key, KubeObject]] = {}
        self._waiting: dict[Key, None] = {}

    def start(self) -> None:
        self._cluster.listen(PODS, self._hear_pod)
        self._cluster.listen(NODES, lambda _: self._retry_waiting())
        self.resync()

    def resync(self) -> None:
        self._carried.clear()
        self._waiting.clear()
        if PODS in self._cluster.site.store.used_resources():
            for pod in self._cluster.list(PODS):
                self._carry(pod)

    def _hear_pod(self, event: Event) -> None:
        key = (event.item.namespace, event.item.name)
        before = event.previous.obj if event.previous is not None else None
        freed = before is not None and self._carried.get(node_of(before), {}).pop(key, None) is not None
        if event.type == "DELETED":
            self._waiting.pop(key, None)
        else:
            self._carry(event.item.obj)
        if freed and (event.type == "DELETED" or has_ended(event.item.obj)):
            self._retry_waiting()

    def _carry(self, pod: KubeObject) -> None:
        if node_of(pod) and not has_ended(pod):
            self._carried.setdefault(node_of(pod), {})[namespace_of(pod), name_of(pod)] = pod

    def _retry_waiting(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for namespace, name in waiting:
            self._retry(namespace, name)

    def place(self, pod: KubeObject, refusal: str = "") -> bool:
        """Whether the pod has a node now; `refusal` keeps it from any."""
        nodes = self._cluster.list(NODES)
        faults = {name_of(each): refusal or self._fault(pod, each) for each in nodes}
        free = [name for name, fault in faults.items() if not fault]
        if not free:
            self._refuse(pod, _explained(faults))
            return False
        node = min(free, key=lambda name: (len(self._carried.get(name, ())), name))
        self._bind(pod, node)
        return True

    def _bind(self, pod: KubeObject, node: str) -> None:
        served = self._cluster.site.stored()[PODS]
        binding = {"metadata": {"name": name_of(pod)}, "target": {"kind": "Node", "name": node}}
        bind(self._cluster.site, served, namespace_of(pod), binding, WriteOptions(manager=_MANAGER))
        told = f"Successfully assigned {namespace_of(pod)}/{name_of(pod)} to {node}"
        self._recorder.record(pod, "Normal", "Scheduled", told)

    def _fault(self, pod: KubeObject, node: KubeObject) -> str:
        """Why the node does not take the pod; empty when it does."""
        spec = pod["spec"]
        if (node.get("spec") or {}).get("unschedulable") and not _tolerates_cordon(spec):
            return "node(s) were unschedulable"
        if not wanted_by(spec, node):
            return "node(s) didn't match Pod's node affinity/selector"
        for taint in taints_of(node):
            if taint["effect"] in _HARD and not tolerates(spec, taint):
                shown = f"{taint['key']}: {taint['value']}" if taint.get("value") else taint["key"]
                return f"node(s) had untolerated taint(s) {{{shown}}}"
        return self._shortage(pod, node)

    def _shortage(self, pod: KubeObject, node: KubeObject) -> str:
        room = (node.get("status") or {}).get("allocatable") or {}
        carried = self._carried.get(name_of(node), {}).values()
        if "pods" in room and len(carried) >= amount(room["pods"]):
            return "Too many pods"
        wanted = host_ports(pod)
        if wanted and any(_meet(port, held) for port in wanted for each in carried for held in host_ports(each)):
            return "node(s) didn't have free ports for the requested pod ports"
        for resource, asked in sorted(pod_amounts(pod, "requests").items()):
            used = sum((_asked(each, resource) for each in carried), Fraction(0))
            if amount(asked) and used + amount(asked) > amount(room.get(resource, "0")):
                return f"Insufficient {resource}"
        return ""

    def _refuse(self, pod: KubeObject, why: str) -> None:
        self._waiting[namespace_of(pod), name_of(pod)] = None
        self._recorder.record(pod, "Warning", "FailedScheduling", why)

        def refused(live: KubeObject) -> KubeObject:
            others = without(conditions_of(live), "PodScheduled")
            told = {
                "type": "PodScheduled",
                "observedGeneration": metadata(live).get("generation", 0),
                "status": "False",
                "lastTransitionTime": timestamp(self._cluster.now()),
                "reason": "Unschedulable",
                "message": why,
            }
            return {**live, "status": {**(live.get("status") or {}), "conditions": [*others, told]}}

        held = [each for each in conditions_of(pod) if each["type"] == "PodScheduled"]
        if not held or held[0].get("message") != why:
            self._cluster.update(PODS, pod, refused, subresource="status", manager=_MANAGER)


# Address, protocol and number.
HostPort = tuple[str, str, int]
_ANY = "0.0.0.0"


def host_ports(pod: KubeObject) -> list[HostPort]:
    """The ports of its node that a pod takes."""
    ports = [port for each in pod["spec"].get("containers") or () for port in each.get("ports") or ()]
    return [
        (port.get("hostIP") or _ANY, port.get("protocol", "TCP"), int(port["hostPort"]))
        for port in ports
        if port.get("hostPort")
    ]


def _meet(one: HostPort, other: HostPort) -> bool:
    return one[1:] == other[1:] and (one[0] == other[0] or _ANY in (one[0], other[0]))


def _asked(pod: KubeObject, resource: str) -> Fraction:
    text = pod_amounts(pod, "requests").get(resource)
    return amount(text) if text is not None else Fraction(0)


def _tolerates_cordon(spec: KubeObject) -> bool:
    return tolerates(spec, {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})


def _explained(faults: dict[str, str]) -> str:
    if not faults:
        return "no nodes available to schedule pods"
    counted = sorted(f"{count} {fault}" for fault, count in Counter(faults.values()).items())
    return f"0/{len(faults)} nodes are available: {', '.join(counted)}."
