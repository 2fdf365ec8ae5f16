"""What the status of a pod may say. Source: ValidatePodStatusUpdate of pkg/apis/core/validation, Kubernetes 1.37."""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import Causes, all_invalid, duplicate, forbidden, invalid
from fakekube.registry.validation.containers import names_of
from fakekube.registry.validation.names import dns_subdomain, ip_address, qualified_name
from fakekube.registry.validation.object_meta import immutable

_SYSTEM_CONDITIONS = ("PodScheduled", "Ready", "Initialized")
_ONE_EACH = "may specify no more than one IP for each IP family"


def pod_status(obj: KubeObject, held: KubeObject) -> Causes:
    new, old = obj.get("status") or {}, held.get("status") or {}
    for index, condition in enumerate(new.get("conditions") or ()):
        kind = condition.get("type") or ""
        if kind not in _SYSTEM_CONDITIONS:
            yield from all_invalid(f"status.conditions[{index}].Type", kind, qualified_name(kind))
    yield from _nominated(new, old, (held.get("spec") or {}).get("nodeName") or "")
    yield from immutable(new.get("qosClass") or "", old.get("qosClass") or "", "status.qosClass")
    for kind in ("containerStatuses", "initContainerStatuses"):
        yield from _ended(new.get(kind) or [], old.get(kind) or [], f"status.{kind}", held.get("spec") or {})
    yield from _claims(new.get("resourceClaimStatuses") or [], (obj.get("spec") or {}).get("resourceClaims") or [])
    yield from _pod_addresses(new)
    yield from _host_addresses(new)


def _nominated(new: KubeObject, old: KubeObject, node: str) -> Causes:
    name, before = new.get("nominatedNodeName") or "", old.get("nominatedNodeName") or ""
    if not name or name == before:
        return
    yield from all_invalid("status.nominatedNodeName", name, dns_subdomain(name))
    if node:
        yield forbidden("status.nominatedNodeName", "may not be set on pods that are already bound to a node")


def _ended(new: Sequence[KubeObject], old: Sequence[KubeObject], path: str, spec: KubeObject) -> Causes:
    """A container that has ended, and that its pod does not restart, runs no more."""
    policy = spec.get("restartPolicy")
    if policy == "Always":
        return
    wanted = {status.get("name"): status.get("state") or {} for status in new}
    for index, status in enumerate(old):
        end, state = (status.get("state") or {}).get("terminated"), wanted.get(status.get("name"))
        restarts = end is not None and policy == "OnFailure" and end.get("exitCode")
        if end is not None and state is not None and not restarts and state.get("terminated") is None:
            yield forbidden(f"{path}[{index}].state", "may not be transitioned to non-terminated state")


def _claims(statuses: Sequence[KubeObject], claims: Sequence[KubeObject]) -> Causes:
    known, seen = set(names_of(claims)), set()
    for index, status in enumerate(statuses):
        name, path = status.get("name", ""), f"status.resourceClaimStatuses[{index}].name"
        if name not in known:
            yield invalid(path, name, "must match the name of an entry in `spec.resourceClaims`")
        if name in seen:
            yield duplicate(path, name)
        seen.add(name)


def _pod_addresses(status: KubeObject) -> Causes:
    listed, single = _listed(status, "podIPs"), status.get("podIP") or ""
    yield from _addresses(listed, "status.podIPs")
    if bool(single) != bool(listed):
        detail = "podIP and podIPs must either both be set or both be unset"
        yield invalid("status.podIPs", _shown(listed) or None, detail)
    elif listed and listed[0] != single:
        yield invalid("status.podIPs[0].ip", listed[0], "must be equal to `podIP`")


def _host_addresses(status: KubeObject) -> Causes:
    listed, single = _listed(status, "hostIPs"), status.get("hostIP") or ""
    if listed and listed[0] != single:
        yield invalid("status.hostIPs[0].ip", listed[0], "must be equal to `hostIP`")
    yield from _addresses(listed, "status.hostIPs")


def _listed(status: KubeObject, member: str) -> list[str]:
    return [each.get("ip", "") for each in status.get(member) or ()]


def _addresses(listed: Sequence[str], path: str) -> Causes:
    for index, address in enumerate(listed):
        yield from all_invalid(f"{path}[{index}]", address, ip_address(address))
    if len(listed) > 2 or (len(listed) == 2 and (":" in listed[0]) == (":" in listed[1])):
        yield invalid(path, _shown(listed), _ONE_EACH)


def _shown(listed: Sequence[str]) -> list[KubeObject]:
    return [{"IP": address} for address in listed]
