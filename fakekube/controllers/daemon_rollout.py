"""Which pods of a DaemonSet go, and which nodes get a second one, while its template is rolled out. Pure.

Source: pkg/controller/daemon/update.go of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fakekube.controllers.fractions import resolved
from fakekube.controllers.pods import is_available, is_ready
from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.metadata import is_terminating

HASH = "controller-revision-hash"

ByNode = Mapping[str, Sequence[KubeObject]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """A DaemonSet on its way to the template with hash `digest`. `wanted`: the nodes that should run a pod."""

    owner: KubeObject
    digest: str
    wanted: frozenset[str]
    now: float

    def surge(self) -> int:
        """How many nodes may have a second pod."""
        rolling = self.owner["spec"]["updateStrategy"].get("rollingUpdate") or {}
        return resolved(rolling.get("maxSurge") or 0, len(self.wanted), up=True)

    def unavailable(self) -> int:
        rolling = self.owner["spec"]["updateStrategy"].get("rollingUpdate") or {}
        limit = resolved(rolling.get("maxUnavailable", 1), len(self.wanted), up=True)
        return limit if limit or self.surge() else 1

    def is_new(self, pod: KubeObject) -> bool:
        return bool((metadata(pod).get("labels") or {}).get(HASH) == self.digest)

    def is_available(self, pod: KubeObject) -> bool:
        return is_available(pod, int(self.owner["spec"].get("minReadySeconds", 0)), self.now)


@dataclass(slots=True)
class Steps:
    """Pods to delete, and nodes that get a pod beside the one they have."""

    doomed: list[KubeObject] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)


def next_steps(rollout: Rollout, pods: ByNode) -> Steps:
    if rollout.surge():
        return _surged(rollout, pods)
    return Steps(doomed=_replaced(rollout, pods))


def _one_of_each(rollout: Rollout, pods: Sequence[KubeObject]) -> tuple[KubeObject | None, KubeObject | None] | None:
    """The new and the old pod of a node; None when it has two of a kind, which is not for a rollout to settle."""
    live = [pod for pod in pods if not is_terminating(pod)]
    new, old = ([pod for pod in live if rollout.is_new(pod) is kind] for kind in (True, False))
    if len(new) > 1 or len(old) > 1:
        return None
    return (new[0] if new else None), (old[0] if old else None)


def _replaced(rollout: Rollout, pods: ByNode) -> list[KubeObject]:
    """Old pods that serve nobody go at once, others as long as enough are available."""
    unavailable = 0
    useless: list[KubeObject] = []
    serving: list[KubeObject] = []
    for node in sorted({*pods, *rollout.wanted}):
        pair = _one_of_each(rollout, pods.get(node, ()))
        alone = pair is not None and (pair[0] is None) != (pair[1] is None)
        pod = None if pair is None or not alone else pair[0] or pair[1]
        available = pod is not None and rollout.is_available(pod)
        unavailable += not available
        if pod is not None and not rollout.is_new(pod):
            (serving if available else useless).append(pod)
    return [*useless, *serving[: max(0, rollout.unavailable() - unavailable)]]


def _surged(rollout: Rollout, pods: ByNode) -> Steps:
    """A node gets its new pod first, and loses the old one when that is available."""
    steps, surging, available = Steps(), 0, 0
    leaving: list[KubeObject] = []
    candidates: list[str] = []
    for node in sorted({*pods, *rollout.wanted}):
        pair = _one_of_each(rollout, pods.get(node, ()))
        if pair is None:
            surging += 1
            continue
        new, old = pair
        first = old or new
        available += first is not None and rollout.is_available(first)
        if old is None:
            continue
        if new is not None:
            if rollout.is_available(new):
                steps.doomed.append(old)
            else:
                surging += 1
        elif not rollout.is_available(old):
            (steps.nodes.append(node) if node in rollout.wanted else steps.doomed.append(old))
        elif node in rollout.wanted:
            candidates.append(node)
        else:
            leaving.append(old)
    steps.doomed += leaving[: max(0, available - len(rollout.wanted))]
    steps.nodes += candidates[: max(0, rollout.surge() - surging)]
    return steps


def surplus(rollout: Rollout, running: Sequence[KubeObject]) -> list[KubeObject]:
    """Of the pods on one node, oldest first, those that are one too many."""
    if not rollout.surge():
        return list(running[1:])
    new, old = ([pod for pod in running if rollout.is_new(pod) is kind] for kind in (True, False))
    doomed = [*new[1:], *old[1:]]
    if new and old and (not is_ready(old[0]) or rollout.is_available(new[0])):
        doomed.append(old[0])
    return doomed
