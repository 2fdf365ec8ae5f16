"""Network policies, service CIDRs, IP addresses, and disruption budgets.

Source: pkg/apis/networking/validation and pkg/apis/policy/validation of Kubernetes 1.37, and recorded answers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import (
    Causes,
    all_invalid,
    forbidden,
    invalid,
    required,
    unsupported,
)
from fakekube.registry.validation.counts import at_most_all, count_or_percent, counts
from fakekube.registry.validation.kind import Kind, in_all
from fakekube.registry.validation.names import Faults, cidr, parsed_cidr, path_segment, port_name, port_number
from fakekube.registry.validation.object_meta import IMMUTABLE
from fakekube.registry.validation.selectors import label_selector

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_DIRECTIONS = ("Ingress", "Egress")
_EVICTION = ("AlwaysAllow", "IfHealthyBudget")


def _policy(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    yield from label_selector(spec.get("podSelector"), "spec.podSelector")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or ()):
            path = f"spec.{direction}[{index}]"
            yield from in_all(rule.get("ports"), f"{path}.ports", _port)
            yield from in_all(rule.get(peers), f"{path}.{peers}", _peer)
    kinds = spec.get("policyTypes") or []
    if len(kinds) > len(_DIRECTIONS):
        yield invalid("spec.policyTypes", kinds, "may not specify more than two policyTypes")
        return
    for index, kind in enumerate(kinds):
        if kind not in _DIRECTIONS:
            yield unsupported(f"spec.policyTypes[{index}]", kind, _DIRECTIONS)


def _port(port: KubeObject, path: str) -> Causes:
    protocol, number, last = port.get("protocol"), port.get("port"), port.get("endPort")
    if protocol is not None and protocol not in _PROTOCOLS:
        yield unsupported(f"{path}.protocol", protocol, _PROTOCOLS)
    if isinstance(number, int):
        yield from all_invalid(f"{path}.port", number, port_number(number))
        if last is not None and last < number:
            yield invalid(f"{path}.endPort", last, "must be greater than or equal to `port`")
        if last is not None:
            yield from all_invalid(f"{path}.endPort", last, port_number(last))
        return
    if last is not None:
        how = "not specified" if number is None else "non-numeric"
        yield invalid(f"{path}.endPort", last, f"may not be specified when `port` is {how}")
    if number is not None:
        yield from all_invalid(f"{path}.port", number, port_name(number))


def _peer(peer: KubeObject, path: str) -> Causes:
    members = [name for name in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(name) is not None]
    for name in members:
        if name == "ipBlock":
            yield from _block(peer["ipBlock"], f"{path}.ipBlock")
        else:
            yield from label_selector(peer[name], f"{path}.{name}")
    if not members:
        yield required(path, "must specify a peer")
    elif len(members) > 1 and "ipBlock" in members:
        yield forbidden(path, "may not specify both ipBlock and another peer")


def _block(block: KubeObject, path: str) -> Causes:
    text = block.get("cidr") or ""
    if not text:
        yield required(f"{path}.cidr")
        return
    yield from all_invalid(f"{path}.cidr", text, cidr(text))
    whole = parsed_cidr(text)
    for index, part in enumerate(block.get("except") or () if whole is not None else ()):
        yield from all_invalid(f"{path}.except[{index}]", part, cidr(part))
        hole = parsed_cidr(part)
        if hole is not None and not _is_strictly_in(hole, whole):
            yield invalid(f"{path}.except[{index}]", part, "must be a strict subset of `cidr`")


_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _is_strictly_in(hole: _Network, whole: _Network | None) -> bool:
    if whole is None or hole.version != whole.version:
        return False
    return hole.network_address in whole and hole.prefixlen > whole.prefixlen


def _address_name(name: str) -> Faults:
    """An IPAddress is named after its address, in canonical form."""
    if any(len(part) > 1 and part.startswith("0") for part in name.split(".") if part.isdigit() and ":" not in name):
        return ["must not have leading 0s"]
    try:
        canonical = str(ipaddress.ip_address(name))
    except ValueError:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    return [] if canonical == name else [f'must be in canonical form ("{canonical}")']


def _address(obj: KubeObject) -> Causes:
    parent = (obj.get("spec") or {}).get("parentRef")
    if parent is None:
        yield required("spec.parentRef")
        return
    for member in ("resource", "name"):
        value = parent.get(member) or ""
        if value:
            yield from all_invalid(f"spec.parentRef.{member}", value, path_segment(value))
        else:
            yield required(f"spec.parentRef.{member}")


def _updated_address(obj: KubeObject, held: KubeObject) -> Causes:
    new, old = ((each.get("spec") or {}).get("parentRef") for each in (obj, held))
    if new != old:
        yield invalid("spec.parentRef", None, IMMUTABLE)


def _service_range(obj: KubeObject) -> Causes:
    ranges = (obj.get("spec") or {}).get("cidrs") or []
    if not ranges:
        yield required("spec.cidrs", "at least one CIDR required")
    if len(ranges) > 2:
        yield invalid("spec.cidrs", ranges, "may only hold up to 2 values")
    elif len(ranges) == 2 and (":" in ranges[0]) == (":" in ranges[1]):
        detail = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        yield invalid("spec.cidrs", ranges, detail)
    for index, text in enumerate(ranges):
        yield from all_invalid(f"spec.cidrs[{index}]", text, _strict_cidr(text))


def _strict_cidr(text: str) -> Faults:
    faults = cidr(text)
    network = parsed_cidr(text)
    if network is None:
        return faults
    if str(network) == text:
        return []
    if str(network).partition("/")[0] != text.partition("/")[0]:
        return ["must not have bits set beyond the prefix length"]
    return [f'must be in canonical form ("{network}")']


def _updated_range(obj: KubeObject, held: KubeObject) -> Causes:
    """A range may get a second family, and nothing else."""
    new: Sequence[str] = (obj.get("spec") or {}).get("cidrs") or []
    old: Sequence[str] = (held.get("spec") or {}).get("cidrs") or []
    if len(new) < len(old):
        yield invalid("spec.cidrs", new, IMMUTABLE)
        return
    for index, (wanted, before) in enumerate(zip(new, old, strict=False)):
        if wanted != before:
            yield invalid(f"spec.cidrs[{index}]", wanted, IMMUTABLE)


def _budget(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    least, most, eviction = (spec.get(n) for n in ("minAvailable", "maxUnavailable", "unhealthyPodEvictionPolicy"))
    if least is not None and most is not None:
        shown = {"MinAvailable": least, "Selector": spec.get("selector"), "MaxUnavailable": most}
        shown["UnhealthyPodEvictionPolicy"] = eviction
        yield invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set")
    for name, value in (("minAvailable", least), ("maxUnavailable", most)):
        if value is not None:
            yield from count_or_percent(value, f"spec.{name}")
            yield from at_most_all(value, f"spec.{name}")
    yield from label_selector(spec.get("selector"), "spec.selector")
    if eviction is not None and eviction not in _EVICTION:
        yield unsupported("spec.unhealthyPodEvictionPolicy", eviction, _EVICTION)


def _budget_status(obj: KubeObject, held: KubeObject) -> Causes:
    names = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    yield from counts(obj.get("status") or {}, "status", names)


NETWORKING: Mapping[str, Kind] = {
    "networking.k8s.io/v1/networkpolicies": Kind(create=_policy),
    "networking.k8s.io/v1/ipaddresses": Kind(
        name=_address_name, create=_address, update=_updated_address, update_repeats_create=False
    ),
    "networking.k8s.io/v1/servicecidrs": Kind(
        create=_service_range, update=_updated_range, update_repeats_create=False
    ),
    "policy/v1/poddisruptionbudgets": Kind(name=path_segment, create=_budget, status=_budget_status),
}
