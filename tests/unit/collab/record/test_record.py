"""One record at several sites: edits cross, lose, are seen, removed; objects die once; members come and go."""

import random
from collections.abc import Sequence

import pytest

from collab.record.document import Gap
from collab.record.joins import Sight
from collab.record.record import LamportLeap, Record
from collab.record.slots import (
    LAMPORT_LEAP,
    REMOVED,
    BadSlot,
    Field,
    ObjectId,
    Policy,
    Rank,
    Stamp,
    field_path,
    fingerprint,
    key_text,
    value_text,
)
from collab.record.view import RecordView

GID = "ana~1.1"
TEAM = ObjectId("namespaces", "team")
APP = ObjectId("configmaps", "app")
COLOUR = field_path("metadata", "labels", "colour")
DATA = field_path("data", "k")


def genesis(writer: str = "ana~1") -> Record:
    record = Record(GID, writer)
    record.write(record.edit.genesis(api_version="v1", kind="namespaces", name="team", kinds=("configmaps",)))
    return record


def joined(owner: Record, writer: str) -> Record:
    """Another site's record, invited and accepted, with all that the owner's has."""
    record = Record(GID, writer)
    inv = owner.edit.new_id()
    owner.write(owner.edit.membership(record.edit.site, inv=inv))
    record.apply(owner.document.diff())
    owner.apply(record.write(record.edit.answer(record.edit.site, inv, "accepted")))
    return record


def sync(*records: Record) -> None:
    """Everybody has everything, and has removed what is covered."""
    for _ in range(2):
        for record in records:
            for other in records:
                take(record, other.document.diff(record.document.state_vector()))
    assert len({record.document.digest() for record in records}) == 1


def take(record: Record, update: bytes) -> None:
    """Merge an update and take back own slots that a winner covers now, as the protocol does."""
    changes = record.apply(update)
    record.write({}, record.view.covered(record.edit.site, changes.keys))


def value(record: Record, object_id: ObjectId = TEAM, path: str = COLOUR) -> object:
    desired = record.view.desired(object_id)
    return desired.values().get(path, REMOVED) if desired else None


# -- the record itself ----------------------------------------------------------------------------------------------


def test_a_new_record_has_its_creator_as_acting_owner_and_only_member() -> None:
    view = genesis().view
    assert view.root_object == TEAM
    assert (view.owner, view.acting) == ("ana", "ana")
    assert view.claim is not None
    assert view.claim.rank == Rank(0, 1, "ana")
    assert [row.site for row in view.members().values() if row.is_member] == ["ana"]
    assert view.objects() == [TEAM]
    assert view.policy is not None
    assert view.policy.kinds == ("configmaps",)


def test_an_invited_site_is_a_member_once_it_accepted_that_invitation() -> None:
    ana = genesis()
    bob = Record(GID, "bob~1")
    inv = ana.edit.new_id()
    ana.write(ana.edit.membership("bob", inv=inv, address="http://bob"))
    bob.apply(ana.document.diff())
    assert bob.view.members()["bob"].state == "invited"
    ana.apply(bob.write(bob.edit.answer("bob", "ana~1.99", "accepted")))
    assert not ana.view.is_member("bob")
    changes = ana.apply(bob.write(bob.edit.answer("bob", inv, "accepted")))
    assert changes.membership
    assert ana.view.is_member("bob")


def test_m5_an_id_is_never_given_twice_not_even_by_a_record_loaded_again() -> None:
    ana = genesis()
    ids = [ana.edit.new_id() for _ in range(3)]
    ana.write(ana.edit.membership("bob", inv=ids[-1]))
    again = Record(GID, "ana~1")
    again.load([ana.document.diff()])
    ids.append(again.edit.new_id())
    assert len(set(ids)) == 4


def test_leaving_is_final_for_that_invitation() -> None:
    ana = genesis()
    bob = joined(ana, "bob~1")
    inv = bob.view.members()["bob"].inv
    bob.write(bob.edit.answer("bob", inv, "left"))
    assert bob.edit.answer("bob", inv, "accepted") == {}
    assert bob.view.members()["bob"].state == "left"


def test_a_deposed_owners_word_loses_whatever_its_counter_o5() -> None:
    ana = genesis()
    bob = joined(ana, "bob~1")
    cid = joined(ana, "cid~1")
    sync(ana, bob, cid)
    bob.write(bob.edit.claim(Rank(1, 0, "bob"), "own"))
    bob.write(bob.edit.membership("cid", inv="x", state="out"))
    for _ in range(20):
        ana.write(ana.edit.membership("cid", inv=cid.view.members()["cid"].inv, role="ro"))
    sync(ana, bob, cid)
    assert ana.view.members()["cid"].state == "out"
    assert ana.view.owner == "bob"


def test_a_claim_never_goes_down_o1() -> None:
    ana = genesis()
    ana.write(ana.edit.claim(Rank(2, 0, "ana"), "own"))
    with pytest.raises(ValueError, match="below"):
        ana.edit.claim(Rank(1, 1, "bob"), "rel")


def test_an_owners_slot_needs_a_claim() -> None:
    record = Record(GID, "ana~1")
    with pytest.raises(LookupError, match="claim"):
        record.edit.membership("bob", inv="x")


def test_a_later_policy_of_the_owner_counts() -> None:
    ana = genesis()
    ana.write(ana.edit.policy(Policy(t=ana.edit.owner_stamp(), missing="absent")))
    assert ana.view.policy is not None
    assert ana.view.policy.missing == "absent"


def test_the_hand_of_each_site_is_its_latest() -> None:
    ana = genesis()
    ana.write(ana.edit.hand("off", e=0, peer="bob", n="ana~1.7"))
    ana.write(ana.edit.hand("idle"))
    assert ana.view.hands()["ana"].s == "idle"


# -- fields ---------------------------------------------------------------------------------------------------------


def test_concurrent_edits_leave_one_value_and_the_loser_shown_everywhere() -> None:
    ana = genesis()
    bob = joined(ana, "bob~1")
    ana.write(ana.edit.set_fields(TEAM, {COLOUR: "red"}))
    bob.write(bob.edit.set_fields(TEAM, {COLOUR: "blue"}))
    sync(ana, bob)
    (conflict,) = ana.view.conflicts()
    assert bob.view.conflicts() == [conflict]
    assert value(ana) == value(bob) == conflict.winner.value
    assert {conflict.winner.value, *(loser.value for loser in conflict.losers)} == {"red", "blue"}
    assert (conflict.object_id, conflict.path) == (TEAM, COLOUR)


def test_an_edit_that_saw_both_ends_the_conflict_and_the_others_remove_their_slots() -> None:
    ana = genesis()
    bob = joined(ana, "bob~1")
    ana.write(ana.edit.set_fields(TEAM, {COLOUR: "red"}))
    bob.write(bob.edit.set_fields(TEAM, {COLOUR: "blue"}))
    sync(ana, bob)
    ana.write(ana.edit.set_fields(TEAM, {COLOUR: "green"}))
    sync(ana, bob)
    assert ana.view.conflicts() == bob.view.conflicts() == []
    assert [key for key, _ in bob.document.items() if key.endswith("|bob~1") and key.startswith("f/")] == []
    assert value(bob) == "green"


def test_set_against_remove_is_a_conflict_too() -> None:
    ana = genesis()
    bob = joined(ana, "bob~1")
    ana.write(ana.edit.set_fields(TEAM, {COLOUR: "red"}))
    sync(ana, bob)
    ana.write(ana.edit.set_fields(TEAM, {COLOUR: "blue"}))
    bob.write(bob.edit.set_fields(TEAM, {COLOUR: REMOVED}))
    sync(ana, bob)
    (conflict,) = ana.view.conflicts()
    assert {(edit.value, edit.removed) for edit in (conflict.winner, *conflict.losers)} == {
        ("blue", False),
        (None, True),
    }


def test_an_edit_that_says_nothing_new_writes_nothing() -> None:
    ana = genesis()
    bob = joined(ana, "bob~1")
    ana.write(ana.edit.set_fields(TEAM, {COLOUR: "red"}))
    sync(ana, bob)
    assert bob.edit.set_fields(TEAM, {COLOUR: "red"}) == {}
    assert bob.edit.set_fields(TEAM, {DATA: REMOVED}) == {}
    assert bob.edit.set_fields(APP, {DATA: "x"}) == {}, "there is no such object"


def test_d3_slots_of_a_sites_earlier_writer_are_its_own_and_never_stamped_again() -> None:
    """A's first boot writes old; B saw it, writes new; A restarts: old does not come back, and goes when seen."""
    ana = genesis()
    bob = joined(ana, "bob~1")
    ana.write(ana.edit.set_fields(TEAM, {COLOUR: "old"}))
    sync(ana, bob)
    bob.write(bob.edit.set_fields(TEAM, {COLOUR: "new"}))
    again = Record(GID, "ana~2")
    again.load([ana.document.diff()])
    assert value(again) == "old"
    sync(again, bob)
    assert value(again) == value(bob) == "new"
    assert again.view.conflicts() == []
    assert [key for key, _ in bob.document.items() if key.startswith("f/") and key.endswith("|ana~1")] == []


def test_a_new_edit_removes_the_slot_of_the_earlier_writer_in_the_same_transaction() -> None:
    ana = genesis()
    ana.write(ana.edit.set_fields(TEAM, {COLOUR: "old"}))
    again = Record(GID, "ana~2")
    again.load([ana.document.diff()])
    again.write(again.edit.set_fields(TEAM, {COLOUR: "new"}))
    assert [key for key, _ in again.document.items() if key.startswith("f/")] == [
        key_text("f", *TEAM, "1", COLOUR, writer="ana~2")
    ]


def test_d1_eleven_sites_and_the_unseen_edit_stays_visible() -> None:
    owner = genesis()
    ten = [joined(owner, f"s{number}~1") for number in range(10)]
    eleventh = joined(owner, "z~1")
    sync(owner, eleventh, *ten)
    for number, record in enumerate(ten):
        record.write(record.edit.set_fields(TEAM, {COLOUR: f"v{number}"}))
    for record in ten[:9]:
        eleventh.apply(record.document.diff(eleventh.document.state_vector()))
    eleventh.write(eleventh.edit.set_fields(TEAM, {COLOUR: "new"}))
    sync(owner, eleventh, *ten)
    assert value(owner) == "new"
    (conflict,) = owner.view.conflicts()
    assert "v9" in {loser.value for loser in conflict.losers}
    assert len(conflict.losers) == 2


def test_an_edit_in_the_live_object_does_not_cover_a_winner_still_on_its_way_there() -> None:
    """Bob's user replaces red, which is live; ana's newer green is in the record, but not yet written there."""
    ana = genesis()
    bob = joined(ana, "bob~1")
    ana.write(ana.edit.set_fields(TEAM, {COLOUR: "red"}))
    sync(ana, bob)
    ana.write(ana.edit.set_fields(TEAM, {COLOUR: "green"}))
    bob.apply(ana.document.diff())
    bob.write(bob.edit.set_fields(TEAM, {COLOUR: "blue"}, sights={COLOUR: Sight(print=fingerprint("red"))}))
    sync(ana, bob)
    (conflict,) = ana.view.conflicts()
    assert (conflict.winner.value, [loser.value for loser in conflict.losers]) == ("blue", ["green"])


def test_an_edit_does_not_cover_an_older_one_that_arrived_after_it_was_made() -> None:
    """Bob's agent was down when his user replaced red: ana's loser of the meantime was shown to nobody."""
    ana = genesis()
    bob = joined(ana, "bob~1")
    ana.write(ana.edit.set_fields(TEAM, {COLOUR: "green"}))
    for value in ("1", "2", "red"):
        bob.write(bob.edit.set_fields(TEAM, {COLOUR: value}))
    bob.apply(ana.document.diff())
    bob.write(bob.edit.set_fields(TEAM, {COLOUR: "blue"}, sights={COLOUR: Sight(print=fingerprint("red"))}))
    sync(ana, bob)
    (conflict,) = ana.view.conflicts()
    assert (conflict.winner.value, [loser.value for loser in conflict.losers]) == ("blue", ["green"])


def test_an_edit_of_what_the_server_made_of_a_value_covers_that_value() -> None:
    ana = genesis()
    bob = joined(ana, "bob~1")
    ana.write(ana.edit.set_fields(TEAM, {COLOUR: "green"}))
    sync(ana, bob)
    field = bob.view.field(TEAM, COLOUR)
    assert field is not None
    sight = Sight(print=fingerprint("grey"), stamps=(field.winner.stamp,))
    bob.write(bob.edit.set_fields(TEAM, {COLOUR: "blue"}, sights={COLOUR: sight}))
    sync(ana, bob)
    assert ana.view.conflicts() == []


def test_an_edit_of_a_removed_field_covers_the_removal() -> None:
    ana = genesis()
    bob = joined(ana, "bob~1")
    ana.write(ana.edit.set_fields(TEAM, {COLOUR: "green"}))
    ana.write(ana.edit.set_fields(TEAM, {COLOUR: REMOVED}))
    sync(ana, bob)
    bob.write(bob.edit.set_fields(TEAM, {COLOUR: "blue"}, sights={COLOUR: Sight(print="")}))
    sync(ana, bob)
    assert ana.view.conflicts() == []


def test_d5_adopted_values_fill_gaps_and_lose_as_a_visible_conflict() -> None:
    """The adopting invitee has read the record's value before it enters its own."""
    ana = genesis()
    ana.write(ana.edit.set_fields(TEAM, {COLOUR: "red"}))
    bob = joined(ana, "bob~1")
    bob.write(bob.edit.set_fields(TEAM, {COLOUR: "blue", DATA: "extra"}, adopted=True))
    sync(ana, bob)
    assert value(ana) == value(bob) == "red"
    assert value(ana, TEAM, DATA) == "extra"
    (conflict,) = ana.view.conflicts()
    assert [(loser.site, loser.value) for loser in conflict.losers] == [("bob", "blue")]


def test_an_adopted_value_does_not_lift_a_removed_field() -> None:
    ana = genesis()
    ana.write(ana.edit.set_fields(TEAM, {COLOUR: "red"}))
    ana.write(ana.edit.set_fields(TEAM, {COLOUR: REMOVED}))
    bob = joined(ana, "bob~1")
    bob.write(bob.edit.set_fields(TEAM, {COLOUR: "blue"}, adopted=True))
    sync(ana, bob)
    assert value(ana) is REMOVED
    assert len(ana.view.conflicts()) == 1


# -- objects --------------------------------------------------------------------------------------------------------


def test_an_object_created_twice_in_a_cut_is_one_object_united_per_field() -> None:
    ana = genesis()
    bob = joined(ana, "bob~1")
    ana.write(ana.edit.add_object(APP, {DATA: "a", field_path("data", "x"): "1"}))
    bob.write(bob.edit.add_object(APP, {DATA: "b", field_path("data", "y"): "2"}))
    sync(ana, bob)
    desired = ana.view.desired(APP)
    assert desired is not None
    assert sorted(desired.values()) == [DATA, field_path("data", "x"), field_path("data", "y")]
    assert len(ana.view.conflicts()) == 1


def test_a_delete_wins_over_a_concurrent_update_for_ever_s3() -> None:
    ana = genesis()
    bob = joined(ana, "bob~1")
    ana.write(ana.edit.add_object(APP, {DATA: "a"}))
    sync(ana, bob)
    ana.write(ana.edit.tombstone(APP))
    bob.write(bob.edit.set_fields(APP, {DATA: "b"}))
    sync(ana, bob)
    assert bob.view.desired(APP) is None
    assert bob.view.objects() == [TEAM]
    assert bob.view.tombstones() == {APP: 1}
    assert ana.edit.tombstone(APP) == {}


def test_an_object_made_again_is_a_new_incarnation_without_the_old_fields() -> None:
    ana = genesis()
    ana.write(ana.edit.add_object(APP, {DATA: "a", field_path("data", "x"): "1"}))
    ana.write(ana.edit.tombstone(APP))
    ana.write(ana.edit.add_object(APP, {DATA: "b"}))
    desired = ana.view.desired(APP)
    assert desired is not None
    assert (desired.n, desired.values()) == (2, {DATA: "b"})


def test_d2_a_creation_the_tombstone_had_not_seen_is_shown() -> None:
    """P creates (kind, name, 1), deletes it; Q, cut, creates the same n = 1, acknowledged."""
    ana = genesis()
    bob = joined(ana, "bob~1")
    ana.write(ana.edit.add_object(APP, {DATA: "a"}))
    ana.write(ana.edit.tombstone(APP))
    bob.write(bob.edit.add_object(APP, {DATA: "b"}))
    sync(ana, bob)
    assert bob.view.desired(APP) is None
    (conflict,) = bob.view.conflicts()
    assert (conflict.object_id, conflict.path, conflict.winner.removed) == (APP, "", True)
    assert [(loser.site, loser.value) for loser in conflict.losers] == [("bob", {DATA: "b"})]


def test_d6_adopt_does_not_lift_what_was_deleted() -> None:
    """Keep, delete elsewhere, re-invite with adopt."""
    ana = genesis()
    ana.write(ana.edit.add_object(APP, {DATA: "a"}))
    ana.write(ana.edit.tombstone(APP))
    bob = joined(ana, "bob~1")
    assert bob.edit.add_object(APP, {DATA: "a"}, adopted=True) == {}
    bob.write(bob.edit.add_object(ObjectId("configmaps", "other"), {DATA: "o"}, adopted=True))
    sync(ana, bob)
    assert ana.view.objects() == [ObjectId("configmaps", "other"), TEAM]


def test_the_roots_tombstone_ends_the_record_whatever_comes_after() -> None:
    ana = genesis()
    ana.write(ana.edit.add_object(APP, {DATA: "a"}))
    bob = joined(ana, "bob~1")
    ana.write(ana.edit.tombstone(TEAM))
    bob.write(bob.edit.set_fields(TEAM, {COLOUR: "late"}))
    sync(ana, bob)
    assert bob.view.destroyed is not None
    assert bob.view.destroyed.c == Rank(0, 1, "ana")
    assert bob.view.objects() == []
    assert bob.view.desired(TEAM) is None
    assert bob.view.desired(APP) is None
    assert not bob.edit.set_fields(TEAM, {COLOUR: "later"})


def test_the_status_of_each_site_is_kept_apart() -> None:
    ana = genesis()
    bob = joined(ana, "bob~1")
    ana.write(ana.edit.status(TEAM, {"phase": "Active"}))
    bob.write(bob.edit.status(TEAM, {"phase": "Terminating"}))
    sync(ana, bob)
    assert {site: status.status["phase"] for site, status in ana.view.statuses(TEAM).items()} == {
        "ana": "Active",
        "bob": "Terminating",
    }


# -- what comes from outside ----------------------------------------------------------------------------------------


def test_the_lamport_counter_continues_above_all_seen() -> None:
    ana = genesis()
    bob = joined(ana, "bob~1")
    for number in range(50):
        ana.write(ana.edit.set_fields(TEAM, {COLOUR: str(number)}))
    sync(ana, bob)
    assert bob.edit.stamp().lamport == ana.edit.stamp().lamport


@pytest.mark.parametrize(("over", "taken"), [(0, True), (1, False)])
def test_d4_an_update_may_raise_the_counter_by_its_writes_and_a_million_and_no_more(over: int, taken: bool) -> None:
    ana, mallory = genesis(), Record(GID, "mallory~1")
    mallory.apply(ana.document.diff())
    stamp = Stamp(ana.view.lamport + 1 + LAMPORT_LEAP + over, "mallory~1")
    key = key_text("f", *TEAM, "1", COLOUR, writer="mallory~1")
    update = mallory.write({key: value_text(Field(t=stamp, v="x"))})
    if taken:
        ana.apply(update)
        assert value(ana) == "x"
    else:
        digest = ana.document.digest()
        with pytest.raises(LamportLeap):
            ana.apply(update)
        assert ana.document.digest() == digest


def test_d4_a_site_that_wrote_more_than_a_million_times_alone_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collab.record.record.LAMPORT_LEAP", 4)
    ana = genesis()
    bob = joined(ana, "bob~1")
    sync(ana, bob)
    for number in range(100):
        bob.write(bob.edit.set_fields(TEAM, {COLOUR: str(number)}))
    sync(ana, bob)
    assert value(ana) == "99"


def test_a_bad_new_key_is_refused_whole() -> None:
    ana, mallory = genesis(), Record(GID, "mallory~1")
    update = mallory.document.put({"lease|mallory~1": "{}"})
    with pytest.raises(BadSlot):
        ana.apply(update)
    assert "lease|mallory~1" not in dict(ana.document.items())


def test_a_bad_value_is_kept_aside_decides_nothing_and_is_replaced_by_a_good_one() -> None:
    ana, mallory = genesis(), Record(GID, "mallory~1")
    mallory.apply(ana.document.diff())
    key = key_text("f", *TEAM, "1", COLOUR, writer="mallory~1")
    ana.apply(mallory.document.put({key: '{"t":[9,"mallory~1"],"what":1}'}))
    assert list(ana.view.bad) == [key]
    assert value(ana) is REMOVED
    ana.apply(mallory.write({key: value_text(Field(t=Stamp(10, "mallory~1"), v="fine"))}))
    assert ana.view.bad == {}
    assert value(ana) == "fine"


def test_a_bad_local_slot_is_never_written() -> None:
    ana = genesis()
    with pytest.raises(BadSlot):
        ana.write({key_text("f", *TEAM, "1", COLOUR, writer="ana~1"): "{}"})


def test_a_staged_update_changes_nothing_but_shows_what_it_would_say() -> None:
    ana = genesis()
    bob = joined(ana, "bob~1")
    cid = joined(ana, "cid~1")
    sync(ana, bob, cid)
    update = cid.write(cid.edit.claim(Rank(1, 0, "cid"), "own"))
    assert ana.staged(update).owner == "cid"
    assert ana.view.owner == "ana"
    later = cid.write(cid.edit.claim(Rank(2, 0, "cid"), "own"))
    with pytest.raises(Gap):
        ana.staged(later)


def test_a_record_over_a_megabyte_says_so() -> None:
    ana = genesis()
    assert not ana.full
    ana.write(ana.edit.set_fields(TEAM, {DATA: "x" * (1 << 20)}))
    assert ana.full


# -- the view -------------------------------------------------------------------------------------------------------


def random_edit(rng: random.Random, record: Record) -> None:
    view, edit = record.view, record.edit
    target = rng.choice([TEAM, APP, ObjectId("configmaps", "other")])
    path = rng.choice([COLOUR, DATA])
    match rng.randrange(6):
        case 0:
            record.write(edit.add_object(target, {path: str(rng.randrange(3))}))
        case 1 if target != TEAM:
            record.write(edit.tombstone(target))
        case 2:
            record.write(edit.set_fields(target, {path: REMOVED}))
        case 3 if view.claim:
            record.write(edit.claim(Rank(view.claim.e + 1, 0, edit.site), "own"))
            record.write(edit.membership(rng.choice("abc"), inv=edit.new_id(), state=rng.choice(["in", "out"])))
        case _:
            record.write(edit.set_fields(target, {path: str(rng.randrange(3))}))


def told(view: RecordView) -> Sequence[object]:
    desired = [view.desired(object_id) for object_id in view.objects()]
    return [
        view.claim,
        view.acting,
        view.members(),
        view.policy,
        view.tombstones(),
        desired,
        view.conflicts(),
        view.bad,
    ]


@pytest.mark.parametrize("seed", range(30))
def test_a_view_fed_change_by_change_equals_one_read_at_once_in_any_order_c4(seed: int) -> None:
    rng = random.Random(seed)
    owner = genesis()
    records = [owner, joined(owner, "bob~1"), joined(owner, "cid~1")]
    for _ in range(60):
        record = rng.choice(records)
        if rng.random() < 0.6:
            random_edit(rng, record)
        else:
            take(record, rng.choice(records).document.diff(record.document.state_vector()))
    sync(*records)
    for record in records:
        slots = record.document.items()
        rng.shuffle(slots)
        fresh = RecordView()
        for key, text in slots:
            fresh.take({key: text})
            fresh.take({key: text})
        assert told(fresh) == told(record.view) == told(owner.view)
