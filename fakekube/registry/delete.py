"""Delete: preconditions, grace, the finalizers that a propagation policy asks for, and then the object, or its mark.

Source: k8s.io/apiserver/pkg/registry/generic/registry/store.go (Delete) and pkg/registry/rest/delete.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.admission import admit_delete
from fakekube.registry.crd.deletion import DEFINITIONS, delete_definition
from fakekube.registry.grace import grace_of
from fakekube.registry.metadata import epoch, finalizers_of, is_terminating, timestamp, with_finalizers, with_metadata
from fakekube.registry.namespaces import delete_namespace
from fakekube.registry.options import DeleteOptions
from fakekube.registry.preconditions import require_preconditions
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served
from fakekube.registry.update import require
from fakekube.registry.versions import shown
from fakekube.storage.items import Item, encode_json

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"


@dataclass(frozen=True, slots=True)
class Deletion:
    """What became of the object: `gone`, or marked and still there. `obj` and `data` are its last state."""

    item: Item
    gone: bool


def delete(site: Site, served: Served, namespace: str, name: str, options: DeleteOptions) -> Deletion:
    """Delete one object, or mark it when finalizers or a grace period hold it."""
    admit_delete(site, served, namespace, name)
    held = require(site, served, namespace, name)
    if site.gate is not None:
        site.gate.delete(served, held, options)
    if site.dynamic is not None and options.reviewed:
        obj = shown(served, held).obj
        site.dynamic.mutate("DELETE", served, namespace, None, obj, options)
        site.dynamic.validate("DELETE", served, namespace, None, obj, options)
    special = _SPECIAL.get(served.type.qualified)
    if special is not None:
        item, gone = special(site, served, held, options)
        return Deletion(item, gone)
    require_preconditions(served, held, options)
    marked, pending = _marked(site, served, held, options)
    if pending:
        return Deletion(held, gone=False)
    if not finalizers_of(marked) and not is_terminating(marked):
        return _removed(site, served, held, options)
    item = _put(site, served, held, marked, options)
    if finalizers_of(marked) or metadata(marked).get("deletionGracePeriodSeconds"):
        return Deletion(item, gone=False)
    return _removed(site, served, item, options)


_SPECIAL: dict[str, Callable[[Site, Served, Item, DeleteOptions], tuple[Item, bool]]] = {
    "namespaces": delete_namespace,
    DEFINITIONS: delete_definition,
}


def _marked(site: Site, served: Served, held: Item, options: DeleteOptions) -> tuple[KubeObject, bool]:
    """The object as it is kept, the very same when nothing keeps it; and whether an earlier deletion goes on as it is."""
    grace = grace_of(served, held.obj, options.grace_period_s)
    obj = held.obj
    if grace is not None:
        obj, pending = _graceful(obj, grace, options.grace_period_s, site.now())
        if pending:
            return obj, True
    finalizers = _finalizers(served, obj, options)
    if finalizers != finalizers_of(obj):
        obj = with_finalizers(obj, finalizers)
    return (_marked_now(obj, site.now()) if finalizers and grace is None else obj), False


def _graceful(obj: KubeObject, grace_s: int, asked_s: int | None, now: float) -> tuple[KubeObject, bool]:
    """`obj` with its last moment set. A running deletion may only be shortened; else it is pending."""
    found = metadata(obj)
    running = found.get("deletionGracePeriodSeconds")
    if found.get("deletionTimestamp"):
        if running is None:
            return obj, False
        if asked_s is None or grace_s >= running:
            return (obj, False) if running == 0 else (obj, True)
        sooner = epoch(found["deletionTimestamp"]) - running + grace_s
        return with_metadata(obj, deletionTimestamp=timestamp(sooner), deletionGracePeriodSeconds=grace_s), False
    generation = found.get("generation")
    return with_metadata(
        obj,
        deletionTimestamp=timestamp(now + grace_s),
        deletionGracePeriodSeconds=grace_s,
        generation=generation + 1 if generation else generation,
    ), False


def _marked_now(obj: KubeObject, now: float) -> KubeObject:
    """`obj` as being deleted, held by its finalizers alone."""
    found = metadata(obj)
    generation = found.get("generation")
    if generation and found.get("deletionGracePeriodSeconds") is None:
        generation += 1
    return with_metadata(
        obj,
        deletionTimestamp=found.get("deletionTimestamp") or timestamp(now),
        deletionGracePeriodSeconds=0,
        generation=generation,
    )


def _finalizers(served: Served, obj: KubeObject, options: DeleteOptions) -> list[str]:
    """The object's finalizers, with the one that the propagation policy asks for and without the other."""
    found = finalizers_of(obj)
    wanted = {"Orphan": ORPHAN, "Foreground": FOREGROUND, "Background": ""}.get(options.propagation)
    if wanted is None:
        wanted = _by_default(served, found)
    kept = [each for each in found if each not in (ORPHAN, FOREGROUND)]
    return (
        [*kept, wanted]
        if wanted and wanted not in found
        else [each for each in found if each in kept or each == wanted]
    )


def _by_default(served: Served, found: list[str]) -> str:
    if ORPHAN in found:
        return ORPHAN
    if FOREGROUND in found:
        return FOREGROUND
    return ORPHAN if served.strategy.orphans_by_default else ""


def _put(site: Site, served: Served, held: Item, obj: KubeObject, options: DeleteOptions) -> Item:
    if obj == held.obj:
        return held
    if options.dry_run:
        return Item(held.namespace, held.name, held.revision, obj, encode_json(obj))
    return site.store.put(served.key, held.namespace, held.name, obj, held.form)


def _removed(site: Site, served: Served, held: Item, options: DeleteOptions) -> Deletion:
    """The object is gone; its last state carries the revision of the deletion."""
    if options.dry_run:
        return Deletion(held, gone=True)
    return Deletion(site.store.delete(served.key, held.namespace, held.name), gone=True)
