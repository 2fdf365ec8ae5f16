"""Questions about what somebody may do, asked by expressions of admission.

Source: k8s.io/apiserver/pkg/cel/library/authz.go of 1.37.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from fakekube.meta.names import is_dns1123_label, is_dns1123_subdomain
from fakekube.registry.authorizer import Attributes, Authorizer, Decision
from fakekube.registry.cel.values import CelError
from fakekube.registry.users import UserInfo, account_groups, account_username, authenticated


@dataclass(frozen=True, slots=True)
class AuthorizerValue:
    """The name `authorizer`: whoever decides, and about whom."""

    authorizer: Authorizer
    user: UserInfo

    type_name = "kubernetes.authorization.Authorizer"


@dataclass(frozen=True, slots=True)
class PathCheck:
    authorizer: Authorizer
    act: Attributes

    type_name = "kubernetes.authorization.PathCheck"


@dataclass(frozen=True, slots=True)
class GroupCheck:
    authorizer: Authorizer
    act: Attributes

    type_name = "kubernetes.authorization.GroupCheck"


@dataclass(frozen=True, slots=True)
class ResourceCheck:
    authorizer: Authorizer
    act: Attributes

    type_name = "kubernetes.authorization.ResourceCheck"


@dataclass(frozen=True, slots=True)
class DecisionValue:
    decision: Decision

    type_name = "kubernetes.authorization.Decision"


def _path(value: AuthorizerValue, path: str) -> PathCheck:
    if not path:
        raise CelError("path must not be empty")
    return PathCheck(value.authorizer, Attributes(user=value.user, verb="", path=path, resource_request=False))


def _group(value: AuthorizerValue, group: str) -> GroupCheck:
    return GroupCheck(value.authorizer, Attributes(user=value.user, verb="", group=group))


def _service_account(value: AuthorizerValue, namespace: str, name: str) -> AuthorizerValue:
    if not is_dns1123_subdomain(name):
        raise CelError("Invalid service account name")
    if not is_dns1123_label(namespace):
        raise CelError("Invalid service account namespace")
    user = UserInfo(name=account_username(namespace, name), groups=account_groups(namespace))
    return AuthorizerValue(value.authorizer, authenticated(user))


def _resource(check: GroupCheck, resource: str) -> ResourceCheck:
    if not resource:
        raise CelError("resource must not be empty")
    return ResourceCheck(check.authorizer, replace(check.act, resource=resource))


def _subresource(check: ResourceCheck, subresource: str) -> ResourceCheck:
    return ResourceCheck(check.authorizer, replace(check.act, subresource=subresource))


def _namespace(check: ResourceCheck, namespace: str) -> ResourceCheck:
    return ResourceCheck(check.authorizer, replace(check.act, namespace=namespace))


def _name(check: ResourceCheck, name: str) -> ResourceCheck:
    return ResourceCheck(check.authorizer, replace(check.act, name=name))


def _unnarrowed(check: ResourceCheck, _selector: str) -> ResourceCheck:
    """No authorizer here looks at selectors."""
    return check


def _checked(check: ResourceCheck | PathCheck, verb: str) -> DecisionValue:
    if isinstance(check, ResourceCheck) and not verb:
        raise CelError("verb must not be empty")
    return DecisionValue(check.authorizer.authorize(replace(check.act, verb=verb)))


AUTHORIZERS: Mapping[str, Callable[..., object]] = {
    "authorizer_path": _path,
    "authorizer_group": _group,
    "authorizer_serviceaccount": _service_account,
    "groupcheck_resource": _resource,
    "resourcecheck_subresource": _subresource,
    "resourcecheck_namespace": _namespace,
    "resourcecheck_name": _name,
    "pathcheck_check": _checked,
    "resourcecheck_check": _checked,
    "authorizer_fieldselector": _unnarrowed,
    "authorizer_labelselector": _unnarrowed,
    "decision_errored": lambda _value: False,
    "decision_error": lambda _value: "",
    "decision_allowed": lambda value: value.decision.allowed,
    "decision_reason": lambda value: value.decision.reason,
}
