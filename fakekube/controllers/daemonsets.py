"""DaemonSets: one pod on every node that takes it.

Source: pkg/controller/daemon of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.controllers.cluster import Cluster
from fakekube.controllers.daemon_rollout import HASH, Rollout, next_steps, surplus
from fakekube.controllers.events import Recorder
from fakekube.controllers.hashes import template_hash
from fakekube.controllers.nodes import NODES, taints_of, tolerates, wanted_by
from fakekube.controllers.ownership import Claim, OwnedIndex
from fakekube.controllers.pod_control import says_terminating
from fakekube.controllers.pods import available_in, has_ended, is_available, is_ready, node_of, phase_of, pod_from
from fakekube.controllers.replicasets import PodOwner
from fakekube.controllers.revisions import History, number_of, template_patch
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject, metadata, name_of, namespace_of
from fakekube.registry.metadata import is_terminating
from fakekube.storage.items import Event

DAEMON_SETS = "daemonsets.apps"
_GENERATION = "deprecated.daemonset.template.generation"
# What every daemon's pod lives with.
_TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)


class DaemonSets(PodOwner):
    """Hears of DaemonSets, of their pods, and of nodes."""

    resource = DAEMON_SETS
    kind = "DaemonSet"

    def __init__(self, cluster: Cluster, pods: OwnedIndex, revisions: OwnedIndex, recorder: Recorder) -> None:
        super().__init__(cluster, pods, recorder)
        self._history = History(cluster, revisions)

    def listen(self) -> None:
        super().listen()
        self.cluster.listen(NODES, self._hear_node)

    def _hear_node(self, event: Event) -> None:
        """What matters of a node: that it is there, its labels, its taints."""
        before, after = event.previous, event.item
        same = event.type == "MODIFIED" and before is not None and _placing(before.obj) == _placing(after.obj)
        if not same and DAEMON_SETS in self.cluster.site.store.used_resources():
            for owner in self.cluster.list(DAEMON_SETS):
                self.enqueue(owner)

    def sync(self, namespace: str, name: str) -> None:
        owner = self.cluster.get(DAEMON_SETS, namespace, name)
        if owner is None or is_terminating(owner):
            return
        if not owner["spec"]["selector"]:
            why = "This daemon set is selecting all pods. A non-empty selector is required."
            self.recorder.record(owner, "Warning", "SelectingAll", why)
            return
        current, old = self._revisions(owner)
        digest = metadata(current)["labels"][HASH]
        refusal = None
        try:
            self._manage(owner, digest)
            self._clean_up(owner, old)
        except StatusError as refused:
            refusal = refused
        self._write_status(owner, digest)
        if refusal is not None and not says_terminating(refusal):
            raise refusal

    # --- revisions ----------------------------------------------------------------------------------------------------

    def _revisions(self, owner: KubeObject) -> tuple[KubeObject, list[KubeObject]]:
        """The revision of the template as it is now, and the others."""
        patch = template_patch(owner)
        all_of_them = self._history.of(owner)
        equal = [each for each in all_of_them if each["data"] == patch]
        old = [each for each in all_of_them if each["data"] != patch]
        number = max(map(number_of, old), default=0) + 1
        if not equal:
            return self._made(owner, number), old
        for spare in equal[:-1]:
            self._history.drop(spare)
        current = equal[-1]
        return (self._history.renumbered(current, number) if number_of(current) < number else current), old

    def _made(self, owner: KubeObject, number: int) -> KubeObject:
        """A taken name is a collision: counted, so that the next hash differs."""
        status = owner.get("status") or {}
        digest = template_hash(owner["spec"]["template"], status.get("collisionCount"))
        labels = {**(metadata(owner["spec"]["template"]).get("labels") or {}), HASH: digest}
        try:
            return self._history.make(owner, digest, number, labels)
        except StatusError as refused:
            if refused.reason == "AlreadyExists":
                collided = {**status, "collisionCount": status.get("collisionCount", 0) + 1}
                self.cluster.update_status(DAEMON_SETS, owner, collided)
            raise

    def _clean_up(self, owner: KubeObject, old: Sequence[KubeObject]) -> None:
        live = {(metadata(pod).get("labels") or {}).get(HASH) for pod in self.pods.of(owner)}
        used = [name_of(each) for each in old if metadata(each)["labels"].get(HASH) in live]
        limit = owner["spec"].get("revisionHistoryLimit", 10)
        self._history.cut(old, used, max(0, limit - len(used)))

    # --- pods ---------------------------------------------------------------------------------------------------------

    def _by_node(self, owner: KubeObject) -> dict[str, list[KubeObject]]:
        """The pods by the node that they are on, or are meant for; the oldest that is bound first."""
        found: dict[str, list[KubeObject]] = {}
        claimed = Claim(self.pods, owner, owner["spec"]["selector"]).objects()
        for pod in sorted(claimed, key=lambda each: (not node_of(each), metadata(each)["creationTimestamp"])):
            found.setdefault(node_of(pod) or _target_of(pod), []).append(pod)
        return found

    def _rollout(self, owner: KubeObject, digest: str) -> Rollout:
        wanted = frozenset(name_of(node) for node in self.cluster.list(NODES) if _fits(owner, node)[0])
        return Rollout(owner=owner, digest=digest, wanted=wanted, now=self.cluster.now())

    def _manage(self, owner: KubeObject, digest: str) -> None:
        pods, rollout = self._by_node(owner), self._rollout(owner, digest)
        doomed: list[KubeObject] = []
        for node in self.cluster.list(NODES):
            should_run, may_stay = _fits(owner, node)
            here = pods.get(name_of(node), [])
            running = [pod for pod in here if not is_terminating(pod) and not has_ended(pod)]
            if should_run and (not here or (not running and rollout.surge())):
                self._create(owner, name_of(node), digest)
            elif not may_stay:
                doomed += [pod for pod in here if not is_terminating(pod)]
            else:
                doomed += [*self._ended(owner, here), *surplus(rollout, running)]
        for pod in doomed:
            self.control.delete(owner, pod)
        if not doomed and owner["spec"]["updateStrategy"].get("type") == "RollingUpdate":
            self._roll(owner, rollout)

    def _ended(self, owner: KubeObject, pods: Sequence[KubeObject]) -> list[KubeObject]:
        """Those that should never have ended; a new one takes their place."""
        found = [pod for pod in pods if has_ended(pod) and not is_terminating(pod)]
        for pod in found:
            failed = phase_of(pod) == "Failed"
            word, act = ("failed", "kill") if failed else ("succeeded", "delete")
            place = f"{namespace_of(pod)}/{name_of(pod)} on node {node_of(pod)}"
            told = f"Found {word} daemon pod {place}, will try to {act} it"
            self.recorder.record(owner, "Warning" if failed else "Normal", f"{word.capitalize()}DaemonPod", told)
        return found

    def _create(self, owner: KubeObject, node: str, digest: str) -> None:
        self.control.create(owner, _pinned(_pod(owner, digest), node))

    def _roll(self, owner: KubeObject, rollout: Rollout) -> None:
        steps = next_steps(rollout, self._by_node(owner))
        for pod in steps.doomed:
            self.control.delete(owner, pod)
        for node in steps.nodes:
            self._create(owner, node, rollout.digest)

    # --- status -------------------------------------------------------------------------------------------------------

    def _write_status(self, owner: KubeObject, digest: str) -> None:
        pods, least, now = self._by_node(owner), _least(owner), self.cluster.now()
        fits = {name_of(node): _fits(owner, node)[0] for node in self.cluster.list(NODES)}
        first = {node: pods[node][0] for node in fits if fits[node] and pods.get(node)}
        wanted, available = sum(fits.values()), sum(is_available(pod, least, now) for pod in first.values())
        status = {
            **(owner.get("status") or {}),
            "observedGeneration": metadata(owner).get("generation", 0),
            "desiredNumberScheduled": wanted,
            "currentNumberScheduled": len(first),
            "numberMisscheduled": sum(bool(pods.get(node)) for node, fit in fits.items() if not fit),
            "numberReady": sum(map(is_ready, first.values())),
            "updatedNumberScheduled": sum(
                (metadata(pod).get("labels") or {}).get(HASH) == digest for pod in first.values()
            ),
            "numberAvailable": available,
            "numberUnavailable": wanted - available,
        }
        self.cluster.update_status(DAEMON_SETS, owner, status)
        wait_s = min(filter(None, (available_in(pod, least, now) for pod in first.values())), default=None)
        if wait_s is not None:
            self.plan(namespace_of(owner), name_of(owner), wait_s)


def _least(owner: KubeObject) -> int:
    return int(owner["spec"].get("minReadySeconds", 0))


def _placing(node: KubeObject) -> tuple[object, object]:
    return metadata(node).get("labels"), node.get("spec")


def _pod(owner: KubeObject, digest: str) -> KubeObject:
    """A pod of the template, with what daemons tolerate and who made it."""
    template = owner["spec"]["template"]
    spec = template["spec"]
    held = spec.get("tolerations") or []
    added = [{"key": key, "operator": "Exists", "effect": effect} for key, effect in _TOLERATED]
    if spec.get("hostNetwork"):
        added.append({"key": "node.kubernetes.io/network-unavailable", "operator": "Exists", "effect": "NoSchedule"})
    labels = {**(metadata(template).get("labels") or {}), HASH: digest}
    generation = (metadata(owner).get("annotations") or {}).get(_GENERATION)
    if generation is not None:
        labels["pod-template-generation"] = generation
    whole = {**template, "metadata": {**metadata(template), "labels": labels}}
    whole["spec"] = {**spec, "tolerations": [*held, *(each for each in added if each not in held)]}
    return pod_from(whole, owner)


def _pinned(pod: KubeObject, node: str) -> KubeObject:
    """The pod for that node alone; the scheduler binds it."""
    affinity = pod["spec"].get("affinity") or {}
    on_nodes = affinity.get("nodeAffinity") or {}
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    here = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    on_nodes = {**on_nodes, required: {"nodeSelectorTerms": [here]}}
    return {**pod, "spec": {**pod["spec"], "affinity": {**affinity, "nodeAffinity": on_nodes}}}


def _target_of(pod: KubeObject) -> str:
    """The node that a pod which is not bound yet is pinned to."""
    affinity = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    for term in affinity.get("nodeSelectorTerms") or ():
        for each in term.get("matchFields") or ():
            if each["key"] == "metadata.name":
                return str(each["values"][0])
    return ""


def _fits(owner: KubeObject, node: KubeObject) -> tuple[bool, bool]:
    """Whether a pod should run on the node, and whether one that does may stay."""
    spec = _pod(owner, "")["spec"]
    if spec.get("nodeName") not in (None, "", name_of(node)) or not wanted_by(spec, node):
        return False, False
    strangers = [each for each in taints_of(node) if not tolerates(spec, each)]
    return (
        not any(each["effect"] in ("NoSchedule", "NoExecute") for each in strangers),
        not any(each["effect"] == "NoExecute" for each in strangers),
    )
