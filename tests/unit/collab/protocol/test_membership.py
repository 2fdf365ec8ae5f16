"""Who is obeyed, what proves a membership, and what a marker answers: the small rules, each by itself."""

from __future__ import annotations

import pytest

from collab.protocol.entries import read_entry
from collab.protocol.markers import Marker, answer_from_marker, read_marker
from collab.protocol.membership import obeys, proves_membership, writes_contents
from collab.protocol.messages import Ack, Diff, Exit, Exited, Have, Invite, Message, Nack, Op, Want
from collab.protocol.names import RecordId, SiteName
from collab.record.record import Record
from collab.record.slots import ObjectId, OwnerStamp, Policy, Root, Stamp

GID = RecordId("a~1.1")
A, B, C = SiteName("a"), SiteName("b"), SiteName("c")


def owner_record() -> Record:
    """A record of a, which has invited b."""
    record = Record(GID, "a~1")
    record.write(record.edit.genesis(api_version="v1", kind="namespaces", name="team"))
    record.write(record.edit.membership("b", inv="a~1.9"))
    return record


def copy_for(record: Record, writer: str) -> Record:
    other = Record(GID, writer)
    other.apply(record.document.diff())
    return other


def exit_of(record: Record, site: str) -> Exit:
    row = record.view.member(site)
    assert row is not None
    return Exit(doc=GID, stamp=row.stamp, mode="exit")


# -- EXIT (M9) ----------------------------------------------------------------------------------------------------


def test_an_exit_that_weighs_as_much_is_obeyed_and_a_lighter_one_is_not() -> None:
    record = owner_record()
    old = exit_of(record, "b")
    record.write(record.edit.membership("b", inv="a~1.10", state="out"))
    member = copy_for(record, "b~1")
    assert obeys(member.view, B, exit_of(record, "b"), A)
    assert not obeys(member.view, B, old, A)


def test_a_site_that_left_its_invitation_obeys_any_exit() -> None:
    record = owner_record()
    member = copy_for(record, "b~1")
    light = Exit(doc=GID, stamp=OwnerStamp(0, 0, "", 0, ""), mode="exit")
    assert not obeys(member.view, B, light, A)
    member.write(member.edit.answer("b", "a~1.9", "left"))
    assert obeys(member.view, B, light, A)


def test_a_stranger_is_never_obeyed() -> None:
    member = copy_for(owner_record(), "b~1")
    assert not obeys(member.view, B, Exit(doc=GID, stamp=None, mode="destroyed"), C)
    assert obeys(member.view, B, Exit(doc=GID, stamp=None, mode="destroyed"), A)


# -- acceptances --------------------------------------------------------------------------------------------------


def test_an_own_yes_proves_the_membership_and_nothing_else_does() -> None:
    record = owner_record()
    row = record.view.member("b")
    yes = copy_for(record, "b~1")
    assert proves_membership(yes.write(yes.edit.answer("b", "a~1.9", "accepted")), row)
    for inv, state, writer in (("a~1.9", "left", "b~2"), ("a~1.8", "accepted", "b~3"), ("a~1.9", "accepted", "c~1")):
        other = copy_for(record, writer)
        update = other.write(other.edit.answer("b", inv, "accepted" if state == "accepted" else "left"))
        assert not proves_membership(update, row), (inv, state, writer)
    assert not proves_membership(b"garbage", row)


def test_a_yes_beside_a_word_on_its_own_membership_is_staged() -> None:
    record = owner_record()
    other = copy_for(record, "b~1")
    slots = other.edit.answer("b", "a~1.9", "accepted") | other.edit.membership("b", inv="a~1.9")
    assert not proves_membership(other.write(slots), record.view.member("b"))


def test_contents_of_an_ro_member_are_told_from_what_it_relays() -> None:
    record = owner_record()
    team = ObjectId("namespaces", "team")
    theirs = record.write(record.edit.set_fields(team, {"f:metadata/f:labels/f:app": "x"}))
    member = copy_for(record, "b~1")
    own = member.write(member.edit.set_fields(team, {"f:metadata/f:labels/f:app": "y"}))
    assert not writes_contents(theirs, B)
    assert writes_contents(own, B)


# -- markers ------------------------------------------------------------------------------------------------------

INVITE = Invite(
    doc=GID,
    inv="a~1.9",
    root=Root(t=Stamp(1, "a~1"), apiVersion="v1", kind="namespaces", name="team", creator="a"),
    policy=Policy(t=OwnerStamp(0, 1, "a", 2, "a~1")),
    owner=A,
    addresses={},
)
FRAMES: list[Message] = [
    Have(doc=GID, digest=""),
    Want(doc=GID, sv=b"\x00"),
    Diff(doc=GID, base=b"", after=b"", upd=b""),
    Op(doc=GID, seq=1, base=b"", upd=()),
    INVITE,
]


@pytest.mark.parametrize("message", FRAMES, ids=lambda message: type(message).__name__)
def test_a_destroyed_record_is_destroyed_to_everybody_who_speaks_of_it(message: Message) -> None:
    marker = Marker(gid=GID, name="team", destroyed=True)
    assert answer_from_marker(marker, C, message).message == Exit(doc=GID, stamp=None, mode="destroyed")


@pytest.mark.parametrize("message", [*FRAMES, exit_of(owner_record(), "b")], ids=lambda message: type(message).__name__)
def test_a_leaver_says_that_it_left_with_its_last_state(message: Message) -> None:
    marker = Marker(gid=GID, name="team", destroyed=False, an={"a~1.9": "left"}, owed={A: ""}, last=b"state")
    assert answer_from_marker(marker, A, message).message == Exited(doc=GID, an={"a~1.9": "left"}, diff=b"state")


def test_a_new_invitation_is_not_answered_from_the_marker() -> None:
    marker = Marker(gid=GID, name="team", destroyed=False, an={"a~1.1": "left"})
    assert answer_from_marker(marker, A, INVITE).message is None


def test_a_leaver_lets_go_of_its_state_when_a_member_has_all_of_it() -> None:
    marker = Marker(gid=GID, name="team", destroyed=False, owed={A: "", C: ""}, last=b"state", last_sv=b"\x01\x07\x03")
    assert not answer_from_marker(marker, A, Ack(doc=GID, sv=b"\x01\x07\x02")).changed
    assert answer_from_marker(marker, A, Ack(doc=GID, sv=b"\x01\x07\x03")).changed
    assert (marker.last, marker.owed) == (b"", {})


def test_members_that_know_nothing_of_it_are_owed_nothing() -> None:
    marker = Marker(gid=GID, name="team", destroyed=False, owed={A: "", C: ""}, last=b"state")
    for site in (A, C):
        assert answer_from_marker(marker, site, Nack(doc=GID, reason="no")).changed
    assert marker.last == b""


def test_a_marker_survives_the_disk() -> None:
    stamp = OwnerStamp(1, 0, "b", 4, "b~1")
    marker = Marker(
        gid=GID, name="team", destroyed=True, an={"i": "left"}, owed={A: "http://a"}, last=b"s", last_sv=b"\0"
    )
    marker.out, marker.delete_uid = {B: (stamp, "delete")}, "uid"
    _, fields, payload = read_entry(marker.entry())
    assert read_marker(fields, payload) == marker
    assert marker.exit(B) == Exit(doc=GID, stamp=stamp, mode="exit", policy="delete")
    assert marker.exit(A) == Exit(doc=GID, stamp=None, mode="destroyed")
