"""ReplicaSets and ReplicationControllers: as many pods as they say, made of their template.

Source: pkg/controller/replicaset of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from fakekube.controllers.cluster import Cluster
from fakekube.controllers.conditions import condition, conditions_of, find, without
from fakekube.controllers.controller import Controller
from fakekube.controllers.events import Recorder
from fakekube.controllers.ownership import Claim, OwnedIndex, controller_of
from fakekube.controllers.pod_control import PodControl
from fakekube.controllers.pods import PODS, available_in, first_to_go, has_ended, is_active, is_available, is_ready
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject, metadata, name_of, namespace_of
from fakekube.registry.label_selector import selects
from fakekube.registry.metadata import is_terminating
from fakekube.storage.items import Event

REPLICA_SETS = "replicasets.apps"
# The most pods that one look creates or deletes.
BURST = 500
_FAILURE = "ReplicaFailure"


class PodOwner(Controller):
    """A controller of pods: hears of each, and looks at the owner it names, or at those that may adopt it."""

    kind: ClassVar[str]

    def __init__(self, cluster: Cluster, pods: OwnedIndex, recorder: Recorder) -> None:
        super().__init__(cluster)
        self.pods = pods
        self.recorder = recorder
        self.control = PodControl(cluster, recorder)

    def listen(self) -> None:
        self.cluster.listen(PODS, self.hear_pod)

    def hear_pod(self, event: Event) -> None:
        """The owner before and the owner after; of an orphan, whoever selects it."""
        owners = {(each["kind"], each["name"]): None for each in _owners(event)}
        for kind, name in owners:
            if kind == self.kind:
                self.plan(event.item.namespace, name)
        if not owners and event.type != "DELETED":
            self._offer_orphan(event.item.obj)

    def _offer_orphan(self, pod: KubeObject) -> None:
        if self.resource not in self.cluster.site.store.used_resources():
            return
        labels = metadata(pod).get("labels") or {}
        for owner in self.cluster.list(self.resource, namespace_of(pod)):
            if selects(self.selector_of(owner), labels):
                self.enqueue(owner)

    def selector_of(self, owner: KubeObject) -> KubeObject:
        found: KubeObject = owner["spec"].get("selector") or {}
        return found


def _owners(event: Event) -> Iterator[KubeObject]:
    for item in (event.previous, event.item):
        owner = controller_of(item.obj) if item is not None else None
        if owner is not None:
            yield owner


class ReplicaSets(PodOwner):
    """ReplicaSets; `resource` and `kind` are all that ReplicationControllers change, and the form of the selector."""

    resource = REPLICA_SETS
    kind = "ReplicaSet"
    tells_terminating: ClassVar[bool] = True

    def sync(self, namespace: str, name: str) -> None:
        owner = self.cluster.get(self.resource, namespace, name)
        if owner is None:
            return
        active = [pod for pod in self._claimed(owner) if is_active(pod)]
        refusal = None if is_terminating(owner) else self._manage(owner, active)
        # counted after that: a Deployment that hears of it must not take pods for available that have just been deleted
        status = self._status(owner, self._claimed(owner), refusal)
        if not _same_status(owner, status):
            self.cluster.update_status(self.resource, owner, status)
        if refusal is not None:
            raise refusal
        self._await_availability(owner, active)

    def _claimed(self, owner: KubeObject) -> list[KubeObject]:
        return Claim(self.pods, owner, self.selector_of(owner)).objects()

    def _manage(self, owner: KubeObject, active: Sequence[KubeObject]) -> StatusError | None:
        """Create what is missing, delete what is too much; the refusal that stopped it."""
        missing = owner["spec"]["replicas"] - len(active)
        try:
            if missing > 0:
                self.control.create_many(owner, owner["spec"].get("template") or {}, min(missing, BURST))
            elif missing < 0:
                for pod in first_to_go(active, self._related(owner, active), min(-missing, BURST)):
                    self.control.delete(owner, pod)
        except StatusError as refused:
            return refused
        return None

    def _related(self, owner: KubeObject, active: Sequence[KubeObject]) -> Sequence[KubeObject]:
        """The pods of all that the owner's own controller owns: two ReplicaSets of one Deployment share their nodes."""
        parent = controller_of(owner)
        if parent is None:
            return active
        siblings = [
            each for each in self.cluster.list(self.resource, namespace_of(owner)) if controller_of(each) == parent
        ]
        return [pod for each in siblings for pod in self.pods.of(each)]

    def _status(self, owner: KubeObject, claimed: Sequence[KubeObject], refusal: StatusError | None) -> KubeObject:
        active = [pod for pod in claimed if is_active(pod)]
        terminating = sum(is_terminating(pod) and not has_ended(pod) for pod in claimed)
        spec, now = owner["spec"], self.cluster.now()
        labels = metadata(spec.get("template") or {}).get("labels") or {}
        fully = {"matchLabels": labels}
        status = {
            **(owner.get("status") or {}),
            "replicas": len(active),
            "fullyLabeledReplicas": sum(selects(fully, metadata(pod).get("labels") or {}) for pod in active),
            "readyReplicas": sum(map(is_ready, active)),
            "availableReplicas": sum(is_available(pod, spec.get("minReadySeconds", 0), now) for pod in active),
            "observedGeneration": metadata(owner).get("generation", 0),
            "conditions": _conditions(owner, len(active), refusal, now),
        }
        return {**status, "terminatingReplicas": terminating} if self.tells_terminating else status

    def _await_availability(self, owner: KubeObject, active: Sequence[KubeObject]) -> None:
        """Ready pods count as available later: look again when the next of them does."""
        least = owner["spec"].get("minReadySeconds", 0)
        waits = (available_in(pod, least, self.cluster.now()) for pod in active)
        wait_s = min(filter(None, waits), default=None)
        if wait_s is not None:
            self.plan(namespace_of(owner), name_of(owner), wait_s)


class ReplicationControllers(ReplicaSets):
    """The same for what came before ReplicaSets."""

    resource = "replicationcontrollers"
    kind = "ReplicationController"
    tells_terminating = False

    def selector_of(self, owner: KubeObject) -> KubeObject:
        return {"matchLabels": owner["spec"].get("selector") or {}}


_COUNTS = (
    "replicas",
    "fullyLabeledReplicas",
    "readyReplicas",
    "availableReplicas",
    "observedGeneration",
)


def _same_status(owner: KubeObject, status: KubeObject) -> bool:
    held = owner.get("status") or {}
    return (
        all(held.get(member, 0) == status[member] for member in _COUNTS)
        and held.get("terminatingReplicas") == status.get("terminatingReplicas")
        and (held.get("conditions") or []) == status["conditions"]
    )


def _conditions(owner: KubeObject, active: int, refusal: StatusError | None, now: float) -> list[KubeObject]:
    """A refusal is told once, and forgotten with the first look that is not refused."""
    before = conditions_of(owner)
    if refusal is None:
        return without(before, _FAILURE)
    if find(before, _FAILURE) is not None:
        return before
    reason = "FailedCreate" if active < owner["spec"]["replicas"] else "FailedDelete"
    return [*without(before, _FAILURE), condition(_FAILURE, "True", reason, refusal.message, now)]
