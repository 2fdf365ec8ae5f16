"""Nodes and namespaces. Source: pkg/apis/core/validation of Kubernetes 1.37."""

from __future__ import annotations

from collections.abc import Mapping

from fakekube.meta.gosyntax import syntax_fault
from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.amounts import amounts, resource_value
from fakekube.registry.validation.causes import Causes, all_invalid, duplicate, forbidden, invalid
from fakekube.registry.validation.kind import Kind
from fakekube.registry.validation.names import cidr, dns_label
from fakekube.registry.validation.object_meta import finalizer
from fakekube.registry.validation.placement import taints

_AVOID_PODS = "scheduler.alpha.kubernetes.io/preferAvoidPods"


def _node(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    yield from _avoided_pods(obj)
    yield from _tainted_with_resources(obj)
    ranges = spec.get("podCIDRs") or []
    for index, text in enumerate(ranges):
        yield from all_invalid(f"spec.podCIDRs[{index}]", text, cidr(text))
    if len(ranges) > 2 or (len(ranges) == 2 and (":" in ranges[0]) == (":" in ranges[1])):
        yield invalid("spec.podCIDRs", ranges, "may specify no more than one CIDR for each IP family")


def _avoided_pods(obj: KubeObject) -> Causes:
    """An annotation of old that holds JSON."""
    text = ((obj.get("metadata") or {}).get("annotations") or {}).get(_AVOID_PODS)
    fault = syntax_fault(text.encode()) if text else None
    if fault is not None:
        yield invalid("metadata.annotations.AvoidPods", _AVOID_PODS, fault)


def _tainted_with_resources(obj: KubeObject) -> Causes:
    yield from taints((obj.get("spec") or {}).get("taints") or [], "metadata.taints")
    yield from _resources(obj)


def _resources(obj: KubeObject) -> Causes:
    status = obj.get("status") or {}
    for member in ("capacity", "allocatable"):
        for name, quantity in amounts(status.get(member)).items():
            yield from resource_value(name, quantity, f"status.{member}.{name}")


def _updated_node(obj: KubeObject, held: KubeObject) -> Causes:
    new, old = obj.get("spec") or {}, held.get("spec") or {}
    for index, text in enumerate(new.get("podCIDRs") or ()):
        if text not in (old.get("podCIDRs") or ()):
            yield from all_invalid(f"spec.podCIDRs[{index}]", text, cidr(text))
    yield from _avoided_pods(obj)
    yield from _resources(obj)
    yield from _addresses((obj.get("status") or {}).get("addresses") or [])
    if old.get("podCIDRs") and new.get("podCIDRs") != old["podCIDRs"]:
        yield forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid')
    if old.get("providerID") and new.get("providerID") != old["providerID"]:
        how = "modified" if new.get("providerID") else "cleared"
        yield invalid("spec.providerID", None, f"field cannot be {how} once set")
    yield from taints(new.get("taints") or [], "metadata.taints")
    if (new.get("externalID") or "") != (old.get("externalID") or ""):
        yield forbidden("spec.externalID", "may not be updated")


def _addresses(addresses: list[KubeObject]) -> Causes:
    for index, address in enumerate(addresses):
        if address in addresses[:index]:
            shown = {"Type": address.get("type") or "", "Address": address.get("address") or ""}
            yield duplicate(f"status.addresses[{index}]", shown)


def _namespace(obj: KubeObject) -> Causes:
    for name in (obj.get("spec") or {}).get("finalizers") or ():
        yield from finalizer(name, "spec.finalizers")


def _namespace_status(obj: KubeObject, held: KubeObject) -> Causes:
    going = bool((obj.get("metadata") or {}).get("deletionTimestamp"))
    phase, wanted = (obj.get("status") or {}).get("phase") or "", "Terminating" if going else "Active"
    if phase != wanted:
        detail = f"may only be '{wanted}' if `deletionTimestamp` is {'not ' if going else ''}empty"
        yield invalid("status.Phase", phase, detail)


NODES: Mapping[str, Kind] = {
    "v1/nodes": Kind(create=_node, update=_updated_node, status=_updated_node, update_repeats_create=False),
    "v1/namespaces": Kind(name=dns_label, create=_namespace, status=_namespace_status, update_repeats_create=False),
}
