"""What the strategy of a kind writes into a new object before it is validated: by qualified resource.

Pods get a phase and a quality of service, Services their addresses and ports, Jobs the labels that select their pods.
Source: pkg/registry/*/strategy.go of Kubernetes 1.37, and recorded answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fakekube.meta.objects import KubeObject, metadata, name_of, uid_of
from fakekube.registry.certificate_requests import REQUESTS
from fakekube.registry.defaulting.services import service, updated_service
from fakekube.registry.metadata import new_uid, timestamp
from fakekube.registry.options import WriteOptions
from fakekube.registry.quantity import parse_quantity
from fakekube.registry.site import Site
from fakekube.registry.validation.names import label_value

# site, wanted, how the write is meant
Prepare = Callable[[Site, KubeObject, WriteOptions], KubeObject]


def _spec(obj: KubeObject) -> KubeObject:
    return obj.get("spec") or {}


# --- pods -------------------------------------------------------------------------------------------------------------


def pod(site: Site, obj: KubeObject, options: WriteOptions) -> KubeObject:
    status: KubeObject = {"phase": "Pending"}
    if _spec(obj).get("schedulingGates"):
        status["conditions"] = [{**_GATED, "lastTransitionTime": timestamp(site.now())}]
    return {**obj, "status": {**status, "qosClass": quality_of_service(_spec(obj))}}


_GATED = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "SchedulingGated",
    "message": "Scheduling is blocked due to non-empty scheduling gates",
}
_COMPUTE = ("cpu", "memory")


def quality_of_service(spec: KubeObject) -> str:
    """Guaranteed when all is limited to what it requests, BestEffort when nothing is said, else Burstable."""
    whole = spec.get("resources")
    parts = [whole] if whole else [each.get("resources") or {} for each in _containers(spec)]
    requests = [_amounts(part.get("requests")) for part in parts]
    limits = [_amounts(part.get("limits")) for part in parts]
    if not any(requests) and not any(limits):
        return "BestEffort"
    complete = all(limit.keys() == set(_COMPUTE) for limit in limits)
    return "Guaranteed" if complete and requests == limits else "Burstable"


def _containers(spec: KubeObject) -> Iterator[KubeObject]:
    yield from spec.get("containers") or ()
    yield from spec.get("initContainers") or ()


def _amounts(resources: KubeObject | None) -> KubeObject:
    """CPU and memory that are more than nothing."""
    amounts = {name: parse_quantity(str(text)).value for name, text in (resources or {}).items() if name in _COMPUTE}
    return {name: value for name, value in amounts.items() if value > 0}


# --- workloads --------------------------------------------------------------------------------------------------------

_CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
_OLD_LABELS = ("controller-uid", "job-name")


def job(site: Site, obj: KubeObject, options: WriteOptions) -> KubeObject:
    """A job selects its pods by its own uid, unless it was told how."""
    spec = _spec(obj)
    if spec.get("manualSelector"):
        return obj
    labels = {
        "controller-uid": uid_of(obj),
        "job-name": name_of(obj),
        _CONTROLLER_UID: uid_of(obj),
        "batch.kubernetes.io/job-name": name_of(obj),
    }
    given = metadata(spec.get("template") or {}).get("labels") or {}
    # of the old labels, what the job says itself is left for validation to refuse
    labels |= {name: value for name, value in given.items() if name in _OLD_LABELS}
    template = _with_labels(spec.get("template") or {}, labels)
    selector = dict(spec.get("selector") or {})
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), _CONTROLLER_UID: uid_of(obj)}
    prepared = {**obj, "spec": {**spec, "template": template, "selector": selector}}
    own = metadata(obj).get("labels") or {}
    if own and own != given:
        return prepared
    # read back, a job without labels has those of its template; what is refused shows them in the template alone
    return _with_labels(prepared, {name: value for name, value in labels.items() if not label_value(value)})


def _with_labels(obj: KubeObject, labels: Mapping[str, str]) -> KubeObject:
    meta = metadata(obj)
    return {**obj, "metadata": {**meta, "labels": {**(meta.get("labels") or {}), **labels}}}


TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def daemon_set(site: Site, obj: KubeObject, options: WriteOptions) -> KubeObject:
    """Its template is counted, in an annotation of old."""
    return _with_template_generation(obj, 1)


def updated_daemon_set(
    site: Site, obj: KubeObject, held: KubeObject, options: WriteOptions, subresource: str
) -> KubeObject:
    before = int((metadata(held).get("annotations") or {}).get(TEMPLATE_GENERATION, "0") or 0)
    changed = not subresource and _spec(obj).get("template") != _spec(held).get("template")
    return _with_template_generation(obj, before + changed)


def _with_template_generation(obj: KubeObject, number: int) -> KubeObject:
    meta = metadata(obj)
    annotations = {**(meta.get("annotations") or {}), TEMPLATE_GENERATION: str(number)}
    return {**obj, "metadata": {**meta, "annotations": annotations}}


# --- storage, APIs ----------------------------------------------------------------------------------------------------


def volume(site: Site, obj: KubeObject, options: WriteOptions) -> KubeObject:
    return {
        **obj,
        "status": {**(obj.get("status") or {}), "phase": "Pending", "lastPhaseTransitionTime": timestamp(site.now())},
    }


def updated_volume(
    site: Site, obj: KubeObject, held: KubeObject, options: WriteOptions, subresource: str
) -> KubeObject:
    """A change of phase is timed."""
    phase, before = (obj.get("status") or {}).get("phase"), (held.get("status") or {}).get("phase")
    if subresource != "status" or phase == before:
        return obj
    return {**obj, "status": {**obj["status"], "lastPhaseTransitionTime": timestamp(site.now())}}


def claim(site: Site, obj: KubeObject, options: WriteOptions) -> KubeObject:
    """dataSource and dataSourceRef say the same."""
    spec, status = _spec(obj), {"phase": "Pending"}
    if spec.get("dataSource") is not None and not _is_data_source(spec["dataSource"]):
        spec = {name: value for name, value in spec.items() if name != "dataSource"}
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    added: dict[str, Any] = {}
    if source is not None and reference is None:
        added["dataSourceRef"] = source
    elif reference is not None and source is None and not reference.get("namespace"):
        added["dataSource"] = reference
    return {**obj, "spec": {**spec, **added}, "status": status}


def _is_data_source(source: KubeObject) -> bool:
    """What a volume can be filled from without a populator: a claim or a snapshot."""
    kind = source.get("apiGroup") or "", source.get("kind")
    return kind in (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot"))


def updated_claim(site: Site, obj: KubeObject, held: KubeObject, options: WriteOptions, subresource: str) -> KubeObject:
    return obj if subresource else {**obj, "spec": _spec(claim(site, obj, options))}


def api_service(site: Site, obj: KubeObject, options: WriteOptions) -> KubeObject:
    """What this server answers itself is available."""
    if _spec(obj).get("service") is not None:
        return {**obj, "status": {}}
    condition = {
        "type": "Available",
        "status": "True",
        "lastTransitionTime": timestamp(site.now()),
        "reason": "Local",
        "message": "Local APIServices are always available",
    }
    return {**obj, "status": {"conditions": [condition]}}


def definition(site: Site, obj: KubeObject, options: WriteOptions) -> KubeObject:
    """A new CustomResourceDefinition has stored nothing but its storage version."""
    stored = [each["name"] for each in _spec(obj).get("versions") or () if each.get("storage")]
    return {**obj, "status": {"storedVersions": stored[:1]}}


def updated_definition(
    site: Site, obj: KubeObject, held: KubeObject, options: WriteOptions, subresource: str
) -> KubeObject:
    """A new storage version is one that has been stored, from now on."""
    status: KubeObject = obj.get("status") or {}
    known = status.get("storedVersions") or []
    stored = [each["name"] for each in _spec(obj).get("versions") or () if each.get("storage") and each.get("name")]
    if subresource or all(name in known for name in stored):
        return obj
    return {**obj, "status": {**status, "storedVersions": [*known, *(name for name in stored if name not in known)]}}


def request(site: Site, obj: KubeObject, options: WriteOptions) -> KubeObject:
    """A certificate is requested by who asks; nobody says who else that should be."""
    spec = {name: value for name, value in _spec(obj).items() if name not in ("username", "uid", "groups", "extra")}
    return {**obj, "spec": {**spec, **options.user.as_json()}}


def updated_request(
    site: Site, obj: KubeObject, held: KubeObject, options: WriteOptions, subresource: str
) -> KubeObject:
    """What a certificate was requested for does not change."""
    return {**obj, "spec": _spec(held)}


def resource_slice(site: Site, obj: KubeObject, options: WriteOptions) -> KubeObject:
    """Taints of devices are timed."""
    devices = _spec(obj).get("devices") or []
    if not any(each.get("taints") for each in devices):
        return obj
    return {**obj, "spec": {**_spec(obj), "devices": [_timed(site, each) for each in devices]}}


def _timed(site: Site, device: KubeObject) -> KubeObject:
    if not device.get("taints"):
        return device
    return {**device, "taints": [{"timeAdded": timestamp(site.now()), **taint} for taint in device["taints"]]}


def limit_range(site: Site, obj: KubeObject, options: WriteOptions) -> KubeObject:
    """One without a name is given a uid as its name."""
    meta = metadata(obj)
    return obj if meta.get("name") else {**obj, "metadata": {**meta, "name": new_uid(site.rng)}}


def taint_rule(site: Site, obj: KubeObject, options: WriteOptions) -> KubeObject:
    taint = _spec(obj).get("taint")
    if not taint or taint.get("timeAdded"):
        return obj
    return {**obj, "spec": {**_spec(obj), "taint": {**taint, "timeAdded": timestamp(site.now())}}}


# site, wanted, held, how the write is meant, subresource
PrepareUpdate = Callable[[Site, KubeObject, KubeObject, WriteOptions, str], KubeObject]
PREPARED_UPDATES: Mapping[str, PrepareUpdate] = {
    REQUESTS: updated_request,
    "customresourcedefinitions.apiextensions.k8s.io": updated_definition,
    "daemonsets.apps": updated_daemon_set,
    "persistentvolumeclaims": updated_claim,
    "persistentvolumes": updated_volume,
    "services": updated_service,
}
PREPARED: Mapping[str, Prepare] = {
    REQUESTS: request,
    "apiservices.apiregistration.k8s.io": api_service,
    "customresourcedefinitions.apiextensions.k8s.io": definition,
    "daemonsets.apps": daemon_set,
    "devicetaintrules.resource.k8s.io": taint_rule,
    "jobs.batch": job,
    "limitranges": limit_range,
    "persistentvolumeclaims": claim,
    "persistentvolumes": volume,
    "pods": pod,
    "resourceslices.resource.k8s.io": resource_slice,
    "services": service,
}
