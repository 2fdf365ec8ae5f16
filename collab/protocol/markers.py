"""Markers: what stays of a record that this site left, or that was destroyed. Small, durable, and the answer to every
later frame about it.

A leaver's marker holds its last state until one member has all of it; a destroyed record's, the sites still to be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from collab.protocol.entries import BadEntryError, entry
from collab.protocol.messages import Ack, Diff, Exit, Exited, Invite, Message, Nack, Op
from collab.protocol.names import RecordId, SiteName
from collab.record.slots import OwnerStamp
from collab.record.updates import BadUpdate, read_clocks

RETRY_S = 5.0
LINK_S = 15.0


@dataclass(slots=True)
class Marker:
    """`an`: invitation -> final answer. `owed`: sites to be told, with addresses. `last`: this site's last state and
    `last_sv` its state vector, until acknowledged. `delete_uid`: a twin that is still to be deleted here.
    `out`: sites that had been put out before the destroy and are told that instead: stamp and what becomes of the twin."""

    gid: RecordId
    name: str
    destroyed: bool
    an: dict[str, str] = field(default_factory=dict)
    owed: dict[SiteName, str] = field(default_factory=dict)
    last: bytes = b""
    last_sv: bytes = b""
    delete_uid: str = ""
    out: dict[SiteName, tuple[OwnerStamp, str]] = field(default_factory=dict)

    def entry(self) -> bytes:
        """The journal entry; the newest one of a gid counts."""
        fields: dict[str, object] = {
            "gid": self.gid,
            "name": self.name,
            "destroyed": self.destroyed,
            "an": self.an,
            "owed": self.owed,
            "sv": msgspec.to_builtins(self.last_sv),
            "delete": self.delete_uid,
            "out": {site: [list(stamp), policy] for site, (stamp, policy) in self.out.items()},
        }
        return entry("marker", fields, self.last)

    def exit(self, site: SiteName) -> Exit:
        """What a site is told: put out, as it was before the end, or destroyed."""
        if site in self.out:
            stamp, policy = self.out[site]
            return Exit(doc=self.gid, stamp=stamp, mode="exit", policy="delete" if policy == "delete" else "keep")
        return Exit(doc=self.gid, stamp=None, mode="destroyed")

    def exited(self) -> Exited:
        return Exited(doc=self.gid, an=dict(self.an), diff=self.last)

    def settle(self, site: SiteName) -> bool:
        """That site knows, or has nothing to know. True when this changed something to be written down."""
        if self.owed.pop(site, None) is None:
            return False
        if not self.owed:
            self.last = self.last_sv = b""
        return True

    def settle_all(self) -> bool:
        """Somebody has everything: nothing is owed to anybody."""
        changed = bool(self.owed or self.last)
        self.owed, self.last, self.last_sv = {}, b"", b""
        return changed

    def acknowledged(self, message: Ack) -> bool:
        """Does a member's ACK cover this site's last state?"""
        try:
            have, needed = read_clocks(message.sv), read_clocks(self.last_sv or b"\0")
        except BadUpdate:
            return False
        return all(have.get(client, 0) >= clock for client, clock in needed.items())


def read_marker(fields: Mapping[str, object], payload: bytes) -> Marker:
    """A marker from its entry. Raises BadEntryError."""
    try:
        stored = msgspec.convert(fields, _Stored)
    except msgspec.ValidationError as error:
        raise BadEntryError(f"marker: {error}") from error
    return Marker(
        gid=RecordId(stored.gid),
        name=stored.name,
        destroyed=stored.destroyed,
        an=stored.an,
        owed={SiteName(site): address for site, address in stored.owed.items()},
        last=payload,
        last_sv=stored.sv,
        delete_uid=stored.delete,
        out={SiteName(site): told for site, told in stored.out.items()},
    )


class _Stored(msgspec.Struct):
    gid: str
    name: str
    destroyed: bool
    an: dict[str, str]
    owed: dict[str, str]
    sv: bytes
    delete: str
    out: dict[str, tuple[OwnerStamp, str]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerReply:
    """What a frame about a marked record comes to: an answer, and whether the marker changed."""

    message: Message | None = None
    changed: bool = False


def answer_from_marker(marker: Marker, peer: SiteName, message: Message) -> MarkerReply:
    """Any frame about the record, also from invited or evicted sites, is answered from the marker (M1, M2, M3)."""
    return _answer_destroyed(marker, peer, message) if marker.destroyed else _answer_left(marker, peer, message)


def _answer_destroyed(marker: Marker, peer: SiteName, message: Message) -> MarkerReply:
    match message:
        case Exited():  # one with a last state waits for an answer before it lets go of that
            return MarkerReply(
                message=Exit(doc=marker.gid, stamp=None, mode="destroyed") if message.diff else None,
                changed=marker.settle(peer),
            )
        case Ack():
            return MarkerReply(changed=marker.settle(peer))
        case Nack(reason="no"):
            return MarkerReply(changed=marker.settle(peer))
        case Nack():
            return MarkerReply()
        case Exit():
            return MarkerReply(message=Exited(doc=marker.gid, an=dict(marker.an)), changed=marker.settle(peer))
        case Diff() | Op():  # also from a site that was put out and refuses that: it is told the whole truth
            return MarkerReply(message=Exit(doc=marker.gid, stamp=None, mode="destroyed"))
        case _:
            return MarkerReply(message=marker.exit(peer))


def _answer_left(marker: Marker, peer: SiteName, message: Message) -> MarkerReply:
    match message:
        case Ack():
            return MarkerReply(changed=marker.acknowledged(message) and marker.settle_all())
        case Nack(reason="no"):
            return MarkerReply(changed=marker.settle(peer))
        case Nack():
            return MarkerReply()
        case Exit(mode="destroyed"):
            reply = Exited(doc=marker.gid, an=dict(marker.an))
            return MarkerReply(message=reply, changed=marker.settle_all())
        case Exited():
            return MarkerReply(message=Ack(doc=marker.gid, sv=b"\0"))
        case Invite():
            return MarkerReply(message=marker.exited() if message.inv in marker.an else None)
        case _:
            return MarkerReply(message=marker.exited())
