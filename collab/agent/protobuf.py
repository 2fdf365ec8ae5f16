"""Just enough protobuf to read the Namespace that `kubectl create namespace` sends: names, labels, annotations.

Everything else a Namespace may hold is set by the server. Source: k8s.io/api/core/v1/generated.proto (Namespace,
ObjectMeta) and k8s.io/apimachinery/pkg/runtime/generated.proto (Unknown).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fakekube.meta.objects import KubeObject

MAGIC = b"k8s\x00"

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SIZES = {_FIXED64: 8, _FIXED32: 4}
_TYPE_META, _RAW = 1, 2  # Unknown
_METADATA = 1  # Namespace
_META_TEXTS = {1: "name", 2: "generateName"}  # ObjectMeta
_META_MAPS = {11: "labels", 12: "annotations"}


class BadProtobuf(ValueError):
    """Bytes that are no protobuf, or not what was expected of them."""


def read_namespace(data: bytes) -> KubeObject:
    """The Namespace in JSON form. Raises BadProtobuf for anything else."""
    if not data.startswith(MAGIC):
        raise BadProtobuf("the body is not Kubernetes protobuf")
    unknown = dict(_messages(data[len(MAGIC) :]))
    api_version, kind = _texts(unknown.get(_TYPE_META, b""))
    if (api_version, kind) != ("v1", "Namespace"):
        raise BadProtobuf(f"{api_version} {kind} in protobuf; send JSON")
    namespace = dict(_messages(unknown.get(_RAW, b"")))
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": _metadata(namespace.get(_METADATA, b""))}


def _metadata(data: bytes) -> KubeObject:
    found: KubeObject = {}
    for number, value in _messages(data):
        if name := _META_TEXTS.get(number):
            found[name] = value.decode()
        elif name := _META_MAPS.get(number):
            key, text = _texts(value)
            found.setdefault(name, {})[key] = text
    return {name: value for name, value in found.items() if value}


def _texts(data: bytes) -> list[str]:
    """Fields 1 and 2 of a message of strings."""
    fields = dict(_messages(data))
    return [fields.get(number, b"").decode() for number in (1, 2)]


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Field number and bytes of every length-delimited field; the others are passed over."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        wire = tag & 7
        if wire == _VARINT:
            _, position = _varint(data, position)
        elif wire == _BYTES:
            size, position = _varint(data, position)
            yield tag >> 3, _slice(data, position, size)
            position += size
        elif wire in _SIZES:
            position += _SIZES[wire]
        else:
            raise BadProtobuf(f"wire type {wire} at byte {position}")


def _slice(data: bytes, position: int, size: int) -> bytes:
    if position + size > len(data):
        raise BadProtobuf(f"a field at byte {position} runs past the end")
    return data[position : position + size]


def _varint(data: Sequence[int], position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise BadProtobuf(f"a number at byte {position} does not end")
