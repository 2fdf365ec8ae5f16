"""What a Deployment says of itself: counts, availability and progress. Pure.

Source: pkg/controller/deployment/{progress,sync}.go of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fakekube.controllers.conditions import conditions_of, find, without
from fakekube.controllers.rollout import Rollout, available, limits_of, replicas
from fakekube.meta.objects import KubeObject, metadata, name_of
from fakekube.registry.metadata import epoch, timestamp

AVAILABLE, PROGRESSING, REPLICA_FAILURE = "Available", "Progressing", "ReplicaFailure"
_COMPLETE, _TIMED_OUT = "NewReplicaSetAvailable", "ProgressDeadlineExceeded"
_NO_DEADLINE = 2**31 - 1

DeploymentStatus = KubeObject


def condition_of(deployment: KubeObject, kind: str) -> KubeObject | None:
    return find(conditions_of(deployment), kind)


def has_deadline(deployment: KubeObject) -> bool:
    return bool(deployment["spec"].get("progressDeadlineSeconds", _NO_DEADLINE) != _NO_DEADLINE)


def with_condition(
    conditions: Sequence[KubeObject], kind: str, status: str, reason: str, message: str, now: float
) -> list[KubeObject]:
    """One that says the same stays as it is; one of the same status keeps the time of its transition."""
    before = find(conditions, kind)
    if before is not None and (before["status"], before["reason"]) == (status, reason):
        return list(conditions)
    same = before is not None and before["status"] == status
    return [
        *without(conditions, kind),
        {
            "type": kind,
            "status": status,
            "lastUpdateTime": timestamp(now),
            "lastTransitionTime": before["lastTransitionTime"] if before is not None and same else timestamp(now),
            "reason": reason,
            "message": message,
        },
    ]


def _sum(replica_sets: Iterable[KubeObject], member: str) -> int:
    return sum((each.get("status") or {}).get(member, 0) for each in replica_sets)


def _terminating(replica_sets: Iterable[KubeObject]) -> int | None:
    """None when one of them does not say how many of its pods terminate."""
    total = 0
    for each in replica_sets:
        status = each.get("status") or {}
        if "terminatingReplicas" in status:
            total += status["terminatingReplicas"]
        elif status.get("observedGeneration"):
            return None
    return total


def status_of(rollout: Rollout, now: float) -> DeploymentStatus:
    """Counts and availability; the other conditions stay."""
    deployment, all_sets = rollout.deployment, rollout.replica_sets
    held = deployment.get("status") or {}
    serving = sum(map(available, all_sets))
    newest = [rollout.newest] if rollout.newest is not None else []
    status: KubeObject = {
        "observedGeneration": metadata(deployment).get("generation", 0),
        "replicas": _sum(all_sets, "replicas"),
        "updatedReplicas": _sum(newest, "replicas"),
        "readyReplicas": _sum(all_sets, "readyReplicas"),
        "availableReplicas": serving,
        "unavailableReplicas": max(0, sum(map(replicas, all_sets)) - serving),
        "terminatingReplicas": _terminating(all_sets),
        "conditions": _with_availability(rollout, serving, now),
        "collisionCount": held.get("collisionCount"),
    }
    return {member: value for member, value in status.items() if value is not None}


def _with_availability(rollout: Rollout, serving: int, now: float) -> list[KubeObject]:
    enough = serving >= rollout.size - limits_of(rollout.deployment).unavailable
    word = "has" if enough else "does not have"
    reason = "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable"
    message = f"Deployment {word} minimum availability."
    return with_condition(conditions_of(rollout.deployment), AVAILABLE, str(enough), reason, message, now)


def is_complete(deployment: KubeObject, status: DeploymentStatus) -> bool:
    size = deployment["spec"]["replicas"]
    return bool(
        all(status.get(each, 0) == size for each in ("updatedReplicas", "replicas", "availableReplicas"))
        and status.get("observedGeneration", 0) >= metadata(deployment).get("generation", 0)
    )


def rollout_status(rollout: Rollout, now: float) -> DeploymentStatus:
    """The same with what a rollout in progress says."""
    deployment, status = rollout.deployment, status_of(rollout, now)
    conditions: list[KubeObject] = status["conditions"]
    if not has_deadline(deployment):
        conditions = without(conditions, PROGRESSING)
    elif not _is_over(deployment, status):
        conditions = _with_progress(rollout, status, now)
    return {**status, "conditions": _with_failure(rollout, conditions)}


def _is_over(deployment: KubeObject, status: DeploymentStatus) -> bool:
    """Whether the last rollout has ended, and nothing since began another one."""
    progress = condition_of(deployment, PROGRESSING)
    all_updated = status["replicas"] == status["updatedReplicas"]
    return bool(all_updated and progress is not None and progress["reason"] == _COMPLETE)


def _with_progress(rollout: Rollout, status: DeploymentStatus, now: float) -> list[KubeObject]:
    deployment = rollout.deployment
    conditions: list[KubeObject] = status["conditions"]
    newest = rollout.newest
    who = f'ReplicaSet "{name_of(newest)}"' if newest is not None else f'Deployment "{name_of(deployment)}"'
    if is_complete(deployment, status):
        told = f"{who} has successfully progressed."
        return with_condition(conditions, PROGRESSING, "True", _COMPLETE, told, now)
    if _has_moved(deployment, status):
        return _moving(conditions, f"{who} is progressing.", now)
    if _is_late(deployment, conditions, now):
        return with_condition(conditions, PROGRESSING, "False", _TIMED_OUT, f"{who} has timed out progressing.", now)
    return conditions


def _moving(conditions: Sequence[KubeObject], told: str, now: float) -> list[KubeObject]:
    """Progress renews the time of the update, even when it says what it said before."""
    before = find(conditions, PROGRESSING)
    fresh = with_condition([], PROGRESSING, "True", "ReplicaSetUpdated", told, now)[0]
    if before is not None and before["status"] == "True":
        fresh["lastTransitionTime"] = before["lastTransitionTime"]
    return [*without(conditions, PROGRESSING), fresh]


def _has_moved(deployment: KubeObject, status: DeploymentStatus) -> bool:
    held = deployment.get("status") or {}
    grown = any(status[each] > held.get(each, 0) for each in ("updatedReplicas", "readyReplicas", "availableReplicas"))
    old_before = held.get("replicas", 0) - held.get("updatedReplicas", 0)
    return bool(grown or status["replicas"] - status["updatedReplicas"] < old_before)


def _is_late(deployment: KubeObject, conditions: Sequence[KubeObject], now: float) -> bool:
    progress = find(conditions, PROGRESSING)
    if progress is None or progress["reason"] == _COMPLETE:
        return False
    if progress["reason"] == _TIMED_OUT:
        return True
    return bool(epoch(progress["lastUpdateTime"]) + deployment["spec"]["progressDeadlineSeconds"] < now)


def _with_failure(rollout: Rollout, conditions: Sequence[KubeObject]) -> list[KubeObject]:
    """What kept a ReplicaSet from its pods: the new one's first."""
    newest = [rollout.newest] if rollout.newest is not None else []
    failures = (find(conditions_of(each), REPLICA_FAILURE) for each in (*newest, *rollout.replica_sets))
    failure = next((each for each in failures if each is not None), None)
    if failure is None:
        return without(conditions, REPLICA_FAILURE)
    before = find(conditions, REPLICA_FAILURE)
    if before is not None and (before["status"], before["reason"]) == (failure["status"], failure["reason"]):
        return list(conditions)
    told = {**failure, "lastUpdateTime": failure["lastTransitionTime"]}
    return [*without(conditions, REPLICA_FAILURE), told]


def progress_due(deployment: KubeObject, status: DeploymentStatus) -> float | None:
    """When the deadline of a rollout passes, in epoch seconds; None when none runs."""
    progress = condition_of(deployment, PROGRESSING)
    if not has_deadline(deployment) or progress is None:
        return None
    if is_complete(deployment, status) or progress["reason"] == _TIMED_OUT:
        return None
    return float(epoch(progress["lastUpdateTime"]) + deployment["spec"]["progressDeadlineSeconds"])
