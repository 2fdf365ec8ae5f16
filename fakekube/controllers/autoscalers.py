"""HorizontalPodAutoscalers where no metrics are served: sizes are kept within their bounds, and their status says why no more is done.

Source: pkg/controller/podautoscaler of Kubernetes 1.37, and answers of kube-controller-manager 1.37.2. There a target is
looked at every fifteen seconds; here within fifteen seconds of a write to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fakekube.controllers.cluster import Cluster
from fakekube.controllers.conditions import condition, conditions_of, find
from fakekube.controllers.controller import Controller
from fakekube.controllers.events import Recorder
from fakekube.meta.objects import GroupVersionKind, KubeObject, group_of, name_of, namespace_of
from fakekube.registry.metadata import timestamp
from fakekube.registry.strategies import served
from fakekube.storage.items import Event

AUTOSCALERS = "horizontalpodautoscalers.autoscaling"
PERIOD_S = 15.0
# Workloads with a size, by their resource.
_SCALABLE = frozenset(["deployments.apps", "replicasets.apps", "statefulsets.apps", "replicationcontrollers"])
_NO_RESOURCE_METRICS = (
    "unable to get metrics for resource {name}: unable to fetch metrics from resource metrics API: "
    "the server could not find the requested resource (get pods.metrics.k8s.io)"
)
_NO_CUSTOM_METRICS = (
    "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
)
_CPU: KubeObject = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Why a metric cannot be had: the reason and message of its event, and how the sum of all metrics tells it."""

    reason: str
    message: str
    summed: str


@dataclass(frozen=True, slots=True)
class Target:
    """What is scaled; or, without an object, why there is nothing to scale."""

    resource: str = ""
    obj: KubeObject | None = None
    fault: str = ""


class Autoscalers(Controller):
    """Hears of autoscalers, and of what they scale."""

    resource = AUTOSCALERS

    def __init__(self, cluster: Cluster, recorder: Recorder) -> None:
        super().__init__(cluster)
        self._recorder = recorder

    def hear(self, event: Event) -> None:
        """Of its own writes to the status it has nothing to learn."""
        before = event.previous.obj if event.previous is not None else {}
        if event.type != "MODIFIED" or before.get("spec") != event.item.obj.get("spec"):
            super().hear(event)

    def listen(self) -> None:
        for resource in sorted(_SCALABLE):
            self.cluster.listen(resource, self._hear_target)

    def _hear_target(self, event: Event) -> None:
        if AUTOSCALERS not in self.cluster.site.store.used_resources():
            return
        obj, before = event.item.obj, event.previous.obj if event.previous is not None else None
        if (
            before is not None
            and event.type == "MODIFIED"
            and before["spec"].get("replicas") == obj["spec"].get("replicas")
        ):
            return
        for each in self.cluster.list(AUTOSCALERS, event.item.namespace):
            reference = each["spec"]["scaleTargetRef"]
            if (reference["kind"], reference["name"]) == (obj["kind"], name_of(obj)):
                self.plan(namespace_of(each), name_of(each), PERIOD_S)

    def sync(self, namespace: str, name: str) -> None:
        scaler = self.cluster.get(AUTOSCALERS, namespace, name)
        if scaler is None:
            return
        target = self._target(scaler)
        if target.obj is None:
            self._recorder.record(scaler, "Warning", "FailedGetScale", target.fault)
            told = f"the HPA controller was unable to get the target's current scale: {target.fault}"
            self._write(scaler, {}, ("AbleToScale", "False", "FailedGetScale", told))
            return
        current = int(target.obj["spec"].get("replicas", 0))
        spec = scaler["spec"]
        least, most = int(spec.get("minReplicas", 1)), int(spec["maxReplicas"])
        if current == 0:
            told = "scaling is disabled since the replica count of the target is zero"
            self._write(scaler, self._sizes(scaler, 0, 0), _CAN, ("ScalingActive", "False", "ScalingDisabled", told))
        elif current > most:
            self._rescale(scaler, target, current, most, "Current number of replicas above Spec.MaxReplicas")
        elif current < least:
            self._rescale(scaler, target, current, least, "Current number of replicas below Spec.MinReplicas")
        else:
            self._tell_missing(scaler, current)

    def _target(self, scaler: KubeObject) -> Target:
        reference = scaler["spec"]["scaleTargetRef"]
        group, version = group_of(reference.get("apiVersion", ""))
        found = self.cluster.site.catalog.of_kind(GroupVersionKind(group, version, reference["kind"]))
        if found is None:
            return Target(fault=f'no matches for kind "{reference["kind"]}" in group "{group}"')
        key = served(found).key
        if key not in _SCALABLE:
            return Target(fault="the server could not find the requested resource")
        obj = self.cluster.get(key, namespace_of(scaler), reference["name"])
        return Target(key, obj, f'{key} "{reference["name"]}" not found')

    def _sizes(self, scaler: KubeObject, current: int, desired: int) -> KubeObject:
        generation = scaler["metadata"].get("generation")
        seen = {"observedGeneration": generation} if generation is not None else {}
        return {**seen, "currentReplicas": current, "desiredReplicas": desired, "currentMetrics": None}

    def _rescale(self, scaler: KubeObject, target: Target, current: int, desired: int, why: str) -> None:
        assert target.obj is not None  # asked before
        self.cluster.update(
            target.resource, target.obj, lambda live: {**live, "spec": {**live["spec"], "replicas": desired}}
        )
        self._recorder.record(scaler, "Normal", "SuccessfulRescale", f"New size: {desired}; reason: {why}")
        told = f"the HPA controller was able to update the target scale to {desired}"
        kept = "the HPA controller did not scale the workload to zero"
        status = {**self._sizes(scaler, current, desired), "lastScaleTime": timestamp(self.cluster.now())}
        rescaled = ("AbleToScale", "True", "SucceededRescale", told)
        self._write(scaler, status, rescaled, ("ScaledToZero", "False", "NotScaledToZero", kept))

    def _tell_missing(self, scaler: KubeObject, current: int) -> None:
        """No metric can be had: one event each, and the first in the condition."""
        metrics = scaler["spec"].get("metrics") or [_CPU]
        missing = [_MISSING[each["type"]](each, namespace_of(scaler)) for each in metrics]
        for each in missing:
            self._recorder.record(scaler, "Warning", each.reason, each.message)
        count = f"invalid metrics ({len(missing)} invalid out of {len(missing)}), first error is: {missing[0].summed}"
        self._recorder.record(scaler, "Warning", "FailedComputeMetricsReplicas", count)
        told = f"the HPA was unable to compute the replica count: {missing[0].message}"
        held = scaler.get("status") or {}
        desired = int(held.get("desiredReplicas", 0))
        status = {**self._sizes(scaler, current, desired), "currentMetrics": [{"type": ""} for _ in missing]}
        self._write(scaler, status, _CAN, ("ScalingActive", "False", missing[0].reason, told))

    def _write(self, scaler: KubeObject, status: KubeObject, *told: tuple[str, str, str, str]) -> None:
        """`told` are conditions: type, status, reason, message. Others stay, and so do the times of those that are as they were."""
        conditions = list(conditions_of(scaler))
        for kind, state, reason, message in told:
            made = condition(kind, state, reason, message, self.cluster.now())
            held = find(conditions, kind)
            if held is not None and held["status"] == state:
                made["lastTransitionTime"] = held["lastTransitionTime"]
            conditions = (
                [made if each is held else each for each in conditions] if held is not None else [*conditions, made]
            )
        self.cluster.update_status(
            AUTOSCALERS, scaler, {**(scaler.get("status") or {}), **status, "conditions": conditions}
        )


_CAN = (
    "AbleToScale",
    "True",
    "SucceededGetScale",
    "the HPA controller was able to get the target's current scale",
)


def _of_resource(metric: KubeObject, namespace: str) -> Missing:
    found = metric["resource"]
    message = _resource_message(found)
    summed = f"failed to get {found['name']} resource metric value: {message}"
    return Missing(reason="FailedGetResourceMetric", message=message, summed=summed)


def _of_container(metric: KubeObject, namespace: str) -> Missing:
    found = metric["containerResource"]
    message = _resource_message(found)
    summed = f"failed to get {found['container']} container metric value: {message}"
    return Missing(reason="FailedGetContainerResourceMetric", message=message, summed=summed)


def _resource_message(found: KubeObject) -> str:
    what = "utilization" if found["target"].get("averageUtilization") is not None else "usage"
    return f"failed to get {found['name']} {what}: {_NO_RESOURCE_METRICS.format(name=found['name'])}"


def _of_pods(metric: KubeObject, namespace: str) -> Missing:
    message = f"unable to get metric {metric['pods']['metric']['name']}: {_NO_CUSTOM_METRICS}"
    return Missing(reason="FailedGetPodsMetric", message=message, summed=f"failed to get pods metric value: {message}")


def _of_object(metric: KubeObject, namespace: str) -> Missing:
    found = metric["object"]
    name, about = found["metric"]["name"], found["describedObject"]
    message = f"unable to get metric {name} on {about['kind']} {namespace}/{about['name']}: {_NO_CUSTOM_METRICS}"
    averaged = found["target"].get("averageValue") is not None
    more = f"failed to get {name} object metric: " if averaged else ""
    summed = f"failed to get object metric value: {more}{message}"
    return Missing(reason="FailedGetObjectMetric", message=message, summed=summed)


def _of_external(metric: KubeObject, namespace: str) -> Missing:
    found = metric["external"]
    name = found["metric"]["name"]
    message = (
        f"unable to get external metric {namespace}/{name}/{_selector(found['metric'])}: unable to fetch metrics from "
        f"external metrics API: the server could not find the requested resource (get {name}.external.metrics.k8s.io)"
    )
    averaged = found["target"].get("averageValue") is not None
    what = f"{name} external metric" if averaged else f"external metric {name}"
    summed = f"failed to get {name} external metric value: failed to get {what}: {message}"
    return Missing(reason="FailedGetExternalMetric", message=message, summed=summed)


def _selector(metric: KubeObject) -> str:
    """A label selector as Go prints it."""
    selector = metric.get("selector")
    if selector is None:
        return "nil"
    labels = "".join(f"{key}: {value}," for key, value in sorted((selector.get("matchLabels") or {}).items()))
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{}},}}"
    )


_MISSING: Mapping[str, Callable[[KubeObject, str], Missing]] = {
    "Resource": _of_resource,
    "ContainerResource": _of_container,
    "Pods": _of_pods,
    "Object": _of_object,
    "External": _of_external,
}
