"""Priority classes. Source: pkg/apis/scheduling/validation of Kubernetes 1.37."""

from __future__ import annotations

from fakekube.meta.objects import KubeObject, name_of
from fakekube.registry.validation.causes import Causes, forbidden, invalid, unsupported
from fakekube.registry.validation.kind import Kind
from fakekube.registry.validation.object_meta import IMMUTABLE

_USER_MAX = 1_000_000_000
_SYSTEM = "system-"
# What the scheduler brings itself, with its value; nobody takes another name of its own.
_SYSTEM_CLASSES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
_PREEMPTION = ("PreemptLowerPriority", "Never")


def _priority_class(obj: KubeObject) -> Causes:
    if name_of(obj).startswith(_SYSTEM):
        yield from _system_class(obj, name_of(obj))
    elif obj.get("value", 0) > _USER_MAX:
        yield forbidden("value", f"maximum allowed value of a user defined priority is {_USER_MAX}")
    if obj.get("preemptionPolicy", _PREEMPTION[0]) not in _PREEMPTION:
        yield unsupported("preemptionPolicy", obj["preemptionPolicy"], _PREEMPTION)


def _system_class(obj: KubeObject, name: str) -> Causes:
    known = _SYSTEM_CLASSES.get(name)
    fault = ""
    if known is None:
        fault = f"{name} is not a known system priority class"
    elif obj.get("value", 0) != known:
        fault = f"value of {name} PriorityClass must be {known}"
    elif obj.get("globalDefault"):
        fault = f"globalDefault of {name} PriorityClass must be false"
    if fault:
        detail = f"priority class names with '{_SYSTEM}' prefix are reserved for system use only. error: {fault}"
        yield forbidden("metadata.name", detail)


def _update(obj: KubeObject, held: KubeObject) -> Causes:
    if obj.get("value", 0) != held.get("value", 0):
        yield forbidden("value", "may not be changed in an update.")
    if obj.get("preemptionPolicy") != held.get("preemptionPolicy"):
        yield invalid("preemptionPolicy", obj.get("preemptionPolicy"), IMMUTABLE)


PRIORITY = {
    "scheduling.k8s.io/v1/priorityclasses": Kind(create=_priority_class, update=_update, update_repeats_create=False)
}
