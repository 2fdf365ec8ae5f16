"""Validating admission policies. What is expected was answered by kube-apiserver 1.37.2: see tests/real/test_policies.py."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.fakekube.dynamic_admission.policy_cases import (
    BINDINGS,
    CASES,
    CONFIG_MAPS,
    POLICIES,
    binding,
    config_map,
    policy,
    rule,
    says,
)
from tests.unit.fakekube.sites import Answer, Site

DENIED = "configmaps \"first\" is forbidden: ValidatingAdmissionPolicy '{0}' with binding 'to-{0}' denied request: {1}"
NO_KIND = (
    "configmaps \"first\" is forbidden: ValidatingAdmissionPolicy 'no-kind' denied request: failed to configure policy: "
    "failed to find resource referenced by paramKind: 'nope.io/v1, Kind=Nope'"
)

# What is told about a first config map with x: z; nothing where it is created.
EXPECTED = {
    "size": (201, ""),
    "message": (422, "x must be y"),
    "spoken": (403, "got z"),
    "mute": (422, "expression 'object.data.nope == 'y'' resulted in error: no such key: nope"),
    "fallback": (413, "fallback"),
    "lines": (422, "failed expression: false"),
    "variables": (422, "failed expression: variables.v == 'y' && variables.v2"),
    "matching": (201, ""),
    "ignored": (201, ""),
    "namespace": (422, "Active"),
    "warned": (201, ""),
    "audited": (201, ""),
    "no-params": (
        422,
        "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction",
    ),
    "no-params-no-matter": (201, ""),
    "elsewhere": (201, ""),
    "excluded": (201, ""),
    "dear": (422, None),
}


@pytest.fixture
def site() -> Site:
    return Site()


def install(site: Site, name: str, validations: list[dict[str, str]], bound: dict[str, Any], **spec: Any) -> None:
    assert site.post(POLICIES, policy(name, validations, **spec)).status == 201
    assert site.post(BINDINGS, binding(name, **bound)).status == 201


def first(site: Site, name: str) -> Answer:
    return site.post(CONFIG_MAPS, config_map(name, "first", {"x": "z"}))


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_policy_says(site: Site, name: str) -> None:
    validations, spec, bound = CASES[name]
    install(site, name, validations, bound, **spec)
    answer, (status, message) = first(site, name), EXPECTED[name]
    assert answer.status == status, answer.text
    if message:
        assert answer.message == DENIED.format(name, message)
        assert answer.json["details"]["causes"] == [{"message": answer.message.partition("forbidden: ")[2]}]


def test_a_policy_whose_parameters_nobody_serves_denies(site: Site) -> None:
    validations, spec, bound = CASES["no-kind"]
    install(site, "no-kind", validations, bound, **spec)
    assert first(site, "no-kind").message == NO_KIND


def test_a_warning_is_told_and_the_object_made(site: Site) -> None:
    validations, spec, bound = CASES["warned"]
    install(site, "warned", validations, bound, **spec)
    told = first(site, "warned").headers["Warning"]
    assert told == "299 - \"Validation failed for ValidatingAdmissionPolicy 'warned' with binding 'to-warned': spaced\""


def test_updates_and_deletes_are_asked_about(site: Site) -> None:
    install(site, "old", [says("request.operation == 'CREATE' || oldObject.data.x == 'y'")], {})
    assert first(site, "old").status == 201
    assert site.patch(f"{CONFIG_MAPS}/first", {"data": {"x": "y"}}).status == 422
    assert site.delete(f"{CONFIG_MAPS}/first").status == 422
    assert site.get(f"{CONFIG_MAPS}/first").json["data"] == {"x": "z"}


def test_an_unbound_policy_and_one_whose_binding_is_gone_say_nothing(site: Site) -> None:
    assert site.post(POLICIES, policy("no", [says("false")])).status == 201
    assert first(site, "no").status == 201
    site.post(BINDINGS, binding("no"))
    assert site.delete(f"{CONFIG_MAPS}/first").status == 422
    site.delete(f"{BINDINGS}/to-no")
    assert site.delete(f"{CONFIG_MAPS}/first").status == 200
    assert site.server.site.dynamic is None


def test_a_policy_never_keeps_itself(site: Site) -> None:
    everything = {"resourceRules": [{**rule("*", group="*"), "apiVersions": ["*"]}]}
    install(site, "all", [says("false")], {}, matchConstraints=everything)
    assert first(site, "all").status == 422
    assert site.delete(f"{BINDINGS}/to-all").status == 200
    assert site.delete(f"{POLICIES}/all").status == 200


def test_what_the_site_does_by_itself_goes_on(site: Site) -> None:
    site.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gone"}})
    site.settle()
    site.post("/api/v1/namespaces/gone/configmaps", config_map("keep", "kept", {}))
    install(site, "keep", [says("false")], {})
    assert site.delete("/api/v1/namespaces/gone/configmaps/kept").status == 422
    site.delete("/api/v1/namespaces/gone")
    site.settle()
    assert site.get("/api/v1/namespaces/gone").status == 404


def test_a_rule_for_one_version_of_a_custom_resource_counts_for_all(site: Site) -> None:
    def version(name: str) -> dict[str, Any]:
        free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        return {"name": name, "served": True, "storage": name == "v1", "schema": {"openAPIV3Schema": free}}

    names = {"plural": "foos", "kind": "Foo"}
    spec = {"group": "a.io", "scope": "Cluster", "names": names, "versions": [version("v1"), version("v2")]}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "foos.a.io"},
        "spec": spec,
    }
    assert site.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition).status == 201
    said = "object.apiVersion + request.kind.version + request.requestKind.version"
    validation = says("false", messageExpression=f"string({said})")
    rules = {"resourceRules": [rule("foos", group="a.io")]}
    install(site, "foos", [validation], {}, matchConstraints=rules)
    foo = {"apiVersion": "a.io/v2", "kind": "Foo", "metadata": {"name": "first"}}
    assert site.post("/apis/a.io/v2/foos", foo).message.endswith("denied request: a.io/v1v1v2")
    exact = {**rules, "matchPolicy": "Exact"}
    site.patch(f"{POLICIES}/foos", {"spec": {"matchConstraints": exact}})
    assert site.post("/apis/a.io/v2/foos", foo).status == 201


def test_a_site_that_is_put_back_asks_who_was_there_then(site: Site) -> None:
    before = site.server.snapshot()
    install(site, "no", [says("false")], {})
    with_policy = site.server.snapshot()
    site.server.restore(before)
    assert first(site, "no").status == 201
    site.server.restore(with_policy)
    assert first(site, "no").status == 422
