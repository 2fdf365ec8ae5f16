"""The three patches that need no owner: JSON Patch, merge patch, strategic merge patch."""

from __future__ import annotations

from fakekube.testing.kit import body
from fakekube.testing.reply import equal, holds
from fakekube.testing.resources import CONFIG_MAPS, DEPLOYMENTS, config_map, deployment
from fakekube.testing.session import Session


@body()
def json_patches_go_step_by_step(at: Session) -> None:
    """A JSON Patch adds, replaces, tests and removes."""
    at.create(CONFIG_MAPS, config_map("x", a="1", b="2")).obj(201)
    steps = [
        {"op": "test", "path": "/data/a", "value": "1"},
        {"op": "replace", "path": "/data/a", "value": "9"},
        {"op": "remove", "path": "/data/b"},
        {"op": "add", "path": "/data/c", "value": "3"},
    ]
    equal(at.patch(CONFIG_MAPS, "x", steps, "json").obj()["data"], {"a": "9", "c": "3"}, "the data")


@body()
def a_json_patch_that_fails_changes_nothing(at: Session) -> None:
    """A test that fails and a path that is not there are 422, and no step counts."""
    at.create(CONFIG_MAPS, config_map("x", a="1")).obj(201)
    add = {"op": "add", "path": "/data/b", "value": "2"}
    for wrong in ({"op": "test", "path": "/data/a", "value": "other"}, {"op": "remove", "path": "/data/none"}):
        at.patch(CONFIG_MAPS, "x", [add, wrong], "json").refused(422, "Invalid")
    equal(at.get(CONFIG_MAPS, "x").obj()["data"], {"a": "1"}, "the data")


@body()
def merge_patches_merge_and_null_removes(at: Session) -> None:
    """A merge patch sets what it names and removes what it sets to null."""
    at.create(CONFIG_MAPS, config_map("x", a="1", b="2")).obj(201)
    found = at.patch(CONFIG_MAPS, "x", {"data": {"a": None, "c": "3"}}).obj()
    equal(found["data"], {"b": "2", "c": "3"}, "the data")


@body()
def merge_patches_replace_lists(at: Session) -> None:
    """A merge patch of a list puts its own in place of the old."""
    at.create(DEPLOYMENTS, deployment("x")).obj(201)
    containers = [{"name": "other", "image": "registry.example/other:1"}]
    found = at.patch(DEPLOYMENTS, "x", {"spec": {"template": {"spec": {"containers": containers}}}}).obj()
    equal([each["name"] for each in found["spec"]["template"]["spec"]["containers"]], ["other"], "the containers")


@body()
def strategic_patches_merge_lists_by_key(at: Session) -> None:
    """A strategic merge patch finds containers by name, and `$patch: delete` takes one away."""
    at.create(DEPLOYMENTS, deployment("x")).obj(201)

    def containers(*changes: dict[str, str]) -> list[tuple[str, str]]:
        patch = {"spec": {"template": {"spec": {"containers": list(changes)}}}}
        found = at.patch(DEPLOYMENTS, "x", patch, "strategic").obj()["spec"]["template"]["spec"]["containers"]
        return [(each["name"], each["image"]) for each in found]

    one, two = ("main", "registry.example/app:2"), ("side", "registry.example/side:1")
    equal(containers({"name": one[0], "image": one[1]}), [one], "one changed container")
    # a new one goes in front, as the real server has it
    equal(sorted(containers({"name": two[0], "image": two[1]})), [one, two], "one more container")
    equal(containers({"name": "main", "$patch": "delete"}), [two], "one less container")


@body()
def a_patch_with_a_version_is_a_condition(at: Session) -> None:
    """A patch that names an old resourceVersion is a 409; without one it is tried on whatever is there."""
    old = at.create(CONFIG_MAPS, config_map("x", a="1")).obj(201)["metadata"]["resourceVersion"]
    at.patch(CONFIG_MAPS, "x", {"data": {"a": "2"}}).obj()
    stale = {"metadata": {"resourceVersion": old}, "data": {"a": "3"}}
    at.patch(CONFIG_MAPS, "x", stale).refused(409, "Conflict")
    equal(at.get(CONFIG_MAPS, "x").obj()["data"], {"a": "2"}, "the data")


@body()
def unknown_patches_are_refused(at: Session) -> None:
    """A patch as plain application/json is a 415."""
    at.create(CONFIG_MAPS, config_map("x")).obj(201)
    path = at.path(CONFIG_MAPS, "x")
    at.ask("PATCH", path, {"data": {"a": "1"}}).refused(415, "UnsupportedMediaType")


@body()
def a_patched_object_is_validated(at: Session) -> None:
    """A patch whose result is wrong is a 422 like any other write, and one of the wrong type too."""
    at.create(DEPLOYMENTS, deployment("x")).obj(201)
    status = at.patch(DEPLOYMENTS, "x", {"spec": {"replicas": -1}}).refused(422, "Invalid")
    equal(status["details"]["causes"][0]["field"], "spec.replicas", "the field")
    holds(
        at.patch(DEPLOYMENTS, "x", {"spec": {"replicas": "two"}}).status in (400, 422), "a refusal of text for a number"
    )
