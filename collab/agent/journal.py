"""Frames of a journal file, and what a crash may have left of them.

    frame := length (4 bytes) crc32(payload) (4 bytes) crc32(the 8 bytes before) (4 bytes) payload

The header has a check of its own, so that a damaged length is seen as damage and not as a very long torn tail that
would cut away everything behind it. Knows no disk and no meaning of a payload.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

_HEAD = struct.Struct(">II")
_CHECK = struct.Struct(">I")
HEADER_SIZE = _HEAD.size + _CHECK.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a journal holds: its payloads, how many bytes of it are whole, and where it is damaged.

    Bytes past `whole` are a torn tail (a write cut short by a crash, never acknowledged) when `damaged_at` is None;
    else the frame at byte `damaged_at` was once whole and is not any more.
    """

    payloads: tuple[bytes, ...]
    whole: int
    damaged_at: int | None = None


def frame(payload: bytes) -> bytes:
    head = _HEAD.pack(len(payload), crc32(payload))
    return head + _CHECK.pack(crc32(head)) + payload


def frames(payloads: Iterable[bytes]) -> bytes:
    """Many frames as one append."""
    return b"".join(map(frame, payloads))


def read(data: bytes) -> Contents:
    """The payloads up to the first frame that is not whole, and what that frame is: torn, or damaged."""
    payloads: list[bytes] = []
    position = 0
    while position < len(data):
        payload = _payload_at(data, position)
        if payload is None:
            damaged_at = None if _is_torn(data, position) else position
            return Contents(payloads=tuple(payloads), whole=position, damaged_at=damaged_at)
        payloads.append(payload)
        position += HEADER_SIZE + len(payload)
    return Contents(payloads=tuple(payloads), whole=position)


def _payload_at(data: bytes, position: int) -> bytes | None:
    if not _header_is_whole(data, position):
        return None
    length, check = _HEAD.unpack_from(data, position)
    payload = data[position + HEADER_SIZE : position + HEADER_SIZE + length]
    return payload if len(payload) == length and crc32(payload) == check else None


def _header_is_whole(data: bytes, position: int) -> bool:
    body = position + HEADER_SIZE
    if body > len(data):
        return False
    (check,) = _CHECK.unpack_from(data, position + _HEAD.size)
    return crc32(data[position : position + _HEAD.size]) == int(check)


def _is_torn(data: bytes, position: int) -> bool:
    """True when nothing whole can follow: the header or payload runs past the end, or the end was never filled.

    A crash may leave a file longer than what was written of it: zeros to the end, or a last payload with a bad crc.
    """
    if len(data) - position < HEADER_SIZE or not any(memoryview(data)[position:]):
        return True
    if not _header_is_whole(data, position):
        return False
    (length, _) = _HEAD.unpack_from(data, position)
    return bool(position + HEADER_SIZE + length >= len(data))
