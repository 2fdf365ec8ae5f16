"""Services before they are validated: addresses, families and ports that the server allocates for them.

Source: pkg/registry/core/service of Kubernetes 1.37 (strategy.go, storage/alloc.go): IPv4 alone, 10.0.0.0/24.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from fakekube.meta.errors import Cause
from fakekube.meta.errors import invalid as refused
from fakekube.meta.objects import KubeObject, name_of, uid_of
from fakekube.registry.options import WriteOptions
from fakekube.registry.site import Site
from fakekube.registry.validation.causes import invalid
from fakekube.registry.validation.services import address_causes, single_stack

SERVICE_RANGE = ipaddress.IPv4Network("10.0.0.0/24")
NODE_PORTS = range(30_000, 32_768)
# The first addresses of the range are left to who asks for them by name.
_STATIC_ADDRESSES = 16
_PORT_TAKEN = "provided port is already allocated"
_HOSTS = tuple(str(address) for address in SERVICE_RANGE.hosts())
_WITH_NODE_PORTS = ("NodePort", "LoadBalancer")
_ALLOCATED = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")


def _spec(obj: KubeObject) -> KubeObject:
    spec: KubeObject = obj.get("spec") or {}
    return spec


def service(site: Site, obj: KubeObject, options: WriteOptions) -> KubeObject:
    """With all that it needs. 422 when what it asks for cannot be had."""
    return _allotted(obj, _Dry() if options.dry_run else _Taken(site, obj))


def _allotted(obj: KubeObject, taken: _Allocator) -> KubeObject:
    spec = dict(_spec(obj))
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    if spec.get("type") == "ExternalName":
        return {**obj, "spec": spec}
    _require(obj, list(address_causes(spec)) or list(single_stack(spec)))
    spec = {**spec, **_families(spec)}
    spec = {**spec, **_addresses(obj, spec, taken)}
    return {**obj, "spec": _with_node_ports(obj, spec, taken)}


def _require(obj: KubeObject, causes: list[Cause]) -> None:
    if causes:
        raise refused("Service", "", name_of(obj), causes)


class _Allocator(Protocol):
    """Who has which addresses and node ports."""

    def free_address(self) -> str:
        """An address for a Service that names none."""

    def free_port(self) -> int:
        """A node port for a port that names none."""

    def address_fault(self, address: str) -> str:
        """Why a Service cannot have the address it names; empty when it can."""

    def port_fault(self, port: int) -> str:
        """The same for a node port. One that it can have is its own from then on."""


class _Dry:
    """Allocates for a dry run: what is free is not asked, and what is given stands outside of what is ever given.

    Source: the dry runs of pkg/registry/core/service/ipallocator and portallocator.
    """

    def __init__(self, own: Sequence[KubeObject] = ()) -> None:
        self._own = _node_ports(own)
        self._ports = set[int]()

    def free_address(self) -> str:
        return str(SERVICE_RANGE.network_address)

    def free_port(self) -> int:
        free = max(self._ports, default=NODE_PORTS.stop) + 1
        self._ports.add(free)
        return free

    def address_fault(self, address: str) -> str:
        if ipaddress.ip_address(address) in SERVICE_RANGE:
            return ""
        return f"the provided IP ({address}) is not in the valid range. The range of valid IPs is {SERVICE_RANGE}"

    def port_fault(self, port: int) -> str:
        if port in self._ports and port not in self._own:
            return _PORT_TAKEN
        self._ports.add(port)
        return ""


def _node_ports(ports: Sequence[KubeObject]) -> frozenset[int]:
    return frozenset(each["nodePort"] for each in ports if each.get("nodePort"))


class _Taken:
    """What other services have; draws what is free."""

    def __init__(self, site: Site, obj: KubeObject, own: Sequence[KubeObject] = ()) -> None:
        """`own`: the ports of a Service that is there already; it may name one twice, for two protocols."""
        uid = uid_of(obj)
        others = [_spec(item.obj) for item in site.store.keyspace("services").items() if uid_of(item.obj) != uid]
        self._addresses = frozenset(address for spec in others for address in spec.get("clusterIPs") or ())
        self._ports = {port for spec in others for port in _used_ports(spec)}
        self._own = _node_ports(own)
        self._rng = site.rng

    def free_address(self) -> str:
        """One of the upper part of the range; of the lower when that is used up."""
        for band in (_HOSTS[_STATIC_ADDRESSES:], _HOSTS[:_STATIC_ADDRESSES]):
            free = [address for address in band if address not in self._addresses]
            if free:
                return self._rng.choice(free)
        return ""  # refused by validation, as the allocator's own error is a 500 there

    def free_port(self) -> int:
        free = self._rng.choice(NODE_PORTS)
        while free in self._ports and len(self._ports) < len(NODE_PORTS):
            free = self._rng.choice(NODE_PORTS)
        self._ports.add(free)
        return free

    def address_fault(self, address: str) -> str:
        if ipaddress.ip_address(address) not in SERVICE_RANGE:
            return "the provided network does not match the current range"
        return "provided IP is already allocated" if address in self._addresses else ""

    def port_fault(self, port: int) -> str:
        if port not in NODE_PORTS:
            valid = f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
            return f"provided port is not in the valid range. The range of valid ports is {valid}"
        if port in self._ports and port not in self._own:
            return _PORT_TAKEN
        self._ports.add(port)
        return ""


def _used_ports(spec: KubeObject) -> Iterator[int]:
    yield from (port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort"))
    if spec.get("healthCheckNodePort"):
        yield spec["healthCheckNodePort"]


def _families(spec: KubeObject) -> KubeObject:
    """This cluster has IPv4 alone; a headless Service without selector may be of both."""
    if spec.get("clusterIP") == "None" and not spec.get("selector") and not spec.get("ipFamilyPolicy"):
        return {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": spec.get("ipFamilies") or ["IPv4", "IPv6"]}
    return {
        "ipFamilyPolicy": spec.get("ipFamilyPolicy") or "SingleStack",
        "ipFamilies": spec.get("ipFamilies") or ["IPv4"],
    }


def _addresses(obj: KubeObject, spec: KubeObject, taken: _Allocator) -> KubeObject:
    given = spec.get("clusterIPs") or [taken.free_address()]
    why = taken.address_fault(given[0]) if given[0] not in ("None", "") else ""
    if why:
        _require(obj, [invalid("spec.clusterIPs", given, f"failed to allocate IP {given[0]}: {why}")])
    return {"clusterIP": given[0], "clusterIPs": given}


def _has_node_ports(spec: KubeObject) -> bool:
    return spec.get("type") in _WITH_NODE_PORTS


def _is_balanced(spec: KubeObject) -> bool:
    return spec.get("type") == "LoadBalancer"


def _has_addresses(spec: KubeObject) -> bool:
    return spec.get("type") != "ExternalName"


def _has_health_port(spec: KubeObject) -> bool:
    return _is_balanced(spec) and spec.get("externalTrafficPolicy") == "Local"


def _with_node_ports(obj: KubeObject, spec: KubeObject, taken: _Allocator) -> KubeObject:
    allocates = _has_node_ports(spec) and (not _is_balanced(spec) or spec.get("allocateLoadBalancerNodePorts", True))
    if allocates and spec.get("ports"):
        spec = {**spec, "ports": _assigned(obj, spec["ports"], taken)}
    if _has_health_port(spec) and not spec.get("healthCheckNodePort"):
        spec = {**spec, "healthCheckNodePort": taken.free_port()}
    return spec


def _assigned(obj: KubeObject, ports: Sequence[KubeObject], taken: _Allocator) -> list[KubeObject]:
    """One node port for each number that the Service listens on, whatever the protocol; the first that asks is heard."""
    known: dict[int, int] = {}
    found = []
    for index, port in enumerate(ports):
        number, given = port.get("port", 0), port.get("nodePort")
        wished = given or next(
            (each["nodePort"] for each in ports if each.get("port") == number and each.get("nodePort")), 0
        )
        if number not in known:
            known[number] = _allocated(obj, index, wished, taken) if wished else taken.free_port()
        elif given and given != known[number]:
            _allocated(obj, index, given, taken)
        found.append({**port, "nodePort": given or known[number]})
    return found


def _allocated(obj: KubeObject, index: int, wished: int, taken: _Allocator) -> int:
    why = taken.port_fault(wished)
    if why:
        _require(obj, [invalid(f"spec.ports[{index}].nodePort", wished, why)])
    return wished


def updated_service(
    site: Site, obj: KubeObject, held: KubeObject, options: WriteOptions, subresource: str
) -> KubeObject:
    """What was allocated is kept when the update leaves it out, and given back when the type no longer has it."""
    if subresource:
        return obj
    own: Sequence[KubeObject] = _spec(obj).get("ports") or ()
    taken = _Dry(own) if options.dry_run else _Taken(site, obj, own)
    return _allotted({**obj, "spec": _kept(_spec(obj), _spec(held))}, taken)


def _kept(wanted: KubeObject, before: KubeObject) -> KubeObject:
    """`wanted`, with what was allocated before and is not said to be given back."""
    spec = dict(wanted)
    _follow_address(before, spec)
    _drop_others(before, spec)
    if "ExternalName" in (spec.get("type"), before.get("type")):
        return spec
    kept = {name: before[name] for name in _ALLOCATED if before.get(name) and not spec.get(name)}
    spec = {**spec, **kept}
    if _has_node_ports(spec) and _has_node_ports(before):
        spec["ports"] = _kept_ports(spec.get("ports") or (), before.get("ports") or ())
    if _has_health_port(spec) and _has_health_port(before) and not spec.get("healthCheckNodePort"):
        spec["healthCheckNodePort"] = before.get("healthCheckNodePort")
    return {name: member for name, member in spec.items() if member != []}


def _follow_address(before: KubeObject, spec: KubeObject) -> None:
    """A client that knows one address alone changes or clears the list with it."""
    address = spec.get("clusterIP") or ""
    if address == (before.get("clusterIP") or "") or spec.get("clusterIPs") != before.get("clusterIPs"):
        return
    if address:
        spec["clusterIPs"] = [address, *(before.get("clusterIPs") or [])[1:]]
    else:
        spec.pop("clusterIPs", None)


# Members, and which services use them.
_USES: tuple[tuple[tuple[str, ...], Callable[[KubeObject], bool]], ...] = (
    (("clusterIP", "clusterIPs"), _has_addresses),
    (("ipFamilies",), _has_addresses),
    (("ipFamilyPolicy",), _has_addresses),
    (("internalTrafficPolicy",), _has_addresses),
    (("healthCheckNodePort",), _has_health_port),
    (("allocateLoadBalancerNodePorts",), _is_balanced),
    (("loadBalancerClass",), _is_balanced),
    (("externalTrafficPolicy",), _has_node_ports),
)


def _drop_others(before: KubeObject, spec: KubeObject) -> None:
    """What an update leaves as it was goes when its type has no use for it."""
    for members, has in _USES:
        if has(before) and not has(spec) and all(spec.get(name) == before.get(name) for name in members):
            for name in members:
                spec.pop(name, None)
    if _has_node_ports(before) and not _has_node_ports(spec):
        spec["ports"] = _without_node_ports(spec.get("ports") or (), before.get("ports") or ())


def _kept_ports(ports: Sequence[KubeObject], before: Sequence[KubeObject]) -> list[KubeObject]:
    known = {(each.get("port"), each.get("protocol")): each["nodePort"] for each in before if each.get("nodePort")}
    return [
        {**each, "nodePort": known[each.get("port"), each.get("protocol")]}
        if not each.get("nodePort") and (each.get("port"), each.get("protocol")) in known
        else each
        for each in ports
    ]


def _without_node_ports(ports: Sequence[KubeObject], before: Sequence[KubeObject]) -> list[KubeObject]:
    """Ports that are what they were before, but for a node port that the new type does not have."""
    known = {each.get("nodePort") for each in before}
    return [
        {name: member for name, member in each.items() if name != "nodePort"} if each.get("nodePort") in known else each
        for each in ports
    ]
