"""Expressions of mutations and of device selectors: accepted and refused as by kube-apiserver 1.37.2."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.fakekube.sites import Answer, Site

MUTATIONS = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies"
CLASSES = "/apis/resource.k8s.io/v1/deviceclasses"


def fault(answer: Answer) -> str:
    """What is said of the one expression; empty when it was accepted."""
    if answer.status == 201:
        return ""
    [cause] = answer.json["details"]["causes"]
    said: str = cause["message"].partition('": ')[2]
    return said


def mutated(expression: str, member: str = "applyConfiguration", **spec: Any) -> Answer:
    kind = {"applyConfiguration": "ApplyConfiguration", "jsonPatch": "JSONPatch"}[member]
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    wanted = {
        "reinvocationPolicy": "Never",
        "matchConstraints": {"resourceRules": [rule]},
        "mutations": [{"patchType": kind, member: {"expression": expression}}],
        **spec,
    }
    return Site().post(MUTATIONS, {"metadata": {"name": "m.b"}, "spec": wanted})


def selected(expression: str) -> Answer:
    spec = {"selectors": [{"cel": {"expression": expression}}]}
    return Site().post(CLASSES, {"metadata": {"name": "c"}, "spec": spec})


@pytest.mark.parametrize(
    "expression",
    [
        "Object{}",
        'Object{metadata: Object.metadata{labels: {"a": "b"}}}',
        "Object{spec: Object.other{x: 1}}",
        "has(Object{}.spec) ? Object{} : Object{}",
        "Object{spec: Object.spec{c: object.spec.c.map(c, Object.spec.c.item{name: c.name})}}",
        'authorizer.group("").resource("pods").check("get").allowed() ? Object{} : Object{}',
    ],
)
def test_a_mutation_makes_parts_of_an_object_of_any_form(expression: str) -> None:
    assert fault(mutated(expression)) == ""


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("1", "must evaluate to Object but got int"),
        ("object", "must evaluate to Object but got dyn"),
        ("Object", "must evaluate to Object but got type(Object)"),
        ("Object.spec{}", "must evaluate to Object but got Object.spec"),
        ('JSONPatch{op: "add"}', "must evaluate to Object but got JSONPatch"),
        (
            "Foo{}",
            "compilation failed: ERROR: <input>:1:4: undeclared reference to 'Foo' (in container '')\n | Foo{}\n | ...^",
        ),
        (
            "Object{}x",
            "compilation failed: ERROR: <input>:1:9: Syntax error: extraneous input 'x' expecting <EOF>\n"
            " | Object{}x\n | ........^",
        ),
    ],
)
def test_other_mutations_are_refused(expression: str, why: str) -> None:
    assert fault(mutated(expression)) == why


@pytest.mark.parametrize(
    "expression",
    [
        '[JSONPatch{op: "add", path: "/a", value: Object.spec{a: 1}}]',
        '[JSONPatch{op: "copy", from: "/a", path: "/" + jsonpatch.escapeKey("a/b")}]',
        "object.x ? [JSONPatch{}] : []",
        '[JSONPatch{op: dyn("x")}]',
    ],
)
def test_a_json_patch_is_a_list_of_steps(expression: str) -> None:
    assert fault(mutated(expression, "jsonPatch")) == ""


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("[]", "must evaluate to list(JSONPatch) but got list(dyn)"),
        ("[Object{}]", "must evaluate to list(JSONPatch) but got list(Object)"),
        (
            "[JSONPatch{op: 1}]",
            "compilation failed: ERROR: <input>:1:14: expected type of field 'op' is 'string' but provided type is 'int'"
            "\n | [JSONPatch{op: 1}]\n | .............^",
        ),
        (
            "[JSONPatch{foo: 1}]",
            "compilation failed: ERROR: <input>:1:15: expected type of field 'foo' is '' but provided type is 'int'"
            "\n | [JSONPatch{foo: 1}]\n | ..............^",
        ),
    ],
)
def test_other_steps_are_refused(expression: str, why: str) -> None:
    assert fault(mutated(expression, "jsonPatch")) == why


def test_variables_make_no_objects() -> None:
    answer = mutated("Object{}", variables=[{"name": "v", "expression": "Object{}"}])
    assert fault(answer).startswith("compilation failed: ERROR: <input>:1:7: undeclared reference to 'Object'")


def test_what_is_deleted_is_not_mutated() -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "DELETE"], "resources": ["pods"]}
    answer = mutated("Object{}", matchConstraints={"resourceRules": [rule]})
    [cause] = answer.json["details"]["causes"]
    assert cause["field"] == "spec.matchConstraints.resourceRules.operations"
    assert cause["message"] == 'Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"'


@pytest.mark.parametrize(
    "expression",
    [
        'device.driver == "x"',
        'device.attributes["a.b"].x',
        'device.capacity["a.b"].mem.compareTo(quantity("1Gi")) >= 0',
        "device.allowMultipleAllocations",
        'cel.bind(dra, device.attributes["a.b"], dra.x == "y")',
        '"a.b" in device.attributes',
    ],
)
def test_devices_are_selected_by_what_they_are(expression: str) -> None:
    assert fault(selected(expression)) == ""


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("1", "must evaluate to bool or the unknown type, not int"),
        ("dyn(true)", "must evaluate to bool or the unknown type, not dyn"),
        ("device", "must evaluate to bool or the unknown type, not kubernetes.DRADevice"),
        (
            "device.attributes.a",
            "must evaluate to bool or the unknown type, not map(string, google.protobuf.Any)",
        ),
        (
            "device.foo",
            "compilation failed: ERROR: <input>:1:7: undefined field 'foo'\n | device.foo\n | ......^",
        ),
        (
            "cel.bind(1, 1, true)",
            "compilation failed: ERROR: <input>:1:10: cel.bind() variable names must be simple identifiers\n"
            " | cel.bind(1, 1, true)\n | .........^",
        ),
        (
            "cel.bind(a, 1, b)",
            "compilation failed: ERROR: <input>:1:16: undeclared reference to 'b' (in container '')\n"
            " | cel.bind(a, 1, b)\n | ...............^",
        ),
    ],
)
def test_other_selectors_are_refused(expression: str, why: str) -> None:
    assert fault(selected(expression)) == why


def test_a_selector_has_its_length() -> None:
    assert selected(f'"{"x" * 10_230}" == "a"').status == 201
    [cause] = selected("x" * 10_241).json["details"]["causes"]
    assert (cause["reason"], cause["message"]) == ("FieldValueTooLong", "Too long: may not be more than 10240 bytes")
