"""Persistent volumes and claims. Source: pkg/apis/core/validation of Kubernetes 1.37, and recorded answers."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from fakekube.meta.objects import KubeObject
from fakekube.registry.quantity import Quantity
from fakekube.registry.schema import schema_named
from fakekube.registry.validation.amounts import amounts
from fakekube.registry.validation.causes import Causes, all_invalid, forbidden, invalid, required, unsupported
from fakekube.registry.validation.claims import ACCESS_MODES, VOLUME_MODES, claim_spec
from fakekube.registry.validation.internal import change, internal
from fakekube.registry.validation.kind import Kind
from fakekube.registry.validation.names import dns_subdomain
from fakekube.registry.validation.object_meta import IMMUTABLE, immutable
from fakekube.registry.validation.paths import no_backsteps
from fakekube.registry.validation.placement import node_selector
from fakekube.registry.validation.volumes import SOURCES, Check, needs

_RECLAIM = ("Delete", "Recycle", "Retain")
_FIXED_CLAIM = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
)
_FIXED_SOURCE = "spec.persistentvolumesource is immutable after creation"
_FIXED_AFFINITY = f"{IMMUTABLE}, except for updating from beta label to GA"
_RESIZE = (
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
)
_SPEC = "io.k8s.api.core.v1.PersistentVolumeSpec"


def _local(source: KubeObject, path: str) -> Causes:
    if source.get("path"):
        yield from no_backsteps(source["path"], f"{path}.path")
    else:
        yield required(f"{path}.path")


def _driven(source: KubeObject, path: str) -> Causes:
    """A volume of a CSI driver."""
    driver = source.get("driver") or ""
    if driver:
        yield from all_invalid(f"{path}.driver", driver, dns_subdomain(driver.lower()))
    else:
        yield required(f"{path}.driver")
    if not source.get("volumeHandle"):
        yield required(f"{path}.volumeHandle")


_VOLUME_SOURCES: Mapping[str, Check] = {
    **SOURCES,
    "local": _local,
    "csi": _driven,
    "storageos": needs("volumeName"),
}


def _sources() -> frozenset[str]:
    """The members of a volume's spec that say what it is."""
    return frozenset(schema_named(_SPEC).embedded)


def _volume(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    yield from _modes(spec.get("accessModes") or [])
    yield from _capacity(spec.get("capacity"))
    policy = spec.get("persistentVolumeReclaimPolicy") or ""
    if policy and policy not in _RECLAIM:
        yield unsupported("spec.persistentVolumeReclaimPolicy", policy, _RECLAIM)
    yield from _affinity(spec.get("nodeAffinity"))
    yield from _source(spec)
    path = ((spec.get("hostPath") or {}).get("path") or "").rstrip("/")
    if spec.get("hostPath") is not None and not path and policy == "Recycle":
        yield forbidden("spec.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'")
    yield from _classes(spec)


def _modes(modes: list[str]) -> Causes:
    if not modes:
        yield required("spec.accessModes")
    for mode in modes:
        if mode not in ACCESS_MODES:
            yield unsupported("spec.accessModes", mode, ACCESS_MODES)
    if "ReadWriteOncePod" in modes and len(set(modes)) > 1:
        yield forbidden("spec.accessModes", "may not use ReadWriteOncePod with other access modes")


def _capacity(capacity: KubeObject | None) -> Causes:
    if not capacity:
        yield required("spec.capacity")
    if not capacity or set(capacity) != {"storage"}:
        yield unsupported("spec.capacity", dict(sorted(capacity.items())) if capacity else capacity, ["storage"])
    for name, quantity in amounts(capacity).items():
        path = f"spec.capacity[{name}]"
        yield from _sound(quantity, path)
        if quantity.value <= 0:
            yield invalid(path, str(quantity), "must be greater than zero")


def _sound(quantity: Quantity, path: str) -> Causes:
    if quantity.value < 0:
        yield invalid(path, int(quantity.value), "must be a valid resource quantity")


def _affinity(affinity: KubeObject | None) -> Causes:
    if affinity is None:
        return
    if affinity.get("required") is None:
        yield required("spec.nodeAffinity.required", "must specify required node constraints")
    else:
        yield from node_selector(affinity["required"], "spec.nodeAffinity.required")


def _source(spec: KubeObject) -> Causes:
    given = [name for name in schema_named(_SPEC).fields if name in _sources() and spec.get(name) is not None]
    # a path on the host is looked at first
    given.sort(key=lambda name: name != "hostPath")
    if not given:
        yield required("spec", "must specify a volume type")
    for name in given[1:]:
        yield forbidden(f"spec.{name}", "may not specify more than 1 volume type")
    for name in given[:1]:
        check = _VOLUME_SOURCES.get(name)
        if check is not None:
            yield from check(spec[name], f"spec.{name}")
        if name == "local" and spec.get("nodeAffinity") is None:
            yield required("spec.nodeAffinity", "Local volume requires node affinity")


def _classes(spec: KubeObject) -> Causes:
    name, mode, attributes = (
        spec.get(each) for each in ("storageClassName", "volumeMode", "volumeAttributesClassName")
    )
    if name:
        yield from all_invalid("spec.storageClassName", name, dns_subdomain(name))
    if mode is not None and mode not in VOLUME_MODES:
        yield unsupported("spec.volumeMode", mode, VOLUME_MODES)
    if attributes is None:
        return
    if attributes:
        yield from all_invalid("spec.volumeAttributesClassName", attributes, dns_subdomain(attributes))
    else:
        yield required("spec.volumeAttributesClassName", "an empty string is disallowed")
    if spec.get("csi") is None:
        yield required("spec.csi", "has to be specified when using volumeAttributesClassName")


def _updated_volume(obj: KubeObject, held: KubeObject) -> Causes:
    new, old = obj.get("spec") or {}, held.get("spec") or {}
    yield from _volume(obj)
    wanted, was = (_only_source(each) for each in (new, old))
    if wanted != was:
        yield forbidden("spec.persistentvolumesource", f"{_FIXED_SOURCE}\n{change(was, wanted)}")
    yield from immutable(new.get("volumeMode"), old.get("volumeMode"), "volumeMode")
    affinity, before = new.get("nodeAffinity"), old.get("nodeAffinity")
    if before is not None and affinity != before:
        shown = None if affinity is None else internal(affinity, "VolumeNodeAffinity")
        yield invalid("nodeAffinity", shown, _FIXED_AFFINITY)
    if old.get("volumeAttributesClassName") is not None and new.get("volumeAttributesClassName") is None:
        yield forbidden("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden")


def _only_source(spec: KubeObject) -> KubeObject:
    """What the volume is, in its internal form."""
    shown = internal(spec, "PersistentVolumeSpec")
    names = {name.lower() for name in _sources()}
    return {name: value for name, value in shown.items() if name.lower() in names}


def _claim(obj: KubeObject) -> Causes:
    yield from claim_spec(obj.get("spec") or {}, "spec")


def _updated_claim(obj: KubeObject, held: KubeObject) -> Causes:
    new, old = obj.get("spec") or {}, held.get("spec") or {}
    yield from _claim(obj)
    compared = _compared(obj, new, old) if new != old else old
    wanted, was = (internal(each, "PersistentVolumeClaimSpec") for each in (compared, old))
    if wanted != was:
        yield forbidden("spec", f"{_FIXED_CLAIM}\n{change(was, wanted)}")
    size, before = (_storage((each.get("resources") or {}).get("requests")) for each in (new, old))
    if size < before and size <= _storage((held.get("status") or {}).get("capacity")):
        yield forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")
    yield from immutable(new.get("volumeMode"), old.get("volumeMode"), "volumeMode")


def _compared(obj: KubeObject, new: KubeObject, old: KubeObject) -> KubeObject:
    """The new spec, but for what may change: the name of the volume once, and the size of a bound claim."""
    spec = dict(new)
    if not old.get("volumeName"):
        spec["volumeName"] = old.get("volumeName")
    if old.get("storageClassName") is None:
        # a class may be chosen later
        spec["storageClassName"] = None
    if (obj.get("status") or {}).get("phase") == "Bound":
        resources = spec.get("resources") or {}
        held = (old.get("resources") or {}).get("requests") or {}
        requests = {**(resources.get("requests") or {}), "storage": held.get("storage")}
        spec["resources"] = {**resources, "requests": requests}
        spec["volumeAttributesClassName"] = old.get("volumeAttributesClassName")
    return spec


def _storage(values: KubeObject | None) -> Fraction:
    found = amounts(values).get("storage")
    return Fraction(0) if found is None else found.value


def _claim_status(obj: KubeObject, held: KubeObject) -> Causes:
    status = obj.get("status") or {}
    for name, quantity in amounts(status.get("capacity")).items():
        yield from _sound(quantity, f"status.capacity[{name}]")
    for name, state in (status.get("allocatedResourceStatuses") or {}).items():
        yield from _storage_only(name, "status.allocatedResourceStatuses")
        if state not in _RESIZE:
            yield unsupported("status.allocatedResourceStatuses", name, _RESIZE)
    for name, quantity in amounts(status.get("allocatedResources")).items():
        yield from _storage_only(name, "status.allocatedResources")
        yield from _sound(quantity, f"status.allocatedResources[{name}]")


def _storage_only(name: str, path: str) -> Causes:
    if "/" not in name and name != "storage":
        yield unsupported(path, name, ["storage"])


PERSISTENT: Mapping[str, Kind] = {
    "v1/persistentvolumes": Kind(create=_volume, update=_updated_volume, update_repeats_create=False),
    "v1/persistentvolumeclaims": Kind(
        create=_claim, update=_updated_claim, status=_claim_status, update_repeats_create=False
    ),
}
