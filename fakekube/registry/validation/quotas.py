"""Limit ranges and resource quotas. Source: pkg/apis/core/validation of Kubernetes 1.37."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from fakekube.meta.objects import KubeObject
from fakekube.registry.quantity import Quantity
from fakekube.registry.validation.amounts import (
    amounts,
    container_resource,
    overcommits,
    resource_name,
    resource_value,
)
from fakekube.registry.validation.causes import Causes, all_invalid, duplicate, forbidden, invalid, required
from fakekube.registry.validation.kind import Kind
from fakekube.registry.validation.names import qualified_name
from fakekube.registry.validation.object_meta import IMMUTABLE

_LIMIT_TYPES = frozenset(["Pod", "Container", "PersistentVolumeClaim"])
_EXISTENTIAL = ("Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "CrossNamespacePodAffinity")
_SCOPES = frozenset([*_EXISTENTIAL, "PriorityClass", "VolumeAttributesClass"])
_CONFLICTS = ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"})
_POD_RESOURCES = frozenset(
    ["pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"],
)
_QUOTA_ONLY_PREFIXES = ("requests.", "limits.")
_QUOTA_RESOURCES = _POD_RESOURCES | {
    "ephemeral-storage",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.ephemeral-storage",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "persistentvolumeclaims",
    "configmaps",
    "services.nodeports",
    "services.loadbalancers",
}
_EXISTS_ONLY = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)


def _limit_range(obj: KubeObject) -> Causes:
    seen: set[str] = set()
    for index, limit in enumerate((obj.get("spec") or {}).get("limits") or ()):
        path, kind = f"spec.limits[{index}]", limit.get("type") or ""
        yield from _limit_type(kind, f"{path}.type")
        if kind in seen:
            yield duplicate(f"{path}.type", kind)
        seen.add(kind)
        yield from _limit(limit, kind, path)


def _limit_type(kind: str, path: str) -> Causes:
    faults = qualified_name(kind)
    yield from all_invalid(path, kind, faults)
    if not faults and "/" not in kind and kind not in _LIMIT_TYPES:
        yield invalid(path, kind, "must be a standard limit type or fully qualified")


def _limit(limit: KubeObject, kind: str, path: str) -> Causes:
    bounds = {name: amounts(limit.get(name)) for name in ("max", "min", "default", "defaultRequest")}
    for name in ("default", "defaultRequest"):
        if kind == "Pod" and bounds[name]:
            yield forbidden(f"{path}.{name}", "may not be specified when `type` is 'Pod'")
            bounds[name] = {}
    check = container_resource if kind in ("Pod", "Container") else resource_name
    ratios = amounts(limit.get("maxLimitRequestRatio"))
    for name, values in bounds.items():
        for resource in values:
            yield from check(resource, f"{path}.{name}[{resource}]")
    if kind == "PersistentVolumeClaim" and "storage" not in {*bounds["min"], *bounds["max"]}:
        yield required(
            f"{path}.limits", "either minimum or maximum storage value is required, but neither was provided"
        )
    for resource in ratios:
        yield from check(resource, f"{path}.maxLimitRequestRatio[{resource}]")
    for resource in sorted({*ratios, *(each for values in bounds.values() for each in values)}):
        held = {name: values.get(resource) for name, values in bounds.items()}
        yield from _ordered(held, resource, path)
        yield from _ratio(ratios.get(resource), held, f"{path}.maxLimitRequestRatio[{resource}]")
        yield from _committed(held, resource, f"{path}.defaultRequest[{resource}]")


# The smaller bound, the larger one, the member that is blamed, the bound whose value is shown, and what they are called.
_ORDER = (
    ("min", "max", "min", "min", "min value", "max value"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest", "min value", "default request value"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest", "default request value", "max value"),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest", "default request value", "default limit value"),
    ("min", "default", "default", "min", "min value", "default value"),
    ("default", "max", "default", "max", "default value", "max value"),
)


def _ordered(held: Mapping[str, Quantity | None], resource: str, path: str) -> Causes:
    for small, large, blamed, shown, small_text, large_text in _ORDER:
        less, more, value = held[small], held[large], held[shown]
        if less is not None and more is not None and less.value > more.value:
            detail = f"{small_text} {less} is greater than {large_text} {more}"
            yield invalid(f"{path}.{blamed}[{resource}]", str(value), detail)


def _ratio(ratio: Quantity | None, held: Mapping[str, Quantity | None], path: str) -> Causes:
    if ratio is None:
        return
    if ratio.value < 1:
        yield invalid(path, str(ratio), f"ratio {ratio} is less than 1")
    least, most = held["min"], held["max"]
    if least is not None and most is not None and least.value:
        bound = Fraction(most.value) / Fraction(least.value)
        if ratio.value > bound:
            yield invalid(path, str(ratio), f"ratio {ratio} is greater than max/min = {float(bound):f}")


def _committed(held: Mapping[str, Quantity | None], resource: str, path: str) -> Causes:
    limit, request = held["default"], held["defaultRequest"]
    if overcommits(resource) or limit is None or request is None or limit.value == request.value:
        return
    detail = f"default value {limit} must equal to defaultRequest value {request} in {resource}"
    yield invalid(path, str(request), detail)


def _quota(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    yield from _hard(spec.get("hard"), "spec.hard")
    scopes = spec.get("scopes") or []
    for scope in scopes:
        yield from _scope(scope, spec, "spec.scopes", "spec.scopes", scopes, scopes)
    yield from _conflicts(set(scopes), scopes)
    selector = spec.get("scopeSelector")
    if selector is not None:
        yield from _scope_selector(selector, spec)


def _hard(values: Mapping[str, str] | None, path: str) -> Causes:
    for name, quantity in amounts(values).items():
        here = f"{path}[{name}]"
        faults = list(resource_name(name, here))
        yield from faults
        if "/" not in name and name not in _QUOTA_RESOURCES and not name.startswith(("hugepages-", "requests.huge")):
            yield invalid(here, name, "must be a standard resource for quota")
        yield from resource_value(name, quantity, here)


def _scope(scope: str, spec: KubeObject, path: str, name_path: str, shown: object, name_shown: object) -> Causes:
    if scope not in _SCOPES:
        yield invalid(name_path, name_shown, "unsupported scope")
    for resource in sorted(spec.get("hard") or ()):
        if resource in _QUOTA_RESOURCES and not _scope_fits(scope, resource):
            yield invalid(path, shown, "unsupported scope applied to resource")


def _scope_fits(scope: str, resource: str) -> bool:
    if scope == "BestEffort":
        return resource == "pods"
    if scope == "VolumeAttributesClass":
        return resource in ("persistentvolumeclaims", "requests.storage")
    return scope not in _SCOPES or resource in _POD_RESOURCES


def _conflicts(scopes: set[str], shown: object) -> Causes:
    for pair in _CONFLICTS:
        if pair <= scopes:
            yield invalid("spec.scopes", shown, "conflicting scopes")


def _scope_selector(selector: KubeObject, spec: KubeObject) -> Causes:
    path, requirements = "spec.scopeSelector.matchExpressions", selector.get("matchExpressions") or []
    for requirement in requirements:
        scope, operator = requirement.get("scopeName") or "", requirement.get("operator") or ""
        values = requirement.get("values") or []
        yield from _scope(scope, spec, path, f"{path}.scopeName", _internal(requirements), scope)
        if scope in _EXISTENTIAL and operator != "Exists":
            yield invalid(f"{path}.operator", operator, _EXISTS_ONLY)
        if operator in ("In", "NotIn"):
            if not values:
                detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
                yield required(f"{path}.values", detail)
        elif operator not in ("Exists", "DoesNotExist"):
            yield invalid(f"{path}.operator", operator, "not a valid selector operator")
        elif values:
            detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
            yield invalid(f"{path}.values", values, detail)
    yield from _conflicts({each.get("scopeName") or "" for each in requirements}, spec.get("scopes"))


def _internal(requirements: list[KubeObject]) -> KubeObject:
    """A scope selector in its internal form."""
    members = (("ScopeName", "scopeName", ""), ("Operator", "operator", ""), ("Values", "values", None))
    shown = [{name: each.get(member) or zero for name, member, zero in members} for each in requirements]
    return {"MatchExpressions": shown}


def _updated_quota(obj: KubeObject, held: KubeObject) -> Causes:
    yield from _quota(obj)
    scopes, before = ((each.get("spec") or {}).get("scopes") for each in (obj, held))
    if set(scopes or ()) != set(before or ()):
        yield invalid("spec.scopes", scopes, IMMUTABLE)


def _quota_status(obj: KubeObject, held: KubeObject) -> Causes:
    status = obj.get("status") or {}
    for member in ("hard", "used"):
        yield from _hard(status.get(member), f"status.{member}")


QUOTAS: Mapping[str, Kind] = {
    "v1/limitranges": Kind(create=_limit_range),
    "v1/resourcequotas": Kind(create=_quota, update=_updated_quota, status=_quota_status, update_repeats_create=False),
}
