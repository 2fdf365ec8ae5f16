"""PodDisruptionBudgets: how many of their pods may be disrupted now.

Source: pkg/controller/disruption of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.controllers.cluster import Cluster
from fakekube.controllers.conditions import conditions_of, find, without
from fakekube.controllers.controller import Controller
from fakekube.controllers.events import Recorder
from fakekube.controllers.fractions import resolved
from fakekube.controllers.ownership import controller_of
from fakekube.controllers.pods import PODS, has_ended, is_ready
from fakekube.meta.objects import GroupVersionKind, KubeObject, group_of, metadata, name_of, namespace_of
from fakekube.registry.label_selector import selects
from fakekube.registry.metadata import epoch, is_terminating, timestamp
from fakekube.registry.strategies import served
from fakekube.storage.items import Event

BUDGETS = "poddisruptionbudgets.policy"
# How long an eviction counts although its pod is still there.
_EVICTED_FOR_S = 120.0
_ALLOWED = "DisruptionAllowed"


class Budgets(Controller):
    """Hears of budgets and of the pods that they cover, and of those whose size they are a share of."""

    resource = BUDGETS

    def __init__(self, cluster: Cluster, recorder: Recorder) -> None:
        super().__init__(cluster)
        self._recorder = recorder

    def listen(self) -> None:
        self.cluster.listen(PODS, self._hear_pod)
        for owner in ("deployments.apps", "replicasets.apps", "statefulsets.apps", "replicationcontrollers"):
            self.cluster.listen(owner, self._hear_owner)

    def _budgets(self, namespace: str) -> list[KubeObject]:
        if BUDGETS not in self.cluster.site.store.used_resources():
            return []
        return self.cluster.list(BUDGETS, namespace)

    def _hear_pod(self, event: Event) -> None:
        states = [item.obj for item in (event.previous, event.item) if item is not None]
        for budget in self._budgets(event.item.namespace):
            if any(_covers(budget, pod) for pod in states):
                self.enqueue(budget)

    def _hear_owner(self, event: Event) -> None:
        """Another size is another share."""
        before = event.previous.obj["spec"].get("replicas") if event.previous is not None else None
        if event.type == "MODIFIED" and before != event.item.obj["spec"].get("replicas"):
            for budget in self._budgets(event.item.namespace):
                self.enqueue(budget)

    def sync(self, namespace: str, name: str) -> None:
        budget = self.cluster.get(BUDGETS, namespace, name)
        if budget is None:
            return
        pods = [pod for pod in self.cluster.list(PODS, namespace) if _covers(budget, pod) and not has_ended(pod)]
        if not pods:
            self._recorder.record(budget, "Normal", "NoPods", "No matching pods found")
        expected, desired = self._expected(budget, pods)
        disrupted = self._disrupted(budget, pods)
        healthy = sum(is_ready(pod) and not is_terminating(pod) and name_of(pod) not in disrupted for pod in pods)
        allowed = max(0, healthy - desired) if expected > 0 else 0
        status = {
            **(budget.get("status") or {}),
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": expected,
            "disruptionsAllowed": allowed,
            "disruptedPods": disrupted,
            "observedGeneration": metadata(budget).get("generation", 0),
            "conditions": self._conditions(budget, allowed),
        }
        self.cluster.update_status(BUDGETS, budget, status)

    def _disrupted(self, budget: KubeObject, pods: Sequence[KubeObject]) -> KubeObject:
        """The evictions that are still to be seen: each is believed for a while."""
        noted = (budget.get("status") or {}).get("disruptedPods") or {}
        there = {name_of(pod) for pod in pods if not is_terminating(pod)}
        waits = {
            name: epoch(since) + _EVICTED_FOR_S - self.cluster.now() for name, since in noted.items() if name in there
        }
        pending = {name: wait_s for name, wait_s in waits.items() if wait_s >= 0}
        if pending:
            self.plan(namespace_of(budget), name_of(budget), min(pending.values()) + 1)
        return {name: noted[name] for name in sorted(pending)}

    def _expected(self, budget: KubeObject, pods: Sequence[KubeObject]) -> tuple[int, int]:
        """How many pods there should be, and how many of them must be healthy."""
        spec = budget["spec"]
        if "maxUnavailable" in spec:
            expected = self._scale_of(pods)
            return expected, max(0, expected - resolved(spec["maxUnavailable"], expected, up=True))
        least = spec.get("minAvailable", 0)
        expected = len(pods) if isinstance(least, int) else self._scale_of(pods)
        return expected, resolved(least, expected, up=True)

    def _scale_of(self, pods: Sequence[KubeObject]) -> int:
        """What the controllers of the pods, or theirs, say together."""
        sizes: dict[str, int] = {}
        for pod in pods:
            owner = self._owner_of(pod)
            parent = self._owner_of(owner) if owner is not None else None
            scaled = parent if parent is not None else owner
            if scaled is not None:
                sizes[metadata(scaled)["uid"]] = int(scaled.get("spec", {}).get("replicas", 0))
        return sum(sizes.values())

    def _owner_of(self, obj: KubeObject) -> KubeObject | None:
        reference = controller_of(obj)
        if reference is None:
            return None
        kind = GroupVersionKind(*group_of(reference["apiVersion"]), reference["kind"])
        resource = self.cluster.site.catalog.of_kind(kind)
        return (
            self.cluster.get(served(resource).key, namespace_of(obj), reference["name"])
            if resource is not None
            else None
        )

    def _conditions(self, budget: KubeObject, allowed: int) -> list[KubeObject]:
        before = conditions_of(budget)
        held = find(before, _ALLOWED)
        status, reason = ("True", "SufficientPods") if allowed > 0 else ("False", "InsufficientPods")
        same = held is not None and held["status"] == status
        told = {
            "type": _ALLOWED,
            "status": status,
            "observedGeneration": metadata(budget).get("generation", 0),
            "lastTransitionTime": held["lastTransitionTime"]
            if held is not None and same
            else timestamp(self.cluster.now()),
            "reason": reason,
            "message": "",
        }
        return [*without(before, _ALLOWED), told]


def _covers(budget: KubeObject, pod: KubeObject) -> bool:
    selector = budget["spec"].get("selector")
    return selector is not None and selects(selector, metadata(pod).get("labels") or {})
