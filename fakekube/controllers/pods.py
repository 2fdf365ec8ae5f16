"""Facts about a pod that controllers ask for, and pods made of a template.

Source: pkg/controller/controller_utils.go and pkg/api/v1/pod of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.controllers.conditions import conditions_of, find, is_true
from fakekube.controllers.ownership import controller_reference
from fakekube.meta.objects import KubeObject, metadata, name_of, uid_of
from fakekube.registry.metadata import epoch, is_terminating

PODS = "pods"
_ENDED = frozenset(["Succeeded", "Failed"])
_ORDINAL = {"Pending": 0, "Unknown": 1, "Running": 2}
# A pod's name must be a DNS-1123 subdomain with its suffix.
_PREFIX_MAX = 252


def phase_of(pod: KubeObject) -> str:
    return str((pod.get("status") or {}).get("phase") or "")


def node_of(pod: KubeObject) -> str:
    return str((pod.get("spec") or {}).get("nodeName") or "")


def has_ended(pod: KubeObject) -> bool:
    return phase_of(pod) in _ENDED


def is_active(pod: KubeObject) -> bool:
    """Whether it runs or may still run."""
    return not has_ended(pod) and not is_terminating(pod)


def is_ready(pod: KubeObject) -> bool:
    return is_true(pod, "Ready")


def ready_since(pod: KubeObject) -> float:
    """When it became ready, in epoch seconds; 0 when it is not."""
    condition = find(conditions_of(pod), "Ready")
    if condition is None or condition["status"] != "True":
        return 0.0
    return epoch(condition["lastTransitionTime"]) if condition.get("lastTransitionTime") else 0.0


def available_in(pod: KubeObject, min_ready_s: int, now: float) -> float | None:
    """In how many seconds it counts as available: 0 for one that does, None for one that is not ready."""
    if not is_ready(pod):
        return None
    return max(0.0, ready_since(pod) + min_ready_s - now) if min_ready_s else 0.0


def is_available(pod: KubeObject, min_ready_s: int, now: float) -> bool:
    return available_in(pod, min_ready_s, now) == 0.0


def restarts(pod: KubeObject) -> int:
    """The most that one of its containers was restarted."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return max((each.get("restartCount", 0) for each in statuses), default=0)


def name_prefix(owner: str) -> str:
    """Pods of `owner` are called this and a suffix."""
    return f"{owner}-" if len(owner) < _PREFIX_MAX else owner


def pod_from(template: KubeObject, owner: KubeObject) -> KubeObject:
    """A pod of `template` that `owner` controls, its name still to be drawn."""
    given = metadata(template)
    found: KubeObject = {"generateName": name_prefix(name_of(owner))}
    for member in ("labels", "annotations", "finalizers"):
        if given.get(member):
            found[member] = given[member]
    found["ownerReferences"] = [controller_reference(owner)]
    return {"metadata": found, "spec": template.get("spec") or {}}


def deletion_order(pod: KubeObject, colocated: int) -> tuple[int, int, bool, int, int, float, int, float, str]:
    """A sort key: whoever may go first when there are too many, as ReplicaSets choose. `colocated`: others on its node."""
    return (
        bool(node_of(pod)),
        _ORDINAL.get(phase_of(pod), 0),
        is_ready(pod),
        _cost(pod),
        -colocated,
        -ready_since(pod),
        -restarts(pod),
        -epoch(metadata(pod)["creationTimestamp"]),
        uid_of(pod),
    )


def _cost(pod: KubeObject) -> int:
    """What its annotation says that its deletion costs."""
    text = (metadata(pod).get("annotations") or {}).get("controller.kubernetes.io/pod-deletion-cost", "0")
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() else 0


def first_to_go(pods: Sequence[KubeObject], related: Sequence[KubeObject], count: int) -> list[KubeObject]:
    """The `count` pods to delete; `related` are those of all ReplicaSets of the same owner."""
    on_node: dict[str, int] = {}
    for pod in related:
        if is_active(pod):
            on_node[node_of(pod)] = on_node.get(node_of(pod), 0) + 1
    return sorted(pods, key=lambda pod: deletion_order(pod, on_node.get(node_of(pod), 0)))[:count]
