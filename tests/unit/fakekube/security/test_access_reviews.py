"""Questions about access that are asked wrongly. Texts of kube-apiserver 1.37.2."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.fakekube.security.secured import MAY, Secured

PODS = {"verb": "get", "resource": "pods"}
LOCAL = "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews"


def asked(secured: Secured, path: str, spec: dict[str, Any], metadata: dict[str, Any] | None = None) -> Any:
    """The message of a refusal, else the status."""
    answer = secured.ask("POST", path, {"metadata": metadata or {}, "spec": spec}, by="admin")
    if answer.status == 201:
        return answer.json["status"]
    assert answer.status == 422
    return answer.message.removeprefix('.authorization.k8s.io "" is invalid: ')


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ({"rawSelector": "a"}, "spec.resourceAttributes.fieldSelector ignored due to parse error"),
        (
            {"requirements": [{"key": "a", "operator": "Exists"}]},
            "spec.resourceAttributes.fieldSelector ignored due to parse error",
        ),
        (
            {"requirements": [{"key": "a", "operator": "Odd"}, {"key": "b", "operator": "In", "values": ["c"]}]},
            "spec.resourceAttributes.fieldSelector partially ignored due to parse error",
        ),
    ],
)
def test_a_selector_that_cannot_be_read_is_told(secured: Secured, selector: dict[str, Any], found: str) -> None:
    spec = {"user": "ann", "resourceAttributes": {**PODS, "fieldSelector": selector}}
    assert asked(secured, MAY, spec) == {"allowed": False, "evaluationError": found}


def test_labels_may_just_be_there(secured: Secured) -> None:
    selector = {"requirements": [{"key": "a", "operator": "Exists"}]}
    spec = {"user": "ann", "resourceAttributes": {**PODS, "labelSelector": selector}}
    assert asked(secured, MAY, spec) == {"allowed": False}


@pytest.mark.parametrize("member", ["fieldSelector", "labelSelector"])
@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ({}, "{path}.requirements: Required value: when {path} is specified, requirements or rawSelector is required"),
        (
            {"rawSelector": "a=b", "requirements": [{"key": "a", "operator": "In", "values": ["b"]}]},
            '{path}.rawSelector: Invalid value: "a=b": may not specified at the same time as requirements',
        ),
        (
            {"requirements": [{"key": "a", "operator": "In"}]},
            "{path}.requirements[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
        ),
        (
            {"requirements": [{"key": "a", "operator": "Exists", "values": ["b"]}]},
            "{path}.requirements[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
    ],
)
def test_selectors_that_make_no_sense(secured: Secured, member: str, selector: dict[str, Any], found: str) -> None:
    spec = {"user": "ann", "resourceAttributes": {**PODS, member: selector}}
    assert asked(secured, MAY, spec) == found.replace("{path}", f"spec.resourceAttributes.{member}")


def test_a_review_has_no_name(secured: Secured) -> None:
    found = asked(secured, MAY, {"user": "ann", "resourceAttributes": PODS}, {"name": "x"})
    assert found.startswith('metadata: Invalid value: {"name":"x","managedFields":[{"manager":"test",')
    assert found.endswith("]}: must be empty")


def test_a_local_review_is_about_its_namespace(secured: Secured) -> None:
    found = asked(secured, LOCAL, {"user": "ann", "resourceAttributes": {**PODS, "namespace": "other"}})
    assert found == 'spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace'
    found = asked(secured, LOCAL, {"user": "ann", "nonResourceAttributes": {"verb": "get", "path": "/x"}})
    assert found == (
        'spec.nonResourceAttributes: Invalid value: {"Path":"/x","Verb":"get"}: disallowed on this kind of request'
    )


def test_about_whom_must_be_said(secured: Secured) -> None:
    assert asked(secured, MAY, {}) == (
        "[spec: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified, "
        'spec.user: Invalid value: "": at least one of user or group must be specified]'
    )
