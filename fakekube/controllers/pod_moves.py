"""What a kubelet writes into a pod's status, as pure functions from one pod to its next status.

Source: pkg/kubelet/status of Kubernetes 1.37, for pods whose containers do what they should, and for some that do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fakekube.controllers.conditions import conditions_of, find
from fakekube.controllers.stages import UNREADY
from fakekube.meta.objects import KubeObject, metadata, uid_of
from fakekube.registry.metadata import timestamp

_ORDER = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the pod runs, and when this is."""

    now: float
    host_ip: str
    pod_ip: str


def run(pod: KubeObject, place: Place) -> KubeObject:
    """Its containers have started, and are not ready yet."""
    return {
        **_placed(pod, place),
        "phase": "Running",
        "conditions": _conditions(pod, place.now, ready=False),
        "containerStatuses": _containers(pod, lambda each: _running(each, place.now, ready=False)),
    }


def ready(pod: KubeObject, place: Place) -> KubeObject:
    held = pod.get("status") or {}
    statuses = [{**each, "ready": True} for each in held.get("containerStatuses") or ()]
    return {**held, "conditions": _conditions(pod, place.now, ready=True), "containerStatuses": statuses}


def run_ready(pod: KubeObject, place: Place) -> KubeObject:
    """Its containers have started, and are ready from the start."""
    return ready({**pod, "status": run(pod, place)}, place)


def succeed(pod: KubeObject, place: Place) -> KubeObject:
    return _ended(pod, place, "Succeeded", 0, "PodCompleted")


def lacks_ephemeral(pod: KubeObject) -> bool:
    """Whether it runs, and has ephemeral containers that have not started."""
    status = pod.get("status") or {}
    started = {each["name"] for each in status.get("ephemeralContainerStatuses") or ()}
    added = pod["spec"].get("ephemeralContainers") or ()
    return status.get("phase") == "Running" and any(each["name"] not in started for each in added)


def with_ephemeral(pod: KubeObject, place: Place) -> KubeObject:
    """All its ephemeral containers have started."""
    held = pod.get("status") or {}
    known = {each["name"]: each for each in held.get("ephemeralContainerStatuses") or ()}
    statuses = []
    for each in pod["spec"]["ephemeralContainers"]:
        started = {**_running(each, place.now, ready=False), "containerID": f"fakekube://{uid_of(pod)}/{each['name']}"}
        statuses.append(
            known.get(each["name"]) or {name: value for name, value in started.items() if name != "started"}
        )
    return {**held, "observedGeneration": metadata(pod).get("generation", 0), "ephemeralContainerStatuses": statuses}


def exit_with(pod: KubeObject, place: Place, code: int) -> KubeObject:
    """Its containers ended by themselves: the pod has failed, or is restarted and waits, as its policy says."""
    if code == 0:
        return succeed(pod, place)
    if (pod["spec"].get("restartPolicy") or "Always") == "Never":
        return _ended(pod, place, "Failed", code, "PodFailed")
    return _crash_loop(pod, place, code)


def _crash_loop(pod: KubeObject, place: Place, code: int = 1) -> KubeObject:
    ended = {"exitCode": code, "reason": "Error", "startedAt": timestamp(place.now), "finishedAt": timestamp(place.now)}
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}

    def status(container: KubeObject) -> KubeObject:
        return {
            **_running(container, place.now, ready=False),
            "state": {"waiting": waiting},
            "lastState": {"terminated": ended},
            "restartCount": 1,
            "started": False,
        }

    return {**run(pod, place), "containerStatuses": _containers(pod, status)}


def _waiting(reason: str, message: str) -> Callable[[KubeObject, Place], KubeObject]:
    def status(pod: KubeObject, place: Place) -> KubeObject:
        def waits(container: KubeObject) -> KubeObject:
            return {
                **_bare(container),
                "state": {"waiting": {"reason": reason, "message": message.format(image=container.get("image", ""))}},
                "imageID": "",
                "started": False,
            }

        conditions = _conditions(pod, place.now, ready=False)
        return {
            **_placed(pod, place),
            "phase": "Pending",
            "conditions": conditions,
            "containerStatuses": _containers(pod, waits),
        }

    return status


def _unready(pod: KubeObject, place: Place) -> KubeObject:
    started = run(pod, place)
    told = {"reason": UNREADY, "message": "the readiness probe fails"}
    conditions = [{**each, **told} if each["type"] == "Ready" else each for each in started["conditions"]]
    return {**started, "conditions": conditions}


def _evicted(pod: KubeObject, place: Place) -> KubeObject:
    return {
        **_placed(pod, place),
        "phase": "Failed",
        "reason": "Evicted",
        "message": "The node was low on resource: memory.",
        "conditions": _conditions(pod, place.now, ready=False, reason="PodFailed"),
    }


# How a pod may fail instead of starting, by the words of `kubectl get pods`.
FAILURES: Mapping[str, Callable[[KubeObject, Place], KubeObject]] = {
    "ErrImagePull": _waiting("ErrImagePull", 'failed to pull image "{image}"'),
    "ImagePullBackOff": _waiting("ImagePullBackOff", 'Back-off pulling image "{image}"'),
    "CreateContainerConfigError": _waiting("CreateContainerConfigError", "the configuration cannot be read"),
    "CrashLoopBackOff": _crash_loop,
    "Unready": _unready,
    "Evicted": _evicted,
}


def _placed(pod: KubeObject, place: Place) -> KubeObject:
    held = pod.get("status") or {}
    inits = [
        {
            **_bare(each),
            "ready": True,
            "started": False,
            "state": {
                "terminated": {
                    "exitCode": 0,
                    "reason": "Completed",
                    "startedAt": timestamp(place.now),
                    "finishedAt": timestamp(place.now),
                }
            },
        }
        for each in pod["spec"].get("initContainers") or ()
    ]
    pod_ip = place.host_ip if pod["spec"].get("hostNetwork") else place.pod_ip
    placed = {
        **held,
        "observedGeneration": metadata(pod).get("generation", 0),
        "startTime": held.get("startTime") or timestamp(place.now),
        "hostIP": place.host_ip,
        "hostIPs": [{"ip": place.host_ip}],
        "podIP": pod_ip,
        "podIPs": [{"ip": pod_ip}],
    }
    return {**placed, "initContainerStatuses": inits} if inits else placed


def _containers(pod: KubeObject, status: Callable[[KubeObject], KubeObject]) -> list[KubeObject]:
    return [{**status(each), **_identified(pod, each, status(each))} for each in pod["spec"]["containers"]]


def _identified(pod: KubeObject, container: KubeObject, status: KubeObject) -> KubeObject:
    """A container that has run has an id."""
    has_run = "waiting" not in status["state"] or "lastState" in status
    return {"containerID": f"fakekube://{uid_of(pod)}/{container['name']}"} if has_run else {}


def _bare(container: KubeObject) -> KubeObject:
    image = container.get("image", "")
    return {"name": container["name"], "image": image, "imageID": image, "ready": False, "restartCount": 0}


def _running(container: KubeObject, now: float, *, ready: bool) -> KubeObject:
    return {
        **_bare(container),
        "ready": ready,
        "started": True,
        "state": {"running": {"startedAt": timestamp(now)}},
    }


def _conditions(pod: KubeObject, now: float, *, ready: bool, reason: str = "") -> list[KubeObject]:
    """The kubelet's five, in its order, and all others behind. One that stays as it is keeps its time."""
    unready = reason or "ContainersNotReady"
    names = [each["name"] for each in pod["spec"]["containers"]]
    why = (
        {}
        if ready
        else {"reason": unready}
        | ({} if reason else {"message": f"containers with unready status: [{' '.join(names)}]"})
    )
    ended = {"reason": reason} if reason == "PodCompleted" else {}
    told: Mapping[str, tuple[bool, KubeObject]] = {
        "PodReadyToStartContainers": (not reason, {}),
        "Initialized": (True, ended),
        "Ready": (ready, why),
        "ContainersReady": (ready, why),
        "PodScheduled": (True, {}),
    }
    before = conditions_of(pod)
    generation = metadata(pod).get("generation", 0)
    ours = [_condition(before, kind, *told[kind], generation, now) for kind in _ORDER]
    return [*ours, *(each for each in before if each["type"] not in _ORDER)]


def _condition(
    before: list[KubeObject], kind: str, holds: bool, why: KubeObject, generation: int, now: float
) -> KubeObject:
    held = find(before, kind)
    same = held is not None and held["status"] == str(holds)
    changed = held["lastTransitionTime"] if held is not None and same else timestamp(now)
    return {"type": kind, "observedGeneration": generation, "status": str(holds), "lastTransitionTime": changed, **why}


def _ended(pod: KubeObject, place: Place, phase: str, code: int, reason: str) -> KubeObject:
    held = pod.get("status") or {}
    end = {
        "exitCode": code,
        "reason": "Completed" if code == 0 else "Error",
        "startedAt": held.get("startTime") or timestamp(place.now),
        "finishedAt": timestamp(place.now),
    }

    def status(container: KubeObject) -> KubeObject:
        return {**_bare(container), "started": False, "state": {"terminated": end}}

    return {
        **_placed(pod, place),
        "phase": phase,
        "conditions": _conditions(pod, place.now, ready=False, reason=reason),
        "containerStatuses": _containers(pod, status),
    }
