"""Becoming a member: invitations on their way to a document, and documents that were lost with the disk.

Nothing of this is durable: whoever invited asks again until it has an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from collab.protocol.facts import CallFinished
from collab.protocol.messages import Diff, Exit, Exited, Have, Invite, Message, Nack, Op, Refuse, Want
from collab.protocol.names import NAMESPACES, RecordId, SiteName, check_resource, object_path
from collab.protocol.receiving import RecordMessage
from collab.protocol.replica import Replica
from collab.protocol.site import Site
from collab.protocol.sync import NO_CLOCKS, RecordSync
from collab.protocol.turn import Turn
from collab.protocol.twin import Taking, is_terminating
from collab.record.slots import Policy

FORGET_S = 30.0
MAX_JOINS = 1000


@dataclass(slots=True)
class Join:
    """One record that may become ours. `inv` "": not invited, but a peer counts us a member (a lost disk).

    `asked`: the collision check is done and WANT was sent.
    """

    peer: SiteName
    inv: str
    asked: bool = False


class JoiningHost(Protocol):
    """What joining needs of the site's core."""

    site: Site

    def by_name(self, name: str) -> Replica | None: ...

    def open(self, gid: RecordId, inviter: SiteName | None, turn: Turn) -> RecordSync: ...

    def hold(self, sync: RecordSync, name: str, inviter: SiteName) -> Replica: ...

    def add(self, replica: Replica, turn: Turn) -> None: ...


class Joining:
    """All joins under way at one site."""

    def __init__(self, host: JoiningHost) -> None:
        self._host = host
        self._joins: dict[RecordId, Join] = {}

    def awaits(self, gid: RecordId) -> bool:
        """Has this site asked for the document?"""
        join = self._joins.get(gid)
        return join is not None and join.asked

    def taking(self, policy: Policy | None) -> Taking:
        """What the record's policy says of a namespace that is there already."""
        match policy.collision if policy else "refuse":
            case "adopt":
                return "adopt"
            case "adopt-if-identical":
                return "adopt-if-identical"
            case _:
                return "make"

    def receive(self, peer: SiteName, message: RecordMessage, turn: Turn) -> None:
        """A frame about a record that is neither held nor marked here."""
        match message:
            case Invite():
                self._on_invite(peer, message, turn)
            case Have() | Op():
                self._recover(peer, message.doc, turn)
            case Diff():
                self._on_diff(peer, message, turn)
            case Want():
                self._send(peer, Nack(doc=message.doc, reason="no"), turn)
            case Exit():
                self._joins.pop(message.doc, None)
                self._send(peer, Exited(doc=message.doc, an={}), turn)
            case Exited():
                self._send(peer, Nack(doc=message.doc, reason="no"), turn)
            case Nack():
                self._joins.pop(message.doc, None)
            case _:
                return  # ACK and REFUSE about nothing we have

    def due(self, gid: RecordId, turn: Turn) -> None:
        """Nothing came of a join: forget it."""
        self._joins.pop(gid, None)

    # -- invitations --------------------------------------------------------------------------------------------

    def _on_invite(self, peer: SiteName, invite: Invite, turn: Turn) -> None:
        """The allow-list and the collision check come before any byte of the contents is asked for."""
        join = self._joins.get(invite.doc)
        if join is not None and (join.peer, join.inv) == (peer, invite.inv):
            if join.asked:  # the inviter asks again: what was sent on an earlier link is lost
                self._want(peer, invite, turn)
            return
        resource = f"{invite.root.kind}/{invite.root.name}"
        if not self._host.site.allows(peer) or check_resource(resource):
            self._refuse(peer, invite, 403, turn)
        elif self._host.by_name(invite.root.name) is not None:
            self._refuse(peer, invite, 409, turn)  # the twin of another record is never taken
        elif self._begin(invite.doc, Join(peer=peer, inv=invite.inv), turn):
            path = object_path(NAMESPACES, "", invite.root.name)
            self._host.site.read(path, turn, lambda fact, later: self._looked(peer, invite, fact, later))

    def _begin(self, gid: RecordId, join: Join, turn: Turn) -> bool:
        if gid not in self._joins and len(self._joins) >= MAX_JOINS:
            return False
        self._joins[gid] = join
        self._host.site.timers.set(("join", gid), turn.now + FORGET_S)
        return True

    def _looked(self, peer: SiteName, invite: Invite, fact: CallFinished, turn: Turn) -> None:
        """The local namespace of that name: none, or one that the policy lets us adopt."""
        join = self._joins.get(invite.doc)
        if join is None or join.inv != invite.inv:
            return
        free = fact.outcome == "refused" and fact.code == 404
        if not free and (fact.outcome != "ok" or is_terminating(fact.object)):
            self._joins.pop(invite.doc)  # no answer yet, or an old one on its way out: the next INVITE asks again
        elif not free and self.taking(invite.policy) == "make":
            self._joins.pop(invite.doc)
            self._refuse(peer, invite, 409, turn)
        else:
            join.asked = True
            self._want(peer, invite, turn)

    def _want(self, peer: SiteName, invite: Invite, turn: Turn) -> None:
        self._send(peer, Want(doc=invite.doc, sv=NO_CLOCKS, inv=invite.inv), turn)

    def _refuse(self, peer: SiteName, invite: Invite, code: int, turn: Turn) -> None:
        self._send(peer, Refuse(doc=invite.doc, inv=invite.inv, code=code), turn)

    # -- documents ----------------------------------------------------------------------------------------------

    def _recover(self, peer: SiteName, gid: RecordId, turn: Turn) -> None:
        """A peer counts us a member of a record that is not here: lost with a disk. Nothing is written to it before
        its first DIFF, and then as a new writer."""
        if not self._host.site.allows(peer):
            self._send(peer, Nack(doc=gid, reason="no"), turn)
        elif gid not in self._joins and self._begin(gid, Join(peer=peer, inv="", asked=True), turn):
            self._send(peer, Want(doc=gid, sv=NO_CLOCKS), turn)

    def _on_diff(self, peer: SiteName, message: Diff, turn: Turn) -> None:
        join = self._joins.get(message.doc)
        if join is None:
            self._recover(peer, message.doc, turn)
            return
        if not join.asked or join.peer != peer:
            return
        del self._joins[message.doc]
        self._host.site.timers.cancel(("join", message.doc))
        self._open(peer, join, message, turn)

    def _open(self, peer: SiteName, join: Join, message: Diff, turn: Turn) -> None:
        """The document is here: keep it only if it says that this site is invited, or a member."""
        sync = self._host.open(message.doc, peer, turn)
        reason = sync.on_diff(peer, message, turn)
        root = sync.record.view.root
        if reason is not None or root is None or not self._welcome(sync, join) or self._host.by_name(root.name):
            sync.record.close()
            turn.drop(sync.journal)
            return
        sync.hush()
        replica = self._host.hold(sync, root.name, peer)
        row = replica.row
        recovering = row is not None and row.is_member
        replica.twin.taking = "adopt" if recovering else self.taking(replica.view.policy)
        self._host.add(replica, turn)

    def _welcome(self, sync: RecordSync, join: Join) -> bool:
        row = sync.record.view.member(self._host.site.name)
        return row is not None and (row.is_member or (row.state == "invited" and row.inv == join.inv))

    def _send(self, peer: SiteName, message: Message, turn: Turn) -> None:
        self._host.site.links.send(peer, message, turn)
