"""The small parts: timers, turns, journal entries, names."""

from __future__ import annotations

import pytest

from collab.protocol.actions import Drop, Persist, Reported, Rewrite
from collab.protocol.entries import BadEntryError, entry, read_entry
from collab.protocol.names import check_gid, check_resource, check_site, collection_path, object_path
from collab.protocol.timers import Timers
from collab.protocol.turn import Turn


def test_timers_come_due_in_order_and_only_as_last_set() -> None:
    timers = Timers()
    timers.set(("a",), 5.0)
    timers.set(("b",), 3.0)
    timers.set(("a",), 1.0)
    timers.set_earlier(("b",), 4.0)
    timers.set(("c", "1"), 2.0)
    timers.cancel_all("c")
    assert timers.next_due() == 1.0
    assert timers.pop_due(3.0) == [("a",), ("b",)]
    assert timers.next_due() is None


def test_equal_times_come_out_sorted() -> None:
    timers = Timers()
    for name in ("c", "a", "b"):
        timers.set((name,), 1.0)
    assert timers.pop_due(1.0) == [("a",), ("b",), ("c",)]


def test_a_turn_puts_the_disk_first_and_drops_last() -> None:
    turn = Turn(0.0)
    turn.add(Reported(type="x", message=""))
    turn.drop("record.old")
    turn.persist("site", b"1")
    turn.persist("record.old", b"after the drop it is not dropped")
    turn.persist("site", b"2")
    turn.persist("new", b"lost in what follows")
    turn.rewrite("new", (b"state",))
    turn.persist("new", b"behind")
    kinds = [type(action) for action in turn.finish()]
    assert kinds == [Rewrite, Persist, Persist, Persist, Reported, Drop]


def test_entries_come_back() -> None:
    assert read_entry(entry("update", {"a": 1}, b"\x00payload")) == ("update", {"a": 1}, b"\x00payload")


@pytest.mark.parametrize("data", [b"", b"\x00\x00\x00\x02{}", b"\x00\x00\x00\x02[]", b"\x00\x00\x00\x09{"])
def test_an_entry_of_another_program_is_refused(data: bytes) -> None:
    with pytest.raises(BadEntryError):
        read_entry(data)


def test_names() -> None:
    assert check_site("site-001")
    assert not check_site("Site")
    assert not check_site("a" * 64)
    assert check_gid("site-001~00ff.12")
    assert not check_gid("../x~0.1")
    assert not check_gid(None)
    assert check_resource("namespaces/team") == ""
    assert "system namespace" in check_resource("namespaces/kube-public")
    assert object_path("namespaces", "", "team") == "/api/v1/namespaces/team"
    assert collection_path("configmaps", "team") == "/api/v1/namespaces/team/configmaps"
