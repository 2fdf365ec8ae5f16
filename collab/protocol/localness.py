"""What of an object is shared and what stays local: one table by kind and path, read both ways.

A field is shared only if the table names it. Keys that belong to Kubernetes (`*.kubernetes.io/`, `*.k8s.io/`) or to
collab are local unless the receiver's policy names them: a peer could set `pod-security.kubernetes.io/enforce`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from collab.protocol.names import CONFIGMAPS, KINDS, NAMESPACES, GroupKind, KubeObject
from collab.record.slots import REMOVED, BadSlot, field_path, path_names

COLLAB_DOMAIN: Final = "collab.fakekube.dev"
_KUBERNETES_DOMAINS: Final = ("kubernetes.io", "k8s.io")

#: Local whatever a policy says: their value is about one site's own history.
ALWAYS_LOCAL: Final = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        "deployment.kubernetes.io/revision",
        "kubernetes.io/metadata.name",
    }
)
#: Made by every cluster for itself.
_SYSTEM_OBJECTS: Final = {(CONFIGMAPS, "kube-root-ca.crt")}


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedField:
    """One row of the table: a field by its nested names, merged per key of its map or as one value."""

    names: tuple[str, ...]
    per_key: bool
    qualified: bool = False  # keys are label or annotation keys, whose domain may make them local


_METADATA: Final = (
    SharedField(names=("metadata", "labels"), per_key=True, qualified=True),
    SharedField(names=("metadata", "annotations"), per_key=True, qualified=True),
)
SHARED_FIELDS: Final[dict[GroupKind, tuple[SharedField, ...]]] = {
    NAMESPACES: _METADATA,
    CONFIGMAPS: (
        *_METADATA,
        SharedField(names=("data",), per_key=True),
        SharedField(names=("binaryData",), per_key=True),
        SharedField(names=("immutable",), per_key=False),
    ),
}


def is_local_key(key: str, merged: frozenset[str] = frozenset()) -> bool:
    """Whether a label or annotation stays at its site. `merged`: keys that the receiver's policy lets in."""
    if key in ALWAYS_LOCAL:
        return True
    domain = key.partition("/")[0] if "/" in key else ""
    return key not in merged and (_under(domain, *_KUBERNETES_DOMAINS) or _under(domain, COLLAB_DOMAIN))


def _under(domain: str, *parents: str) -> bool:
    return any(domain == parent or domain.endswith(f".{parent}") for parent in parents)


def shared_values(kind: GroupKind, obj: KubeObject, merged: frozenset[str] = frozenset()) -> dict[str, object]:
    """The shared fields of an object: path -> value, sorted by path."""
    return dict(sorted(_shared(kind, obj, merged)))


def _shared(kind: GroupKind, obj: KubeObject, merged: frozenset[str]) -> Iterator[tuple[str, object]]:
    for field in SHARED_FIELDS[kind]:
        value = _at(obj, field.names)
        if not field.per_key:
            if value is not None:
                yield field_path(*field.names), value
        elif isinstance(value, Mapping):
            for key, item in value.items():
                if not (field.qualified and is_local_key(key, merged)):
                    yield field_path(*field.names, key), item


def _at(obj: object, names: tuple[str, ...]) -> object:
    for name in names:
        obj = obj.get(name) if isinstance(obj, Mapping) else None
    return obj


def is_shared_path(kind: GroupKind, path: str, merged: frozenset[str] = frozenset()) -> bool:
    """Whether a path of a record may be written into an object of this kind here."""
    try:
        names = path_names(path)
    except BadSlot:
        return False
    for field in SHARED_FIELDS[kind]:
        if field.per_key and names[:-1] == field.names:
            return not (field.qualified and is_local_key(names[-1], merged))
        if not field.per_key and names == field.names:
            return True
    return False


def nested(values: Mapping[str, object]) -> dict[str, object]:
    """Path -> value as nested JSON; REMOVED becomes null, as a merge patch writes it."""
    body: dict[str, object] = {}
    for path, value in sorted(values.items()):
        *parents, last = path_names(path)
        place = body
        for name in parents:
            child = place.setdefault(name, {})
            assert isinstance(child, dict), f"{path} lies below a value"
            place = child
        place[last] = None if value is REMOVED else value
    return body


def new_object(kind: GroupKind, namespace: str, name: str, values: Mapping[str, object]) -> dict[str, object]:
    """A complete object to create, with these shared fields."""
    info = KINDS[kind]
    body = nested({path: value for path, value in values.items() if value is not REMOVED})
    metadata = body.pop("metadata", {})
    assert isinstance(metadata, dict)
    place = {"namespace": namespace} if info.namespaced else {}
    return {"apiVersion": info.api_version, "kind": info.kind, "metadata": {"name": name, **place, **metadata}, **body}


def why_not_shared(kind: GroupKind, obj: KubeObject) -> str:
    """Why an object stays out of every record; empty when it may be shared."""
    metadata = obj.get("metadata")
    if kind not in SHARED_FIELDS or not isinstance(metadata, Mapping):
        return f"kind {kind} is not shared"
    if (kind, metadata.get("name")) in _SYSTEM_OBJECTS:
        return f"{kind}/{metadata.get('name')} is made by every cluster for itself"
    owners = metadata.get("ownerReferences") or ()
    if any(isinstance(owner, Mapping) and owner.get("controller") for owner in owners):
        return f"{kind}/{metadata.get('name')} belongs to a controller"
    return ""
