"""From the definitions of a site to the resources that it serves."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator

from fakekube.meta.objects import KubeObject
from fakekube.registry.crd.custom import compile_version
from fakekube.registry.crd.naming import is_true
from fakekube.registry.resources import ApiGroup, ResourceCatalog, ResourceType, Subresource

_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_SUBRESOURCE_VERBS = ("get", "patch", "update")
_VERSION = re.compile(r"v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?")
_STAGES = {"": 2, "beta": 1, "alpha": 0}


def version_priority(version: str) -> tuple[int, int, int, int, str]:
    """Sorts versions as kube-aware clients do, the preferred one first: v2, v1, v1beta1, v1alpha1, then the rest by name.

    Source: k8s.io/apimachinery/pkg/version, CompareKubeAwareVersionStrings.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        return (1, 0, 0, 0, version)
    return (0, -_STAGES[match[2] or ""], -int(match[1]), -int(match[3] or 0), "")


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
    for version in spec["versions"]:
        if not version.get("served"):
            continue
        custom = compile_version(group, names["kind"], stored, version)
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
