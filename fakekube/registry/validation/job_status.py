"""What the status of a job may say, given what it said. Source: pkg/registry/batch/job of Kubernetes 1.37.

A rule is asked only where what it is about has changed, so that other parts of a status that is wrong can be written.
"""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import Causes, duplicate, invalid, required
from fakekube.registry.validation.counts import counts
from fakekube.registry.validation.indexes import IndexesError, common_index, index_count
from fakekube.registry.validation.object_meta import IMMUTABLE

_COUNTERS = ("active", "succeeded", "failed", "ready", "terminating")
_CONDITIONS = ("Complete", "Failed", "FailureTarget", "SuccessCriteriaMet")
_FINAL = ("Failed", "Complete", "FailureTarget")


def job_status(obj: KubeObject, held: KubeObject) -> Causes:
    new, old = _Status(obj), _Status(held)
    yield from counts(new.status, "status", _COUNTERS)
    yield from _uncounted(new.status.get("uncountedTerminatedPods") or {}, "status.uncountedTerminatedPods")
    yield from _conditions(new, old)
    yield from _finished(new, old)
    yield from _indexes(new, old)
    yield from _running(new, old)
    yield from _success(new)
    yield from _progress(new, old)


class _Status:
    """A job's status with its conditions at hand."""

    def __init__(self, job: KubeObject) -> None:
        self.spec: KubeObject = job.get("spec") or {}
        self.status: KubeObject = job.get("status") or {}
        conditions = self.status.get("conditions") or ()
        self.holds = frozenset(each.get("type") for each in conditions if each.get("status") == "True")

    @property
    def is_finished(self) -> bool:
        return bool(self.holds & {"Complete", "Failed"})

    def changed(self, other: _Status, *members: str) -> bool:
        """Whether a member of the status, or a condition, is not what it was."""
        return any(
            (name in self.holds) != (name in other.holds)
            if name in _CONDITIONS
            else self.status.get(name) != other.status.get(name)
            for name in members
        )


def _uncounted(pods: KubeObject, path: str) -> Causes:
    seen: set[str] = set()
    for kind in ("succeeded", "failed"):
        for index, uid in enumerate(pods.get(kind) or ()):
            if not uid:
                yield invalid(f"{path}.{kind}[{index}]", uid, "must not be empty")
            elif uid in seen:
                yield duplicate(f"{path}.{kind}[{index}]", uid)
            seen.add(uid)


def _together(status: _Status, one: str, other: str, text: str) -> Causes:
    if {one, other} <= status.holds:
        yield invalid("status.conditions", None, text, shown=False)


def _conditions(new: _Status, old: _Status) -> Causes:
    complete, done = "Complete" in new.holds, new.status.get("completionTime")
    if new.changed(old, "Complete", "Failed"):
        yield from _together(new, "Complete", "Failed", "cannot set Complete=True and Failed=true conditions")
    if new.changed(old, "Complete", "FailureTarget"):
        text = "cannot set Complete=True and FailureTarget=true conditions"
        yield from _together(new, "Complete", "FailureTarget", text)
    if new.changed(old, "Complete", "completionTime"):
        if done is not None and not complete:
            text = "cannot set completionTime when there is no Complete=True condition"
            yield invalid("status.completionTime", done, text)
        if done is None and complete:
            yield required("status.completionTime", "completionTime is required for Complete jobs")
    start = new.status.get("startTime")
    if new.changed(old, "startTime", "completionTime") and start is not None and done is not None and done < start:
        yield invalid("status.completionTime", done, "must be equal to or after `startTime`")


def _finished(new: _Status, old: _Status) -> Causes:
    if new.changed(old, "Failed", "failedIndexes") and "Failed" in new.holds and "FailureTarget" not in new.holds:
        text = "cannot set Failed=True condition without the FailureTarget=true condition"
        yield invalid("status.conditions", None, text, shown=False)
    unmet = "Complete" in new.holds and "SuccessCriteriaMet" not in new.holds
    if new.changed(old, "Complete", "SuccessCriteriaMet") and unmet:
        text = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"
        yield invalid("status.conditions", None, text, shown=False)
    if not new.is_finished:
        return
    ended, status = new.is_finished != old.is_finished, new.status
    if (ended or new.changed(old, "active")) and (status.get("active") or 0) > 0:
        yield invalid("status.active", status["active"], "active>0 is invalid for finished job")
    never_began = bool(new.spec.get("suspend")) and new.spec.get("completions") == 0
    if (ended or new.changed(old, "startTime")) and not never_began and status.get("startTime") is None:
        yield required("status.startTime", "startTime is required for finished job")
    pods = status.get("uncountedTerminatedPods") or {}
    if (ended or new.changed(old, "uncountedTerminatedPods")) and (pods.get("failed") or pods.get("succeeded")):
        shown = {"Succeeded": pods.get("succeeded"), "Failed": pods.get("failed")}
        yield invalid("status.uncountedTerminatedPods", shown, "must be empty for finished job")


def _indexes(new: _Status, old: _Status) -> Causes:
    completions, per_index = new.spec.get("completions"), new.spec.get("backoffLimitPerIndex") is not None
    completed, failed = new.status.get("completedIndexes") or "", new.status.get("failedIndexes")
    done_changed, failed_changed = new.changed(old, "completedIndexes"), new.changed(old, "failedIndexes")
    if done_changed and completions is not None:
        yield from _readable(completed, completions, "completedIndexes")
    if failed_changed and completions is not None and per_index and failed is not None:
        yield from _readable(failed, completions, "failedIndexes")
    if done_changed and completed and new.spec.get("completionMode") != "Indexed":
        text = "cannot set non-empty completedIndexes when non-indexed completion mode"
        yield invalid("status.completedIndexes", completed, text)
    if failed is None:
        return
    if failed_changed and not per_index:
        text = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        yield invalid("status.failedIndexes", failed, text)
    if (failed_changed or done_changed) and completions is not None:
        common = common_index(completed, failed, completions)
        if common is not None:
            text = f"failedIndexes and completedIndexes overlap at index: {common}"
            yield invalid("status.failedIndexes", failed, text)


def _readable(indexes: str, completions: int, name: str) -> Causes:
    try:
        index_count(indexes, completions)
    except IndexesError as error:
        yield invalid(f"status.{name}", indexes, f"error parsing {name}: {error}")


def _running(new: _Status, old: _Status) -> Causes:
    status, ended = new.status, new.is_finished != old.is_finished
    if (ended or new.changed(old, "terminating")) and new.is_finished and (status.get("terminating") or 0) > 0:
        yield invalid("status.terminating", status["terminating"], "terminating>0 is invalid for finished job")
    ready = status.get("ready")
    if new.changed(old, "ready", "active") and ready is not None and ready > (status.get("active") or 0):
        yield invalid("status.ready", ready, "cannot set more ready pods than active")


def _success(new: _Status) -> Causes:
    for other in ("Failed", "FailureTarget"):
        text = f"cannot set SuccessCriteriaMet=True and {other}=true conditions"
        yield from _together(new, "SuccessCriteriaMet", other, text)
    unmet = "Complete" in new.holds and "SuccessCriteriaMet" not in new.holds
    if new.spec.get("successPolicy") is not None and unmet:
        text = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"
        yield invalid("status.conditions", None, text, shown=False)


def _progress(new: _Status, old: _Status) -> Causes:
    """What only grows, and what stays once it is so."""
    yield from _kept(new, old, _FINAL, "terminal ")
    scaled_down = new.spec.get("completionMode") == "Indexed" and (
        new.spec.get("completions") == new.spec.get("parallelism")
    )
    for name in ("failed", "succeeded") if not scaled_down else ("failed",):
        if (new.status.get(name) or 0) < (old.status.get(name) or 0):
            yield invalid(f"status.{name}", new.status.get(name) or 0, f"cannot decrease the {name} counter")
    done, was_done = new.status.get("completionTime"), old.status.get("completionTime")
    if done is not None and was_done is not None and done != was_done:
        yield invalid("status.completionTime", done, IMMUTABLE)
    start, began = new.status.get("startTime"), old.status.get("startTime")
    if began is not None and start != began and not new.spec.get("suspend"):
        yield invalid("status.startTime", start, "field is immutable for unsuspended job once set")
    yield from _kept(new, old, ("SuccessCriteriaMet",), "")
    if "Complete" in old.holds and "SuccessCriteriaMet" in new.holds - old.holds:
        text = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"
        yield invalid("status.conditions", None, text, shown=False)


def _kept(new: _Status, old: _Status, names: Sequence[str], kind: str) -> Causes:
    for name in names:
        if name in old.holds - new.holds:
            yield invalid("status.conditions", None, f"cannot disable the {kind}{name}=True condition", shown=False)
