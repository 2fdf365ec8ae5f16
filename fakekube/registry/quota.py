"""ResourceQuota: counts what is created against `status.hard` of every quota of the namespace.

As on the real server, a quota counts only what its status has: the spec comes there by a controller, or by hand.
Source: k8s.io/apiserver/pkg/admission/plugin/resourcequota and pkg/quota/v1/evaluator/core of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fakekube.meta.errors import StatusError, forbidden
from fakekube.meta.objects import KubeObject, name_of, namespace_of
from fakekube.registry.amounts import Amounts, added, amount, less
from fakekube.registry.limits import pod_amounts
from fakekube.registry.quota_scopes import attributes_classes, fits, is_terminating_pod
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served
from fakekube.storage.items import Item

RESOURCE_QUOTAS = "resourcequotas"
# Counted by their plain names too, from before `count/`.
_PLAIN = frozenset(
    ["configmaps", "persistentvolumeclaims", "replicationcontrollers", "resourcequotas", "secrets", "services"]
)
_COMPUTE = ("cpu", "memory", "ephemeral-storage")


def charge(site: Site, served: Served, namespace: str, obj: KubeObject, *, counts: bool) -> None:
    """403 when a quota of the namespace has no room for the new `obj`. It is added to all of them if it `counts`."""
    quotas = [
        item for item in site.store.keyspace(RESOURCE_QUOTAS).listed(namespace) if _matches(item.obj, served, obj)
    ]
    if not quotas:
        return
    usage = _usage(served, obj)
    changed = [(item, _charged(served, item.obj, obj, usage)) for item in quotas]
    _write_all(site, changed, counts=counts)


def charge_update(
    site: Site, served: Served, namespace: str, obj: KubeObject, held: KubeObject, subresource: str, *, counts: bool
) -> None:
    """The same for `held` that becomes `obj`: a quota that counts both is charged what is more, another one all of it."""
    handles = _UPDATES.get((served.type.qualified, subresource))
    if handles is None or RESOURCE_QUOTAS not in site.store.used_resources() or not handles(obj, held):
        return
    usage = _usage(served, obj)
    more = _more(usage, _usage(served, held))
    changed = []
    for item in site.store.keyspace(RESOURCE_QUOTAS).listed(namespace):
        if _matches(item.obj, served, obj):
            delta = more if _matches(item.obj, served, held) else usage
            changed.append((item, _charged(served, item.obj, obj, delta, is_limited=subresource != "status")))
    _write_all(site, changed, counts=counts)


def _more(usage: Amounts, before: Amounts) -> Amounts:
    return {name: less(text, before.get(name, "0")) for name, text in usage.items()}


# Resource and subresource -> whether an update of these, wanted and held, is counted.
_UPDATES: Mapping[tuple[str, str], Callable[[KubeObject, KubeObject], bool]] = {
    ("pods", ""): lambda obj, held: is_terminating_pod(obj) != is_terminating_pod(held),
    ("pods", "resize"): lambda obj, held: True,
    ("services", ""): lambda obj, held: True,
    ("persistentvolumeclaims", ""): lambda obj, held: True,
    ("persistentvolumeclaims", "status"): lambda obj, held: attributes_classes(obj) != attributes_classes(held),
}


def _write_all(site: Site, changed: Sequence[tuple[Item, Amounts]], *, counts: bool) -> None:
    for item, used in changed:
        if used and counts:
            _write(site, item, used)


def used_of(site: Site, quota: KubeObject) -> Amounts:
    """What is used now of everything that the quota's spec limits, counted from what is there."""
    hard: Mapping[str, Any] = (quota.get("spec") or {}).get("hard") or {}
    total = dict.fromkeys(sorted(hard), "0")
    for served in _counted(site):
        for item in site.store.keyspace(served.key).listed(namespace_of(quota)):
            if _matches(quota, served, item.obj):
                for name, text in _usage(served, item.obj).items():
                    if name in total:
                        total[name] = added(total[name], text)
    return total


def _counted(site: Site) -> list[Served]:
    """One namespaced resource for each storage that holds something."""
    used = set(site.store.used_resources())
    return [each for key, each in sorted(site.stored().items()) if each.namespaced and key in used]


def _has_ended(obj: KubeObject) -> bool:
    return obj["kind"] == "Pod" and (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _write(site: Site, item: Item, used: Amounts) -> None:
    status: KubeObject = item.obj["status"]
    charged = {**item.obj, "status": {**status, "used": dict(sorted(used.items()))}}
    site.store.put(RESOURCE_QUOTAS, item.namespace, item.name, charged)


def _charged(served: Served, quota: KubeObject, obj: KubeObject, usage: Amounts, *, is_limited: bool = True) -> Amounts:
    """`status.used` after `obj`; empty when the quota counts nothing of it. What is not limited is counted all the same."""
    status = quota.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    missing = _missing(served, obj, hard)
    if missing:
        raise _refused(served, obj, f"failed quota: {name_of(quota)}: must specify {missing}")
    asked = {name: usage[name] for name in sorted(hard) if name in usage and amount(usage[name])}
    total = {name: added(str(used.get(name, "0")), text) for name, text in asked.items()}
    over = [name for name in asked if amount(total[name]) > amount(hard[name])]
    if over and is_limited:
        raise _refused(
            served,
            obj,
            f"exceeded quota: {name_of(quota)}, requested: {_pretty(asked, over)}, "
            f"used: {_pretty(used, over)}, limited: {_pretty(hard, over)}",
        )
    return {**used, **total} if total else {}


def _refused(served: Served, obj: KubeObject, why: str) -> StatusError:
    return forbidden(served.type.plural, served.type.group, name_of(obj), why)


def _pretty(amounts: Mapping[str, Any], names: Sequence[str]) -> str:
    return ",".join(f"{name}={amounts.get(name, '0')}" for name in names)


def _missing(served: Served, obj: KubeObject, hard: Mapping[str, Any]) -> str:
    """What a pod must say about its containers because a quota counts it."""
    if served.type.qualified != "pods":
        return ""
    spec = obj.get("spec") or {}
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    faults = []
    for name in sorted(hard):
        member, _, resource = name.rpartition(".")
        if resource not in ("cpu", "memory") or member not in ("", "requests", "limits"):
            continue
        silent = [
            str(each.get("name"))
            for each in containers
            if resource not in ((each.get("resources") or {}).get(member or "requests") or {})
        ]
        if silent:
            faults.append(f"{name} for: {','.join(sorted(silent))}")
    return "; ".join(faults)


def usage_of(site: Site, resource: str, obj: KubeObject) -> Amounts:
    """What one object of a stored resource counts for, by every name that a quota may use."""
    return _usage(site.stored()[resource], obj)


def _usage(served: Served, obj: KubeObject) -> Amounts:
    """What one object counts for, by every name that a quota may use."""
    kind = served.type
    counted: dict[str, str] = {f"count/{kind.qualified}": "1"}
    if kind.qualified in _PLAIN:
        counted[kind.plural] = "1"
    measure = _MEASURES.get(kind.qualified)
    return counted if measure is None else {**counted, **measure(obj)}


def _pod_usage(pod: KubeObject) -> Amounts:
    """Nothing when it has ended; that it is there still counts."""
    if _has_ended(pod):
        return {}
    requests, limits = pod_amounts(pod, "requests"), pod_amounts(pod, "limits")
    found = {name: requests[name] for name in _COMPUTE if name in requests}
    found |= {"pods": "1"} | {f"requests.{name}": text for name, text in requests.items()}
    return found | {f"limits.{name}": text for name, text in limits.items()}


def _claim_usage(claim: KubeObject) -> Amounts:
    spec = claim.get("spec") or {}
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage", "0")
    found = {"requests.storage": storage}
    if spec.get("storageClassName"):
        prefix = f"{spec['storageClassName']}.storageclass.storage.k8s.io"
        found |= {f"{prefix}/requests.storage": storage, f"{prefix}/persistentvolumeclaims": "1"}
    return found


def _service_usage(service: KubeObject) -> Amounts:
    spec = service.get("spec") or {}
    ports = str(len(spec.get("ports") or ()))
    if spec.get("type") == "NodePort":
        return {"services.nodeports": ports}
    if spec.get("type") == "LoadBalancer":
        nodes = "0" if spec.get("allocateLoadBalancerNodePorts") is False else ports
        return {"services.loadbalancers": "1", "services.nodeports": nodes}
    return {}


_MEASURES = {"persistentvolumeclaims": _claim_usage, "pods": _pod_usage, "services": _service_usage}


def _matches(quota: KubeObject, served: Served, obj: KubeObject) -> bool:
    return fits(quota, served.type.qualified, obj)
