"""Who owns a record: the hand-over, the seize, and what a site does next about them. Pure: a view in, slots out.

A: OWNER    --reattach(B)-->            OFFERING   hand = off(e, to B, n)
B: MEMBER   --sees the offer-->         READY      hand = rdy(e, from A, n)
A: OFFERING --sees ready, B in-->       RELEASED   own  = rel(e+1, 1, B)   durable first; A stops acting
B:          --sees (e+1, 1, B) is max-> OWNER      own  = own(e+1, 1, B)
X: MEMBER   --force-->                  OWNER      own  = own(e+1, 0, X)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from collab.protocol.names import SiteName
from collab.record.edits import HAND_OVER, SEIZE, Slots
from collab.record.record import Record
from collab.record.slots import Claim, Hand, Rank
from collab.record.view import RecordView

OFFER_S = 30.0
"""An offer that nobody took is cancelled after this; a ready that was not used goes idle after twice that."""
READY_S = 60.0

OwnerState = Literal["owner", "offering", "released", "ready", "member"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What ownership depends on besides the record: this site, its journal, its twin, and what ran out of time."""

    site: SiteName
    journal: str
    twin_active: bool
    offer_expired: bool = False
    ready_expired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A step of the state machine: slots for one transaction, and its name for the log."""

    name: str
    slots: Slots


def is_strict(view: RecordView) -> bool:
    """Is the ownership of this record handed over, and never seized?"""
    return view.policy is not None and view.policy.mode == "strict"


def acts(view: RecordView, site: SiteName, journal: str) -> bool:
    """Does the site act as owner: the largest claim names it, and it accepted that itself? In mode strict with the journal
    that it has now: one that lost it may have handed over since (P1, P2)."""
    if view.acting != site:
        return False
    mine = view.claims().get(site)
    return not is_strict(view) or (mine is not None and mine.journal == journal)


def owner_state(view: RecordView, site: SiteName) -> OwnerState:
    """Where in the diagram above the site stands."""
    hand = view.hands().get(site)
    if view.acting == site:
        return "offering" if hand and hand.s == "off" else "owner"
    if released_by(view, site):
        return "released"
    return "ready" if hand and hand.s == "rdy" else "member"


def released_by(view: RecordView, site: SiteName) -> bool:
    """Has the site released the record to another that has not accepted yet?"""
    mine, top = view.claims().get(site), view.claim
    return bool(mine and top and mine.s == "rel" and mine.rank == top.rank and top.o != site and view.acting is None)


def next_move(record: Record, standing: Standing) -> Move | None:
    """What this site does next about ownership, if anything; ask again after it was written."""
    claim = record.view.claim
    if claim is None:
        return None
    rules = _RULES_OF_NAMED if claim.o == standing.site else _RULES_OF_OTHERS
    return next((move for rule in rules if (move := rule(record, standing, claim))), None)


def seize(record: Record, site: SiteName, journal: str) -> Move:
    """Claim by force (mode ap): one epoch up, below a hand-over of that epoch."""
    claim = record.view.claim
    epoch = claim.e + 1 if claim else 0
    return _claim(record, Rank(epoch, SEIZE, site), journal, "seize")


def offer(record: Record, to: SiteName) -> Move:
    """The acting owner offers the record to a member."""
    claim = record.view.claim
    e = claim.e if claim else 0
    return Move(name="offer", slots=record.edit.hand("off", e=e, peer=to, n=record.edit.new_id()))


def idle(record: Record, name: str) -> Move:
    return Move(name=name, slots=record.edit.hand("idle"))


def _claim(record: Record, rank: Rank, journal: str, name: str) -> Move:
    """The claim, and the own membership under it in the same transaction (M10)."""
    slots = record.edit.claim(rank, "own", journal=journal)
    row = record.view.member(rank.o)
    if row is not None:
        slots |= record.edit.membership(rank.o, inv=row.inv, role="rw", address=row.address, under=rank)
    return Move(name=name, slots=slots)


def _accepted_once(view: RecordView, site: SiteName) -> bool:
    """Is the site's present invitation accepted and not left? An eviction under a lower claim does not matter (M10)."""
    row = view.member(site)
    answer = view.answer(site, row.inv) if row else None
    return answer is not None and answer.s == "accepted"


# -- the largest claim names this site ----------------------------------------------------------------------------


def _accept(record: Record, standing: Standing, claim: Claim) -> Move | None:
    if record.view.acting == standing.site or not _accepted_once(record.view, standing.site):
        return None
    if is_strict(record.view) and claim.journal != standing.journal:
        return None  # it was released to a disk that is lost (P1)
    return _claim(record, claim.rank, standing.journal, "accept")


def _serve_offer(record: Record, standing: Standing, claim: Claim) -> Move | None:
    """Release to a target that is ready, cancel an offer that cannot or did not come to anything."""
    view = record.view
    mine = view.hands().get(standing.site)
    if not acts(view, standing.site, standing.journal):
        return idle(record, "idle") if mine is not None and mine.s != "idle" else None
    if mine is None or mine.s != "off":
        return idle(record, "idle") if mine is not None and mine.s == "rdy" else None
    row, theirs = view.member(mine.peer), view.hands().get(mine.peer)
    if row is None or not row.is_member or row.role != "rw" or mine.e != claim.e or standing.offer_expired:
        return idle(record, "cancel")
    if theirs is None or not _answers(theirs, mine, standing.site):
        return None
    rank = Rank(claim.e + 1, HAND_OVER, mine.peer)
    slots = record.edit.claim(rank, "rel", journal=theirs.journal) | record.edit.hand("idle")
    return Move(name="release", slots=slots)


def _answers(ready: Hand, offered: Hand, owner: SiteName) -> bool:
    return ready.s == "rdy" and (ready.e, ready.n, ready.peer) == (offered.e, offered.n, owner)


# -- it names another ---------------------------------------------------------------------------------------------


def _reclaim(record: Record, standing: Standing, claim: Claim) -> Move | None:
    """The target of this site's release left instead of accepting: that is its last word."""
    if not released_by(record.view, standing.site) or _present(record.view, claim.o):
        return None
    row = record.view.member(claim.o)
    if is_strict(record.view) and (row is None or row.journal != claim.journal):
        return None  # who left is not who was ready: that one may own it, or have handed it over (P3)
    return _claim(record, Rank(claim.e + 1, HAND_OVER, standing.site), standing.journal, "reclaim")


def _inherit(record: Record, standing: Standing, claim: Claim) -> Move | None:
    """The largest claim names a site that is out or left: the member with the highest own claim takes over (M12)."""
    view = record.view
    if is_strict(view) or _present(view, claim.o) or not view.is_member(standing.site):
        return None
    claims = view.claims()
    heirs = [site for site, row in view.members().items() if row.is_member and row.role == "rw"]
    heir = max(heirs, key=lambda site: (site in claims, claims[site].rank if site in claims else site), default=None)
    return seize(record, standing.site, standing.journal) if heir == standing.site else None


def _present(view: RecordView, site: str) -> bool:
    row = view.member(site)
    return row is not None and row.state in ("member", "invited")


def _answer_offer(record: Record, standing: Standing, claim: Claim) -> Move | None:
    """Say ready to the acting owner's offer; take that back when the offer is gone."""
    view = record.view
    mine = view.hands().get(standing.site)
    offered = view.hands().get(claim.o)
    for_me = offered is not None and offered.s == "off" and offered.peer == standing.site and offered.e == claim.e
    if mine is not None and mine.s == "off":
        return idle(record, "demoted")
    if not for_me or offered is None or view.acting != claim.o or standing.ready_expired or not standing.twin_active:
        return idle(record, "idle") if mine is not None and mine.s == "rdy" else None
    row = view.member(standing.site)
    if row is None or not row.is_member or row.role != "rw" or (mine and _answers(mine, offered, SiteName(claim.o))):
        return None
    ready = record.edit.hand("rdy", e=claim.e, peer=claim.o, n=offered.n, journal=standing.journal)
    return Move(name="ready", slots=ready)


Rule = Callable[[Record, Standing, Claim], Move | None]
_RULES_OF_NAMED: tuple[Rule, ...] = (_accept, _serve_offer)
_RULES_OF_OTHERS: tuple[Rule, ...] = (_reclaim, _inherit, _answer_offer)
