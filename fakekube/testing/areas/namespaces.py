"""The life of a namespace."""

from __future__ import annotations

from fakekube.testing.arms import CONTROLLERS
from fakekube.testing.kit import body
from fakekube.testing.reply import equal, holds
from fakekube.testing.resources import CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS, config_map
from fakekube.testing.session import Session


@body()
def namespaces_carry_their_name_as_a_label(at: Session) -> None:
    """A namespace is Active, labelled with its name, and has the finalizer kubernetes in its spec."""
    found = at.get(NAMESPACES, at.namespace).obj()
    equal(found["metadata"]["labels"], {"kubernetes.io/metadata.name": at.namespace}, "the labels")
    equal((found["status"]["phase"], found["spec"]["finalizers"]), ("Active", ["kubernetes"]), "phase and finalizers")


@body()
def the_first_namespaces_are_there(at: Session) -> None:
    """default, kube-system, kube-public and kube-node-lease are there, and default cannot be deleted."""
    for name in ("default", "kube-system", "kube-public", "kube-node-lease"):
        at.get(NAMESPACES, name).obj()
    at.delete(NAMESPACES, "default").refused(403, "Forbidden")


@body(needs=[CONTROLLERS])
def a_deleted_namespace_takes_its_content_along(at: Session) -> None:
    """A deletion answers with Terminating; content goes, then the namespace."""
    name = f"{at.namespace}-b"
    at.create(NAMESPACES, {"metadata": {"name": name}}).obj(201)
    inside = CONFIG_MAPS.path(name, "x")
    at.ask("POST", CONFIG_MAPS.path(name), CONFIG_MAPS.named(config_map("x"))).obj(201)
    equal(at.delete(NAMESPACES, name).obj()["status"]["phase"], "Terminating", "the phase")
    at.until_gone(NAMESPACES, name)
    at.ask("GET", inside).refused(404, "NotFound")


@body(needs=[CONTROLLERS])
def nothing_is_made_where_all_is_being_deleted(at: Session) -> None:
    """A create in a terminating namespace is a 403 with cause NamespaceTerminating; a finalizer inside holds it."""
    name = f"{at.namespace}-b"
    at.create(NAMESPACES, {"metadata": {"name": name}}).obj(201)
    path = CONFIG_MAPS.path(name)
    held = {"metadata": {"name": "held", "finalizers": ["example.com/kit"]}}
    at.ask("POST", path, CONFIG_MAPS.named(held)).obj(201)
    at.delete(NAMESPACES, name).obj()
    status = at.ask("POST", path, CONFIG_MAPS.named(config_map("late"))).refused(403, "Forbidden")
    equal(status["details"]["causes"][0]["reason"], "NamespaceTerminating", "the cause")
    at.until(lambda: "NamespaceContentRemaining" in _conditions(at, name), "a condition that tells what remains")
    merge = {"content-type": "application/merge-patch+json"}
    at.ask("PATCH", f"{path}/held", {"metadata": {"finalizers": None}}, merge).obj()
    at.until_gone(NAMESPACES, name)


def _conditions(at: Session, name: str) -> set[str]:
    reply = at.get(NAMESPACES, name)
    found = reply.document().get("status", {}).get("conditions", []) if reply.status == 200 else []
    return {str(each["type"]) for each in found if each["status"] == "True"}


@body(needs=[CONTROLLERS])
def every_namespace_gets_an_account_and_the_authority(at: Session) -> None:
    """A new namespace gets the ServiceAccount default and the ConfigMap kube-root-ca.crt."""
    at.until(lambda: at.get(SERVICE_ACCOUNTS, "default").status == 200, "a default ServiceAccount")
    at.until(lambda: at.get(CONFIG_MAPS, "kube-root-ca.crt").status == 200, "the root certificate")
    holds("ca.crt" in at.get(CONFIG_MAPS, "kube-root-ca.crt").obj()["data"], "the certificate in the ConfigMap")
