"""Amounts of resources: which names may be asked for, and how requests and limits go together.

Source: ValidateResourceRequirements of pkg/apis/core/validation, Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Mapping

from fakekube.meta.objects import KubeObject
from fakekube.registry.quantity import Quantity, parse_quantity
from fakekube.registry.validation.causes import Causes, all_invalid, forbidden, invalid, not_found, required
from fakekube.registry.validation.names import qualified_name

_CONTAINER = frozenset(["cpu", "memory", "ephemeral-storage"])
_STANDARD = _CONTAINER | {
    "storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "persistentvolumeclaims",
    "configmaps",
    "services.nodeports",
    "services.loadbalancers",
}
_INTEGERS = frozenset(["pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps"]) | {
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
}
_HUGE_PAGES = "hugepages-"


def is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    return not is_native(name) and not name.startswith("requests.")


def overcommits(name: str) -> bool:
    """Whether more may be promised than there is: CPU and memory, but no huge pages and no devices."""
    return is_native(name) and not name.startswith(_HUGE_PAGES)


def amounts(values: Mapping[str, str] | None) -> dict[str, Quantity]:
    return {name: parse_quantity(str(text)) for name, text in (values or {}).items()}


def not_negative(quantity: Quantity, path: str) -> Causes:
    if quantity.value < 0:
        yield invalid(path, str(quantity), "must be greater than or equal to 0")


def resource_name(name: str, path: str) -> Causes:
    faults = qualified_name(name)
    yield from all_invalid(path, name, faults)
    if not faults and "/" not in name and name not in _STANDARD and not name.startswith(_HUGE_PAGES):
        yield invalid(path, name, "must be a standard resource type or fully qualified")


def container_resource(name: str, path: str) -> Causes:
    yield from resource_name(name, path)
    if "/" not in name and name not in _CONTAINER and not name.startswith(_HUGE_PAGES):
        yield invalid(path, name, "must be a standard resource for containers")


def resource_value(name: str, quantity: Quantity, path: str) -> Causes:
    yield from not_negative(quantity, path)
    whole = name in _INTEGERS or is_extended(name)
    if whole and quantity.value.denominator != 1:
        yield invalid(path, str(quantity), "must be an integer")


def requirements(value: KubeObject, path: str, claims: frozenset[str]) -> Causes:
    """The `resources` of a container. `claims`: the names of the pod's resourceClaims."""
    limits, requests = amounts(value.get("limits")), amounts(value.get("requests"))
    for name, quantity in limits.items():
        here = f"{path}.limits[{name}]"
        yield from container_resource(name, here)
        yield from resource_value(name, quantity, here)
        yield from _huge_pages(name, quantity, here)
    for name, quantity in requests.items():
        yield from _request(name, quantity, limits, path)
    yield from _huge_need_small({*limits, *requests}, path)
    yield from _claims(value.get("claims") or [], f"{path}.claims", claims)


def _huge_pages(name: str, quantity: Quantity, path: str) -> Causes:
    if not name.startswith(_HUGE_PAGES):
        return
    page = parse_quantity(name.removeprefix(_HUGE_PAGES)).value
    if page and quantity.value % page:
        yield invalid(path, str(quantity), f"{quantity} is not positive integer multiple of {name}")


def _request(name: str, quantity: Quantity, limits: Mapping[str, Quantity], path: str) -> Causes:
    here = f"{path}.requests[{name}]"
    yield from container_resource(name, here)
    yield from resource_value(name, quantity, here)
    limit = limits.get(name)
    if limit is not None:
        if quantity.value != limit.value and not overcommits(name):
            yield invalid(f"{path}.requests", str(quantity), f"must be equal to {name} limit of {limit}")
        elif quantity.value > limit.value:
            yield invalid(f"{path}.requests", str(quantity), f"must be less than or equal to {name} limit of {limit}")
    elif not overcommits(name):
        yield required(f"{path}.limits", "Limit must be set for non overcommitable resources")


def _huge_need_small(names: set[str], path: str) -> Causes:
    if any(name.startswith(_HUGE_PAGES) for name in names) and not names & {"cpu", "memory"}:
        yield forbidden(path, "HugePages require cpu or memory")


def _claims(values: list[KubeObject], path: str, known: frozenset[str]) -> Causes:
    for index, claim in enumerate(values):
        name = claim.get("name", "")
        if not name:
            yield required(f"{path}[{index}]")
        elif name not in known:
            where = "which is empty" if not known else ""
            yield not_found(
                f"{path}[{index}]", name, f"must be one of the names in pod.spec.resourceClaims {where}".rstrip()
            )
