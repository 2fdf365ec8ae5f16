"""The verbs over a federation of cores: what a user sees at each site, links up, cut, and healed."""

from __future__ import annotations

from typing import cast

import pytest

from collab.protocol.chronicle import EDITS_MAX
from tests.unit.collab.protocol.federation import TEAM, Federation, owners, same_everywhere, shared

# -- extend and sync ----------------------------------------------------------------------------------------------


def test_extend_makes_a_twin_and_edits_meet() -> None:
    world = shared("a", "b")
    world.kube("a").configmap("team", "app", colour="red")
    world.kube("b").label("team", tier="web")
    world.run(2)
    assert world.kube("b").data("team", "app") == {"colour": "red"}
    assert world.kube("a").labels("team") == {"app": "x", "tier": "web"}
    assert same_everywhere(world)


def test_equal_state_makes_no_write() -> None:
    world = shared("a", "b", "c")
    world.run(2)
    before = {site: world.kube(site).writes for site in "abc"}
    world.run(60)
    assert {site: world.kube(site).writes for site in "abc"} == before


def test_extend_answers_pending_at_its_bound_and_is_done_after_the_heal() -> None:
    world = Federation("ab")
    world.kube("a").namespace("team")
    world.cut("a", "b")
    operation = world.ask("a", verb="extend", resource=TEAM, to="b", timeoutSeconds=2)
    world.run(2.5)
    assert world.answer("a", operation).state == "pending"
    assert world.answer("a", operation).outcomes == {"b": "pending"}
    world.heal()
    world.run(40)
    assert world.answer("a", operation).state == "done"
    assert world.kube("b").labels("team") == {}


def test_extend_at_a_non_owner_is_passed_to_the_owner() -> None:
    world = Federation("abc")
    world.kube("a").namespace("team")
    world.ask("a", verb="extend", resource=TEAM, to="b")
    world.run(3)
    operation = world.ask("b", verb="extend", resource=TEAM, to="c")
    world.run(5)
    assert world.answer("b", operation).state == "done"
    assert sorted(world.held_by()) == ["a", "b", "c"]


def test_an_unrelated_namespace_of_the_name_is_never_touched() -> None:
    world = Federation("ab")
    world.kube("a").namespace("team", app="x")
    mine = world.kube("b").namespace("team", app="other")
    operation = world.ask("a", verb="extend", resource=TEAM, to="b")
    world.run(5)
    answer = world.answer("a", operation)
    assert (answer.state, answer.code, answer.outcomes) == ("refused", 409, {"b": "rejected:409"})
    assert world.kube("b").objects["namespaces", "team", "team"] == mine
    assert world.record("b") is None
    row = world.held_by()["a"].view.member("b")
    assert row is not None
    assert row.state == "refused"


def test_adopt_unites_both_and_keeps_the_record_s_values() -> None:
    world = Federation("ab")
    world.kube("a").namespace("team", app="x", only="a")
    world.kube("b").namespace("team", app="other", mine="b")
    operation = world.ask("a", verb="extend", resource=TEAM, to="b", collision="adopt")
    world.run(5)
    assert world.answer("a", operation).state == "done"
    assert world.kube("b").labels("team") == {"app": "x", "only": "a", "mine": "b"}
    assert same_everywhere(world)
    assert [conflict["path"] for conflict in world.core("a").conflicts()] == ["f:metadata/f:labels/f:app"]


@pytest.mark.parametrize(
    ("site", "body", "code"),
    [
        ("a", {"verb": "extend", "resource": "namespaces/absent", "to": "b"}, 404),
        ("a", {"verb": "destroy", "resource": "namespaces/absent"}, 404),
        ("a", {"verb": "retract", "resource": TEAM, "from": "c"}, 404),
        ("a", {"verb": "retract", "resource": TEAM, "from": "a"}, 409),
        ("a", {"verb": "reattach", "resource": TEAM, "to": "c"}, 409),
        ("b", {"verb": "destroy", "resource": TEAM}, 409),
    ],
)
def test_refusals(site: str, body: dict[str, object], code: int) -> None:
    world = shared("a", "b")
    operation = world.ask(site, **body)
    world.run(3)
    answer = world.answer(site, operation)
    assert (answer.state, answer.code) == ("refused", code)


def test_an_operation_id_acts_once() -> None:
    world = shared("a", "b")
    for _ in range(2):
        world.ask("a", id="op-1", verb="extend", resource=TEAM, to="b")
        world.run(1)
    row = world.held_by()["a"].view.member("b")
    assert row is not None
    assert world.answer("a", "op-1").state == "done"
    assert [one["id"] for one in world.core("a").operations()].count("op-1") == 1


# -- conflicts ----------------------------------------------------------------------------------------------------


def test_concurrent_edits_of_one_label_agree_and_the_loser_is_shown() -> None:
    world = shared("a", "b")
    world.cut("a", "b")
    world.kube("a").label("team", colour="red")
    world.kube("b").label("team", colour="blue")
    world.run(3)
    world.heal()
    world.run(40)
    assert same_everywhere(world)
    for site in "ab":
        (conflict,) = world.core(site).conflicts()
        assert conflict["path"] == "f:metadata/f:labels/f:colour"


def test_a_label_removed_by_another_than_its_author_stays_removed() -> None:
    world = shared("a", "b")
    world.kube("b").label("team", app=None)
    world.run(3)
    assert world.kube("a").labels("team") == {}
    assert same_everywhere(world)


# -- retract and leave --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("exit_policy", "labels"), [("keep", {"app": "x"}), ("delete", None)])
def test_retract_keeps_the_twin_unless_asked(exit_policy: str, labels: object) -> None:
    world = shared("a", "b", "c")
    operation = world.ask("a", verb="retract", resource=TEAM, **{"from": "b", "exit": exit_policy})
    world.run(10)
    assert world.answer("a", operation).state == "done"
    assert sorted(world.held_by()) == ["a", "c"]
    assert world.kube("b").labels("team") == labels
    assert world.kube("c").labels("team") == {"app": "x"}
    assert not [name for name in world.nodes["b"].disk if name.startswith("record.")]


def test_leave_completes_alone_and_its_last_edit_arrives_later() -> None:
    world = shared("a", "b")
    world.cut("a", "b")
    world.kube("b").label("team", late="yes")
    world.run(1)
    operation = world.ask("b", verb="retract", resource=TEAM, **{"from": "b"})
    assert world.answer("b", operation).state == "done"
    world.heal()
    world.run(40)
    assert world.kube("a").labels("team") == {"app": "x", "late": "yes"}
    row = world.held_by()["a"].view.member("b")
    assert row is not None
    assert row.state == "left"


def test_a_site_that_left_can_be_invited_again() -> None:
    world = shared("a", "b")
    world.ask("b", verb="retract", resource=TEAM, **{"from": "b", "exit": "delete"})
    world.run(5)
    operation = world.ask("a", verb="extend", resource=TEAM, to="b")
    world.run(5)
    assert world.answer("a", operation).state == "done"
    assert same_everywhere(world)


# -- reattach -----------------------------------------------------------------------------------------------------


def test_reattach_moves_the_ownership() -> None:
    world = shared("a", "b", "c")
    operation = world.ask("a", verb="reattach", resource=TEAM, to="b")
    world.run(5)
    assert world.answer("a", operation).state == "done"
    assert owners(world) == {"b"}


def test_reattach_asked_at_the_target_or_at_a_bystander() -> None:
    for site in "bc":
        world = shared("a", "b", "c")
        operation = world.ask(site, verb="reattach", resource=TEAM, to="b")
        world.run(10)
        assert world.answer(site, operation).state == "done"
        assert owners(world) == {"b"}


def test_force_seizes_when_the_owner_is_away_and_the_old_owner_steps_back() -> None:
    world = shared("a", "b")
    world.cut("a", "b")
    operation = world.ask("b", verb="reattach", resource=TEAM, to="b", force=True)
    assert world.answer("b", operation).state == "done"
    world.run(3)
    assert owners(world) == {"a", "b"}
    world.heal()
    world.run(40)
    assert owners(world) == {"b"}


def test_an_offer_that_nobody_takes_is_cancelled() -> None:
    world = shared("a", "b")
    world.cut("a", "b")
    operation = world.ask("a", verb="reattach", resource=TEAM, to="b")
    world.run(40)
    assert world.answer("a", operation).state == "refused"
    world.heal()
    world.run(40)
    assert owners(world) == {"a"}


# -- destroy ------------------------------------------------------------------------------------------------------


def test_destroy_deletes_everywhere_and_leaves_markers_only() -> None:
    world = shared("a", "b", "c")
    operation = world.ask("a", verb="destroy", resource=TEAM)
    world.run(10)
    assert world.answer("a", operation).state == "done"
    for site in "abc":
        assert world.kube(site).labels("team") is None
        assert not [name for name in world.nodes[site].disk if name.startswith("record.")]


def test_destroy_reaches_a_site_that_was_away() -> None:
    world = shared("a", "b", "c")
    world.isolate("c")
    operation = world.ask("a", verb="destroy", resource=TEAM, timeoutSeconds=2)
    world.run(5)
    assert world.answer("a", operation).state == "pending"
    assert world.kube("c").labels("team") == {"app": "x"}
    world.heal()
    world.run(60)
    assert world.answer("a", operation).state == "done"
    assert world.kube("c").labels("team") is None


def test_dry_run_names_the_sites_and_does_nothing() -> None:
    world = shared("a", "b")
    operation = world.ask("a", verb="destroy", resource=TEAM, dryRun=True)
    world.run(2)
    assert sorted(world.answer("a", operation).outcomes) == ["a", "b"]
    assert sorted(world.held_by()) == ["a", "b"]


# -- create -------------------------------------------------------------------------------------------------------


def test_create_under_a_scope_makes_all_twins() -> None:
    world = Federation("abc")
    body = {"metadata": {"name": "team", "labels": {"app": "x"}}}
    operation = world.ask("a", verb="create", resource=TEAM, members=["b", "c"], object=body)
    world.run(5)
    answer = world.answer("a", operation)
    assert (answer.state, answer.outcomes) == ("done", {"b": "applied", "c": "applied"})
    assert answer.manifest is not None
    assert world.kube("a").labels("team") is None
    assert owners(world) == {"b"}
    assert world.kube("c").labels("team") == {"app": "x"}


def test_create_with_one_site_away_is_pending_there_and_arrives() -> None:
    world = Federation("abc")
    world.isolate("c")
    operation = world.ask("a", verb="create", resource=TEAM, members=["a", "b", "c"], timeoutSeconds=2)
    world.run(3)
    assert world.answer("a", operation).outcomes == {"a": "applied", "b": "applied", "c": "pending"}
    world.heal()
    world.run(60)
    assert dict(world.answer("a", operation).outcomes) == {"a": "applied", "b": "applied", "c": "applied"}


def test_create_names_the_next_site_when_the_first_is_surely_not_reached() -> None:
    world = Federation("abc")
    world.cut("a", "b")
    operation = world.ask("a", verb="create", resource=TEAM, members=["b", "c"])
    world.run(5)
    assert owners(world) == {"c"}
    world.heal()
    world.run(60)
    assert world.answer("a", operation).state == "done"
    assert len({replica.gid for replica in world.held_by().values()}) == 1


def test_create_over_an_existing_namespace_is_the_server_s_own_refusal() -> None:
    world = Federation("ab")
    world.kube("a").namespace("team")
    operation = world.ask("a", verb="create", resource=TEAM, members=["a", "b"])
    world.run(3)
    answer = world.answer("a", operation)
    assert (answer.state, answer.code, answer.outcomes) == ("refused", 409, {"a": "rejected:409"})
    assert world.kube("b").labels("team") is None


# -- crashes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("site", ["a", "b"])
def test_a_restart_changes_nothing(site: str) -> None:
    world = shared("a", "b")
    world.crash(site)
    world.kube(site).label("team", away="edited")
    world.start(site)
    world.run(40)
    assert world.kube("a").labels("team") == {"app": "x", "away": "edited"}
    assert same_everywhere(world)
    assert owners(world) == {"a"}


def test_a_pending_operation_survives_a_crash() -> None:
    world = Federation("ab")
    world.kube("a").namespace("team")
    world.cut("a", "b")
    operation = world.ask("a", verb="extend", resource=TEAM, to="b", timeoutSeconds=1)
    world.run(3)
    world.restart("a")
    world.heal()
    world.run(60)
    assert world.answer("a", operation).state == "done"
    assert world.kube("b").labels("team") == {}


def test_a_member_that_lost_its_disk_comes_back_with_its_twin() -> None:
    world = shared("a", "b", "c")
    world.kube("b").label("team", tier="web")
    world.run(2)
    world.restart("b", lose_disk=True)
    world.run(60)
    assert sorted(world.held_by()) == ["a", "b", "c"]
    assert world.kube("b").labels("team") == {"app": "x", "tier": "web"}
    world.kube("b").label("team", tier="db")
    world.run(10)
    assert same_everywhere(world)
    assert world.kube("a").labels("team") == {"app": "x", "tier": "db"}


# -- roles and bounds ---------------------------------------------------------------------------------------------


def test_an_ro_member_follows_and_its_own_edits_are_put_right() -> None:
    world = Federation("ab")
    world.kube("a").namespace("team", app="x")
    operation = world.ask("a", verb="extend", resource=TEAM, to="b", role="ro", **{"with": ["configmaps"]})
    world.run(5)
    assert world.answer("a", operation).state == "done"
    world.kube("b").label("team", app="mine", extra="mine")
    world.kube("a").label("team", tier="web")
    world.run(5)
    assert world.kube("a").labels("team") == {"app": "x", "tier": "web"}
    labels = world.kube("b").labels("team")
    assert labels is not None
    assert labels["app"] == "x"
    assert labels["tier"] == "web"
    assert {replica.record.document.digest() for replica in world.held_by().values()} == {
        world.held_by()["a"].record.document.digest()
    }


def test_a_remote_ingress_knows_at_its_bound_what_was_applied() -> None:
    world = Federation("abcd")
    world.isolate("d")
    operation = world.ask("a", verb="create", resource=TEAM, members=["b", "c", "d"], timeoutSeconds=2)
    world.run(2.1)
    answer = world.answer("a", operation)
    assert answer.state == "pending"
    assert dict(answer.outcomes) == {"b": "applied", "c": "applied", "d": "pending"}
    assert answer.manifest is not None


# -- why ----------------------------------------------------------------------------------------------------------


def told(world: Federation, site: str, path: str) -> list[tuple[object, object, object]]:
    """Value, author and state of every edit of a field that a site remembers."""
    why = world.core(site).why(TEAM, path)
    assert why is not None
    edits = cast("list[dict[str, object]]", why["edits"])
    return [(edit["value"], edit["site"], edit["state"]) for edit in edits]


def test_why_a_value_stands_is_told_edit_by_edit() -> None:
    world = shared("a", "b", "c")
    world.kube("a").label("team", crop="oats")
    world.run(5)
    world.kube("b").label("team", crop="rye")
    world.run(5)
    world.cut("a", "c")
    world.cut("b", "c")
    world.kube("a").label("team", crop="wheat")
    world.kube("c").label("team", crop=None)
    world.run(5)
    world.heal()
    world.run(30)
    for site in "abc":
        edits = told(world, site, "labels/crop")
        assert edits[:2] == [("oats", "a", "replaced"), ("rye", "b", "replaced")]
        assert {edit[:2] for edit in edits[2:]} == {("wheat", "a"), (None, "c")}
        assert {edit[2] for edit in edits[2:]} == {"stands", "lost"}


def test_why_knows_what_is_in_the_namespace_and_what_is_not_a_field() -> None:
    world = shared("a", "b")
    world.kube("a").configmap("team", "app", colour="red")
    world.run(5)
    assert told(world, "b", "configmaps/app/data/colour") == [("red", "a", "stands")]
    assert world.core("a").why("namespaces/other", "labels/crop") is None
    for path in ("crop", "labels/", "spec/x", "configmaps/app"):
        with pytest.raises(ValueError, match="write labels/KEY"):
            world.core("a").why(TEAM, path)


def test_what_is_remembered_of_a_record_is_bounded() -> None:
    world = shared("a", "b")
    for number in range(EDITS_MAX + 20):
        world.kube("a").label("team", count=str(number))
        world.run(0.2)
    edits = told(world, "a", "labels/count")
    assert len(edits) <= EDITS_MAX
    assert edits[-1] == (str(EDITS_MAX + 19), "a", "stands")
