"""The pods of a Job: how they are made, and which of them have ended and are still to be counted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fakekube.controllers.job_policy import counts
from fakekube.controllers.pods import phase_of, pod_from
from fakekube.meta.objects import KubeObject, metadata, name_of, uid_of
from fakekube.registry.metadata import finalizers_of, is_terminating, with_metadata

# Holds a pod until its Job has counted it.
FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
_INDEX_VARIABLE = "JOB_COMPLETION_INDEX"
_PREFIX_MAX = 58


@dataclass(frozen=True, slots=True)
class Terminated:
    """Pods that have ended and that no status has counted yet."""

    succeeded: list[KubeObject]
    failed: list[KubeObject]
    # what never counts, and is let go all the same
    ignored: list[KubeObject]

    def with_rest(self, pods: Sequence[KubeObject], *, failed: bool) -> Terminated:
        """The same with all others: of a Job that has failed they have failed, too, else they count for nothing."""
        known = {uid_of(pod) for pod in (*self.succeeded, *self.failed, *self.ignored)}
        rest = [pod for pod in pods if FINALIZER in finalizers_of(pod) and uid_of(pod) not in known]
        if failed:
            return Terminated(self.succeeded, [*self.failed, *rest], self.ignored)
        return Terminated(self.succeeded, self.failed, [*self.ignored, *rest])

    def without(self, pods: Iterable[KubeObject]) -> Terminated:
        """The same but for these failed pods, which are still to be replaced."""
        held = {uid_of(pod) for pod in pods}
        failed, ignored = ([pod for pod in each if uid_of(pod) not in held] for each in (self.failed, self.ignored))
        return Terminated(self.succeeded, failed, ignored)

    def uids(self, *, indexed: bool) -> KubeObject:
        """As in a status; the successes of an indexed Job are counted by their index."""
        lists = {"succeeded": [] if indexed else self.succeeded, "failed": self.failed}
        return {outcome: [uid_of(pod) for pod in pods] for outcome, pods in lists.items() if pods}


def terminated(job: KubeObject, pods: Iterable[KubeObject], status: KubeObject) -> Terminated:
    """A pod that is deleted while it runs counts as failed, unless only failed pods are replaced."""
    noted = status.get("uncountedTerminatedPods") or {}
    known = {*(noted.get("succeeded") or ()), *(noted.get("failed") or ())}
    open_ones = [pod for pod in pods if FINALIZER in finalizers_of(pod) and uid_of(pod) not in known]
    only_failed = job["spec"].get("podReplacementPolicy") == "Failed"
    succeeded = [pod for pod in open_ones if phase_of(pod) == "Succeeded"]
    failed = [pod for pod in open_ones if has_failed(pod, only_failed=only_failed)]
    ignored = [pod for pod in failed if not counts(job, pod)]
    return Terminated(succeeded, [pod for pod in failed if pod not in ignored], ignored)


def has_failed(pod: KubeObject, *, only_failed: bool) -> bool:
    """`only_failed`: a pod that is deleted while it runs has not."""
    if phase_of(pod) == "Failed":
        return True
    return is_terminating(pod) and not only_failed and phase_of(pod) != "Succeeded"


def index_of(pod: KubeObject) -> int | None:
    text = (metadata(pod).get("annotations") or {}).get(INDEX, "")
    return int(text) if text.isascii() and text.isdigit() else None


def job_template(job: KubeObject) -> KubeObject:
    """The Job's template with the finalizer of its pods and, for an indexed Job, with the variable of the index."""
    template = job["spec"]["template"]
    held = finalizers_of(template)
    kept = with_metadata(template, finalizers=held if FINALIZER in held else [*held, FINALIZER])
    if job["spec"].get("completionMode") != "Indexed":
        return kept
    lists = {
        each: [_with_index(one) for one in kept["spec"][each]]
        for each in ("initContainers", "containers")
        if kept["spec"].get(each)
    }
    return {**kept, "spec": {**kept["spec"], **lists}}


def _with_index(container: KubeObject) -> KubeObject:
    held = container.get("env") or []
    if any(each["name"] == _INDEX_VARIABLE for each in held):
        return container
    source = {"fieldRef": {"fieldPath": f"metadata.labels['{INDEX}']"}}
    return {**container, "env": [*held, {"name": _INDEX_VARIABLE, "valueFrom": source}]}


def pod_of_index(
    template: KubeObject, job: KubeObject, index: int, failures: Mapping[str, str] | None = None
) -> KubeObject:
    """The pod of one index: it is in its name, its labels, its annotations and its host name. `failures` are noted."""
    pod = pod_from(template, job)
    noted = {INDEX: str(index)}
    suffix = f"-{index}-"
    return {
        **pod,
        "metadata": {
            **pod["metadata"],
            "generateName": name_of(job)[: _PREFIX_MAX - len(suffix)] + suffix,
            "labels": {**(metadata(pod).get("labels") or {}), **noted},
            "annotations": {**(metadata(pod).get("annotations") or {}), **noted, **(failures or {})},
        },
        "spec": {**pod["spec"], "hostname": f"{name_of(job)}-{index}"},
    }
