"""apiVersion and kind out of a protobuf answer, read without the code under test."""

from __future__ import annotations

from collections.abc import Iterator


def type_meta(data: bytes) -> dict[str, object]:
    """Field 1 of runtime.Unknown is TypeMeta {1: apiVersion, 2: kind}; the envelope starts with `k8s\\0`."""
    try:
        unknown = dict(_fields(data[4:]))
        meta = dict(_fields(unknown.get(1, b"")))
        return {"apiVersion": meta.get(1, b"").decode(), "kind": meta.get(2, b"").decode()}
    except (IndexError, UnicodeDecodeError):
        return {"unparsable": True}


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Length-delimited fields; numbers are passed over."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        length, at = _varint(data, at)
        if tag & 7 == 2:
            yield tag >> 3, data[at : at + length]
            at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if not data[at - 1] & 128:
            return value, at
