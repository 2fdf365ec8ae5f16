"""LimitRanger: what a LimitRange fills into new pods, and what it refuses of pods and claims.

Source: plugin/pkg/admission/limitranger of Kubernetes 1.37; texts as recorded from kube-apiserver 1.37.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from fakekube.meta.errors import StatusError, forbidden
from fakekube.meta.objects import KubeObject, metadata, name_of
from fakekube.registry.amounts import Amounts, amount, most, plus
from fakekube.registry.metadata import with_metadata
from fakekube.registry.site import Site

LIMIT_RANGES = "limitranges"
_NOTE = "kubernetes.io/limit-ranger"
_CONTAINERS = {"containers": "container", "initContainers": "init container"}


def with_default_limits(site: Site, namespace: str, pod: KubeObject) -> KubeObject:
    """`pod` with the requests and limits that it leaves open and a LimitRange has, and a note of them."""
    for found in _ranges(site, namespace):
        limits, requests = _defaults(found)
        if limits or requests:
            pod = _with_defaults(pod, limits, requests)
    return pod


def require_within_limits(site: Site, resource: str, namespace: str, obj: KubeObject) -> None:
    """403 for a new pod or claim (`resource` is qualified) outside of a LimitRange of its namespace."""
    rules = _RULES.get(resource)
    if rules is None:
        return
    for found in _ranges(site, namespace):
        faults = list(dict.fromkeys(fault for limit in _limits(found) for fault in rules(obj, limit)))
        if faults:
            raise _refused(resource, obj, faults)


def _refused(resource: str, obj: KubeObject, faults: Sequence[str]) -> StatusError:
    return forbidden(resource, "", name_of(obj), faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]")


def _ranges(site: Site, namespace: str) -> list[KubeObject]:
    return [item.obj for item in site.store.keyspace(LIMIT_RANGES).listed(namespace)]


def _limits(limit_range: KubeObject) -> Sequence[KubeObject]:
    return (limit_range.get("spec") or {}).get("limits") or ()


def _defaults(limit_range: KubeObject) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    limits: dict[str, Any] = {}
    requests: dict[str, Any] = {}
    for each in _limits(limit_range):
        if each.get("type") == "Container":
            limits |= each.get("default") or {}
            requests |= each.get("defaultRequest") or {}
    return limits, requests


def _with_defaults(pod: KubeObject, limits: Mapping[str, Any], requests: Mapping[str, Any]) -> KubeObject:
    spec = dict(pod.get("spec") or {})
    notes: list[str] = []
    for member, kind in _CONTAINERS.items():
        if spec.get(member):
            spec[member] = [_filled(each, kind, limits, requests, notes) for each in spec[member]]
    if not notes:
        return pod
    annotations = {**(metadata(pod).get("annotations") or {}), _NOTE: f"LimitRanger plugin set: {'; '.join(notes)}"}
    return with_metadata({**pod, "spec": spec}, annotations=annotations)


def _filled(
    container: KubeObject, kind: str, limits: Mapping[str, Any], requests: Mapping[str, Any], notes: list[str]
) -> KubeObject:
    resources = dict(container.get("resources") or {})
    for member, word, defaults in (("requests", "request", requests), ("limits", "limit", limits)):
        given = resources.get(member) or {}
        added = {name: defaults[name] for name in sorted(defaults) if name not in given}
        if added:
            resources[member] = {**given, **added}
            notes.append(f"{', '.join(added)} {word} for {kind} {container.get('name', '')}")
    return {**container, "resources": resources}


# --- rules ------------------------------------------------------------------------------------------------------------


def _pod_rules(pod: KubeObject, limit: KubeObject) -> Iterator[str]:
    if limit.get("type") == "Container":
        for member in _CONTAINERS:
            for container in (pod.get("spec") or {}).get(member) or ():
                resources = container.get("resources") or {}
                yield from _faults(limit, resources.get("requests") or {}, resources.get("limits") or {})
    elif limit.get("type") == "Pod":
        yield from _faults(limit, pod_amounts(pod, "requests"), pod_amounts(pod, "limits"))


def pod_amounts(pod: KubeObject, member: str) -> Amounts:
    """What a pod asks for at its peak: all containers together, or the largest init container."""
    spec = pod.get("spec") or {}
    running = plus(_amounts(spec.get("containers"), member))
    sidecars = [each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"]
    starting = [each for each in spec.get("initContainers") or () if each.get("restartPolicy") != "Always"]
    beside = plus(_amounts(sidecars, member))
    peak = most([plus([running, beside]), *(plus([each, beside]) for each in _amounts(starting, member))])
    return plus([peak, spec.get("overhead") or {}]) if peak or member == "requests" else peak


def _amounts(containers: Iterable[KubeObject] | None, member: str) -> list[Amounts]:
    return [(each.get("resources") or {}).get(member) or {} for each in containers or ()]


def _faults(limit: KubeObject, requests: Amounts, limits: Amounts) -> Iterator[str]:
    for name, least in sorted((limit.get("min") or {}).items()):
        usage = f"minimum {name} usage per {limit['type']} is {least}"
        if name not in requests:
            yield f"{usage}.  No request is specified"
        elif amount(requests[name]) < amount(least):
            yield f"{usage}, but request is {requests[name]}"
        elif name in limits and amount(limits[name]) < amount(least):
            yield f"{usage}, but limit is {limits[name]}"
    for name, top in sorted((limit.get("max") or {}).items()):
        usage = f"maximum {name} usage per {limit['type']} is {top}"
        if name not in limits:
            yield f"{usage}.  No limit is specified"
        elif amount(limits[name]) > amount(top):
            yield f"{usage}, but limit is {limits[name]}"
        elif name in requests and amount(requests[name]) > amount(top):
            yield f"{usage}, but request is {requests[name]}"
    for name, ratio in sorted((limit.get("maxLimitRequestRatio") or {}).items()):
        yield from _ratio_faults(
            f"{name} max limit to request ratio per {limit['type']} is {ratio}", ratio, name, requests, limits
        )


def _ratio_faults(usage: str, ratio: str, name: str, requests: Amounts, limits: Amounts) -> Iterator[str]:
    request, limit = _amount_in(requests, name), _amount_in(limits, name)
    if not request:
        yield f"{usage}, but no request is specified or request is 0"
    elif not limit:
        yield f"{usage}, but no limit is specified or limit is 0"
    elif limit / request > amount(ratio):
        yield f"{usage}, but provided ratio is {float(limit / request):f}"


def _amount_in(amounts: Amounts, name: str) -> Fraction:
    return amount(amounts[name]) if name in amounts else Fraction(0)


def _claim_rules(claim: KubeObject, limit: KubeObject) -> Iterator[str]:
    if limit.get("type") != "PersistentVolumeClaim":
        return
    requests = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    for name, least in sorted((limit.get("min") or {}).items()):
        usage = f"minimum {name} usage per PersistentVolumeClaim is {least}"
        if name not in requests:
            yield f"{usage}.  No request is specified"
        elif amount(requests[name]) < amount(least):
            yield f"{usage}, but request is {requests[name]}"
    for name, top in sorted((limit.get("max") or {}).items()):
        usage = f"maximum {name} usage per PersistentVolumeClaim is {top}"
        if name not in requests:
            yield f"{usage}.  No request is specified"
        elif amount(requests[name]) > amount(top):
            yield f"{usage}, but request is {requests[name]}"


_RULES = {"persistentvolumeclaims": _claim_rules, "pods": _pod_rules}
