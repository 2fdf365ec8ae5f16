"""Indexes of a Job that fail one by one: which have, which pod tells how often, and when the next one may come. Pure.

Source: pkg/controller/job/{indexed_job_utils,backoff_utils}.go of Kubernetes 1.37. A pod that failed is not counted
until another one of its index is there: its annotation is where the number of failures is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from fakekube.controllers.indexes import parsed_intervals
from fakekube.controllers.job_pods import FINALIZER, has_failed, index_of
from fakekube.controllers.job_policy import counts, matched
from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.metadata import epoch, finalizers_of

FAILURES = "batch.kubernetes.io/job-index-failure-count"
_IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"
_FIRST_BACKOFF_S, _LAST_BACKOFF_S = 10.0, 600.0


def has_limit(job: KubeObject) -> bool:
    """Whether indexes fail on their own."""
    return job["spec"].get("backoffLimitPerIndex") is not None


def failed_indexes(job: KubeObject, pods: Iterable[KubeObject]) -> set[int]:
    """The indexes that have failed, those of pods that are not counted yet included."""
    failed = parsed_intervals((job.get("status") or {}).get("failedIndexes") or "")
    uncounted = (pod for pod in pods if FINALIZER in finalizers_of(pod))
    return failed | {index for pod in uncounted if (index := _index(job, pod)) is not None and _has_failed(job, pod)}


def _index(job: KubeObject, pod: KubeObject) -> int | None:
    index = index_of(pod)
    return index if index is not None and index < job["spec"]["completions"] else None


def _fails(job: KubeObject, pod: KubeObject) -> bool:
    return has_failed(pod, only_failed=job["spec"].get("podReplacementPolicy") == "Failed")


def _has_failed(job: KubeObject, pod: KubeObject) -> bool:
    """Whether this pod was the last that its index had, or the Job's policy says so."""
    if not _fails(job, pod):
        return False
    match = matched(job, pod)
    if match is not None and match.action == "FailIndex":
        return True
    return counts(job, pod) and _noted(pod, FAILURES) >= job["spec"]["backoffLimitPerIndex"]


def _noted(pod: KubeObject, annotation: str) -> int:
    text = (metadata(pod).get("annotations") or {}).get(annotation, "")
    return int(text) if text.isascii() and text.isdecimal() else 0


def waiting(job: KubeObject, pods: Sequence[KubeObject], settled: Collection[int]) -> dict[int, KubeObject]:
    """Index -> its last failed pod, for indexes that have no other pod and are not `settled`."""
    found: dict[int, KubeObject] = {}
    for pod in pods:
        index = _index(job, pod)
        if index is None or index in settled or not _fails(job, pod) or FINALIZER not in finalizers_of(pod):
            continue
        held = found.get(index)
        if held is None or (_total(held), ended_at(held)) <= (_total(pod), ended_at(pod)):
            found[index] = pod
    return found


def _total(pod: KubeObject) -> int:
    return _noted(pod, FAILURES) + _noted(pod, _IGNORED)


def ended_at(pod: KubeObject) -> float:
    """When the last of its containers ended, in epoch seconds; else when it was deleted, became unready, or was made."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    ends = [((each.get("state") or {}).get("terminated") or {}).get("finishedAt") for each in statuses]
    times = [epoch(each) for each in ends if each]
    found = metadata(pod).get("deletionTimestamp") or metadata(pod)["creationTimestamp"]
    return max(times) if times else epoch(found)


def wait_s(replaced: KubeObject | None, now: float) -> float:
    """How long an index waits for its next pod, when `replaced` was its last."""
    if replaced is None:
        return 0.0
    backoff: float = min(_FIRST_BACKOFF_S * 2 ** min(_total(replaced), 10), _LAST_BACKOFF_S)
    return max(0.0, ended_at(replaced) + backoff - now)


def noted_failures(job: KubeObject, replaced: KubeObject | None) -> Mapping[str, str]:
    """The annotations of an index's next pod: how often its index has failed, and how often without being counted."""
    if replaced is None:
        return {FAILURES: "0"}
    is_counted = counts(job, replaced)
    ignored = _noted(replaced, _IGNORED) + (not is_counted)
    found = {FAILURES: str(_noted(replaced, FAILURES) + is_counted)}
    return {**found, _IGNORED: str(ignored)} if ignored else found
