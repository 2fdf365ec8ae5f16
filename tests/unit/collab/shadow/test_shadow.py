"""The shadow: what is an edit, what is an echo, and what is written back. W1 to W6 are the schedules that broke drafts."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field

import pytest

from collab.protocol.localness import is_local_key, is_shared_path, shared_values, why_not_shared
from collab.protocol.names import KubeObject
from collab.protocol.shadow import BadObject, LocalWrite, Outcome, Proposal, Shadow, Step, Wanted, is_restored
from collab.record.joins import Sight
from collab.record.slots import REMOVED, ObjectId, Stamp, field_path, fingerprint

APP = ObjectId("configmaps", "app")
TEAM = ObjectId("namespaces", "team")
COLOUR = field_path("data", "colour")
SIZE = field_path("data", "size")
OWNER = field_path("metadata", "labels", "owner")


@dataclass
class OneObject:
    """The part of an apiserver that one ConfigMap sees: resourceVersions, preconditions, and an admission plugin."""

    admit: Callable[[dict[str, str]], dict[str, str]] = lambda data: data
    revision: int = 100
    uids: int = 0
    now: dict[str, object] | None = None
    writes: list[LocalWrite] = field(default_factory=list)

    def user(self, **data: str | None) -> dict[str, object]:
        """A user edits data, past any precondition; None removes a key."""
        return self._store(_merged(self._data(), data))

    def recreate(self, **data: str) -> dict[str, object]:
        """A user deletes the object and makes it again."""
        self.now = None
        return self._store(data)

    def delete(self) -> int:
        self.revision += 1
        self.now = None
        return self.revision

    def touch(self) -> dict[str, object]:
        """A change of something that is not shared."""
        return self._store(self._data())

    def serve(self, write: LocalWrite) -> tuple[Outcome, int, dict[str, object]]:
        self.writes.append(write)
        match write.verb:
            case "create":
                return self._create(write.body)
            case "patch":
                return self._patch(write.body)
            case "delete":
                self.delete()
                return "ok", 200, {"kind": "Status", "status": "Success"}

    def _create(self, body: Mapping[str, object]) -> tuple[Outcome, int, dict[str, object]]:
        if self.now is not None:
            return "refused", 409, {"kind": "Status", "reason": "AlreadyExists"}
        data = body.get("data", {})
        assert isinstance(data, dict)
        return "ok", 201, self._store(self.admit(data))

    def _patch(self, body: Mapping[str, object]) -> tuple[Outcome, int, dict[str, object]]:
        if self.now is None:
            return "refused", 404, {"kind": "Status"}
        live, asked = self.now["metadata"], body["metadata"]
        assert isinstance(live, dict)
        assert isinstance(asked, dict)
        if (asked["uid"], asked["resourceVersion"]) != (live["uid"], live["resourceVersion"]):
            return "refused", 409, {"kind": "Status", "reason": "Conflict"}
        data = body.get("data", {})
        assert isinstance(data, dict)
        return "ok", 200, self._store(self.admit(_merged(self._data(), data)))

    def _data(self) -> dict[str, str]:
        data = self.now["data"] if self.now else {}
        assert isinstance(data, dict)
        return data

    def _store(self, data: dict[str, str]) -> dict[str, object]:
        self.revision += 1
        if self.now is None:
            self.uids += 1
        metadata = {"name": "app", "uid": f"uid-{self.uids}", "resourceVersion": str(self.revision)}
        self.now = {"metadata": metadata, "data": dict(data)}
        return deepcopy(self.now)


def _merged(data: Mapping[str, str], patch: Mapping[str, str | None]) -> dict[str, str]:
    merged = {**data, **patch}
    return {key: value for key, value in merged.items() if value is not None}


def wanted(n: int = 1, **data: tuple[object, int]) -> Wanted:
    """Data keys as the record wants them: key=(value or REMOVED, Lamport counter)."""
    return Wanted(
        n=n,
        fields={field_path("data", key): (value, Stamp(lamport, "rennes~1")) for key, (value, lamport) in data.items()},
    )


def shadowing(obj: KubeObject) -> Shadow:
    """A shadow whose twin is obj, in step with it."""
    shadow = Shadow(APP, "team")
    shadow.adopt(obj, 1)
    return shadow


def sent(proposal: Proposal | None) -> LocalWrite:
    assert proposal is not None, "nothing was proposed"
    return proposal.write


# -- the plain course -----------------------------------------------------------------------------------------------


def test_a_users_edit_and_removal_are_found_once() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red", size="1"))
    step = shadow.observe(server.user(colour="blue", size=None), 1)
    assert step.edits == {COLOUR: "blue", SIZE: REMOVED}
    assert step.entry is not None
    assert shadow.observe(server.touch(), 1) == Step()


def test_an_edit_tells_what_the_user_saw_before_it() -> None:
    server = OneObject(admit=lambda data: {**data, "size": "1000m"} if "size" in data else data)
    shadow = shadowing(server.user(colour="red"))
    write = sent(shadow.propose(wanted(size=("1", 6)), 0))
    shadow.observe(server.user(colour="blue"), 1)
    step = shadow.finished(*server.serve(write), 1)
    assert step.sights == {COLOUR: Sight(print=fingerprint("red"))}
    shadow.finished(*server.serve(sent(shadow.propose(wanted(size=("1", 6)), 0))), 1)
    step = shadow.observe(server.user(size="2", new="x"), 1)
    assert step.sights == {
        SIZE: Sight(print=fingerprint("1000m"), stamps=(Stamp(6, "rennes~1"),)),
        field_path("data", "new"): Sight(print=""),
    }


def test_a_user_knows_the_conflicts_that_were_shown_while_the_value_was_live() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    winner, loser = Stamp(5, "rennes~1"), Stamp(4, "lyon~1")
    shadow.propose(Wanted(n=1, fields={COLOUR: ("red", winner)}, losers={COLOUR: (loser,)}), 0)
    step = shadow.observe(server.user(colour="blue"), 1)
    assert step.sights[COLOUR].stamps == (winner, loser)
    assert step.entry is not None
    after = Shadow(APP, "team")
    after.load(step.entry)
    assert after.observe(server.user(colour="green"), 1).sights[COLOUR].stamps == (winner, loser)


def test_what_the_record_wants_is_one_patch_with_preconditions() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red", size="1", keep="me"))
    write = sent(shadow.propose(wanted(colour=("blue", 5), size=(REMOVED, 6), extra=("x", 7)), 0))
    assert write.method == "PATCH"
    assert write.content_type == "application/merge-patch+json"
    assert write.query == "fieldManager=collab"
    assert write.body == {
        "metadata": {"uid": "uid-1", "resourceVersion": "101"},
        "data": {"colour": "blue", "size": None, "extra": "x"},
    }
    shadow.finished(*server.serve(write), 1)
    assert shadow.live_values == {COLOUR: "blue", field_path("data", "extra"): "x", field_path("data", "keep"): "me"}


def test_equal_state_makes_no_write_k1() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    assert shadow.propose(wanted(colour=("red", 5), size=(REMOVED, 6)), 0) is None
    assert shadow.propose(None, 0) is None


def test_a_field_the_record_does_not_know_is_left_alone_s4() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red", private="yes"))
    write = sent(shadow.propose(wanted(colour=("blue", 5)), 0))
    assert write.body["data"] == {"colour": "blue"}


def test_a_missing_object_is_created_and_the_response_is_its_shadow() -> None:
    server = OneObject()
    shadow = Shadow(APP, "team")
    assert shadow.propose(wanted(colour=("red", 5)), 0) is None, "nobody has looked yet"
    shadow.gone(100)
    write = sent(shadow.propose(wanted(colour=("red", 5), size=(REMOVED, 6)), 0))
    assert write.body == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "app", "namespace": "team"},
        "data": {"colour": "red"},
    }
    created = server.serve(write)
    shadow.finished(*created, 1)
    assert (shadow.uid, shadow.incarnation) == ("uid-1", 1)
    assert shadow.observe(created[2], 1) == Step(), "its own ADDED event is an echo"


def test_an_object_made_again_by_a_user_is_compared_with_an_empty_shadow() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red", size="1"))
    step = shadow.observe(server.recreate(colour="red"), 2)
    assert step.edits == {COLOUR: "red"}, "what the new one lacks was not removed by anybody"
    assert (shadow.uid, shadow.incarnation) == ("uid-2", 2)


def test_a_local_delete_is_no_edit_and_the_object_is_made_again() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    assert shadow.gone(server.delete(), "uid-1").edits == {}
    write = sent(shadow.propose(wanted(colour=("red", 5)), 0))
    assert write.method == "POST"


def test_a_late_delete_event_of_the_former_object_is_ignored() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    shadow.observe(server.recreate(colour="red"), 1)
    assert shadow.gone(server.revision + 1, "uid-1") == Step()
    assert shadow.present


def test_late_events_of_an_object_that_a_read_did_not_find_are_no_new_object() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    modified = server.user(colour="blue")
    server.delete()
    shadow.finished(*server.serve(sent(shadow.propose(wanted(colour=("green", 5)), 0))), 1)
    shadow.read(None, 1, asked_at=shadow.revision)
    assert shadow.observe(modified, 1) == Step()
    assert not shadow.present


def test_an_object_created_right_after_a_read_found_nothing_is_seen() -> None:
    server = OneObject()
    shadow = Shadow(APP, "team")
    shadow.gone(server.revision)
    sent(shadow.propose(wanted(colour=("red", 5)), 0))
    shadow.finished("unknown", 0, {}, 1)
    shadow.read(None, 1, asked_at=shadow.revision)
    assert shadow.observe(server.user(colour="green"), 1).edits == {COLOUR: "green"}


def test_a_404_that_was_overtaken_by_a_create_says_nothing() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    asked_at = shadow.revision
    deleted_at = server.delete()
    assert shadow.finished(*server.serve(sent(shadow.propose(wanted(colour=("blue", 5)), 0))), 1).read
    shadow.gone(deleted_at, "uid-1")  # the event is faster than the GET
    shadow.finished(*server.serve(sent(shadow.propose(wanted(colour=("blue", 5)), 0))), 1)
    shadow.read(None, 1, asked_at=asked_at)
    assert shadow.present
    assert shadow.observe(server.user(colour="green"), 1).edits == {COLOUR: "green"}


def test_a_tombstoned_twin_is_deleted_by_uid_and_once() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    write = sent(shadow.propose(None, 1))
    assert write.method == "DELETE"
    assert write.body["preconditions"] == {"uid": "uid-1"}
    shadow.finished(*server.serve(write), 1)
    assert shadow.propose(None, 1) is None, "the DELETE was accepted: its event is awaited"
    shadow.gone(server.revision, "uid-1")
    assert shadow.propose(None, 1) is None
    assert not shadow.present


def test_a_new_incarnation_replaces_the_tombstoned_object_by_a_new_one() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    shadow.finished(*server.serve(sent(shadow.propose(wanted(n=2, size=("1", 9)), 1))), 1)
    shadow.gone(server.revision, "uid-1")
    shadow.finished(*server.serve(sent(shadow.propose(wanted(n=2, size=("1", 9)), 1))), 2)
    assert shadow.live_values == {SIZE: "1"}
    assert (shadow.uid, shadow.incarnation) == ("uid-2", 2)


def test_a_users_object_after_the_tombstone_is_not_deleted() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    shadow.observe(server.recreate(colour="green"), 2)
    assert shadow.propose(wanted(n=2, colour=("green", 9)), 1) is None


def test_a_terminating_object_gets_no_patch() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    going = server.touch()
    metadata = going["metadata"]
    assert isinstance(metadata, dict)
    metadata["deletionTimestamp"] = "2030-01-01T00:00:00Z"
    shadow.observe(going, 1)
    assert shadow.propose(wanted(colour=("blue", 5)), 0) is None
    assert shadow.propose(None, 1) is None


# -- the schedules that broke drafts --------------------------------------------------------------------------------


def test_w1_the_event_of_a_patch_arrives_before_its_response() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    response = server.serve(sent(shadow.propose(wanted(colour=("blue", 5)), 0)))
    assert shadow.observe(response[2], 1) == Step(), "held: the write is open"
    assert shadow.finished(*response, 1).edits == {}
    assert shadow.propose(wanted(colour=("blue", 5)), 0) is None


def test_w1_a_users_edit_after_the_patch_is_found_when_the_response_is_there() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    response = server.serve(sent(shadow.propose(wanted(colour=("blue", 5)), 0)))
    shadow.observe(response[2], 1)
    shadow.observe(server.user(size="2"), 1)
    step = shadow.finished(*response, 1)
    assert step.edits == {SIZE: "2"}
    assert step.entry is not None


def test_w1_a_deletion_that_waited_counts_after_the_response() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    response = server.serve(sent(shadow.propose(wanted(colour=("blue", 5)), 0)))
    shadow.gone(server.delete(), "uid-1")
    assert shadow.present
    shadow.finished(*response, 1)
    assert not shadow.present


def test_w2_an_event_older_than_the_shadow_changes_nothing() -> None:
    server = OneObject()
    old = server.user(colour="red")
    shadow = shadowing(old)
    shadow.finished(*server.serve(sent(shadow.propose(wanted(colour=("blue", 5)), 0))), 1)
    assert shadow.observe(old, 1) == Step()
    assert shadow.live_values == {COLOUR: "blue"}
    assert shadow.gone(101, "uid-1") == Step()


def test_w2_an_older_event_that_waited_for_a_write_changes_nothing() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    touched = server.touch()
    shadow.observe(server.user(size="1"), 1)
    write = sent(shadow.propose(wanted(colour=("blue", 5), size=("1", 6)), 0))
    shadow.observe(touched, 1)  # on its way for long
    assert shadow.finished(*server.serve(write), 1).edits == {}
    assert shadow.live_values == {COLOUR: "blue", SIZE: "1"}


def test_w3_a_users_edit_read_after_a_409_enters_a_slot_and_the_next_patch_builds_on_it() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    server.user(size="2")  # its event is late
    step = shadow.finished(*server.serve(sent(shadow.propose(wanted(colour=("blue", 5)), 0))), 1)
    assert step.read
    assert shadow.propose(wanted(colour=("blue", 5)), 0) is None, "the same patch again would fail again"
    assert server.now is not None
    assert shadow.read(server.now, 1, asked_at=shadow.revision).edits == {SIZE: "2"}
    write = sent(shadow.propose(wanted(colour=("blue", 5), size=("2", 6)), 0))
    assert write.body == {"metadata": {"uid": "uid-1", "resourceVersion": "102"}, "data": {"colour": "blue"}}
    shadow.finished(*server.serve(write), 1)
    assert shadow.live_values == {COLOUR: "blue", SIZE: "2"}


def test_w3_a_409_needs_no_read_when_the_newer_event_waited_already() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    write = sent(shadow.propose(wanted(colour=("blue", 5)), 0))
    shadow.observe(server.user(size="2"), 1)
    step = shadow.finished(*server.serve(write), 1)
    assert (step.edits, step.read) == ({SIZE: "2"}, False)


def test_w4_a_late_response_does_not_take_the_shadow_back() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    response = server.serve(sent(shadow.propose(wanted(colour=("blue", 5)), 0)))
    shadow.finished("unknown", 0, {}, 1)
    shadow.read(server.user(colour="green"), 1, asked_at=shadow.revision)
    revision = shadow.revision
    with pytest.raises(LookupError):
        shadow.finished(*response, 1)
    assert shadow.observe(response[2], 1) == Step()
    assert shadow.revision == revision
    assert shadow.live_values == {COLOUR: "green"}


@pytest.mark.parametrize("crash", [False, True], ids=["time-out", "crash"])
def test_w5_a_write_whose_response_is_lost_is_no_users_edit(crash: bool) -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red", size="1"))
    proposal = shadow.propose(wanted(colour=("blue", 5), size=(REMOVED, 6)), 0)
    server.serve(sent(proposal))
    if crash:
        assert proposal is not None
        shadow = Shadow(APP, "team")
        shadow.load(proposal.entry)
    else:
        assert shadow.finished("unknown", 0, {}, 1).read
    assert server.now is not None
    assert shadow.read(server.now, 1, asked_at=shadow.revision).edits == {}
    assert shadow.propose(wanted(colour=("blue", 5), size=(REMOVED, 6)), 0) is None


def test_w5_a_lost_create_is_recognised_by_what_it_tried() -> None:
    server = OneObject()
    shadow = Shadow(APP, "team")
    shadow.gone(100)
    server.serve(sent(shadow.propose(wanted(colour=("red", 5)), 0)))
    shadow.finished("unknown", 0, {}, 1)
    shadow.read(None, 1, asked_at=shadow.revision)  # not there yet: the request is still on its way
    again = server.serve(sent(shadow.propose(wanted(colour=("blue", 7)), 0)))
    assert again[1] == 409
    assert shadow.finished(*again, 1).read
    assert server.now is not None
    assert shadow.read(server.now, 1, asked_at=shadow.revision).edits == {}, "red was tried by the first create"
    assert sent(shadow.propose(wanted(colour=("blue", 7)), 0)).body["data"] == {"colour": "blue"}


def test_w5_once_settled_a_user_may_set_the_tried_value_again() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    shadow.finished(*server.serve(sent(shadow.propose(wanted(colour=("blue", 5)), 0))), 1)
    assert shadow.observe(server.user(colour="green"), 1).edits == {COLOUR: "green"}
    assert shadow.observe(server.user(colour="blue"), 1).edits == {COLOUR: "blue"}


def test_w5_a_user_may_set_by_hand_what_the_server_refused_from_us() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    sent(shadow.propose(wanted(colour=("blue", 5)), 0))
    shadow.finished("refused", 422, {}, 1)
    assert shadow.observe(server.user(colour="blue"), 1).edits == {COLOUR: "blue"}


def test_w5_an_edit_before_the_crash_is_in_the_entry_that_came_with_it() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    step = shadow.observe(server.user(colour="blue"), 1)
    assert step.entry is not None
    after = Shadow(APP, "team")
    after.load(step.entry)
    assert server.now is not None
    assert after.observe(server.now, 1).edits == {}
    assert after.observe(server.user(colour="green"), 1).edits == {COLOUR: "green"}


def test_w6_admission_that_rewrites_the_value_gets_one_patch_per_stamp() -> None:
    server = OneObject(admit=lambda data: {**data, "colour": "grey"})
    shadow = shadowing(server.user(colour="red"))
    want = wanted(colour=("blue", 5))
    step = shadow.finished(*server.serve(sent(shadow.propose(want, 0))), 1)
    assert step.edits == {}, "what admission made of our write is nobody's edit"
    assert shadow.propose(want, 0) is None
    shadow.observe(server.touch(), 1)
    assert shadow.propose(want, 0) is None, "nothing that is shared has changed"
    assert shadow.propose(wanted(colour=("blue", 8)), 0) is not None, "a newer edit deserves a try"


def test_w6_it_is_tried_again_once_the_live_object_changed() -> None:
    server = OneObject(admit=lambda data: {**data, "colour": "grey"})
    shadow = shadowing(server.user(colour="red"))
    want = wanted(colour=("blue", 5))
    shadow.finished(*server.serve(sent(shadow.propose(want, 0))), 1)
    shadow.observe(server.user(size="2"), 1)
    assert shadow.propose(want, 0) is not None


def test_w6_survives_a_restart() -> None:
    server = OneObject(admit=lambda data: {**data, "colour": "grey"})
    shadow = shadowing(server.user(colour="red"))
    want = wanted(colour=("blue", 5))
    step = shadow.finished(*server.serve(sent(shadow.propose(want, 0))), 1)
    assert step.entry is not None
    after = Shadow(APP, "team")
    after.load(step.entry)
    assert server.now is not None
    assert after.observe(server.now, 1).edits == {}
    assert after.propose(want, 0) is None


def test_w6_what_the_server_refuses_for_good_is_not_sent_again() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    sent(shadow.propose(wanted(colour=("blue", 5)), 0))
    step = shadow.finished("refused", 422, {"message": "field is immutable"}, 1)
    assert step.rejected == "422 field is immutable"
    assert shadow.propose(wanted(colour=("blue", 5)), 0) is None
    assert shadow.propose(wanted(colour=("blue", 5), size=("2", 6)), 0) is not None


def test_w6_a_create_refused_for_good_is_not_sent_again_even_without_fields() -> None:
    shadow = Shadow(APP, "team")
    shadow.gone(100)
    sent(shadow.propose(wanted(), 0))
    shadow.finished("refused", 422, {}, 1)
    assert shadow.propose(wanted(), 0) is None


# -- other ends of a write, other starts ----------------------------------------------------------------------------


@pytest.mark.parametrize("code", [403, 429])
def test_a_refusal_that_may_pass_is_tried_again_after_a_backoff(code: int) -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    sent(shadow.propose(wanted(colour=("blue", 5)), 0))
    assert shadow.finished("refused", code, {}, 1).retry
    assert shadow.propose(wanted(colour=("blue", 5)), 0) is not None


def test_a_server_error_may_have_done_it_so_the_object_is_read() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    server.serve(sent(shadow.propose(wanted(colour=("blue", 5)), 0)))
    assert shadow.finished("refused", 504, {}, 1).read
    assert server.now is not None
    assert shadow.read(server.now, 1, asked_at=shadow.revision).edits == {}


def test_a_patch_of_an_object_that_went_away_ends_in_a_read() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    server.delete()
    step = shadow.finished(*server.serve(sent(shadow.propose(wanted(colour=("blue", 5)), 0))), 1)
    assert step.read
    shadow.read(None, 1, asked_at=shadow.revision)
    assert sent(shadow.propose(wanted(colour=("blue", 5)), 0)).method == "POST"


def test_a_restored_apiserver_is_told_by_its_list_and_nothing_it_forgot_is_an_edit() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    backup = deepcopy(server.now)
    shadow.observe(server.user(colour="blue", size="1"), 1)
    assert not is_restored([shadow], server.revision)
    assert is_restored([shadow], 101)
    assert shadow.reset(backup, 101).edits == {}
    assert shadow.revision == 101
    write = sent(shadow.propose(wanted(colour=("blue", 5), size=("1", 6)), 0))
    assert write.body["data"] == {"colour": "blue", "size": "1"}
    assert shadow.reset(None, 50).edits == {}
    assert shadow.revision == 50


def test_an_answer_from_before_the_restore_is_not_believed() -> None:
    server = OneObject()
    shadow = shadowing(server.user(colour="red"))
    backup = deepcopy(server.now)
    response = server.serve(sent(shadow.propose(wanted(colour=("blue", 5)), 0)))
    shadow.reset(backup, 101)
    assert shadow.finished(*response, 1).read
    assert backup is not None
    shadow.read(backup, 1, asked_at=shadow.revision)
    assert sent(shadow.propose(wanted(colour=("blue", 5)), 0)).body["data"] == {"colour": "blue"}


def test_an_object_without_a_decimal_revision_is_refused() -> None:
    with pytest.raises(BadObject, match="resourceVersion"):
        Shadow(APP, "team").observe({"metadata": {"uid": "u", "resourceVersion": "x"}}, 1)
    with pytest.raises(BadObject, match="metadata"):
        Shadow(APP, "team").observe({}, 1)


def test_an_entry_of_another_object_is_refused() -> None:
    entry = Shadow(TEAM, "").entry()
    with pytest.raises(ValueError, match="namespaces/team"):
        Shadow(APP, "team").load(entry)


def test_the_durable_entry_holds_no_contents() -> None:
    step = Shadow(APP, "team").adopt(
        {"metadata": {"uid": "u", "resourceVersion": "7"}, "data": {"colour": "redrum"}}, 1
    )
    assert step.entry is not None
    assert b"redrum" not in step.entry
    assert json.loads(step.entry)["rv"] == 7


# -- localness ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "local"),
    [
        ("colour", False),
        ("example.org/colour", False),
        ("notkubernetes.io/colour", False),
        ("kubernetes.io/metadata.name", True),
        ("pod-security.kubernetes.io/enforce", True),
        ("app.kubernetes.io/name", True),
        ("node.k8s.io/x", True),
        ("k8s.io/x", True),
        ("collab.fakekube.dev/scope", True),
    ],
)
def test_keys_that_belong_to_kubernetes_or_to_collab_stay_local(key: str, local: bool) -> None:
    assert is_local_key(key) is local


def test_a_policy_lets_named_keys_in_but_never_the_sites_own() -> None:
    assert not is_local_key("app.kubernetes.io/name", frozenset({"app.kubernetes.io/name"}))
    own = "kubectl.kubernetes.io/last-applied-configuration"
    assert is_local_key(own, frozenset({own}))


def test_of_a_namespace_only_labels_and_annotations_are_shared() -> None:
    namespace: KubeObject = {
        "metadata": {
            "name": "team",
            "uid": "u",
            "resourceVersion": "7",
            "labels": {"owner": "ana", "kubernetes.io/metadata.name": "team"},
            "annotations": {"note": "hi"},
            "finalizers": ["x"],
            "managedFields": [],
        },
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }
    assert shared_values("namespaces", namespace) == {OWNER: "ana", field_path("metadata", "annotations", "note"): "hi"}


def test_of_a_configmap_data_binary_data_and_immutable_are_shared_too() -> None:
    configmap: KubeObject = {"metadata": {}, "data": {"a/b": "1"}, "binaryData": {"b": "AAA="}, "immutable": True}
    assert shared_values("configmaps", configmap) == {
        field_path("data", "a/b"): "1",
        field_path("binaryData", "b"): "AAA=",
        field_path("immutable"): True,
    }


@pytest.mark.parametrize(
    "path",
    [
        field_path("metadata", "uid"),
        field_path("metadata", "labels"),
        field_path("metadata", "labels", "pod-security.kubernetes.io/enforce"),
        field_path("metadata", "labels", "a", "b"),
        field_path("spec", "finalizers"),
        field_path("immutable", "x"),
        "data/x",
    ],
)
def test_a_peers_slot_for_a_local_field_is_never_written(path: str) -> None:
    assert not is_shared_path("configmaps", path)
    shadow = shadowing(OneObject().user(colour="red"))
    assert shadow.propose(Wanted(n=1, fields={path: ("x", Stamp(5, "rennes~1"))}), 0) is None


def test_what_clusters_and_controllers_make_for_themselves_is_not_shared() -> None:
    assert why_not_shared("configmaps", {"metadata": {"name": "kube-root-ca.crt"}})
    controlled = {"metadata": {"name": "x", "ownerReferences": [{"controller": True}]}}
    assert "controller" in why_not_shared("configmaps", controlled)
    assert why_not_shared("pods", {"metadata": {"name": "x"}})
    assert why_not_shared("configmaps", {"metadata": {"name": "app"}}) == ""
