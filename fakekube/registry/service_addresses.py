"""Addresses and ports that the server allocates for Services: cluster IPs, node ports, the health check's port.

Source: pkg/registry/core/service/storage (alloc.go) of Kubernetes 1.37, IPv4 only, range 10.0.0.0/24.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fakekube.meta.errors import Cause, StatusError, invalid
from fakekube.meta.objects import KubeObject, name_of
from fakekube.registry.site import Site
from fakekube.registry.validation.services import address_causes, single_stack

SERVICES = "services"
_PREFIX = "10.0.0."
# Addresses are handed out from behind the band that is kept for fixed ones.
_DYNAMIC = [*range(17, 255), *range(2, 17)]
_NODE_PORTS = range(30_000, 32_768)
# What a dry run shows: a port outside the range, so that nobody relies on it.
_DRY_RUN_PORT = 32_769
_WITH_NODE_PORTS = frozenset(["NodePort", "LoadBalancer"])


def allocated(site: Site, service: KubeObject, *, dry_run: bool) -> KubeObject:
    """A new or changed Service with everything it needs allocated. 422 for a fixed value that is taken."""
    spec = dict(service.get("spec") or {})
    kind = spec.get("type", "ClusterIP")
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    if kind == "ExternalName":
        return {**service, "spec": spec}
    causes = list(address_causes(spec)) or list(single_stack(spec))
    if causes:
        raise invalid("Service", "", name_of(service), causes)
    _allocate_address(site, service, spec)
    if kind in _WITH_NODE_PORTS:
        _allocate_ports(site, service, spec, dry_run=dry_run)
    return {**service, "spec": spec}


def kept_from(held: KubeObject, service: KubeObject) -> KubeObject:
    """An update that leaves allocated values out keeps them; values that belong to another type go with it."""
    old, spec = held.get("spec") or {}, dict(service.get("spec") or {})
    _follow_address(old, spec)
    _drop_others(old, spec)
    if "ExternalName" in (old.get("type"), spec.get("type")):
        return {**service, "spec": spec}
    for member in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if member not in spec and member in old:
            spec[member] = old[member]
    if spec.get("type") in _WITH_NODE_PORTS:
        spec["ports"] = _with_old_node_ports(old, spec)
        if _needs_health_check(spec) and "healthCheckNodePort" in old:
            spec.setdefault("healthCheckNodePort", old["healthCheckNodePort"])
    return {**service, "spec": spec}


def _with_old_node_ports(old: KubeObject, spec: KubeObject) -> list[KubeObject]:
    known = {(p.get("protocol"), p.get("port")): p["nodePort"] for p in old.get("ports") or [] if p.get("nodePort")}
    taken = {p.get("nodePort") for p in spec.get("ports") or []}
    ports: list[KubeObject] = []
    for port in spec.get("ports") or []:
        found = known.get((port.get("protocol"), port.get("port")))
        keeps = not port.get("nodePort") and found is not None and found not in taken
        ports.append({**port, "nodePort": found} if keeps else port)
    return ports


def _follow_address(old: KubeObject, spec: KubeObject) -> None:
    """A client that knows one address alone changes or clears the list with it."""
    address = spec.get("clusterIP") or ""
    if address == (old.get("clusterIP") or "") or spec.get("clusterIPs") != old.get("clusterIPs"):
        return
    if address:
        spec["clusterIPs"] = [address, *(old.get("clusterIPs") or [])[1:]]
    else:
        spec.pop("clusterIPs", None)


def _drop_others(old: KubeObject, spec: KubeObject) -> None:
    """What an update leaves as it was goes when its type has no use for it."""
    for members, has in _USES:
        if has(old) and not has(spec) and all(spec.get(name) == old.get(name) for name in members):
            for name in members:
                spec.pop(name, None)
    if _has_node_ports(old) and not _has_node_ports(spec) and _node_ports(old) == _node_ports(spec):
        spec["ports"] = [{k: v for k, v in port.items() if k != "nodePort"} for port in spec.get("ports") or []]


def _node_ports(spec: KubeObject) -> set[int]:
    return {port["nodePort"] for port in spec.get("ports") or [] if port.get("nodePort")}


def _allocate_address(site: Site, service: KubeObject, spec: KubeObject) -> None:
    wanted = spec.get("clusterIP") or ""
    if not wanted:
        wanted = _free_address(_others(site, service))
    elif wanted != "None" and not wanted.startswith(_PREFIX):
        why = f"the provided IP ({wanted}) is not in the valid range. The range of valid IPs is {_PREFIX}0/24"
        raise _taken(service, "spec.clusterIPs", f'["{wanted}"]', f"failed to allocate IP {wanted}: {why}")
    elif wanted != "None" and any(wanted == other.get("clusterIP") for other in _others(site, service)):
        raise _taken(
            service,
            "spec.clusterIPs",
            f'["{wanted}"]',
            f"failed to allocate IP {wanted}: provided IP is already allocated",
        )
    spec["clusterIP"] = wanted
    spec["clusterIPs"] = spec.get("clusterIPs") or [wanted]
    _set_families(spec)


def _set_families(spec: KubeObject) -> None:
    """One family, but for a headless Service without selector, which nobody can ask."""
    if spec["clusterIP"] == "None" and not spec.get("selector"):
        spec.setdefault("ipFamilies", ["IPv4", "IPv6"])
        spec.setdefault("ipFamilyPolicy", "RequireDualStack")
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")


def _others(site: Site, service: KubeObject) -> Iterator[KubeObject]:
    """The specs of all other Services."""
    me = (service["metadata"].get("namespace"), service["metadata"].get("name"))
    for item in site.store.keyspace(SERVICES).items():
        if (item.namespace, item.name) != me:
            yield item.obj.get("spec") or {}


def _free_address(others: Iterable[KubeObject]) -> str:
    used = {spec.get("clusterIP") for spec in others}
    for last in _DYNAMIC:
        address = f"{_PREFIX}{last}"
        if address not in used:
            return address
    raise StatusError(
        code=500,
        reason="InternalError",
        message="Internal error occurred: failed to allocate a serviceIP: range is full",
    )


def _allocate_ports(site: Site, service: KubeObject, spec: KubeObject, *, dry_run: bool) -> None:
    used = set(_used_ports(_others(site, service)))
    if spec.get("type") == "NodePort" or spec.get("allocateLoadBalancerNodePorts", True):
        spec["ports"] = [
            _with_port(service, port, used, f"spec.ports[{index}].nodePort", dry_run=dry_run)
            for index, port in enumerate(spec.get("ports") or [])
        ]
    if _needs_health_check(spec) and not spec.get("healthCheckNodePort"):
        spec["healthCheckNodePort"] = _DRY_RUN_PORT if dry_run else _free_port(used)


def _needs_health_check(spec: KubeObject) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _has_addresses(spec: KubeObject) -> bool:
    return spec.get("type") != "ExternalName"


def _has_node_ports(spec: KubeObject) -> bool:
    return spec.get("type") in _WITH_NODE_PORTS


def _is_balanced(spec: KubeObject) -> bool:
    return spec.get("type") == "LoadBalancer"


# Members, and which services use them.
_USES: tuple[tuple[tuple[str, ...], Callable[[KubeObject], bool]], ...] = (
    (("clusterIP", "clusterIPs"), _has_addresses),
    (("ipFamilies",), _has_addresses),
    (("ipFamilyPolicy",), _has_addresses),
    (("internalTrafficPolicy",), _has_addresses),
    (("healthCheckNodePort",), _needs_health_check),
    (("allocateLoadBalancerNodePorts",), _is_balanced),
    (("loadBalancerClass",), _is_balanced),
    (("externalTrafficPolicy",), _has_node_ports),
)


def _used_ports(others: Iterable[KubeObject]) -> Iterator[int]:
    for spec in others:
        yield from (port["nodePort"] for port in spec.get("ports") or [] if port.get("nodePort"))
        if spec.get("healthCheckNodePort"):
            yield spec["healthCheckNodePort"]


def _with_port(service: KubeObject, port: KubeObject, used: set[Any], path: str, *, dry_run: bool) -> KubeObject:
    wanted = port.get("nodePort")
    if wanted and wanted in used:
        raise _taken(service, path, str(wanted), "provided port is already allocated")
    if not wanted:
        wanted = _DRY_RUN_PORT if dry_run else _free_port(used)
    used.add(wanted)
    return {**port, "nodePort": wanted}


def _free_port(used: set[Any]) -> int:
    for port in _NODE_PORTS:
        if port not in used:
            used.add(port)
            return port
    raise StatusError(
        code=500,
        reason="InternalError",
        message="Internal error occurred: failed to allocate a nodePort: range is full",
    )


def _taken(service: KubeObject, field: str, value: str, why: str) -> StatusError:
    cause = Cause(reason="FieldValueInvalid", message=f"Invalid value: {value}: {why}", field=field)
    return invalid("Service", "", name_of(service), [cause])
