"""Config maps and secrets. Source: pkg/apis/core/validation of Kubernetes 1.37."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import Causes, all_invalid, forbidden, invalid, required, too_long
from fakekube.registry.validation.kind import Kind
from fakekube.registry.validation.names import config_key
from fakekube.registry.validation.object_meta import immutable

_SIZE_MAX = 1024 * 1024
_FIXED = "field is immutable when `immutable` is set"
_ACCOUNT = "kubernetes.io/service-account.name"
_REDACTED = "<secret contents redacted>"
# Secrets of these types hold these keys, which are JSON objects.
_JSON_KEYS = {
    "kubernetes.io/dockercfg": ".dockercfg",
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
}


def _binary_size(text: str) -> int:
    """The bytes that base64 text stands for."""
    return len(text) * 3 // 4 - text[-2:].count("=")


def _keys(values: Mapping[str, str], path: str) -> Causes:
    for key in values:
        yield from all_invalid(f"{path}[{key}]", key, config_key(key))


def _config_map(obj: KubeObject) -> Causes:
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    for key in data:
        yield from all_invalid(f"data[{key}]", key, config_key(key))
        if key in binary:
            yield invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    yield from _keys(binary, "binaryData")
    size = sum(len(value.encode()) for value in data.values()) + sum(map(_binary_size, binary.values()))
    if size > _SIZE_MAX:
        yield too_long("[]", _SIZE_MAX)


def _fixed(obj: KubeObject, held: KubeObject, members: Sequence[str]) -> Causes:
    """What is immutable stays so, with its data."""
    if not held.get("immutable"):
        return
    if not obj.get("immutable"):
        yield forbidden("immutable", _FIXED)
    for member in members:
        if (obj.get(member) or {}) != (held.get(member) or {}):
            yield forbidden(member, _FIXED)


def _updated_config_map(obj: KubeObject, held: KubeObject) -> Causes:
    yield from _fixed(obj, held, ("data", "binaryData"))


def _secret(obj: KubeObject) -> Causes:
    data: Mapping[str, str] = obj.get("data") or {}
    yield from _keys(data, "data")
    if sum(map(_binary_size, data.values())) > _SIZE_MAX:
        yield too_long("data", _SIZE_MAX)
    yield from _typed(obj, data)


def _typed(obj: KubeObject, data: Mapping[str, str]) -> Causes:
    kind = obj.get("type") or ""
    if kind == "kubernetes.io/service-account-token":
        if not ((obj.get("metadata") or {}).get("annotations") or {}).get(_ACCOUNT):
            yield required(f"metadata.annotations[{_ACCOUNT}]")
    elif kind in _JSON_KEYS:
        yield from _json_object(data, _JSON_KEYS[kind])
    elif kind == "kubernetes.io/basic-auth":
        yield from _present(data, () if {"username", "password"} & set(data) else ("username", "password"))
    elif kind == "kubernetes.io/ssh-auth":
        if not data.get("ssh-privatekey"):
            yield required("data[ssh-privatekey]")
    elif kind == "kubernetes.io/tls":
        yield from _present(data, ("tls.crt", "tls.key"))


def _present(data: Mapping[str, str], keys: Sequence[str]) -> Causes:
    for key in keys:
        if key not in data:
            yield required(f"data[{key}]")


def _json_object(data: Mapping[str, str], key: str) -> Causes:
    if key not in data:
        yield required(f"data[{key}]")
        return
    fault = _json_fault(base64.b64decode(data[key]))
    if fault:
        yield invalid(f"data[{key}]", _REDACTED, fault)


def _json_fault(raw: bytes) -> str:
    """What Go's encoding/json says of anything but an object."""
    text = raw.decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text):
            return "unexpected end of JSON input"
        return _literal_fault(text[error.pos :])
    if value is None or isinstance(value, dict):
        return ""
    names = {list: "array", str: "string", bool: "bool"}
    return f"json: cannot unmarshal {names.get(type(value), 'number')} into Go value of type map[string]interface {{}}"


def _literal_fault(text: str) -> str:
    """What is wrong with a value that is none; a word that begins like a literal is read until it differs."""
    literal = next((word for word in ("null", "true", "false") if word[0] == text[0]), "")
    for got, wanted in zip(text[1:], literal[1:], strict=False):
        if got != wanted:
            return f"invalid character {got!r} in literal {literal} (expecting {wanted!r})"
    return f"invalid character {text[0]!r} looking for beginning of value"


def _updated_secret(obj: KubeObject, held: KubeObject) -> Causes:
    yield from immutable(obj.get("type") or "", held.get("type") or "", "type")
    yield from _fixed(obj, held, ("data",))


CONFIG: Mapping[str, Kind] = {
    "v1/configmaps": Kind(create=_config_map, update=_updated_config_map),
    "v1/secrets": Kind(create=_secret, update=_updated_secret),
}
