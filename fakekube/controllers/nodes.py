"""Nodes that nothing runs on: one is made where there is none, so that pods have somewhere to go."""

from __future__ import annotations

from fakekube.controllers.cluster import Cluster
from fakekube.meta.objects import KubeObject, metadata, name_of
from fakekube.registry.metadata import timestamp

NODES = "nodes"
KUBELET = "kubelet"
_VERSION = "v1.37.2"
_CAPACITY = {"cpu": "32", "ephemeral-storage": "512Gi", "memory": "256Gi", "pods": "1000"}


def make_nodes(cluster: Cluster, count: int) -> None:
    """`node-0` and so on, ready and empty, where the site has no node at all."""
    if cluster.list(NODES):
        return
    for number in range(count):
        name = f"node-{number}"
        cluster.create(NODES, "", _node(name), manager=KUBELET)


def _node(name: str) -> KubeObject:
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
    }
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"podCIDR": "10.244.0.0/16", "podCIDRs": ["10.244.0.0/16"]},
    }


def node_status(node: KubeObject, host: int, now: float) -> KubeObject:
    """The status of a node that has just become ready, the `host`-th of its site."""
    name = name_of(node)
    return {
        **(node.get("status") or {}),
        "capacity": _CAPACITY,
        "allocatable": _CAPACITY,
        "conditions": [_condition(kind, *told, now) for kind, told in _CONDITIONS.items()],
        "addresses": [
            {"type": "InternalIP", "address": f"192.168.{host // 256}.{host % 256}"},
            {"type": "Hostname", "address": name},
        ],
        "nodeInfo": {
            "machineID": "",
            "systemUUID": "",
            "bootID": "",
            "kernelVersion": "none",
            "osImage": "fakekube",
            "containerRuntimeVersion": "fakekube://none",
            "kubeletVersion": _VERSION,
            "kubeProxyVersion": _VERSION,
            "operatingSystem": "linux",
            "architecture": "amd64",
        },
    }


_CONDITIONS = {
    "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    "Ready": ("True", "KubeletReady", "kubelet is posting ready status"),
}


def _condition(kind: str, status: str, reason: str, message: str, now: float) -> KubeObject:
    return {
        "type": kind,
        "status": status,
        "lastHeartbeatTime": timestamp(now),
        "lastTransitionTime": timestamp(now),
        "reason": reason,
        "message": message,
    }


def address_of(node: KubeObject | None) -> str:
    """The node's InternalIP; a made up one for a node that has none, or is not there."""
    addresses = ((node or {}).get("status") or {}).get("addresses") or ()
    return next((str(each["address"]) for each in addresses if each["type"] == "InternalIP"), "192.168.255.1")


def node_labels(node: KubeObject) -> KubeObject:
    return dict(metadata(node).get("labels") or {})


def taints_of(node: KubeObject) -> list[KubeObject]:
    """Its taints, and the one that a node carries that takes no more pods."""
    spec = node.get("spec") or {}
    found: list[KubeObject] = spec.get("taints") or []
    cordon = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    noted = any(each["key"] == cordon["key"] for each in found)
    return [*found, cordon] if spec.get("unschedulable") and not noted else found


def tolerates(pod_spec: KubeObject, taint: KubeObject) -> bool:
    return any(covers(each, taint) for each in pod_spec.get("tolerations") or ())


def covers(toleration: KubeObject, taint: KubeObject) -> bool:
    """Whether this one toleration is about the taint."""
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return bool(toleration.get("key")) and toleration.get("value", "") == taint.get("value", "")


def wanted_by(pod_spec: KubeObject, node: KubeObject) -> bool:
    """Whether the node fits the pod's nodeSelector and its required node affinity."""
    labels = node_labels(node)
    if any(labels.get(key) != value for key, value in (pod_spec.get("nodeSelector") or {}).items()):
        return False
    affinity = (pod_spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or any(_term_fits(each, node) for each in required.get("nodeSelectorTerms") or ())


def _term_fits(term: KubeObject, node: KubeObject) -> bool:
    labels, fields = node_labels(node), {"metadata.name": name_of(node)}
    expressions, matched = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not matched:
        return False
    return all(_fits(each, labels) for each in expressions) and all(_fits(each, fields) for each in matched)


def _fits(requirement: KubeObject, values: KubeObject) -> bool:
    held, wanted = values.get(requirement["key"]), requirement.get("values") or ()
    match requirement["operator"]:
        case "In":
            return held in wanted
        case "NotIn":
            return held not in wanted
        case "Exists":
            return held is not None
        case "DoesNotExist":
            return held is None
        case operator:
            return _compares(operator, held, wanted)


def _compares(operator: str, held: object, wanted: object) -> bool:
    """Gt and Lt, over whole numbers."""
    texts = [held, *wanted] if isinstance(wanted, (list, tuple)) else [held]
    if len(texts) != 2 or not all(isinstance(each, str) and each.lstrip("-").isdecimal() for each in texts):
        return False
    left, right = (int(str(each)) for each in texts)
    return left > right if operator == "Gt" else left < right
