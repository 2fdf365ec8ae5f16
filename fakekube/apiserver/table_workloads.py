"""The cells of workloads: Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs, CronJobs, autoscalers, budgets.

Source: pkg/printers/internalversion of Kubernetes 1.37; recorded samples are the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fakekube.apiserver.table_pods import pod_cells
from fakekube.apiserver.table_values import (
    NONE,
    UNKNOWN,
    UNSET,
    Ages,
    at,
    boolean,
    containers_text,
    formatted_selector,
    human_duration,
    is_true,
    labels_text,
    seconds_of,
    selector_text,
)
from fakekube.meta.objects import KubeObject, group_of, name_of

_AUTOSCALED_MOST = 2


def deployment_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return [
        name_of(obj),
        f"{at(obj, 'status.readyReplicas', 0)}/{at(obj, 'spec.replicas', 0)}",
        at(obj, "status.updatedReplicas", 0),
        at(obj, "status.availableReplicas", 0),
        ages.of(obj),
        *containers_text(at(obj, "spec.template.spec")),
        selector_text(at(obj, "spec.selector")),
    ]


def _replicas(obj: KubeObject, ages: Ages) -> list[Any]:
    return [
        name_of(obj),
        at(obj, "spec.replicas", 0),
        at(obj, "status.replicas", 0),
        at(obj, "status.readyReplicas", 0),
        ages.of(obj),
        *containers_text(at(obj, "spec.template.spec")),
    ]


def replica_set_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return [*_replicas(obj, ages), formatted_selector(at(obj, "spec.selector"))]


def replication_controller_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return [*_replicas(obj, ages), labels_text(at(obj, "spec.selector"))]


def stateful_set_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    ready = f"{at(obj, 'status.readyReplicas', 0)}/{at(obj, 'spec.replicas', 0)}"
    return [name_of(obj), ready, ages.of(obj), *containers_text(at(obj, "spec.template.spec"))]


def daemon_set_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    counts = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    return [
        name_of(obj),
        *(at(obj, f"status.{count}", 0) for count in counts),
        labels_text(at(obj, "spec.template.spec.nodeSelector")),
        ages.of(obj),
        *containers_text(at(obj, "spec.template.spec")),
        formatted_selector(at(obj, "spec.selector")),
    ]


def job_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return [
        name_of(obj),
        _job_status(obj),
        _completions(obj),
        _job_duration(obj, ages),
        ages.of(obj),
        *containers_text(at(obj, "spec.template.spec")),
        formatted_selector(at(obj, "spec.selector")),
    ]


def _job_status(obj: KubeObject) -> str:
    """The first that holds; deletion ranks between the final conditions and the others."""
    for kind, text in (("Complete", "Complete"), ("Failed", "Failed")):
        if is_true(obj, kind):
            return text
    if at(obj, "metadata.deletionTimestamp"):
        return "Terminating"
    return next(
        (kind for kind in ("Suspended", "FailureTarget", "SuccessCriteriaMet") if is_true(obj, kind)), "Running"
    )


def _completions(obj: KubeObject) -> str:
    done, wanted = at(obj, "status.succeeded", 0), at(obj, "spec.completions")
    parallelism = at(obj, "spec.parallelism", 0)
    if wanted is not None:
        return f"{done}/{wanted}"
    return f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"


def _job_duration(obj: KubeObject, ages: Ages) -> str:
    began, ended = at(obj, "status.startTime"), at(obj, "status.completionTime")
    if not began:
        return ""
    return human_duration((seconds_of(ended) if ended else ages.now) - seconds_of(began))


def cron_job_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    last = at(obj, "status.lastScheduleTime")
    return [
        name_of(obj),
        at(obj, "spec.schedule", ""),
        at(obj, "spec.timeZone", NONE),
        boolean(at(obj, "spec.suspend")),
        len(at(obj, "status.active", [])),
        ages.since(last) if last else NONE,
        ages.of(obj),
        *containers_text(at(obj, "spec.jobTemplate.spec.template.spec")),
        formatted_selector(at(obj, "spec.jobTemplate.spec.selector")),
    ]


def controller_revision_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    owners = at(obj, "metadata.ownerReferences", [])
    owner = next((each for each in owners if each.get("controller")), None)
    controller = NONE if owner is None else f"{_group_kind(owner).lower()}/{owner['name']}"
    return [name_of(obj), controller, obj.get("revision", 0), ages.of(obj)]


def _group_kind(owner: KubeObject) -> str:
    group, _ = group_of(owner.get("apiVersion", ""))
    return f"{owner['kind']}.{group}" if group else str(owner["kind"])


def pod_template_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    labels = labels_text(at(obj, "template.metadata.labels"))
    return [name_of(obj), *containers_text(at(obj, "template.spec")), labels]


def budget_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    least, most = (str(at(obj, f"spec.{name}", "N/A")) for name in ("minAvailable", "maxUnavailable"))
    return [name_of(obj), least, most, at(obj, "status.disruptionsAllowed", 0), ages.of(obj)]


def autoscaler_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    target = at(obj, "spec.scaleTargetRef", {})
    return [
        name_of(obj),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _metrics(at(obj, "spec.metrics", []), at(obj, "status.currentMetrics", [])),
        str(at(obj, "spec.minReplicas", UNSET)),
        at(obj, "spec.maxReplicas", 0),
        at(obj, "status.currentReplicas", 0),
        ages.of(obj),
    ]


def autoscaler_v1_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    """autoscaling/v1 knows the CPU alone; other metrics travel in annotations."""
    cells = autoscaler_cells(obj, ages)
    wanted = at(obj, "spec.targetCPUUtilizationPercentage")
    current = at(obj, "status.currentCPUUtilizationPercentage")
    if wanted is not None:
        cells[2] = f"cpu: {UNKNOWN if current is None else f'{current}%'}/{wanted}%"
    return cells


def _metrics(specs: list[KubeObject], statuses: list[KubeObject]) -> str:
    texts = [_metric(spec, statuses[index] if index < len(statuses) else {}) for index, spec in enumerate(specs)]
    if len(texts) > _AUTOSCALED_MOST:
        return f"{', '.join(texts[:_AUTOSCALED_MOST])} + {len(texts) - _AUTOSCALED_MOST} more..."
    return ", ".join(texts) or NONE


def _metric(spec: KubeObject, status: KubeObject) -> str:
    source = _SOURCES.get(spec.get("type", ""))
    if source is None:
        return "<unknown type>"
    member, form = source
    return form(spec.get(member, {}), status.get(member))


def _average_or_value(spec: KubeObject, status: KubeObject | None) -> str:
    """External and Object metrics."""
    average = at(spec, "target.averageValue")
    if average is not None:
        return f"{at(status, 'current.averageValue', UNKNOWN)}/{average} (avg)"
    current = UNKNOWN if status is None else at(status, "current.value", "0")
    return f"{current}/{at(spec, 'target.value', '0')}"


def _average(spec: KubeObject, status: KubeObject | None) -> str:
    current = UNKNOWN if status is None else at(status, "current.averageValue", "0")
    return f"{current}/{at(spec, 'target.averageValue', '0')}"


def _resource(spec: KubeObject, status: KubeObject | None) -> str:
    if at(spec, "target.averageValue") is not None:
        return f"{spec.get('name', '')}: {_average(spec, status)}"
    current, target = at(status, "current.averageUtilization"), at(spec, "target.averageUtilization")
    seen = UNKNOWN if current is None else f"{current}%"
    return f"{spec.get('name', '')}: {seen}/{'<auto>' if target is None else f'{target}%'}"


_SOURCES: Mapping[str, tuple[str, Callable[[KubeObject, KubeObject | None], str]]] = {
    "External": ("external", _average_or_value),
    "Object": ("object", _average_or_value),
    "Pods": ("pods", _average),
    "Resource": ("resource", _resource),
    "ContainerResource": ("containerResource", _resource),
}

CELLS: Mapping[str, Callable[[KubeObject, Ages], list[Any]]] = {
    "v1/pods": pod_cells,
    "v1/podtemplates": pod_template_cells,
    "v1/replicationcontrollers": replication_controller_cells,
    "apps/v1/controllerrevisions": controller_revision_cells,
    "apps/v1/daemonsets": daemon_set_cells,
    "apps/v1/deployments": deployment_cells,
    "apps/v1/replicasets": replica_set_cells,
    "apps/v1/statefulsets": stateful_set_cells,
    "autoscaling/v1/horizontalpodautoscalers": autoscaler_v1_cells,
    "autoscaling/v2/horizontalpodautoscalers": autoscaler_cells,
    "batch/v1/cronjobs": cron_job_cells,
    "batch/v1/jobs": job_cells,
    "policy/v1/poddisruptionbudgets": budget_cells,
}
