"""Deployments, replica sets, daemon sets, stateful sets, their revisions, and replication controllers.

Source: pkg/apis/apps/validation and pkg/apis/core/validation of Kubernetes 1.37, and recorded answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakekube.meta.objects import KubeObject
from fakekube.registry.label_selector import selects
from fakekube.registry.validation.causes import Causes, all_invalid, forbidden, invalid, required, unsupported
from fakekube.registry.validation.claims import claim_spec
from fakekube.registry.validation.counts import (
    amount,
    at_most_all,
    count_or_percent,
    counts,
    not_above,
    not_decremented,
)
from fakekube.registry.validation.internal import internal
from fakekube.registry.validation.kind import Kind, in_all
from fakekube.registry.validation.names import dns_label, long_name
from fakekube.registry.validation.object_meta import IMMUTABLE, immutable, not_negative
from fakekube.registry.validation.pods import template
from fakekube.registry.validation.selectors import is_empty, is_sound, label_selector

_MISMATCH = "`selector` does not match template `labels`"
_RETENTION = ("Retain", "Delete")
_STATUS_REPLICAS = "status.replicas"


def _spec(obj: KubeObject) -> KubeObject:
    spec: KubeObject = obj.get("spec") or {}
    return spec


def _template_labels(spec: KubeObject) -> KubeObject | None:
    labels: KubeObject | None = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    return labels or None


def own_template(selector: KubeObject | None, spec: KubeObject, path: str) -> Causes:
    """The template of pods that the selector must find again; no selector finds nothing."""
    labels = _template_labels(spec)
    if selector is None or not selects(selector, labels or {}):
        yield invalid(f"{path}.template.metadata.labels", labels, _MISMATCH)
    yield from template(spec.get("template"), f"{path}.template")


def lasting(spec: KubeObject, path: str, kind: str) -> Causes:
    """Pods that are always replaced: they restart, and have no deadline."""
    pods = (spec.get("template") or {}).get("spec") or {}
    if pods.get("restartPolicy") != "Always":
        yield unsupported(f"{path}.template.spec.restartPolicy", pods.get("restartPolicy") or "", ["Always"])
    if kind and pods.get("activeDeadlineSeconds") is not None:
        detail = f"activeDeadlineSeconds in {kind} is not Supported"
        yield forbidden(f"{path}.template.spec.activeDeadlineSeconds", detail)


def _selector(spec: KubeObject, kind: str) -> Causes:
    selector = spec.get("selector")
    if selector is None:
        yield required("spec.selector")
        return
    yield from label_selector(selector, "spec.selector")
    if is_empty(selector):
        yield invalid("spec.selector", selector, f"empty selector is invalid for {kind}")


def _selected(spec: KubeObject) -> Causes:
    """The template of a deployment or replica set, once the selector can be read."""
    selector = spec.get("selector")
    if not is_sound(selector):
        yield invalid("spec.selector", selector, "invalid label selector")
        return
    yield from own_template(selector, spec, "spec")
    yield from lasting(spec, "spec", "ReplicaSet")


def _deployment(obj: KubeObject) -> Causes:
    spec = _spec(obj)
    yield from not_negative(spec.get("replicas") or 0, "spec.replicas")
    yield from _selector(spec, "deployment")
    yield from _selected(spec)
    yield from _deployment_strategy(spec.get("strategy") or {}, "spec.strategy")
    yield from counts(spec, "spec", ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"))
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        yield invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def _deployment_strategy(strategy: KubeObject, path: str) -> Causes:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    if kind == "Recreate":
        if rolling is not None:
            yield forbidden(f"{path}.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
    elif kind != "RollingUpdate":
        yield unsupported(path, {"Type": kind, "RollingUpdate": rolling}, ("Recreate", "RollingUpdate"))
    elif rolling is None:
        yield required(f"{path}.rollingUpdate", "this should be defaulted and never be nil")
    else:
        yield from _rolling(rolling, f"{path}.rollingUpdate")


def _rolling(rolling: KubeObject, path: str) -> Causes:
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    yield from count_or_percent(unavailable, f"{path}.maxUnavailable")
    yield from count_or_percent(surge, f"{path}.maxSurge")
    if amount(unavailable) == 0 and amount(surge) == 0:
        yield invalid(f"{path}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0")
    yield from at_most_all(unavailable, f"{path}.maxUnavailable")


def _same_selector(obj: KubeObject, held: KubeObject) -> Causes:
    yield from immutable(_spec(obj).get("selector"), _spec(held).get("selector"), "spec.selector")


def _updated_deployment(obj: KubeObject, held: KubeObject) -> Causes:
    yield from _deployment(obj)
    yield from _same_selector(obj, held)


def _deployment_status(obj: KubeObject, held: KubeObject) -> Causes:
    status = obj.get("status") or {}
    names = ("observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    yield from counts(status, "status", (*names, "unavailableReplicas", "terminatingReplicas", "collisionCount"))
    bounded = ("updatedReplicas", "readyReplicas", "availableReplicas")
    yield from not_above(status, bounded, "replicas", _STATUS_REPLICAS)
    yield from not_above(status, ("availableReplicas",), "readyReplicas", "readyReplicas")
    yield from not_decremented(obj, held, "collisionCount")


def _replica_set(obj: KubeObject) -> Causes:
    spec = _spec(obj)
    yield from counts(spec, "spec", ("replicas", "minReadySeconds"))
    yield from _selector(spec, "deployment")
    yield from _selected(spec)


def _updated_replica_set(obj: KubeObject, held: KubeObject) -> Causes:
    yield from _replica_set(obj)
    yield from _same_selector(obj, held)


def _replicas_status(obj: KubeObject, held: KubeObject) -> Causes:
    status = obj.get("status") or {}
    bounded = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    yield from counts(status, "status", ("replicas", *bounded, "observedGeneration", "terminatingReplicas"))
    yield from not_above(status, bounded, "replicas", _STATUS_REPLICAS)
    yield from not_above(status, ("availableReplicas",), "readyReplicas", "readyReplicas")


def _replication_controller(obj: KubeObject) -> Causes:
    spec = _spec(obj)
    selector: Mapping[str, str] = spec.get("selector") or {}
    yield from not_negative(spec.get("minReadySeconds") or 0, "spec.minReadySeconds")
    if not selector:
        yield required("spec.selector")
    yield from not_negative(spec.get("replicas") or 0, "spec.replicas")
    if spec.get("template") is None:
        yield required("spec.template")
        return
    yield from own_template({"matchLabels": selector}, spec, "spec")
    yield from lasting(spec, "spec", "ReplicationController")


def _daemon_set(obj: KubeObject) -> Causes:
    spec = _spec(obj)
    selector = spec.get("selector")
    yield from label_selector(selector, "spec.selector")
    labels = _template_labels(spec)
    if is_sound(selector) and not (selector is not None and selects(selector, labels or {})):
        yield invalid("spec.template.metadata.labels", labels, _MISMATCH)
    if selector is not None and is_empty(selector):
        yield invalid("spec.selector", selector, "empty selector is invalid for daemonset")
    yield from template(spec.get("template"), "spec.template")
    yield from lasting(spec, "spec", "DaemonSet")
    yield from not_negative(spec.get("minReadySeconds") or 0, "spec.minReadySeconds")
    yield from _daemon_strategy(spec.get("updateStrategy") or {}, "spec.updateStrategy")
    yield from not_negative(spec.get("revisionHistoryLimit") or 0, "spec.revisionHistoryLimit")


def _daemon_strategy(strategy: KubeObject, path: str) -> Causes:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    if kind == "OnDelete":
        return
    if kind != "RollingUpdate":
        yield unsupported(path, {"Type": kind, "RollingUpdate": rolling}, ("RollingUpdate", "OnDelete"))
    elif rolling is None:
        yield required(f"{path}.rollingUpdate")
    else:
        yield from _rolling_daemons(rolling, f"{path}.rollingUpdate")


def _rolling_daemons(rolling: KubeObject, path: str) -> Causes:
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    for check in (count_or_percent, at_most_all):
        yield from check(unavailable, f"{path}.maxUnavailable")
        yield from check(surge, f"{path}.maxSurge")
    if amount(unavailable) and amount(surge):
        yield invalid(f"{path}.maxSurge", surge, "may not be set when maxUnavailable is non-zero")
    elif not amount(unavailable) and not amount(surge):
        yield required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0")


_DAEMON_COUNTERS = (
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "observedGeneration",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "collisionCount",
)


def _daemon_status(obj: KubeObject, held: KubeObject) -> Causes:
    yield from counts(obj.get("status") or {}, "status", _DAEMON_COUNTERS)
    yield from not_decremented(obj, held, "collisionCount")


def _stateful_set(obj: KubeObject) -> Causes:
    spec = _spec(obj)
    yield from _stateful_policies(spec)
    yield from in_all(spec.get("volumeClaimTemplates"), "spec.volumeClaimTemplates", _claim)
    yield from _stateful_rest(spec)


def _claim(claim: KubeObject, path: str) -> Causes:
    yield from claim_spec(claim.get("spec") or {}, f"{path}.spec")


def _stateful_rest(spec: KubeObject) -> Causes:
    yield from counts(spec, "spec", ("replicas", "minReadySeconds"))
    yield from not_negative((spec.get("ordinals") or {}).get("start") or 0, "spec.ordinals.start")
    service = spec.get("serviceName") or ""
    if service:
        yield from all_invalid("spec.serviceName", service, dns_label(service))
    yield from _selector(spec, "statefulset")
    selector = spec.get("selector")
    if is_sound(selector):
        yield from own_template(selector, _with_claims(spec), "spec")
    else:
        yield invalid("spec.selector", selector)
    yield from lasting(spec, "spec", "StatefulSet")


def _claim_name(claim: KubeObject) -> str:
    name: str = (claim.get("metadata") or {}).get("name", "")
    return name


def _with_claims(spec: KubeObject) -> KubeObject:
    """The template as its pods will be: with a volume for each claim, and names that the controller gives."""
    claims = dict.fromkeys(_claim_name(claim) for claim in spec.get("volumeClaimTemplates") or ())
    held = spec.get("template") or {}
    pods = {name: value for name, value in (held.get("spec") or {}).items() if name not in ("subdomain", "hostname")}
    if claims:
        made: list[Any] = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims]
        pods["volumes"] = made + [each for each in pods.get("volumes") or () if each.get("name") not in claims]
    return {**spec, "template": {**held, "spec": pods}}


def _stateful_policies(spec: KubeObject) -> Causes:
    management = spec.get("podManagementPolicy") or ""
    if management not in ("OrderedReady", "Parallel"):
        yield invalid("spec.podManagementPolicy", management, "must be 'OrderedReady' or 'Parallel'")
    strategy = spec.get("updateStrategy") or {}
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    if kind == "RollingUpdate":
        yield from _partition(rolling or {}, "spec.updateStrategy.rollingUpdate")
    elif kind != "OnDelete":
        shown = {"Type": kind, "RollingUpdate": _internal_rolling(rolling)}
        yield invalid("spec.updateStrategy", shown, "must be 'RollingUpdate' or 'OnDelete'")
    elif rolling is not None:
        shown_rolling, detail = _internal_rolling(rolling), "only allowed for updateStrategy 'RollingUpdate'"
        yield invalid("spec.updateStrategy.rollingUpdate", shown_rolling, detail)
    yield from _retention(spec.get("persistentVolumeClaimRetentionPolicy"), "spec.persistentVolumeClaimRetentionPolicy")


def _retention(policy: KubeObject | None, path: str) -> Causes:
    if policy is None:
        return
    for name in ("whenDeleted", "whenScaled"):
        if policy.get(name) not in _RETENTION:
            yield unsupported(f"{path}.{name}", policy.get(name) or "", _RETENTION)


def _internal_rolling(rolling: KubeObject | None) -> KubeObject | None:
    if rolling is None:
        return None
    return {"Partition": rolling.get("partition") or 0, "MaxUnavailable": rolling.get("maxUnavailable")}


def _partition(rolling: KubeObject, path: str) -> Causes:
    yield from not_negative(rolling.get("partition") or 0, f"{path}.partition")
    unavailable = rolling.get("maxUnavailable")
    if unavailable is not None:
        yield from count_or_percent(unavailable, f"{path}.maxUnavailable")
        if amount(unavailable) == 0:
            yield invalid(f"{path}.maxUnavailable", unavailable, "cannot be 0")
        yield from at_most_all(unavailable, f"{path}.maxUnavailable")


def _updated_stateful_set(obj: KubeObject, held: KubeObject) -> Causes:
    new, old = _spec(obj), _spec(held)
    yield from _stateful_policies(new)
    yield from _stateful_rest(new)
    yield from immutable(new.get("selector"), old.get("selector"), "spec.selector")
    claims = _typeless(new)
    if (claims or []) != (_typeless(old) or []):
        yield invalid("spec.volumeClaimTemplates", claims, IMMUTABLE)
    yield from immutable(new.get("serviceName") or "", old.get("serviceName") or "", "spec.serviceName")
    yield from immutable(new.get("podManagementPolicy"), old.get("podManagementPolicy"), "spec.podManagementPolicy")


def _typeless(spec: KubeObject) -> list[object] | None:
    """The claims in their internal form, without their kinds, which may change; None where they are not mentioned."""
    claims = spec.get("volumeClaimTemplates")
    return None if claims is None else [internal(claim, "PersistentVolumeClaim") for claim in claims]


def _stateful_status(obj: KubeObject, held: KubeObject) -> Causes:
    status = obj.get("status") or {}
    bounded = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    yield from counts(status, "status", ("replicas", *bounded, "observedGeneration", "collisionCount"))
    yield from not_above(status, bounded, "replicas", _STATUS_REPLICAS)
    yield from not_above(status, ("availableReplicas",), "readyReplicas", "status.readyReplicas")
    yield from not_decremented(obj, held, "collisionCount")


def _revision(obj: KubeObject) -> Causes:
    yield from not_negative(obj.get("revision") or 0, "revision")
    data = obj.get("data")
    if data is None:
        yield required("data", "data is mandatory")
    elif not isinstance(data, dict):
        yield required("data", "data must be a valid JSON object")


def _updated_revision(obj: KubeObject, held: KubeObject) -> Causes:
    yield from not_negative(obj.get("revision") or 0, "revision")
    yield from immutable(obj.get("data"), held.get("data"), "data")


APPS: Mapping[str, Kind] = {
    "apps/v1/deployments": Kind(
        create=_deployment, update=_updated_deployment, status=_deployment_status, update_repeats_create=False
    ),
    "apps/v1/replicasets": Kind(
        create=_replica_set, update=_updated_replica_set, status=_replicas_status, update_repeats_create=False
    ),
    "apps/v1/daemonsets": Kind(create=_daemon_set, update=_same_selector, status=_daemon_status),
    "apps/v1/statefulsets": Kind(
        name=dns_label,
        create=_stateful_set,
        update=_updated_stateful_set,
        status=_stateful_status,
        update_repeats_create=False,
    ),
    "apps/v1/controllerrevisions": Kind(create=_revision, update=_updated_revision, update_repeats_create=False),
    "v1/replicationcontrollers": Kind(name=long_name, create=_replication_controller, status=_replicas_status),
    "v1/podtemplates": Kind(create=lambda obj: template(obj.get("template"), "template")),
}
