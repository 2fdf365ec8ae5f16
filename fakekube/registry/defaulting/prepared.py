"""What the strategy of a kind writes into a new object before it is validated: by qualified resource.

Pods get a phase and a quality of service, Services their addresses and ports, Jobs the labels that select their pods.
Source: pkg/registry/*/strategy.go of Kubernetes 1.37, and recorded answers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from fakekube.meta.objects import KubeObject, metadata, name_of, uid_of
from fakekube.registry.metadata import timestamp
from fakekube.registry.quantity import parse_quantity
from fakekube.registry.site import Site

Prepare = Callable[[Site, KubeObject], KubeObject]


def _spec(obj: KubeObject) -> KubeObject:
    return obj.get("spec") or {}


# --- pods -------------------------------------------------------------------------------------------------------------


def pod(site: Site, obj: KubeObject) -> KubeObject:
    status: KubeObject = {"phase": "Pending"}
    if _spec(obj).get("schedulingGates"):
        status["conditions"] = [_GATED]
    return {**obj, "status": {**status, "qosClass": quality_of_service(_spec(obj))}}


_GATED = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "SchedulingGated",
    "message": "Scheduling is blocked due to non-empty scheduling gates",
}
_COMPUTE = ("cpu", "memory")


def quality_of_service(spec: KubeObject) -> str:
    """Guaranteed when all is limited to what it requests, BestEffort when nothing is said, else Burstable."""
    whole = spec.get("resources")
    parts = [whole] if whole else [each.get("resources") or {} for each in _containers(spec)]
    requests = [_amounts(part.get("requests")) for part in parts]
    limits = [_amounts(part.get("limits")) for part in parts]
    if not any(requests) and not any(limits):
        return "BestEffort"
    complete = all(limit.keys() == set(_COMPUTE) for limit in limits)
    return "Guaranteed" if complete and requests == limits else "Burstable"


def _containers(spec: KubeObject) -> Iterator[KubeObject]:
    yield from spec.get("containers") or ()
    yield from spec.get("initContainers") or ()


def _amounts(resources: KubeObject | None) -> KubeObject:
    """CPU and memory that are more than nothing."""
    amounts = {name: parse_quantity(str(text)).value for name, text in (resources or {}).items() if name in _COMPUTE}
    return {name: value for name, value in amounts.items() if value > 0}


# --- services ---------------------------------------------------------------------------------------------------------

SERVICE_RANGE = ipaddress.IPv4Network("10.0.0.0/24")
NODE_PORTS = range(30_000, 32_768)
# The first addresses of the range are left to who asks for them by name.
_STATIC_ADDRESSES = 16


def service(site: Site, obj: KubeObject) -> KubeObject:
    spec = _spec(obj)
    if spec.get("type") == "ExternalName":
        return obj
    spec = {**spec, **_families(spec)}
    spec = {**spec, **_addresses(site, spec)}
    return {**obj, "spec": _with_node_ports(site, spec)}


def updated_service(site: Site, obj: KubeObject, held: KubeObject, subresource: str) -> KubeObject:
    """What was allocated is kept when the update leaves it out, and given back when the type no longer has it."""
    if subresource:
        return obj
    spec, before = _spec(obj), _spec(held)
    if spec.get("type") == "ExternalName":
        return {**obj, "spec": {name: member for name, member in spec.items() if name not in _ALLOCATED}}
    if before.get("type") != "ExternalName":
        kept = {name: before[name] for name in _ALLOCATED if before.get(name) and not spec.get(name)}
        spec = {**kept, **spec} if kept else spec
    if spec.get("type") == before.get("type"):
        spec = {**spec, "ports": _kept_ports(spec.get("ports") or (), before.get("ports") or ())}
    elif spec.get("type") == "ClusterIP":
        spec = {**spec, "ports": _without_node_ports(spec.get("ports") or (), before.get("ports") or ())}
    return service(site, {**obj, "spec": {name: member for name, member in spec.items() if member != []}})


_ALLOCATED = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")


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


def updated_volume(site: Site, obj: KubeObject, held: KubeObject, subresource: str) -> KubeObject:
    """A change of phase is timed."""
    phase, before = (obj.get("status") or {}).get("phase"), (held.get("status") or {}).get("phase")
    if subresource != "status" or phase == before:
        return obj
    return {**obj, "status": {**obj["status"], "lastPhaseTransitionTime": timestamp(site.now())}}


def _families(spec: KubeObject) -> KubeObject:
    """This cluster has IPv4 alone; a headless Service without selector may be of both."""
    if spec.get("clusterIP") == "None" and not spec.get("selector") and not spec.get("ipFamilyPolicy"):
        return {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": spec.get("ipFamilies") or ["IPv4", "IPv6"]}
    return {
        "ipFamilyPolicy": spec.get("ipFamilyPolicy") or "SingleStack",
        "ipFamilies": spec.get("ipFamilies") or ["IPv4"],
    }


def _addresses(site: Site, spec: KubeObject) -> KubeObject:
    given = spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])
    if not given:
        given = [_free_address(site)]
    return {"clusterIP": given[0], "clusterIPs": given}


def _services(site: Site) -> Iterator[KubeObject]:
    return (_spec(item.obj) for item in site.store.keyspace("services").items())


def _free_address(site: Site) -> str:
    """One of the upper part of the range; of the lower when that is used up."""
    used = {address for spec in _services(site) for address in spec.get("clusterIPs") or ()}
    hosts = [str(address) for address in SERVICE_RANGE.hosts()]
    for band in (hosts[_STATIC_ADDRESSES:], hosts[:_STATIC_ADDRESSES]):
        free = [address for address in band if address not in used]
        if free:
            return site.rng.choice(free)
    return ""  # refused by validation, as the allocator's own error is a 500 there


def _with_node_ports(site: Site, spec: KubeObject) -> KubeObject:
    outside = spec.get("type") == "NodePort" or (
        spec.get("type") == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True)
    )
    local = spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"
    if not outside and not local:
        return spec
    ports = _NodePorts(site)
    if outside and spec.get("ports"):
        spec = {**spec, "ports": ports.assigned(spec["ports"])}
    if local and not spec.get("healthCheckNodePort"):
        spec = {**spec, "healthCheckNodePort": ports.next()}
    return spec


class _NodePorts:
    """Draws free node ports."""

    def __init__(self, site: Site) -> None:
        self._rng = site.rng
        self._used = {port for spec in _services(site) for port in _used_ports(spec)}

    def next(self) -> int:
        free = self._rng.choice(NODE_PORTS)
        while free in self._used and len(self._used) < len(NODE_PORTS):
            free = self._rng.choice(NODE_PORTS)
        self._used.add(free)
        return free

    def assigned(self, ports: Sequence[KubeObject]) -> list[KubeObject]:
        """One number per port; the same number over TCP and UDP shares it."""
        by_number: dict[tuple[int, str], int] = {}
        found = []
        for port in ports:
            given = port.get("nodePort") or self._shared(by_number, port) or self.next()
            by_number[port.get("port", 0), port.get("protocol", "TCP")] = given
            found.append({**port, "nodePort": given})
        return found

    @staticmethod
    def _shared(known: Mapping[tuple[int, str], int], port: KubeObject) -> int:
        others = (known.get((port.get("port", 0), each)) for each in ("TCP", "UDP", "SCTP"))
        return next((number for number in others if number), 0)


def _used_ports(spec: KubeObject) -> Iterator[int]:
    yield from (port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort"))
    if spec.get("healthCheckNodePort"):
        yield spec["healthCheckNodePort"]


# --- workloads --------------------------------------------------------------------------------------------------------

_CONTROLLER_UID = "batch.kubernetes.io/controller-uid"


def job(site: Site, obj: KubeObject) -> KubeObject:
    """A job selects its pods by its own uid, unless it was told how."""
    spec = _spec(obj)
    if spec.get("manualSelector"):
        return obj
    labels = {
        "controller-uid": uid_of(obj),
        "job-name": name_of(obj),
        _CONTROLLER_UID: uid_of(obj),
        "batch.kubernetes.io/job-name": name_of(obj),
    }
    template = _with_labels(spec.get("template") or {}, labels)
    selector = dict(spec.get("selector") or {})
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), _CONTROLLER_UID: uid_of(obj)}
    prepared = {**obj, "spec": {**spec, "template": template, "selector": selector}}
    # defaults copied the template's labels to a job without any: to both what is added is added
    own = metadata(obj).get("labels") or {}
    return (
        prepared
        if own and own != metadata(spec.get("template") or {}).get("labels")
        else _with_labels(prepared, labels)
    )


def _with_labels(obj: KubeObject, labels: Mapping[str, str]) -> KubeObject:
    meta = metadata(obj)
    return {**obj, "metadata": {**meta, "labels": {**(meta.get("labels") or {}), **labels}}}


TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def daemon_set(site: Site, obj: KubeObject) -> KubeObject:
    """Its template is counted, in an annotation of old."""
    return _with_template_generation(obj, 1)


def updated_daemon_set(site: Site, obj: KubeObject, held: KubeObject, subresource: str) -> KubeObject:
    before = int((metadata(held).get("annotations") or {}).get(TEMPLATE_GENERATION, "0") or 0)
    changed = not subresource and _spec(obj).get("template") != _spec(held).get("template")
    return _with_template_generation(obj, before + changed)


def _with_template_generation(obj: KubeObject, number: int) -> KubeObject:
    meta = metadata(obj)
    annotations = {**(meta.get("annotations") or {}), TEMPLATE_GENERATION: str(number)}
    return {**obj, "metadata": {**meta, "annotations": annotations}}


# --- storage, APIs ----------------------------------------------------------------------------------------------------


def volume(site: Site, obj: KubeObject) -> KubeObject:
    return {
        **obj,
        "status": {**(obj.get("status") or {}), "phase": "Pending", "lastPhaseTransitionTime": timestamp(site.now())},
    }


def claim(site: Site, obj: KubeObject) -> KubeObject:
    """dataSource and dataSourceRef say the same."""
    spec, status = _spec(obj), {"phase": "Pending"}
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    added: dict[str, Any] = {}
    if source is not None and reference is None:
        added["dataSourceRef"] = source
    elif reference is not None and source is None and not reference.get("namespace"):
        added["dataSource"] = reference
    return {**obj, "spec": {**spec, **added}, "status": status}


def api_service(site: Site, obj: KubeObject) -> KubeObject:
    """What this server answers itself is available."""
    if _spec(obj).get("service") is not None:
        return {**obj, "status": {}}
    condition = {
        "type": "Available",
        "status": "True",
        "lastTransitionTime": timestamp(site.now()),
        "reason": "Local",
        "message": "Local APIServices are always available",
    }
    return {**obj, "status": {"conditions": [condition]}}


def definition(site: Site, obj: KubeObject) -> KubeObject:
    """A new CustomResourceDefinition has stored nothing but its storage version."""
    stored = [each["name"] for each in _spec(obj).get("versions") or () if each.get("storage")]
    return {**obj, "status": {"storedVersions": stored[:1]}}


def resource_slice(site: Site, obj: KubeObject) -> KubeObject:
    """Taints of devices are timed."""
    devices = _spec(obj).get("devices") or []
    if not any(each.get("taints") for each in devices):
        return obj
    return {**obj, "spec": {**_spec(obj), "devices": [_timed(site, each) for each in devices]}}


def _timed(site: Site, device: KubeObject) -> KubeObject:
    if not device.get("taints"):
        return device
    return {**device, "taints": [{"timeAdded": timestamp(site.now()), **taint} for taint in device["taints"]]}


def taint_rule(site: Site, obj: KubeObject) -> KubeObject:
    taint = _spec(obj).get("taint")
    if not taint or taint.get("timeAdded"):
        return obj
    return {**obj, "spec": {**_spec(obj), "taint": {**taint, "timeAdded": timestamp(site.now())}}}


# site, wanted, held, subresource
PrepareUpdate = Callable[[Site, KubeObject, KubeObject, str], KubeObject]
PREPARED_UPDATES: Mapping[str, PrepareUpdate] = {
    "daemonsets.apps": updated_daemon_set,
    "persistentvolumes": updated_volume,
    "services": updated_service,
}
PREPARED: Mapping[str, Prepare] = {
    "apiservices.apiregistration.k8s.io": api_service,
    "customresourcedefinitions.apiextensions.k8s.io": definition,
    "daemonsets.apps": daemon_set,
    "devicetaintrules.resource.k8s.io": taint_rule,
    "jobs.batch": job,
    "persistentvolumeclaims": claim,
    "persistentvolumes": volume,
    "pods": pod,
    "resourceslices.resource.k8s.io": resource_slice,
    "services": service,
}
