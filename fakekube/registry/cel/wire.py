"""Protobuf's wire form, as far as a parsed expression needs it: fields of varints, doubles and bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TypeAlias

Field: TypeAlias = "int | float | bytes"
Message: TypeAlias = "dict[int, list[Field]]"

_VARINT, _FIXED64, _LENGTH = 0, 1, 2


def fields(data: bytes) -> Message:
    """Field number -> its values in order. ValueError for a wire type that expressions do not use."""
    found: Message = {}
    for number, value in _pairs(data):
        found.setdefault(number, []).append(value)
    return found


def _pairs(data: bytes) -> Iterator[tuple[int, Field]]:
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield tag >> 3, value
        elif kind == _LENGTH:
            size, at = _varint(data, at)
            yield tag >> 3, data[at : at + size]
            at += size
        elif kind == _FIXED64:
            yield tag >> 3, struct.unpack_from("<d", data, at)[0]
            at += 8
        else:
            raise ValueError(f"wire type {kind} in a parsed expression")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    shift = value = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def varints(packed: bytes) -> list[int]:
    """A packed repeated field."""
    found, at = [], 0
    while at < len(packed):
        value, at = _varint(packed, at)
        found.append(value)
    return found


def signed(value: int) -> int:
    """A varint as int64."""
    return value - (1 << 64) if value >> 63 else value


def number(message: Message, field: int) -> int:
    """A varint field; 0 where it is left out, as proto3 leaves zeros out."""
    value = message.get(field, (0,))[-1]
    return value if isinstance(value, int) else 0


def raw(message: Message, field: int) -> bytes:
    value = message.get(field, (b"",))[-1]
    return value if isinstance(value, bytes) else b""


def text(message: Message, field: int) -> str:
    return raw(message, field).decode()


def each(message: Message, field: int) -> list[bytes]:
    return [value for value in message.get(field, ()) if isinstance(value, bytes)]
