"""Validating admission policies, asked by a running kube-apiserver and by a site of ours."""

from __future__ import annotations

import time

import pytest

from tests.real import start
from tests.real.twins import PATIENCE_S, Twins
from tests.unit.fakekube.dynamic_admission.policy_cases import (
    BINDINGS,
    CASES,
    CONFIG_MAPS,
    POLICIES,
    binding,
    config_map,
    policy,
    says,
)

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def twins(own_real_apiserver: start.RealApiserver) -> Twins:
    """All policies are there, and the last of them is known to the running server."""
    twins = Twins(own_real_apiserver)
    twins.compare("POST", CONFIG_MAPS, config_map("", "given", {"x": "y"}, params="yes"))
    for name, (validations, spec, bound) in CASES.items():
        assert twins.compare("POST", POLICIES, policy(name, validations, **spec)) == 201, name
        assert twins.compare("POST", BINDINGS, binding(name, **bound)) == 201, name
    twins.compare("POST", POLICIES, policy("last", [says("false")]))
    twins.compare("POST", BINDINGS, binding("last"))
    give_up = time.monotonic() + PATIENCE_S
    while _is_created(twins) and time.monotonic() < give_up:
        time.sleep(0.1)
    assert twins.differing() == []
    return twins


def _is_created(twins: Twins) -> bool:
    return twins.real("POST", CONFIG_MAPS, config_map("last", "probe", {}), "json", "dryRun=All")[0] == 201


@pytest.mark.parametrize("name", sorted(CASES))
def test_policies_say_the_same(twins: Twins, name: str) -> None:
    twins.compare("POST", CONFIG_MAPS, config_map(name, "first", {"x": "z"}))
    twins.compare("POST", CONFIG_MAPS, config_map(name, name, {"x": "y"}))
    twins.compare("POST", CONFIG_MAPS, config_map(name, "more", {"x": "y"}, more="yes"), query="dryRun=All")
    twins.compare("POST", CONFIG_MAPS, config_map(name, "dry", {}), query="dryRun=All")
    twins.compare("PUT", f"{CONFIG_MAPS}/{name}", config_map(name, name, {"x": "q", "w": "1"}))
    merge = {"data": {"x": "m"}}
    twins.compare("PATCH", f"{CONFIG_MAPS}/{name}", merge, kind="merge-patch+json")
    twins.compare("DELETE", f"{CONFIG_MAPS}/{name}")
    assert twins.differing() == []
    twins.compare("DELETE", f"{CONFIG_MAPS}/first")
    twins.differing()


def test_rules_for_namespaces_and_their_content(twins: Twins) -> None:
    constraints = {
        "resourceRules": [
            {
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["*"],
                "resources": ["namespaces"],
                "scope": "Cluster",
            }
        ],
        "namespaceSelector": {"matchLabels": {"policed": "yes"}},
    }
    validation = says("namespaceObject == null && false", messageExpression="request.namespace + '/' + request.name")
    twins.compare("POST", POLICIES, policy("of-cluster", [validation], matchConstraints=constraints))
    twins.compare("POST", BINDINGS, binding("of-cluster"))
    policed = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "policed", "labels": {"policed": "yes"}}}
    give_up = time.monotonic() + PATIENCE_S
    while (
        twins.real("POST", "/api/v1/namespaces", policed, "json", "dryRun=All")[0] == 201 and time.monotonic() < give_up
    ):
        time.sleep(0.1)
    twins.compare("POST", "/api/v1/namespaces", policed)
    free = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "free"}}
    twins.compare("POST", "/api/v1/namespaces", free, query="dryRun=All")
    assert twins.differing() == []
