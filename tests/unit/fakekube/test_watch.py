"""Watches: from which version, with which events, until when."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.fakekube.sites import CONFIG_MAPS, T0, Site, config_map, events

SECRETS = "/api/v1/namespaces/default/secrets"
WATCH_LIST = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"


def told(found: list[tuple[str, dict[str, dict[str, str]]]]) -> list[tuple[str, str]]:
    return [(kind, obj["metadata"].get("name", "")) for kind, obj in found]


def version(site: Site) -> str:
    return str(site.get(CONFIG_MAPS).json["metadata"]["resourceVersion"])


def test_a_watch_without_version_starts_with_the_present(bare: Site) -> None:
    bare.post(CONFIG_MAPS, config_map("a"))
    watch = bare.watch(CONFIG_MAPS)
    assert told(events(watch)) == [("ADDED", "a")]
    bare.post(CONFIG_MAPS, config_map("b"))
    bare.delete(f"{CONFIG_MAPS}/a")
    assert told(events(watch)) == [("ADDED", "b"), ("DELETED", "a")]


def test_a_watch_from_a_version_tells_what_came_after(bare: Site) -> None:
    bare.post(CONFIG_MAPS, config_map("a"))
    start = version(bare)
    bare.post(CONFIG_MAPS, config_map("b"))
    bare.patch(f"{CONFIG_MAPS}/a", {"data": {"k": "v"}})
    watch = bare.watch(CONFIG_MAPS, f"resourceVersion={start}")
    assert told(events(watch)) == [("ADDED", "b"), ("MODIFIED", "a")]


def test_the_deleted_object_carries_the_version_of_its_deletion(bare: Site) -> None:
    created = bare.post(CONFIG_MAPS, config_map("a")).json["metadata"]["resourceVersion"]
    watch = bare.watch(CONFIG_MAPS, f"resourceVersion={created}")
    bare.delete(f"{CONFIG_MAPS}/a")
    ((_, obj),) = events(watch)
    assert int(obj["metadata"]["resourceVersion"]) > int(created)


def test_other_namespaces_and_resources_are_not_told(bare: Site) -> None:
    watch = bare.watch(CONFIG_MAPS, f"resourceVersion={version(bare)}")
    bare.post("/api/v1/namespaces/kube-public/configmaps", config_map("a"))
    bare.post(SECRETS, {"metadata": {"name": "a"}})
    assert events(watch) == []


def test_entering_a_selector_is_added_and_leaving_it_deleted(bare: Site) -> None:
    watch = bare.watch(CONFIG_MAPS, f"resourceVersion={version(bare)}&labelSelector=on%3Dyes")
    bare.post(CONFIG_MAPS, config_map("a", v="1"))
    bare.patch(f"{CONFIG_MAPS}/a", {"metadata": {"labels": {"on": "yes"}}})
    bare.patch(f"{CONFIG_MAPS}/a", {"data": {"v": "2"}})
    bare.patch(f"{CONFIG_MAPS}/a", {"metadata": {"labels": {"on": "no"}}, "data": {"v": "3"}})
    bare.delete(f"{CONFIG_MAPS}/a")
    found = events(watch)
    assert told(found) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    # what leaves is shown as it was, under the version of the change
    assert found[2][1]["data"] == {"v": "2"}
    assert int(found[2][1]["metadata"]["resourceVersion"]) > int(found[1][1]["metadata"]["resourceVersion"])


def test_a_version_that_is_forgotten_is_an_error_event_with_410(bare: Site) -> None:
    start = version(bare)
    bare.post(CONFIG_MAPS, config_map("a"))
    bare.server.compact()
    watch = bare.watch(CONFIG_MAPS, f"resourceVersion={start}")
    ((kind, status),) = events(watch)
    assert (kind, status["code"], status["reason"]) == ("ERROR", 410, "Expired")
    assert watch.ended


def test_a_watch_list_ends_its_first_part_with_a_bookmark(bare: Site) -> None:
    bare.post(CONFIG_MAPS, config_map("a"))
    watch = bare.watch(CONFIG_MAPS, WATCH_LIST)
    (added, bookmark) = events(watch)
    assert told([added]) == [("ADDED", "a")]
    assert bookmark[0] == "BOOKMARK"
    assert bookmark[1]["metadata"] == {
        "resourceVersion": version(bare),
        "annotations": {"k8s.io/initial-events-end": "true"},
    }


def test_bookmarks_come_while_nothing_happens(bare: Site) -> None:
    watch = bare.watch(CONFIG_MAPS, f"resourceVersion={version(bare)}&allowWatchBookmarks=true&timeoutSeconds=300")
    bare.post(SECRETS, {"metadata": {"name": "elsewhere"}})
    assert events(watch) == []
    assert watch.wake_at == T0 + 60
    watch.tick(T0 + 60)
    ((kind, obj),) = events(watch)
    assert (kind, obj["metadata"]) == ("BOOKMARK", {"resourceVersion": version(bare)})


def test_a_watch_ends_at_its_timeout(bare: Site) -> None:
    watch = bare.watch(CONFIG_MAPS, "timeoutSeconds=5")
    ended: list[bool] = []
    for now in (T0 + 4.9, T0 + 5):
        watch.tick(now)
        ended.append(watch.ended)
    assert ended == [False, True]
    bare.post(CONFIG_MAPS, config_map("late"))
    assert events(watch) == []


def test_a_reader_that_never_reads_is_cut_off(bare: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fakekube.apiserver.watch.PENDING_MAX_FRAMES", 3)
    watch = bare.watch(CONFIG_MAPS, f"resourceVersion={version(bare)}")
    for n in range(6):
        bare.post(CONFIG_MAPS, config_map(f"x{n}"))
    assert watch.ended
    assert len(events(watch)) == 4
    assert bare.server.open_watches() == []


def test_a_closed_watch_hears_nothing_more(bare: Site) -> None:
    watch = bare.watch(CONFIG_MAPS)
    watch.close()
    assert bare.server.open_watches() == []


def test_the_ring_rings_for_each_event(bare: Site) -> None:
    rings: list[int] = []
    watch = bare.watch(CONFIG_MAPS, f"resourceVersion={version(bare)}")
    watch.ring = lambda: rings.append(1)
    bare.post(CONFIG_MAPS, config_map("a"))
    assert len(rings) == 1


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("resourceVersion=abc", 500),
        ("resourceVersionMatch=Exact", 422),
        ("sendInitialEvents=true", 422),
        ("timeoutSeconds=x", 400),
        ("labelSelector=a%20b", 400),
    ],
)
def test_a_watch_that_cannot_be_opened(bare: Site, query: str, status: int) -> None:
    assert bare.get(CONFIG_MAPS, f"watch=1&{query}").status == status


@pytest.mark.parametrize(
    ("value", "watches"), [("1", True), ("True", True), ("", True), ("no", True), ("0", False), ("FALSE", False)]
)
def test_what_counts_as_a_watch(bare: Site, value: str, watches: bool) -> None:
    request = bare.request("GET", CONFIG_MAPS, None, f"watch={value}", "", "", "")
    assert hasattr(bare.server.handle(request), "drain") is watches


steps = st.lists(st.tuples(st.sampled_from(["write", "delete", "open"]), st.sampled_from("abc")), max_size=25)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_list_then_watch_loses_nothing_and_repeats_nothing(plan: list[tuple[str, str]]) -> None:
    """Whoever lists and then watches from the list's version ends with what is there."""
    site = Site(controllers="none")
    views: list[tuple[dict[str, str], object]] = []
    for step, (verb, name) in enumerate(plan):
        if verb == "open":
            listed = site.get(CONFIG_MAPS).json
            seen = {item["metadata"]["name"]: item["data"]["v"] for item in listed["items"]}
            views.append((seen, site.watch(CONFIG_MAPS, f"resourceVersion={listed['metadata']['resourceVersion']}")))
        elif verb == "delete":
            site.delete(f"{CONFIG_MAPS}/{name}")
        elif site.put(f"{CONFIG_MAPS}/{name}", config_map(name, v=str(step))).status == 404:
            site.post(CONFIG_MAPS, config_map(name, v=str(step)))
    truth = {item["metadata"]["name"]: item["data"]["v"] for item in site.get(CONFIG_MAPS).json["items"]}
    for seen, watch in views:
        for kind, obj in events(watch):  # type: ignore[arg-type]  # a WatchStream, kept as object beside its view
            name = obj["metadata"]["name"]
            assert (kind == "ADDED") is (name not in seen)
            if kind == "DELETED":
                del seen[name]
            else:
                seen[name] = obj["data"]["v"]
        assert seen == truth
