"""Services. Source: validateService of pkg/apis/core/validation, Kubernetes 1.37, and recorded answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fakekube.meta.errors import Cause
from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import (
    Causes,
    all_invalid,
    duplicate,
    forbidden,
    invalid,
    required,
    unsupported,
)
from fakekube.registry.validation.kind import Kind
from fakekube.registry.validation.names import (
    cidr,
    dns_label,
    dns_subdomain,
    ip_address,
    parsed_ip,
    port_name,
    port_number,
    qualified_name,
)
from fakekube.registry.validation.object_meta import IMMUTABLE, labels

EXTERNAL_NAME = "ExternalName"
BALANCER = "LoadBalancer"
NODE_PORT = "NodePort"
_TYPES = ("ClusterIP", EXTERNAL_NAME, BALANCER, NODE_PORT)
PROTOCOLS = ("SCTP", "TCP", "UDP")
_AFFINITIES = ("ClientIP", "None")
_FAMILIES = ("IPv4", "IPv6")
_FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_TRAFFIC = ("Cluster", "Local")
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_IP_MODES = ("Proxy", "VIP")
_DAY_S = 86_400
_ONLY_BALANCED = "may only be used when `type` is 'LoadBalancer'"
_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_CHANGED = "may not change once set"


def _spec(obj: KubeObject) -> KubeObject:
    spec: KubeObject = obj.get("spec") or {}
    return spec


def _is_headless(spec: KubeObject) -> bool:
    return (spec.get("clusterIPs") or [])[:1] == ["None"]


def _service(obj: KubeObject) -> Causes:
    spec = _spec(obj)
    if not spec.get("ports") and not _is_headless(spec) and spec.get("type") != EXTERNAL_NAME:
        yield required("spec.ports")
    yield from _typed(spec)
    yield from _ports(spec)
    yield from labels(spec.get("selector") or {}, "spec.selector")
    yield from _affinity(spec)
    yield from address_causes(spec)
    for index, address in enumerate(spec.get("externalIPs") or ()):
        faults = ip_address(address)
        yield from all_invalid(f"spec.externalIPs[{index}]", address, faults)
        if not faults:
            yield from reachable(address, f"spec.externalIPs[{index}]")
    kind = spec.get("type") or ""
    if kind not in _TYPES:
        yield unsupported("spec.type", kind, _TYPES) if kind else required("spec.type")
    yield from _distinct_ports(spec)
    yield from _balanced(obj, spec)
    yield from _traffic(spec)


def reachable(address: str, path: str) -> Causes:
    """An address of a peer: no unspecified, loopback or link-local one."""
    parsed = parsed_ip(address)
    if parsed is None:
        return
    if parsed.is_unspecified:
        yield invalid(path, address, f"may not be unspecified ({address})")
    if parsed.is_loopback:
        yield invalid(path, address, "may not be in the loopback range (127.0.0.0/8, ::1/128)")
    if parsed.is_link_local:
        yield invalid(path, address, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    if parsed.is_multicast and str(parsed).startswith("224.0.0."):
        yield invalid(path, address, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")


def _typed(spec: KubeObject) -> Causes:
    kind = spec.get("type")
    if kind in (BALANCER, NODE_PORT) and _is_headless(spec):
        yield invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {kind} services")
    if kind != EXTERNAL_NAME:
        return
    for name in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if spec.get(name):
            yield forbidden(f"spec.{name}", "may not be set for ExternalName services")
    name = (spec.get("externalName") or "").removesuffix(".")
    if name:
        yield from all_invalid("spec.externalName", name, dns_subdomain(name))
    else:
        yield required("spec.externalName")


def _ports(spec: KubeObject) -> Causes:
    ports = spec.get("ports") or []
    names: set[str] = set()
    for index, port in enumerate(ports):
        path, name = f"spec.ports[{index}]", port.get("name") or ""
        if name:
            yield from all_invalid(f"{path}.name", name, dns_label(name))
            if name in names:
                yield duplicate(f"{path}.name", name)
            names.add(name)
        elif len(ports) > 1:
            yield required(f"{path}.name")
        yield from _port(port, path)


def _port(port: KubeObject, path: str) -> Causes:
    number, protocol = port.get("port") or 0, port.get("protocol") or ""
    yield from all_invalid(f"{path}.port", number, port_number(number))
    if protocol not in PROTOCOLS:
        yield unsupported(f"{path}.protocol", protocol, PROTOCOLS) if protocol else required(f"{path}.protocol")
    yield from port_or_name(port.get("targetPort"), f"{path}.targetPort")
    if port.get("appProtocol") is not None:
        yield from all_invalid(f"{path}.appProtocol", port["appProtocol"], qualified_name(port["appProtocol"]))


def port_or_name(value: int | str | None, path: str) -> Causes:
    if isinstance(value, str):
        yield from all_invalid(path, value, port_name(value))
    else:
        yield from all_invalid(path, value or 0, port_number(value or 0))


def _affinity(spec: KubeObject) -> Causes:
    affinity, config = spec.get("sessionAffinity") or "", spec.get("sessionAffinityConfig")
    path = "spec.sessionAffinityConfig"
    if affinity not in _AFFINITIES:
        yield (
            unsupported("spec.sessionAffinity", affinity, _AFFINITIES) if affinity else required("spec.sessionAffinity")
        )
    elif affinity == "None":
        if config is not None:
            yield forbidden(path, "must not be set when session affinity is None")
    else:
        yield from _timeout(config, path)


def _timeout(config: KubeObject | None, path: str) -> Causes:
    client = (config or {}).get("clientIP")
    here = path if config is None else f"{path}.clientIP"
    seconds = (client or {}).get("timeoutSeconds")
    if seconds is None:
        missing = here if client is None else f"{here}.timeoutSeconds"
        yield required(missing, "when session affinity type is ClientIP")
    elif not 0 < seconds <= _DAY_S:
        yield invalid(f"{here}.timeoutSeconds", seconds, f"must be greater than 0 and less than {_DAY_S}")


def address_causes(spec: KubeObject) -> Causes:
    """Cluster IPs and their families: asked before anything is allocated, too."""
    if spec.get("type") == EXTERNAL_NAME:
        return
    first, all_of_them = spec.get("clusterIP") or "", spec.get("clusterIPs") or []
    if first and all_of_them and all_of_them[0] != first:
        yield invalid("spec.clusterIPs", all_of_them, "first value must match `clusterIP`")
    elif not first and all_of_them:
        yield invalid("spec.clusterIPs", all_of_them, "must be empty when `clusterIP` is not specified")
    families = spec.get("ipFamilies") or []
    for index, family in enumerate(families):
        if family not in _FAMILIES:
            yield unsupported(f"spec.ipFamilies[{index}]", family, _FAMILIES)
        if family in families[:index]:
            yield duplicate(f"spec.ipFamilies[{index}]", family)
    policy = spec.get("ipFamilyPolicy")
    if policy is not None and policy not in _FAMILY_POLICIES:
        yield unsupported("spec.ipFamilyPolicy", policy, _FAMILY_POLICIES)
    yield from _cluster_addresses(all_of_them, families)


def _cluster_addresses(addresses: list[str], families: list[str]) -> Causes:
    sound = True
    for index, address in enumerate(addresses):
        if address == "None" and index == 0:
            if len(addresses) > 1:
                sound = False
                yield invalid("spec.clusterIPs", addresses, "'None' must be the first and only value")
            continue
        faults = ip_address(address)
        sound = sound and not faults
        yield from all_invalid(f"spec.clusterIPs[{index}]", address, faults)
    if len(addresses) > 2:
        yield invalid("spec.clusterIPs", addresses, "may only hold up to 2 values")
    if not sound or addresses[:1] == ["None"]:
        return
    if len(addresses) == 2 and _family(addresses[0]) == _family(addresses[1]):
        yield invalid("spec.clusterIPs", addresses, "may specify no more than one IP for each IP family")
    for index, (address, family) in enumerate(zip(addresses, families, strict=False)):
        if family in _FAMILIES and _family(address) != family:
            detail = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            yield invalid(f"spec.clusterIPs[{index}]", address, detail)


def _family(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"


def single_stack(spec: KubeObject) -> Causes:
    """What a cluster of IPv4 alone refuses. Source: pkg/registry/core/service/storage/alloc.go."""
    policy, families = spec.get("ipFamilyPolicy"), spec.get("ipFamilies") or []
    several = [
        what
        for what, members in (("IP families", families), ("cluster IPs", spec.get("clusterIPs") or []))
        if policy == "SingleStack" and len(members) > 1
    ]
    for what in several:
        detail = f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
        yield invalid("spec.ipFamilyPolicy", policy, detail)
    if several or (_is_headless(spec) and not spec.get("selector")):
        return
    for index, family in enumerate(families):
        if family != "IPv4":
            yield invalid(f"spec.ipFamilies[{index}]", family, "not configured on this cluster")
    if policy == "RequireDualStack":
        yield invalid("spec.ipFamilyPolicy", policy, "this cluster is not configured for dual-stack services")


def _distinct_ports(spec: KubeObject) -> Causes:
    ports = spec.get("ports") or []
    if spec.get("type") == "ClusterIP":
        for index, port in enumerate(ports):
            if port.get("nodePort"):
                yield forbidden(f"spec.ports[{index}].nodePort", "may not be used when `type` is 'ClusterIP'")
    yield from _repeated(ports, "nodePort", lambda path, port: duplicate(f"{path}.nodePort", port["nodePort"]))
    yield from _repeated(ports, "port", lambda path, port: duplicate(path, _port_key(port)))


def _repeated(ports: list[KubeObject], member: str, cause: Callable[[str, KubeObject], Cause]) -> Causes:
    seen = set()
    for index, port in enumerate(ports):
        key = port.get("protocol"), port.get(member) or 0
        if key in seen and key[1]:
            yield cause(f"spec.ports[{index}]", port)
        seen.add(key)


def _port_key(port: KubeObject) -> KubeObject:
    """A port as the comparison of ports sees it, in its internal form."""
    shown = {"Name": "", "Protocol": port.get("protocol") or "", "AppProtocol": None}
    return {**shown, "Port": port.get("port") or 0, "TargetPort": 0, "NodePort": 0}


def _balanced(obj: KubeObject, spec: KubeObject) -> Causes:
    is_balanced = spec.get("type") == BALANCER
    ranges = spec.get("loadBalancerSourceRanges") or []
    annotation = ((obj.get("metadata") or {}).get("annotations") or {}).get(_RANGES)
    if ranges:
        if not is_balanced:
            yield forbidden("spec.LoadBalancerSourceRanges", _ONLY_BALANCED)
        for index, text in enumerate(ranges):
            yield from all_invalid(f"spec.LoadBalancerSourceRanges[{index}]", text.strip(), cidr(text.strip()))
    elif annotation is not None:
        path = f"metadata.annotations[{_RANGES}]"
        if not is_balanced:
            yield forbidden(path, _ONLY_BALANCED)
        for text in annotation.strip().split(",") if annotation.strip() else ():
            yield from all_invalid(path, text.strip(), cidr(text.strip()))
    if spec.get("allocateLoadBalancerNodePorts") is not None and not is_balanced:
        yield forbidden("spec.allocateLoadBalancerNodePorts", _ONLY_BALANCED)
    yield from _balancer_class(spec)


def _balancer_class(spec: KubeObject) -> Causes:
    name = spec.get("loadBalancerClass")
    if name is None:
        return
    if spec.get("type") == BALANCER:
        yield from all_invalid("spec.loadBalancerClass", name, qualified_name(name))
    else:
        yield forbidden("spec.loadBalancerClass", _ONLY_BALANCED)


def _traffic(spec: KubeObject) -> Causes:
    policy, kind = spec.get("externalTrafficPolicy") or "", spec.get("type")
    is_external = kind in (BALANCER, NODE_PORT) or (kind == "ClusterIP" and bool(spec.get("externalIPs")))
    if policy and not is_external:
        yield invalid("spec.externalTrafficPolicy", policy, "may only be set for externally-accessible services")
    elif is_external and policy not in _TRAFFIC:
        path = "spec.externalTrafficPolicy"
        yield unsupported(path, policy, _TRAFFIC) if policy else required(path)
    yield from _health_port(spec)
    inside = spec.get("internalTrafficPolicy")
    if inside is None and kind in ("ClusterIP", BALANCER, NODE_PORT):
        yield required("spec.internalTrafficPolicy")
    elif inside is not None and inside not in _TRAFFIC:
        yield unsupported("spec.internalTrafficPolicy", inside, _TRAFFIC)
    distribution = spec.get("trafficDistribution")
    if distribution is not None and distribution not in _DISTRIBUTIONS:
        yield unsupported("spec.trafficDistribution", distribution, _DISTRIBUTIONS)


def _has_health_port(spec: KubeObject) -> bool:
    return spec.get("type") == BALANCER and spec.get("externalTrafficPolicy") == "Local"


def _health_port(spec: KubeObject) -> Causes:
    path, number = "spec.healthCheckNodePort", spec.get("healthCheckNodePort") or 0
    if not _has_health_port(spec):
        if number:
            detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
            yield invalid(path, number, detail)
    elif not number:
        yield required(path)
    else:
        yield from all_invalid(path, number, port_number(number))


def _updated_service(obj: KubeObject, held: KubeObject) -> Causes:
    new, old = _spec(obj), _spec(held)
    yield from _updated_addresses(new, old)
    stays_balanced = new.get("type") == old.get("type") == BALANCER
    if stays_balanced and new.get("loadBalancerClass") != old.get("loadBalancerClass"):
        yield invalid("spec.loadBalancerClass", new.get("loadBalancerClass"), _CHANGED)
    yield from _balancer_class(new)
    stays_checked = _has_health_port(new) and _has_health_port(old)
    if stays_checked and new.get("healthCheckNodePort") != old.get("healthCheckNodePort"):
        yield forbidden("spec.healthCheckNodePort", IMMUTABLE)
    yield from _service(obj)


def _updated_addresses(new: KubeObject, old: KubeObject) -> Causes:
    """The first address and the first family stay."""
    if EXTERNAL_NAME in (new.get("type"), old.get("type")) or (_is_headless(new) and _is_headless(old)):
        return
    addresses, before = new.get("clusterIPs") or [], old.get("clusterIPs") or []
    if before and not addresses:
        yield invalid("spec.clusterIPs[0]", addresses, "primary clusterIP can not be unset")
    elif before and addresses[0] != before[0]:
        yield invalid("spec.clusterIPs[0]", addresses, _CHANGED)
    if _is_headless(new) != _is_headless(old):
        return
    families, were = new.get("ipFamilies") or [], old.get("ipFamilies") or []
    if were and families and families[0] != were[0]:
        yield invalid("spec.ipFamilies[0]", families, _CHANGED)


def _service_status(obj: KubeObject, held: KubeObject) -> Causes:
    ingress = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    if ingress and _spec(obj).get("type") != BALANCER:
        yield forbidden("status.loadBalancer.ingress", "may only be used when `spec.type` is 'LoadBalancer'")
        return
    for index, point in enumerate(ingress):
        yield from _ingress(point, f"status.loadBalancer.ingress[{index}]")


def _ingress(point: KubeObject, path: str) -> Causes:
    address, mode, host = point.get("ip") or "", point.get("ipMode"), point.get("hostname") or ""
    if address:
        yield from all_invalid(f"{path}.ip", address, ip_address(address))
    if mode is None and address:
        yield required(f"{path}.ipMode", "must be specified when `ip` is set")
    elif mode is not None and not address:
        yield forbidden(f"{path}.ipMode", "may not be specified when `ip` is not set")
    elif mode is not None and mode not in _IP_MODES:
        yield unsupported(f"{path}.ipMode", mode, _IP_MODES)
    yield from balancer_host(host, f"{path}.hostname")


def balancer_host(host: str, path: str) -> Causes:
    if host:
        yield from all_invalid(path, host, dns_subdomain(host))
        if parsed_ip(host) is not None:
            yield invalid(path, host, "must be a DNS name, not an IP address")


SERVICES: Mapping[str, Kind] = {
    "v1/services": Kind(
        name=dns_label,
        create=_service,
        update=_updated_service,
        status=_service_status,
        update_repeats_create=False,
    ),
}
