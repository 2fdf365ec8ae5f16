"""The life of a Namespace: Active at birth, Terminating on delete, emptied, finalised, gone.

Source: pkg/registry/core/namespace/storage and pkg/controller/namespace of Kubernetes 1.37.
"""

from __future__ import annotations

from fakekube.meta.errors import conflict
from fakekube.meta.objects import KubeObject, metadata, revision_of, uid_of
from fakekube.registry.metadata import finalizers_of, is_terminating, timestamp, with_metadata
from fakekube.registry.options import DeleteOptions
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served
from fakekube.storage.items import Item, encode_json

NAME_LABEL = "kubernetes.io/metadata.name"
FINALIZER = "kubernetes"


def with_name_label(obj: KubeObject) -> KubeObject:
    """Every namespace carries its own name as a label, whatever was sent."""
    name = metadata(obj).get("name")
    if not name:
        return obj
    return with_metadata(obj, labels={**(metadata(obj).get("labels") or {}), NAME_LABEL: name})


def newborn(obj: KubeObject) -> KubeObject:
    """A namespace at its creation: held by the finalizer of its content, Active."""
    spec = dict(obj.get("spec") or {})
    spec["finalizers"] = list(dict.fromkeys([*(spec.get("finalizers") or []), FINALIZER]))
    return with_name_label({**obj, "spec": spec, "status": {"phase": "Active"}})


def content_finalizers(obj: KubeObject) -> list[str]:
    """`spec.finalizers`: who must still empty the namespace."""
    found: list[str] = (obj.get("spec") or {}).get("finalizers") or []
    return found


def delete_namespace(site: Site, served: Served, held: Item, options: DeleteOptions) -> tuple[Item, bool]:
    """Mark it Terminating; the second deletion, once nothing holds it, removes it."""
    _require_preconditions(held, options)
    if is_terminating(held.obj) and not content_finalizers(held.obj) and not finalizers_of(held.obj):
        if not options.dry_run:
            site.store.delete(served.key, "", held.name)
        return held, True
    if is_terminating(held.obj):
        return held, False
    obj = with_metadata(held.obj, deletionTimestamp=timestamp(site.now()))
    obj = {**obj, "status": {**(obj.get("status") or {}), "phase": "Terminating"}}
    if options.dry_run:
        return Item("", held.name, held.revision, obj, encode_json(obj)), False
    return site.store.put(served.key, "", held.name, obj), False


def _require_preconditions(held: Item, options: DeleteOptions) -> None:
    """Namespaces word a failed precondition in the old way, unlike all other kinds."""
    if options.uid and options.uid != uid_of(held.obj):
        why = f"UID in precondition: {options.uid}, UID in object meta: {uid_of(held.obj)}"
    elif options.resource_version and options.resource_version != revision_of(held.obj):
        found = revision_of(held.obj)
        why = f"ResourceVersion in precondition: {options.resource_version}, ResourceVersion in object meta: {found}"
    else:
        return
    raise conflict("namespaces", "", held.name, f"Precondition failed: {why}")
