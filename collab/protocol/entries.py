"""Journal entries: 4 bytes of header length, a JSON object, then bytes as they are. What is written is read back.

The first member of the object, `e`, names the entry; the journals they stand in are `site` and `record.GID`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from collab.protocol.names import RecordId

RECORD_PREFIX = "record."


class BadEntryError(ValueError):
    """An entry that this version did not write; the journal's checksums were right, so its writer is another program."""


def record_journal(gid: RecordId) -> str:
    """The name of a record's journal."""
    return RECORD_PREFIX + gid


def entry(kind: str, fields: Mapping[str, object], payload: bytes = b"") -> bytes:
    """One journal entry."""
    header = msgspec.json.encode({"e": kind, **fields})
    return b"".join((len(header).to_bytes(4, "big"), header, payload))


def read_entry(data: bytes) -> tuple[str, dict[str, object], bytes]:
    """The kind, the fields and the payload of an entry. Raises BadEntryError."""
    end = 4 + int.from_bytes(data[:4], "big")
    try:
        fields: object = msgspec.json.decode(data[4:end])
    except msgspec.DecodeError as error:
        raise BadEntryError(f"journal entry of {len(data)} bytes: {error}") from error
    if not isinstance(fields, dict) or not isinstance(fields.get("e"), str):
        raise BadEntryError(f"journal entry of {len(data)} bytes names no kind")
    kind = fields.pop("e")
    return kind, fields, data[end:]
