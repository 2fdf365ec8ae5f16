"""Reviews: questions that are posted and answered, never stored. Without RBAC everybody may do everything.

Source: pkg/registry/{authentication,authorization} of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fakekube.meta.errors import Cause, bad_request, invalid
from fakekube.meta.objects import KubeObject
from fakekube.registry.metadata import timestamp
from fakekube.registry.site import Site
from fakekube.registry.tokens import claims_of

# site, review, user -> the review's status
Answer = Callable[[Site, KubeObject, str], KubeObject]

_GROUPS = ["system:masters", "system:authenticated"]


def _require_one_subject_matter(review: KubeObject, *, of_user: bool) -> None:
    spec = review.get("spec") or {}
    causes: list[Cause] = []
    if ("resourceAttributes" in spec) == ("nonResourceAttributes" in spec):
        message = "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified"
        causes.append(Cause(reason="FieldValueInvalid", message=message, field="spec"))
    if of_user and not spec.get("user") and not spec.get("groups"):
        message = 'Invalid value: "": at least one of user or group must be specified'
        causes.append(Cause(reason="FieldValueInvalid", message=message, field="spec.user"))
    if causes:
        raise invalid("", "authorization.k8s.io", "", causes)


def _own_access(site: Site, review: KubeObject, user: str) -> KubeObject:
    _require_one_subject_matter(review, of_user=False)
    return {"allowed": True}


def _access(site: Site, review: KubeObject, user: str) -> KubeObject:
    _require_one_subject_matter(review, of_user=True)
    return {"allowed": True}


def _own_rules(site: Site, review: KubeObject, user: str) -> KubeObject:
    return {
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "incomplete": False,
    }


def _self(site: Site, review: KubeObject, user: str) -> KubeObject:
    return {"userInfo": {"username": user, "groups": _GROUPS}}


def _token(site: Site, review: KubeObject, user: str) -> KubeObject:
    token = (review.get("spec") or {}).get("token")
    if not token:
        raise bad_request("token is required for TokenReview in authentication")
    claims = claims_of(site, token)
    if claims is None:
        return {"user": {}, "error": "invalid bearer token"}
    account = claims["kubernetes.io"]
    space = account["namespace"]
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{space}", "system:authenticated"]
    subject = {"username": claims["sub"], "uid": account["serviceaccount"]["uid"], "groups": groups}
    return {"authenticated": True, "user": subject, "audiences": claims["aud"]}


REVIEWS: Mapping[str, Answer] = {
    "tokenreviews.authentication.k8s.io": _token,
    "selfsubjectreviews.authentication.k8s.io": _self,
    "selfsubjectaccessreviews.authorization.k8s.io": _own_access,
    "subjectaccessreviews.authorization.k8s.io": _access,
    "localsubjectaccessreviews.authorization.k8s.io": _access,
    "selfsubjectrulesreviews.authorization.k8s.io": _own_rules,
}


def reviewed(site: Site, resource: str, review: KubeObject, user: str) -> KubeObject:
    """`review` with its answer as status."""
    status = REVIEWS[resource](site, review, user)
    if resource == "selfsubjectreviews.authentication.k8s.io":
        review = {**review, "metadata": {"creationTimestamp": timestamp(site.now())}}
    return {**review, "status": status}
