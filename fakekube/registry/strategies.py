"""What one resource does differently from the plain one, as data: a Strategy, and where its objects are stored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import msgspec

from fakekube.data import read_table
from fakekube.registry.resources import ResourceType


class Strategy(msgspec.Struct, frozen=True, kw_only=True):
    """See the header of strategies.json for each member."""

    put_creates: bool = False
    needs_resource_version: bool = False
    has_generation: bool = False
    generation_grows: bool = False
    generation_follows: tuple[str, ...] = ()
    delete_returns_object: bool = False
    has_status: bool = False
    keeps_status_on_create: bool = False
    status_writes: tuple[str, ...] = ()
    finalizers: tuple[str, ...] = ()
    orphans_by_default: bool = False


@cache
def _table() -> dict[str, Strategy]:
    return msgspec.convert(read_table("strategies.json")["resources"], dict[str, Strategy])


# Two resources, one set of objects: what is written through one is read through the other.
_STORED_AS = {"events.events.k8s.io": "events"}


def storage_key(resource: ResourceType) -> str:
    """Under which name the objects of `resource` are stored."""
    return _STORED_AS.get(resource.qualified, resource.qualified)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One resource with all that serving it needs.

    `head` is what lists cut off its stored bytes: kind and apiVersion, which items of custom resources keep.
    """

    type: ResourceType
    strategy: Strategy
    key: str
    head: bytes

    @property
    def namespaced(self) -> bool:
        return self.type.namespaced


def _custom(has_status: bool) -> Strategy:
    """Every custom resource counts generations, and wants to be told which version an update replaces."""
    return Strategy(needs_resource_version=True, has_generation=True, generation_grows=True, has_status=has_status)


@lru_cache(maxsize=4096)
def served(resource: ResourceType) -> Served:
    """`resource` with its strategy; an unlisted one is a plain resource."""
    table = _table()
    if resource.custom is not None:
        return Served(type=resource, strategy=_custom(resource.custom.has_status), key=resource.qualified, head=b"")
    strategy = table.get(resource.qualified) or table.get(resource.plural) or Strategy()
    head = f'{{"kind":"{resource.kind}","apiVersion":"{resource.api_version}",'.encode()
    return Served(type=resource, strategy=strategy, key=storage_key(resource), head=head)


def refusing_group(served: Served) -> str:
    """The group of the kind that is named when an object is invalid: events of both groups are the core's inside."""
    return "" if served.type.kind == "Event" else served.type.group
