"""Faults at the protocol's level, snapshots, and what a restart looks like."""

from __future__ import annotations

import pytest

from fakekube.apiserver.faults import LoseReply, Match, Refuse, RepeatEvents, SlowEvents, StaleList
from fakekube.apiserver.response import Response
from tests.unit.fakekube.sites import CONFIG_MAPS, T0, Site, config_map, events, names


def version(site: Site) -> str:
    return str(site.get(CONFIG_MAPS).json["metadata"]["resourceVersion"])


@pytest.mark.parametrize("status", [409, 410, 429, 500, 503])
def test_a_refusal_does_nothing_but_refuse(bare: Site, status: int) -> None:
    fault = bare.server.faults.inject(Refuse(status=status, retry_after_s=2))
    refused = bare.post(CONFIG_MAPS, config_map("x"))
    assert (refused.status, refused.headers["Retry-After"]) == (status, "2")
    fault.remove()
    assert bare.get(f"{CONFIG_MAPS}/x").status == 404
    assert fault.hits == 1


def test_a_fault_meets_what_it_matches(bare: Site) -> None:
    match = Match(verbs=frozenset(["create"]), resource="configmaps", namespace="default")
    bare.server.faults.inject(Refuse(match=match))
    assert bare.post(CONFIG_MAPS, config_map("x")).status == 503
    assert bare.get(CONFIG_MAPS).status == 200
    assert bare.post("/api/v1/namespaces/default/secrets", {"metadata": {"name": "x"}}).status == 201
    assert bare.post("/api/v1/namespaces/kube-public/configmaps", config_map("x")).status == 201


def test_a_fault_of_some_times_is_over_after_them(bare: Site) -> None:
    bare.server.faults.inject(Refuse(status=429), times=2)
    statuses = [bare.post(CONFIG_MAPS, config_map("x")).status for _ in range(3)]
    assert statuses == [429, 429, 201]


def test_a_lost_reply_is_a_write_that_happened(bare: Site) -> None:
    bare.server.faults.inject(LoseReply(), times=1)
    request = bare.request("POST", CONFIG_MAPS, config_map("x"), "", "application/json", "", "")
    lost = bare.server.handle(request)
    assert isinstance(lost, Response)
    assert lost.status == 0
    assert bare.get(f"{CONFIG_MAPS}/x").status == 200


def test_a_stale_list_shows_the_past(bare: Site) -> None:
    bare.post(CONFIG_MAPS, config_map("a"))
    bare.post(CONFIG_MAPS, config_map("b"))
    fault = bare.server.faults.inject(StaleList())
    assert names(bare.get(CONFIG_MAPS)) == ["a"]
    fault.remove()
    assert names(bare.get(CONFIG_MAPS)) == ["a", "b"]


def test_slow_events_arrive_late_and_in_order(bare: Site) -> None:
    bare.server.faults.inject(SlowEvents(delay_s=3))
    watch = bare.watch(CONFIG_MAPS, f"resourceVersion={version(bare)}")
    bare.post(CONFIG_MAPS, config_map("a"))
    bare.clock.now = T0 + 1
    bare.post(CONFIG_MAPS, config_map("b"))
    assert events(watch) == []
    assert watch.wake_at == T0 + 3
    bare.clock.now = T0 + 3
    assert [obj["metadata"]["name"] for _, obj in events(watch)] == ["a"]
    bare.clock.now = T0 + 4
    assert [obj["metadata"]["name"] for _, obj in events(watch)] == ["b"]


def test_repeated_events_come_twice(bare: Site) -> None:
    bare.server.faults.inject(RepeatEvents())
    watch = bare.watch(CONFIG_MAPS, f"resourceVersion={version(bare)}")
    bare.post(CONFIG_MAPS, config_map("a"))
    assert [kind for kind, _ in events(watch)] == ["ADDED", "ADDED"]


def test_watches_are_cut_or_expired_by_resource(bare: Site) -> None:
    maps = bare.watch(CONFIG_MAPS, f"resourceVersion={version(bare)}")
    secrets = bare.watch("/api/v1/secrets", f"resourceVersion={version(bare)}")
    bare.server.end_watches("configmaps")
    assert (maps.ended, secrets.ended) == (True, False)
    bare.server.expire_watches()
    ((kind, status),) = events(secrets)
    assert (kind, status["code"]) == ("ERROR", 410)


def test_a_restart_ends_watches_and_may_jump(bare: Site) -> None:
    watch = bare.watch(CONFIG_MAPS)
    before = int(version(bare))
    bare.server.restart(revisions=1000)
    assert watch.ended
    assert int(version(bare)) == before + 1000


def test_a_snapshot_brings_everything_back(site: Site) -> None:
    site.post("/api/v1/namespaces", {"metadata": {"name": "team"}})
    site.settle()
    site.post(CONFIG_MAPS, config_map("x", v="1"))
    before, snapshot = version(site), site.server.snapshot()
    site.put(f"{CONFIG_MAPS}/x", config_map("x", v="2"))
    site.delete("/api/v1/namespaces/team")
    watch = site.watch(CONFIG_MAPS)
    site.server.restore(snapshot)
    assert watch.ended
    assert version(site) == before
    assert site.get(f"{CONFIG_MAPS}/x").json["data"] == {"v": "1"}
    site.settle()
    assert site.get("/api/v1/namespaces/team").json["status"]["phase"] == "Active"


def test_a_snapshot_of_one_site_starts_another() -> None:
    one, two = Site(seed=1), Site(seed=2)
    one.post(CONFIG_MAPS, config_map("x"))
    two.server.restore(one.server.snapshot())
    assert two.get(f"{CONFIG_MAPS}/x").json == one.get(f"{CONFIG_MAPS}/x").json
    assert two.server.uid == one.server.uid
    two.delete(f"{CONFIG_MAPS}/x")
    assert one.get(f"{CONFIG_MAPS}/x").status == 200


def test_work_that_was_under_way_goes_on_after_a_restore(site: Site) -> None:
    site.post("/api/v1/namespaces", {"metadata": {"name": "team"}})
    site.settle()
    site.delete("/api/v1/namespaces/team")
    snapshot = site.server.snapshot()
    site.settle()
    site.server.restore(snapshot)
    assert site.get("/api/v1/namespaces/team").json["status"]["phase"] == "Terminating"
    site.settle()
    assert site.get("/api/v1/namespaces/team").status == 404
