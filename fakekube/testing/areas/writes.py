"""Changing objects: who wins, what counts as a change, and what must not change."""

from __future__ import annotations

from fakekube.testing.kit import body
from fakekube.testing.reply import equal, holds
from fakekube.testing.resources import CONFIG_MAPS, DEPLOYMENTS, LEASES, SERVICES, config_map, deployment
from fakekube.testing.session import Session


@body()
def a_stale_replace_is_refused(at: Session) -> None:
    """A PUT with an old resourceVersion is a 409 Conflict, and changes nothing."""
    old = at.create(CONFIG_MAPS, config_map("x", a="1")).obj(201)
    at.patch(CONFIG_MAPS, "x", {"data": {"a": "2"}}).obj()
    status = at.replace(CONFIG_MAPS, old | {"data": {"a": "3"}}).refused(409, "Conflict")
    holds("the object has been modified" in status["message"], f"the usual words in {status['message']!r}")
    equal(at.get(CONFIG_MAPS, "x").obj()["data"], {"a": "2"}, "what is stored")


@body()
def a_replace_without_a_version_wins(at: Session) -> None:
    """A PUT without resourceVersion replaces whatever is there."""
    at.create(CONFIG_MAPS, config_map("x", a="1")).obj(201)
    equal(at.replace(CONFIG_MAPS, config_map("x", b="2")).obj()["data"], {"b": "2"}, "the data")


@body()
def a_replace_of_another_uid_is_refused(at: Session) -> None:
    """A PUT with the uid of an object that is gone is a 409 Conflict."""
    old = at.create(CONFIG_MAPS, config_map("x")).obj(201)
    at.delete(CONFIG_MAPS, "x").obj()
    new = at.create(CONFIG_MAPS, config_map("x")).obj(201)
    new["metadata"]["uid"] = old["metadata"]["uid"]
    at.replace(CONFIG_MAPS, new).refused(409, "Conflict")


@body()
def a_replace_of_nothing_is_not_found(at: Session) -> None:
    """A PUT of an object that is not there is a 404: most kinds are not created on update."""
    at.replace(CONFIG_MAPS, config_map("x")).refused(404, "NotFound")


@body()
def no_change_is_no_write(at: Session) -> None:
    """A PUT or patch that changes nothing keeps the resourceVersion."""
    made = at.create(CONFIG_MAPS, config_map("x", a="1"), fieldManager="kit").obj(201)
    version = made["metadata"]["resourceVersion"]
    same = at.replace(CONFIG_MAPS, made, fieldManager="kit").obj()
    equal(same["metadata"]["resourceVersion"], version, "the resourceVersion after the PUT")
    same = at.patch(CONFIG_MAPS, "x", {"data": {"a": "1"}}, fieldManager="kit").obj()
    equal(same["metadata"]["resourceVersion"], version, "the resourceVersion after the patch")


@body()
def generation_counts_changes_of_the_spec(at: Session) -> None:
    """generation goes up with the spec, not with labels; ConfigMaps have none."""
    equal(at.create(DEPLOYMENTS, deployment("x")).obj(201)["metadata"]["generation"], 1, "the first generation")
    labelled = at.patch(DEPLOYMENTS, "x", {"metadata": {"labels": {"a": "b"}}}).obj()
    equal(labelled["metadata"]["generation"], 1, "the generation after a label")
    paused = at.patch(DEPLOYMENTS, "x", {"spec": {"paused": True}}).obj()
    equal(paused["metadata"]["generation"], 2, "the generation after a change of the spec")
    holds("generation" not in at.create(CONFIG_MAPS, config_map("x")).obj(201)["metadata"], "no generation")


@body()
def identity_cannot_be_changed(at: Session) -> None:
    """uid and creationTimestamp stay as they are, whatever a client sends."""
    made = at.create(CONFIG_MAPS, config_map("x")).obj(201)
    sent = {**made, "metadata": {"name": "x", "creationTimestamp": "2001-01-01T00:00:00Z"}, "data": {"a": "1"}}
    kept = at.replace(CONFIG_MAPS, sent).obj()["metadata"]
    for key in ("uid", "creationTimestamp"):
        equal(kept[key], made["metadata"][key], key)


@body()
def immutable_fields_stay(at: Session) -> None:
    """A Deployment's selector and an immutable ConfigMap's data cannot be changed: 422."""
    at.create(DEPLOYMENTS, deployment("x")).obj(201)
    other = {"spec": {"selector": {"matchLabels": {"app": "y"}}, "template": {"metadata": {"labels": {"app": "y"}}}}}
    status = at.patch(DEPLOYMENTS, "x", other).refused(422, "Invalid")
    holds("field is immutable" in status["message"], f"the usual words in {status['message']!r}")
    at.create(CONFIG_MAPS, {**config_map("x", a="1"), "immutable": True}).obj(201)
    at.patch(CONFIG_MAPS, "x", {"data": {"a": "2"}}).refused(422, "Invalid")


@body()
def leases_have_one_winner(at: Session) -> None:
    """Of two that take a Lease with the same resourceVersion, one gets a 409: leader election rests on it."""
    lease = at.create(LEASES, {"metadata": {"name": "x"}, "spec": {"leaseDurationSeconds": 15}}).obj(201)
    codes = []
    for holder in ("a", "b"):
        codes.append(at.replace(LEASES, {**lease, "spec": {"holderIdentity": holder}}).status)
    equal(codes, [200, 409], "the two answers")
    equal(at.get(LEASES, "x").obj()["spec"], {"holderIdentity": "a"}, "the holder")


@body()
def services_get_addresses(at: Session) -> None:
    """A Service gets a cluster IP that nobody else has, and keeps it."""
    ports = {"ports": [{"port": 80}]}
    found = [at.create(SERVICES, {"metadata": {"name": name}, "spec": ports}).obj(201)["spec"] for name in ("x", "y")]
    holds(found[0]["clusterIP"] != found[1]["clusterIP"], "different addresses")
    equal(found[0]["clusterIPs"], [found[0]["clusterIP"]], "the list of addresses")
    at.patch(SERVICES, "x", {"spec": {"clusterIP": found[1]["clusterIP"]}}).refused(422, "Invalid")
