"""Takes pods through their stages: waits as long as each one says, then writes what a scheduler or a kubelet would."""

from __future__ import annotations

import re
from functools import partial

from fakekube.controllers.cluster import Cluster
from fakekube.controllers.commands import end_of
from fakekube.controllers.events import Recorder
from fakekube.controllers.nodes import KUBELET, NODES, address_of
from fakekube.controllers.pod_moves import (
    FAILURES,
    Place,
    exit_with,
    lacks_ephemeral,
    ready,
    run,
    run_ready,
    with_ephemeral,
)
from fakekube.controllers.pods import PODS, node_of
from fakekube.controllers.scheduler import Scheduler
from fakekube.controllers.stages import DELAYS, FAILS, Stage, Stages, delays_of
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject, metadata, name_of, namespace_of, uid_of
from fakekube.registry.metadata import finalizers_of
from fakekube.storage.items import Event

_EXIT = re.compile(r"exit ([0-9]{1,3})")
UNSCHEDULABLE = "Unschedulable"
# A probe takes its time.
_PROBE_S = 0.1


class Kubelet:
    """One timer a pod: the due time of its next stage. A pod that nothing moves has none."""

    def __init__(self, cluster: Cluster, stages: Stages, recorder: Recorder, scheduled: Recorder) -> None:
        self._cluster = cluster
        self._stages = stages
        self._recorder = recorder
        self._scheduler = Scheduler(cluster, scheduled, self._retry)
        # The stage that each pod, by its uid, waits for.
        self._awaited: dict[str, str] = {}
        self._addresses = 0

    def start(self) -> None:
        self._scheduler.start()
        self._cluster.listen(PODS, self._hear)
        self._look_at_all()

    def resync(self) -> None:
        self._scheduler.resync()
        self._awaited.clear()
        self._look_at_all()

    def _look_at_all(self) -> None:
        if PODS not in self._cluster.site.store.used_resources():
            return
        pods = self._cluster.list(PODS)
        # addresses go on behind those that are taken
        self._addresses = max(map(_number_of_address, pods), default=0)
        for pod in pods:
            self._plan(pod)

    def _hear(self, event: Event) -> None:
        if event.type == "DELETED":
            self._awaited.pop(uid_of(event.item.obj), None)
        else:
            self._plan(event.item.obj)

    def _retry(self, namespace: str, name: str) -> None:
        pod = self._cluster.get(PODS, namespace, name)
        if pod is not None:
            self._awaited.pop(uid_of(pod), None)
            self._plan(pod)

    def _plan(self, pod: KubeObject) -> None:
        if self._stages.stages and lacks_ephemeral(pod):
            place = namespace_of(pod), name_of(pod)
            key = f"ephemeral {uid_of(pod)}"
            self._cluster.site.schedule.at(self._cluster.now(), key, lambda: self._start_ephemeral(place))
        stage = self._stages.next(pod)
        uid = uid_of(pod)
        if stage is None:
            self._awaited.pop(uid, None)
            return
        if self._awaited.get(uid) == stage.name:
            return
        self._awaited[uid] = stage.name
        due = self._cluster.now() + self._delay_s(stage, pod)
        place = namespace_of(pod), name_of(pod)
        key = f"{stage.name} {uid}"
        self._cluster.site.schedule.at(due, key, lambda: self._reach(stage, uid, place))

    def _delay_s(self, stage: Stage, pod: KubeObject) -> float:
        """The stage's own delay, or the pod's; a readiness probe's first delay counts, what a command sleeps, and the
        time that a deletion gives."""
        drawn = self._cluster.site.rng.uniform(0.0, stage.jitter_s) if stage.jitter_s else 0.0
        asked = self._asked(pod)
        delay_s = asked.get(stage.name, stage.delay_s + drawn)
        if stage.move == "succeed" and stage.name not in asked:
            end = end_of(pod)
            return delay_s if end is None else max(delay_s, end.after_s)
        if stage.move == "ready":
            return max(delay_s, _first_probe_s(pod))
        if stage.move == "remove":
            return min(max(delay_s, _last_sleep_s(pod)), float(metadata(pod)["deletionGracePeriodSeconds"]))
        return delay_s

    def _asked(self, pod: KubeObject) -> dict[str, float]:
        try:
            return dict(delays_of(pod))
        except ValueError as error:
            self._say_later(pod, f"{DELAYS}: {error}")
            return {}

    def _say_later(self, pod: KubeObject, why: str) -> None:
        """From inside a write nothing is written: the event waits its turn."""
        tell = partial(self._recorder.record, pod, "Warning", "InvalidAnnotation", why)
        self._cluster.site.schedule.at(self._cluster.now(), f"complaint {uid_of(pod)}", tell)

    def _reach(self, stage: Stage, uid: str, place: tuple[str, str]) -> None:
        """The stage's time has come: unless the pod is another one, or stands elsewhere by now."""
        pod = self._cluster.get(PODS, *place)
        if pod is None or uid_of(pod) != uid or self._awaited.get(uid) != stage.name:
            return
        if self._stages.next(pod) != stage:
            return
        try:
            self._move(stage, pod)
        except StatusError as refused:
            self._recorder.record(pod, "Warning", "FailedStage", f"{stage.name}: {refused.message}")

    def _move(self, stage: Stage, pod: KubeObject) -> None:
        failure = self._stages.failure_of(pod)
        match stage.move:
            case "bind":
                self._scheduler.place(pod, failure if failure == UNSCHEDULABLE else "")
            case "run":
                self._start(pod, failure)
            case "ready":
                self._become_ready(pod, failure)
            case "succeed":
                end = end_of(pod)
                self._write(pod, exit_with(pod, self._place(pod), end.code if end is not None else 0))
            case "remove":
                self._remove(pod)

    def _start_ephemeral(self, place: tuple[str, str]) -> None:
        pod = self._cluster.get(PODS, *place)
        if pod is not None and lacks_ephemeral(pod):
            self._write(pod, with_ephemeral(pod, self._place(pod)))

    def _start(self, pod: KubeObject, failure: str) -> None:
        move = FAILURES.get(failure, run)
        place = self._place(pod)
        if not failure and self._is_ready_at_once(pod, place):
            move = run_ready
        if failure and failure not in FAILURES and failure != UNSCHEDULABLE and not _EXIT.fullmatch(failure):
            known = ", ".join([*sorted(FAILURES), UNSCHEDULABLE, "exit N"])
            self._recorder.record(pod, "Warning", "InvalidAnnotation", f"{FAILS}: {failure!r} is none of {known}")
        self._write(pod, move(pod, place))
        if move in (run, run_ready):
            self._recorder.record(pod, "Normal", "Started", "Container started")

    def _is_ready_at_once(self, pod: KubeObject, place: Place) -> bool:
        """Whether nothing delays its readiness: a kubelet tells both in one write then."""
        stage = self._stages.next({**pod, "status": run(pod, place)})
        return stage is not None and stage.move == "ready" and self._delay_s(stage, pod) <= 0

    def _become_ready(self, pod: KubeObject, failure: str) -> None:
        """Or end at once, with the exit code that was asked for."""
        code = _EXIT.fullmatch(failure)
        move = ready(pod, self._place(pod)) if code is None else exit_with(pod, self._place(pod), int(code[1]))
        self._write(pod, move)

    def _remove(self, pod: KubeObject) -> None:
        """Its containers have stopped. Whoever holds it by a finalizer sees how it ended."""
        if finalizers_of(pod):
            self._write(pod, {**(pod.get("status") or {}), "phase": "Failed"})
        self._cluster.delete(PODS, pod, grace_period_s=0)

    def _write(self, pod: KubeObject, status: KubeObject) -> None:
        self._cluster.update_status(PODS, pod, status, manager=KUBELET)

    def _place(self, pod: KubeObject) -> Place:
        node = self._cluster.get(NODES, "", node_of(pod))
        held = (pod.get("status") or {}).get("podIP")
        return Place(now=self._cluster.now(), host_ip=address_of(node), pod_ip=held or self._address())

    def _address(self) -> str:
        """The next of 10.244.0.0/16."""
        self._addresses = self._addresses % 65000 + 1
        return f"10.244.{self._addresses // 254}.{self._addresses % 254 + 1}"


def _number_of_address(pod: KubeObject) -> int:
    """Which address of ours the pod has; 0 for none."""
    parts = str((pod.get("status") or {}).get("podIP", "")).split(".")
    return (int(parts[2]) * 254 + int(parts[3]) - 1) if parts[:2] == ["10", "244"] else 0


def _last_sleep_s(pod: KubeObject) -> float:
    """How long its containers sleep before they are stopped."""
    hooks = ((each.get("lifecycle") or {}).get("preStop") or {} for each in pod["spec"]["containers"])
    return max((float((each.get("sleep") or {}).get("seconds", 0)) for each in hooks), default=0.0)


def _first_probe_s(pod: KubeObject) -> float:
    """When its containers are first asked whether they are ready; those without a probe are so from the start."""
    probes = [each["readinessProbe"] for each in pod["spec"]["containers"] if each.get("readinessProbe")]
    return max((max(float(each.get("initialDelaySeconds", 0)), _PROBE_S) for each in probes), default=0.0)
