"""Create: name, system fields, admission, strategy, validation, and the first write.

Source: k8s.io/apiserver/pkg/registry/generic/registry/store.go (Create) and pkg/registry/rest/create.go.
"""

from __future__ import annotations

from fakekube.meta.errors import Cause, Details, StatusError, already_exists, bad_request, invalid
from fakekube.meta.objects import KubeObject, metadata, name_of
from fakekube.registry.admission import admit_create, require_admitted
from fakekube.registry.crd.deletion import require_open
from fakekube.registry.defaulting import default
from fakekube.registry.metadata import finalizers_of, generated_name, is_terminating, new_uid, timestamp, with_metadata
from fakekube.registry.options import WriteOptions
from fakekube.registry.owners import with_single_owners
from fakekube.registry.prepare import as_decoded, prepare_create
from fakekube.registry.rules import canonical_again, create_causes, mutated, tracked
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served, refusing_group
from fakekube.registry.versions import as_stored, form_of, require_servable
from fakekube.registry.warnings import warnings_about
from fakekube.storage.items import Item, encode_json

_NAME_ATTEMPTS = 8


def create(
    site: Site, served: Served, namespace: str, sent: KubeObject, options: WriteOptions, *, tracks: bool = True
) -> Item:
    """The object that now exists; in a dry run the one that would, at revision 0 and without a resourceVersion.

    `tracks` is false when `sent` carries the managedFields that this write leaves (server-side apply).
    """
    if served.type.custom is not None:
        require_open(site, served)
    decoded = as_decoded(served, default(in_namespace(served, namespace, sent), served.type))
    # before admission: what the server adds on its own is nobody's
    obj = with_single_owners(_undeleted(decoded), options.warnings)
    owned = tracked(site, served, None, obj, options, "") if tracks else obj
    admitted = admit_create(site, served, namespace, owned)
    if site.gate is not None:
        admitted = site.gate.create(served, namespace, admitted, options)
    if site.dynamic is not None:
        admitted = _mutated(site, served, namespace, admitted, options)
    named = _with_system_fields(site, served, admitted)
    prepared = canonical_again(served, prepare_create(site, served, named, options), sent)
    _require_valid(served, prepared, create_causes(served, prepared, options.emptied))
    options.warnings.extend(warnings_about(served, prepared))
    taken = site.store.get(served.key, namespace, name_of(prepared)) is not None
    if site.gate is not None:
        site.gate.confirm(served, prepared, None, options)
    require_admitted(site, served, namespace, prepared, options, counts=not (taken or options.dry_run))
    return _written(site, served, namespace, prepared, options)


def _mutated(site: Site, served: Served, namespace: str, obj: KubeObject, options: WriteOptions) -> KubeObject:
    """`obj` as mutating webhooks leave it, with the defaults of what they added."""
    assert site.dynamic is not None
    changed = site.dynamic.mutate("CREATE", served, namespace, obj, None, options)
    return obj if changed is obj or changed is None else default(mutated(served, changed), served.type)


def _undeleted(obj: KubeObject) -> KubeObject:
    if is_terminating(obj) or "deletionGracePeriodSeconds" in metadata(obj):
        return with_metadata(obj, deletionTimestamp=None, deletionGracePeriodSeconds=None)
    return obj


def in_namespace(served: Served, namespace: str, obj: KubeObject) -> KubeObject:
    """`obj` with the namespace of the request; one that names another is refused."""
    found = metadata(obj).get("namespace") or ""
    if not served.namespaced:
        return with_metadata(obj, namespace=None) if found else obj
    if found and found != namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    return obj if found else with_metadata(obj, namespace=namespace)


def _with_system_fields(site: Site, served: Served, obj: KubeObject) -> KubeObject:
    given = metadata(obj)
    generated = generated_name(given["generateName"], site.rng) if _wants_generated_name(given) else None
    strategy = served.strategy
    return with_metadata(
        obj,
        name=generated or given.get("name"),
        uid=new_uid(site.rng),
        creationTimestamp=timestamp(site.now()),
        deletionTimestamp=None,
        deletionGracePeriodSeconds=None,
        selfLink=None,
        generation=1 if strategy.has_generation else given.get("generation"),
        finalizers=[*finalizers_of(obj), *(f for f in strategy.finalizers if f not in finalizers_of(obj))],
    )


def _wants_generated_name(given: object) -> bool:
    return isinstance(given, dict) and not given.get("name") and bool(given.get("generateName"))


def _require_valid(served: Served, obj: KubeObject, causes: list[Cause]) -> None:
    if causes:
        raise invalid(served.type.kind, refusing_group(served), name_of(obj), causes)


def _written(site: Site, served: Served, namespace: str, obj: KubeObject, options: WriteOptions) -> Item:
    name = _free_name(site, served, namespace, obj)
    if name != name_of(obj):
        obj = with_metadata(obj, name=name)
    if options.dry_run:
        obj = as_stored(served, obj)  # a resourceVersion is an error of the storage alone
        return Item(namespace, name, 0, obj, encode_json(obj))
    if metadata(obj).get("resourceVersion"):
        raise StatusError(code=500, reason="", message="resourceVersion should not be set on objects to be created")
    stored = as_stored(served, obj)
    require_servable(served, stored)
    return site.store.put(served.key, namespace, name, stored, form_of(served))


def _free_name(site: Site, served: Served, namespace: str, obj: KubeObject) -> str:
    """The object's name when nobody has it; a generated one is drawn again, eight times at most."""
    name, prefix = name_of(obj), metadata(obj).get("generateName")
    for _ in range(_NAME_ATTEMPTS):
        holder = site.store.get(served.key, namespace, name)
        if holder is None:
            return name
        if not (prefix and name.startswith(prefix[:58])):
            break
        name = generated_name(prefix, site.rng)
    raise _taken(served, name, holder, generated=bool(prefix))


def _taken(served: Served, name: str, holder: Item | None, *, generated: bool) -> StatusError:
    refusal = already_exists(served.type.plural, served.type.group, name)
    if generated:
        refusal.message += ", the server was not able to generate a unique name for the object"
        refusal.details = Details(name=name, group=served.type.group, kind=served.type.plural, retry_after_s=1)
        refusal.headers = {"Retry-After": "1"}
    if holder is not None and is_terminating(holder.obj):
        refusal.message = f"object is being deleted: {refusal.message}"
    return refusal
