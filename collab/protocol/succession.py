"""One record's ownership at one site over time: the moves of `ownership`, written when their moment has come, and the
time after which an offer, or a site that said ready to one, gives up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collab.protocol import ownership
from collab.protocol.membership import in_rows
from collab.protocol.names import SiteName
from collab.protocol.ownership import OFFER_S, READY_S, Move, Standing
from collab.protocol.turn import Turn
from collab.record.view import RecordView

if TYPE_CHECKING:
    from collab.protocol.replica import Replica


class Succession:
    """Offers, releases, accepts and seizes for the replica it belongs to."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._offered_at: float | None = None
        self._ready_at: float | None = None

    def settle(self, turn: Turn) -> None:
        if self._replica.phase != "member" or self._replica.recovering:
            return
        move = ownership.next_move(self._replica.record, self._standing(turn.now))
        if move is not None:
            self._move(move, turn)
        elif self._replica.twin_missing:
            self._replica.leave_missing(turn)
        self._say_whether_lost()
        self.watch(turn)

    def _say_whether_lost(self) -> None:
        """Mode strict: an owner that lost its journal does not know what it had done, and does not act any more."""
        replica = self._replica
        lost = replica.strict and replica.view.owner == replica.site.name and replica.view.acting == replica.site.name
        if lost and not replica.acting:
            replica.sync.conditions["OwnerLost"] = "the owner lost its journal; reattach with --break-glass"
        else:
            replica.sync.conditions.pop("OwnerLost", None)

    def _standing(self, now: float) -> Standing:
        return Standing(
            site=self._replica.site.name,
            journal=self._replica.site.journal_id,
            twin_active=self._replica.twin.phase == "active",
            offer_expired=self._offered_at is not None and now >= self._offered_at + OFFER_S,
            ready_expired=self._ready_at is not None and now >= self._ready_at + READY_S,
        )

    def watch(self, turn: Turn) -> None:
        """Keep the time of an own offer or ready, so that it ends if nothing comes of it."""
        if self._replica.phase == "ended":
            return
        state = ownership.owner_state(self._replica.view, self._replica.site.name)
        self._offered_at = (self._offered_at or turn.now) if state == "offering" else None
        self._ready_at = (self._ready_at or turn.now) if state == "ready" else None
        if self._offered_at is not None:
            self._replica.site.timers.set(("hand", self._replica.gid), self._offered_at + OFFER_S)
        elif self._ready_at is not None:
            self._replica.site.timers.set(("hand", self._replica.gid), self._ready_at + READY_S)
        else:
            self._replica.site.timers.cancel(("hand", self._replica.gid))

    def due(self, turn: Turn) -> None:
        """A hand-over may have run out of time."""
        self.settle(turn)

    def offer(self, to: SiteName, turn: Turn) -> None:
        """Begin a hand-over."""
        self._move(ownership.offer(self._replica.record, to), turn)

    def offer_away(self, turn: Turn) -> None:
        others = [
            row
            for row in in_rows(self._replica.view)
            if row.is_member and row.role == "rw" and row.site != self._replica.site.name
        ]
        live = [row for row in others if self._replica.site.links.connected(SiteName(row.site))]
        if others:
            self._move(
                ownership.offer(self._replica.record, SiteName(self._replica.site.rng.choice(live or others).site)),
                turn,
            )

    def seize(self, turn: Turn) -> None:
        """Become the owner by force (mode ap)."""
        self._move(ownership.seize(self._replica.record, self._replica.site.name, self._replica.site.journal_id), turn)

    def seize_from_itself(self, turn: Turn) -> None:
        """An owner that lost what it wrote may have written more than anybody here knows: only a higher claim outweighs
        that (M13). In mode strict it may own it no more: only broken glass outweighs that."""
        if self._replica.view.acting == self._replica.site.name and not self._replica.strict:
            self.seize(turn)

    def _move(self, move: Move, turn: Turn) -> None:
        if self._replica.sync.write(move.slots, turn):
            self._replica.site.report(
                turn, "Ownership", f"{move.name}: {_claim_text(self._replica.view)}", self._replica.gid
            )


def _claim_text(view: RecordView) -> str:
    claim = view.claim
    return f"({claim.e}, {claim.rk}, {claim.o})" if claim else "no claim"
