"""The objects of a newborn site: namespaces, the kubernetes Service, RBAC defaults, APIServices and the rest.

They are templates shared by all sites of the process; a site makes its own (uid, time) of one resource's templates when
that resource is first used, so an unused site holds none.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from fakekube.data import read_lazily
from fakekube.meta.objects import GroupVersionKind, KubeObject, group_of, metadata, name_of, namespace_of
from fakekube.registry.metadata import micro_timestamp, new_uid, timestamp, with_metadata
from fakekube.registry.resources import builtin
from fakekube.registry.root_ca import ROOT_CA
from fakekube.registry.rules import canonical, tracked_view
from fakekube.registry.strategies import served
from fakekube.storage.items import Item, item_of

# The store's revision once all of it is there.
BIRTH_REVISION = 250

SECURE_PORT = 6443


@lru_cache(maxsize=256)
def _templates(resource: str, with_controllers: bool) -> tuple[KubeObject, ...]:
    """The canonical objects of one resource, placeholders still in place."""
    table = read_lazily("system_objects.json")
    found = {_key(obj): _owned(obj, "kube-apiserver") for obj in _decoded(table["fresh"], resource)}
    if with_controllers:
        more = _decoded(table["with_controllers"], resource)
        found |= {_key(obj): _owned(obj, "kube-controller-manager") for obj in more}
    return tuple(found.values())


# Of a kind: what strategies write, so that nobody owns it.
_UNOWNED = {"APIService": ("status",), "Namespace": ("spec", "status")}


def _owned(obj: KubeObject, manager: str) -> KubeObject:
    """`obj` with the managedFields of whoever made it."""
    kind = GroupVersionKind(*group_of(obj["apiVersion"]), obj["kind"])
    unowned = _UNOWNED.get(obj["kind"], ())
    written = {name: value for name, value in obj.items() if name not in unowned}
    owned = tracked_view(written, kind, "@TIME", manager)
    return with_metadata(obj, managedFields=metadata(owned).get("managedFields"))


def _decoded(section: dict[str, msgspec.Raw], resource: str) -> list[KubeObject]:
    objects: list[KubeObject] = msgspec.json.decode(section[resource]) if resource in section else []
    return objects


def _key(obj: KubeObject) -> tuple[str, str]:
    return namespace_of(obj), name_of(obj)


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """Called with a resource, gives its objects as this site has them at its birth, `born` (epoch seconds)."""

    born: float
    seed: int
    with_controllers: bool
    root_ca: str = ROOT_CA

    def __call__(self, resource: str) -> Iterator[Item]:
        templates = _templates(resource, self.with_controllers)
        rng = random.Random(f"{self.seed} {resource}") if templates else None
        for index, template in enumerate(templates):
            assert rng is not None  # there are templates
            yield self._item(template, index + 1, rng)

    def _item(self, template: KubeObject, revision: int, rng: random.Random) -> Item:
        obj = _filled(template, self._values(rng))
        born = with_metadata(obj, uid=new_uid(rng), creationTimestamp=timestamp(self.born))
        resource = builtin().of_kind(GroupVersionKind(*group_of(born["apiVersion"]), born["kind"]))
        assert resource is not None  # recorded from a server that serves it
        return item_of(namespace_of(born), name_of(born), canonical(served(resource), born), revision)

    def _values(self, rng: random.Random) -> dict[str, object]:
        identity = f"{rng.getrandbits(64):016x}"
        return {
            "@TIME": timestamp(self.born),
            "@MICROTIME": micro_timestamp(self.born),
            "@DATE": timestamp(self.born)[:10],
            "@PEM@PEM": self.root_ca,
            "@PEM": self.root_ca,
            "@SECUREPORT": SECURE_PORT,
            "@HOST": "fakekube",
            "apiserver-@ID": f"apiserver-{identity}",
            "apiserver-@ID_@UID": f"apiserver-{identity}_{new_uid(rng)}",
        }


def _filled(value: Any, values: dict[str, object]) -> Any:
    """`value` with its placeholders replaced, each a whole string."""
    if isinstance(value, dict):
        return {key: _filled(member, values) for key, member in value.items()}
    if isinstance(value, list):
        return [_filled(member, values) for member in value]
    return values.get(value, value) if isinstance(value, str) else value
