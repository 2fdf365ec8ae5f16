"""Priority classes. Source: pkg/apis/scheduling/validation of Kubernetes 1.37."""

from __future__ import annotations

from fakekube.meta.objects import KubeObject, name_of
from fakekube.registry.validation.causes import Causes, forbidden, invalid, unsupported
from fakekube.registry.validation.kind import Kind
from fakekube.registry.validation.object_meta import IMMUTABLE

_USER_MAX = 1_000_000_000
_SYSTEM = "system-"
_PREEMPTION = ("PreemptLowerPriority", "Never")


def _priority_class(obj: KubeObject) -> Causes:
    if not name_of(obj).startswith(_SYSTEM) and obj.get("value", 0) > _USER_MAX:
        yield forbidden("value", f"maximum allowed value of a user defined priority is {_USER_MAX}")
    if obj.get("preemptionPolicy", _PREEMPTION[0]) not in _PREEMPTION:
        yield unsupported("preemptionPolicy", obj["preemptionPolicy"], _PREEMPTION)


def _update(obj: KubeObject, held: KubeObject) -> Causes:
    if obj.get("value", 0) != held.get("value", 0):
        yield forbidden("value", "may not be changed in an update.")
    if obj.get("preemptionPolicy") != held.get("preemptionPolicy"):
        yield invalid("preemptionPolicy", obj.get("preemptionPolicy"), IMMUTABLE)


PRIORITY = {
    "scheduling.k8s.io/v1/priorityclasses": Kind(create=_priority_class, update=_update, update_repeats_create=False)
}
