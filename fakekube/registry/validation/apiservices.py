"""API services, runtime classes, storage version migrations.

Source: kube-aggregator's validation, pkg/apis/node/validation and pkg/apis/storagemigration/validation, 1.37.
"""

from __future__ import annotations

from collections.abc import Mapping

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.amounts import requirements
from fakekube.registry.validation.causes import Causes, all_invalid, duplicate, invalid, quoted, required, unsupported
from fakekube.registry.validation.kind import Kind
from fakekube.registry.validation.names import dns_1035_label, dns_label, dns_subdomain, path_segment, port_number
from fakekube.registry.validation.object_meta import IMMUTABLE, labels
from fakekube.registry.validation.placement import tolerations

_STATES = ("True", "False", "Unknown")


def _api_service(obj: KubeObject) -> Causes:
    spec, name = obj.get("spec") or {}, (obj.get("metadata") or {}).get("name") or ""
    group, version = spec.get("group") or "", spec.get("version") or ""
    wanted = f"{version}.{group}"
    if name and name != wanted and not path_segment(name):
        yield invalid("metadata.name", name, f'must be `spec.version+"."+spec.group`: {quoted(wanted)}')
    if not group and version != "v1":
        yield required("spec.group", "only v1 may have an empty group and it better be legacy kube")
    if group:
        yield from all_invalid("spec.group", group, dns_subdomain(group))
    yield from all_invalid("spec.version", version, dns_1035_label(version))
    for member, most in (("groupPriorityMinimum", 20_000), ("versionPriority", 1000)):
        if not 0 < (spec.get(member) or 0) <= most:
            yield invalid(f"spec.{member}", spec.get(member) or 0, f"must be positive and less than {most}")
    yield from _served(spec)


def _served(spec: KubeObject) -> Causes:
    service, bundle, insecure = spec.get("service"), spec.get("caBundle") or "", bool(spec.get("insecureSkipTLSVerify"))
    if service is None:
        if bundle:
            size = len(bundle) * 3 // 4 - bundle[-2:].count("=")
            yield invalid("spec.caBundle", f"{size} bytes", "local APIServices may not have a caBundle")
        if insecure:
            detail = "local APIServices may not have insecureSkipTLSVerify"
            yield invalid("spec.insecureSkipTLSVerify", insecure, detail)
        return
    for member in ("namespace", "name"):
        if not service.get(member):
            yield required(f"spec.service.{member}")
    port = service.get("port") or 0
    faults = port_number(port)
    if faults:
        yield invalid("spec.service.port", port, f"port is not valid: {', '.join(faults)}")
    if insecure and bundle:
        yield invalid("spec.insecureSkipTLSVerify", insecure, "may not be true if caBundle is present")


def _api_service_status(obj: KubeObject, held: KubeObject) -> Causes:
    for index, condition in enumerate((obj.get("status") or {}).get("conditions") or ()):
        if condition.get("status") not in _STATES:
            yield unsupported(f"status.conditions[{index}].status", condition.get("status") or "", _STATES)


def _runtime_class(obj: KubeObject) -> Causes:
    overhead, scheduling, handler = obj.get("overhead"), obj.get("scheduling") or {}, obj.get("handler") or ""
    if overhead is not None:
        yield from requirements({"limits": overhead.get("podFixed")}, "overhead", frozenset())
    yield from labels(scheduling.get("nodeSelector") or {}, "scheduling.nodeSelector")
    given = scheduling.get("tolerations") or []
    yield from tolerations(given, "scheduling.tolerations")
    keys = [[each.get(name) or "" for name in ("key", "operator", "value", "effect")] for each in given]
    for index, key in enumerate(keys):
        if key in keys[:index]:
            yield duplicate(f"scheduling.tolerations[{index}]", given[index])
    if handler:
        yield from all_invalid("handler", handler, dns_label(handler))
    else:
        yield required("handler")


def _updated_runtime_class(obj: KubeObject, held: KubeObject) -> Causes:
    if obj.get("handler") != held.get("handler"):
        yield invalid("handler", None, IMMUTABLE)
    if not obj.get("handler"):
        yield required("handler")


def _migration(obj: KubeObject) -> Causes:
    resource = (obj.get("spec") or {}).get("resource") or {}
    group, plural = resource.get("group") or "", resource.get("resource") or ""
    if not plural:
        yield required("spec.resource.resource", "resource is required to be set")
    else:
        yield from all_invalid("spec.resource.resource", plural, dns_1035_label(plural))
    if group:
        yield from all_invalid("spec.resource.group", group, dns_subdomain(group))


def _updated_migration(obj: KubeObject, held: KubeObject) -> Causes:
    yield from _migration(obj)
    new, old = ((each.get("spec") or {}).get("resource") or {} for each in (obj, held))
    if new != old:
        shown = {"group": new.get("group") or "", "resource": new.get("resource") or ""}
        yield invalid("spec", {"Resource": shown}, IMMUTABLE)


API_SERVICES: Mapping[str, Kind] = {
    "apiregistration.k8s.io/v1/apiservices": Kind(name=path_segment, create=_api_service, status=_api_service_status),
    "storagemigration.k8s.io/v1/storageversionmigrations": Kind(
        create=_migration, update=_updated_migration, update_repeats_create=False
    ),
    "node.k8s.io/v1/runtimeclasses": Kind(
        create=_runtime_class, update=_updated_runtime_class, update_repeats_create=False
    ),
}
