"""What peers say about one record, message by message: whom to believe, what to merge, and what to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from collab.protocol.markers import Marker
from collab.protocol.membership import answers_exit_with_diff, may_ask, obeys, proves_membership, writes_contents
from collab.protocol.messages import (
    Ack,
    Diff,
    Exit,
    Exited,
    Have,
    Invite,
    Nack,
    NackReason,
    Op,
    Refuse,
    Want,
)
from collab.protocol.names import SiteName
from collab.protocol.sync import NO_CLOCKS
from collab.protocol.turn import Turn
from collab.record.document import Gap, Poisoned
from collab.record.joins import MemberRow
from collab.record.record import LamportLeap
from collab.record.slots import BadSlot
from collab.record.updates import BadUpdate

if TYPE_CHECKING:
    from collab.protocol.replica import Replica

RecordMessage = Invite | Refuse | Have | Want | Diff | Op | Ack | Nack | Exit | Exited


class Receiving:
    """The ear of the replica it belongs to."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    def receive(self, peer: SiteName, message: RecordMessage, turn: Turn) -> None:
        """One message about this record from an established peer."""
        row = self._replica.view.member(peer)
        match message:
            case Op() | Diff():
                self._take_update(peer, row, message, turn)
            case Have():
                if row is not None and row.is_member:
                    self._replica.sync.on_have(peer, message, turn)
                else:
                    self._replica.contacts.meet_stranger(peer, row, turn)
            case Want():
                self._on_want(peer, row, message, turn)
            case Ack():
                self._replica.sync.on_ack(peer, message, turn)
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
            self._replica.sync.on_want(peer, message, turn)
        elif row is None or row.state == "refused":
            self._replica.sync.nack(peer, "no", turn)
        elif row.state == "invited":
            self._replica.contacts.told.pop(peer, None)
            self._replica.contacts.tell_owed(peer, turn)
        else:
            self._replica.contacts.tell_exit(peer, row, turn)

    def _on_nack(self, peer: SiteName, row: MemberRow | None, message: Nack, turn: Turn) -> None:
        if row is not None and row.is_member and message.reason == "gap":
            self._replica.sync.on_gap(peer, turn)

    def _take_update(self, peer: SiteName, row: MemberRow | None, message: Op | Diff, turn: Turn) -> None:
        """A member's update as it comes, but no contents of an ro member's own; anybody else's only if, with it, the
        sender is a member."""
        updates = message.upd if isinstance(message, Op) else (message.upd,)
        if row is not None and row.is_member:
            if row.role == "ro" and any(writes_contents(update, peer) for update in updates):
                self._replica.sync.nack(peer, "auth", turn)
                return
        elif not self._staged(peer, row, updates, turn):
            return
        reason = self._merge(peer, message, turn)
        if reason is not None:
            self._replica.sync.nack(peer, reason, turn)
        elif isinstance(message, Diff):
            self._replica.recovered(turn)

    def _merge(self, peer: SiteName, message: Op | Diff, turn: Turn) -> NackReason | None:
        if isinstance(message, Diff):
            return self._replica.sync.on_diff(peer, message, turn)
        return self._replica.sync.on_op(peer, message, turn)

    def _staged(self, peer: SiteName, row: MemberRow | None, updates: tuple[bytes, ...], turn: Turn) -> bool:
        if updates and proves_membership(updates[0], row):
            return True  # what follows in the batch is a member's
        try:
            # an OP after the first unknown one would need the whole chain: the DIFF that follows brings it
            staged = self._replica.record.staged(updates[0]) if len(updates) == 1 else None
        except Gap:
            self._replica.sync.want(peer, turn)
            return False
        except (BadUpdate, BadSlot, LamportLeap, Poisoned) as error:
            self._replica.site.report(turn, "Quarantined", str(error), self._replica.gid, peer)
            self._replica.sync.nack(peer, "schema", turn)
            return False
        if staged is None:
            self._replica.sync.want(peer, turn)
            return False
        if staged.is_member(peer):
            return True
        self._refuse_update(peer, row, turn)
        return False

    def _refuse_update(self, peer: SiteName, row: MemberRow | None, turn: Turn) -> None:
        if row is not None and row.state in ("out", "left"):
            self._replica.contacts.tell_exit(peer, row, turn)
        else:
            self._replica.sync.nack(peer, "auth", turn)

    def _on_exit(self, peer: SiteName, message: Exit, turn: Turn) -> None:
        if not obeys(self._replica.view, self._replica.site.name, message, peer):
            if answers_exit_with_diff(self._replica.view, self._replica.site.name, peer):
                self._replica.sync.send_diff(peer, NO_CLOCKS, turn)
        elif message.mode == "destroyed":
            self._replica.destroyed(turn)
        elif self._replica.phase == "joining":
            self._put_out_by_message(peer, turn)
        else:
            self._replica.site.report(
                turn, "PutOut", f"told by {peer} ({message.policy} the twin)", self._replica.gid, peer
            )
            self._replica.leave(message.policy, turn)

    def _put_out_by_message(self, peer: SiteName, turn: Turn) -> None:
        """The invitation was taken back before it was accepted."""
        row = self._replica.row
        marker = Marker(gid=self._replica.gid, name=self._replica.name, destroyed=False)
        marker.an = {row.inv: "left"} if row is not None else {}
        marker.delete_uid = self._replica.twin.uid if self._replica.twin.taking == "make" else ""
        self._replica.sync.send(peer, marker.exited(), turn)
        self._replica.end(marker, turn)

    def _on_exited(self, peer: SiteName, message: Exited, turn: Turn) -> None:
        """A leaver's last words: what nobody may have had yet is merged, then it is known to have left."""
        row = self._replica.view.member(peer)
        if row is None:
            self._replica.sync.nack(peer, "no", turn)
            return
        if message.diff:
            self._replica.sync.merge(message.diff, peer, turn)
        slots: dict[str, str] = {}
        row = self._replica.view.member(peer) or row
        answer = self._replica.view.answer(peer, row.inv)
        known = {row.inv} | {inv for inv in message.an if self._replica.view.answer(peer, inv) is not None}
        told = [inv for inv, state in sorted(message.an.items()) if state == "left" and inv in known]
        if row.inv not in told and row.state == "out" and (answer is None or not message.an):
            told.append(row.inv)  # it holds nothing of the record, by whatever invitation
        for inv in told:
            slots |= self._replica.record.edit.answer(peer, inv, "left")
        self._replica.sync.write(slots, turn)
        self._replica.sync.send(peer, Ack(doc=self._replica.gid, sv=self._replica.sync.state_vector()), turn)

    def _on_invite(self, peer: SiteName, message: Invite, turn: Turn) -> None:
        """An invitation for a record that is here already: put out and invited again, or our answer was lost."""
        if self._replica.phase == "joining":
            return
        if self._replica.view.answer(self._replica.site.name, message.inv) is not None:
            self._replica.sync.send_diff(peer, NO_CLOCKS, turn)
        else:
            self._replica.sync.send(
                peer, Want(doc=self._replica.gid, sv=self._replica.sync.state_vector(), inv=message.inv), turn
            )

    def _on_refuse(self, peer: SiteName, row: MemberRow | None, message: Refuse, turn: Turn) -> None:
        if self._replica.acting and row is not None and row.state == "invited" and row.inv == message.inv:
            slots = self._replica.record.edit.membership(
                peer, inv=row.inv, state="refused", role="ro" if row.role == "ro" else "rw", address=row.address
            )
            self._replica.host.refused(self._replica.gid, peer, message.code, turn)
            self._replica.sync.write(slots, turn)
