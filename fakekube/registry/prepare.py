"""What a kind's strategy writes into an object before it is validated, on create and on update: a table by resource."""

from __future__ import annotations

from collections.abc import Callable

from fakekube.meta.objects import KubeObject
from fakekube.registry.kind_strategies import (
    new_claim,
    new_daemon_set,
    new_job,
    new_node,
    new_pod,
    new_stateful_set,
    new_volume,
    updated_daemon_set,
    updated_stateful_set,
    with_template_generation,
)
from fakekube.registry.namespaces import content_finalizers, newborn, with_name_label
from fakekube.registry.service_addresses import SERVICES, allocated, kept_from
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served

OnCreate = Callable[[Site, KubeObject], KubeObject]
# site, wanted, held, subresource
OnUpdate = Callable[[Site, KubeObject, KubeObject, str], KubeObject]


def prepare_create(site: Site, served: Served, obj: KubeObject, *, dry_run: bool) -> KubeObject:
    """`obj` without the status a client may not set, and with what its kind adds."""
    strategy = served.strategy
    if strategy.has_status and not strategy.keeps_status_on_create:
        obj = {key: value for key, value in obj.items() if key != "status"}
    if served.type.qualified == SERVICES:
        return allocated(site, obj, dry_run=dry_run)
    kind = _ON_CREATE.get(served.type.qualified)
    return kind(site, obj) if kind is not None else obj


def prepare_update(site: Site, served: Served, obj: KubeObject, held: KubeObject, subresource: str) -> KubeObject:
    kind = _ON_UPDATE.get(served.type.qualified)
    return kind(site, obj, held, subresource) if kind is not None else obj


def as_decoded(served: Served, obj: KubeObject) -> KubeObject:
    """`obj` with what the way through the internal form adds to it; whoever writes the object owns that too."""
    return with_template_generation(obj, "0") if served.type.qualified == "daemonsets.apps" else obj


def may_be_removed(served: Served, obj: KubeObject) -> bool:
    """Whether an update that leaves no finalizer on a terminating object removes it."""
    if served.type.qualified == "namespaces":
        return not content_finalizers(obj)
    return not (obj.get("metadata") or {}).get("deletionGracePeriodSeconds")


def _namespace(site: Site, obj: KubeObject) -> KubeObject:
    return newborn(obj)


def _updated_namespace(site: Site, obj: KubeObject, held: KubeObject, subresource: str) -> KubeObject:
    """Its finalizers change through /finalize alone."""
    if subresource == "finalize":
        return obj
    spec = {**(obj.get("spec") or {}), "finalizers": content_finalizers(held)}
    if not spec["finalizers"]:
        del spec["finalizers"]
    return with_name_label({**obj, "spec": spec})


def _updated_service(site: Site, obj: KubeObject, held: KubeObject, subresource: str) -> KubeObject:
    if subresource == "status":
        return obj
    return allocated(site, kept_from(held, obj), dry_run=False)


_ON_CREATE: dict[str, OnCreate] = {
    "namespaces": _namespace,
    "pods": new_pod,
    "nodes": new_node,
    "persistentvolumeclaims": new_claim,
    "persistentvolumes": new_volume,
    "daemonsets.apps": new_daemon_set,
    "jobs.batch": new_job,
    "statefulsets.apps": new_stateful_set,
}
_ON_UPDATE: dict[str, OnUpdate] = {
    "namespaces": _updated_namespace,
    "services": _updated_service,
    "daemonsets.apps": updated_daemon_set,
    "statefulsets.apps": updated_stateful_set,
}
