"""Who asks, and what they may: tokens and reviews."""

from __future__ import annotations

from fakekube.meta.objects import KubeObject
from fakekube.testing.kit import body
from fakekube.testing.reply import equal, holds
from fakekube.testing.resources import SERVICE_ACCOUNTS
from fakekube.testing.session import Session

_AUTHENTICATION = "/apis/authentication.k8s.io/v1"
_AUTHORIZATION = "/apis/authorization.k8s.io/v1"


def review(at: Session, token: str) -> KubeObject:
    asked = {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "spec": {"token": token}}
    found: KubeObject = at.ask("POST", f"{_AUTHENTICATION}/tokenreviews", asked).obj(201)["status"]
    return found


@body()
def accounts_get_tokens(at: Session) -> None:
    """POST to /token of a ServiceAccount gives a token that a TokenReview knows, and a deletion ends."""
    at.create(SERVICE_ACCOUNTS, {"metadata": {"name": "x"}}).obj(201)
    asked = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {"expirationSeconds": 3600}}
    made = at.ask("POST", f"{at.path(SERVICE_ACCOUNTS, 'x')}/token", asked).obj(201)["status"]
    holds(made["expirationTimestamp"], "an end of the token")
    known = review(at, made["token"])
    name = f"system:serviceaccount:{at.namespace}:x"
    equal((known["authenticated"], known["user"]["username"]), (True, name), "whose token it is")
    holds("system:serviceaccounts" in known["user"]["groups"], "the groups of accounts")
    at.delete(SERVICE_ACCOUNTS, "x").obj()
    at.until(lambda: not review(at, made["token"]).get("authenticated"), "the token to end with its account")


@body()
def tokens_of_nobody_are_known_as_such(at: Session) -> None:
    """A TokenReview of nonsense is answered, and not authenticated."""
    equal(review(at, "nonsense").get("authenticated", False), False, "whether it is somebody's")


@body()
def too_short_tokens_are_refused(at: Session) -> None:
    """A token for less than ten minutes is a 422."""
    at.create(SERVICE_ACCOUNTS, {"metadata": {"name": "x"}}).obj(201)
    asked = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {"expirationSeconds": 10}}
    at.ask("POST", f"{at.path(SERVICE_ACCOUNTS, 'x')}/token", asked).refused(422, "Invalid")


@body()
def administrators_may(at: Session) -> None:
    """A SelfSubjectAccessReview of an administrator is allowed."""
    attributes = {"verb": "delete", "resource": "pods", "namespace": at.namespace}
    asked: KubeObject = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1"}
    asked["spec"] = {"resourceAttributes": attributes}
    found = at.ask("POST", f"{_AUTHORIZATION}/selfsubjectaccessreviews", asked).obj(201)
    equal(found["status"]["allowed"], True, "the decision")


@body()
def reviews_must_say_what(at: Session) -> None:
    """A review without attributes is a 422."""
    asked = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": {}}
    at.ask("POST", f"{_AUTHORIZATION}/selfsubjectaccessreviews", asked).refused(422, "Invalid")


@body()
def everybody_can_ask_who_they_are(at: Session) -> None:
    """A SelfSubjectReview names the user that asks."""
    asked = {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"}
    found = at.ask("POST", f"{_AUTHENTICATION}/selfsubjectreviews", asked).obj(201)
    holds(found["status"]["userInfo"]["username"], "a name")
