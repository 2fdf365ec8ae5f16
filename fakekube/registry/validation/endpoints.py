"""Endpoints. Source: pkg/apis/core/validation of Kubernetes 1.37."""

from __future__ import annotations

from collections.abc import Mapping

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import Causes, all_invalid, invalid, required, unsupported
from fakekube.registry.validation.kind import Kind, in_all
from fakekube.registry.validation.names import (
    dns_label,
    dns_subdomain,
    ip_address,
    parsed_ip,
    port_number,
    qualified_name,
)
from fakekube.registry.validation.services import PROTOCOLS, reachable


def _endpoints(obj: KubeObject) -> Causes:
    yield from in_all(obj.get("subsets"), "subsets", _subset)


def _updated_endpoints(obj: KubeObject, held: KubeObject) -> Causes:
    if obj.get("subsets") != held.get("subsets"):
        yield from _endpoints(obj)


def _subset(subset: KubeObject, path: str) -> Causes:
    if not subset.get("addresses") and not subset.get("notReadyAddresses"):
        yield required(path, "must specify `addresses` or `notReadyAddresses`")
    for member in ("addresses", "notReadyAddresses"):
        yield from in_all(subset.get(member), f"{path}.{member}", _address)
    several = len(subset.get("ports") or ()) > 1
    yield from in_all(subset.get("ports"), f"{path}.ports", lambda port, here: _port(port, here, several))


def _address(address: KubeObject, path: str) -> Causes:
    text, host, node = address.get("ip") or "", address.get("hostname") or "", address.get("nodeName")
    yield from all_invalid(f"{path}.ip", text, ip_address(text))
    if host:
        yield from all_invalid(f"{path}.hostname", host, dns_label(host))
    if node is not None:
        yield from all_invalid(f"{path}.nodeName", node, dns_subdomain(node))
    if parsed_ip(text) is None:
        yield invalid(f"{path}.ip", text, "must be a valid IP address")
    yield from reachable(text, f"{path}.ip")


def _port(port: KubeObject, path: str, named: bool) -> Causes:
    name, number, protocol = port.get("name") or "", port.get("port") or 0, port.get("protocol") or ""
    if name:
        yield from all_invalid(f"{path}.name", name, dns_label(name))
    elif named:
        yield required(f"{path}.name")
    yield from all_invalid(f"{path}.port", number, port_number(number))
    if protocol not in PROTOCOLS:
        yield unsupported(f"{path}.protocol", protocol, PROTOCOLS) if protocol else required(f"{path}.protocol")
    if port.get("appProtocol") is not None:
        yield from all_invalid(f"{path}.appProtocol", port["appProtocol"], qualified_name(port["appProtocol"]))


ENDPOINTS: Mapping[str, Kind] = {
    "v1/endpoints": Kind(create=_endpoints, update=_updated_endpoints, update_repeats_create=False)
}
