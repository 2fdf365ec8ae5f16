"""Jobs: pods until enough of them have succeeded, or too many have failed.

Source: pkg/controller/job of Kubernetes 1.37. Pods are counted as there: a pod that has ended is noted in the status,
loses its finalizer, and only then counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fakekube.controllers.cluster import Cluster
from fakekube.controllers.conditions import conditions_of, find
from fakekube.controllers.events import Recorder
from fakekube.controllers.indexes import intervals, parsed_intervals, pending
from fakekube.controllers.job_indexes import failed_indexes, has_limit, noted_failures, wait_s, waiting
from fakekube.controllers.job_pods import (
    FINALIZER,
    Terminated,
    has_failed,
    index_of,
    job_template,
    pod_of_index,
    terminated,
)
from fakekube.controllers.job_policy import ending, enough
from fakekube.controllers.ownership import Claim, OwnedIndex, controller_of
from fakekube.controllers.pod_control import says_terminating
from fakekube.controllers.pods import PODS, first_to_go, is_active, is_ready, pod_from
from fakekube.controllers.replicasets import BURST, PodOwner
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject, name_of, namespace_of, uid_of
from fakekube.registry.metadata import epoch, finalizers_of, is_terminating, timestamp, with_finalizers
from fakekube.storage.items import Event

JOBS = "jobs.batch"
COMPLETE, FAILED, SUSPENDED = "Complete", "Failed", "Suspended"
_FAILURE_TARGET, _CRITERIA_MET = "FailureTarget", "SuccessCriteriaMet"
_OUR_CONTROLLER = "kubernetes.io/job-controller"
_FIRST_BACKOFF_S, _LAST_BACKOFF_S = 10.0, 600.0


@dataclass(frozen=True, slots=True)
class Failures:
    """How many pods failed since one succeeded, and when the last one did, in epoch seconds."""

    count: int = 0
    last: float = 0.0

    def wait_s(self, now: float) -> float:
        """How long the next pod has to wait."""
        if not self.count:
            return 0.0
        backoff: float = min(_FIRST_BACKOFF_S * 2 ** min(self.count - 1, 10), _LAST_BACKOFF_S)
        return max(0.0, self.last + backoff - now)


@dataclass(slots=True)
class Tally:
    """One look at a Job: its pods, what has ended of them, and the status as it will be written."""

    job: KubeObject
    pods: list[KubeObject]
    active: list[KubeObject]
    ended: Terminated
    status: KubeObject
    terminating: int
    verdict: KubeObject | None = None

    @property
    def failed_indexes(self) -> set[int]:
        """The indexes that have failed on their own; none where all fail together."""
        return failed_indexes(self.job, self.pods) if has_limit(self.job) else set()

    @property
    def replaced(self) -> dict[int, KubeObject]:
        """Index -> the failed pod that its next one replaces, and that stays uncounted until then."""
        if not has_limit(self.job):
            return {}
        active = {index for pod in self.active if (index := index_of(pod)) is not None}
        return waiting(self.job, self.pods, self.indexes | self.failed_indexes | active)

    @property
    def spec(self) -> KubeObject:
        found: KubeObject = self.job["spec"]
        return found

    @property
    def indexed(self) -> bool:
        return bool(self.spec.get("completionMode") == "Indexed")

    @property
    def indexes(self) -> set[int]:
        """The indexes that have succeeded, those of this look included."""
        held = parsed_intervals(self.status.get("completedIndexes", ""))
        return held | {
            index
            for pod in self.ended.succeeded
            if (index := index_of(pod)) is not None and index < self.spec["completions"]
        }

    @property
    def succeeded(self) -> int:
        if self.indexed:
            return len(self.indexes)
        return int(self.status.get("succeeded", 0)) + len(self.ended.succeeded) + len(self._uncounted("succeeded"))

    @property
    def failed(self) -> int:
        return int(self.status.get("failed", 0)) + len(self.ended.failed) + len(self._uncounted("failed"))

    def _uncounted(self, outcome: str) -> list[str]:
        found: list[str] = (self.status.get("uncountedTerminatedPods") or {}).get(outcome) or []
        return found

    @property
    def suspended(self) -> bool:
        return bool(self.spec.get("suspend"))


def is_finished(job: KubeObject) -> bool:
    return any(each["type"] in (COMPLETE, FAILED) and each["status"] == "True" for each in conditions_of(job))


class Jobs(PodOwner):
    """Hears of Jobs and of pods. A Job that has finished is left alone, until its time to live has passed."""

    resource = JOBS
    kind = "Job"

    def __init__(self, cluster: Cluster, pods: OwnedIndex, recorder: Recorder) -> None:
        super().__init__(cluster, pods, recorder)
        self._failures: dict[str, Failures] = {}

    def resync(self) -> None:
        self._failures.clear()
        super().resync()

    def hear(self, event: Event) -> None:
        """Of a Job that is gone, the pods must be let go."""
        super().hear(event)
        if event.type == "DELETED":
            self._failures.pop(uid_of(event.item.obj), None)
            for pod in self.pods.of(event.item.obj):
                self._plan_release(pod)

    def hear_pod(self, event: Event) -> None:
        super().hear_pod(event)
        pod = event.item.obj
        if event.type != "DELETED" and FINALIZER in finalizers_of(pod) and self._job_of(pod) is None:
            self._plan_release(pod)

    def _job_of(self, pod: KubeObject) -> KubeObject | None:
        owner = controller_of(pod)
        job = self.cluster.get(JOBS, namespace_of(pod), owner["name"]) if owner is not None else None
        return job if job is not None and owner is not None and uid_of(job) == owner["uid"] else None

    def _plan_release(self, pod: KubeObject) -> None:
        key = f"release {namespace_of(pod)}/{name_of(pod)}"
        self.cluster.site.schedule.at(self.cluster.now(), key, lambda: self._release(pod))

    def _release(self, pod: KubeObject) -> None:
        """Nobody counts this pod any more."""
        live = self.cluster.get(PODS, namespace_of(pod), name_of(pod))
        if live is not None and FINALIZER in finalizers_of(live) and self._job_of(live) is None:
            self._without_finalizer(live)

    def _without_finalizer(self, pod: KubeObject) -> None:
        def freed(live: KubeObject) -> KubeObject:
            return with_finalizers(live, (each for each in finalizers_of(live) if each != FINALIZER))

        if self.cluster.get(PODS, namespace_of(pod), name_of(pod)) is not None:
            self.cluster.update(PODS, pod, freed)

    def sync(self, namespace: str, name: str) -> None:
        job = self.cluster.get(JOBS, namespace, name)
        if job is None or job["spec"].get("managedBy", _OUR_CONTROLLER) != _OUR_CONTROLLER:
            return
        if is_finished(job):
            self._expire(job)
            return
        tally = self._tally(job)
        self._note_failures(tally)
        noted = find(conditions_of(job), _CRITERIA_MET)
        tally.verdict = noted or self._failure(tally) or self._indexes_failed(tally) or self._enough(tally)
        refusal = self._stop(tally) if tally.verdict is not None else self._go_on(tally)
        self._track(tally)
        if refusal is not None:
            raise refusal

    def _expire(self, job: KubeObject) -> None:
        """Delete a finished Job when its time to live has passed."""
        ttl_s = job["spec"].get("ttlSecondsAfterFinished")
        if ttl_s is None or is_terminating(job):
            return
        finished = next(
            each for each in conditions_of(job) if each["type"] in (COMPLETE, FAILED) and each["status"] == "True"
        )
        wait_s = epoch(finished["lastTransitionTime"]) + ttl_s - self.cluster.now()
        if wait_s > 0:
            self.plan(namespace_of(job), name_of(job), wait_s)
        else:
            self.cluster.delete(JOBS, job, propagation="Foreground")

    def _tally(self, job: KubeObject) -> Tally:
        pods = Claim(self.pods, job, job["spec"]["selector"]).objects()
        status = {"uncountedTerminatedPods": {}, **(job.get("status") or {})}
        if "startTime" not in status and not job["spec"].get("suspend"):
            status["startTime"] = timestamp(self.cluster.now())
        active = [pod for pod in pods if is_active(pod)]
        going = sum(is_terminating(pod) and pod["status"].get("phase") not in ("Succeeded", "Failed") for pod in pods)
        return Tally(job, pods, active, terminated(job, pods, status), status, going)

    def _note_failures(self, tally: Tally) -> None:
        held = self._failures.get(uid_of(tally.job), Failures())
        if tally.ended.succeeded:
            held = Failures()
        if tally.ended.failed:
            held = Failures(held.count + len(tally.ended.failed), self.cluster.now())
        self._failures[uid_of(tally.job)] = held

    def _enough(self, tally: Tally) -> KubeObject | None:
        """The condition that says that by the Job's successPolicy enough has succeeded."""
        told = enough(tally.job, tally.indexes) if tally.indexed else ""
        return self._condition(_CRITERIA_MET, "SuccessPolicy", told) if told else None

    def _indexes_failed(self, tally: Tally) -> KubeObject | None:
        """Why the Job has failed by its indexes: too many of them, or some, and no other is left to wait for."""
        failed, most = len(tally.failed_indexes), tally.spec.get("maxFailedIndexes")
        if most is not None and failed > most:
            told = "Job has exceeded the specified maximal number of failed indexes"
            return self._condition(_FAILURE_TARGET, "MaxFailedIndexesExceeded", told)
        if failed and failed + len(tally.indexes) >= tally.spec["completions"]:
            return self._condition(_FAILURE_TARGET, "FailedIndexes", "Job has failed indexes")
        return None

    def _ending(self, tally: Tally) -> str:
        """Why a failed pod ends the Job by its podFailurePolicy."""
        only_failed = tally.spec.get("podReplacementPolicy") == "Failed"
        return ending(tally.job, (pod for pod in tally.pods if has_failed(pod, only_failed=only_failed)))

    def _failure(self, tally: Tally) -> KubeObject | None:
        """Why the Job has failed, as the condition that says so; None when it has not."""
        target = find(conditions_of(tally.job), _FAILURE_TARGET)
        if target is not None and target["status"] == "True":
            return {**target, "type": FAILED}
        why = self._ending(tally)
        if why:
            return self._condition(_FAILURE_TARGET, "PodFailurePolicy", why)
        if tally.failed > tally.spec["backoffLimit"] or _restarted_too_often(tally):
            return self._condition(
                _FAILURE_TARGET, "BackoffLimitExceeded", "Job has reached the specified backoff limit"
            )
        deadline_s = tally.spec.get("activeDeadlineSeconds")
        if deadline_s is None or tally.suspended:
            return None
        wait_s = epoch(tally.status["startTime"]) + deadline_s - self.cluster.now()
        if wait_s > 0:
            self.plan(namespace_of(tally.job), name_of(tally.job), wait_s)
            return None
        return self._condition(_FAILURE_TARGET, "DeadlineExceeded", "Job was active longer than specified deadline")

    def _condition(self, kind: str, reason: str, message: str, status: str = "True") -> KubeObject:
        now = timestamp(self.cluster.now())
        return {
            "type": kind,
            "status": status,
            "lastProbeTime": now,
            "lastTransitionTime": now,
            "reason": reason,
            "message": message,
        }

    # --- pods ---------------------------------------------------------------------------------------------------------

    def _stop(self, tally: Tally) -> StatusError | None:
        """The Job is over: its pods go."""
        return self._delete(tally, tally.active)

    def _delete(self, tally: Tally, pods: Sequence[KubeObject]) -> StatusError | None:
        try:
            for pod in pods:
                self.control.delete(tally.job, pod)
                tally.terminating += 1
        except StatusError as refused:
            return refused
        gone = {name_of(pod) for pod in pods}
        tally.active = [pod for pod in tally.active if name_of(pod) not in gone]
        return None

    def _go_on(self, tally: Tally) -> StatusError | None:
        if is_terminating(tally.job):
            return None
        refusal = self._manage(tally)
        if self._is_complete(tally):
            told = "Reached expected number of succeeded pods"
            tally.verdict = self._condition(_CRITERIA_MET, "CompletionsReached", told)
        else:
            self._note_suspension(tally)
        return refusal

    def _is_complete(self, tally: Tally) -> bool:
        completions = tally.spec.get("completions")
        enough = tally.succeeded > 0 if completions is None else tally.succeeded >= completions
        return enough and not tally.active

    def _note_suspension(self, tally: Tally) -> None:
        conditions = conditions_of(tally.job)
        held = find(conditions, SUSPENDED)
        if tally.suspended == (held is not None and held["status"] == "True"):
            return
        told = ("JobSuspended", "Job suspended") if tally.suspended else ("JobResumed", "Job resumed")
        noted = self._condition(SUSPENDED, *told, status=str(tally.suspended))
        others = [noted if each["type"] == SUSPENDED else each for each in conditions]
        tally.status["conditions"] = others if held is not None else [*others, noted]
        self.recorder.record(tally.job, "Normal", told[0].removeprefix("Job"), told[1])
        if tally.suspended:
            tally.status.pop("startTime", None)
        else:
            tally.status["startTime"] = timestamp(self.cluster.now())

    def _manage(self, tally: Tally) -> StatusError | None:
        """As many active pods as are still needed."""
        wanted = _wanted(tally)
        surplus = len(tally.active) - wanted
        if surplus > 0:
            unneeded = first_to_go(tally.active, [], min(surplus, BURST))
            for pod in unneeded:
                # not counted: it did not fail
                self._without_finalizer(pod)
            return self._delete(tally, unneeded)
        waiting = tally.terminating if tally.spec.get("podReplacementPolicy") == "Failed" else 0
        missing = wanted - waiting - len(tally.active)
        if missing <= 0:
            return None
        wait_s = 0.0 if has_limit(tally.job) else self._failures[uid_of(tally.job)].wait_s(self.cluster.now())
        if wait_s > 0:
            self.plan(namespace_of(tally.job), name_of(tally.job), wait_s)
            return None
        return self._create(tally, self._next_pods(tally, min(missing, BURST)))

    def _next_pods(self, tally: Tally, count: int) -> list[KubeObject]:
        template = job_template(tally.job)
        if not tally.indexed:
            return [pod_from(template, tally.job)] * count
        active = {index for pod in tally.active if (index := index_of(pod)) is not None}
        free = pending(tally.indexes | active | tally.failed_indexes, tally.spec["completions"], count)
        if not has_limit(tally.job):
            return [pod_of_index(template, tally.job, each) for each in free]
        replaced = tally.replaced
        waits = {each: wait_s(replaced.get(each), self.cluster.now()) for each in free}
        if free and min(waits.values()) > 0:
            self.plan(namespace_of(tally.job), name_of(tally.job), min(waits.values()))
        return [
            pod_of_index(template, tally.job, each, noted_failures(tally.job, replaced.get(each)))
            for each in free
            if waits[each] <= 0
        ]

    def _create(self, tally: Tally, pods: Sequence[KubeObject]) -> StatusError | None:
        try:
            for pod in pods:
                tally.active.append(self.control.create(tally.job, pod))
        except StatusError as refused:
            return None if says_terminating(refused) else refused
        return None

    # --- status -------------------------------------------------------------------------------------------------------

    def _track(self, tally: Tally) -> None:
        """Note who has ended, let them go, count them; and finish when nobody is left to be counted."""
        countable = tally.ended.without(tally.replaced.values())
        if tally.verdict is not None or is_terminating(tally.job):
            failed = tally.verdict is not None and tally.verdict["type"] != _CRITERIA_MET
            countable = tally.ended.with_rest(tally.pods, failed=failed)
        status = tally.status
        status |= {
            "active": len(tally.active),
            "ready": sum(map(is_ready, tally.active)),
            "terminating": tally.terminating,
            "uncountedTerminatedPods": countable.uids(indexed=tally.indexed),
        }
        if tally.indexed:
            indexes = tally.indexes
            status |= {"completedIndexes": intervals(indexes), "succeeded": len(indexes)}
        if has_limit(tally.job):
            status["failedIndexes"] = intervals(tally.failed_indexes)
        self._note_verdict(tally)
        job = self.cluster.update_status(JOBS, tally.job, status)
        for pod in (*countable.succeeded, *countable.failed, *countable.ignored):
            self._without_finalizer(pod)
        self._finish(tally, job, countable)

    def _note_verdict(self, tally: Tally) -> None:
        """What the Job aims at is told before it is there."""
        if tally.verdict is None or tally.verdict["type"] == FAILED:
            return
        held = tally.status.get("conditions") or []
        if find(held, tally.verdict["type"]) is None:
            tally.status["conditions"] = [*held, tally.verdict]
        final = FAILED if tally.verdict["type"] == _FAILURE_TARGET else COMPLETE
        tally.verdict = self._condition(final, tally.verdict["reason"], tally.verdict["message"])

    def _finish(self, tally: Tally, job: KubeObject, countable: Terminated) -> None:
        status = dict(job.get("status") or {})
        status["uncountedTerminatedPods"] = {}
        status["failed"] = status.get("failed", 0) + len(countable.failed)
        if not tally.indexed:
            status["succeeded"] = status.get("succeeded", 0) + len(countable.succeeded)
        verdict = tally.verdict
        # pods that still terminate are heard of when they are gone
        finished = verdict is not None and tally.terminating == 0
        if verdict is not None and finished:
            status["conditions"] = [*(status.get("conditions") or ()), verdict]
            if verdict["type"] == COMPLETE:
                status["completionTime"] = verdict["lastTransitionTime"]
        self.cluster.update_status(JOBS, job, status)
        if verdict is not None and finished:
            self._failures.pop(uid_of(job), None)
            self._tell_finished(job, verdict)

    def _tell_finished(self, job: KubeObject, verdict: KubeObject) -> None:
        if verdict["type"] == COMPLETE:
            self.recorder.record(job, "Normal", "Completed", "Job completed")
        else:
            self.recorder.record(job, "Warning", verdict["reason"], verdict["message"])


def _wanted(tally: Tally) -> int:
    """How many pods should be active now."""
    if tally.suspended:
        return 0
    parallelism = int(tally.spec.get("parallelism", 1))
    completions = tally.spec.get("completions")
    if completions is None:
        return len(tally.active) if tally.succeeded else parallelism
    return max(0, min(int(completions) - tally.succeeded, parallelism))


def _restarted_too_often(tally: Tally) -> bool:
    """Where containers restart in place, their restarts count as failures."""
    if tally.spec["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    running = (pod["status"] for pod in tally.pods if pod["status"].get("phase") in ("Running", "Pending"))
    statuses = [
        each
        for status in running
        for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
    ]
    restarts = sum(each.get("restartCount", 0) for each in statuses)
    limit = tally.spec["backoffLimit"]
    return bool(restarts > 0 if limit == 0 else restarts >= limit)
