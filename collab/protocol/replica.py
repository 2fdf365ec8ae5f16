"""One record at one site: its replication, its twin, and the rules that run after each change.

Joining (the document is here, the twin is being made), then member, until it ends in a marker: left or destroyed.
"""

from __future__ import annotations

from typing import Literal, Protocol

from collab.protocol import ownership
from collab.protocol.chronicle import Chronicle
from collab.protocol.contacts import Contacts, ExitPolicy
from collab.protocol.entries import entry
from collab.protocol.markers import Marker
from collab.protocol.membership import (
    exits_owed,
    in_rows,
    links_of,
)
from collab.protocol.messages import (
    Refuse,
)
from collab.protocol.names import RecordId, SiteName
from collab.protocol.receiving import Receiving
from collab.protocol.site import Site
from collab.protocol.succession import Succession
from collab.protocol.sync import FLUSH_S, GOSSIP_S, RELAY_S, RecordSync
from collab.protocol.turn import Turn
from collab.protocol.twin import Twin
from collab.record.joins import MemberRow
from collab.record.record import Record
from collab.record.view import Changes, RecordView

ReplicaPhase = Literal["joining", "member", "ended"]


class ReplicaHost(Protocol):
    """What a record needs of its site's core."""

    def joined(self, replica: Replica, turn: Turn) -> None:
        """It became a member: an older marker of the record is void."""

    def ended(self, replica: Replica, marker: Marker | None, turn: Turn) -> None:
        """It is over here. Without a marker it never began: the invitation is refused or void."""

    def poke(self, gid: RecordId, turn: Turn) -> None:
        """Something changed that operations may wait for."""

    def refused(self, gid: RecordId, site: SiteName, code: int, turn: Turn) -> None:
        """An invited site said no."""


class Replica:
    """A record as this site holds it. Everything it does goes through the Turn it is given."""

    def __init__(
        self, site: Site, sync: RecordSync, name: str, host: ReplicaHost, *, inviter: SiteName | None = None
    ) -> None:
        self.site = site
        self.sync = sync
        self.gid = sync.gid
        self.name = name
        self.phase: ReplicaPhase = "joining"
        self.inviter = inviter
        self.twin_missing = False
        self.recovering = False
        self.twin = Twin(site, sync, name, self)
        self.host = host
        self.succession = Succession(self)
        self.contacts = Contacts(self)
        self.receiving = Receiving(self)
        self.chronicle = Chronicle()
        self._members_changed = True

    @property
    def view(self) -> RecordView:
        return self.sync.record.view

    @property
    def record(self) -> Record:
        return self.sync.record

    @property
    def acting(self) -> bool:
        """Does this site act as owner?"""
        member = self.phase == "member" and not self.recovering
        return member and ownership.acts(self.view, self.site.name, self.site.journal_id)

    @property
    def strict(self) -> bool:
        return ownership.is_strict(self.view)

    @property
    def row(self) -> MemberRow | None:
        return self.view.member(self.site.name)

    # -- beginning ----------------------------------------------------------------------------------------------

    def begin(self, turn: Turn) -> None:
        """Start to watch, to gossip and to want links: at the creation, at a join, and at every boot."""
        self.site.timers.set(("gossip", self.gid), turn.now + self.site.jitter(GOSSIP_S))
        self._members_changed = True
        self.site.timers.set_earlier(("flush", self.gid), turn.now + FLUSH_S)
        self.sync.changes.append(
            Changes(families=("an", "hand", "mb", "own"))
        )  # a crash may have cut their rules short
        if not self.recovering:
            self.twin.start(turn)
        self.succession.watch(turn)

    def recovered(self, turn: Turn) -> None:
        """A member's state is here: what this site's disk had forgotten is known again, so it may write."""
        if self.recovering:
            self.recovering = False
            self.twin.start(turn)
            self.succession.seize_from_itself(turn)
            self.succession.settle(turn)

    def twin_ready(self, turn: Turn) -> None:
        """The namespace is there: an invited site accepts now."""
        if self.phase == "joining":
            self._accept(turn)
        self.succession.settle(turn)
        self.host.poke(self.gid, turn)

    def _accept(self, turn: Turn) -> None:
        row = self.row
        if row is None or row.state not in ("invited", "member"):
            return  # put out meanwhile: the rules of `settle` end it
        self.phase = "member"
        slots = self.record.edit.answer(self.site.name, row.inv, "accepted", journal=self.site.journal_id)
        self.sync.write(slots, turn, beside=entry("member", {}))
        if row.is_member:  # it was one before its disk was lost
            self.succession.seize_from_itself(turn)
        self.host.joined(self, turn)
        self.twin.writes = row.role == "rw"
        self.contacts.greet()

    def twin_refused(self, code: int, why: str, turn: Turn) -> None:
        """It cannot be made here. An invited site says so and forgets the record; a member reports it."""
        if self.phase != "joining":
            self.sync.conditions["TwinRefused"] = why
            self.site.report(turn, "TwinRefused", why, self.gid)
            return
        row = self.row
        if self.inviter is not None and row is not None:
            self.sync.send(self.inviter, Refuse(doc=self.gid, inv=row.inv, code=code), turn)
        self.end(None, turn)

    # -- ending -------------------------------------------------------------------------------------------------

    def twin_lost(self, why: str, turn: Turn) -> None:
        """The namespace is deleted here: this site leaves, the others keep theirs. Nothing is deleted anywhere."""
        self.sync.conditions["TwinMissing"] = why
        self.site.report(turn, "TwinMissing", why, self.gid)
        self.twin_missing = True
        if self.phase == "joining":
            self.end(None, turn)
        else:
            self.leave_missing(turn)

    def leave_missing(self, turn: Turn) -> None:
        """Leave if this site may; an owner first hands over to a ready member, and ends a record it has alone."""
        if not self.acting and not ownership.released_by(self.view, self.site.name):
            self.leave("keep", turn)
        elif self.acting and len(in_rows(self.view)) <= 1:
            self.site.report(turn, "RecordEnded", "the only member's namespace is gone", self.gid)
            self.destroyed(turn, delete=False)
        elif ownership.owner_state(self.view, self.site.name) == "owner":
            self.succession.offer_away(turn)

    def leave(self, policy: ExitPolicy, turn: Turn) -> None:
        """Leave for good, locally and at once; the debt to the others is settled from the marker."""
        hand = self.view.hands().get(self.site.name)
        slots = self.record.edit.hand("idle") if hand is not None and hand.s != "idle" else {}
        row = self.row
        if row is not None:
            slots |= self.record.edit.answer(self.site.name, row.inv, "left", journal=self.site.journal_id)
        self.sync.write(slots, turn)
        marker = Marker(gid=self.gid, name=self.name, destroyed=False)
        marker.an = {row.inv: "left"} if row is not None else {}
        marker.owed = self._addresses(in_rows(self.view))
        if marker.owed:
            marker.last, marker.last_sv = self.record.document.diff(), self.sync.state_vector()
        marker.delete_uid = self.twin.uid if policy == "delete" and not self.twin_missing else ""
        self.end(marker, turn)

    def destroyed(self, turn: Turn, *, delete: bool = True, tell_all: bool = False) -> None:
        """The record is over everywhere. `tell_all`: this site destroyed it and tells everybody; others pass it on to
        their neighbours."""
        owed = in_rows(self.view)
        outs = exits_owed(self.view)
        if not tell_all:
            near = set(self.sync.neighbours) | set(links_of(self.gid, self.view, self.site.name))
            owed = [row for row in owed if row.site in near]
            outs = []
        marker = Marker(gid=self.gid, name=self.name, destroyed=True)
        marker.owed = self._addresses([*owed, *outs])
        marker.out = {SiteName(row.site): (row.stamp, row.exit) for row in outs}
        ours = self.phase == "member" or self.twin.taking == "make"
        marker.delete_uid = self.twin.uid if delete and ours and not self.twin_missing else ""
        self.end(marker, turn)

    def _addresses(self, rows: list[MemberRow]) -> dict[SiteName, str]:
        return {SiteName(row.site): row.address for row in rows if row.site != self.site.name}

    def end(self, marker: Marker | None, turn: Turn) -> None:
        self.phase = "ended"
        self.twin.stop(turn)
        self.contacts.let_go()
        self.site.timers.cancel_all("flush", self.gid)
        for timer in ("gossip", "hand"):
            self.site.timers.cancel((timer, self.gid))
        self.host.ended(self, marker, turn)
        self.sync.record.close()

    # -- rules --------------------------------------------------------------------------------------------------

    def settle(self, turn: Turn) -> None:
        """Run the rules until nothing changes any more. Called at the end of each turn that touched the record."""
        touched = bool(self.sync.changes)
        while self.sync.changes and self.phase != "ended":
            changes, self.sync.changes = self.sync.changes, []
            self._apply_rules(changes, turn)
        if touched and self.phase != "ended":
            self.site.timers.set_earlier(("flush", self.gid), turn.now + RELAY_S)

    def _apply_rules(self, changes: list[Changes], turn: Turn) -> None:
        if self.view.destroyed:
            self.destroyed(turn)
            return
        families = {family for change in changes for family in change.families}
        if families & {"own", "hand", "mb", "an"}:
            self._members_changed = True
            self.succession.settle(turn)
            self._own_row(turn)
        if self.phase == "ended":
            return
        if "policy" in families:
            self.twin.watch_contents(turn)
        for change in changes:
            self.chronicle.note(self.view, change.keys, turn.now)
        self._prune(changes, turn)
        for object_id in sorted({object_id for change in changes for object_id in change.objects}):
            self.twin.reconcile(object_id, turn)

    def _prune(self, changes: list[Changes], turn: Turn) -> None:
        """Take back own slots that the winner had seen: they decide nothing any more."""
        keys = [key for change in changes for key in change.keys if key.startswith("f/")]
        covered = self.view.covered(self.site.name, keys) if keys else []
        if covered and not self.recovering:
            self.sync.write({}, turn, remove=covered)

    def _own_row(self, turn: Turn) -> None:
        """What the record says of this site itself: accept a new invitation in place, or leave."""
        row = self.row
        if row is None or self.phase == "ended":
            return
        if row.state == "out" or (row.state == "left" and self.phase == "member"):
            self._put_out(row, turn)
        elif row.state == "invited" and self.phase == "member" and not self.recovering:
            self._accept_in_place(row, turn)
        elif row.state == "member" and self.phase == "joining" and self.twin.phase == "active":
            self._accept(turn)
        self.twin.writes = row.role == "rw"

    def _put_out(self, row: MemberRow, turn: Turn) -> None:
        if self.phase == "joining":
            self.end(Marker(gid=self.gid, name=self.name, destroyed=False, an={row.inv: "left"}), turn)
            return
        self.site.report(turn, "PutOut", f"this site is no member any more ({row.exit} the twin)", self.gid)
        self.leave("delete" if row.exit == "delete" else "keep", turn)

    def _accept_in_place(self, row: MemberRow, turn: Turn) -> None:
        """A holder that sees a new invitation for itself: as another writer, as at every join (M14)."""
        self.sync.rebuild(self.site.new_writer())
        self.sync.write(
            self.record.edit.answer(self.site.name, row.inv, "accepted", journal=self.site.journal_id), turn
        )
        self.contacts.greet()

    # -- time ---------------------------------------------------------------------------------------------------

    def flush(self, turn: Turn) -> None:
        """The batch is full enough. It goes out first: so an acceptance is known before its site compares notes."""
        self.sync.flush(turn)
        if self._members_changed:
            self._members_changed = False
            self.contacts.relink(turn)
        if self.sync.compact_due():
            self._compact(turn)
        self.host.poke(self.gid, turn)

    def _compact(self, turn: Turn) -> None:
        state = self.sync.compact()
        turn.rewrite(self.sync.journal, (*self.head(), state, *self.twin.entries()))

    def head(self) -> tuple[bytes, ...]:
        """The entries that say what this journal is: the first of it, and whether the site is a member."""
        start = first_entry(self.inviter)
        return (start, entry("member", {})) if self.phase == "member" else (start,)


def first_entry(inviter: SiteName | None) -> bytes:
    """What a record's journal begins with: who invited this site, if anybody did."""
    return entry("record", {"inviter": inviter or ""})
