"""Endpoint slices. Source: pkg/apis/discovery/validation of Kubernetes 1.37, and recorded answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import (
    Causes,
    all_invalid,
    duplicate,
    invalid,
    required,
    too_many,
    unsupported,
)
from fakekube.registry.validation.kind import Kind, in_all
from fakekube.registry.validation.names import (
    NameCheck,
    dns_label,
    dns_subdomain,
    ip_address,
    label_value,
    qualified_name,
)
from fakekube.registry.validation.object_meta import IMMUTABLE, labels
from fakekube.registry.validation.services import PROTOCOLS, reachable

_TYPES = ("FQDN", "IPv4", "IPv6")
_ADDRESSES_MAX = 100
_PORTS_MAX = 20_000
_ENDPOINTS_MAX = 1000
_TOPOLOGY_MAX = 16
_HINTS_MAX = 8


def _slice(obj: KubeObject) -> Causes:
    yield from _ports(obj.get("ports") or [])
    yield from _endpoints(obj)
    yield from _declared(obj)


def _updated_slice(obj: KubeObject, held: KubeObject) -> Causes:
    yield from _ports(obj.get("ports") or [])
    if obj.get("endpoints") != held.get("endpoints"):
        yield from _endpoints(obj)
    yield from _declared(obj)
    if obj.get("addressType") != held.get("addressType"):
        yield invalid("addressType", None, IMMUTABLE)


def _declared(obj: KubeObject) -> Causes:
    """What the type's own rules say; the server reports them last."""
    kind = obj.get("addressType") or ""
    if not kind:
        yield required("addressType")
    elif kind not in _TYPES:
        yield unsupported("addressType", kind, _TYPES)
    for index, endpoint in enumerate(obj.get("endpoints") or ()):
        count = len(endpoint.get("addresses") or ())
        if not count:
            yield required(f"endpoints[{index}].addresses")
        elif count > _ADDRESSES_MAX:
            yield too_many(f"endpoints[{index}].addresses", count, _ADDRESSES_MAX)


def _ports(ports: Sequence[KubeObject]) -> Causes:
    if len(ports) > _PORTS_MAX:
        yield too_many("ports", len(ports), _PORTS_MAX)
        return
    names: set[str] = set()
    for index, port in enumerate(ports):
        path, name, protocol = f"ports[{index}]", port.get("name") or "", port.get("protocol")
        if name:
            yield from all_invalid(f"{path}.name", name, dns_label(name))
        if name in names:
            yield duplicate(f"{path}.name", name)
        names.add(name)
        if protocol is None:
            yield required(f"{path}.protocol")
        elif protocol not in PROTOCOLS:
            yield unsupported(f"{path}.protocol", protocol, PROTOCOLS)
        if port.get("appProtocol") is not None:
            yield from all_invalid(f"{path}.appProtocol", port["appProtocol"], qualified_name(port["appProtocol"]))


def _endpoints(obj: KubeObject) -> Causes:
    endpoints = obj.get("endpoints") or []
    if len(endpoints) > _ENDPOINTS_MAX:
        yield too_many("endpoints", len(endpoints), _ENDPOINTS_MAX)
        return
    check = _ADDRESS_RULES.get(obj.get("addressType") or "")
    for index, endpoint in enumerate(endpoints):
        path = f"endpoints[{index}]"
        for position, address in enumerate(endpoint.get("addresses") or () if check is not None else ()):
            if check is not None:
                yield from check(address, f"{path}.addresses", position)
        yield from _endpoint(endpoint, path)


def _numeric(family: str) -> Callable[[str, str, int], Causes]:
    def check(address: str, path: str, position: int) -> Causes:
        faults = ip_address(address)
        yield from all_invalid(f"{path}[{position}]", address, faults)
        if faults:
            return
        if (":" in address) != (family == "IPv6"):
            yield invalid(path, address, f"must be an {family} address")
        yield from reachable(address, f"{path}[{position}]")

    return check


def _full_name(address: str, path: str, position: int) -> Causes:
    here, name = f"{path}[{position}]", address.removesuffix(".")
    if not name:
        yield required(here)
        return
    faults = dns_subdomain(name)
    yield from all_invalid(here, address, faults)
    if not faults and "." not in name:
        yield invalid(here, address, "should be a domain with at least two segments separated by dots")


_ADDRESS_RULES: Mapping[str, Callable[[str, str, int], Causes]] = {
    "IPv4": _numeric("IPv4"),
    "IPv6": _numeric("IPv6"),
    "FQDN": _full_name,
}


def _endpoint(endpoint: KubeObject, path: str) -> Causes:
    node, host, topology = (endpoint.get(name) for name in ("nodeName", "hostname", "deprecatedTopology"))
    if node is not None:
        yield from all_invalid(f"{path}.nodeName", node, dns_subdomain(node))
    if len(topology or ()) > _TOPOLOGY_MAX:
        yield too_many(f"{path}.deprecatedTopology", len(topology or ()), _TOPOLOGY_MAX)
    yield from labels(topology or {}, f"{path}.deprecatedTopology")
    if host is not None:
        yield from all_invalid(f"{path}.hostname", host, dns_label(host))
    hints = endpoint.get("hints") or {}
    yield from _hints(hints.get("forZones") or [], f"{path}.hints.forZones", label_value)
    yield from _hints(hints.get("forNodes") or [], f"{path}.hints.forNodes", dns_subdomain)


def _hints(hints: list[KubeObject], path: str, check: NameCheck) -> Causes:
    if len(hints) > _HINTS_MAX:
        yield too_many(path, len(hints), _HINTS_MAX)
        return
    yield from in_all(hints, path, lambda hint, here: _hint(hint, here, check))
    names = [hint.get("name", "") for hint in hints]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield duplicate(f"{path}[{index}].name", name)


def _hint(hint: KubeObject, path: str, check: NameCheck) -> Causes:
    name = hint.get("name", "")
    yield from all_invalid(f"{path}.name", name, check(name))


ENDPOINT_SLICES: Mapping[str, Kind] = {
    "discovery.k8s.io/v1/endpointslices": Kind(create=_slice, update=_updated_slice, update_repeats_create=False)
}
