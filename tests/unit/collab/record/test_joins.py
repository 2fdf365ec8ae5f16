"""C5: the joins are commutative, associative, idempotent and monotone, for every family of slots."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab.record import joins
from collab.record.slots import (
    REMOVED,
    Answer,
    Claim,
    Existence,
    Field,
    Hand,
    Membership,
    OwnerStamp,
    Policy,
    Root,
    Stamp,
    Status,
    Tombstone,
)

SITES = ("ana", "bob", "cid", "dan")
WRITERS = tuple(f"{site}~{token}" for site in SITES for token in "12")

sites = st.sampled_from(SITES)
small = st.integers(0, 3)
lamports = st.integers(0, 9)


@dataclass(frozen=True)
class Case:
    """One family: a slot of a writer drawn at random, its join, and the order it is the maximum of."""

    slot: Callable[[st.DrawFn, str], Any]  # each family has its own value type
    join: Callable[[Mapping[str, Any]], Any]
    order: Callable[[Any], Any]


def stamp(draw: st.DrawFn, writer: str) -> Stamp:
    return Stamp(draw(lamports), writer)


def owner_stamp(draw: st.DrawFn, writer: str) -> OwnerStamp:
    return OwnerStamp(draw(small), draw(st.integers(0, 1)), draw(sites), draw(lamports), writer)


def claim(draw: st.DrawFn, writer: str) -> Claim:
    state: Literal["own", "rel"] = draw(st.sampled_from(["own", "rel"]))
    return Claim(e=draw(small), rk=draw(st.integers(0, 1)), o=draw(sites), s=state)


def field(draw: st.DrawFn, writer: str) -> Field:
    seen = tuple(Stamp(draw(lamports), other) for other in draw(st.lists(st.sampled_from(WRITERS), max_size=3)))
    value = draw(st.sampled_from(["red", "blue", REMOVED]))
    return Field(t=stamp(draw, writer), b=seen, v=value, x=1 if value is REMOVED else 0)


def membership(draw: st.DrawFn, writer: str) -> Membership:
    state: Literal["in", "out", "refused"] = draw(st.sampled_from(["in", "out", "refused"]))
    return Membership(t=owner_stamp(draw, writer), inv=f"{writer}.{draw(small)}", state=state)


CASES = {
    "own": Case(claim, joins.join_claims, lambda won: won.rank),
    "policy": Case(
        lambda draw, w: Policy(t=owner_stamp(draw, w), mode=draw(st.sampled_from(["ap", "strict"]))),
        joins.join_policy,
        lambda won: won.t,
    ),
    "mb": Case(membership, joins.join_membership, lambda won: won.t),
    "an": Case(
        lambda draw, _: Answer(s=draw(st.sampled_from(["accepted", "left"]))),
        joins.join_answers,
        lambda won: won.s == "left",
    ),
    "d": Case(lambda draw, w: Tombstone(t=stamp(draw, w)), joins.join_tombstones, lambda won: won.t),
    "f": Case(field, joins.join_field, lambda won: won.winner.stamp),
    "root": Case(
        lambda draw, w: Root(t=stamp(draw, w), apiVersion="v1", kind="namespaces", name="team", creator=w),
        joins.join_root,
        lambda won: -won.t.lamport,
    ),
}
BY_SITE: dict[str, Case] = {
    "own by site": Case(claim, joins.claims_by_site, lambda won: won.rank),
    "hand": Case(
        lambda draw, w: Hand(t=stamp(draw, w), s=draw(st.sampled_from(["off", "rdy", "idle"]))),
        joins.join_hands,
        lambda won: won.t,
    ),
    "st": Case(
        lambda draw, w: Status(t=stamp(draw, w), status={}, claim=claim(draw, w).rank),
        joins.join_status,
        lambda won: won.t,
    ),
}


def cell(draw: st.DrawFn, case: Case) -> dict[str, Any]:
    writers = draw(st.lists(st.sampled_from(WRITERS), unique=True, max_size=6))
    return {writer: case.slot(draw, writer) for writer in writers}


def shuffled(draw: st.DrawFn, slots: dict[str, Any]) -> dict[str, Any]:
    return dict(draw(st.permutations(list(slots.items()))))


@pytest.mark.parametrize("family", [*CASES, *BY_SITE])
@settings(deadline=None)
@given(data=st.data())
def test_no_order_of_arrival_matters(family: str, data: st.DataObject) -> None:
    case = (CASES | BY_SITE)[family]

    @st.composite
    def two_orders(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
        slots = cell(draw, case)
        return slots, shuffled(draw, slots)

    one, other = data.draw(two_orders())
    assert case.join(one) == case.join(other) == case.join({**other, **one})


@pytest.mark.parametrize("family", CASES)
@settings(deadline=None)
@given(data=st.data())
def test_a_join_is_the_larger_of_the_joins_of_its_parts_and_never_goes_down(family: str, data: st.DataObject) -> None:
    case = CASES[family]

    @st.composite
    def parts(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
        slots = cell(draw, case)
        cut = draw(st.integers(0, len(slots)))
        items = list(slots.items())
        return dict(items[:cut]), dict(items[cut:])

    left, right = data.draw(parts())
    whole = case.join({**left, **right})
    orders = [case.order(won) for won in (case.join(left), case.join(right)) if won is not None]
    if orders:
        assert case.order(whole) == max(orders)
    else:
        assert whole is None


@settings(deadline=None)
@given(data=st.data())
def test_every_edit_is_the_winner_or_seen_or_equal_or_a_shown_loser_s7(data: st.DataObject) -> None:
    @st.composite
    def fields(draw: st.DrawFn) -> dict[str, Any]:
        return cell(draw, CASES["f"])

    slots: dict[str, Field] = data.draw(fields())
    joined = joins.join_field(slots)
    if joined is None:
        assert not slots
        return
    winner = slots[joined.winner.stamp.writer]
    shown = {loser.stamp for loser in joined.losers}
    for slot in slots.values():
        seen = any(slot.t in other.b for other in slots.values())
        assert slot == winner or seen or joins.same_edit(slot, winner) or slot.t in shown


def test_the_slots_of_a_family_by_site_keep_the_latest_of_each_site() -> None:
    slots = {"ana~1": Hand(t=Stamp(3, "ana~1"), s="off"), "ana~2": Hand(t=Stamp(2, "ana~2"), s="idle")}
    assert joins.join_hands(slots) == {"ana": slots["ana~1"]}


# -- ownership and membership ---------------------------------------------------------------------------------------


def own(e: int, rk: int, o: str, s: str = "own") -> Claim:
    return Claim(e=e, rk=rk, o=o, s="own" if s == "own" else "rel")


def test_between_a_release_and_its_acceptance_nobody_acts() -> None:
    slots = {"ana~1": own(1, 1, "bob", "rel"), "bob~1": own(0, 0, "bob")}
    assert joins.join_claims(slots) == slots["ana~1"]
    assert joins.acting_owner(slots) is None
    assert joins.acting_owner({**slots, "bob~1": own(1, 1, "bob")}) == "bob"


def test_a_hand_over_beats_a_seize_of_the_same_epoch() -> None:
    slots = {"ana~1": own(1, 1, "bob", "rel"), "cid~1": own(1, 0, "cid")}
    won = joins.join_claims(slots)
    assert won is not None
    assert won.o == "bob"


def test_a_member_is_in_and_accepted_exactly_that_invitation() -> None:
    row = Membership(t=OwnerStamp(0, 1, "ana", 3, "ana~1"), inv="ana~1.2", state="in")
    states = {
        None: "invited",
        Answer(s="accepted"): "member",
        Answer(s="left"): "left",
    }
    for answer, state in states.items():
        assert joins.member_row("bob", row, answer).state == state
    out = Membership(t=row.t, inv=row.inv, state="out")
    assert joins.member_row("bob", out, Answer(s="accepted")).state == "out"


# -- what an edit has seen ------------------------------------------------------------------------------------------


def edit(site: str, lamport: int, value: str, *seen: Stamp) -> dict[str, Field]:
    writer = f"{site}~1"
    return {writer: Field(t=Stamp(lamport, writer), b=seen, v=value)}


def test_concurrent_edits_one_value_and_the_loser_shown() -> None:
    joined = joins.join_field({**edit("ana", 1, "red"), **edit("bob", 1, "blue")})
    assert joined is not None
    assert joined.winner.value == "blue"
    assert [(loser.site, loser.value) for loser in joined.losers] == [("ana", "red")]


def test_concurrent_edits_to_the_same_value_are_no_conflict() -> None:
    joined = joins.join_field({**edit("ana", 1, "red"), **edit("bob", 1, "red")})
    assert joined is not None
    assert joined.losers == ()


def test_d1_what_does_not_fit_into_the_seen_list_stays_a_visible_conflict() -> None:
    """Ten sites edit one key at once; an eleventh that saw nine of them edits."""
    ten = {writer: slot for number in range(10) for writer, slot in edit(f"s{number}", 1, f"v{number}").items()}
    nine = {writer: slot for writer, slot in ten.items() if writer != "s4~1"}
    seen = joins.seen_stamps(nine, "z")
    assert len(seen) == 8
    joined = joins.join_field({**ten, **edit("z", 2, "new", *seen)})
    assert joined is not None
    assert joined.winner.value == "new"
    unseen = {Stamp(1, writer) for writer in ten} - set(seen)
    assert {loser.stamp for loser in joined.losers} == unseen
    assert Stamp(1, "s4~1") in unseen


def test_the_seen_list_prefers_what_nobody_has_covered_yet() -> None:
    covered = {f"s{number}~1": Field(t=Stamp(9, f"s{number}~1"), v="old") for number in range(8)}
    heads = {"h~1": Field(t=Stamp(3, "h~1"), b=tuple(slot.t for slot in covered.values()), v="head")}
    assert Stamp(3, "h~1") in joins.seen_stamps({**covered, **heads}, "z")


def test_only_slots_that_the_winner_had_seen_may_be_removed() -> None:
    red = edit("ana", 1, "red")
    blue = edit("bob", 2, "blue", Stamp(1, "ana~1"))
    assert joins.covered_writers({**red, **blue}) == ("ana~1",)
    concurrent = edit("cid", 3, "green")
    assert joins.covered_writers({**red, **blue, **concurrent}) == ()


# -- existence ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("existing", "tombstoned", "live"),
    [
        ((), (), None),
        ((1,), (), 1),
        ((1,), (1,), None),
        ((1, 2), (1,), 2),
        ((1, 2), (2,), None),
        ((1, 3), (2,), 3),
    ],
)
def test_an_object_lives_in_the_highest_incarnation_above_every_tombstone(
    existing: tuple[int, ...], tombstoned: tuple[int, ...], live: int | None
) -> None:
    assert joins.live_incarnation(existing, tombstoned) == live
    assert joins.next_incarnation(tombstoned) == max(tombstoned, default=0) + 1


def test_d2_a_creation_no_tombstone_had_seen_is_told() -> None:
    created = {"ana~1": Existence(t=Stamp(1, "ana~1")), "bob~1": Existence(t=Stamp(1, "bob~1"))}
    tombstone = {"ana~1": Tombstone(t=Stamp(2, "ana~1"), o=("ana~1",))}
    assert set(joins.unseen_creations(created, tombstone)) == {"bob~1"}
    assert joins.unseen_creations(created, {}) == {}


def test_nothing_joins_to_nothing() -> None:
    empty: dict[str, Hashable] = {}
    assert all(case.join(empty) in (None, {}) for case in (CASES | BY_SITE).values())
    assert joins.acting_owner({}) is None
    assert joins.covered_writers({}) == ()
