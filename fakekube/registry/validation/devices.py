"""Claims, classes, slices and taints of devices. Source: pkg/apis/resource/validation of Kubernetes 1.37."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import (
    Causes,
    all_invalid,
    duplicate,
    invalid,
    required,
    too_long,
    too_many,
    unsupported,
)
from fakekube.registry.validation.internal import internal
from fakekube.registry.validation.kind import Kind, in_all
from fakekube.registry.validation.names import (
    Faults,
    c_identifier,
    dns_label,
    dns_subdomain,
    label_value,
    long_name,
    qualified_name,
    regex_fault,
)
from fakekube.registry.validation.object_meta import IMMUTABLE, immutable
from fakekube.registry.validation.placement import node_selector

_REQUESTS_MAX = 32
_DEVICES_MAX = 128
_DRIVER_MAX = 63
_EXPRESSION_MAX = 10 * 1024
_DRIVER_FAULT = regex_fault(
    "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character",
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
    "Example.com",
)
_EFFECTS = ("NoExecute", "NoSchedule", "None")
_OPERATORS = ("Equal", "Exists")
_REFERENCE = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
_ONE_KIND = "exactly one of `exactly` or `firstAvailable` is required"
_NODES = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
_VALUES = ("int", "bool", "string", "version", "ints", "bools", "strings", "versions")


def _claim(obj: KubeObject) -> Causes:
    yield from _devices((obj.get("spec") or {}).get("devices") or {}, "spec.devices")


def _template(obj: KubeObject) -> Causes:
    inner = (obj.get("spec") or {}).get("spec") or {}
    yield from _devices(inner.get("devices") or {}, "spec.spec.devices")


def _devices(devices: KubeObject, path: str) -> Causes:
    requests: list[KubeObject] = devices.get("requests") or []
    if len(requests) > _REQUESTS_MAX:
        yield too_many(f"{path}.requests", len(requests), _REQUESTS_MAX)
    yield from in_all(requests, f"{path}.requests", _request)
    known = {name for request in requests for name in _names(request)}
    for index, constraint in enumerate(devices.get("constraints") or ()):
        yield from _constraint(constraint, f"{path}.constraints[{index}]", known)
    for index, config in enumerate(devices.get("config") or ()):
        here = f"{path}.config[{index}]"
        yield from _references(config.get("requests") or [], f"{here}.requests", known)
        yield from _opaque(config, here)
    names = [request.get("name", "") for request in requests]
    for index, request in enumerate(requests):
        if names[index] in names[:index]:
            yield duplicate(f"{path}.requests[{index}]", request)
    for index, constraint in enumerate(devices.get("constraints") or ()):
        yield from _attributes(constraint, f"{path}.constraints[{index}]")


def _names(request: KubeObject) -> list[str]:
    name = request.get("name", "")
    return [name, *(f"{name}/{each.get('name', '')}" for each in request.get("firstAvailable") or ())]


def _request(request: KubeObject, path: str) -> Causes:
    name = request.get("name", "")
    yield from all_invalid(f"{path}.name", name, dns_label(name))
    exactly, first = request.get("exactly"), request.get("firstAvailable") or []
    if exactly is None and not first:
        yield required(path, _ONE_KIND)
    elif exactly is not None and first:
        yield invalid(path, None, f"{_ONE_KIND}, but multiple fields are set")
    elif exactly is not None:
        yield from _exact(exactly, f"{path}.exactly")
    for index, each in enumerate(first if exactly is None else ()):
        here, inner = f"{path}.firstAvailable[{index}]", each.get("name", "")
        yield from all_invalid(f"{here}.name", inner, dns_label(inner))
        yield from _exact(each, here)


def _exact(request: KubeObject, path: str) -> Causes:
    name, mode, count = request.get("deviceClassName") or "", request.get("allocationMode"), request.get("count") or 0
    if name:
        yield from all_invalid(f"{path}.deviceClassName", name, dns_subdomain(name))
    else:
        yield required(f"{path}.deviceClassName")
    yield from in_all(request.get("selectors"), f"{path}.selectors", _selector)
    if mode == "All" and count:
        yield invalid(f"{path}.count", count, "must not be specified when allocationMode is 'All'")
    elif mode == "ExactCount" and count <= 0:
        yield invalid(f"{path}.count", count, "must be greater than zero")
    elif mode not in ("All", "ExactCount"):
        yield unsupported(f"{path}.allocationMode", mode or "", ("All", "ExactCount"))
    yield from in_all(request.get("tolerations"), f"{path}.tolerations", _toleration)


def _selector(selector: KubeObject, path: str) -> Causes:
    if selector.get("cel") is None:
        yield required(f"{path}.cel")
        return
    # imported late: CEL is loaded by the first object that has some
    from fakekube.registry.cel.expressions import selector_fault

    expression, path = selector["cel"].get("expression") or "", f"{path}.cel.expression"
    if len(expression.encode()) > _EXPRESSION_MAX:
        yield too_long(path, _EXPRESSION_MAX)
    elif (fault := selector_fault(expression)) is not None:
        yield invalid(path, expression, fault)


def _toleration(toleration: KubeObject, path: str) -> Causes:
    operator, value, effect = (toleration.get(name) or "" for name in ("operator", "value", "effect"))
    if operator == "Exists" and value:
        yield invalid(f"{path}.value", value, "must be empty for operator `Exists`")
    elif operator == "Equal":
        yield from all_invalid(f"{path}.value", value, label_value(value))
    elif not operator:
        yield required(f"{path}.operator")
    elif operator not in _OPERATORS:
        yield unsupported(f"{path}.operator", operator, _OPERATORS)
    if effect and effect not in _EFFECTS:
        yield unsupported(f"{path}.effect", effect, _EFFECTS)


def _constraint(constraint: KubeObject, path: str, known: set[str]) -> Causes:
    yield from _references(constraint.get("requests") or [], f"{path}.requests", known)
    if constraint.get("matchAttribute") is None and constraint.get("distinctAttribute") is None:
        detail = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
        yield required(path, detail)


def _attributes(constraint: KubeObject, path: str) -> Causes:
    for member in ("matchAttribute", "distinctAttribute"):
        name = constraint.get(member)
        if name is None:
            continue
        yield from all_invalid(f"{path}.{member}", name, _attribute_name(name))
        if "/" not in name:
            detail = "a fully qualified name must be a domain and a name separated by a slash"
            yield invalid(f"{path}.{member}", name, detail)


def _attribute_name(name: str) -> Faults:
    domain, slash, rest = name.partition("/")
    return [*dns_subdomain(domain), *c_identifier(rest)] if slash else c_identifier(name)


def _references(names: Sequence[str], path: str, known: set[str]) -> Causes:
    for index, name in enumerate(names):
        for part in name.split("/"):
            yield from all_invalid(f"{path}[{index}]", part, dns_label(part))
        if name not in known:
            yield invalid(f"{path}[{index}]", name, _REFERENCE)
    for index, name in enumerate(names):
        if name in names[:index]:
            yield duplicate(f"{path}[{index}]", name)


def _opaque(config: KubeObject, path: str) -> Causes:
    opaque = config.get("opaque")
    if opaque is None:
        yield required(f"{path}.opaque")
        return
    if opaque.get("parameters") is None:
        yield required(f"{path}.opaque.parameters")
    elif not isinstance(opaque["parameters"], dict):
        yield invalid(f"{path}.opaque.parameters", "<value omitted>", "must be a valid JSON object")
    yield from _configured_driver(opaque.get("driver") or "", f"{path}.opaque.driver")


def _configured_driver(name: str, path: str) -> Causes:
    """Drivers are named as those of storage are: in letters of either case."""
    if not name:
        yield required(path)
    elif len(name) > _DRIVER_MAX:
        yield too_long(path, _DRIVER_MAX, "characters")
    elif dns_subdomain(name.lower()):
        yield invalid(path, name, _DRIVER_FAULT)


def _class(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    yield from in_all(spec.get("selectors"), "spec.selectors", _selector)
    yield from in_all(spec.get("config"), "spec.config", _opaque)


def _updated_claim(obj: KubeObject, held: KubeObject) -> Causes:
    if obj.get("spec") != held.get("spec"):
        yield invalid("spec", None, IMMUTABLE)


def _updated_template(obj: KubeObject, held: KubeObject) -> Causes:
    if obj.get("spec") != held.get("spec"):
        yield from _template(obj)
        yield invalid("spec", internal(obj.get("spec"), "resource.v1.ResourceClaimTemplateSpec"), IMMUTABLE)


def _driver(driver: str, path: str) -> Causes:
    if driver:
        yield from all_invalid(path, driver, dns_subdomain(driver))
    else:
        yield required(path)


def _slice(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    yield from _placed(spec, {})


def _updated_slice(obj: KubeObject, held: KubeObject) -> Causes:
    yield from _placed(obj.get("spec") or {}, held.get("spec") or {})


def _placed(spec: KubeObject, before: KubeObject) -> Causes:
    pool = spec.get("pool") or {}
    yield from _driver(spec.get("driver") or "", "spec.driver")
    yield from _pool(pool)
    if before:
        yield from immutable(pool.get("name"), (before.get("pool") or {}).get("name"), "spec.pool.name", zero="")
        yield from immutable(spec.get("driver"), before.get("driver"), "spec.driver", zero="")
        yield from immutable(spec.get("nodeName"), before.get("nodeName"), "spec.nodeName")
    yield from _nodes(spec)
    devices = spec.get("devices") or []
    if len(devices) > _DEVICES_MAX:
        yield too_many("spec.devices", len(devices), _DEVICES_MAX)
        return
    yield from in_all(devices, "spec.devices", _device)
    names = [device.get("name", "") for device in devices]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield duplicate(f"spec.devices[{index}]", name)


def _pool(pool: KubeObject) -> Causes:
    name, count, generation = pool.get("name") or "", pool.get("resourceSliceCount") or 0, pool.get("generation") or 0
    if not name:
        yield required("spec.pool.name")
    for part in name.split("/") if name else ():
        yield from all_invalid("spec.pool.name", part, dns_subdomain(part))
    if count <= 0:
        yield invalid("spec.pool.resourceSliceCount", count, "must be greater than zero")
    if generation < 0:
        yield invalid("spec.pool.generation", generation, "must be greater than or equal to zero")


def _nodes(spec: KubeObject) -> Causes:
    """A slice is of one node, of selected ones, of all, or each device says."""
    given, name = [], spec.get("nodeName")
    if name:
        given.append("`nodeName`")
        yield from all_invalid("spec.nodeName", name, dns_subdomain(name))
    elif name is not None:
        yield invalid("spec.nodeName", name, "must be either unset or set to a non-empty string")
    if spec.get("nodeSelector") is not None:
        given.append("`nodeSelector`")
        yield from node_selector(spec["nodeSelector"], "spec.nodeSelector")
    for member in ("allNodes", "perDeviceNodeSelection"):
        if spec.get(member):
            given.append(f"`{member}`")
        elif spec.get(member) is not None:
            yield invalid(f"spec.{member}", False, "must be either unset or set to true")
    if not given:
        yield required("spec", _NODES)
    elif len(given) > 1:
        yield invalid("spec", f"{{{', '.join(given)}}}", f"{_NODES}, but multiple fields are set")


def _device(device: KubeObject, path: str) -> Causes:
    name = device.get("name", "")
    yield from all_invalid(f"{path}.name", name, dns_label(name))
    attributes: Mapping[str, KubeObject] = device.get("attributes") or {}
    for key in attributes:
        yield from all_invalid(f"{path}.attributes", key, _attribute_name(key))
    yield from in_all(device.get("taints"), f"{path}.taints", _taint)
    for key, value in attributes.items():
        yield from _value(value, f"{path}.attributes[{key}]")


def _value(value: KubeObject, path: str) -> Causes:
    given = [name for name in _VALUES if value.get(name) is not None]
    listed = ", ".join(f"`{name}`" for name in _VALUES)
    if not given:
        yield invalid(path, "", f"must specify one of: {listed}")
    elif len(given) > 1:
        yield invalid(path, f"{{{', '.join(given)}}}", f"must specify exactly one of: {listed}")


def _taint(taint: KubeObject, path: str) -> Causes:
    key, value, effect = (taint.get(name) or "" for name in ("key", "value", "effect"))
    yield from all_invalid(f"{path}.key", key, qualified_name(key))
    yield from all_invalid(f"{path}.value", value, label_value(value) if value else [])
    if not effect:
        yield required(f"{path}.effect")
    elif effect not in _EFFECTS:
        yield unsupported(f"{path}.effect", effect, _EFFECTS)


def _taint_rule(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    selector = spec.get("deviceSelector") or {}
    if selector.get("driver") is not None:
        yield from _driver(selector["driver"], "spec.deviceSelector.driver")
    if selector.get("device") is not None:
        yield from all_invalid("spec.deviceSelector.device", selector["device"], dns_label(selector["device"]))
    yield from _taint(spec.get("taint") or {}, "spec.taint")


DEVICES: Mapping[str, Kind] = {
    "resource.k8s.io/v1/resourceclaims": Kind(create=_claim, update=_updated_claim, update_repeats_create=False),
    "resource.k8s.io/v1/resourceclaimtemplates": Kind(
        create=_template, update=_updated_template, update_repeats_create=False
    ),
    "resource.k8s.io/v1/deviceclasses": Kind(name=long_name, create=_class),
    "resource.k8s.io/v1/resourceslices": Kind(create=_slice, update=_updated_slice, update_repeats_create=False),
    **dict.fromkeys(
        ("resource.k8s.io/v1/devicetaintrules", "resource.k8s.io/v1beta2/devicetaintrules"),
        Kind(create=_taint_rule),
    ),
}
