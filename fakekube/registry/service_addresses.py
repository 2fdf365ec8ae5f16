"""Addresses and ports that the server allocates for Services: cluster IPs, node ports, the health check's port.

Source: pkg/registry/core/service/storage (alloc.go) of Kubernetes 1.37, IPv4 only, range 10.0.0.0/24.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fakekube.meta.errors import Cause, StatusError, invalid
from fakekube.meta.objects import KubeObject, name_of
from fakekube.registry.site import Site

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
    if kind == "ExternalName":
        return {**service, "spec": _without_addresses(spec)}
    _allocate_address(site, service, spec)
    if kind in _WITH_NODE_PORTS:
        _allocate_ports(site, service, spec, dry_run=dry_run)
    else:
        _drop_node_ports(spec)
    return {**service, "spec": spec}


def kept_from(held: KubeObject, service: KubeObject) -> KubeObject:
    """An update that leaves allocated values out keeps them."""
    old, spec = held.get("spec") or {}, dict(service.get("spec") or {})
    if "ExternalName" in (old.get("type"), spec.get("type")):
        return service
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


def _without_addresses(spec: KubeObject) -> KubeObject:
    dropped = (
        "clusterIP",
        "clusterIPs",
        "ipFamilies",
        "ipFamilyPolicy",
        "internalTrafficPolicy",
        "healthCheckNodePort",
    )
    return {member: value for member, value in spec.items() if member not in dropped}


def _drop_node_ports(spec: KubeObject) -> None:
    """Ports of a Service that has them no longer."""
    if spec.get("ports"):
        spec["ports"] = [{k: v for k, v in port.items() if k != "nodePort"} for port in spec["ports"]]


def _allocate_address(site: Site, service: KubeObject, spec: KubeObject) -> None:
    wanted = spec.get("clusterIP") or next(iter(spec.get("clusterIPs") or []), "")
    if not wanted:
        wanted = _free_address(_others(site, service))
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
        spec["ports"] = [_with_port(service, port, used, dry_run=dry_run) for port in spec.get("ports") or []]
    if _needs_health_check(spec) and not spec.get("healthCheckNodePort"):
        spec["healthCheckNodePort"] = _DRY_RUN_PORT if dry_run else _free_port(used)


def _needs_health_check(spec: KubeObject) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _used_ports(others: Iterable[KubeObject]) -> Iterator[int]:
    for spec in others:
        yield from (port["nodePort"] for port in spec.get("ports") or [] if port.get("nodePort"))
        if spec.get("healthCheckNodePort"):
            yield spec["healthCheckNodePort"]


def _with_port(service: KubeObject, port: KubeObject, used: set[Any], *, dry_run: bool) -> KubeObject:
    wanted = port.get("nodePort")
    if wanted and wanted in used:
        raise _taken(service, "spec.ports[0].nodePort", str(wanted), "provided port is already allocated")
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
