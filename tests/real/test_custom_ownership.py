"""Who owns what of a custom resource with several versions and a Scale, told by a running kube-apiserver and a site of ours."""

from __future__ import annotations

from typing import Any

import pytest

from tests.real import start
from tests.real.twins import DEFINITIONS, Twins
from tests.unit.fakekube.crd.test_owned_by_version import DEFINITION

pytestmark = pytest.mark.real

APPLIED: tuple[tuple[str, str, bool, dict[str, Any]], ...] = (
    ("v1", "m1", False, {"a": 1, "old": "o"}),
    ("v3", "m2", False, {"a": 1}),
    ("v3", "m2", False, {"a": 2}),
    ("v3", "m2", True, {"a": 2}),
    ("v1", "m1", False, {"a": 1}),
    ("v2", "m3", False, {"a": 2}),
    ("v2", "m3", True, {"a": 3}),
    ("v3", "m4", False, {"n": 3}),
    ("v2", "m5", False, {"new": "n"}),
    ("v1", "m1", False, {"n": 3}),
    ("v3", "m2", False, {"a": 9, "n": 4}),
)
MERGED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("v2", "u", {"n": 9}),
    ("v3", "u", {"n": 8}),
    ("v1", "u", {"n": 7}),
    ("v1", "w", {"old": "q"}),
    ("v2", "w", {"a": 6}),
    ("v2", "w", {"new": "z"}),
)
SCALED: tuple[tuple[str, bool, int | None], ...] = (
    ("sc", False, 2),
    ("sc", False, 4),
    ("sc", True, 4),
    ("sc2", False, 6),
    ("sc2", True, 6),
    ("sc2", True, None),
    ("sc2", True, 0),
    ("sc2", True, -1),
)


@pytest.fixture(scope="module")
def twins(own_real_apiserver: start.RealApiserver) -> Twins:
    twins = Twins(own_real_apiserver)
    twins.compare("POST", DEFINITIONS, DEFINITION)
    for version in ("v1", "v2", "v3"):
        twins.until_served(path(version))
    assert twins.differing() == []
    return twins


def path(version: str, name: str = "") -> str:
    return f"/apis/example.com/{version}/namespaces/default/foos/{name}".rstrip("/")


def foo(version: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": f"example.com/{version}", "kind": "Foo", "metadata": {"name": name}, "spec": spec}


def applying(manager: str, force: bool) -> str:
    return f"fieldManager={manager}&force={str(force).lower()}"


def test_versions_own_the_same(twins: Twins) -> None:
    for version, manager, force, spec in APPLIED:
        body = foo(version, "x", spec)
        twins.compare("PATCH", path(version, "x"), body, kind="apply-patch+yaml", query=applying(manager, force))
        twins.compare("GET", path("v1", "x"))
    for version, manager, spec in MERGED:
        body = {"spec": spec}
        twins.compare("PATCH", path(version, "x"), body, kind="merge-patch+json", query=f"fieldManager={manager}")
        twins.compare("GET", path("v1", "x"))
    assert twins.differing() == []


@pytest.mark.parametrize("version", ["v1", "v3"])
def test_scales_are_claimed_the_same(twins: Twins, version: str) -> None:
    name = f"s{version}"
    twins.compare("POST", path("v1"), foo("v1", name, {"n": 2, "a": 1}), query="fieldManager=c")
    scale: dict[str, Any] = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": name}}
    for manager, force, replicas in SCALED:
        body = scale if replicas is None else {**scale, "spec": {"replicas": replicas}}
        where = f"{path(version, name)}/scale"
        twins.compare("PATCH", where, body, kind="apply-patch+yaml", query=applying(manager, force))
        twins.compare("GET", path("v1", name))
    assert twins.differing() == []
