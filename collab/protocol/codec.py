"""Messages to binary frames and back: 4 bytes of header length, a JSON header, a payload.

Header: `{"m": TYPE, "p": [lengths of the payload's parts], "z": deflated?, "b": {members of the message}}`.
Reading is total: whatever arrives, the answer is a message or a FrameError, never another exception.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from collab.protocol.messages import MESSAGE_TYPES, PAYLOADS, Diff, Message
from collab.protocol.names import check_gid

MAX_FRAME = 4 << 20
MAX_PAYLOAD = 8 << 20
"""After inflation. A document is over its size at 1 MB; its whole history may be somewhat more."""
DEFLATE_ABOVE = 1 << 10

_T = TypeVar("_T")


class FrameError(ValueError):
    """A frame that cannot be read. The text says why; the sender is at fault."""


class _Header(msgspec.Struct, frozen=True):
    m: str
    b: msgspec.Raw
    p: list[int] = []
    z: bool = False


_HEADER = msgspec.json.Decoder(_Header)
_BODIES: dict[str, msgspec.json.Decoder[Any]] = {name: msgspec.json.Decoder(t) for name, t in MESSAGE_TYPES.items()}
_NAMES: dict[type[Message], str] = {message: name for name, message in MESSAGE_TYPES.items()}


def encode(message: Message) -> bytes:
    """The frame of a message."""
    member = PAYLOADS.get(type(message))
    parts = _parts(getattr(message, member)) if member else ()
    body = _without(message, member, parts)
    payload = b"".join(parts)
    deflate = isinstance(message, Diff) and len(payload) > DEFLATE_ABOVE
    header = msgspec.json.encode(
        _Header(m=_NAMES[type(message)], b=msgspec.Raw(body), p=[len(part) for part in parts], z=deflate)
    )
    return b"".join((len(header).to_bytes(4, "big"), header, zlib.compress(payload, 1) if deflate else payload))


def decode(frame: bytes) -> Message:
    """The message of a frame. Raises FrameError on anything that `encode` would not have written."""
    if len(frame) > MAX_FRAME:
        raise FrameError(f"frame of {len(frame)} bytes, at most {MAX_FRAME} are read")
    header, payload = _split(frame)
    decoder = _BODIES.get(header.m)
    if decoder is None:
        raise FrameError(f"unknown message {header.m[:32]!r}")
    message: Message = _read(decoder, header.b)
    doc = getattr(message, "doc", None)
    if doc is not None and not check_gid(doc):
        raise FrameError(f"{doc[:64]!r} is not a record id")
    parts = _cut(_inflate(payload) if header.z else payload, header.p)
    return _with(message, PAYLOADS.get(type(message)), parts)


def _parts(value: bytes | tuple[bytes, ...]) -> tuple[bytes, ...]:
    return value if isinstance(value, tuple) else (value,)


def _without(message: Message, member: str | None, parts: tuple[bytes, ...]) -> bytes:
    """The JSON of the message, its payload left empty."""
    if member is None or not parts:
        return msgspec.json.encode(message)
    empty: object = () if isinstance(getattr(message, member), tuple) else b""
    return msgspec.json.encode(_replaced(message, member, empty))


def _with(message: Message, member: str | None, parts: tuple[bytes, ...]) -> Message:
    if member is None:
        if parts:
            raise FrameError(f"{type(message).__name__} carries no payload")
        return message
    if isinstance(getattr(message, member), tuple):
        return _replaced(message, member, parts)
    if len(parts) != 1:
        raise FrameError(f"{type(message).__name__} carries one payload, not {len(parts)}")
    return _replaced(message, member, parts[0])


def _replaced(message: Message, member: str, value: object) -> Message:
    changes: dict[str, Any] = {member: value}
    return replace(message, **changes)


def _split(frame: bytes) -> tuple[_Header, bytes]:
    size = int.from_bytes(frame[:4], "big")
    if len(frame) < 4 + size or size > MAX_FRAME:
        raise FrameError(f"header of {size} bytes in a frame of {len(frame)}")
    return _read(_HEADER, frame[4 : 4 + size]), frame[4 + size :]


def _read(decoder: msgspec.json.Decoder[_T], data: bytes | msgspec.Raw) -> _T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FrameError(str(error)) from error


def _cut(payload: bytes, lengths: list[int]) -> tuple[bytes, ...]:
    if any(length < 0 for length in lengths) or sum(lengths) != len(payload):
        raise FrameError(f"parts of {lengths[:4]} bytes in a payload of {len(payload)}")
    parts = []
    start = 0
    for length in lengths:
        parts.append(payload[start : start + length])
        start += length
    return tuple(parts)


def _inflate(payload: bytes) -> bytes:
    """At most MAX_PAYLOAD bytes are ever produced, whatever the frame claims."""
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(payload, MAX_PAYLOAD)
    except zlib.error as error:
        raise FrameError(f"bad deflate stream: {error}") from error
    if inflater.unconsumed_tail or not inflater.eof:
        raise FrameError(f"payload is cut short, or over {MAX_PAYLOAD} bytes")
    return data
