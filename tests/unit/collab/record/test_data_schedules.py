"""The data schedules D1 to D6 between whole site cores, each with an apiserver: what users see, what `conflicts` says."""

import pytest

from collab.protocol.actions import ReadLocal, WriteLocal
from collab.protocol.facts import Woken
from collab.protocol.turn import Turn
from collab.record.edits import Slots
from collab.record.slots import ObjectId
from tests.unit.collab.protocol.federation import TEAM, Federation, same_everywhere, shared

APP = ObjectId("configmaps", "app")


def write_slots(world: Federation, site: str, slots: Slots) -> None:
    """What a scoped request will do: slots, written by the site's core in a turn of their own."""
    replica = world.record(site)
    assert replica is not None
    turn = Turn(world.now)
    replica.sync.write(slots, turn)
    for action in turn.finish():
        world.act(world.nodes[site], action)
    world.step(site, Woken())


def delete_everywhere(world: Federation, site: str, object_id: ObjectId) -> None:
    replica = world.record(site)
    assert replica is not None
    write_slots(world, site, replica.record.edit.tombstone(object_id))


def losers(world: Federation, site: str) -> list[tuple[object, object, object]]:
    """(path, site, value) of every edit that lost unseen."""
    found = []
    for conflict in world.core(site).conflicts():
        lost = conflict["losers"]
        assert isinstance(lost, list)
        found += [(conflict["path"], loser["site"], loser["value"]) for loser in lost]
    return sorted(found, key=str)


def reported(world: Federation, kind: str) -> list[str]:
    return [report.message for node in world.nodes.values() for report in node.reports if report.type == kind]


def test_d1_an_edit_nobody_saw_stays_visible_however_many_were_seen() -> None:
    sites = [f"s{number}" for number in range(10)] + ["z"]
    world = shared(*sites)
    world.run(10)
    for number, site in enumerate(sites[:10]):
        world.isolate(site)
        world.kube(site).label("team", colour=f"v{number}")
    world.isolate("z")
    world.run(5)
    for one in (*sites[:9], "z"):
        for other in (*sites[:9], "z"):
            world.heal(one, other)
    world.run(60)
    world.kube("z").label("team", colour="new")
    world.run(30)
    assert len(losers(world, "z")) <= 1, "eight of the nine fit into the list of seen stamps"
    world.heal()
    world.run(60)
    assert same_everywhere(world)
    assert world.kube("s4").labels("team") == {"app": "x", "colour": "new"}
    for site in sites:
        assert ("f:metadata/f:labels/f:colour", "s9", "v9") in losers(world, site)


def test_d2_an_acknowledged_object_that_a_tombstone_took_is_shown() -> None:
    world = shared("a", "b")
    world.cut("a", "b")
    world.kube("a").configmap("team", "app", colour="red")
    world.run(2)
    delete_everywhere(world, "a", APP)
    world.kube("b").configmap("team", "app", colour="blue")
    world.run(2)
    world.heal()
    world.run(60)
    assert same_everywhere(world)
    for site in "ab":
        assert world.kube(site).data("team", "app") is None
        assert losers(world, site) == [("", "b", {"f:data/f:colour": "blue"})]


def test_d2_a_deleted_object_may_be_made_again_and_stays() -> None:
    world = shared("a", "b")
    world.kube("a").configmap("team", "app", colour="red")
    world.run(3)
    delete_everywhere(world, "a", APP)
    world.run(3)
    assert world.kube("b").data("team", "app") is None
    world.kube("b").configmap("team", "app", colour="green")
    world.run(5)
    assert world.kube("a").data("team", "app") == {"colour": "green"}
    world.restart("a")
    world.run(30)
    assert same_everywhere(world)


def test_a_delete_wins_over_an_edit_in_a_cut_and_nobody_holds_the_object_again_s3() -> None:
    world = shared("a", "b", "c")
    world.kube("a").configmap("team", "app", colour="red")
    world.run(3)
    world.isolate("c")
    world.kube("c").configmap("team", "app", colour="blue")
    delete_everywhere(world, "a", APP)
    world.run(3)
    world.restart("b")
    world.heal()
    world.run(60)
    assert same_everywhere(world)
    for site in "abc":
        assert world.kube(site).data("team", "app") is None


def test_d3_a_lost_disk_of_the_first_author_brings_nothing_old_back() -> None:
    world = shared("a", "b")
    world.kube("b").label("team", colour="old")
    world.run(3)
    world.kube("a").label("team", colour="new")
    world.run(3)
    world.restart("b", lose_disk=True)
    world.run(60)
    assert world.kube("b").labels("team") == {"app": "x", "colour": "new"}
    assert same_everywhere(world)


def test_d4_a_site_that_wrote_much_alone_is_heard_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collab.record.record.LAMPORT_LEAP", 4)
    world = shared("a", "b")
    world.cut("a", "b")
    for number in range(40):
        world.kube("b").label("team", colour=str(number))
        world.run(0.5)
    world.heal()
    world.run(40)
    assert world.kube("a").labels("team") == {"app": "x", "colour": "39"}
    assert reported(world, "Quarantined") == []
    assert same_everywhere(world)


def test_d4_each_record_counts_for_itself() -> None:
    world = shared("a", "b")
    world.kube("a").namespace("other")
    world.ask("a", verb="extend", resource="namespaces/other", to="b")
    world.run(5)
    quiet = world.record("b", "other")
    assert quiet is not None
    before = quiet.view.lamport
    for number in range(30):
        world.kube("b").label("team", colour=str(number))
        world.run(0.5)
    assert quiet.view.lamport == before


def adopting(*, tombstone: bool = False) -> Federation:
    """b has a namespace and a ConfigMap of its own when a's record takes them in."""
    world = Federation("ab")
    world.kube("a").namespace("team", app="x")
    world.kube("a").configmap("team", "app", colour="red", size="1")
    world.kube("b").namespace("team", app="y", mine="b")
    world.kube("b").configmap("team", "app", colour="blue", extra="b")
    world.kube("b").configmap("team", "private", k="v")
    world.ask("a", verb="extend", resource=TEAM, to="b", collision="adopt", **{"with": ["configmaps"]})
    return world


def test_d5_an_adopted_value_fills_gaps_and_loses_as_a_visible_conflict() -> None:
    world = adopting()
    world.run(10)
    assert same_everywhere(world)
    assert world.kube("a").labels("team") == {"app": "x", "mine": "b"}
    assert world.kube("a").data("team", "app") == {"colour": "red", "size": "1", "extra": "b"}
    assert world.kube("a").data("team", "private") == {"k": "v"}
    for site in "ab":
        assert losers(world, site) == [
            ("f:data/f:colour", "b", "blue"),
            ("f:metadata/f:labels/f:app", "b", "y"),
        ]


def test_d5_holds_over_a_crash_before_the_contents_were_listed() -> None:
    world = adopting()
    world.stall("b", "configmaps")
    world.run(10)
    world.restart("b")
    world.unstall()
    world.run(40)
    assert same_everywhere(world)
    assert world.kube("a").data("team", "app") == {"colour": "red", "size": "1", "extra": "b"}
    assert ("f:data/f:colour", "b", "blue") in losers(world, "a")


def test_d6_what_was_deleted_while_a_site_was_away_does_not_come_back_with_it() -> None:
    world = shared("a", "b")
    world.kube("a").configmap("team", "app", colour="red")
    world.run(3)
    world.ask("a", verb="retract", resource=TEAM, **{"from": "b"})
    world.run(10)
    delete_everywhere(world, "a", APP)
    world.run(3)
    world.ask("a", verb="extend", resource=TEAM, to="b", collision="adopt")
    world.run(20)
    assert sorted(world.held_by()) == ["a", "b"]
    assert world.kube("a").data("team", "app") is None


# -- the shadow between a record and an apiserver, over a lossy wire ------------------------------------------------


def test_w5_lost_answers_of_the_apiserver_make_no_edits_and_no_conflicts() -> None:
    world = shared("a", "b")
    world.lose_call = lambda site, call: site == "b" and isinstance(call, WriteLocal) and world.rng.random() < 0.5
    for number in range(10):
        world.kube("a").label("team", colour=str(number))
        world.kube("a").configmap("team", "app", k=str(number))
        world.run(3)
    world.lose_call = lambda site, call: False
    world.run(60)
    assert same_everywhere(world)
    assert world.kube("b").labels("team") == {"app": "x", "colour": "9"}
    replica = world.record("a")
    assert replica is not None
    assert [key for key, _ in replica.record.document.items() if key.startswith("f/") and "|b~" in key] == []


@pytest.mark.parametrize("reads", [False, True])
def test_no_user_edit_is_lost_between_writes_back_and_lost_answers(reads: bool) -> None:
    """Users at b edit one key while a's edits of another are written into the same object."""
    world = shared("a", "b")

    def lose(site: str, call: WriteLocal | ReadLocal) -> bool:
        return site == "b" and (reads or isinstance(call, WriteLocal)) and world.rng.random() < 0.3

    world.lose_call = lose
    for number in range(20):
        world.kube("a").configmap("team", "app", theirs=str(number))
        world.run(world.rng.uniform(0, 0.1))
        world.kube("b").configmap("team", "app", mine=str(number))
        world.run(world.rng.uniform(0, 0.1))
    world.lose_call = lambda site, call: False
    world.run(120)
    assert same_everywhere(world)
    data = world.kube("a").data("team", "app")
    assert data == {"theirs": "19", "mine": "19"}


def test_an_edit_where_the_record_is_read_only_is_put_back_and_told() -> None:
    world = Federation("ab")
    world.kube("a").namespace("team", app="x")
    world.ask("a", verb="extend", resource=TEAM, to="b", role="ro")
    world.run(5)
    world.kube("b").label("team", app="mine", extra="1")
    world.run(5)
    assert world.kube("b").labels("team") == world.kube("a").labels("team") == {"app": "x"}
    (message,) = reported(world, "Rejected")
    assert "read-only" in message
    assert "f:metadata/f:labels/f:app" in message


def test_an_edit_of_a_full_record_is_put_back_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    world = shared("a", "b")
    monkeypatch.setattr("collab.record.record.SIZE_LIMIT", 10)
    world.kube("b").label("team", app="mine")
    world.run(5)
    assert world.kube("b").labels("team") == {"app": "x"}
    assert "RecordFull" in reported(world, "Rejected")[0]
    assert same_everywhere(world)
