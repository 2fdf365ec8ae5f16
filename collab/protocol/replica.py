"""One record at one site: its replication, its twin, and the rules that run after each change.

Joining (the document is here, the twin is being made), then member, until it ends in a marker: left or destroyed.
"""

from __future__ import annotations

from typing import Literal, Protocol, assert_never

from collab.protocol import ownership
from collab.protocol.entries import entry
from collab.protocol.markers import Marker
from collab.protocol.membership import (
    answers_exit_with_diff,
    exits_owed,
    has_left,
    in_rows,
    invitations,
    links_of,
    may_ask,
    obeys,
    proves_membership,
    writes_contents,
)
from collab.protocol.messages import (
    Ack,
    Diff,
    Exit,
    Exited,
    Have,
    Invite,
    Nack,
    NackReason,
    Offer,
    Op,
    Refuse,
    Want,
)
from collab.protocol.names import RecordId, SiteName
from collab.protocol.ownership import OFFER_S, READY_S, Move, Standing
from collab.protocol.site import Site
from collab.protocol.sync import FLUSH_S, GOSSIP_LINK_S, GOSSIP_S, NO_CLOCKS, RELAY_S, RecordSync
from collab.protocol.turn import Turn
from collab.protocol.twin import Twin
from collab.record.document import Gap, Poisoned
from collab.record.joins import MemberRow
from collab.record.overlay import MESH_LIMIT
from collab.record.record import LamportLeap, Record
from collab.record.slots import BadSlot
from collab.record.updates import BadUpdate
from collab.record.view import Changes, RecordView

ReplicaPhase = Literal["joining", "member", "ended"]
ExitPolicy = Literal["keep", "delete"]

RecordMessage = Invite | Refuse | Have | Want | Diff | Op | Ack | Nack | Exit | Exited


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
        self._host = host
        self._wants: dict[SiteName, None] = {}
        self._told: dict[SiteName, str] = {}  # on this link: the invitation or exit that a site was sent
        self._members_changed = True
        self._offered_at: float | None = None
        self._ready_at: float | None = None

    @property
    def view(self) -> RecordView:
        return self.sync.record.view

    @property
    def record(self) -> Record:
        return self.sync.record

    @property
    def acting(self) -> bool:
        """Does this site act as owner?"""
        return self.phase == "member" and not self.recovering and ownership.acts(self.view, self.site.name)

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
        self._watch_hand(turn)

    def recovered(self, turn: Turn) -> None:
        """A member's state is here: what this site's disk had forgotten is known again, so it may write."""
        if self.recovering:
            self.recovering = False
            self.twin.start(turn)
            self._seize_from_itself(turn)
            self._ownership(turn)

    def _seize_from_itself(self, turn: Turn) -> None:
        """An owner that lost what it wrote may have written more than anybody here knows: only a higher claim outweighs
        that (M13)."""
        if ownership.acts(self.view, self.site.name):
            self.seize(turn)

    def twin_ready(self, turn: Turn) -> None:
        """The namespace is there: an invited site accepts now."""
        if self.phase == "joining":
            self._accept(turn)
        self._ownership(turn)
        self._host.poke(self.gid, turn)

    def _accept(self, turn: Turn) -> None:
        row = self.row
        if row is None or row.state not in ("invited", "member"):
            return  # put out meanwhile: the rules of `settle` end it
        self.phase = "member"
        slots = self.record.edit.answer(self.site.name, row.inv, "accepted", journal=self.site.journal_id)
        self.sync.write(slots, turn, beside=entry("member", {}))
        if row.is_member:  # it was one before its disk was lost
            self._seize_from_itself(turn)
        self._host.joined(self, turn)
        self.twin.writes = row.role == "rw"
        self._greet()

    def twin_refused(self, code: int, why: str, turn: Turn) -> None:
        """It cannot be made here. An invited site says so and forgets the record; a member reports it."""
        if self.phase != "joining":
            self.sync.conditions["TwinRefused"] = why
            self.site.report(turn, "TwinRefused", why, self.gid)
            return
        row = self.row
        if self.inviter is not None and row is not None:
            self.sync.send(self.inviter, Refuse(doc=self.gid, inv=row.inv, code=code), turn)
        self._end(None, turn)

    # -- ending -------------------------------------------------------------------------------------------------

    def twin_lost(self, why: str, turn: Turn) -> None:
        """The namespace is deleted here: this site leaves, the others keep theirs. Nothing is deleted anywhere."""
        self.sync.conditions["TwinMissing"] = why
        self.site.report(turn, "TwinMissing", why, self.gid)
        self.twin_missing = True
        if self.phase == "joining":
            self._end(None, turn)
        else:
            self._leave_missing(turn)

    def _leave_missing(self, turn: Turn) -> None:
        """Leave if this site may; an owner first hands over to a ready member, and ends a record it has alone."""
        if not self.acting and not ownership.released_by(self.view, self.site.name):
            self.leave("keep", turn)
        elif self.acting and len(in_rows(self.view)) <= 1:
            self.site.report(turn, "RecordEnded", "the only member's namespace is gone", self.gid)
            self.destroyed(turn, delete=False)
        elif ownership.owner_state(self.view, self.site.name) == "owner":
            self._offer_away(turn)

    def _offer_away(self, turn: Turn) -> None:
        others = [
            row for row in in_rows(self.view) if row.is_member and row.role == "rw" and row.site != self.site.name
        ]
        live = [row for row in others if self.site.links.connected(SiteName(row.site))]
        if others:
            self._move(ownership.offer(self.record, SiteName(self.site.rng.choice(live or others).site)), turn)

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
        self._end(marker, turn)

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
        self._end(marker, turn)

    def _addresses(self, rows: list[MemberRow]) -> dict[SiteName, str]:
        return {SiteName(row.site): row.address for row in rows if row.site != self.site.name}

    def _end(self, marker: Marker | None, turn: Turn) -> None:
        self.phase = "ended"
        self.twin.stop(turn)
        for peer in self._wants:
            self.site.links.unwant(peer)
        self._wants.clear()
        self.site.timers.cancel_all("flush", self.gid)
        for timer in ("gossip", "hand"):
            self.site.timers.cancel((timer, self.gid))
        self._host.ended(self, marker, turn)
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
            self._ownership(turn)
            self._own_row(turn)
        if self.phase == "ended":
            return
        if "policy" in families:
            self.twin.watch_contents(turn)
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
            self._end(Marker(gid=self.gid, name=self.name, destroyed=False, an={row.inv: "left"}), turn)
            return
        self.site.report(turn, "PutOut", f"this site is no member any more ({row.exit} the twin)", self.gid)
        self.leave("delete" if row.exit == "delete" else "keep", turn)

    def _accept_in_place(self, row: MemberRow, turn: Turn) -> None:
        """A holder that sees a new invitation for itself: as another writer, as at every join (M14)."""
        self.sync.rebuild(self.site.new_writer())
        self.sync.write(
            self.record.edit.answer(self.site.name, row.inv, "accepted", journal=self.site.journal_id), turn
        )
        self._greet()

    def _greet(self) -> None:
        """The members we know of take our acceptance as it is, whatever else we or they may lack."""
        self.sync.neighbours = links_of(self.gid, self.view, self.site.name)
        for peer in (self.inviter, *self.sync.neighbours):
            if peer is not None and self.view.is_member(peer) and self.site.links.connected(peer):
                self.sync.greet(peer)

    # -- ownership ----------------------------------------------------------------------------------------------

    def _ownership(self, turn: Turn) -> None:
        if self.phase != "member" or self.recovering:
            return
        move = ownership.next_move(self.record, self._standing(turn.now))
        if move is not None:
            self._move(move, turn)
        elif self.twin_missing:
            self._leave_missing(turn)
        self._watch_hand(turn)

    def _standing(self, now: float) -> Standing:
        return Standing(
            site=self.site.name,
            journal=self.site.journal_id,
            twin_active=self.twin.phase == "active",
            offer_expired=self._offered_at is not None and now >= self._offered_at + OFFER_S,
            ready_expired=self._ready_at is not None and now >= self._ready_at + READY_S,
        )

    def _watch_hand(self, turn: Turn) -> None:
        """Keep the time of an own offer or ready, so that it ends if nothing comes of it."""
        if self.phase == "ended":
            return
        state = ownership.owner_state(self.view, self.site.name)
        self._offered_at = (self._offered_at or turn.now) if state == "offering" else None
        self._ready_at = (self._ready_at or turn.now) if state == "ready" else None
        if self._offered_at is not None:
            self.site.timers.set(("hand", self.gid), self._offered_at + OFFER_S)
        elif self._ready_at is not None:
            self.site.timers.set(("hand", self.gid), self._ready_at + READY_S)
        else:
            self.site.timers.cancel(("hand", self.gid))

    def hand_due(self, turn: Turn) -> None:
        """A hand-over may have run out of time."""
        self._ownership(turn)

    def _move(self, move: Move, turn: Turn) -> None:
        if self.sync.write(move.slots, turn):
            self.site.report(turn, "Ownership", f"{move.name}: {_claim_text(self.view)}", self.gid)

    def offer(self, to: SiteName, turn: Turn) -> None:
        """Begin a hand-over."""
        self._move(ownership.offer(self.record, to), turn)

    def seize(self, turn: Turn) -> None:
        """Become the owner by force (mode ap)."""
        self._move(ownership.seize(self.record, self.site.name, self.site.journal_id), turn)

    # -- the link -----------------------------------------------------------------------------------------------

    def offer_for(self, peer: SiteName) -> Offer | None:
        """What HELLO to a peer says of this record: only members (and our inviter) hear of it."""
        return self.sync.offer() if self.view.is_member(peer) else None

    def link_up(self, peer: SiteName, offer: Offer | None, turn: Turn) -> None:
        """A peer said HELLO: compare if it is a member, else tell it what it is owed."""
        self._told.pop(peer, None)
        row = self.view.member(peer)
        if row is not None and row.is_member:
            if offer is not None:
                self.sync.compare(peer, offer, turn)
                if self.sync.flows[peer].live and offer.digest == self.record.document.digest():
                    self.recovered(turn)
            else:
                self.sync.link_up(peer)
        elif offer is not None:
            self._meet_stranger(peer, row, turn)
        self.tell_owed(peer, turn)

    def link_down(self, peer: SiteName) -> None:
        self.sync.link_down(peer)
        self._told.pop(peer, None)

    def _meet_stranger(self, peer: SiteName, row: MemberRow | None, turn: Turn) -> None:
        """Somebody holds the record who is no member in our view. What it has may show that it is one."""
        if row is None or row.state in ("invited", "refused"):
            self.sync.want(peer, turn)
        else:
            self._tell_exit(peer, row, turn)

    def tell_owed(self, peer: SiteName, turn: Turn) -> None:
        """The invitation or the EXIT that this peer is waiting for, once per link and again at each gossip."""
        row = self.view.member(peer)
        if row is None or not self.site.links.connected(peer):
            return
        if row.state == "invited" and self.acting:
            self._tell_invite(peer, row, turn)
        elif row.state == "out" and not has_left(self.view, row):
            self._tell_exit(peer, row, turn)

    def _tell_exit(self, peer: SiteName, row: MemberRow, turn: Turn) -> None:
        policy: ExitPolicy = "delete" if row.exit == "delete" else "keep"
        self._told[peer] = row.inv
        self.sync.send(peer, Exit(doc=self.gid, stamp=row.stamp, mode="exit", policy=policy), turn)

    def _tell_invite(self, peer: SiteName, row: MemberRow, turn: Turn) -> None:
        root, policy = self.view.root, self.view.policy
        if root is None or policy is None or self._told.get(peer) == row.inv:
            return
        self._told[peer] = row.inv
        invite = Invite(
            doc=self.gid,
            inv=row.inv,
            root=root,
            policy=policy,
            owner=self.site.name,
            addresses={self.site.name: self.site.address},
            role=row.role,
        )
        self.sync.send(peer, invite, turn)

    # -- messages -----------------------------------------------------------------------------------------------

    def receive(self, peer: SiteName, message: RecordMessage, turn: Turn) -> None:
        """One message about this record from an established peer."""
        row = self.view.member(peer)
        match message:
            case Op() | Diff():
                self._take_update(peer, row, message, turn)
            case Have():
                if row is not None and row.is_member:
                    self.sync.on_have(peer, message, turn)
                else:
                    self._meet_stranger(peer, row, turn)
            case Want():
                self._on_want(peer, row, message, turn)
            case Ack():
                self.sync.on_ack(peer, message, turn)
            case Nack():
                self._on_nack(peer, row, message, turn)
            case Exit():
                self._on_exit(peer, message, turn)
            case Exited():
                self._on_exited(peer, message, turn)
            case Invite():
                self._on_invite(peer, message, turn)
            case Refuse():
                self._on_refuse(peer, row, message, turn)
            case _:
                assert_never(message)

    def _on_want(self, peer: SiteName, row: MemberRow | None, message: Want, turn: Turn) -> None:
        if may_ask(row, message.inv):
            self.sync.on_want(peer, message, turn)
        elif row is None or row.state == "refused":
            self.sync.nack(peer, "no", turn)
        elif row.state == "invited":
            self._told.pop(peer, None)
            self.tell_owed(peer, turn)
        else:
            self._tell_exit(peer, row, turn)

    def _on_nack(self, peer: SiteName, row: MemberRow | None, message: Nack, turn: Turn) -> None:
        if row is not None and row.is_member and message.reason == "gap":
            self.sync.on_gap(peer, turn)

    def _take_update(self, peer: SiteName, row: MemberRow | None, message: Op | Diff, turn: Turn) -> None:
        """A member's update as it comes, but no contents of an ro member's own; anybody else's only if, with it, the
        sender is a member."""
        updates = message.upd if isinstance(message, Op) else (message.upd,)
        if row is not None and row.is_member:
            if row.role == "ro" and any(writes_contents(update, peer) for update in updates):
                self.sync.nack(peer, "auth", turn)
                return
        elif not self._staged(peer, row, updates, turn):
            return
        reason = self._merge(peer, message, turn)
        if reason is not None:
            self.sync.nack(peer, reason, turn)
        elif isinstance(message, Diff):
            self.recovered(turn)

    def _merge(self, peer: SiteName, message: Op | Diff, turn: Turn) -> NackReason | None:
        if isinstance(message, Diff):
            return self.sync.on_diff(peer, message, turn)
        return self.sync.on_op(peer, message, turn)

    def _staged(self, peer: SiteName, row: MemberRow | None, updates: tuple[bytes, ...], turn: Turn) -> bool:
        if updates and proves_membership(updates[0], row):
            return True  # what follows in the batch is a member's
        try:
            # an OP after the first unknown one would need the whole chain: the DIFF that follows brings it
            staged = self.record.staged(updates[0]) if len(updates) == 1 else None
        except Gap:
            self.sync.want(peer, turn)
            return False
        except (BadUpdate, BadSlot, LamportLeap, Poisoned) as error:
            self.site.report(turn, "Quarantined", str(error), self.gid, peer)
            self.sync.nack(peer, "schema", turn)
            return False
        if staged is None:
            self.sync.want(peer, turn)
            return False
        if staged.is_member(peer):
            return True
        self._refuse_update(peer, row, turn)
        return False

    def _refuse_update(self, peer: SiteName, row: MemberRow | None, turn: Turn) -> None:
        if row is not None and row.state in ("out", "left"):
            self._tell_exit(peer, row, turn)
        else:
            self.sync.nack(peer, "auth", turn)

    def _on_exit(self, peer: SiteName, message: Exit, turn: Turn) -> None:
        if not obeys(self.view, self.site.name, message, peer):
            if answers_exit_with_diff(self.view, self.site.name, peer):
                self.sync.send_diff(peer, NO_CLOCKS, turn)
        elif message.mode == "destroyed":
            self.destroyed(turn)
        elif self.phase == "joining":
            self._put_out_by_message(peer, turn)
        else:
            self.site.report(turn, "PutOut", f"told by {peer} ({message.policy} the twin)", self.gid, peer)
            self.leave(message.policy, turn)

    def _put_out_by_message(self, peer: SiteName, turn: Turn) -> None:
        """The invitation was taken back before it was accepted."""
        row = self.row
        marker = Marker(gid=self.gid, name=self.name, destroyed=False)
        marker.an = {row.inv: "left"} if row is not None else {}
        marker.delete_uid = self.twin.uid if self.twin.taking == "make" else ""
        self.sync.send(peer, marker.exited(), turn)
        self._end(marker, turn)

    def _on_exited(self, peer: SiteName, message: Exited, turn: Turn) -> None:
        """A leaver's last words: what nobody may have had yet is merged, then it is known to have left."""
        row = self.view.member(peer)
        if row is None:
            self.sync.nack(peer, "no", turn)
            return
        if message.diff:
            self.sync.merge(message.diff, peer, turn)
        slots: dict[str, str] = {}
        row = self.view.member(peer) or row
        answer = self.view.answer(peer, row.inv)
        known = {row.inv} | {inv for inv in message.an if self.view.answer(peer, inv) is not None}
        told = [inv for inv, state in sorted(message.an.items()) if state == "left" and inv in known]
        if row.inv not in told and row.state == "out" and (answer is None or not message.an):
            told.append(row.inv)  # it holds nothing of the record, by whatever invitation
        for inv in told:
            slots |= self.record.edit.answer(peer, inv, "left")
        self.sync.write(slots, turn)
        self.sync.send(peer, Ack(doc=self.gid, sv=self.sync.state_vector()), turn)

    def _on_invite(self, peer: SiteName, message: Invite, turn: Turn) -> None:
        """An invitation for a record that is here already: put out and invited again, or our answer was lost."""
        if self.phase == "joining":
            return
        if self.view.answer(self.site.name, message.inv) is not None:
            self.sync.send_diff(peer, NO_CLOCKS, turn)
        else:
            self.sync.send(peer, Want(doc=self.gid, sv=self.sync.state_vector(), inv=message.inv), turn)

    def _on_refuse(self, peer: SiteName, row: MemberRow | None, message: Refuse, turn: Turn) -> None:
        if self.acting and row is not None and row.state == "invited" and row.inv == message.inv:
            slots = self.record.edit.membership(
                peer, inv=row.inv, state="refused", role="ro" if row.role == "ro" else "rw", address=row.address
            )
            self._host.refused(self.gid, peer, message.code, turn)
            self.sync.write(slots, turn)

    # -- time ---------------------------------------------------------------------------------------------------

    def flush(self, turn: Turn) -> None:
        """The batch is full enough. It goes out first: so an acceptance is known before its site compares notes."""
        self.sync.flush(turn)
        if self._members_changed:
            self._members_changed = False
            self._relink(turn)
        if self.sync.compact_due():
            self._compact(turn)
        self._host.poke(self.gid, turn)

    def _relink(self, turn: Turn) -> None:
        """Neighbours and debts may be others now: want their links, start flows with new members, tell who is owed."""
        self.sync.neighbours = links_of(self.gid, self.view, self.site.name)
        owed = [*invitations(self.view), *exits_owed(self.view)] if self.acting else []
        wants = dict.fromkeys([*self.sync.neighbours, *(SiteName(row.site) for row in owed)])
        if self.inviter is not None and self.phase == "joining":
            wants[self.inviter] = None
        for peer in wants:
            if peer not in self._wants and peer != self.site.name:
                row = self.view.member(peer)
                self.site.links.want(peer, row.address if row else "", turn.now)
        for peer in self._wants:
            if peer not in wants:
                self.site.links.unwant(peer)
        wants.pop(self.site.name, None)
        self._wants = wants
        self._start_flows(turn)
        for row in owed:
            self.tell_owed(SiteName(row.site), turn)

    def _start_flows(self, turn: Turn) -> None:
        """Members that were none when their link came up. In a mesh both compare; in a large record, where hundreds may
        join at once, OPs just begin to flow: whoever invited a site has sent it everything, gossip finds the rest."""
        large = len(in_rows(self.view)) > MESH_LIMIT
        for peer in self.sync.neighbours:
            flow = self.sync.flows.get(peer)
            if (flow is None or not flow.live) and self.site.links.connected(peer) and self.view.is_member(peer):
                flow = flow or self.sync.link_up(peer)
                if large:
                    flow.live = True
                else:
                    self.sync.have(peer, turn)

    def _compact(self, turn: Turn) -> None:
        state = self.sync.compact()
        turn.rewrite(self.sync.journal, (*self.head(), state, *self.twin.entries()))

    def head(self) -> tuple[bytes, ...]:
        """The entries that say what this journal is: the first of it, and whether the site is a member."""
        start = first_entry(self.inviter)
        return (start, entry("member", {})) if self.phase == "member" else (start,)

    def gossip(self, turn: Turn) -> None:
        """Anti-entropy: HAVE to one random neighbour and to one random member, dialled if need be; old debts again."""
        self.site.timers.set(("gossip", self.gid), turn.now + self.site.jitter(GOSSIP_S))
        rng = self.site.rng
        near = [peer for peer in self.sync.neighbours if self.site.links.connected(peer) and self.view.is_member(peer)]
        if near:
            self.sync.have(rng.choice(near), turn)
        members = [SiteName(row.site) for row in in_rows(self.view) if row.is_member and row.site != self.site.name]
        if members:
            self._gossip_with(rng.choice(members), turn)
        self._told.clear()
        for row in [*invitations(self.view), *exits_owed(self.view)]:
            self.tell_owed(SiteName(row.site), turn)
        self._ownership(turn)

    def _gossip_with(self, peer: SiteName, turn: Turn) -> None:
        if self.site.links.connected(peer):
            self.sync.have(peer, turn)
        else:
            row = self.view.member(peer)
            address = row.address if row else ""
            self.site.links.want_until(peer, address, turn.now, turn.now + GOSSIP_LINK_S)


def first_entry(inviter: SiteName | None) -> bytes:
    """What a record's journal begins with: who invited this site, if anybody did."""
    return entry("record", {"inviter": inviter or ""})


def _claim_text(view: RecordView) -> str:
    claim = view.claim
    return f"({claim.e}, {claim.rk}, {claim.o})" if claim else "no claim"
