"""Which resources an apiserver serves: names, verbs, scope, subresources. Facts from a generated table, no behaviour.

`builtin()` is the catalog of a plain kube-apiserver 1.37, read once per process. A site with custom resources uses
`builtin().extended(...)`: a new catalog that shares the built-in part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from fakekube.data import read_table
from fakekube.meta.errors import qualified
from fakekube.meta.objects import GroupVersionKind, KubeObject

if TYPE_CHECKING:
    from fakekube.registry.crd.custom import CustomVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Subresource:
    """`deployments/scale`. `group` and `version` are those of the kind it answers, for a Scale `autoscaling`, `v1`."""

    name: str
    kind: str
    group: str
    version: str
    verbs: tuple[str, ...]

    @property
    def gvk(self) -> GroupVersionKind:
        return GroupVersionKind(self.group, self.version, self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """One resource of one group-version, as discovery tells it. The core group is the empty string."""

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    namespaced: bool
    verbs: tuple[str, ...]
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: Mapping[str, Subresource] = field(default_factory=dict)
    storage_version_hash: str = ""
    list_name: str = ""  # of the kind of lists, where it is not the usual one
    # what its definition says of a custom resource; None for the built-in ones
    custom: CustomVersion | None = field(default=None, repr=False)
    # worked out once: every request asks for them several times
    gvk: GroupVersionKind = field(init=False, repr=False, compare=False)
    api_version: str = field(init=False, repr=False, compare=False)
    qualified: str = field(init=False, repr=False, compare=False)  # `deployments.apps`, or `pods`: as messages name it

    def __post_init__(self) -> None:
        object.__setattr__(self, "gvk", GroupVersionKind(self.group, self.version, self.kind))
        object.__setattr__(self, "api_version", self.gvk.api_version)
        object.__setattr__(self, "qualified", qualified(self.plural, self.group))

    @property
    def list_kind(self) -> str:
        return self.list_name or f"{self.kind}List"

    @property
    def group_version(self) -> tuple[str, str]:
        return self.group, self.version

    def __hash__(self) -> int:
        return hash((self.group, self.version, self.plural))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiGroup:
    """A named group with its versions in the order discovery lists them."""

    name: str
    versions: tuple[str, ...]
    preferred: str


class ResourceCatalog:
    """The resources of one site. Iterates in the order of the real server: core first, then the groups of /apis."""

    __slots__ = ("_by_group_version", "_by_kind", "_by_name", "_groups")

    def __init__(self, groups: Sequence[ApiGroup], resources: Iterable[ResourceType]) -> None:
        self._groups = tuple(groups)
        self._by_group_version: dict[tuple[str, str], tuple[ResourceType, ...]] = {}
        self._by_name: dict[tuple[str, str, str], ResourceType] = {}
        self._by_kind: dict[GroupVersionKind, ResourceType] = {}
        for resource in sorted(resources, key=lambda r: r.plural):
            self._add(resource)

    def _add(self, resource: ResourceType) -> None:
        gv = resource.group_version
        self._by_group_version[gv] = (*self._by_group_version.get(gv, ()), resource)
        self._by_name[(*gv, resource.plural)] = resource
        self._by_kind.setdefault(resource.gvk, resource)

    @property
    def groups(self) -> tuple[ApiGroup, ...]:
        """The named groups in the order of /apis; the core group is not among them."""
        return self._groups

    @property
    def group_versions(self) -> tuple[tuple[str, str], ...]:
        """Every served (group, version): the core group first."""
        return (("", "v1"), *((group.name, version) for group in self._groups for version in group.versions))

    def group(self, name: str) -> ApiGroup | None:
        return next((group for group in self._groups if group.name == name), None)

    def resources(self, group: str, version: str) -> tuple[ResourceType, ...]:
        """The resources of one group-version, sorted by plural; empty when it is not served."""
        return self._by_group_version.get((group, version), ())

    def find(self, group: str, version: str, plural: str) -> ResourceType | None:
        return self._by_name.get((group, version, plural))

    def of_kind(self, gvk: GroupVersionKind) -> ResourceType | None:
        return self._by_kind.get(gvk)

    def extended(self, groups: Iterable[ApiGroup], resources: Iterable[ResourceType]) -> ResourceCatalog:
        """This catalog and more of it; `groups` come behind, or replace the group of the same name in place."""
        merged = {group.name: group for group in self._groups} | {group.name: group for group in groups}
        return ResourceCatalog(tuple(merged.values()), [*self, *resources])

    def __iter__(self) -> Iterator[ResourceType]:
        for gv in self.group_versions:
            yield from self._by_group_version.get(gv, ())

    def __len__(self) -> int:
        return len(self._by_name)


@cache
def builtin() -> ResourceCatalog:
    """The resources of a plain kube-apiserver 1.37; read once, shared by all sites of the process."""
    table = read_table("resources.json")
    groups = [
        ApiGroup(name=name, versions=tuple(versions), preferred=preferred)
        for name, versions, preferred in table["groups"]
    ]
    return ResourceCatalog(groups, _resource_types(table["resources"]))


def _resource_types(by_group_version: KubeObject) -> Iterator[ResourceType]:
    for group_version, resources in by_group_version.items():
        group, _, version = group_version.rpartition("/")
        for plural, facts in resources.items():
            yield _resource_type(group, version, plural, facts)


def _resource_type(group: str, version: str, plural: str, facts: KubeObject) -> ResourceType:
    return ResourceType(
        group=group,
        version=version,
        plural=plural,
        singular=facts["singular"],
        kind=facts["kind"],
        namespaced=facts["namespaced"],
        verbs=tuple(facts["verbs"]),
        short_names=tuple(facts.get("shortNames", ())),
        categories=tuple(facts.get("categories", ())),
        subresources={
            name: _subresource(group, version, name, sub) for name, sub in facts.get("subresources", {}).items()
        },
        storage_version_hash=facts.get("storageVersionHash", ""),
    )


def _subresource(group: str, version: str, name: str, facts: KubeObject) -> Subresource:
    return Subresource(
        name=name,
        kind=facts["kind"],
        group=facts.get("group", group if "version" not in facts else ""),
        version=facts.get("version", version),
        verbs=tuple(facts["verbs"]),
    )
