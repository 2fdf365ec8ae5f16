"""Whom one record of this site talks to: neighbours of the overlay, members to compare notes with, and those that are owed
an invitation or an EXIT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from collab.protocol.membership import exits_owed, has_left, in_rows, invitations, links_of
from collab.protocol.messages import Exit, Invite, Offer
from collab.protocol.names import SiteName
from collab.protocol.sync import GOSSIP_LINK_S, GOSSIP_S
from collab.protocol.turn import Turn
from collab.record.joins import MemberRow
from collab.record.overlay import MESH_LIMIT

if TYPE_CHECKING:
    from collab.protocol.replica import Replica

ExitPolicy = Literal["keep", "delete"]


class Contacts:
    """The peers of the replica it belongs to. `told`: on this link, the invitation or exit that a site was sent."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._wants: dict[SiteName, None] = {}
        self.told: dict[SiteName, str] = {}

    def offer_for(self, peer: SiteName) -> Offer | None:
        """What HELLO to a peer says of this record: only members (and our inviter) hear of it."""
        return self._replica.sync.offer() if self._replica.view.is_member(peer) else None

    def link_up(self, peer: SiteName, offer: Offer | None, turn: Turn) -> None:
        """A peer said HELLO: compare if it is a member, else tell it what it is owed."""
        self.told.pop(peer, None)
        row = self._replica.view.member(peer)
        if row is not None and row.is_member:
            if offer is not None:
                self._replica.sync.compare(peer, offer, turn)
                if self._replica.sync.flows[peer].live and offer.digest == self._replica.record.document.digest():
                    self._replica.recovered(turn)
            else:
                self._replica.sync.link_up(peer)
        elif offer is not None:
            self.meet_stranger(peer, row, turn)
        self.tell_owed(peer, turn)

    def link_down(self, peer: SiteName) -> None:
        self._replica.sync.link_down(peer)
        self.told.pop(peer, None)

    def meet_stranger(self, peer: SiteName, row: MemberRow | None, turn: Turn) -> None:
        """Somebody holds the record who is no member in our view. What it has may show that it is one."""
        if row is None or row.state in ("invited", "refused"):
            self._replica.sync.want(peer, turn)
        else:
            self.tell_exit(peer, row, turn)

    def tell_owed(self, peer: SiteName, turn: Turn) -> None:
        """The invitation or the EXIT that this peer is waiting for, once per link and again at each gossip."""
        row = self._replica.view.member(peer)
        if row is None or not self._replica.site.links.connected(peer):
            return
        if row.state == "invited" and self._replica.acting:
            self._tell_invite(peer, row, turn)
        elif row.state == "out" and not has_left(self._replica.view, row):
            self.tell_exit(peer, row, turn)

    def tell_exit(self, peer: SiteName, row: MemberRow, turn: Turn) -> None:
        policy: ExitPolicy = "delete" if row.exit == "delete" else "keep"
        self.told[peer] = row.inv
        self._replica.sync.send(peer, Exit(doc=self._replica.gid, stamp=row.stamp, mode="exit", policy=policy), turn)

    def _tell_invite(self, peer: SiteName, row: MemberRow, turn: Turn) -> None:
        root, policy = self._replica.view.root, self._replica.view.policy
        if root is None or policy is None or self.told.get(peer) == row.inv:
            return
        self.told[peer] = row.inv
        invite = Invite(
            doc=self._replica.gid,
            inv=row.inv,
            root=root,
            policy=policy,
            owner=self._replica.site.name,
            addresses={self._replica.site.name: self._replica.site.address},
            role=row.role,
        )
        self._replica.sync.send(peer, invite, turn)

    def greet(self) -> None:
        """The members we know of take our acceptance as it is, whatever else we or they may lack."""
        self._replica.sync.neighbours = links_of(self._replica.gid, self._replica.view, self._replica.site.name)
        for peer in (self._replica.inviter, *self._replica.sync.neighbours):
            if peer is not None and self._replica.view.is_member(peer) and self._replica.site.links.connected(peer):
                self._replica.sync.greet(peer)

    def relink(self, turn: Turn) -> None:
        """Neighbours and debts may be others now: want their links, start flows with new members, tell who is owed."""
        self._replica.sync.neighbours = links_of(self._replica.gid, self._replica.view, self._replica.site.name)
        owed = [*invitations(self._replica.view), *exits_owed(self._replica.view)] if self._replica.acting else []
        wants = dict.fromkeys([*self._replica.sync.neighbours, *(SiteName(row.site) for row in owed)])
        if self._replica.inviter is not None and self._replica.phase == "joining":
            wants[self._replica.inviter] = None
        for peer in wants:
            if peer not in self._wants and peer != self._replica.site.name:
                row = self._replica.view.member(peer)
                self._replica.site.links.want(peer, row.address if row else "", turn.now)
        for peer in self._wants:
            if peer not in wants:
                self._replica.site.links.unwant(peer)
        wants.pop(self._replica.site.name, None)
        self._wants = wants
        self._start_flows(turn)
        for row in owed:
            self.tell_owed(SiteName(row.site), turn)

    def _start_flows(self, turn: Turn) -> None:
        """Members that were none when their link came up. In a mesh both compare; in a large record, where hundreds may
        join at once, OPs just begin to flow: whoever invited a site has sent it everything, gossip finds the rest."""
        large = len(in_rows(self._replica.view)) > MESH_LIMIT
        for peer in self._replica.sync.neighbours:
            flow = self._replica.sync.flows.get(peer)
            if (
                (flow is None or not flow.live)
                and self._replica.site.links.connected(peer)
                and self._replica.view.is_member(peer)
            ):
                flow = flow or self._replica.sync.link_up(peer)
                if large:
                    flow.live = True
                else:
                    self._replica.sync.have(peer, turn)

    def gossip(self, turn: Turn) -> None:
        """Anti-entropy: HAVE to one random neighbour and to one random member, dialled if need be; old debts again."""
        self._replica.site.timers.set(("gossip", self._replica.gid), turn.now + self._replica.site.jitter(GOSSIP_S))
        rng = self._replica.site.rng
        near = [
            peer
            for peer in self._replica.sync.neighbours
            if self._replica.site.links.connected(peer) and self._replica.view.is_member(peer)
        ]
        if near:
            self._replica.sync.have(rng.choice(near), turn)
        members = [
            SiteName(row.site)
            for row in in_rows(self._replica.view)
            if row.is_member and row.site != self._replica.site.name
        ]
        if members:
            self._gossip_with(rng.choice(members), turn)
        self.told.clear()
        for row in [*invitations(self._replica.view), *exits_owed(self._replica.view)]:
            self.tell_owed(SiteName(row.site), turn)
        self._replica.succession.settle(turn)

    def _gossip_with(self, peer: SiteName, turn: Turn) -> None:
        if self._replica.site.links.connected(peer):
            self._replica.sync.have(peer, turn)
        else:
            row = self._replica.view.member(peer)
            address = row.address if row else ""
            self._replica.site.links.want_until(peer, address, turn.now, turn.now + GOSSIP_LINK_S)

    def let_go(self) -> None:
        """No link is wanted for this record any more."""
        for peer in self._wants:
            self._replica.site.links.unwant(peer)
        self._wants.clear()
