"""Storage classes, CSI drivers and nodes, capacities, attachments, attribute classes.

Source: pkg/apis/storage/validation of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.meta.objects import KubeObject
from fakekube.registry.quantity import parse_quantity
from fakekube.registry.validation.causes import (
    Causes,
    all_invalid,
    duplicate,
    forbidden,
    invalid,
    required,
    too_long,
    unsupported,
)
from fakekube.registry.validation.kind import Kind
from fakekube.registry.validation.names import dns_subdomain, qualified_name
from fakekube.registry.validation.object_meta import IMMUTABLE, not_negative
from fakekube.registry.validation.selectors import label_selector

_RECLAIM = ("Delete", "Retain")
_PASSES = {"reclaimPolicy": ("",)}
_BINDING = ("Immediate", "WaitForFirstConsumer")
_FS_GROUP = ("File", "None", "ReadWriteOnceWithFSType")
_LIFECYCLES = ("Persistent", "Ephemeral")
_PARAMETERS_MAX, _PARAMETERS_MAX_BYTES = 512, 256 * 1024
_TOKEN_LEAST_S, _TOKEN_MOST_S = 600, 1 << 32
_UPDATE_PERIOD_LEAST_S = 10
_ONE_SOURCE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"


def _supported(obj: KubeObject, member: str, path: str, values: Sequence[str]) -> Causes:
    if obj.get(member) is not None and obj[member] not in (*values, *_PASSES.get(member, ())):
        yield unsupported(f"{path}{member}", obj[member], values)


def _provisioner(name: str, path: str) -> Causes:
    if not name:
        yield required(path)
    else:
        yield from all_invalid(path, name.lower(), qualified_name(name.lower()))


def _parameters(parameters: dict[str, str], path: str, *, may_be_empty: bool) -> Causes:
    if len(parameters) > _PARAMETERS_MAX:
        yield invalid(path, len(parameters), f"must have at most {_PARAMETERS_MAX} items")
    if any(not key for key in parameters):
        yield invalid(path, "", "field can not be empty.")
    if sum(len(key.encode()) + len(value.encode()) for key, value in parameters.items()) > _PARAMETERS_MAX_BYTES:
        yield too_long(path, _PARAMETERS_MAX_BYTES)
    if not parameters and not may_be_empty:
        yield required(path, "must contain at least one key/value pair")


# Storage classes.


def _storage_class(obj: KubeObject) -> Causes:
    yield from _provisioner(obj.get("provisioner", ""), "provisioner")
    yield from _parameters(obj.get("parameters") or {}, "parameters", may_be_empty=True)
    yield from _supported(obj, "reclaimPolicy", "", _RECLAIM)
    yield from _supported(obj, "volumeBindingMode", "", _BINDING)
    yield from _topologies(obj.get("allowedTopologies") or [], "allowedTopologies")


def _topologies(terms: list[KubeObject], path: str) -> Causes:
    for index, term in enumerate(terms):
        place = f"{path}[{index}].matchLabelExpressions"
        expressions = term.get("matchLabelExpressions") or []
        if not expressions:
            yield duplicate(place, "")
        for number, expression in enumerate(expressions):
            key = expression.get("key", "")
            if not expression.get("values"):
                yield required(f"{place}[{number}].values")
            yield from all_invalid(f"{place}[{number}].key", key, qualified_name(key))


_STORAGE_CLASS_FIXED = ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode")


def _storage_class_update(obj: KubeObject, held: KubeObject) -> Causes:
    yield from _storage_class(obj)
    for member in _STORAGE_CLASS_FIXED:
        if obj.get(member) != held.get(member):
            yield invalid(member, None, IMMUTABLE)


# CSI drivers and nodes.


def _csi_driver(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    yield from _supported(spec, "fsGroupPolicy", "spec.", _FS_GROUP)
    yield from _token_requests(spec.get("tokenRequests") or [], "spec.tokenRequests")
    period = spec.get("nodeAllocatableUpdatePeriodSeconds")
    if period is not None and period < _UPDATE_PERIOD_LEAST_S:
        text = f"must be greater than or equal to {_UPDATE_PERIOD_LEAST_S} seconds"
        yield invalid("spec.nodeAllocatableUpdatePeriodSeconds", period, text)
    for mode in spec.get("volumeLifecycleModes") or []:
        if mode not in _LIFECYCLES:
            yield unsupported("spec.volumeLifecycleModes", mode, _LIFECYCLES)


def _token_requests(requests: list[KubeObject], path: str) -> Causes:
    seen: set[str] = set()
    for index, request in enumerate(requests):
        audience, seconds = request.get("audience", ""), request.get("expirationSeconds")
        if audience in seen:
            yield duplicate(f"{path}[{index}].audience", audience)
        seen.add(audience)
        if seconds is not None and seconds < _TOKEN_LEAST_S:
            yield invalid(
                f"{path}[{index}].expirationSeconds", seconds, "may not specify a duration less than 10 minutes"
            )
        elif seconds is not None and seconds > _TOKEN_MOST_S:
            yield invalid(
                f"{path}[{index}].expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds"
            )


def _csi_driver_update(obj: KubeObject, held: KubeObject) -> Causes:
    yield from _csi_driver(obj)
    new, old = obj.get("spec") or {}, held.get("spec") or {}
    if new.get("attachRequired") != old.get("attachRequired"):
        yield invalid("spec.attachedRequired", new.get("attachRequired"), IMMUTABLE)
    if new.get("volumeLifecycleModes") != old.get("volumeLifecycleModes"):
        yield invalid("spec.volumeLifecycleModes", new.get("volumeLifecycleModes"), IMMUTABLE)


def _csi_node(obj: KubeObject) -> Causes:
    seen: set[str] = set()
    for index, driver in enumerate((obj.get("spec") or {}).get("drivers") or []):
        yield from _node_driver(driver, f"spec.drivers[{index}]")
        name = driver.get("name", "")
        if name in seen:
            yield duplicate(f"spec.drivers[{index}].name", name)
        seen.add(name)


def _node_driver(driver: KubeObject, path: str) -> Causes:
    name = driver.get("name", "")
    if not name:
        yield required(f"{path}.name")
    else:
        yield from all_invalid(f"{path}.name", name, dns_subdomain(name.lower()))
    if not driver.get("nodeID"):
        yield required(f"{path}.nodeID")
    yield from not_negative((driver.get("allocatable") or {}).get("count") or 0, f"{path}.allocatable.count")
    keys = driver.get("topologyKeys") or []
    for at, key in enumerate(keys):
        if not key:
            yield required(path)
        if key in keys[:at]:
            yield duplicate(path, key)
        yield from all_invalid(path, key, qualified_name(key))


def _csi_node_update(obj: KubeObject, held: KubeObject) -> Causes:
    yield from _csi_node(obj)
    wanted = {each["name"]: each for each in (obj.get("spec") or {}).get("drivers") or [] if each.get("name")}
    for old in (held.get("spec") or {}).get("drivers") or []:
        new = wanted.get(old["name"])
        if new is not None and new != old:
            yield invalid("spec.drivers", _go_driver(new), IMMUTABLE)


def _go_driver(driver: KubeObject) -> KubeObject:
    """The driver as Go prints the internal struct."""
    count = (driver.get("allocatable") or {}).get("count")
    return {
        "Name": driver["name"],
        "NodeID": driver.get("nodeID", ""),
        "TopologyKeys": driver.get("topologyKeys"),
        "Allocatable": None if count is None else {"Count": count},
    }


# Capacities, attachments, attribute classes.


def _capacity(obj: KubeObject) -> Causes:
    name = obj.get("storageClassName", "")
    yield from all_invalid("storageClassName", name, dns_subdomain(name))
    yield from label_selector(obj.get("nodeTopology"), "nodeTopology")
    if "capacity" in obj and parse_quantity(str(obj["capacity"])).unscaled < 0:
        yield invalid("capacity", str(obj["capacity"]), "must be greater than or equal to 0")


def _capacity_update(obj: KubeObject, held: KubeObject) -> Causes:
    yield from _capacity(obj)
    for member in ("nodeTopology", "storageClassName"):
        if obj.get(member) != held.get(member):
            yield invalid(member, obj.get(member), IMMUTABLE)


def _attachment(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    attacher, node = spec.get("attacher", ""), spec.get("nodeName", "")
    if attacher:
        yield from _attacher(attacher, "spec.attacher")
    yield from _source(spec.get("source") or {}, "spec.source")
    yield from all_invalid("spec.nodeName", node, dns_subdomain(node))
    if not attacher and (obj.get("metadata") or {}).get("name"):
        yield required("spec.attacher")


def _attacher(name: str, path: str) -> Causes:
    """A driver's name, in any case: the words speak of capitals."""
    if not name:
        yield required(path)
        return
    for fault in dns_subdomain(name.lower()):
        said = fault.replace("a lowercase RFC 1123 subdomain", "an RFC 1123 subdomain")
        said = said.replace("lower case alphanumeric", "alphanumeric").replace("'example.com'", "'Example.com'")
        yield invalid(path, name, said)


def _source(source: KubeObject, path: str) -> Causes:
    inline, name = source.get("inlineVolumeSpec"), source.get("persistentVolumeName")
    if inline is None and name is None:
        yield required(path, _ONE_SOURCE)
    elif inline is not None and name is not None:
        yield forbidden(path, _ONE_SOURCE)
    elif name is not None:
        if not name:
            yield required(f"{path}.persistentVolumeName", "must specify non empty persistentVolumeName")
        yield from all_invalid(f"{path}.persistentVolumeName", name, dns_subdomain(name))


def _attachment_update(obj: KubeObject, held: KubeObject) -> Causes:
    yield from _attachment(obj)
    if obj.get("spec") != held.get("spec"):
        yield invalid("spec", None, IMMUTABLE)


def _attributes_class(obj: KubeObject) -> Causes:
    yield from _provisioner(obj.get("driverName", ""), "driverName")
    yield from _parameters(obj.get("parameters") or {}, "parameters", may_be_empty=False)


def _attributes_class_update(obj: KubeObject, held: KubeObject) -> Causes:
    for member in ("driverName", "parameters"):
        if obj.get(member) != held.get(member):
            yield forbidden(member, f"updates to {member} are forbidden.")


STORAGE = {
    "storage.k8s.io/v1/storageclasses": Kind(
        create=_storage_class, update=_storage_class_update, update_repeats_create=False
    ),
    "storage.k8s.io/v1/csidrivers": Kind(create=_csi_driver, update=_csi_driver_update, update_repeats_create=False),
    "storage.k8s.io/v1/csinodes": Kind(create=_csi_node, update=_csi_node_update, update_repeats_create=False),
    "storage.k8s.io/v1/csistoragecapacities": Kind(
        create=_capacity, update=_capacity_update, update_repeats_create=False
    ),
    "storage.k8s.io/v1/volumeattachments": Kind(
        create=_attachment, update=_attachment_update, update_repeats_create=False
    ),
    "storage.k8s.io/v1/volumeattributesclasses": Kind(
        create=_attributes_class, update=_attributes_class_update, update_repeats_create=False
    ),
}
