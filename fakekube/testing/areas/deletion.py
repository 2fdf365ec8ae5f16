"""Deletion: preconditions, finalizers, and what becomes of dependents."""

from __future__ import annotations

from fakekube.meta.objects import KubeObject
from fakekube.testing.arms import CONTROLLERS
from fakekube.testing.kit import body
from fakekube.testing.reply import equal, holds
from fakekube.testing.resources import CONFIG_MAPS, SECRETS, config_map
from fakekube.testing.session import Session

FINALIZER = "example.com/kit"


def dependent(name: str, owner: KubeObject, *, blocks: bool = False) -> KubeObject:
    """A Secret that the ConfigMap `owner` owns."""
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"]}
    reference |= {"uid": owner["metadata"]["uid"], "blockOwnerDeletion": blocks}
    return {"metadata": {"name": name, "ownerReferences": [reference]}}


@body()
def a_deletion_tells_what_went(at: Session) -> None:
    """DELETE answers 200 with a Status that names the object and its uid."""
    uid = at.create(CONFIG_MAPS, config_map("x")).obj(201)["metadata"]["uid"]
    status = at.delete(CONFIG_MAPS, "x").obj()
    equal((status["kind"], status["status"]), ("Status", "Success"), "the answer")
    equal(status["details"], {"name": "x", "kind": "configmaps", "uid": uid}, "the details")


@body()
def deletions_have_preconditions(at: Session) -> None:
    """A DELETE for another uid or an old resourceVersion is a 409 and deletes nothing."""
    old = at.create(CONFIG_MAPS, config_map("x", a="1")).obj(201)["metadata"]
    at.patch(CONFIG_MAPS, "x", {"data": {"a": "2"}}).obj()
    other = {"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}}
    at.delete(CONFIG_MAPS, "x", other).refused(409, "Conflict")
    at.delete(CONFIG_MAPS, "x", {"preconditions": {"resourceVersion": old["resourceVersion"]}}).refused(409, "Conflict")
    at.delete(CONFIG_MAPS, "x", {"preconditions": {"uid": old["uid"]}}).obj()
    at.get(CONFIG_MAPS, "x").refused(404, "NotFound")


@body()
def finalizers_hold_an_object(at: Session) -> None:
    """With a finalizer a deletion only sets deletionTimestamp; taking the last one away deletes."""
    at.create(CONFIG_MAPS, {"metadata": {"name": "x", "finalizers": [FINALIZER]}}).obj(201)
    held = at.delete(CONFIG_MAPS, "x").obj()["metadata"]
    holds(held["deletionTimestamp"] and held["deletionGracePeriodSeconds"] == 0, "a deletionTimestamp")
    equal(at.get(CONFIG_MAPS, "x").obj()["metadata"]["finalizers"], [FINALIZER], "the finalizers")
    at.patch(CONFIG_MAPS, "x", {"metadata": {"finalizers": [FINALIZER, "example.com/late"]}}).refused(422, "Invalid")
    at.patch(CONFIG_MAPS, "x", {"metadata": {"finalizers": None}}).obj()
    at.get(CONFIG_MAPS, "x").refused(404, "NotFound")


@body()
def an_object_on_its_way_out_stays_so(at: Session) -> None:
    """A second deletion changes nothing, and the name is not free before the object is gone."""
    at.create(CONFIG_MAPS, {"metadata": {"name": "x", "finalizers": [FINALIZER]}}).obj(201)
    first = at.delete(CONFIG_MAPS, "x").obj()["metadata"]
    second = at.delete(CONFIG_MAPS, "x").obj()["metadata"]
    equal(second["deletionTimestamp"], first["deletionTimestamp"], "the deletionTimestamp")
    at.create(CONFIG_MAPS, config_map("x")).refused(409, "AlreadyExists")
    at.patch(CONFIG_MAPS, "x", {"metadata": {"finalizers": None}}).obj()


@body(needs=[CONTROLLERS])
def dependents_go_with_their_owner(at: Session) -> None:
    """Background: the owner goes at once, the garbage collector takes its dependents."""
    owner = at.create(CONFIG_MAPS, config_map("owner")).obj(201)
    at.create(SECRETS, dependent("x", owner)).obj(201)
    at.delete(CONFIG_MAPS, "owner", {"propagationPolicy": "Background"}).obj()
    at.get(CONFIG_MAPS, "owner").refused(404, "NotFound")
    at.until_gone(SECRETS, "x")


@body(needs=[CONTROLLERS])
def owners_wait_for_their_dependents(at: Session) -> None:
    """Foreground: the owner stays, marked, until dependents that block it are gone."""
    owner = at.create(CONFIG_MAPS, config_map("owner")).obj(201)
    held = dependent("x", owner, blocks=True)
    held["metadata"]["finalizers"] = [FINALIZER]
    at.create(SECRETS, held).obj(201)
    waiting = at.delete(CONFIG_MAPS, "owner", {"propagationPolicy": "Foreground"}).obj()["metadata"]
    equal(waiting["finalizers"], ["foregroundDeletion"], "the owner's finalizers")
    at.until(lambda: "deletionTimestamp" in at.get(SECRETS, "x").obj()["metadata"], "the dependent to be deleted")
    at.get(CONFIG_MAPS, "owner").obj()
    at.patch(SECRETS, "x", {"metadata": {"finalizers": None}}).obj()
    at.until_gone(CONFIG_MAPS, "owner")


@body(needs=[CONTROLLERS])
def orphans_stay(at: Session) -> None:
    """Orphan: dependents stay and forget their owner."""
    owner = at.create(CONFIG_MAPS, config_map("owner")).obj(201)
    at.create(SECRETS, dependent("x", owner)).obj(201)
    at.delete(CONFIG_MAPS, "owner", {"propagationPolicy": "Orphan"}).obj()
    at.until_gone(CONFIG_MAPS, "owner")
    holds("ownerReferences" not in at.get(SECRETS, "x").obj()["metadata"], "no owner any more")


@body(needs=[CONTROLLERS])
def one_owner_left_is_enough(at: Session) -> None:
    """A dependent with two owners stays as long as one is there."""
    owners = [at.create(CONFIG_MAPS, config_map(name)).obj(201) for name in ("one", "two")]
    both = dependent("x", owners[0])
    both["metadata"]["ownerReferences"] += dependent("x", owners[1])["metadata"]["ownerReferences"]
    at.create(SECRETS, both).obj(201)
    at.delete(CONFIG_MAPS, "one").obj()
    at.until(lambda: len(at.get(SECRETS, "x").obj()["metadata"]["ownerReferences"]) == 1, "one owner to be left")
    at.delete(CONFIG_MAPS, "two").obj()
    at.until_gone(SECRETS, "x")


@body(needs=[CONTROLLERS])
def an_owner_that_never_was_is_garbage(at: Session) -> None:
    """A dependent whose owner is not there, by uid, is collected."""
    ghost = {"metadata": {"name": "ghost", "uid": "11111111-2222-3333-4444-555555555555"}}
    at.create(SECRETS, dependent("x", ghost)).obj(201)
    at.until_gone(SECRETS, "x")


@body()
def bad_propagation_is_refused(at: Session) -> None:
    """An unknown propagationPolicy is a 422, and nothing is deleted."""
    at.create(CONFIG_MAPS, config_map("x")).obj(201)
    at.delete(CONFIG_MAPS, "x", {"propagationPolicy": "Sideways"}).refused(422, "Invalid")
    at.get(CONFIG_MAPS, "x").obj()


@body()
def options_come_in_any_group(at: Session) -> None:
    """DeleteOptions are read in every group and version; no other kind is."""
    at.create(CONFIG_MAPS, config_map("x")).obj(201)
    for version in ("v1", "batch/v1", "meta.k8s.io/v1"):
        at.delete(CONFIG_MAPS, "x", {"kind": "DeleteOptions", "apiVersion": version, "dryRun": ["All"]}).obj()
    at.delete(CONFIG_MAPS, "x", {"kind": "ConfigMap", "apiVersion": "v1"}).refused(400, "BadRequest")
