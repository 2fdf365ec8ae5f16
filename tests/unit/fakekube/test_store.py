"""The store: one revision counter, key order, history, and the past as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakekube.storage.items import Event, Item
from fakekube.storage.keyspace import Keyspace
from fakekube.storage.store import Compacted, Store

Key = tuple[str, str]


def put(store: Store, namespace: str, name: str, **data: str) -> int:
    return store.put("things", namespace, name, {"metadata": {"name": name}, "data": data}).revision


def keys(space: Keyspace, namespace: str | None = None, after: Key = ("", "")) -> list[Key]:
    return [(item.namespace, item.name) for item in space.items(namespace, after=after)]


def test_every_write_takes_the_next_revision_of_the_site() -> None:
    store = Store()
    assert [put(store, "a", "x"), put(store, "b", "y"), put(store, "a", "x")] == [1, 2, 3]
    assert store.delete("things", "a", "x").revision == 4
    assert store.revision == 4


def test_the_bytes_say_the_revision_of_the_write() -> None:
    store = Store()
    put(store, "a", "x")
    item = store.get("things", "a", "x")
    assert item is not None
    assert b'"resourceVersion":"1"' in item.data


def test_items_come_in_the_key_order_of_etcd() -> None:
    store = Store()
    for namespace, name in [("b", "z"), ("a-b", "x"), ("a", "y"), ("a", "b"), ("a", "a-b")]:
        put(store, namespace, name)
    # "a-b/" sorts before "a/": the dash is smaller than the slash
    assert keys(store.keyspace("things")) == [("a-b", "x"), ("a", "a-b"), ("a", "b"), ("a", "y"), ("b", "z")]
    assert keys(store.keyspace("things"), after=("a", "b")) == [("a", "y"), ("b", "z")]
    assert keys(store.keyspace("things"), "a", after=("a", "a-b")) == [("a", "b"), ("a", "y")]


def test_the_history_is_bounded_and_says_from_where_it_is_whole() -> None:
    store = Store(history_limit=3)
    for n in range(5):
        put(store, "a", f"x{n}")
    assert [event.revision for event in store.since("things", 2)] == [3, 4, 5]
    with pytest.raises(Compacted) as caught:
        store.since("things", 1)
    assert caught.value.revision == 2


def test_compaction_forgets_on_demand() -> None:
    store = Store()
    for n in range(4):
        put(store, "a", f"x{n}")
    store.compact(2)
    assert [event.revision for event in store.since("things", 2)] == [3, 4]
    with pytest.raises(Compacted):
        store.at("things", 1)


def test_a_restored_snapshot_is_the_store_as_it_was() -> None:
    store = Store()
    put(store, "a", "x", v="1")
    snapshot = store.snapshot()
    put(store, "a", "x", v="2")
    put(store, "a", "y")
    store.restore(snapshot)
    item = store.get("things", "a", "x")
    assert item is not None
    assert item.obj["data"] == {"v": "1"}
    assert store.get("things", "a", "y") is None
    assert store.revision == 1


def test_subscribers_hear_each_event_once_and_in_order() -> None:
    heard: list[tuple[str, int]] = []

    class Ear:
        def offer(self, event: Event) -> None:
            heard.append((event.type, event.revision))

    store, ear = Store(), Ear()
    store.subscribe("things", ear)
    put(store, "a", "x")
    put(store, "a", "x")
    store.delete("things", "a", "x")
    store.unsubscribe("things", ear)
    put(store, "a", "x")
    assert heard == [("ADDED", 1), ("MODIFIED", 2), ("DELETED", 3)]


writes = st.lists(
    st.tuples(st.sampled_from(["put", "delete"]), st.sampled_from(["a", "a-b"]), st.sampled_from("xyz")), max_size=30
)


@given(writes)
def test_the_past_is_what_it_was_at_every_revision(plan: list[tuple[str, str, str]]) -> None:
    store = Store()
    seen: dict[int, list[Key]] = {0: []}
    for step, (verb, namespace, name) in enumerate(plan):
        if verb == "put":
            put(store, namespace, name, step=str(step))
        elif store.get("things", namespace, name) is not None:
            store.delete("things", namespace, name)
        seen[store.revision] = keys(store.keyspace("things"))
    for revision, expected in seen.items():
        assert keys(store.at("things", revision)) == expected


def test_what_stands_behind_a_key_is_counted_as_it_is_listed() -> None:
    """Over namespaces, in key order, for keys that are there and keys that are not."""
    keyspace = Keyspace([], history_limit=10, dropped=0)
    for namespace in ("a", "a-b", "b"):
        for name in ("one", "three", "two"):
            keyspace.put(Item(namespace, name, 1, {}, b"{}"))
    for listed_namespace in (None, "a", "a-b", "absent"):
        for after in [("", ""), ("a", "one"), ("a", "zzz"), ("a-b", "three"), ("b", "two"), ("absent", "x")]:
            listed = keys(keyspace, listed_namespace, after)
            assert keyspace.count_after(listed_namespace, after) == len(listed), (listed_namespace, after)
