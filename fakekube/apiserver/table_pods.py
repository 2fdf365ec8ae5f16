"""The cells of a pod: the STATUS column is a small story told by phase, conditions and container states.

Source: printPod of pkg/printers/internalversion, Kubernetes 1.37; tests hold 38 recorded pods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fakekube.apiserver.table_values import NONE, Ages, at, condition, is_true, seconds_of
from fakekube.meta.objects import KubeObject

_FINISHED = {"Succeeded": "The pod has completed successfully.", "Failed": "The pod failed."}


def pod_conditions(pod: KubeObject) -> list[KubeObject]:
    """Row conditions: clients show finished pods apart."""
    phase = at(pod, "status.phase", "")
    if phase not in _FINISHED:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": _FINISHED[phase]}]


@dataclass(slots=True)
class _Restarts:
    """How often containers were restarted, and when last."""

    count: int = 0
    last: str = ""

    def add(self, status: KubeObject) -> None:
        self.count += status.get("restartCount", 0)
        finished = at(status, "lastState.terminated.finishedAt", "")
        if finished and (not self.last or seconds_of(finished) > seconds_of(self.last)):
            self.last = finished

    def text(self, ages: Ages) -> str:
        return f"{self.count} ({ages.since(self.last)} ago)" if self.count and self.last else str(self.count)


@dataclass(slots=True)
class _Story:
    """What the container states add up to."""

    reason: str
    ready: int = 0
    total: int = 0


def pod_cells(pod: KubeObject, ages: Ages) -> list[Any]:
    story = _Story(reason=_first_reason(pod), total=len(at(pod, "spec.containers", [])))
    restarts = _tell(pod, story)
    return [
        at(pod, "metadata.name", ""),
        f"{story.ready}/{story.total}",
        _deletion_reason(pod) or story.reason,
        restarts.text(ages),
        ages.of(pod),
        _first_ip(pod),
        at(pod, "spec.nodeName") or NONE,
        at(pod, "status.nominatedNodeName") or NONE,
        _readiness_gates(pod),
    ]


def _first_reason(pod: KubeObject) -> str:
    scheduled = condition(pod, "PodScheduled")
    if scheduled is not None and scheduled.get("reason") == "SchedulingGated":
        return "SchedulingGated"
    return str(at(pod, "status.reason") or at(pod, "status.phase", ""))


def _tell(pod: KubeObject, story: _Story) -> _Restarts:
    """Init containers first; the others count once these are done."""
    sidecars = _sidecars(pod)
    story.total += len(sidecars)
    all_restarts, sidecar_restarts = _Restarts(), _Restarts()
    initializing = _tell_init(pod, story, sidecars, all_restarts, sidecar_restarts)
    if initializing and not is_true(pod, "Initialized"):
        return all_restarts
    _tell_containers(at(pod, "status.containerStatuses", []), pod, story, sidecar_restarts)
    return sidecar_restarts


def _sidecars(pod: KubeObject) -> frozenset[str]:
    """Init containers that keep running."""
    return frozenset(
        each["name"] for each in at(pod, "spec.initContainers", []) if each.get("restartPolicy") == "Always"
    )


def _tell_init(
    pod: KubeObject, story: _Story, sidecars: frozenset[str], everything: _Restarts, of_sidecars: _Restarts
) -> bool:
    for index, status in enumerate(at(pod, "status.initContainerStatuses", [])):
        sidecar = status.get("name") in sidecars
        everything.add(status)
        if sidecar:
            of_sidecars.add(status)
        if at(status, "state.terminated") is not None and at(status, "state.terminated.exitCode", 0) == 0:
            continue
        if sidecar and status.get("started"):
            story.ready += bool(status.get("ready"))
            continue
        story.reason = _init_reason(status, index, len(at(pod, "spec.initContainers", [])))
        return True
    return False


def _init_reason(status: KubeObject, index: int, total: int) -> str:
    terminated = at(status, "state.terminated")
    if terminated is not None:
        return f"Init:{_ended(terminated)}"
    waiting = at(status, "state.waiting.reason", "")
    if waiting and waiting != "PodInitializing":
        return f"Init:{waiting}"
    return f"Init:{index}/{total}"


def _ended(terminated: KubeObject) -> str:
    """Why a container ended."""
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _tell_containers(statuses: Sequence[KubeObject], pod: KubeObject, story: _Story, restarts: _Restarts) -> None:
    running, error = False, ""
    for status in reversed(statuses):
        restarts.add(status)
        terminated = at(status, "state.terminated")
        if at(status, "state.waiting.reason"):
            story.reason = status["state"]["waiting"]["reason"]
        elif terminated is not None:
            story.reason = _ended(terminated)
            error = story.reason if terminated.get("exitCode") else error
        elif status.get("ready") and at(status, "state.running") is not None:
            running = True
            story.ready += 1
    if story.reason == "Completed":
        story.reason = _not_quite_completed(pod, running, error)


def _not_quite_completed(pod: KubeObject, running: bool, error: str) -> str:
    if running and is_true(pod, "Ready"):
        return "Running"
    return error or ("NotReady" if running else "Completed")


def _deletion_reason(pod: KubeObject) -> str:
    if not at(pod, "metadata.deletionTimestamp"):
        return ""
    if at(pod, "status.reason") == "NodeLost":
        return "Unknown"
    return "" if at(pod, "status.phase") in _FINISHED else "Terminating"


def _first_ip(pod: KubeObject) -> str:
    addresses = at(pod, "status.podIPs", [])
    return (addresses[0].get("ip") if addresses else "") or NONE


def _readiness_gates(pod: KubeObject) -> str:
    gates = at(pod, "spec.readinessGates", [])
    if not gates:
        return NONE
    return f"{sum(is_true(pod, gate['conditionType']) for gate in gates)}/{len(gates)}"
