"""Names of the protocol's things: sites, records, kinds, and the API paths of the kinds that can be shared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NewType, TypeAlias

SiteName = NewType("SiteName", str)
RecordId = NewType("RecordId", str)
"""A record's gid: `<writer>.<n>`, where writer = `<site>~<token>`."""
GroupKind = str
"""A kind by its resource name, as in `--with configmaps`."""
KubeObject: TypeAlias = Mapping[str, object]
"""A Kubernetes object, or a Status, as read from JSON. Never changed in place."""

NAMESPACES: GroupKind = "namespaces"
CONFIGMAPS: GroupKind = "configmaps"

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_GID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}~[0-9a-z]{1,32}\.[0-9]{1,12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KindInfo:
    """What the protocol needs to know of a kind to name and make its objects."""

    api_version: str
    kind: str
    plural: str
    prefix: str
    namespaced: bool


KINDS: dict[GroupKind, KindInfo] = {
    NAMESPACES: KindInfo(api_version="v1", kind="Namespace", plural="namespaces", prefix="/api/v1", namespaced=False),
    CONFIGMAPS: KindInfo(api_version="v1", kind="ConfigMap", plural="configmaps", prefix="/api/v1", namespaced=True),
}


def check_site(name: str) -> bool:
    """Is this a site name: a DNS-1123 label of at most 63 characters?"""
    return _LABEL.fullmatch(name) is not None


def check_gid(text: object) -> bool:
    """Is this the id of a record? (Ids name journal files, so only safe characters pass.)"""
    return isinstance(text, str) and len(text) <= 128 and _GID.fullmatch(text) is not None


def check_resource(text: str) -> str:
    """Why `text` is no shareable resource; empty when it is one."""
    kind, slash, name = text.partition("/")
    if kind != NAMESPACES or not slash:
        return f"{text!r} must be namespaces/NAME"
    if not _LABEL.fullmatch(name):
        return f"{name!r} is not a namespace name"
    if name == "default" or name.startswith("kube-"):
        return f"{name!r} is a system namespace and cannot be shared"
    return ""


def name_of(resource: str) -> str:
    """`namespaces/team` -> `team`."""
    return resource.partition("/")[2]


def object_path(kind: GroupKind, namespace: str, name: str) -> str:
    """The API path of one object; for namespaces `namespace` is not used."""
    return f"{collection_path(kind, namespace)}/{name}"


def collection_path(kind: GroupKind, namespace: str) -> str:
    """The API path that lists and creates objects of a kind (in `namespace`, where the kind has one)."""
    info = KINDS[kind]
    return f"{info.prefix}/namespaces/{namespace}/{info.plural}" if info.namespaced else f"{info.prefix}/{info.plural}"
