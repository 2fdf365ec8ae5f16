"""What a kind's strategy writes into an object before it is validated, on create and on update: a table by resource."""

from __future__ import annotations

from collections.abc import Mapping

from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.defaulting.dropped import without_disabled
from fakekube.registry.defaulting.prepared import (
    PREPARED,
    PREPARED_UPDATES,
    TEMPLATE_GENERATION,
    Prepare,
    PrepareUpdate,
)
from fakekube.registry.metadata import with_metadata
from fakekube.registry.namespaces import content_finalizers, newborn, with_name_label
from fakekube.registry.options import WriteOptions
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served


def prepare_create(site: Site, served: Served, obj: KubeObject, options: WriteOptions) -> KubeObject:
    """`obj` without the status a client may not set, and with what its kind adds."""
    strategy = served.strategy
    if strategy.has_status and not strategy.keeps_status_on_create:
        obj = {key: value for key, value in obj.items() if key != "status"}
    obj = without_disabled(served.type.qualified, obj)
    kind = _ON_CREATE.get(served.type.qualified)
    return kind(site, obj, options) if kind is not None else obj


def prepare_update(
    site: Site, served: Served, obj: KubeObject, held: KubeObject, options: WriteOptions, subresource: str
) -> KubeObject:
    obj = without_disabled(served.type.qualified, obj)
    kind = _ON_UPDATE.get(served.type.qualified)
    return kind(site, obj, held, options, subresource) if kind is not None else obj


def as_decoded(served: Served, obj: KubeObject) -> KubeObject:
    """`obj` with what the way through the internal form adds to it; whoever writes the object owns that too."""
    if served.type.qualified != "daemonsets.apps":
        return obj
    return with_metadata(obj, annotations={TEMPLATE_GENERATION: "0", **(metadata(obj).get("annotations") or {})})


def may_be_removed(served: Served, obj: KubeObject) -> bool:
    """Whether an update that leaves no finalizer on a terminating object removes it."""
    if served.type.qualified == "namespaces":
        return not content_finalizers(obj)
    return not (obj.get("metadata") or {}).get("deletionGracePeriodSeconds")


def _namespace(site: Site, obj: KubeObject, options: WriteOptions) -> KubeObject:
    return newborn(obj)


def _updated_namespace(
    site: Site, obj: KubeObject, held: KubeObject, options: WriteOptions, subresource: str
) -> KubeObject:
    """Its finalizers change through /finalize alone."""
    if subresource == "finalize":
        return obj
    spec = {**(obj.get("spec") or {}), "finalizers": content_finalizers(held)}
    if not spec["finalizers"]:
        del spec["finalizers"]
    return with_name_label({**obj, "spec": spec})


_ON_CREATE: Mapping[str, Prepare] = {**PREPARED, "namespaces": _namespace}
_ON_UPDATE: Mapping[str, PrepareUpdate] = {**PREPARED_UPDATES, "namespaces": _updated_namespace}
