"""Reviews: questions that are posted and answered, never stored: who is that, and may they?

Source: pkg/registry/{authentication,authorization} of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from fakekube.meta.errors import StatusError, bad_request, invalid
from fakekube.meta.objects import KubeObject
from fakekube.meta.selectors import parse_field_selector, parse_label_selector
from fakekube.registry.authenticator import AUDIENCES, NotAuthenticated
from fakekube.registry.authorizer import Attributes
from fakekube.registry.metadata import timestamp
from fakekube.registry.rbac import aggregate
from fakekube.registry.rbac_rules import Rule
from fakekube.registry.site import Site
from fakekube.registry.token_authenticator import TokenAuthenticator
from fakekube.registry.users import UserInfo, extra_of
from fakekube.registry.validation.access_reviews import (
    local_subject_access_review,
    self_subject_access_review,
    subject_access_review,
)
from fakekube.registry.validation.causes import Causes

# site, review, who asks -> the review as it is answered
Answer = Callable[[Site, KubeObject, UserInfo], KubeObject]
Validate = Callable[[KubeObject], Causes]

_GROUP = "authorization.k8s.io"
# What a newer apiserver may be asked with; here it counts as no selector at all.
_FIELD_OPERATORS = ("In", "NotIn")
_LABEL_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_ASKED = ("verb", "group", "resource", "subresource", "namespace", "name")


def _own_access(site: Site, review: KubeObject, user: UserInfo) -> KubeObject:
    _require_valid(review, self_subject_access_review)
    return _decided(site, review, user)


def _access(validate: Validate) -> Answer:
    def answer(site: Site, review: KubeObject, user: UserInfo) -> KubeObject:
        _require_valid(review, validate)
        spec = review["spec"]
        subject = UserInfo(
            name=spec.get("user") or "",
            uid=spec.get("uid") or "",
            groups=tuple(spec.get("groups") or ()),
            extra=extra_of(spec.get("extra") or {}),
        )
        return _decided(site, review, subject)

    return answer


def _require_valid(review: KubeObject, validate: Validate) -> None:
    causes = list(validate(review))
    if causes:
        # the real server looks for the kind where it has just been cut off
        raise invalid("", _GROUP, "", causes)


def _decided(site: Site, review: KubeObject, subject: UserInfo) -> KubeObject:
    spec = review["spec"]
    found = site.authorizer.authorize(_attributes(spec, subject))
    status: KubeObject = {"allowed": found.allowed}
    if found.reason:
        status["reason"] = found.reason
    problems = "; ".join(_unread_selectors(spec.get("resourceAttributes") or {}))
    if problems:
        status["evaluationError"] = problems
    return {**review, "status": status}


def _attributes(spec: KubeObject, subject: UserInfo) -> Attributes:
    asked: KubeObject | None = spec.get("resourceAttributes")
    if asked is None:
        url = spec["nonResourceAttributes"]
        path, verb = url.get("path") or "", url.get("verb") or ""
        return Attributes(user=subject, verb=verb, path=path, resource_request=False)
    verb, group, resource, subresource, namespace, name = (asked.get(member) or "" for member in _ASKED)
    return Attributes(
        user=subject,
        verb=verb,
        group=group,
        resource=resource,
        subresource=subresource,
        namespace=namespace,
        name=name,
    )


def _unread_selectors(attributes: KubeObject) -> Iterator[str]:
    """What the selectors say is no part of RBAC's rules; that one cannot be read is told."""
    for member, parse, operators in (
        ("fieldSelector", parse_field_selector, _FIELD_OPERATORS),
        ("labelSelector", parse_label_selector, _LABEL_OPERATORS),
    ):
        selector: KubeObject = attributes.get(member) or {}
        requirements = selector.get("requirements") or []
        read = [
            each for each in requirements if _is_read(each, operators, most=1 if member == "fieldSelector" else None)
        ]
        if len(read) < len(requirements) or not _parses(parse, selector.get("rawSelector") or ""):
            partially = "partially " if read else ""
            yield f"spec.resourceAttributes.{member} {partially}ignored due to parse error"


def _is_read(requirement: KubeObject, operators: tuple[str, ...], most: int | None) -> bool:
    return requirement.get("operator") in operators and (most is None or len(requirement.get("values") or ()) <= most)


def _parses(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except (ValueError, StatusError):
        return False
    return True


def _own_rules(site: Site, review: KubeObject, user: UserInfo) -> KubeObject:
    namespace = (review.get("spec") or {}).get("namespace")
    if not namespace:
        raise bad_request("no namespace on request")
    rules, problems = site.authorizer.rules_for(user, namespace)
    status: KubeObject = {
        "resourceRules": [_resource_rule(rule) for rule in rules if rule.resources],
        "nonResourceRules": [_url_rule(rule) for rule in rules if rule.urls],
        "incomplete": False,
    }
    if problems:
        status["evaluationError"] = aggregate(problems)
    return {"kind": review["kind"], "apiVersion": review["apiVersion"], "metadata": {}, "spec": {}, "status": status}


def _resource_rule(rule: Rule) -> KubeObject:
    members = {
        "verbs": rule.verbs,
        "apiGroups": rule.groups,
        "resources": rule.resources,
        "resourceNames": rule.names,
    }
    return {member: list(values) for member, values in members.items() if values}


def _url_rule(rule: Rule) -> KubeObject:
    return {"verbs": list(rule.verbs), "nonResourceURLs": list(rule.urls)}


def _self(site: Site, review: KubeObject, user: UserInfo) -> KubeObject:
    head = {member: review[member] for member in ("kind", "apiVersion")}
    now = timestamp(site.now())
    return {**head, "metadata": {"creationTimestamp": now}, "status": {"userInfo": user.as_json()}}


def _token(site: Site, review: KubeObject, user: UserInfo) -> KubeObject:
    spec: KubeObject = review.get("spec") or {}
    token = spec.get("token")
    if not token:
        raise bad_request("token is required for TokenReview in authentication")
    authenticator = site.authenticator or TokenAuthenticator(site, {})
    try:
        found = authenticator.authenticate(token, spec.get("audiences") or AUDIENCES)
    except NotAuthenticated as error:
        return {**review, "status": {"user": {}, "error": str(error)}}
    status = {"authenticated": True, "user": found.user.as_json(), "audiences": list(found.audiences)}
    return {**review, "status": status}


REVIEWS: Mapping[str, Answer] = {
    "tokenreviews.authentication.k8s.io": _token,
    "selfsubjectreviews.authentication.k8s.io": _self,
    f"selfsubjectaccessreviews.{_GROUP}": _own_access,
    f"subjectaccessreviews.{_GROUP}": _access(subject_access_review),
    f"localsubjectaccessreviews.{_GROUP}": _access(local_subject_access_review),
    f"selfsubjectrulesreviews.{_GROUP}": _own_rules,
}


def reviewed(site: Site, resource: str, review: KubeObject, user: UserInfo) -> KubeObject:
    """`review`, asked by `user`, with its answer as status."""
    return REVIEWS[resource](site, review, user)
