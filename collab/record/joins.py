"""The joins: pure functions from the slots of one cell (writer -> value) to what the record says there.

Each is the maximum of a total order, so it is commutative, associative and idempotent, and no delivery order matters.
They read slots only; nothing here knows a document, a clock or a network.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from collab.record.slots import (
    SEEN_LIMIT,
    Answer,
    Claim,
    Existence,
    Field,
    Hand,
    Membership,
    OwnerStamp,
    Policy,
    Rank,
    Root,
    Stamp,
    Status,
    Tombstone,
    fingerprint,
    site_of,
)

Value = TypeVar("Value")

_ANSWER_ORDER = {"accepted": 0, "left": 1}
#: Among equal ranks the owner's own claim says more than the release that gave it: for showing, not for ownership.
_CLAIM_ORDER = {"rel": 0, "own": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """One member as all slots together say it; `state` is what the agent API shows."""

    site: str
    state: str  # invited, member, out, left, refused
    inv: str
    role: str
    exit: str
    address: str
    stamp: OwnerStamp
    journal: str = ""  # of the accepting or leaving site, for strict mode

    @property
    def is_member(self) -> bool:
        return self.state == "member"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One site's value for a field. `removed` edits have value None."""

    value: object
    removed: bool
    stamp: Stamp

    @property
    def site(self) -> str:
        return site_of(self.stamp.writer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a user saw of a field when editing it in the live object: the fingerprint of the value there, and the stamps
    of the edits that were shown while it was in step with the record, the losers of a conflict included.
    """

    print: str
    stamps: tuple[Stamp, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedField:
    """The winning edit, and those that no later writer had seen: a conflict, never dropped silently."""

    winner: Edit
    losers: tuple[Edit, ...] = ()


def join_root(slots: Mapping[str, Root]) -> Root | None:
    """Written once; the smallest stamp is the creator's."""
    return min(slots.values(), key=lambda root: (root.t, root.name), default=None)


def join_policy(slots: Mapping[str, Policy]) -> Policy | None:
    return max(slots.values(), key=lambda policy: policy.t, default=None)


def join_claims(slots: Mapping[str, Claim]) -> Claim | None:
    """The largest (e, rk, o) over all sites: its `o` owns the record."""
    return max(slots.values(), key=_claim_order, default=None)


def claims_by_site(slots: Mapping[str, Claim]) -> dict[str, Claim]:
    """Each site's largest claim over its writers."""
    return {site: max(claims, key=_claim_order) for site, claims in _by_site(slots).items()}


def _claim_order(claim: Claim) -> tuple[Rank, int, str]:
    return claim.rank, _CLAIM_ORDER[claim.s], claim.journal


def acting_owner(slots: Mapping[str, Claim]) -> str | None:
    """The owner, if it has written the accepting claim itself; None between a release and its acceptance."""
    top = join_claims(slots)
    if top is None:
        return None
    accepted = any(claim.rank == top.rank and claim.s == "own" and site_of(w) == top.o for w, claim in slots.items())
    return top.o if accepted else None


def join_hands(slots: Mapping[str, Hand]) -> dict[str, Hand]:
    """Each site's latest word in a hand-over."""
    return {site: max(hands, key=lambda hand: hand.t) for site, hands in _by_site(slots).items()}


def join_membership(slots: Mapping[str, Membership]) -> Membership | None:
    """The owners' last word on one member; the claim comes first in its stamp."""
    return max(slots.values(), key=lambda row: row.t, default=None)


def join_answers(slots: Mapping[str, Answer]) -> Answer | None:
    """A member's answer to one invitation: left is final."""
    return max(slots.values(), key=lambda answer: (_ANSWER_ORDER[answer.s], answer.journal), default=None)


def member_row(site: str, row: Membership, answer: Answer | None) -> MemberRow:
    """`mb` joined with the `an` of its invitation: a member is `in` and accepted exactly that invitation."""
    return MemberRow(
        site=site,
        state=_member_state(row, answer),
        inv=row.inv,
        role=row.role,
        exit=row.exit,
        address=row.address,
        stamp=row.t,
        journal=answer.journal if answer else "",
    )


def _member_state(row: Membership, answer: Answer | None) -> str:
    if row.state != "in":
        return row.state
    if answer is None:
        return "invited"
    return "member" if answer.s == "accepted" else "left"


def join_field(slots: Mapping[str, Field]) -> JoinedField | None:
    """The largest stamp wins; a slot that nobody's `b` names and that says something else is a loser.

    An edit equal to the winner's is no conflict: nothing of it is lost.
    """
    if not slots:
        return None
    winner = max(slots.values(), key=_field_order)
    seen = {stamp for field in slots.values() for stamp in field.b}
    losers = [
        field
        for field in slots.values()
        if field.t != winner.t and field.t not in seen and not same_edit(field, winner)
    ]
    return JoinedField(winner=_edit(winner), losers=tuple(map(_edit, sorted(losers, key=_field_order, reverse=True))))


def _field_order(field: Field) -> Stamp:
    return field.t


def same_edit(one: Field, other: Field) -> bool:
    return one.x == other.x and one.v == other.v


def _edit(field: Field) -> Edit:
    return Edit(value=None if field.removed else field.v, removed=field.removed, stamp=field.t)


def seen_stamps(slots: Mapping[str, Field], site: str, sight: Sight | None = None) -> tuple[Stamp, ...]:
    """The `b` of a new edit of a site that replaces what it sees here: at most 8, those nobody has covered yet first.

    What does not fit stays a visible conflict; a floor instead of a list would hide a slot never seen (D1). An edit
    made in the live object saw only what had been written there (`sight`): whatever reached the record since, while
    the agent was down or its write on the way, was not seen and must not vanish under the edit.
    """
    covered = {stamp for field in slots.values() for stamp in field.b}
    seen = [field.t for field in slots.values() if sight is None or field.t in covered or _was_seen(field, site, sight)]
    newest_first = sorted(seen, reverse=True)
    return tuple(sorted(sorted(newest_first, key=lambda stamp: stamp in covered)[:SEEN_LIMIT]))


def _was_seen(field: Field, site: str, sight: Sight) -> bool:
    """A site knows its own edits, of whatever boot."""
    own = site_of(field.t.writer) == site
    return own or field.t in sight.stamps or fingerprint(field.v) == sight.print


def covered_writers(slots: Mapping[str, Field]) -> tuple[str, ...]:
    """The writers whose slot the winner had seen: their sites may remove it, since it decides nothing any more."""
    if not slots:
        return ()
    winner = max(slots.values(), key=_field_order)
    return tuple(sorted(writer for writer, field in slots.items() if field.t in winner.b and field.t != winner.t))


def join_tombstones(slots: Mapping[str, Tombstone]) -> Tombstone | None:
    """Grow-only: any tombstone ends the incarnation; the largest stamp is the one shown."""
    return max(slots.values(), key=lambda tombstone: tombstone.t, default=None)


def unseen_creations(existence: Mapping[str, Existence], tombstones: Mapping[str, Tombstone]) -> dict[str, Existence]:
    """Creations that no tombstone of the incarnation had seen: another's object that went with it (D2)."""
    seen = {writer for tombstone in tombstones.values() for writer in tombstone.o}
    return {writer: slot for writer, slot in sorted(existence.items()) if tombstones and writer not in seen}


def join_status(slots: Mapping[str, Status]) -> dict[str, Status]:
    """Each site's latest status; shown as an aggregate, never merged."""
    return {site: max(statuses, key=lambda status: status.t) for site, statuses in _by_site(slots).items()}


def next_incarnation(tombstoned: Iterable[int]) -> int:
    """One above the highest tombstoned incarnation of a (kind, name)."""
    return max(tombstoned, default=0) + 1


def live_incarnation(existing: Iterable[int], tombstoned: Iterable[int]) -> int | None:
    """The incarnation the object lives in: the highest that exists above every tombstone."""
    floor = max(tombstoned, default=0)
    return max((n for n in existing if n > floor), default=None)


def _by_site(slots: Mapping[str, Value]) -> dict[str, list[Value]]:
    sites: dict[str, list[Value]] = {}
    for writer, value in sorted(slots.items()):
        sites.setdefault(site_of(writer), []).append(value)
    return sites
