"""Policies and what is said about config maps: asked here, and of a running kube-apiserver in tests/real."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
POLICIES, BINDINGS = f"{ADMISSION}/validatingadmissionpolicies", f"{ADMISSION}/validatingadmissionpolicybindings"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
KINDS = "admissionregistration.k8s.io/v1"


def rule(*resources: str, group: str = "", operations: tuple[str, ...] = ("*",), **more: Any) -> dict[str, Any]:
    return {
        "apiGroups": [group],
        "apiVersions": ["v1"],
        "operations": list(operations),
        "resources": list(resources),
        **more,
    }


def policy(name: str, validations: list[dict[str, str]], **spec: Any) -> dict[str, Any]:
    """About config maps with a label of the policy's name, unless `spec` says otherwise."""
    labelled = {"matchLabels": {"policy": name}}
    constraints = {"resourceRules": [rule("configmaps")], "objectSelector": labelled}
    return {
        "apiVersion": KINDS,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {"matchConstraints": constraints, "validations": validations, **spec},
    }


def binding(name: str, **spec: Any) -> dict[str, Any]:
    """The binding `to-name` of the policy `name`."""
    return {
        "apiVersion": KINDS,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": f"to-{name}"},
        "spec": {"policyName": name, "validationActions": ["Deny"], **spec},
    }


def config_map(of: str, name: str, data: Mapping[str, str], **labels: str) -> dict[str, Any]:
    meta = {"name": name, "labels": {"policy": of, **labels}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": dict(data)}


def says(expression: str, **more: str) -> dict[str, str]:
    return {"expression": expression, **more}


def named(name: str, expression: str) -> dict[str, str]:
    return {"name": name, "expression": expression}


_CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap"}
_PARAM = {"name": "params", "parameterNotFoundAction": "Deny"}
_REQUEST = (
    "request.operation == 'CREATE' && request.name == 'first' && request.namespace == 'default' && "
    "request.kind.kind == 'ConfigMap' && request.resource.resource == 'configmaps' && "
    "!has(request.subResource) && request.dryRun == false"
)

# Name -> (validations, what else the policy says, what the binding says).
CASES: Mapping[str, tuple[list[dict[str, str]], dict[str, Any], dict[str, Any]]] = {
    "size": ([says("object.data.size() < 2")], {}, {}),
    "message": ([says("object.data.x == 'y'", message="x must be y")], {}, {}),
    "spoken": ([says("object.data.x == 'y'", messageExpression="'got ' + object.data.x", reason="Forbidden")], {}, {}),
    "mute": ([says("object.data.nope == 'y'", messageExpression="'got ' + object.data.nope")], {}, {}),
    "fallback": (
        [
            says(
                "object.data.x == 'y'",
                messageExpression="'got ' + object.data.nope",
                message="fallback",
                reason="RequestEntityTooLarge",
            )
        ],
        {},
        {},
    ),
    "lines": ([says("false", messageExpression="'a\\nb'"), says("false", messageExpression="'  '")], {}, {}),
    "variables": (
        [says("variables.v == 'y' && variables.v2"), says("variables.v3 > 2")],
        {
            "variables": [
                named("v", "object.data.x"),
                named("v2", "variables.v != 'z'"),
                named("v3", "object.data.nope.size()"),
            ]
        },
        {},
    ),
    "matching": ([says("false")], {"matchConditions": [named("c", "object.metadata.name != 'first'")]}, {}),
    "unmatched": (
        [says("false")],
        {"matchConditions": [named("c", "object.nope == 1"), named("d", "object.nope2 == 1")]},
        {},
    ),
    "ignored": ([says("object.nope == 1")], {"failurePolicy": "Ignore"}, {}),
    "request": ([says(_REQUEST, messageExpression="string(request.dryRun) + request.kind.version")], {}, {}),
    "namespace": (
        [says("namespaceObject.metadata.name == 'nope'", messageExpression="namespaceObject.status.phase")],
        {},
        {},
    ),
    "old": ([says("oldObject == null")], {}, {}),
    "missing": ([says("object.metadata.resourceVersion == ''")], {}, {}),
    "warned": (
        [says("object.spec.x == 1 || true"), says("has(object.data) && has(object.spec)", message=" spaced  ")],
        {},
        {"validationActions": ["Warn"]},
    ),
    "audited": ([says("false")], {}, {"validationActions": ["Audit"]}),
    "allowed": (
        [
            says(
                "authorizer.group('').resource('pods').namespace('default').check('get').allowed() && "
                "authorizer.path('/healthz').check('get').allowed() && "
                "authorizer.requestResource.check('create').allowed()"
            )
        ],
        {},
        {},
    ),
    "nobody": ([says("authorizer.group('').resource('').check('get').allowed()")], {}, {}),
    "account": (
        [says("authorizer.serviceAccount('default', 'A b').group('').resource('pods').check('get').allowed()")],
        {},
        {},
    ),
    "system": ([says("has(object.metadata.uid) && object.metadata.managedFields.size() == 0")], {}, {}),
    "no-reference": ([says("params == null")], {"paramKind": _CONFIG_MAP}, {}),
    "no-params": ([says("object.data.x == params.data.x")], {"paramKind": _CONFIG_MAP}, {"paramRef": _PARAM}),
    "no-params-no-matter": (
        [says("false")],
        {"paramKind": _CONFIG_MAP},
        {"paramRef": {**_PARAM, "parameterNotFoundAction": "Allow"}},
    ),
    "params": (
        [says("object.data.x == params.data.x")],
        {"paramKind": _CONFIG_MAP},
        {"paramRef": {**_PARAM, "name": "given"}},
    ),
    "selected": (
        [says("object.data.x == params.data.x")],
        {"paramKind": _CONFIG_MAP},
        {"paramRef": {"selector": {"matchLabels": {"params": "yes"}}, "parameterNotFoundAction": "Deny"}},
    ),
    "no-kind": ([says("true")], {"paramKind": {"apiVersion": "nope.io/v1", "kind": "Nope"}}, {"paramRef": _PARAM}),
    "annotated": (
        [says("true")],
        {"auditAnnotations": [{"key": "k", "valueExpression": "string(object.data.nope)"}]},
        {},
    ),
    "types": ([says("type(object) == map && object.metadata.labels.exists(k, k == 'nope')")], {}, {}),
    "all": ([says("object.data.all(k, object.data[k].matches('^[a-z]+$'))")], {}, {}),
    "elsewhere": ([says("false")], {}, {"matchResources": {"resourceRules": [rule("secrets")]}}),
    "labelled": ([says("false")], {}, {"matchResources": {"objectSelector": {"matchLabels": {"more": "yes"}}}}),
    "of-namespaces": (
        [says("false")],
        {},
        {"matchResources": {"namespaceSelector": {"matchLabels": {"nope": "yes"}}}},
    ),
    "excluded": ([says("false")], {}, {"matchResources": {"excludeResourceRules": [rule("configmaps")]}}),
    "dear": (
        [
            says(
                "[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, "
                "[1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, [1,2,3,4,5,6,7,8,9,10].all(f, true))))))"
            )
        ],
        {},
        {},
    ),
    "dear-permission": (
        [says("[1,2,3].all(i, authorizer.group('').resource('pods').check('get').allowed())")],
        {},
        {},
    ),
}
