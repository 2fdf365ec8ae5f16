"""Which objects a ResourceQuota with scopes counts: pods by how they live and where they go, claims by their attributes.

Source: pkg/quota/v1/evaluator/core of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fakekube.meta.objects import KubeObject
from fakekube.registry.amounts import plus
from fakekube.registry.limits import pod_amounts

_REQUIRED, _PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)


def fits(quota: KubeObject, resource: str, obj: KubeObject) -> bool:
    """Whether `obj` of `resource` is in all scopes of `quota`; one without scopes takes everything."""
    wanted = scopes_of(quota)
    return not wanted or all(_fits(each, resource, obj) for each in wanted)


def scopes_of(quota: KubeObject) -> list[KubeObject]:
    """All scopes as requirements."""
    spec = quota.get("spec") or {}
    named = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
    return [*named, *((spec.get("scopeSelector") or {}).get("matchExpressions") or ())]


def _fits(scope: Mapping[str, Any], resource: str, obj: KubeObject) -> bool:
    name = str(scope.get("scopeName"))
    names = _NAMED.get((resource, name))
    if names is not None:
        return _selects(scope, names(obj))
    holds = _HELD.get(name) if resource == "pods" else None
    return holds is not None and holds(obj)


def is_terminating_pod(pod: KubeObject) -> bool:
    """Whether its time is limited."""
    return (pod.get("spec") or {}).get("activeDeadlineSeconds") is not None


def _is_best_effort(pod: KubeObject) -> bool:
    asked = plus([pod_amounts(pod, "requests"), pod_amounts(pod, "limits")])
    return not any(each in asked for each in ("cpu", "memory"))


def _looks_elsewhere(pod: KubeObject) -> bool:
    """Whether it wants to be near to pods of other namespaces, or far from them."""
    return any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in _affinity_terms(pod))


def _affinity_terms(pod: KubeObject) -> Iterator[KubeObject]:
    affinity = (pod.get("spec") or {}).get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        found = affinity.get(kind) or {}
        yield from found.get(_REQUIRED) or ()
        yield from (each.get("podAffinityTerm") or {} for each in found.get(_PREFERRED) or ())


_HELD: Mapping[str, Callable[[KubeObject], bool]] = {
    "Terminating": is_terminating_pod,
    "NotTerminating": lambda pod: not is_terminating_pod(pod),
    "BestEffort": _is_best_effort,
    "NotBestEffort": lambda pod: not _is_best_effort(pod),
    "CrossNamespacePodAffinity": _looks_elsewhere,
}


def _priority_class(pod: KubeObject) -> list[str]:
    name = (pod.get("spec") or {}).get("priorityClassName")
    return [name] if name else []


def attributes_classes(claim: KubeObject) -> list[str]:
    """The classes that a claim has, wants, or is on the way to."""
    status = claim.get("status") or {}
    names = [
        (claim.get("spec") or {}).get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
    ]
    return [name for name in dict.fromkeys(names) if name]


_NAMED: Mapping[tuple[str, str], Callable[[KubeObject], list[str]]] = {
    ("pods", "PriorityClass"): _priority_class,
    ("persistentvolumeclaims", "VolumeAttributesClass"): attributes_classes,
}


def _selects(scope: Mapping[str, Any], names: list[str]) -> bool:
    """Whether one of the names is selected; where there are none, whether that is."""
    operator, values = str(scope.get("operator")), scope.get("values") or ()
    if operator in ("Exists", "DoesNotExist"):
        return bool(names) == (operator == "Exists")
    if operator == "In":
        return any(name in values for name in names)
    return not names or any(name not in values for name in names)
