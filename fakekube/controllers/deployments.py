"""Deployments: a ReplicaSet for each template they have had, and the pods moved from the old ones to the new one.

Source: pkg/controller/deployment of Kubernetes 1.37. Each look follows its steps in their order, so that what a client
sees in between is the same, too.
"""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.controllers.cluster import Cluster
from fakekube.controllers.conditions import conditions_of
from fakekube.controllers.controller import Controller
from fakekube.controllers.deployment_status import (
    PROGRESSING,
    DeploymentStatus,
    condition_of,
    has_deadline,
    is_complete,
    progress_due,
    rollout_status,
    status_of,
    with_condition,
)
from fakekube.controllers.events import Recorder
from fakekube.controllers.hashes import template_hash
from fakekube.controllers.ownership import Claim, OwnedIndex, controller_of, controller_reference
from fakekube.controllers.pod_control import says_terminating
from fakekube.controllers.pods import has_ended
from fakekube.controllers.replicasets import REPLICA_SETS
from fakekube.controllers.rollout import (
    HASH_LABEL,
    REVISION,
    Rollout,
    Size,
    desired_annotation,
    replicas,
    revision_of,
    with_replicas_annotations,
    with_revision_annotations,
)
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject, metadata, name_of, namespace_of
from fakekube.registry.label_selector import selects
from fakekube.registry.metadata import is_terminating, with_metadata
from fakekube.storage.items import Event

DEPLOYMENTS = "deployments.apps"
_NAME_MAX = 253
_UNLIMITED = 2**31 - 1


class Deployments(Controller):
    """Hears of Deployments and of their ReplicaSets, and of pods that end, which Recreate waits for."""

    resource = DEPLOYMENTS

    def __init__(self, cluster: Cluster, replica_sets: OwnedIndex, pods: OwnedIndex, recorder: Recorder) -> None:
        super().__init__(cluster)
        self._replica_sets = replica_sets
        self._pods = pods
        self._recorder = recorder

    def listen(self) -> None:
        self.cluster.listen(REPLICA_SETS, self._hear_replica_set)
        self.cluster.listen("pods", self._hear_pod)

    def _hear_replica_set(self, event: Event) -> None:
        owners = [controller_of(item.obj) for item in (event.previous, event.item) if item is not None]
        names = {owner["name"]: None for owner in owners if owner is not None and owner["kind"] == "Deployment"}
        for name in names:
            self.plan(event.item.namespace, name)
        if not names and event.type != "DELETED":
            self._offer_orphan(event.item.obj)

    def _offer_orphan(self, replica_set: KubeObject) -> None:
        if self.resource not in self.cluster.site.store.used_resources():
            return
        labels = metadata(replica_set).get("labels") or {}
        for deployment in self.cluster.list(DEPLOYMENTS, namespace_of(replica_set)):
            if selects(deployment["spec"]["selector"], labels):
                self.enqueue(deployment)

    def _hear_pod(self, event: Event) -> None:
        """A pod is gone: a Deployment that recreates may go on when it was the last one."""
        owner = controller_of(event.item.obj) if event.type == "DELETED" else None
        if owner is None or owner["kind"] != "ReplicaSet":
            return
        replica_set = self.cluster.get(REPLICA_SETS, event.item.namespace, owner["name"])
        parent = controller_of(replica_set) if replica_set is not None else None
        deployment = self.cluster.get(DEPLOYMENTS, event.item.namespace, parent["name"]) if parent is not None else None
        if deployment is not None and deployment["spec"]["strategy"]["type"] == "Recreate":
            self.enqueue(deployment)

    def sync(self, namespace: str, name: str) -> None:
        deployment = self.cluster.get(DEPLOYMENTS, namespace, name)
        if deployment is None:
            return
        selector = deployment["spec"]["selector"]
        if not selector:
            self._refuse_everything(deployment)
            return
        owned = Claim(self._replica_sets, deployment, selector).objects()
        if is_terminating(deployment):
            self._sync_status(Rollout.of(deployment, owned))
            return
        deployment = self._noted_pause(deployment)
        rollout = self._noted_revision(Rollout.of(deployment, owned))
        if rollout.deployment["spec"].get("paused") or self._is_scaling(rollout):
            self._scale_alone(rollout)
        elif rollout.deployment["spec"]["strategy"]["type"] == "Recreate":
            self._recreate(rollout)
        else:
            self._roll(rollout)

    def _refuse_everything(self, deployment: KubeObject) -> None:
        why = "This deployment is selecting all pods. A non-empty selector is required."
        self._recorder.record(deployment, "Warning", "SelectingAll", why)
        generation = metadata(deployment)["generation"]
        status = deployment.get("status") or {}
        if status.get("observedGeneration", 0) < generation:
            self.cluster.update_status(DEPLOYMENTS, deployment, {**status, "observedGeneration": generation})

    # --- pause, and which ReplicaSet is the new one -------------------------------------------------------------------

    def _noted_pause(self, deployment: KubeObject) -> KubeObject:
        """A pause, and its end, are told as an unknown progress, so that no deadline runs out meanwhile."""
        progress = condition_of(deployment, PROGRESSING)
        if not has_deadline(deployment) or (progress is not None and progress["reason"] == "ProgressDeadlineExceeded"):
            return deployment
        noted = progress is not None and progress["reason"] == "DeploymentPaused"
        paused = bool(deployment["spec"].get("paused"))
        if paused == noted:
            return deployment
        word = "paused" if paused else "resumed"
        return self._with_progress(deployment, "Unknown", f"Deployment{word.capitalize()}", f"Deployment is {word}")

    def _with_progress(self, deployment: KubeObject, status: str, reason: str, message: str) -> KubeObject:
        told = with_condition(conditions_of(deployment), PROGRESSING, status, reason, message, self.cluster.now())
        status_now = {**(deployment.get("status") or {}), "conditions": told}
        return self.cluster.update_status(DEPLOYMENTS, deployment, status_now)

    def _noted_revision(self, rollout: Rollout) -> Rollout:
        """The rollout with the revision noted at its newest ReplicaSet and at the Deployment."""
        newest = rollout.newest
        if newest is None:
            return rollout
        wanted = with_revision_annotations(rollout.deployment, newest, rollout.next_revision)
        least = rollout.deployment["spec"].get("minReadySeconds", 0)
        if wanted != newest or newest["spec"].get("minReadySeconds", 0) != least:
            noted = {**wanted, "spec": {**wanted["spec"], "minReadySeconds": least}}
            newest = self._replaced(newest, noted)
            rollout = rollout.replacing(newest)
        deployment = self._with_revision(rollout.deployment, str(revision_of(newest)))
        if has_deadline(deployment) and condition_of(deployment, PROGRESSING) is None:
            found = f'Found new replica set "{name_of(newest)}"'
            deployment = self._with_progress(deployment, "True", "FoundNewReplicaSet", found)
        return rollout.about(deployment)

    def _replaced(self, replica_set: KubeObject, wanted: KubeObject) -> KubeObject:
        def change(live: KubeObject) -> KubeObject:
            return with_metadata(
                {**live, "spec": wanted["spec"]}, annotations=metadata(wanted).get("annotations") or {}
            )

        return self.cluster.update(REPLICA_SETS, replica_set, change)

    def _with_revision(self, deployment: KubeObject, revision: str) -> KubeObject:
        if (metadata(deployment).get("annotations") or {}).get(REVISION) == revision:
            return deployment

        def noted(live: KubeObject) -> KubeObject:
            return with_metadata(live, annotations={**(metadata(live).get("annotations") or {}), REVISION: revision})

        return self.cluster.update(DEPLOYMENTS, deployment, noted, subresource="status")

    # --- scaling ------------------------------------------------------------------------------------------------------

    def _is_scaling(self, rollout: Rollout) -> bool:
        """Whether the Deployment's size is not the one that its active ReplicaSets were made for."""
        noted = (desired_annotation(each) for each in rollout.active)
        return any(size is not None and size != rollout.size for size in noted)

    def _scale_alone(self, rollout: Rollout) -> None:
        """No rollout now: follow the size, and tell."""
        for replica_set, size in rollout.proportional():
            rollout = rollout.replacing(self._scaled(rollout, replica_set, size, force=True))
        if rollout.deployment["spec"].get("paused"):
            self._clean_up(rollout)
        self._sync_status(rollout)

    def _scaled(self, rollout: Rollout, replica_set: KubeObject, size: int, *, force: bool = False) -> KubeObject:
        """`replica_set` with that size; `force` renews its notes about sizes even when the size is the same."""
        before = replica_set["spec"]["replicas"]
        if before == size and not force:
            return replica_set
        wanted = with_replicas_annotations(rollout.deployment, replica_set)
        if before == size and wanted == replica_set:
            return replica_set
        made = self._replaced(replica_set, {**wanted, "spec": {**replica_set["spec"], "replicas": size}})
        if before != size:
            self._tell_scaled(rollout.deployment, made, before, size)
        return made

    def _tell_scaled(self, deployment: KubeObject, replica_set: KubeObject, before: int, size: int) -> None:
        way = "up" if size > before else "down"
        told = f"Scaled {way} replica set {name_of(replica_set)} from {before} to {size}"
        self._recorder.record(deployment, "Normal", "ScalingReplicaSet", told)

    # --- the two strategies -------------------------------------------------------------------------------------------

    def _roll(self, rollout: Rollout) -> None:
        """Up with the new one as far as the surge allows, else down with the old ones as far as availability allows."""
        made = rollout if rollout.newest is not None else self._with_new_replica_set(rollout)
        grown = self._resized(made, made.grown())
        if grown is not made:
            self._sync_rollout(grown)
            return
        smaller = self._resized(made, made.without_unready())
        smaller = self._resized(smaller, smaller.without_surplus())
        if smaller is not made:
            self._sync_rollout(smaller)
        else:
            self._finish(made)

    def _resized(self, rollout: Rollout, sizes: Sequence[Size]) -> Rollout:
        for replica_set, size in sizes:
            rollout = rollout.replacing(self._scaled(rollout, replica_set, size))
        return rollout

    def _recreate(self, rollout: Rollout) -> None:
        """All old pods go before the first new one comes."""
        stopped = self._resized(rollout, [(each, 0) for each in rollout.old if replicas(each)])
        if stopped is not rollout or self._old_pods_run(rollout):
            self._sync_rollout(stopped)
            return
        made = rollout if rollout.newest is not None else self._with_new_replica_set(rollout)
        newest = made.newest
        assert newest is not None  # found, or just made
        self._finish(made.replacing(self._scaled(made, newest, made.size)))

    def _old_pods_run(self, rollout: Rollout) -> bool:
        if any((each.get("status") or {}).get("replicas") for each in rollout.old):
            return True
        return any(not has_ended(pod) for each in rollout.old for pod in self._pods.of(each))

    def _finish(self, rollout: Rollout) -> None:
        if is_complete(rollout.deployment, rollout.deployment.get("status") or {}):
            self._clean_up(rollout)
        self._sync_rollout(rollout)

    # --- the new ReplicaSet -------------------------------------------------------------------------------------------

    def _with_new_replica_set(self, rollout: Rollout) -> Rollout:
        """The rollout with a ReplicaSet for the Deployment's template. A refusal is noted, and raised again."""
        wanted = self._new_replica_set(rollout)
        try:
            made = self.cluster.create(REPLICA_SETS, namespace_of(rollout.deployment), wanted)
        except StatusError as refused:
            self._note_refusal(rollout.deployment, wanted, refused)
            raise
        size = made["spec"]["replicas"]
        if size:
            self._tell_scaled(rollout.deployment, made, 0, size)
        deployment = self._with_revision(rollout.deployment, str(rollout.next_revision))
        if has_deadline(deployment):
            created = f'Created new replica set "{name_of(made)}"'
            deployment = self._with_progress(deployment, "True", "NewReplicaSetCreated", created)
        return rollout.with_newest(made).about(deployment)

    def _new_replica_set(self, rollout: Rollout) -> KubeObject:
        deployment = rollout.deployment
        spec, template = deployment["spec"], deployment["spec"]["template"]
        digest = template_hash(template, (deployment.get("status") or {}).get("collisionCount"))
        labels = {**(metadata(template).get("labels") or {}), HASH_LABEL: digest}
        selector = spec["selector"]
        bare = {
            "metadata": {
                "name": f"{name_of(deployment)[: _NAME_MAX - 1 - len(digest)]}-{digest}",
                "labels": labels,
                "annotations": {},
                "ownerReferences": [controller_reference(deployment)],
            },
            "spec": {
                "replicas": rollout.first_size(),
                "minReadySeconds": spec.get("minReadySeconds", 0),
                "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), HASH_LABEL: digest}},
                "template": with_metadata(template, labels=labels),
            },
        }
        noted = with_revision_annotations(deployment, bare, rollout.next_revision)
        return with_replicas_annotations(deployment, noted)

    def _note_refusal(self, deployment: KubeObject, wanted: KubeObject, refused: StatusError) -> None:
        """A name that another template's ReplicaSet has is a collision: counted, so that the next hash differs."""
        if refused.reason == "AlreadyExists":
            status = deployment.get("status") or {}
            collided = {**status, "collisionCount": status.get("collisionCount", 0) + 1}
            self.cluster.update_status(DEPLOYMENTS, deployment, collided)
            return
        if says_terminating(refused):
            return
        why = f'Failed to create new replica set "{name_of(wanted)}": {refused.message}'
        if has_deadline(deployment):
            deployment = self._with_progress(deployment, "False", "ReplicaSetCreateError", why)
        self._recorder.record(deployment, "Warning", "ReplicaSetCreateError", why)

    def _clean_up(self, rollout: Rollout) -> None:
        """Old ReplicaSets beyond the history limit go, the oldest revisions first."""
        limit = rollout.deployment["spec"].get("revisionHistoryLimit", _UNLIMITED)
        if limit == _UNLIMITED:
            return
        kept = [each for each in rollout.old if not is_terminating(each)]
        for replica_set in sorted(kept, key=lambda each: (revision_of(each), name_of(each)))[
            : max(0, len(kept) - limit)
        ]:
            status = replica_set.get("status") or {}
            idle = not status.get("replicas") and not replica_set["spec"]["replicas"]
            if idle and metadata(replica_set)["generation"] <= status.get("observedGeneration", 0):
                self.cluster.delete(REPLICA_SETS, replica_set)

    # --- status -------------------------------------------------------------------------------------------------------

    def _sync_status(self, rollout: Rollout) -> None:
        self._write(rollout, status_of(rollout, self.cluster.now()))

    def _sync_rollout(self, rollout: Rollout) -> None:
        status = rollout_status(rollout, self.cluster.now())
        if not self._write(rollout, status):
            self._await_deadline(rollout.deployment, status)

    def _write(self, rollout: Rollout, status: DeploymentStatus) -> bool:
        """Whether anything was new."""
        written = self.cluster.update_status(DEPLOYMENTS, rollout.deployment, status)
        return bool(metadata(written)["resourceVersion"] != metadata(rollout.deployment)["resourceVersion"])

    def _await_deadline(self, deployment: KubeObject, status: DeploymentStatus) -> None:
        """Nothing changed: look again when the deadline of progress has passed."""
        due = progress_due(deployment, status)
        if due is not None:
            wait_s = max(0.0, due - self.cluster.now()) + 1
            self.plan(namespace_of(deployment), name_of(deployment), wait_s)
