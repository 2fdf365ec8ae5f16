"""StatefulSets: pods with names and claims that stay, one after the other or all at once.

Source: pkg/controller/statefulset of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from fakekube.controllers.cluster import Cluster
from fakekube.controllers.events import Recorder
from fakekube.controllers.fractions import resolved
from fakekube.controllers.ownership import Claim, OwnedIndex
from fakekube.controllers.pod_control import says_terminating
from fakekube.controllers.pods import PODS, available_in, has_ended, is_available, is_ready, phase_of
from fakekube.controllers.replicasets import PodOwner
from fakekube.controllers.revisions import History, number_of, revision_hash, template_patch
from fakekube.controllers.statefulset_claims import deletes, has_stranger, is_stale, wanted_owners
from fakekube.controllers.statefulset_pods import claims_of, ordinal_of, pod_of, revision_name, start_of
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject, metadata, name_of, namespace_of
from fakekube.registry.metadata import is_terminating, with_metadata
from fakekube.storage.items import Event

STATEFUL_SETS = "statefulsets.apps"
CLAIMS = "persistentvolumeclaims"
_HASH_LABEL = "controller.kubernetes.io/hash"


@dataclass(slots=True)
class Look:
    """One look at a StatefulSet: its revisions, and its pods by number."""

    owner: KubeObject
    current: KubeObject
    update: KubeObject
    collisions: int
    now: float
    # None where a pod is missing.
    replicas: list[KubeObject | None]
    condemned: list[KubeObject]
    status: KubeObject = field(default_factory=dict)

    @property
    def start(self) -> int:
        return start_of(self.owner)

    @property
    def least_ready_s(self) -> int:
        return int(self.owner["spec"].get("minReadySeconds", 0))

    @property
    def in_order(self) -> bool:
        return bool(self.owner["spec"].get("podManagementPolicy") != "Parallel")

    @property
    def rolling(self) -> KubeObject | None:
        strategy = self.owner["spec"].get("updateStrategy") or {}
        return (
            (strategy.get("rollingUpdate") or {}) if strategy.get("type", "RollingUpdate") == "RollingUpdate" else None
        )

    @property
    def pods(self) -> list[KubeObject]:
        return [*(pod for pod in self.replicas if pod is not None), *self.condemned]

    def is_available(self, pod: KubeObject | None) -> bool:
        return pod is not None and not is_terminating(pod) and is_available(pod, self.least_ready_s, self.now)


class StatefulSets(PodOwner):
    """Hears of StatefulSets and of their pods."""

    resource = STATEFUL_SETS
    kind = "StatefulSet"

    def __init__(self, cluster: Cluster, pods: OwnedIndex, revisions: OwnedIndex, recorder: Recorder) -> None:
        super().__init__(cluster, pods, recorder)
        self._history = History(cluster, revisions)

    def listen(self) -> None:
        super().listen()
        self.cluster.listen(CLAIMS, self._hear_claim)

    def _hear_claim(self, event: Event) -> None:
        """A claim that is gone lets its pod come again."""
        if event.type == "DELETED" and STATEFUL_SETS in self.cluster.site.store.used_resources():
            for owner in self.cluster.list(STATEFUL_SETS, event.item.namespace):
                if deletes(owner, "whenScaled"):
                    self.enqueue(owner)

    def sync(self, namespace: str, name: str) -> None:
        owner = self.cluster.get(STATEFUL_SETS, namespace, name)
        if owner is None:
            return
        revisions = self._history.of(owner)
        look = self._look(owner, revisions)
        refusal = None if is_terminating(owner) else self._refusal(look)
        self._write_status(look)
        used = {name_of(look.current), name_of(look.update), *map(revision_name, look.pods)}
        self._history.cut(self._history.of(owner), used, owner["spec"].get("revisionHistoryLimit", 10))
        if refusal is not None:
            raise refusal
        self._await_availability(look)

    def _refusal(self, look: Look) -> StatusError | None:
        try:
            self._manage(look)
        except StatusError as refused:
            return None if says_terminating(refused) else refused
        return None

    # --- revisions ----------------------------------------------------------------------------------------------------

    def _look(self, owner: KubeObject, revisions: Sequence[KubeObject]) -> Look:
        collisions = (owner.get("status") or {}).get("collisionCount", 0)
        update, collisions = self._update_revision(owner, revisions, collisions)
        noted = (owner.get("status") or {}).get("currentRevision")
        current = next((each for each in revisions if name_of(each) == noted), update)
        size, start = owner["spec"]["replicas"], start_of(owner)
        by_ordinal = {ordinal_of(owner, pod): pod for pod in self._pods_of(owner)}
        replicas = [by_ordinal.get(ordinal) for ordinal in range(start, start + size)]
        condemned = [
            by_ordinal[each]
            for each in sorted(by_ordinal, reverse=True)
            if each >= 0 and not start <= each < start + size
        ]
        return Look(owner, current, update, collisions, self.cluster.now(), replicas, condemned)

    def _pods_of(self, owner: KubeObject) -> list[KubeObject]:
        claimed = Claim(self.pods, owner, owner["spec"]["selector"]).objects()
        return [pod for pod in claimed if ordinal_of(owner, pod) >= 0]

    def _update_revision(
        self, owner: KubeObject, revisions: Sequence[KubeObject], collisions: int
    ) -> tuple[KubeObject, int]:
        """The revision of the template as it is now, and how often names collided."""
        patch = template_patch(owner)
        equal = [each for each in revisions if each["data"] == patch]
        if equal and equal[-1] is revisions[-1]:
            return equal[-1], collisions
        number = number_of(revisions[-1]) + 1 if revisions else 1
        if equal:
            return self._history.renumbered(equal[-1], number), collisions
        labels = metadata(owner["spec"]["template"]).get("labels") or {}
        while True:
            digest = revision_hash(patch, collisions)
            held = self._history.held(owner, digest)
            if held is not None:
                return held, collisions
            try:
                noted = {**labels, _HASH_LABEL: digest}
                return self._history.make(owner, digest, number, noted), collisions
            except StatusError as refused:
                if refused.reason != "AlreadyExists":
                    raise
                collisions += 1

    # --- pods ---------------------------------------------------------------------------------------------------------

    def _manage(self, look: Look) -> None:
        """One step in order, or all that can be done at once."""
        for at in range(len(look.replicas)):
            if self._must_wait_for(look, at):
                return
        for pod in look.condemned:
            self._see_to_owners(look.owner, pod)
        for pod in look.condemned:
            if self._condemn(look, pod):
                return
        if look.rolling is not None:
            self._roll(look, look.rolling)

    def _must_wait_for(self, look: Look, at: int) -> bool:
        """See to the pod at that place; whether those behind it have to wait."""
        pod = look.replicas[at]
        if pod is not None and has_ended(pod):
            if not is_terminating(pod):
                self._delete(look, pod)
            return look.in_order
        if pod is None:
            if self._waits_for_claims(look.owner, look.start + at):
                return True
            look.replicas[at] = self._create(look, look.start + at)
            return look.in_order
        if phase_of(pod) == "Pending":
            self._ensure_claims(look.owner, look.start + at)
        if look.in_order and not look.is_available(pod):
            return True
        if self._see_to_owners(look.owner, pod):
            told = f"Update Pod {name_of(pod)} in StatefulSet {name_of(look.owner)} successful"
            self.recorder.record(look.owner, "Normal", "SuccessfulUpdate", told)
        return False

    def _waits_for_claims(self, owner: KubeObject, ordinal: int) -> bool:
        """Whether the claims of an earlier pod of that number still have to go."""
        if not deletes(owner, "whenScaled"):
            return False
        held = (self.cluster.get(CLAIMS, namespace_of(owner), name_of(each)) for each in claims_of(owner, ordinal))
        return any(claim is not None and is_stale(claim, f"{name_of(owner)}-{ordinal}") for claim in held)

    def _see_to_owners(self, owner: KubeObject, pod: KubeObject) -> bool:
        """The pod's claims belong to whom the retention policy says; whether one had to be changed for that."""
        changed = False
        for each in claims_of(owner, ordinal_of(owner, pod)):
            claim = self.cluster.get(CLAIMS, namespace_of(owner), name_of(each))
            if claim is None:
                continue
            if has_stranger(claim, owner, pod):
                told = (
                    f"PersistentVolumeClaim {name_of(claim)} has a conflicting OwnerReference that acts as a manging "
                    "controller, the retention policy is ignored for this claim"
                )
                self.recorder.record(owner, "Warning", "ConflictingController", told)
            wanted = wanted_owners(claim, owner, pod)
            if wanted is not None:
                self.cluster.update(CLAIMS, claim, partial(with_metadata, ownerReferences=wanted))
                changed = True
        return changed

    def _condemn(self, look: Look, pod: KubeObject) -> bool:
        """Delete a pod beyond the size; in order only when all others are well, or it is the first that is not."""
        if is_terminating(pod):
            return look.in_order
        ill = next((each for each in reversed(look.condemned) if not look.is_available(each)), None)
        if look.in_order and not look.is_available(pod) and pod is not ill:
            return True
        self._delete(look, pod)
        return look.in_order

    def _create(self, look: Look, ordinal: int) -> KubeObject:
        revision = self._revision_for(look, ordinal)
        template = {each: value for each, value in revision["data"]["spec"]["template"].items() if each != "$patch"}
        self._ensure_claims(look.owner, ordinal)
        pod = pod_of(look.owner, template, name_of(revision), ordinal)
        told = f"Pod {name_of(pod)} in StatefulSet {name_of(look.owner)}"
        try:
            made = self.cluster.create(PODS, namespace_of(look.owner), pod)
        except StatusError as refused:
            if not says_terminating(refused):
                self.recorder.record(
                    look.owner, "Warning", "FailedCreate", f"Create {told} failed error: {refused.message}"
                )
            raise
        self._see_to_owners(look.owner, made)
        self.recorder.record(look.owner, "Normal", "SuccessfulCreate", f"Create {told} successful")
        return made

    def _revision_for(self, look: Look, ordinal: int) -> KubeObject:
        """Below the partition, the current one."""
        partition = int((look.rolling or {}).get("partition", 0))
        return look.current if look.rolling is not None and ordinal < look.start + partition else look.update

    def _ensure_claims(self, owner: KubeObject, ordinal: int) -> None:
        for claim in claims_of(owner, ordinal):
            if self.cluster.get(CLAIMS, namespace_of(owner), name_of(claim)) is None:
                self.cluster.create(CLAIMS, namespace_of(owner), claim)
                told = f"Create Claim {name_of(claim)} Pod {name_of(owner)}-{ordinal} in StatefulSet {name_of(owner)} success"
                self.recorder.record(owner, "Normal", "SuccessfulCreate", told)

    def _delete(self, look: Look, pod: KubeObject) -> None:
        self.cluster.delete(PODS, pod)
        told = f"Pod {name_of(pod)} in StatefulSet {name_of(look.owner)}"
        self.recorder.record(look.owner, "Normal", "SuccessfulDelete", f"Delete {told} successful")

    def _roll(self, look: Look, rolling: KubeObject) -> None:
        """Old pods go from the last number down to the partition, as many at once as may be unavailable."""
        size = len(look.replicas)
        limit = max(1, resolved(rolling.get("maxUnavailable", 1), size, up=False))
        first = int(rolling.get("partition", 0))
        outdated = [
            pod
            for pod in reversed(look.replicas[first:])
            if pod is not None and revision_name(pod) != name_of(look.update) and not is_terminating(pod)
        ]
        budget = limit - sum(not look.is_available(pod) for pod in look.replicas)
        if not look.in_order:
            for pod in [each for each in outdated if not look.is_available(each)]:
                self._delete(look, pod)
                outdated.remove(pod)
        for pod in outdated[: max(0, budget)]:
            self._delete(look, pod)

    # --- status -------------------------------------------------------------------------------------------------------

    def _write_status(self, look: Look) -> None:
        owner = look.owner
        held = owner.get("status") or {}
        status = {
            **_counts(look),
            "observedGeneration": metadata(owner).get("generation", 0),
            "currentRevision": name_of(look.current),
            "updateRevision": name_of(look.update),
            "collisionCount": look.collisions,
            "conditions": held.get("conditions") or [],
        }
        if look.rolling is not None and _is_updated(owner, status):
            status |= {"currentReplicas": status["updatedReplicas"], "currentRevision": status["updateRevision"]}
        self.cluster.update_status(STATEFUL_SETS, owner, status)

    def _await_availability(self, look: Look) -> None:
        waits = (available_in(pod, look.least_ready_s, look.now) for pod in look.pods)
        wait_s = min(filter(None, waits), default=None)
        if wait_s is not None:
            self.plan(namespace_of(look.owner), name_of(look.owner), wait_s)


def _counts(look: Look) -> KubeObject:
    created = [pod for pod in look.pods if phase_of(pod)]
    ready = [pod for pod in created if phase_of(pod) == "Running" and is_ready(pod)]
    staying = [pod for pod in created if not is_terminating(pod)]
    return {
        "replicas": len(created),
        "readyReplicas": len(ready),
        "availableReplicas": sum(is_available(pod, look.least_ready_s, look.now) for pod in ready),
        "currentReplicas": sum(revision_name(pod) == name_of(look.current) for pod in staying),
        "updatedReplicas": sum(revision_name(pod) == name_of(look.update) for pod in staying),
    }


def _is_updated(owner: KubeObject, status: KubeObject) -> bool:
    size = owner["spec"]["replicas"]
    return bool(status["updatedReplicas"] == status["replicas"] == status["readyReplicas"] == size)
