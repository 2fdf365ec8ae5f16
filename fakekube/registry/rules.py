"""What makes an object one of its kind: its canonical form, its validation, and who owns its fields.

The one place where the generic verbs meet the tables of kinds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from fakekube.meta.errors import Cause, Details, StatusError
from fakekube.meta.objects import GroupVersionKind, KubeObject, metadata
from fakekube.registry.canonical import DecodeError, Path, canonicalize, is_printed_as_null, with_emptied
from fakekube.registry.fieldset import LEAF, FieldSet
from fakekube.registry.managedfields import InVersion, ObjectType, Write, after_update
from fakekube.registry.metadata import timestamp, with_metadata
from fakekube.registry.options import WriteOptions
from fakekube.registry.schema import Schema, schema_for
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served
from fakekube.registry.subresource_rules import subresource_causes
from fakekube.registry.validation import validate_create, validate_update


def object_type(served: Served) -> ObjectType | None:
    """The type whose fields are owned; None for a kind that nobody tracks."""
    custom = served.type.custom
    return custom.type if custom is not None else schema_for(served.type.gvk)


def canonical(served: Served, obj: KubeObject) -> KubeObject:
    """`obj` as the server keeps and prints it."""
    typed = {"kind": served.type.kind, "apiVersion": served.type.api_version, **obj}
    custom = served.type.custom
    return custom.applied(typed) if custom is not None else canonicalize(typed, served.type.gvk).object


def mutated(served: Served, obj: KubeObject) -> KubeObject:
    """What a webhook made of an object, in canonical form. 500 when that is no object of the kind any more."""
    try:
        return canonical(served, obj)
    except DecodeError as error:
        details = Details(causes=[Cause(reason="", message=str(error))])
        message = f"Internal error occurred: {error}"
        raise StatusError(code=500, reason="InternalError", message=message, details=details) from None


def canonical_again(served: Served, obj: KubeObject, before: KubeObject) -> KubeObject:
    """`obj` in canonical form, when it was made of `before`, which was: most writes touch nothing but metadata."""
    if served.type.custom is not None:
        return obj
    same_members = "kind" in before and obj.keys() == before.keys()
    if same_members and all(value is before[member] for member, value in obj.items() if member != "metadata"):
        return obj
    return canonical(served, obj)


@lru_cache(maxsize=256)
def empty_object(served: Served) -> KubeObject:
    """The kind with nothing set, as the server prints it."""
    if served.type.custom is not None:
        return {"kind": served.type.kind, "apiVersion": served.type.api_version}
    return canonical(served, {})


def create_causes(served: Served, obj: KubeObject, emptied: Sequence[Path] = ()) -> list[Cause]:
    """Why `obj` may not be created; empty when it may. `emptied`: what was sent empty and is not in it."""
    custom = served.type.custom
    if custom is not None:
        return custom.create_causes(obj, served.namespaced)
    return validate_create(_as_sent(served, obj, emptied, ""), served.type)


def update_causes(
    served: Served, obj: KubeObject, held: KubeObject, subresource: str, options: WriteOptions
) -> list[Cause]:
    """Why `held` may not become `obj`; empty when it may. What it may go on to be wrong about becomes warnings."""
    custom = served.type.custom
    if custom is not None:
        return custom.update_causes(obj, held, subresource, options.warnings)
    obj = _as_sent(served, obj, options.emptied, subresource)
    found = validate_update(obj, held, served.type, subresource)
    return found + subresource_causes(served.type.qualified, subresource, obj, held) if subresource else found


def _as_sent(served: Served, obj: KubeObject, emptied: Sequence[Path], subresource: str) -> KubeObject:
    """`obj` with the empty lists and maps that this request wrote: the server drops them only when it stores."""
    schema = schema_for(served.type.gvk) if emptied else None
    if schema is None or subresource not in ("", "status"):
        return obj
    for path in emptied:
        if path[0] != "metadata" and (path[0] == "status") == (subresource == "status"):
            obj = with_emptied(obj, path, schema)
    return obj


def tracked(
    site: Site, served: Served, held: KubeObject | None, obj: KubeObject, options: WriteOptions, subresource: str
) -> KubeObject:
    """`obj` with its managedFields as a create (`held` is None), an update or a patch leaves them."""
    schema = object_type(served)
    if schema is None:
        return obj
    written = obj
    if isinstance(schema, Schema):
        for path in options.emptied:
            written = with_emptied(written, path, schema) if is_printed_as_null(path, schema) else written
    if subresource == "scale" and served.type.custom is None:
        written = _as_scaled(held or {}, written, options.manager)
    try:
        owned = after_update(held, written, write_of(site, served, options.manager, subresource), schema)
    except ValueError:
        # an object whose lists have no keys to go by: who owns what stays as it was, validation says the rest
        return with_metadata(obj, managedFields=metadata(held or {}).get("managedFields"))
    return owned if written is obj else {**obj, "metadata": owned["metadata"]}


def _as_scaled(held: KubeObject, obj: KubeObject, manager: str) -> KubeObject:
    """What a write through /scale owns: nothing when it scales to zero, as a Scale leaves that out.

    Seen on kube-apiserver 1.37.2: a manager that scales again loses its entry, and gets it back the next time.
    """
    spec: KubeObject = obj.get("spec") or {}
    if spec.get("replicas") == (held.get("spec") or {}).get("replicas"):
        return obj
    entries = metadata(held).get("managedFields") or []
    again = any((each.get("manager"), each.get("subresource")) == (manager, "scale") for each in entries)
    if spec.get("replicas") and not again:
        return obj
    return {**obj, "spec": {member: value for member, value in spec.items() if member != "replicas"}}


def tracked_view(obj: KubeObject, kind: GroupVersionKind, time: str, manager: str, subresource: str = "") -> KubeObject:
    """The same for what is posted and answered, but never stored."""
    schema = schema_for(kind)
    if schema is None:
        return obj
    write = Write(manager=manager, api_version=kind.api_version, time=time, subresource=subresource)
    return after_update(None, obj, write, schema)


def write_of(site: Site, served: Served, manager: str, subresource: str) -> Write:
    """This write, as its entry in managedFields shows it."""
    return Write(
        manager=manager,
        api_version=served.type.api_version,
        # the real server loses the time of a write through /scale
        time="" if subresource == "scale" else timestamp(site.now()),
        subresource=subresource,
        ignored=_ignored(served, subresource),
        in_version=_in_version(served),
    )


def _in_version(served: Served) -> InVersion | None:
    """Versions of a definition have fields of their own; those of a built-in kind share them."""
    custom = served.type.custom
    return None if custom is None or len(custom.schemas) < 2 else custom.in_version


def _ignored(served: Served, subresource: str) -> FieldSet:
    """The fields that this endpoint never writes: the status, or all but the status."""
    strategy = served.strategy
    if served.type.custom is not None and subresource == "status":
        return {"f:spec": LEAF, "f:metadata": LEAF}
    if subresource != "status":
        return {"f:status": LEAF} if strategy.has_status else None
    kept = {f"f:{each}": LEAF for each in ("labels", "annotations") if each not in strategy.status_writes}
    return {"f:spec": LEAF, "f:metadata": kept} if kept else {"f:spec": LEAF}
