"""Objects as the server's internal Go structs: what a message shows that repeats a whole value, or how it changed.

Internal structs have the fields of v1 without JSON names, so every field shows, under its Go name.
Source: pkg/apis/core/types.go of Kubernetes 1.37; k8s.io/apimachinery/pkg/util/diff.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

from fakekube.meta.objects import KubeObject
from fakekube.registry.schema import Schema, schema_named

_API = "io.k8s.api."
_CORE = f"{_API}core.v1."
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
# Go's names of fields that are more than the JSON name with a capital letter.
_GO_NAMES = {
    "apiGroup": "APIGroup",
    "apiVersion": "APIVersion",
    "awsElasticBlockStore": "AWSElasticBlockStore",
    "cephfs": "CephFS",
    "csi": "CSI",
    "diskURI": "DataDiskURI",
    "dnsConfig": "DNSConfig",
    "dnsPolicy": "DNSPolicy",
    "fc": "FC",
    "fsGroup": "FSGroup",
    "fsGroupChangePolicy": "FSGroupChangePolicy",
    "fsType": "FSType",
    "gcePersistentDisk": "GCEPersistentDisk",
    "grpc": "GRPC",
    "http": "HTTP",
    "httpGet": "HTTPGet",
    "httpHeaders": "HTTPHeaders",
    "ip": "IP",
    "iqn": "IQN",
    "iscsi": "ISCSI",
    "nfs": "NFS",
    "os": "OS",
    "pdID": "PdID",
    "pdName": "PDName",
    "rbd": "RBD",
    "seLinuxChangePolicy": "SELinuxChangePolicy",
    "seLinuxOptions": "SELinuxOptions",
    "serviceAccount": "DeprecatedServiceAccount",
    "sslEnabled": "SSLEnabled",
    "storageos": "StorageOS",
    "tcpSocket": "TCPSocket",
    "targetWWNs": "TargetWWNs",
    "tty": "TTY",
    "uid": "UID",
    "wwids": "WWIDs",
}
# The same of one type alone.
_RBD_NAMES = {"monitors": "CephMonitors", "image": "RBDImage", "pool": "RBDPool", "user": "RadosUser"}
_OWN_NAMES: Mapping[str, Mapping[str, str]] = {"RBDPersistentVolumeSource": _RBD_NAMES, "RBDVolumeSource": _RBD_NAMES}
_ZEROS: Mapping[str, object] = {
    "string": "",
    "int32": 0,
    "int64": 0,
    "bool": False,
    "double": 0,
    "int-or-string": 0,
    "quantity": "0",
}
_CONTEXT_LINES = 3


def internal(value: object, kind: str) -> Any:
    """`value`, of the core type `kind` or one of another group (`resource.v1.X`), as Go prints its internal form."""
    return _shown(value, schema_named((_API if "." in kind else _CORE) + kind))


def change(before: object, after: object) -> str:
    """How `before` became `after`: a unified diff of their JSON."""
    old, new = (json.dumps(each, indent=1, ensure_ascii=False).splitlines() for each in (before, after))
    hunks = list(difflib.unified_diff(old, new, n=_CONTEXT_LINES, lineterm=""))[2:]
    return "\n".join(hunks) + "\n"


def _shown(value: object, schema: Schema) -> object:
    if isinstance(value, list) and schema.items is not None:
        return [_shown(each, schema.items) for each in value]
    if not isinstance(value, dict):
        return value
    if schema.type == "map":
        return dict(sorted(value.items()))
    return _json_struct(value, schema) if schema.name.startswith(_META) else _struct(value, schema)


def _json_struct(value: KubeObject, schema: Schema) -> KubeObject:
    """A struct of the API machinery: it has JSON names inside, too."""
    return {name: _shown(each, schema.fields[name]) for name, each in value.items()}


def _struct(value: KubeObject, schema: Schema) -> KubeObject:
    shown: KubeObject = {}
    for name, field in schema.fields.items():
        if name == "metadata":
            shown |= _json_struct(value.get(name) or {}, field)
        elif name not in ("kind", "apiVersion") or "metadata" not in schema.fields:
            held = value.get(name)
            zero = None if name in schema.pointers else _zero(field)
            shown[_go_name(name, schema)] = zero if held is None else _shown(held, field)
    return shown


def _go_name(name: str, owner: Schema) -> str:
    own = _OWN_NAMES.get(owner.name.rpartition(".")[2], {})
    return own.get(name) or _GO_NAMES.get(name) or name[:1].upper() + name[1:]


def _zero(schema: Schema) -> object:
    """An unset field that is no pointer: a struct shows all of its own."""
    if schema.type == "struct" and not schema.name.startswith(_META):
        return _struct({}, schema)
    return _ZEROS.get(schema.type)
