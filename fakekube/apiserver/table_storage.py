"""The cells of volumes, claims, storage classes and CSI objects, quotas and devices.

Source: pkg/printers/internalversion of Kubernetes 1.37; recorded samples are the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fakekube.apiserver.table_values import NONE, UNSET, Ages, at
from fakekube.meta.objects import KubeObject, name_of

_MODES = (("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP"))
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
_DEFAULT_CLASSES = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)


def _modes(modes: Sequence[str]) -> str:
    return ",".join(short for mode, short in _MODES if mode in modes)


def _phase(obj: KubeObject) -> str:
    return "Terminating" if at(obj, "metadata.deletionTimestamp") else str(at(obj, "status.phase", ""))


def _class(obj: KubeObject) -> str:
    """The annotation of old comes first."""
    annotated = at(obj, "metadata.annotations", {}).get(_BETA_CLASS)
    return str(at(obj, "spec.storageClassName", "") if annotated is None else annotated)


def volume_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    claim = at(obj, "spec.claimRef")
    return [
        name_of(obj),
        at(obj, "spec.capacity", {}).get("storage", "0"),
        _modes(at(obj, "spec.accessModes", [])),
        at(obj, "spec.persistentVolumeReclaimPolicy", ""),
        _phase(obj),
        "" if claim is None else f"{claim.get('namespace', '')}/{claim.get('name', '')}",
        _class(obj),
        at(obj, "spec.volumeAttributesClassName", UNSET),
        at(obj, "status.reason", ""),
        ages.of(obj),
        at(obj, "spec.volumeMode", UNSET),
    ]


def claim_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    bound = bool(at(obj, "spec.volumeName"))
    return [
        name_of(obj),
        _phase(obj),
        at(obj, "spec.volumeName", ""),
        at(obj, "status.capacity", {}).get("storage", "0") if bound else "",
        _modes(at(obj, "status.accessModes", [])) if bound else "",
        _class(obj),
        at(obj, "spec.volumeAttributesClassName", UNSET),
        ages.of(obj),
        at(obj, "spec.volumeMode", UNSET),
    ]


def storage_class_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return [
        name_of(obj),
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy", "Delete"),
        obj.get("volumeBindingMode", "Immediate"),
        bool(obj.get("allowVolumeExpansion")),
        ages.of(obj),
    ]


def default_storage_class(items: Sequence[KubeObject]) -> str:
    """The class that claims without one get: the newest that says so, then the first by name. Lists mark it."""
    marked = [obj for obj in items if _says_default(obj)]
    marked.sort(key=name_of)
    marked.sort(key=lambda obj: str(at(obj, "metadata.creationTimestamp", "")), reverse=True)
    return name_of(marked[0]) if marked else ""


def _says_default(obj: KubeObject) -> bool:
    annotations = at(obj, "metadata.annotations", {})
    return any(annotations.get(name) == "true" for name in _DEFAULT_CLASSES)


def driver_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    requests = at(obj, "spec.tokenRequests")
    return [
        name_of(obj),
        at(obj, "spec.attachRequired", True),
        at(obj, "spec.podInfoOnMount", False),
        at(obj, "spec.storageCapacity", False),
        UNSET if requests is None else ",".join(each.get("audience", "") for each in requests),
        at(obj, "spec.requiresRepublish", False),
        ",".join(at(obj, "spec.volumeLifecycleModes", [])) or NONE,
        ages.of(obj),
    ]


def csi_node_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return [name_of(obj), len(at(obj, "spec.drivers", [])), ages.of(obj)]


def attachment_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return [
        name_of(obj),
        at(obj, "spec.attacher", ""),
        at(obj, "spec.source.persistentVolumeName", ""),
        at(obj, "spec.nodeName", ""),
        at(obj, "status.attached", False),
        ages.of(obj),
    ]


def attributes_class_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return [name_of(obj), obj.get("driverName", ""), ages.of(obj)]


def quota_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    hard, used = at(obj, "status.hard", {}), at(obj, "status.used", {})
    requests: list[str] = []
    limits: list[str] = []
    for name in sorted(hard):
        column = limits if name.startswith("limits.") else requests
        column.append(f"{name}: {used.get(name, '0')}/{hard[name]}")
    return [name_of(obj), ", ".join(requests), ", ".join(limits), ages.of(obj)]


def resource_claim_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    deleted, allocated = at(obj, "metadata.deletionTimestamp"), at(obj, "status.allocation") is not None
    states = ["deleted"] if deleted else [] if allocated else ["pending"]
    if allocated:
        states += ["allocated", "reserved"] if at(obj, "status.reservedFor") else ["allocated"]
    return [name_of(obj), ",".join(states), ages.of(obj)]


def resource_slice_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    members = (at(obj, f"spec.{path}", "") for path in ("nodeName", "driver", "pool.name"))
    return [name_of(obj), *members, ages.of(obj)]


def taint_rule_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    taint = at(obj, "spec.taint", {})
    added = ages.since(taint["timeAdded"]) if taint.get("timeAdded") else ""
    return [name_of(obj), *(taint.get(name, "") for name in ("key", "value", "effect")), added, ages.of(obj)]


def migration_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    resource = at(obj, "spec.resource", {})
    name = ".".join(filter(None, (resource.get("resource"), resource.get("group"))))
    holding = [each["type"] for each in at(obj, "status.conditions", []) if each.get("status") == "True"]
    state = [kind for kind in holding if kind in ("Running", "Failed", "Succeeded")]
    return [name_of(obj), name, state[-1] if state else "Unknown"]


CELLS: Mapping[str, Callable[[KubeObject, Ages], list[Any]]] = {
    "v1/persistentvolumeclaims": claim_cells,
    "v1/persistentvolumes": volume_cells,
    "v1/resourcequotas": quota_cells,
    "resource.k8s.io/v1/devicetaintrules": taint_rule_cells,
    "resource.k8s.io/v1/resourceclaims": resource_claim_cells,
    "resource.k8s.io/v1/resourceslices": resource_slice_cells,
    "storage.k8s.io/v1/csidrivers": driver_cells,
    "storage.k8s.io/v1/csinodes": csi_node_cells,
    "storage.k8s.io/v1/storageclasses": storage_class_cells,
    "storage.k8s.io/v1/volumeattachments": attachment_cells,
    "storage.k8s.io/v1/volumeattributesclasses": attributes_class_cells,
    "storagemigration.k8s.io/v1/storageversionmigrations": migration_cells,
}
