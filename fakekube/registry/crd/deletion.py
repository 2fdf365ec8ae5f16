"""The deletion of a definition: it is marked, and stays until its objects are gone.

Source: apiextensions-apiserver/pkg/registry/customresourcedefinition/etcd.go (Delete) of 1.37.
"""

from __future__ import annotations

from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject
from fakekube.registry.crd.naming import with_condition
from fakekube.registry.metadata import finalizers_of, is_terminating, timestamp, with_metadata
from fakekube.registry.options import DeleteOptions
from fakekube.registry.preconditions import require_preconditions
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served
from fakekube.storage.items import Item, encode_json

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_PENDING = {
    "status": "True",
    "reason": "InstanceDeletionPending",
    "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
}


def delete_definition(site: Site, served: Served, held: Item, options: DeleteOptions) -> tuple[Item, bool]:
    """Mark it; whoever empties it takes the finalizer off, and it goes."""
    require_preconditions(served, held, options)
    if is_terminating(held.obj):
        return held, False
    obj = _marked(held.obj, timestamp(site.now()))
    if options.dry_run:
        return Item("", held.name, held.revision, obj, encode_json(obj)), False
    return site.store.put(served.key, "", held.name, obj), False


def _marked(obj: KubeObject, now: str) -> KubeObject:
    finalizers = finalizers_of(obj)
    marked = with_metadata(
        obj, deletionTimestamp=now, finalizers=finalizers if CLEANUP in finalizers else [*finalizers, CLEANUP]
    )
    status: KubeObject = obj.get("status") or {}
    conditions = with_condition(status.get("conditions") or [], "Terminating", _PENDING, now)
    return {**marked, "status": {**status, "conditions": conditions}}


def require_open(site: Site, served: Served) -> None:
    """403 for a new object of a definition that is being deleted."""
    definition = site.store.get(DEFINITIONS, "", served.key)
    if definition is not None and is_terminating(definition.obj):
        raise StatusError(
            code=403,
            reason="Forbidden",
            message="create not allowed while custom resource definition is terminating",
        )
