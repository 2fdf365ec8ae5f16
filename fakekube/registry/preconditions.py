"""What a deletion may ask of the object first: its uid, its resourceVersion.

Source: k8s.io/apiserver/pkg/registry/rest/delete.go.
"""

from __future__ import annotations

from fakekube.meta.errors import conflict
from fakekube.meta.objects import revision_of, uid_of
from fakekube.registry.options import DeleteOptions
from fakekube.registry.strategies import Served
from fakekube.storage.items import Item


def require_preconditions(served: Served, held: Item, options: DeleteOptions) -> None:
    """409 that names the kind, in the group its objects are stored in (an Event of events.k8s.io is in the core)."""
    kind, group = served.type.kind, served.key.partition(".")[2]
    if options.uid and options.uid != uid_of(held.obj):
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({uid_of(held.obj)}). "
            "The object might have been deleted and then recreated"
        )
        raise conflict(kind, group, held.name, why)
    if options.resource_version and options.resource_version != revision_of(held.obj):
        why = (
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match the ResourceVersion "
            f"in record ({revision_of(held.obj)}). The object might have been modified"
        )
        raise conflict(kind, group, held.name, why)
