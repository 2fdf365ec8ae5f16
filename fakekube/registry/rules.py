"""What makes an object one of its kind: its canonical form, its validation, and who owns its fields.

The one place where the generic verbs meet the tables of kinds.
"""

from __future__ import annotations

from functools import lru_cache

from fakekube.meta.errors import Cause
from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.canonical import canonicalize
from fakekube.registry.fieldset import LEAF, Node
from fakekube.registry.managedfields import Write, after_update
from fakekube.registry.metadata import timestamp
from fakekube.registry.schema import schema_for
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served

# The main endpoint of a kind with a status subresource never writes the status, so it never owns it.
_STATUS: Node = {"f:status": LEAF}


def canonical(served: Served, obj: KubeObject) -> KubeObject:
    """`obj` as the server keeps and prints it."""
    typed = {"kind": served.type.kind, "apiVersion": served.type.api_version, **obj}
    return canonicalize(typed, served.type.gvk).object


@lru_cache(maxsize=256)
def empty_object(served: Served) -> KubeObject:
    """The kind with nothing set, as the server prints it."""
    return canonical(served, {})


def create_causes(served: Served, obj: KubeObject) -> list[Cause]:
    """Why `obj` may not be created; empty when it may."""
    if metadata(obj).get("name"):
        return []
    return [
        Cause(
            reason="FieldValueRequired",
            message="Required value: name or generateName is required",
            field="metadata.name",
        )
    ]


def update_causes(served: Served, obj: KubeObject, held: KubeObject, subresource: str) -> list[Cause]:
    """Why `held` may not become `obj`; empty when it may."""
    return []


def tracked(
    site: Site, served: Served, held: KubeObject | None, obj: KubeObject, manager: str, subresource: str
) -> KubeObject:
    """`obj` with its managedFields as this write leaves them."""
    schema = schema_for(served.type.gvk)
    if schema is None:
        return obj
    return after_update(held, obj, written_by(site, served, manager, subresource), schema)


def written_by(site: Site, served: Served, manager: str, subresource: str) -> Write:
    """This write as managedFields will show it."""
    resets_status = served.strategy.has_status and not subresource
    return Write(
        manager=manager,
        api_version=served.type.api_version,
        time=timestamp(site.now()),
        subresource=subresource,
        ignored=_STATUS if resets_status else None,
    )
