"""CustomResourceDefinitions, and the resources that they make."""

from __future__ import annotations

from fakekube.meta.objects import KubeObject
from fakekube.testing.kit import body
from fakekube.testing.reply import equal, holds
from fakekube.testing.resources import DEFINITIONS, Resource
from fakekube.testing.session import Session

_SPEC: KubeObject = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 9},
        "colour": {"type": "string", "default": "blue", "enum": ["blue", "red"]},
        "note": {"type": "string", "maxLength": 5, "nullable": True},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
    "x-kubernetes-validations": [{"rule": "self.size >= oldSelf.size", "message": "never smaller"}],
}
_SCHEMA: KubeObject = {
    "type": "object",
    "properties": {"spec": _SPEC, "status": {"type": "object", "properties": {"phase": {"type": "string"}}}},
}


def define(at: Session, **more: object) -> Resource:
    """A served resource of its own group."""
    group = f"{at.namespace}.example.com"
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": _SCHEMA}, **more}
    spec: KubeObject = {"group": group, "scope": "Namespaced", "versions": [version]}
    spec["names"] = {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}
    name = f"things.{group}"
    at.create(DEFINITIONS, {"metadata": {"name": name}, "spec": spec}).obj(201)
    at.until(lambda: established(at, name), "the definition to be established")
    resource = Resource(version=f"{group}/v1", plural="things", kind="Thing")
    at.until(lambda: at.list(resource).status == 200, "the resource to be served")
    return resource


def established(at: Session, name: str) -> bool:
    conditions = at.get(DEFINITIONS, name).obj().get("status", {}).get("conditions") or []
    return any((each["type"], each["status"]) == ("Established", "True") for each in conditions)


def thing(**spec: object) -> KubeObject:
    return {"metadata": {"name": "x"}, "spec": spec}


@body()
def definitions_make_resources(at: Session) -> None:
    """A definition is established, and its resource can be created, read, listed, changed and deleted."""
    things = define(at)
    made = at.create(things, thing(size=1)).obj(201)
    equal((made["kind"], made["metadata"]["generation"]), ("Thing", 1), "the new object")
    equal(at.get(things, "x").obj(), made, "the object as read again")
    equal(at.list(things).obj()["kind"], "ThingList", "the kind of the list")
    equal(at.patch(things, "x", {"spec": {"size": 2}}).obj()["metadata"]["generation"], 2, "the generation")
    at.delete(things, "x").obj()
    at.get(things, "x").refused(404, "NotFound")


@body()
def defaults_come_in_and_strangers_go(at: Session) -> None:
    """Defaults are filled in; unknown fields are pruned, except where they are preserved."""
    things = define(at)
    spec = at.create(things, thing(size=1, alien=1, free={"any": [1]})).obj(201)["spec"]
    equal(spec, {"size": 1, "colour": "blue", "free": {"any": [1]}}, "the spec")
    status = at.create(things, thing(size=1, alien=1), fieldValidation="Strict").refused(400, "BadRequest")
    holds('unknown field "spec.alien"' in status["message"], f"the field in {status['message']!r}")


@body()
def custom_objects_are_validated(at: Session) -> None:
    """What the schema forbids is a 422 with the field and the real server's words."""
    things = define(at)
    status = at.create(things, thing(size=10, colour="green", note="too long")).refused(422, "Invalid")
    causes = {each["field"]: each["reason"] for each in status["details"]["causes"]}
    wanted = {
        "spec.size": "FieldValueInvalid",
        "spec.colour": "FieldValueNotSupported",
        "spec.note": "FieldValueTooLong",
    }
    # a server may add that rules were not tried, the object being wrong already
    holds(wanted.items() <= causes.items(), f"{wanted} in the causes {causes}")
    missing = at.create(things, thing()).refused(422, "Invalid")
    equal(missing["details"]["causes"][0]["reason"], "FieldValueRequired", "the cause of what is missing")


@body()
def rules_compare_with_the_past(at: Session) -> None:
    """A CEL rule over oldSelf refuses an update with its own message."""
    things = define(at)
    at.create(things, thing(size=5)).obj(201)
    at.patch(things, "x", {"spec": {"size": 6}}).obj()
    status = at.patch(things, "x", {"spec": {"size": 4}}).refused(422, "Invalid")
    holds("never smaller" in status["message"], f"the rule's message in {status['message']!r}")


@body()
def status_is_apart_where_it_is_asked_for(at: Session) -> None:
    """The status subresource separates status and spec, and generation leaves status out."""
    things = define(at, subresources={"status": {}})
    made = at.create(things, thing(size=1) | {"status": {"phase": "Early"}}).obj(201)
    holds("status" not in made, "no status at birth")
    changed = at.patch(things, "x", {"spec": {"size": 2}, "status": {"phase": "Done"}}, subresource="status").obj()
    equal((changed["spec"]["size"], changed["status"]), (1, {"phase": "Done"}), "spec and status")
    equal(changed["metadata"]["generation"], 1, "the generation")


@body()
def custom_objects_are_watched(at: Session) -> None:
    """A watch of a custom resource tells what happens, as for any other."""
    things = define(at)
    with at.watching(things) as watch:
        at.create(things, thing(size=1)).obj(201)
        at.patch(things, "x", {"spec": {"size": 2}}).obj()
        at.delete(things, "x").obj()
        equal(watch.named(3), [("ADDED", "x"), ("MODIFIED", "x"), ("DELETED", "x")], "the events")


@body()
def custom_objects_are_applied(at: Session) -> None:
    """Server-side apply owns fields of custom objects; strategic merge patches are a 415."""
    things = define(at)
    at.apply(things, thing(size=1), "one").obj(201)
    status = at.apply(things, thing(size=2), "two").refused(409, "Conflict")
    equal(status["details"]["causes"][0]["field"], ".spec.size", "the field")
    at.patch(things, "x", {"spec": {"size": 2}}, "strategic").refused(415, "UnsupportedMediaType")


@body()
def printer_columns_are_columns(at: Session) -> None:
    """additionalPrinterColumns are what a Table of the resource shows."""
    things = define(at, additionalPrinterColumns=[{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}])
    at.create(things, thing(size=3)).obj(201)
    table = at.ask("GET", at.path(things), headers={"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}).obj()
    equal([each["name"] for each in table["columnDefinitions"]], ["Name", "Size"], "the columns")
    equal([row["cells"] for row in table["rows"]], [["x", 3]], "the cells")


@body()
def definitions_take_their_objects_along(at: Session) -> None:
    """A deleted definition deletes its objects, and its paths are no more."""
    things = define(at)
    at.create(things, thing(size=1)).obj(201)
    name = f"things.{at.namespace}.example.com"
    at.delete(DEFINITIONS, name).obj()
    at.until_gone(DEFINITIONS, name)
    at.until(lambda: at.list(things).status == 404, "the resource to be gone")


@body()
def unstructured_schemas_are_refused(at: Session) -> None:
    """A schema without types is a 422 of the definition."""
    group = f"{at.namespace}.example.com"
    schema = {"type": "object", "properties": {"spec": {"properties": {"a": {"type": "string"}}}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    spec = {
        "group": group,
        "scope": "Namespaced",
        "names": {"plural": "things", "kind": "Thing"},
        "versions": [version],
    }
    status = at.create(DEFINITIONS, {"metadata": {"name": f"things.{group}"}, "spec": spec}).refused(422, "Invalid")
    holds(".spec" in status["details"]["causes"][0]["field"] or "spec" in status["message"], "the place of the fault")
