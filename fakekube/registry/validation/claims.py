"""What a claim asks of a volume. Source: ValidatePersistentVolumeClaimSpec of Kubernetes 1.37."""

from __future__ import annotations

from fakekube.meta.objects import KubeObject
from fakekube.registry.quantity import parse_quantity
from fakekube.registry.validation.causes import Causes, all_invalid, forbidden, invalid, required, unsupported
from fakekube.registry.validation.names import dns_subdomain
from fakekube.registry.validation.selectors import label_selector

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")


def claim_spec(spec: KubeObject, path: str) -> Causes:
    yield from access_modes(spec.get("accessModes") or [], f"{path}.accessModes")
    yield from label_selector(spec.get("selector"), f"{path}.selector")
    yield from _size(spec, path)
    name = spec.get("storageClassName")
    if name:
        yield from all_invalid(f"{path}.storageClassName", name, dns_subdomain(name))
    mode = spec.get("volumeMode")
    if mode is not None and mode not in VOLUME_MODES:
        yield unsupported(f"{path}.volumeMode", mode, VOLUME_MODES)
    yield from _source(spec, path)


def access_modes(modes: list[str], path: str) -> Causes:
    if not modes:
        yield required(path, "at least 1 access mode is required")
    for mode in modes:
        if mode not in ACCESS_MODES:
            yield unsupported(path, mode, ACCESS_MODES)
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        yield forbidden(path, "may not use ReadWriteOncePod with other access modes")


def _size(spec: KubeObject, path: str) -> Causes:
    text = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if text is None:
        yield required(f"{path}.resources[storage]")
    elif parse_quantity(str(text)).value <= 0:
        yield invalid(f"{path}.resources[storage]", str(text), "must be greater than zero")


def _source(spec: KubeObject, path: str) -> Causes:
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    for name, value in (("dataSource", source), ("dataSourceRef", reference)):
        if value is None:
            continue
        for member in ("name", "kind"):
            if not value.get(member):
                yield required(f"{path}.{name}.{member}")
        if not value.get("apiGroup") and value.get("kind") and value["kind"] != "PersistentVolumeClaim":
            yield invalid(
                f"{path}.{name}", value["kind"], "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
            )
    if (
        source is not None
        and reference is not None
        and any((source.get(member) or "") != (reference.get(member) or "") for member in ("apiGroup", "kind", "name"))
    ):
        yield invalid(path, {}, "must match dataSourceRef")
    attributes = spec.get("volumeAttributesClassName")
    if attributes:
        yield from all_invalid(f"{path}.volumeAttributesClassName", attributes, dns_subdomain(attributes))
