"""Update: PUT and every patch end here. What the server owns is carried over, the rest is checked and written.

Source: k8s.io/apiserver/pkg/registry/generic/registry/store.go (Update) and pkg/registry/rest/update.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fakekube.meta.errors import Cause, StatusError, conflict, invalid, not_found, stale_revision
from fakekube.meta.objects import KubeObject, metadata, uid_of
from fakekube.registry.admission import admit_update, require_admitted_update
from fakekube.registry.create import in_namespace
from fakekube.registry.defaulting import default
from fakekube.registry.managedfields import same_but_times
from fakekube.registry.metadata import finalizers_of, is_terminating, with_metadata
from fakekube.registry.options import WriteOptions
from fakekube.registry.owners import with_single_owners
from fakekube.registry.prepare import as_decoded, may_be_removed, prepare_update
from fakekube.registry.rules import canonical_again, mutated, tracked, update_causes
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served, refusing_group
from fakekube.registry.versions import as_stored, form_of, require_servable, shown
from fakekube.registry.warnings import warnings_about_update
from fakekube.storage.items import Item, encode_json

# From the live object to the one that is wanted.
Change = Callable[[KubeObject], KubeObject]

_SERVER_OWNED = ("status", "metadata", "kind", "apiVersion")


def update(
    site: Site,
    served: Served,
    namespace: str,
    name: str,
    change: Change,
    options: WriteOptions,
    *,
    subresource: str = "",
    uid_is_precondition: bool = False,
    tracks: bool = True,
) -> Item:
    """The object after `change`; the stored one, untouched, when nothing differs.

    `uid_is_precondition`: another uid in the object is a conflict (PUT), else it is an invalid change (PATCH).
    `tracks` is false when the changed object carries the managedFields that this write leaves (server-side apply).
    """
    held = require(site, served, namespace, name)
    live = shown(served, held).obj
    changed = with_single_owners(change(live), options.warnings)
    wanted = as_decoded(served, default(in_namespace(served, namespace, changed), served.type))
    if uid_is_precondition:
        _require_uid(served, held, wanted, dry_run=options.dry_run)
    _require_revision(served, held, wanted)
    merged = _carried_over(served, live, wanted, subresource)
    if tracks:
        written = merged if subresource in ("", "status") else wanted
        if metadata(wanted).get("managedFields") == []:
            # an empty list is a wish: to forget who owns what
            written = {**written, "metadata": {**metadata(written), "managedFields": []}}
        owned = tracked(site, served, live, written, options, subresource)
        merged = with_metadata(merged, managedFields=metadata(owned).get("managedFields"))
    admitted = admit_update(site, served, namespace, merged, live, subresource)
    if site.gate is not None:
        admitted = site.gate.update(served, namespace, admitted, live, options, subresource)
    if site.dynamic is not None:
        admitted = _mutated(site, served, namespace, admitted, live, options, subresource)
    prepared = canonical_again(served, prepare_update(site, served, admitted, live, options, subresource), changed)
    _require_valid(served, name, update_causes(served, prepared, live, subresource, options))
    if site.gate is not None:
        site.gate.confirm(served, prepared, live, options, subresource)
    require_admitted_update(site, served, namespace, prepared, live, options, subresource)
    options.warnings.extend(warnings_about_update(served, prepared, live))
    if same(prepared, live):
        return held
    return _written(site, served, held, as_stored(served, prepared), options)


def _mutated(
    site: Site,
    served: Served,
    namespace: str,
    obj: KubeObject,
    held: KubeObject,
    options: WriteOptions,
    subresource: str,
) -> KubeObject:
    """`obj` as mutating webhooks leave it, in its canonical form; what this request may not write stays as it is."""
    assert site.dynamic is not None
    changed = site.dynamic.mutate("UPDATE", served, namespace, obj, held, options, subresource)
    if changed is obj or changed is None:
        return obj
    return _carried_over(served, held, default(mutated(served, changed), served.type), subresource)


def require(site: Site, served: Served, namespace: str, name: str) -> Item:
    """The stored object; 404 when there is none."""
    held = site.store.get(served.key, namespace, name)
    if held is None:
        raise not_found(served.type.plural, served.type.group, name)
    return held


def _require_revision(served: Served, held: Item, wanted: KubeObject) -> None:
    text = metadata(wanted).get("resourceVersion") or ""
    revision = parsed_revision(text)
    resource = served.type
    if revision == 0 and served.strategy.needs_resource_version:
        cause = Cause(
            reason="FieldValueInvalid",
            message=f"Invalid value: {go_revision(text)}: must be specified for an update",
            field="metadata.resourceVersion",
        )
        raise invalid(resource.plural, resource.group, held.name, [cause])
    if revision not in (0, held.revision):
        raise stale_revision(resource.plural, resource.group, held.name)


def go_revision(text: str) -> str:
    """How the message shows a revision that counts as none."""
    return "0" if text in ("", "0") else text


def parsed_revision(text: str) -> int:
    """A resourceVersion inside an object as a number; the real server answers 500 to anything else."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()):
        raise StatusError(code=500, reason="", message=f'strconv.ParseUint: parsing "{text}": invalid syntax')
    return int(text)


def _require_uid(served: Served, held: Item, wanted: KubeObject, *, dry_run: bool) -> None:
    given, found = uid_of(wanted), uid_of(held.obj)
    if given and given != found:
        why = f"Precondition failed: UID in precondition: {given}, UID in object meta: {found}"
        raise storage_conflict(served, held, why, dry_run=dry_run)


def storage_conflict(served: Served, held: Item, why: str, *, dry_run: bool = False) -> StatusError:
    """409 in the words of the storage below; a dry run ends before it has found where etcd keeps its keys."""
    parts = ("" if dry_run else "/registry", _etcd_name(served), held.namespace, held.name)
    key = "/".join(part for index, part in enumerate(parts) if part or not index)
    text = f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: {why}"
    return conflict(served.type.plural, served.type.group, held.name, text)


# Where etcd keeps what is older than its present name.
_ETCD_NAMES = {
    "endpoints": "services/endpoints",
    "ingresses.networking.k8s.io": "ingress",
    "nodes": "minions",
    "replicationcontrollers": "controllers",
    "services": "services/specs",
}


# Groups of servers of their own, whose resources have the group in their keys; custom resources have it too.
_GROUPS_IN_KEYS = frozenset(["apiextensions.k8s.io", "apiregistration.k8s.io"])


def _etcd_name(served: Served) -> str:
    if served.type.custom is not None or served.type.group in _GROUPS_IN_KEYS:
        return f"{served.type.group}/{served.type.plural}"
    return _ETCD_NAMES.get(served.key, served.key.partition(".")[0])


def _carried_over(served: Served, held: KubeObject, wanted: KubeObject, subresource: str) -> KubeObject:
    """`wanted`, with what this request may not change as it is in `held`."""
    obj = _WRITES.get(subresource, _all_but_status)(served, held, wanted)
    old = metadata(held)
    obj = with_metadata(
        obj,
        uid=uid_of(wanted) or uid_of(held),
        creationTimestamp=old.get("creationTimestamp"),
        # a deletion, once begun, stays; that none can be begun this way, validation says
        deletionTimestamp=old.get("deletionTimestamp") or metadata(wanted).get("deletionTimestamp"),
        deletionGracePeriodSeconds=_first(old, wanted, "deletionGracePeriodSeconds"),
        generation=old.get("generation"),
        resourceVersion=old.get("resourceVersion"),
        selfLink=None,
    )
    return obj if subresource in _UNCOUNTED else with_metadata(obj, generation=_generation(served, held, obj))


def _first(old: Mapping[str, Any], wanted: KubeObject, member: str) -> object:
    return metadata(wanted).get(member) if old.get(member) is None else old[member]


def _only_status(served: Served, held: KubeObject, wanted: KubeObject) -> KubeObject:
    new, writes = metadata(wanted), served.strategy.status_writes
    obj = {**held, "status": wanted.get("status")}
    if obj["status"] is None:
        del obj["status"]
    members = {member: new.get(member) for member in writes}
    if "labels" in writes:
        members["finalizers"] = new.get("finalizers")
    return with_metadata(obj, managedFields=new.get("managedFields"), **members)


def _all_but_status(served: Served, held: KubeObject, wanted: KubeObject) -> KubeObject:
    if not served.strategy.has_status:
        return wanted
    rest = {key: value for key, value in wanted.items() if key != "status"}
    return {**rest, "status": held["status"]} if "status" in held else rest


def _everything(served: Served, held: KubeObject, wanted: KubeObject) -> KubeObject:
    return wanted


def _only_ephemeral_containers(served: Served, held: KubeObject, wanted: KubeObject) -> KubeObject:
    added = (wanted.get("spec") or {}).get("ephemeralContainers")
    spec = {**held["spec"], "ephemeralContainers": added} if added else held["spec"]
    return {**held, "spec": spec, "metadata": metadata(wanted)}


def _only_resources(served: Served, held: KubeObject, wanted: KubeObject) -> KubeObject:
    """Of a pod's containers; all else stays, their names and images too."""
    wished = {each.get("name"): each.get("resources") for each in (wanted.get("spec") or {}).get("containers") or []}
    containers = [
        {**each, "resources": wished.get(each["name"]) or each.get("resources", {})}
        for each in held["spec"]["containers"]
    ]
    return {**held, "spec": {**held["spec"], "containers": containers}, "metadata": metadata(wanted)}


def _only_conditions(served: Served, held: KubeObject, wanted: KubeObject) -> KubeObject:
    """Of a certificate request: who approves it writes nothing else."""
    conditions = (wanted.get("status") or {}).get("conditions")
    status = {**(held.get("status") or {}), "conditions": conditions} if conditions else held.get("status", {})
    return {**held, "status": status, "metadata": metadata(wanted)}


# Writes that no generation counts.
_UNCOUNTED = frozenset(["status", "binding", "approval", "finalize"])

# What a subresource may write; the main resource, and all that is not here, writes everything but the status.
_WRITES: Mapping[str, Callable[[Served, KubeObject, KubeObject], KubeObject]] = {
    "status": _only_status,
    "binding": _everything,
    "ephemeralcontainers": _only_ephemeral_containers,
    "resize": _only_resources,
    "approval": _only_conditions,
}


def _generation(served: Served, held: KubeObject, obj: KubeObject) -> int | None:
    generation: int | None = metadata(held).get("generation")
    if not served.strategy.generation_grows or _specification(served, obj) == _specification(served, held):
        return generation
    return (generation or 0) + 1


def _specification(served: Served, obj: KubeObject) -> KubeObject:
    """What a generation counts the changes of: everything but metadata and status, unless the strategy adds some."""
    uncounted = _SERVER_OWNED if served.strategy.has_status else _SERVER_OWNED[1:]
    body = {key: value for key, value in obj.items() if key not in uncounted}
    followed = {member: metadata(obj).get(member) for member in served.strategy.generation_follows}
    return {**body, "metadata": followed}


def _require_valid(served: Served, name: str, causes: list[Cause]) -> None:
    if causes:
        raise invalid(served.type.kind, refusing_group(served), name, causes)


def _written(site: Site, served: Served, held: Item, obj: KubeObject, options: WriteOptions) -> Item:
    removed = is_terminating(obj) and not finalizers_of(obj) and may_be_removed(served, obj)
    if options.dry_run or removed:
        if not options.dry_run:
            site.store.delete(served.key, held.namespace, held.name)
        return Item(held.namespace, held.name, held.revision, obj, encode_json(obj))
    require_servable(served, obj)
    return site.store.put(served.key, held.namespace, held.name, obj, form_of(served))


def same(obj: KubeObject, held: KubeObject) -> bool:
    """Whether writing `obj` over `held` would change nothing but the times of managedFields."""
    return same_but_times(_unversioned(held), _unversioned(obj))


def _unversioned(obj: KubeObject) -> KubeObject:
    found = {key: value for key, value in metadata(obj).items() if key != "resourceVersion"}
    return {**obj, "metadata": found}
