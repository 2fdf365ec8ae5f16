"""Journals back into values: what a site and its records were when the agent stopped, however it stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from collab.protocol.entries import BadEntryError, entry, read_entry
from collab.protocol.markers import Marker, read_marker
from collab.protocol.names import RecordId, SiteName
from collab.protocol.operations import parse_stored
from collab.protocol.pending import Pending, read_result
from collab.record.slots import ObjectId


@dataclass(slots=True)
class SavedSite:
    """The site journal, read."""

    uid: str = ""
    journal_id: str = ""
    uids: dict[SiteName, str] = field(default_factory=dict)
    markers: dict[RecordId, Marker] = field(default_factory=dict)
    operations: list[Pending] = field(default_factory=list)

    def entries(self) -> tuple[bytes, ...]:
        """The entries of a fresh journal that says just this."""
        return (
            entry("identity", {"uid": self.uid, "journal": self.journal_id}),
            *(entry("peer", {"site": site, "uid": uid}) for site, uid in sorted(self.uids.items())),
            *(marker.entry() for _, marker in sorted(self.markers.items())),
            *(pending.entry() for pending in self.operations),
        )


@dataclass(slots=True)
class SavedRecord:
    """A record journal, read. `member`: it had been joined; `inviter`: who invited this site, None for its creator."""

    gid: RecordId
    inviter: SiteName | None = None
    member: bool = False
    twin_uid: str = ""
    twin_kinds: tuple[str, ...] = ()
    updates: list[bytes] = field(default_factory=list)
    shadows: dict[ObjectId, bytes] = field(default_factory=dict)


def read_site(entries: Sequence[bytes]) -> SavedSite:
    """Raises BadEntryError for an entry of another program."""
    saved = SavedSite()
    operations: dict[str, Pending] = {}
    for data in entries:
        kind, fields, payload = read_entry(data)
        match kind:
            case "identity":
                saved.uid, saved.journal_id = _text(fields, "uid"), _text(fields, "journal")
            case "peer":
                saved.uids[SiteName(_text(fields, "site"))] = _text(fields, "uid")
            case "marker":
                marker = read_marker(fields, payload)
                saved.markers[marker.gid] = marker
            case "unmarked":
                saved.markers.pop(RecordId(_text(fields, "gid")), None)
            case "operation":
                pending = _read_operation(fields)
                operations[pending.id] = pending
            case _:
                raise BadEntryError(f"site journal: unknown entry {kind!r}")
    saved.operations = list(operations.values())
    return saved


def _read_operation(fields: Mapping[str, object]) -> Pending:
    try:
        stored = msgspec.convert(fields, _StoredOperation)
    except msgspec.ValidationError as error:
        raise BadEntryError(f"operation: {error}") from error
    pending = Pending(operation=parse_stored(stored.operation), answer_at=0.0)
    pending.gid, pending.inv = RecordId(stored.gid), stored.inv
    pending.given = SiteName(stored.given) if stored.given else None
    pending.reached = pending.given is not None  # what became of the last try is not known
    pending.codes = {SiteName(site): code for site, code in stored.codes.items()}
    pending.passed = {SiteName(site): "refused" if how == "refused" else "sent" for site, how in stored.passed.items()}
    pending.withdrawn, pending.aim = stored.withdrawn, stored.aim
    pending.result = read_result(stored.result) if stored.result is not None else None
    if pending.result is not None:
        pending.outcomes = dict(pending.result.outcomes)
    return pending


class _StoredOperation(msgspec.Struct):
    operation: dict[str, object]
    gid: str
    given: str
    inv: str
    codes: dict[str, int]
    result: dict[str, object] | None
    passed: dict[str, str] = {}
    withdrawn: bool = False
    aim: str | None = None


def read_record(gid: RecordId, entries: Sequence[bytes]) -> SavedRecord:
    """Raises BadEntryError for an entry of another program."""
    saved = SavedRecord(gid=gid)
    for data in entries:
        kind, fields, payload = read_entry(data)
        match kind:
            case "record":
                saved.inviter = SiteName(_text(fields, "inviter")) if fields.get("inviter") else None
            case "member":
                saved.member = True
            case "update":
                saved.updates.append(payload)
            case "twin":
                saved.twin_uid, saved.twin_kinds = _text(fields, "uid"), _texts(fields, "kinds")
            case "shadow":
                saved.shadows[_shadow_of(payload)] = payload
            case _:
                raise BadEntryError(f"journal of record {gid}: unknown entry {kind!r}")
    return saved


class _ShadowName(msgspec.Struct):
    kind: str
    name: str


def _shadow_of(payload: bytes) -> ObjectId:
    try:
        named = msgspec.json.decode(payload, type=_ShadowName)
    except msgspec.DecodeError as error:
        raise BadEntryError(f"shadow: {error}") from error
    return ObjectId(named.kind, named.name)


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise BadEntryError(f"journal entry: {name} must be text, is {value!r}")
    return value


def _texts(fields: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = fields.get(name)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadEntryError(f"journal entry: {name} must be a list of texts, is {value!r}")
    return tuple(value)
