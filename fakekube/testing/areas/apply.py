"""Server-side apply: who owns a field, and what comes of it."""

from __future__ import annotations

from fakekube.testing.kit import body
from fakekube.testing.reply import equal, holds
from fakekube.testing.resources import CONFIG_MAPS, DEPLOYMENTS, SERVICES, config_map, deployment
from fakekube.testing.session import Session


@body()
def apply_creates_and_owns(at: Session) -> None:
    """An apply of what is not there is a 201, and its fields belong to the manager."""
    made = at.apply(CONFIG_MAPS, config_map("x", a="1"), "one").obj(201)
    (manager,) = made["metadata"]["managedFields"]
    equal((manager["manager"], manager["operation"]), ("one", "Apply"), "the owner")
    equal(manager["fieldsV1"], {"f:data": {"f:a": {}}}, "the owned fields")
    again = at.apply(CONFIG_MAPS, config_map("x", a="1"), "one").obj()
    equal(again["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"], "the version after the same apply")


@body()
def a_field_of_another_is_a_conflict(at: Session) -> None:
    """An apply that changes another manager's field is a 409 that names manager and field."""
    at.apply(CONFIG_MAPS, config_map("x", a="1", b="1"), "one").obj(201)
    status = at.apply(CONFIG_MAPS, config_map("x", a="2"), "two").refused(409, "Conflict")
    equal(status["message"], 'Apply failed with 1 conflict: conflict with "one": .data.a', "the message")
    wanted = {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.a"}
    equal(status["details"]["causes"], [wanted], "the causes")


@body()
def force_takes_a_field(at: Session) -> None:
    """force=true takes the field, and the old owner loses it."""
    at.apply(CONFIG_MAPS, config_map("x", a="1", b="1"), "one").obj(201)
    taken = at.apply(CONFIG_MAPS, config_map("x", a="2"), "two", force=True).obj()
    equal(taken["data"], {"a": "2", "b": "1"}, "the data")
    owned = {each["manager"]: each["fieldsV1"] for each in taken["metadata"]["managedFields"]}
    equal(owned, {"one": {"f:data": {"f:b": {}}}, "two": {"f:data": {"f:a": {}}}}, "the owners")


@body()
def equal_values_are_shared(at: Session) -> None:
    """Two managers that apply the same value own it together."""
    at.apply(CONFIG_MAPS, config_map("x", a="1"), "one").obj(201)
    shared = at.apply(CONFIG_MAPS, config_map("x", a="1"), "two").obj()
    equal(sorted(each["manager"] for each in shared["metadata"]["managedFields"]), ["one", "two"], "the owners")
    left = at.apply(CONFIG_MAPS, config_map("x"), "one").obj()
    equal(left["data"], {"a": "1"}, "the data after one owner left")


@body()
def what_is_no_longer_applied_goes(at: Session) -> None:
    """A field that its only owner applies no more is removed."""
    at.apply(CONFIG_MAPS, config_map("x", a="1", b="1"), "one").obj(201)
    equal(at.apply(CONFIG_MAPS, config_map("x", b="1"), "one").obj()["data"], {"b": "1"}, "the data")


@body()
def lists_are_merged_by_key(at: Session) -> None:
    """Two managers own an entry each of a list with keys; each can take its own away."""
    at.apply(SERVICES, _service(("one", 80)), "one").obj(201)
    both = at.apply(SERVICES, _service(("two", 81)), "two").obj()
    equal([each["name"] for each in both["spec"]["ports"]], ["one", "two"], "the ports of both")
    left = at.apply(SERVICES, _service(), "two").obj()
    equal([each["name"] for each in left["spec"]["ports"]], ["one"], "the ports of one")


def _service(*ports: tuple[str, int]) -> dict[str, object]:
    entries = [{"name": name, "port": port, "protocol": "TCP"} for name, port in ports]
    return {"metadata": {"name": "x"}, "spec": {"ports": entries} if entries else {}}


@body()
def apply_needs_a_manager(at: Session) -> None:
    """An apply without fieldManager is refused; so is one that brings managedFields."""
    reply = at.patch(CONFIG_MAPS, "x", CONFIG_MAPS.named(config_map("x")), "apply")
    holds(reply.status in (400, 422), f"a refusal, got {reply.status}")
    obj = {"metadata": {"name": "x", "managedFields": [{"manager": "m", "operation": "Apply"}]}}
    at.apply(CONFIG_MAPS, obj, "one").refused(400, "BadRequest")


@body()
def updates_own_too(at: Session) -> None:
    """A PUT or patch owns what it changes, and an apply meets it as a conflict."""
    at.create(CONFIG_MAPS, config_map("x", a="1"), fieldManager="editor").obj(201)
    status = at.apply(CONFIG_MAPS, config_map("x", a="2"), "one").refused(409, "Conflict")
    holds('conflict with "editor" using v1' in status["message"], f"the editor in {status['message']!r}")


@body()
def a_status_is_applied_on_its_own(at: Session) -> None:
    """An apply to /status changes the status alone, and its owner is listed with the subresource."""
    at.create(DEPLOYMENTS, deployment("x")).obj(201)
    status = {"metadata": {"name": "x"}, "spec": {"paused": True}, "status": {"collisionCount": 3}}
    found = at.apply(DEPLOYMENTS, status, "one", subresource="status").obj()
    equal((found["status"]["collisionCount"], found["spec"].get("paused")), (3, None), "status and spec")
    holds(
        any(each["manager"] == "one" and each.get("subresource") == "status" for each in _managers(found)),
        "an owner of the status",
    )


def _managers(obj: dict[str, object]) -> list[dict[str, object]]:
    meta = obj["metadata"]
    found: list[dict[str, object]] = meta["managedFields"] if isinstance(meta, dict) else []
    return found
