"""Resources with more than one form: stored in one version, served in another. Kinds of one version pass untouched.

Source: pkg/apis/{core,events,autoscaling}/v1/conversion.go of Kubernetes 1.37.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fakekube.meta.objects import GroupVersionKind, KubeObject, metadata
from fakekube.registry.canonical import canonicalize
from fakekube.registry.crd.conversion import Undecodable
from fakekube.registry.metadata import with_metadata
from fakekube.registry.strategies import Served
from fakekube.storage.items import Item, encode_json

Convert = Callable[[KubeObject], KubeObject]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A served form and its way from and to the stored one."""

    stored: GroupVersionKind
    from_stored: Convert
    to_stored: Convert


def as_served(served: Served, obj: KubeObject, form: object = None) -> KubeObject:
    """A stored object in the form that is served. `form` marks what a custom resource was made to fit when written."""
    custom = served.type.custom
    if custom is not None:
        return custom.from_stored(obj, form)
    version = _VERSIONS.get(served.type.gvk)
    if version is None:
        return obj
    return canonicalize(_typed(version.from_stored(obj), served.type.gvk), served.type.gvk).object


def as_stored(served: Served, obj: KubeObject) -> KubeObject:
    """A served object in the form that is stored."""
    custom = served.type.custom
    if custom is not None:
        return custom.to_stored(obj)
    version = _VERSIONS.get(served.type.gvk)
    if version is None:
        return obj
    return canonicalize(_typed(version.to_stored(obj), version.stored), version.stored).object


def require_servable(served: Served, stored: KubeObject) -> None:
    """See to it, before it is stored, that what is stored can be shown: a webhook that converts it is asked now."""
    custom = served.type.custom
    if custom is not None and custom.conversion is not None:
        custom.from_stored(stored, custom.form)


def form_of(served: Served) -> object:
    """What marks a custom resource as stored in today's form: it need not be brought into it again."""
    custom = served.type.custom
    return custom.form if custom is not None else None


def has_forms(served: Served) -> bool:
    """Whether what is served may not be what is stored."""
    return served.type.custom is not None or served.type.gvk in _VERSIONS


def shown(served: Served, item: Item) -> Item:
    """The stored item as it is served, bytes included. Undecodable when a webhook does not convert it."""
    if not has_forms(served):
        return item
    try:
        obj = as_served(served, item.obj, item.form)
    except Undecodable as error:
        error.message = f"object not decodable revision={item.revision}: {error.message}"
        raise
    if obj is item.obj:
        return item
    return Item(item.namespace, item.name, item.revision, obj, encode_json(obj))


def _typed(obj: KubeObject, kind: GroupVersionKind) -> KubeObject:
    return {**obj, "kind": kind.kind, "apiVersion": kind.api_version}


# An Event of events.k8s.io and one of the core group are the same object under other names.
_EVENT_NAMES: Mapping[str, str] = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}


def _renaming(names: Mapping[str, str]) -> Convert:
    return lambda obj: {names.get(member, member): value for member, value in obj.items()}


# What autoscaling/v1 has no field for travels in annotations.
_METRICS = "autoscaling.alpha.kubernetes.io/metrics"
_CURRENT_METRICS = "autoscaling.alpha.kubernetes.io/current-metrics"
_CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
_BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"


def _is_cpu(metric: KubeObject, value_of: str) -> bool:
    resource = metric.get("resource") or {}
    return resource.get("name") == "cpu" and "averageUtilization" in (resource.get(value_of) or {})


def _split_cpu(metrics: list[KubeObject], value_of: str) -> tuple[int | None, list[KubeObject]]:
    """The utilization of the first CPU metric, and all the other metrics."""
    for index, metric in enumerate(metrics):
        if _is_cpu(metric, value_of):
            rest = metrics[:index] + metrics[index + 1 :]
            return metric["resource"][value_of]["averageUtilization"], rest
    return None, metrics


def _to_v1(obj: KubeObject) -> KubeObject:
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    wanted, metrics = _split_cpu(spec.pop("metrics", None) or [], "target")
    current, current_metrics = _split_cpu(status.pop("currentMetrics", None) or [], "current")
    if wanted is not None:
        spec["targetCPUUtilizationPercentage"] = wanted
    if current is not None:
        status["currentCPUUtilizationPercentage"] = current
    carried = {
        _METRICS: metrics,
        _CURRENT_METRICS: current_metrics,
        _CONDITIONS: status.pop("conditions", None),
        _BEHAVIOR: spec.pop("behavior", None),
    }
    notes = {name: json.dumps(value, separators=(",", ":")) for name, value in carried.items() if value}
    return _annotated({**obj, "spec": spec, "status": status}, notes)


def _from_v1(obj: KubeObject) -> KubeObject:
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    notes = dict(metadata(obj).get("annotations") or {})
    wanted, current = (
        spec.pop("targetCPUUtilizationPercentage", None),
        status.pop("currentCPUUtilizationPercentage", None),
    )
    metrics = [*_cpu("target", wanted, type="Utilization"), *_noted(notes, _METRICS)]
    current_metrics = [*_cpu("current", current), *_noted(notes, _CURRENT_METRICS)]
    for members, name, value in (
        (spec, "metrics", metrics),
        (spec, "behavior", _noted(notes, _BEHAVIOR)),
        (status, "currentMetrics", current_metrics),
        (status, "conditions", _noted(notes, _CONDITIONS)),
    ):
        if value:
            members[name] = value
    return with_metadata({**obj, "spec": spec, "status": status}, annotations=notes)


def _cpu(value_of: str, utilization: int | None, **more: str) -> list[KubeObject]:
    if utilization is None:
        return []
    value: KubeObject = {**more, "averageUtilization": utilization}
    if value_of == "current":
        value["averageValue"] = "0"
    return [{"type": "Resource", "resource": {"name": "cpu", value_of: value}}]


def _noted(notes: dict[str, str], name: str) -> Any:
    """The value under an annotation, which is taken away; what is no JSON counts as nothing."""
    try:
        return json.loads(notes.pop(name, "[]"))
    except ValueError:
        return []


def _annotated(obj: KubeObject, notes: Mapping[str, str]) -> KubeObject:
    return with_metadata(obj, annotations={**(metadata(obj).get("annotations") or {}), **notes}) if notes else obj


_HPA = "HorizontalPodAutoscaler"
_VERSIONS: Mapping[GroupVersionKind, Version] = {
    GroupVersionKind("events.k8s.io", "v1", "Event"): Version(
        stored=GroupVersionKind("", "v1", "Event"),
        from_stored=_renaming({stored: name for name, stored in _EVENT_NAMES.items()}),
        to_stored=_renaming(_EVENT_NAMES),
    ),
    GroupVersionKind("autoscaling", "v1", _HPA): Version(
        stored=GroupVersionKind("autoscaling", "v2", _HPA), from_stored=_to_v1, to_stored=_from_v1
    ),
}
