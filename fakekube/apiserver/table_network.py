"""The cells of services, endpoints, ingresses and addresses, nodes and events.

Source: pkg/printers/internalversion of Kubernetes 1.37; recorded samples are the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fakekube.apiserver.table_values import (
    NONE,
    UNKNOWN,
    Ages,
    at,
    condition,
    either,
    formatted_selector,
    labels_text,
    listed,
)
from fakekube.meta.errors import qualified
from fakekube.meta.objects import KubeObject, name_of

_SHOWN_MOST = 3
_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE_LABEL = "kubernetes.io/role"
_DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"


def service_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    addresses = at(obj, "spec.clusterIPs", [])
    return [
        name_of(obj),
        at(obj, "spec.type", ""),
        addresses[0] if addresses else NONE,
        _external_address(obj),
        ",".join(_port(port) for port in at(obj, "spec.ports", [])) or NONE,
        ages.of(obj),
        labels_text(at(obj, "spec.selector")),
    ]


def _external_address(obj: KubeObject) -> str:
    given = ",".join(at(obj, "spec.externalIPs", []))
    match at(obj, "spec.type"):
        case "ClusterIP" | "NodePort":
            return given or NONE
        case "LoadBalancer":
            return ",".join(filter(None, (_balancers(obj), given))) or "<pending>"
        case "ExternalName":
            return str(at(obj, "spec.externalName", ""))
        case _:
            return UNKNOWN


def _balancers(obj: KubeObject) -> str:
    ingress = at(obj, "status.loadBalancer.ingress", [])
    return ",".join(sorted({text for each in ingress if (text := each.get("ip") or each.get("hostname"))}))


def _port(port: KubeObject) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node_port}/{port.get('protocol', '')}"


def endpoints_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    found = [text for subset in obj.get("subsets") or [] for text in _subset(subset)]
    empty = "" if obj.get("subsets") else NONE
    return [name_of(obj), listed(found, _SHOWN_MOST, empty), ages.of(obj)]


def _subset(subset: KubeObject) -> list[str]:
    """Every address with every port; IPv6 in brackets."""
    addresses = [each["ip"] for each in subset.get("addresses") or []]
    ports = subset.get("ports") or []
    if not ports:
        return addresses
    return [f"[{ip}]:{p['port']}" if ":" in ip else f"{ip}:{p['port']}" for p in ports for ip in addresses]


def endpoint_slice_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    ports = [str(port.get("port", port.get("name", "*"))) for port in obj.get("ports") or []]
    addresses = [address for each in obj.get("endpoints") or [] for address in each.get("addresses") or []]
    return [name_of(obj), obj.get("addressType", ""), listed(ports), listed(addresses), ages.of(obj)]


def ingress_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return [
        name_of(obj),
        at(obj, "spec.ingressClassName", NONE),
        _hosts(at(obj, "spec.rules", [])),
        _balancers(obj),
        "80, 443" if at(obj, "spec.tls") else "80",
        ages.of(obj),
    ]


def _hosts(rules: list[KubeObject]) -> str:
    """The first three; what follows is counted in rules, whether or not they name a host."""
    hosts: list[str] = []
    more = False
    for rule in rules:
        more = more or len(hosts) == _SHOWN_MOST
        if not more and rule.get("host"):
            hosts.append(rule["host"])
    text = ",".join(hosts) or "*"
    return f"{text} + {len(rules) - _SHOWN_MOST} more..." if more else text


def ingress_class_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    default = at(obj, "metadata.annotations", {}).get(_DEFAULT_CLASS) == "true"
    parameters = at(obj, "spec.parameters")
    text = NONE
    if parameters is not None:
        text = f"{qualified(parameters['kind'], parameters.get('apiGroup', ''))}/{parameters['name']}"
    name = f"{name_of(obj)} (default)" if default else name_of(obj)
    return [name, at(obj, "spec.controller", ""), text, ages.of(obj)]


def network_policy_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return [name_of(obj), formatted_selector(at(obj, "spec.podSelector")), ages.of(obj)]


def address_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    parent = at(obj, "spec.parentRef")
    if parent is None:
        return [name_of(obj), NONE, ages.of(obj)]
    resource = qualified(parent.get("resource", ""), parent.get("group", "")).lower()
    text = "/".join(filter(None, (resource, parent.get("namespace"), parent.get("name", ""))))
    return [name_of(obj), text, ages.of(obj)]


def service_range_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return [name_of(obj), ",".join(at(obj, "spec.cidrs", [])), ages.of(obj)]


def node_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    info = at(obj, "status.nodeInfo", {})
    kernel = info.get("kernelVersion") or UNKNOWN
    architecture = f" ({info['architecture']})" if info.get("architecture") else ""
    return [
        name_of(obj),
        _node_status(obj),
        ",".join(_roles(obj)) or NONE,
        ages.of(obj),
        info.get("kubeletVersion", ""),
        _node_address(obj, "InternalIP"),
        _node_address(obj, "ExternalIP"),
        info.get("osImage") or UNKNOWN,
        f"{kernel}{architecture}",
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _node_status(obj: KubeObject) -> str:
    ready = condition(obj, "Ready")
    status = "Unknown" if ready is None else "Ready" if ready.get("status") == "True" else "NotReady"
    return f"{status},SchedulingDisabled" if at(obj, "spec.unschedulable") else status


def _roles(obj: KubeObject) -> list[str]:
    labels = at(obj, "metadata.labels", {})
    named = {label.removeprefix(_ROLE_PREFIX) for label in labels if label.startswith(_ROLE_PREFIX)}
    return sorted(filter(None, named | {labels.get(_ROLE_LABEL, "")}))


def _node_address(obj: KubeObject, kind: str) -> str:
    addresses = at(obj, "status.addresses", [])
    return next((str(each["address"]) for each in addresses if each.get("type") == kind), NONE)


# Where the two versions of an event keep what the table shows: core/v1, events.k8s.io/v1.
_CORE_EVENT = {
    "object": "involvedObject",
    "message": "message",
    "count": "count",
    "first": "firstTimestamp",
    "last": "lastTimestamp",
    "source": "source",
    "controller": "reportingComponent",
}
_NEW_EVENT = {
    "object": "regarding",
    "message": "note",
    "count": "deprecatedCount",
    "first": "deprecatedFirstTimestamp",
    "last": "deprecatedLastTimestamp",
    "source": "deprecatedSource",
    "controller": "reportingController",
}


def core_event_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return _event_cells(obj, ages, _CORE_EVENT)


def new_event_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return _event_cells(obj, ages, _NEW_EVENT)


def _event_cells(obj: KubeObject, ages: Ages, names: Mapping[str, str]) -> list[Any]:
    about = obj.get(names["object"]) or {}
    first = ages.since(obj.get(names["first"]) or obj.get("eventTime"))
    last = ages.since(obj[names["last"]]) if obj.get(names["last"]) else first
    count = obj.get(names["count"]) or 1
    if obj.get("series"):
        last, count = ages.since(at(obj, "series.lastObservedTime")), at(obj, "series.count", 0)
    target = "/".join(filter(None, (about.get("kind", "").lower(), about.get("name"))))
    return [
        last,
        obj.get("type", ""),
        obj.get("reason", ""),
        target,
        about.get("fieldPath", ""),
        _event_source(obj, names),
        obj.get(names["message"], "").strip(),
        first,
        count,
        name_of(obj),
    ]


def _event_source(obj: KubeObject, names: Mapping[str, str]) -> str:
    source = obj.get(names["source"]) or {}
    component = either((source.get("component"), obj.get(names["controller"])))
    instance = either((source.get("host"), obj.get("reportingInstance")))
    return f"{component}, {instance}" if instance else component


CELLS: Mapping[str, Callable[[KubeObject, Ages], list[Any]]] = {
    "v1/endpoints": endpoints_cells,
    "v1/events": core_event_cells,
    "v1/nodes": node_cells,
    "v1/services": service_cells,
    "discovery.k8s.io/v1/endpointslices": endpoint_slice_cells,
    "events.k8s.io/v1/events": new_event_cells,
    "networking.k8s.io/v1/ingressclasses": ingress_class_cells,
    "networking.k8s.io/v1/ingresses": ingress_cells,
    "networking.k8s.io/v1/ipaddresses": address_cells,
    "networking.k8s.io/v1/networkpolicies": network_policy_cells,
    "networking.k8s.io/v1/servicecidrs": service_range_cells,
}
