"""From the definitions of a site to the resources that it serves."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator

from fakekube.meta.objects import KubeObject
from fakekube.registry.crd.custom import compile_versions
from fakekube.registry.crd.naming import is_true
from fakekube.registry.crd.version_order import version_priority
from fakekube.registry.resources import ApiGroup, ResourceCatalog, ResourceType, Subresource

_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_SUBRESOURCE_VERBS = ("get", "patch", "update")


def is_established(definition: KubeObject) -> bool:
    return is_true((definition.get("status") or {}).get("conditions") or [], "Established")


def with_definitions(builtin: ResourceCatalog, definitions: Iterable[KubeObject]) -> ResourceCatalog:
    """`builtin` with what the established ones of `definitions` serve; the very same when they serve nothing."""
    resources = [each for definition in definitions if is_established(definition) for each in _resources(definition)]
    if not resources:
        return builtin
    versions: dict[str, set[str]] = {}
    for each in resources:
        versions.setdefault(each.group, set()).add(each.version)
    groups = [_group(builtin, name, versions[name]) for name in sorted(versions)]
    return builtin.extended(groups, resources)


def _group(builtin: ResourceCatalog, name: str, versions: set[str]) -> ApiGroup:
    held = builtin.group(name)
    own = held.versions if held is not None else ()
    ordered = (*own, *sorted(versions - set(own), key=version_priority))
    return ApiGroup(name=name, versions=ordered, preferred=held.preferred if held is not None else ordered[0])


def _resources(definition: KubeObject) -> Iterator[ResourceType]:
    spec, names = definition["spec"], definition["status"]["acceptedNames"]
    group = spec["group"]
    stored = next(version["name"] for version in spec["versions"] if version.get("storage"))
    compiled = compile_versions(names["kind"], spec)
    for version in spec["versions"]:
        if not version.get("served"):
            continue
        custom = compiled[version["name"]]
        yield ResourceType(
            group=group,
            version=version["name"],
            plural=names["plural"],
            singular=names.get("singular", ""),
            kind=names["kind"],
            list_name=names.get("listKind", ""),
            namespaced=spec["scope"] == "Namespaced",
            verbs=_VERBS,
            short_names=tuple(names.get("shortNames") or ()),
            categories=tuple(names.get("categories") or ()),
            subresources={each.name: each for each in _subresources(group, names["kind"], version)},
            storage_version_hash=_storage_version_hash(group, stored, names["kind"]),
            custom=custom,
        )


def _subresources(group: str, kind: str, version: KubeObject) -> Iterator[Subresource]:
    declared = version.get("subresources") or {}
    if "status" in declared:
        yield Subresource(name="status", kind=kind, group=group, version=version["name"], verbs=_SUBRESOURCE_VERBS)
    if "scale" in declared:
        yield Subresource(name="scale", kind="Scale", group="autoscaling", version="v1", verbs=_SUBRESOURCE_VERBS)


def _storage_version_hash(group: str, version: str, kind: str) -> str:
    """Source: k8s.io/apiserver/pkg/endpoints/discovery, StorageVersionHash."""
    digest = hashlib.sha256(f"{group}/{version}/{kind}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()
