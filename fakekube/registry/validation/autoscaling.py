"""Horizontal pod autoscalers. Source: pkg/apis/autoscaling/validation of Kubernetes 1.37, and recorded answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fakekube.meta.objects import KubeObject
from fakekube.registry.quantity import parse_quantity
from fakekube.registry.validation.amounts import container_resource, not_negative
from fakekube.registry.validation.causes import Causes, all_invalid, forbidden, invalid, required, unsupported
from fakekube.registry.validation.counts import counts
from fakekube.registry.validation.kind import Kind, in_all
from fakekube.registry.validation.names import dns_label, path_segment

_WINDOW_MAX_S = 3600
_PERIOD_MAX_S = 1800
# The type of a metric, and the member that describes it, in the order in which they are looked at.
_SOURCES = {
    "Object": "object",
    "External": "external",
    "Pods": "pods",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}
_TARGET_TYPES = ("Utilization", "Value", "AverageValue")


def _autoscaler(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    least, most = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if least is not None and most < least:
        yield invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    yield from _reference(spec.get("scaleTargetRef") or {}, "spec.scaleTargetRef")
    yield from _metrics(spec.get("metrics") or [], least)
    yield from _behavior(spec.get("behavior") or {}, "spec.behavior")
    if least is not None and least < 0:
        yield invalid("spec.minReplicas", least, "must be greater than or equal to 0")
    if most == 0:
        yield required("spec.maxReplicas")
    elif most < 0:
        yield invalid("spec.maxReplicas", most, "must be greater than or equal to 1")


def _reference(reference: KubeObject, path: str) -> Causes:
    for member in ("kind", "name"):
        value = reference.get(member) or ""
        if value:
            yield from all_invalid(f"{path}.{member}", value, path_segment(value))
        else:
            yield required(f"{path}.{member}")
    version = reference.get("apiVersion") or ""
    if version.count("/") > 1:
        yield invalid(f"{path}.apiVersion", version, f"unexpected GroupVersion string: {version}")
    elif "/" not in version:
        yield invalid(f"{path}.apiVersion", version, "apiVersion must specify API group")


def _metrics(metrics: Sequence[KubeObject], least: int | None) -> Causes:
    for index, metric in enumerate(metrics):
        yield from _metric(metric, f"spec.metrics[{index}]")
    if least == 0 and not any(metric.get("type") in ("Object", "External") for metric in metrics):
        detail = "must specify at least one Object or External metric to support scaling to zero replicas"
        yield forbidden("spec.metrics", detail)


def _metric(metric: KubeObject, path: str) -> Causes:
    kind = metric.get("type") or ""
    if not kind:
        yield required(f"{path}.type", "must specify a metric source type")
    if kind not in _SOURCES:
        yield unsupported(f"{path}.type", kind, sorted(_SOURCES))
    present = [member for member in _SOURCES.values() if metric.get(member) is not None]
    for member in present[:1]:
        yield from _SOURCE_RULES[member](metric[member], f"{path}.{member}")
    expected = _SOURCES.get(kind)
    if expected is not None and expected not in present:
        yield required(f"{path}.{expected}", "must populate information for the given metric source")
    for member in sorted(present) if len(present) != 1 else ():
        if member != expected:
            yield forbidden(f"{path}.{member}", "must populate the given metric source only")


def _object(source: KubeObject, path: str) -> Causes:
    described = source.get("describedObject") or {}
    for member in ("kind", "name"):
        value = described.get(member) or ""
        if value:
            yield from all_invalid(f"{path}.describedObject.{member}", value, path_segment(value))
        else:
            yield required(f"{path}.describedObject.{member}")
    yield from _identified(source, path)
    target = source.get("target") or {}
    if target.get("value") is None and target.get("averageValue") is None:
        yield required(f"{path}.target.averageValue", "must set either a target value or averageValue")


def _external(source: KubeObject, path: str) -> Causes:
    yield from _identified(source, path)
    target = source.get("target") or {}
    has_value, has_average = target.get("value") is not None, target.get("averageValue") is not None
    if not has_value and not has_average:
        detail = "must set either a target value for metric or a per-pod target"
        yield required(f"{path}.target.averageValue", detail)
    if has_value and has_average:
        yield forbidden(f"{path}.target.value", "may not set both a target value for metric and a per-pod target")


def _pods(source: KubeObject, path: str) -> Causes:
    yield from _identified(source, path)
    if (source.get("target") or {}).get("averageValue") is None:
        yield required(f"{path}.target.averageValue", "must specify a positive target averageValue")


def _resource(source: KubeObject, path: str) -> Causes:
    if not source.get("name"):
        yield required(f"{path}.name", "must specify a resource name")
    yield from _utilization(source, path)


def _container_resource(source: KubeObject, path: str) -> Causes:
    name, container = source.get("name") or "", source.get("container") or ""
    if name:
        yield from container_resource(name, f"{path}.name")
    else:
        yield required(f"{path}.name", "must specify a resource name")
    if container:
        yield from all_invalid(f"{path}.container", container, dns_label(container))
    else:
        yield required(f"{path}.container", "must specify a container")
    yield from _utilization(source, path)


_SOURCE_RULES: Mapping[str, Callable[[KubeObject, str], Causes]] = {
    "object": _object,
    "external": _external,
    "pods": _pods,
    "resource": _resource,
    "containerResource": _container_resource,
}


def _utilization(source: KubeObject, path: str) -> Causes:
    target = source.get("target") or {}
    yield from _target(target, f"{path}.target")
    has_share, has_value = target.get("averageUtilization") is not None, target.get("averageValue") is not None
    if not has_share and not has_value:
        detail = "must set either a target raw value or a target utilization"
        yield required(f"{path}.target.averageUtilization", detail)
    if has_share and has_value:
        detail = "may not set both a target raw value and a target utilization"
        yield forbidden(f"{path}.target.averageValue", detail)


def _identified(source: KubeObject, path: str) -> Causes:
    name = (source.get("metric") or {}).get("name") or ""
    if name:
        yield from all_invalid(f"{path}.metric.name", name, path_segment(name))
    else:
        yield required(f"{path}.metric.name", "must specify a metric name")
    yield from _target(source.get("target") or {}, f"{path}.target")


def _target(target: KubeObject, path: str) -> Causes:
    kind = target.get("type") or ""
    if not kind:
        yield required(f"{path}.type", "must specify a metric target type")
    if kind not in _TARGET_TYPES:
        yield invalid(f"{path}.type", kind, "must be either Utilization, Value, or AverageValue")
    for member in ("value", "averageValue"):
        text = target.get(member)
        if text is not None and parse_quantity(str(text)).value <= 0:
            yield invalid(f"{path}.{member}", text, "must be positive")
    share = target.get("averageUtilization")
    if share is not None and share < 1:
        yield invalid(f"{path}.averageUtilization", share, "must be greater than 0")


def _behavior(behavior: KubeObject, path: str) -> Causes:
    for member in ("scaleUp", "scaleDown"):
        if behavior.get(member) is not None:
            yield from _scaling(behavior[member], f"{path}.{member}")


def _scaling(rules: KubeObject, path: str) -> Causes:
    window, choice = rules.get("stabilizationWindowSeconds") or 0, rules.get("selectPolicy")
    if window < 0:
        yield invalid(f"{path}.stabilizationWindowSeconds", window, "must be greater than or equal to zero")
    if window > _WINDOW_MAX_S:
        yield invalid(f"{path}.stabilizationWindowSeconds", window, f"must be less than or equal to {_WINDOW_MAX_S}")
    if choice is not None and choice not in ("Disabled", "Max", "Min"):
        yield unsupported(f"{path}.selectPolicy", choice, ("Disabled", "Max", "Min"))
    if not rules.get("policies"):
        yield required(f"{path}.policies", "must specify at least one Policy")
    yield from in_all(rules.get("policies"), f"{path}.policies", _policy)
    if rules.get("tolerance") is not None:
        yield from not_negative(parse_quantity(str(rules["tolerance"])), f"{path}.tolerance")


def _policy(policy: KubeObject, path: str) -> Causes:
    kind, period = policy.get("type") or "", policy.get("periodSeconds") or 0
    if kind not in ("Percent", "Pods"):
        yield unsupported(f"{path}.type", kind, ("Percent", "Pods"))
    if (policy.get("value") or 0) <= 0:
        yield invalid(f"{path}.value", policy.get("value") or 0, "must be greater than zero")
    if period <= 0:
        yield invalid(f"{path}.periodSeconds", period, "must be greater than zero")
    if period > _PERIOD_MAX_S:
        yield invalid(f"{path}.periodSeconds", period, f"must be less than or equal to {_PERIOD_MAX_S}")


def _status(obj: KubeObject, held: KubeObject) -> Causes:
    yield from counts(obj.get("status") or {}, "status", ("currentReplicas", "desiredReplicas"))


def _old_autoscaler(obj: KubeObject) -> Causes:
    """autoscaling/v1: its one target is a metric of the other version."""
    spec = dict(obj.get("spec") or {})
    share = spec.pop("targetCPUUtilizationPercentage", None)
    if share is not None:
        target = {"type": "Utilization", "averageUtilization": share}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    yield from _autoscaler({**obj, "spec": spec})


AUTOSCALING: Mapping[str, Kind] = {
    "autoscaling/v2/horizontalpodautoscalers": Kind(create=_autoscaler, status=_status),
    "autoscaling/v1/horizontalpodautoscalers": Kind(create=_old_autoscaler, status=_status),
}
