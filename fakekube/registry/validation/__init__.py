"""Whether an object of a built-in kind may exist: the rules of the real server, with its field paths and words.

`validate_create` and `validate_update` return every cause; a kind without rules of its own has its metadata checked.
Source: pkg/apis/*/validation of Kubernetes 1.37; `validation-1.37.json` holds 5,067 recorded single mistakes.
"""

from __future__ import annotations

from fakekube.meta.errors import Cause
from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.resources import ResourceType
from fakekube.registry.validation import object_meta
from fakekube.registry.validation.kind import Kind
from fakekube.registry.validation.kinds import KINDS

_GENERIC = Kind()


def validate_create(obj: KubeObject, resource: ResourceType) -> list[Cause]:
    """Why `obj` (defaulted and prepared) may not be created; empty when it may."""
    kind = _kind(resource)
    meta = dict(metadata(obj))
    causes = list(kind.first(obj))
    name = kind.name if kind.named is None else kind.named(obj)
    causes += object_meta.created(meta, resource.namespaced, name, own=kind.own)
    causes += kind.create(obj)
    return _distinct(causes) or list(object_meta.names_in_paths(meta))


def validate_update(
    obj: KubeObject, held: KubeObject, resource: ResourceType, subresource: str = "", *, unconditional: bool = True
) -> list[Cause]:
    """Why `held` may not become `obj`. `unconditional`: the kind takes updates without a resourceVersion."""
    kind = _kind(resource)
    meta, before = dict(metadata(obj)), dict(metadata(held))
    again: list[Cause] = []
    if kind.update_repeats_metadata and not subresource:
        again = list(object_meta.formed(meta, own=kind.own))
        again += object_meta.updated(meta, before, unconditional=unconditional, own=kind.own)
    causes = list(object_meta.updated(meta, before, unconditional=unconditional, own=kind.own))
    if subresource == "status":
        causes += kind.status(obj, held)
    elif not subresource:
        causes += kind.update(obj, held)
        causes += kind.create(obj) if kind.update_repeats_create else ()
    return again + _distinct(causes)


def _distinct(causes: list[Cause]) -> list[Cause]:
    """The server tells nothing twice."""
    return list(dict.fromkeys(causes)) if len(causes) > 1 else causes


def _kind(resource: ResourceType) -> Kind:
    return KINDS.get(f"{resource.api_version}/{resource.plural}", _GENERIC)
