"""The last look at a site: five documents, from its agent and its apiserver, read into one `SiteView`.

Every member that a check compares is required here: a document without it is a problem of the view, never an empty
value that equals another empty value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Final
from urllib.parse import unquote

import msgspec

from chaos.checks.evidence import Content, LosingValue, RecordView, SiteView

RECORDS: Final = "/collab/v1/records"
CONFLICTS: Final = "/collab/v1/conflicts"
OPERATIONS: Final = "/collab/v1/operations"
NAMESPACES: Final = "/api/v1/namespaces"
CONFIGMAPS: Final = "/api/v1/configmaps"

TOLD_BY_AGENTS: Final = (RECORDS, CONFLICTS, OPERATIONS)
HELD_BY_APISERVERS: Final = (NAMESPACES, CONFIGMAPS)

_LOCAL_ANNOTATIONS = ("collab.fakekube.dev/", "kubectl.kubernetes.io/last-applied-configuration")
_LOCAL_DOMAINS = ("kubernetes.io", "k8s.io")
_LOCAL_CONFIGMAPS = ("kube-root-ca.crt",)

Filled = Annotated[str, msgspec.Meta(min_length=1)]


class _Member(msgspec.Struct):
    site: str
    state: str


class _Record(msgspec.Struct, rename="camel"):
    gid: Filled
    resource: Filled
    state: Filled
    owner: str | None
    acting: bool
    members: list[_Member]
    kinds: list[str]
    digest: str
    value_digest: str


class _Records(msgspec.Struct):
    records: list[_Record]


class _Loser(msgspec.Struct):
    value: object


class _Conflict(msgspec.Struct):
    resource: Filled
    object: Filled
    path: str
    losers: list[_Loser]


class _Conflicts(msgspec.Struct):
    conflicts: list[_Conflict]


class _Operation(msgspec.Struct):
    id: Filled
    state: Filled


class _Operations(msgspec.Struct):
    operations: list[_Operation]


class _Metadata(msgspec.Struct):
    name: Filled
    namespace: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class _Namespace(msgspec.Struct):
    metadata: _Metadata


class _Namespaces(msgspec.Struct):
    items: list[_Namespace]


class _ConfigMap(msgspec.Struct):
    metadata: _Metadata
    data: dict[str, str] = {}


class _ConfigMaps(msgspec.Struct):
    items: list[_ConfigMap]


def site_view(site: str, documents: Mapping[str, bytes], resources: Iterable[str]) -> SiteView:
    """The view from the bodies of TOLD_BY_AGENTS and HELD_BY_APISERVERS; of the objects only `resources` are kept.

    A document that is not what the API promises becomes the view's `problem`, with the path of the mistake.
    """
    try:
        records = msgspec.json.decode(documents[RECORDS], type=_Records).records
        losers = losers_of(documents[CONFLICTS])
        operations = msgspec.json.decode(documents[OPERATIONS], type=_Operations).operations
        namespaces = msgspec.json.decode(documents[NAMESPACES], type=_Namespaces).items
        configmaps = msgspec.json.decode(documents[CONFIGMAPS], type=_ConfigMaps).items
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return SiteView(site=site, problem=f"an answer that cannot be read: {error}")
    shared = {record.resource for record in records if "configmaps" in record.kinds}
    wanted = set(resources)
    return SiteView(
        site=site,
        records=tuple(_record(record) for record in records),
        losers=losers,
        operations={operation.id: operation.state for operation in operations},
        objects={
            name: _content(namespace, configmaps if name in shared else ())
            for namespace in namespaces
            if (name := f"namespaces/{namespace.metadata.name}") in wanted
        },
    )


def losers_of(document: bytes) -> tuple[LosingValue, ...]:
    """The losing values of a CONFLICTS document. Raises msgspec.DecodeError for anything else."""
    conflicts = msgspec.json.decode(document, type=_Conflicts).conflicts
    return tuple(loser for conflict in conflicts for loser in _losers(conflict))


def _record(record: _Record) -> RecordView:
    return RecordView(
        gid=record.gid,
        resource=record.resource,
        state=record.state,
        owner=record.owner,
        acting=record.acting,
        members={member.site: member.state for member in record.members},
        digest=record.digest,
        value_digest=record.value_digest,
    )


def _losers(conflict: _Conflict) -> Iterable[LosingValue]:
    path = plain_path(conflict.object, conflict.path)
    for loser in conflict.losers:
        value = loser.value if isinstance(loser.value, str) or loser.value is None else str(loser.value)
        yield LosingValue(resource=conflict.resource, path=path, value=value)


def plain_path(name: str, path: str) -> str:
    """`f:metadata/f:labels/f:crop` of a namespace as `labels/crop`; a ConfigMap's begins with its own name."""
    parts = [unquote(part.removeprefix("f:")) for part in path.split("/")]
    if parts[0] == "metadata":
        parts = parts[1:]
    prefix = f"{name}/" if name.startswith("configmaps/") else ""
    return prefix + "/".join(parts)


def _content(namespace: _Namespace, configmaps: Iterable[_ConfigMap]) -> Content:
    content = dict(_metadata_paths(namespace.metadata, ""))
    for configmap in configmaps:
        name = configmap.metadata.name
        if configmap.metadata.namespace == namespace.metadata.name and name not in _LOCAL_CONFIGMAPS:
            content[f"configmaps/{name}"] = "present"
            content.update(_metadata_paths(configmap.metadata, f"configmaps/{name}/"))
            content.update({f"configmaps/{name}/data/{key}": value for key, value in configmap.data.items()})
    return content


def _metadata_paths(metadata: _Metadata, prefix: str) -> dict[str, str]:
    labels = {f"{prefix}labels/{key}": value for key, value in metadata.labels.items() if not _is_local(key)}
    annotations = {
        f"{prefix}annotations/{key}": value for key, value in metadata.annotations.items() if not _is_local(key)
    }
    return labels | annotations


def _is_local(key: str) -> bool:
    """Keys that collab never merges: the system's own, and its notes on the object."""
    domain = key.partition("/")[0] if "/" in key else ""
    return key.startswith(_LOCAL_ANNOTATIONS) or any(
        domain == local or domain.endswith(f".{local}") for local in _LOCAL_DOMAINS
    )
