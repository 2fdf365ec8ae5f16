"""Reading and making objects, and what is refused before anything is written."""

from __future__ import annotations

from fakekube.testing.kit import body
from fakekube.testing.reply import equal, holds
from fakekube.testing.resources import CONFIG_MAPS, DEPLOYMENTS, SECRETS, config_map, deployment
from fakekube.testing.session import Session


@body()
def create_fills_in_what_the_server_owns(at: Session) -> None:
    """A create answers 201 with uid, resourceVersion, creationTimestamp and managedFields."""
    made = at.create(CONFIG_MAPS, config_map("x", a="1"), fieldManager="kit").obj(201)
    meta = made["metadata"]
    equal((meta["name"], meta["namespace"], made["data"]), ("x", at.namespace, {"a": "1"}), "the new object")
    holds(len(meta["uid"]) == 36 and meta["resourceVersion"] and meta["creationTimestamp"].endswith("Z"), "an identity")
    (manager,) = meta["managedFields"]
    equal((manager["manager"], manager["operation"]), ("kit", "Update"), "who owns the fields")
    equal(manager["fieldsV1"], {"f:data": {".": {}, "f:a": {}}}, "the owned fields")
    equal(at.get(CONFIG_MAPS, "x").obj(), made, "the object as read again")


@body()
def create_twice_is_a_conflict_of_names(at: Session) -> None:
    """A second create of a name is refused with 409 AlreadyExists."""
    at.create(CONFIG_MAPS, config_map("x")).obj(201)
    status = at.create(CONFIG_MAPS, config_map("x")).refused(409, "AlreadyExists")
    equal(status["message"], 'configmaps "x" already exists', "the message")
    equal(status["details"], {"name": "x", "kind": "configmaps"}, "the details")


@body()
def absent_objects_are_not_found(at: Session) -> None:
    """Reading, changing or deleting what is not there is a 404 that names it."""
    for reply in (
        at.get(CONFIG_MAPS, "x"),
        at.delete(CONFIG_MAPS, "x"),
        at.patch(CONFIG_MAPS, "x", {"data": {"a": "1"}}),
    ):
        status = reply.refused(404, "NotFound")
        equal(status["message"], 'configmaps "x" not found', "the message")


@body()
def generated_names_differ(at: Session) -> None:
    """generateName gives each object a name of its own with that prefix."""
    obj = {"metadata": {"generateName": "x-"}}
    names = {str(at.create(CONFIG_MAPS, obj).obj(201)["metadata"]["name"]) for _ in range(5)}
    equal(len(names), 5, "different names")
    holds(
        all(name.startswith("x-") and len(name) == 7 for name in names), f"five characters behind the prefix: {names}"
    )


@body()
def names_are_checked(at: Session) -> None:
    """A name that is no DNS subdomain is a 422 Invalid with the field that is wrong."""
    status = at.create(CONFIG_MAPS, config_map("Not_A_Name")).refused(422, "Invalid")
    (cause,) = status["details"]["causes"]
    equal((cause["reason"], cause["field"]), ("FieldValueInvalid", "metadata.name"), "the cause")


@body()
def all_that_is_wrong_is_told_at_once(at: Session) -> None:
    """A 422 has one cause for each wrong field."""
    wrong = deployment("x")
    wrong["spec"]["replicas"] = -1
    wrong["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    status = at.create(DEPLOYMENTS, wrong).refused(422, "Invalid")
    fields = sorted(cause["field"] for cause in status["details"]["causes"])
    equal(fields, ["spec.replicas", "spec.template.metadata.labels"], "the fields")


@body()
def a_create_must_not_name_a_version(at: Session) -> None:
    """resourceVersion must not be set on objects to be created."""
    obj = {"metadata": {"name": "x", "resourceVersion": "1"}}
    reply = at.create(CONFIG_MAPS, obj)
    holds(reply.status >= 400, f"a refusal, got {reply.status}")
    holds("resourceVersion should not be set" in reply.document()["message"], "the reason in the message")


@body()
def the_body_must_agree_with_the_path(at: Session) -> None:
    """A body of another name, namespace or kind than the path is a 400."""
    at.create(CONFIG_MAPS, config_map("x")).obj(201)
    path = at.path(CONFIG_MAPS, "x")
    other = CONFIG_MAPS.named(config_map("y"))
    at.ask("PUT", path, other).refused(400, "BadRequest")
    foreign = CONFIG_MAPS.named({"metadata": {"name": "z", "namespace": "elsewhere"}})
    at.ask("POST", at.path(CONFIG_MAPS), foreign).refused(400, "BadRequest")
    at.ask("POST", at.path(CONFIG_MAPS), SECRETS.named(config_map("z"))).refused(400, "BadRequest")


@body()
def bodies_must_be_readable(at: Session) -> None:
    """A body that is no JSON is a 400, one of an unknown media type a 415."""
    path = at.path(CONFIG_MAPS)
    at.ask("POST", path, b"{nonsense").refused(400, "BadRequest")
    at.ask("POST", path, b"<x/>", {"content-type": "application/xml"}).refused(415, "UnsupportedMediaType")


@body()
def answers_must_be_acceptable(at: Session) -> None:
    """An Accept header that nothing fits is a 406."""
    reply = at.ask("GET", at.path(CONFIG_MAPS), headers={"accept": "text/html"})
    equal(reply.status, 406, "the status")


@body()
def methods_must_be_allowed(at: Session) -> None:
    """A PUT to a collection is a 405 MethodNotAllowed."""
    at.ask("PUT", at.path(CONFIG_MAPS), CONFIG_MAPS.named(config_map("x"))).refused(405, "MethodNotAllowed")


@body()
def unknown_resources_are_no_page(at: Session) -> None:
    """A resource that is not served is a 404, whatever its name."""
    for path in ("/apis/example.invalid/v1/things", f"/api/v1/namespaces/{at.namespace}/nothings", "/nowhere"):
        equal(at.ask("GET", path).status, 404, f"the status of {path}")


@body()
def a_namespace_must_be_there_first(at: Session) -> None:
    """A create in a namespace that is not there is a 404 of the namespace."""
    path = CONFIG_MAPS.path(f"{at.namespace}-not")
    status = at.ask("POST", path, CONFIG_MAPS.named(config_map("x"))).refused(404, "NotFound")
    equal(status["details"]["kind"], "namespaces", "what is not found")


@body()
def labels_are_checked(at: Session) -> None:
    """A label value with a space is a 422 at metadata.labels."""
    obj = {"metadata": {"name": "x", "labels": {"a": "no spaces"}}}
    status = at.create(CONFIG_MAPS, obj).refused(422, "Invalid")
    equal(status["details"]["causes"][0]["field"], "metadata.labels", "the field")


@body()
def secrets_come_back_encoded(at: Session) -> None:
    """stringData of a Secret becomes base64 data, and its type defaults to Opaque."""
    made = at.create(SECRETS, {"metadata": {"name": "x"}, "stringData": {"a": "hello"}}).obj(201)
    equal((made["data"], made["type"], "stringData" in made), ({"a": "aGVsbG8="}, "Opaque", False), "the Secret")


@body()
def defaults_are_written_down(at: Session) -> None:
    """What a Deployment leaves out is there when it is read."""
    made = at.create(DEPLOYMENTS, deployment("x")).obj(201)
    spec = made["spec"]
    equal(spec["strategy"]["type"], "RollingUpdate", "the strategy")
    equal((spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]), (10, 600), "the limits")
    template = spec["template"]["spec"]
    equal((template["restartPolicy"], template["dnsPolicy"]), ("Always", "ClusterFirst"), "the pods")
    equal(template["containers"][0]["imagePullPolicy"], "IfNotPresent", "the pull policy of a tag")


@body()
def dry_runs_leave_nothing(at: Session) -> None:
    """dryRun=All answers as the real thing and writes nothing."""
    made = at.create(CONFIG_MAPS, config_map("x"), dryRun="All").obj(201)
    holds(made["metadata"]["uid"], "a uid in the answer")
    at.get(CONFIG_MAPS, "x").refused(404, "NotFound")
    at.create(CONFIG_MAPS, config_map("x", a="1")).obj(201)
    at.patch(CONFIG_MAPS, "x", {"data": {"a": "2"}}, dryRun="All").obj()
    at.delete(CONFIG_MAPS, "x", dryRun="All").obj()
    equal(at.get(CONFIG_MAPS, "x").obj()["data"], {"a": "1"}, "what is stored")
    at.create(CONFIG_MAPS, config_map("y"), dryRun="Some").refused(422, "Invalid")


@body()
def unknown_fields_are_judged_as_asked(at: Session) -> None:
    """fieldValidation: Strict refuses unknown and double fields, Warn tells of them in a header, Ignore drops them."""
    obj = {"metadata": {"name": "x"}, "dta": {"a": "1"}}
    status = at.create(CONFIG_MAPS, obj, fieldValidation="Strict").refused(400, "BadRequest")
    holds('unknown field "dta"' in status["message"], f"the field in {status['message']!r}")
    warned = at.create(CONFIG_MAPS, obj, fieldValidation="Warn")
    holds("dta" not in warned.obj(201), "the field to be dropped")
    holds('unknown field \\"dta\\"' in warned.headers.get("warning", ""), "a Warning header that names the field")
    obj["metadata"] = {"name": "y"}
    quiet = at.create(CONFIG_MAPS, obj, fieldValidation="Ignore")
    quiet.obj(201)
    equal(quiet.headers.get("warning", ""), "", "the Warning header")
