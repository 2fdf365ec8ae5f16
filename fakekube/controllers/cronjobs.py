"""CronJobs: a Job whenever the site's clock says so.

Source: pkg/controller/cronjob of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from fakekube.controllers.cluster import Cluster
from fakekube.controllers.conditions import is_true
from fakekube.controllers.controller import Controller
from fakekube.controllers.cron import Cron, cron
from fakekube.controllers.events import Recorder
from fakekube.controllers.jobs import COMPLETE, FAILED, JOBS, is_finished
from fakekube.controllers.ownership import OwnedIndex, controller_of, controller_reference
from fakekube.controllers.pod_control import says_terminating
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject, metadata, name_of, namespace_of, revision_of, uid_of
from fakekube.registry.metadata import epoch, is_terminating, timestamp
from fakekube.storage.items import Event

CRON_JOBS = "cronjobs.batch"
_SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_NAME_MAX = 52


class CronJobs(Controller):
    """Hears of CronJobs and of their Jobs; one timer for each CronJob that is not suspended."""

    resource = CRON_JOBS

    def __init__(self, cluster: Cluster, jobs: OwnedIndex, recorder: Recorder) -> None:
        super().__init__(cluster)
        self._jobs = jobs
        self._recorder = recorder

    def listen(self) -> None:
        self.cluster.listen(JOBS, self._hear_job)

    def _hear_job(self, event: Event) -> None:
        owner = controller_of(event.item.obj)
        if owner is not None and owner["kind"] == "CronJob":
            self.plan(event.item.namespace, owner["name"])

    def sync(self, namespace: str, name: str) -> None:
        owner = self.cluster.get(CRON_JOBS, namespace, name)
        if owner is None:
            return
        jobs = self._jobs.of(owner)
        self._clean_up(owner, jobs)
        owner = self._noted(owner, jobs)
        if is_terminating(owner) or owner["spec"].get("suspend"):
            return
        schedule = cron(owner["spec"]["schedule"], owner["spec"].get("timeZone"))
        due = self._missed(owner, schedule)
        if due is not None:
            self._start(owner, due)
        upcoming = schedule.after(self.cluster.now())
        if upcoming is not None:
            self.plan(namespace, name, upcoming - self.cluster.now())

    def _clean_up(self, owner: KubeObject, jobs: Sequence[KubeObject]) -> None:
        """Finished Jobs beyond the limits of the history go, the oldest first."""
        for kind, limit in ((COMPLETE, "successfulJobsHistoryLimit"), (FAILED, "failedJobsHistoryLimit")):
            ended = sorted((each for each in jobs if is_true(each, kind)), key=_started)
            for job in ended[: max(0, len(ended) - owner["spec"].get(limit, len(ended)))]:
                if not is_terminating(job):
                    self.cluster.delete(JOBS, job, propagation="Background")
                    self._recorder.record(owner, "Normal", "SuccessfulDelete", f"Deleted job {name_of(job)}")

    def _noted(self, owner: KubeObject, jobs: Sequence[KubeObject]) -> KubeObject:
        """The CronJob with its running Jobs, and when one last succeeded, in its status."""
        held = owner.get("status") or {}
        known = {each["uid"]: each for each in held.get("active") or ()}
        running = [job for job in jobs if not is_finished(job)]
        for job in jobs:
            if uid_of(job) in known and is_finished(job):
                told = f"Saw completed job: {name_of(job)}, condition: {COMPLETE if is_true(job, COMPLETE) else FAILED}"
                self._recorder.record(owner, "Normal", "SawCompletedJob", told)
        for reference in known.values():
            if self.cluster.get(JOBS, namespace_of(owner), reference["name"]) is None:
                told = f"Active job went missing: {reference['name']}"
                self._recorder.record(owner, "Normal", "MissingJob", told)
        ended = [
            str(job["status"]["completionTime"]) for job in jobs if (job.get("status") or {}).get("completionTime")
        ]
        active = [known.get(uid_of(job)) or _reference(job) for job in sorted(running, key=_started)]
        status = {**held, "active": active}
        if ended:
            status["lastSuccessfulTime"] = max([*ended, held.get("lastSuccessfulTime", "")])
        return self.cluster.update_status(CRON_JOBS, owner, status)

    def _missed(self, owner: KubeObject, schedule: Cron) -> float | None:
        """The last moment that has passed without a Job; earlier ones are lost."""
        now = self.cluster.now()
        last = (owner.get("status") or {}).get("lastScheduleTime") or metadata(owner)["creationTimestamp"]
        earliest = epoch(last)
        deadline_s = owner["spec"].get("startingDeadlineSeconds")
        due = schedule.last(earliest, now)
        if due is not None and deadline_s is not None and due + deadline_s < now:
            told = f"Missed scheduled time to start a job: {datetime.fromtimestamp(due, schedule.zone):%a, %d %b %Y %H:%M:%S %z}"
            self._recorder.record(owner, "Warning", "MissSchedule", told)
            return None
        return due

    def _start(self, owner: KubeObject, due: float) -> None:
        active = (owner.get("status") or {}).get("active") or []
        policy = owner["spec"].get("concurrencyPolicy", "Allow")
        if active and policy == "Forbid":
            why = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self._recorder.record(owner, "Normal", "JobAlreadyActive", why)
            return
        if policy == "Replace":
            owner = self._without(owner, active)
        try:
            job = self.cluster.create(JOBS, namespace_of(owner), self._job(owner, due))
        except StatusError as refused:
            if refused.reason == "AlreadyExists" or says_terminating(refused):
                return
            self._recorder.record(owner, "Warning", "FailedCreate", f"Error creating job: {refused.message}")
            raise
        self._recorder.record(owner, "Normal", "SuccessfulCreate", f"Created job {name_of(job)}")
        status = owner.get("status") or {}
        started = {"active": [*(status.get("active") or ()), _reference(job)], "lastScheduleTime": timestamp(due)}
        self.cluster.update_status(CRON_JOBS, owner, {**status, **started})

    def _without(self, owner: KubeObject, active: Sequence[KubeObject]) -> KubeObject:
        for reference in active:
            job = self.cluster.get(JOBS, namespace_of(owner), reference["name"])
            if job is not None:
                self.cluster.delete(JOBS, job, propagation="Background")
                self._recorder.record(owner, "Normal", "SuccessfulDelete", f"Deleted job {name_of(job)}")
        return self.cluster.update_status(CRON_JOBS, owner, {**(owner.get("status") or {}), "active": []})

    def _job(self, owner: KubeObject, due: float) -> KubeObject:
        """Named by its minute, so that one moment makes one Job."""
        template = owner["spec"]["jobTemplate"]
        given = metadata(template)
        zone = cron("@hourly", owner["spec"].get("timeZone")).zone
        moment = datetime.fromtimestamp(due, zone).isoformat().replace("+00:00", "Z")
        return {
            "metadata": {
                "name": f"{name_of(owner)[:_NAME_MAX]}-{int(due) // 60}",
                "labels": given.get("labels") or {},
                "annotations": {**(given.get("annotations") or {}), _SCHEDULED: moment},
                "ownerReferences": [controller_reference(owner)],
            },
            "spec": template["spec"],
        }


def _started(job: KubeObject) -> tuple[str, str]:
    return str((job.get("status") or {}).get("startTime", "")), name_of(job)


def _reference(job: KubeObject) -> KubeObject:
    return {
        "kind": "Job",
        "namespace": namespace_of(job),
        "name": name_of(job),
        "uid": uid_of(job),
        "apiVersion": job["apiVersion"],
        "resourceVersion": revision_of(job),
    }
