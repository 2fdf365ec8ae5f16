"""Made-up expressions over all of CEL's library: compiled, priced and run by a running kube-apiserver and by a site of ours."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.real import start
from tests.real.made_expressions import Expressions
from tests.real.twins import DEFINITIONS, Twins

pytestmark = pytest.mark.real

COMPILED, RUN = 300, 60
PROPERTIES = {
    "i": {"type": "integer"},
    "b": {"type": "boolean"},
    "d": {"type": "number"},
    "s": {"type": "string", "maxLength": 20},
}
SPEC = {"i": 3, "b": True, "d": 1.5, "s": "abc"}


def definition(name: str, rules: list[str]) -> dict[str, Any]:
    spec = {
        "type": "object",
        "properties": PROPERTIES,
        "x-kubernetes-validations": [{"rule": rule} for rule in rules],
    }
    schema = {"type": "object", "properties": {"spec": spec}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": name, "kind": name.title()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{name}.ruled.example.com"},
        "spec": {"group": "ruled.example.com", "scope": "Cluster", "names": names, "versions": [version]},
    }


@pytest.fixture(scope="module")
def twins(own_real_apiserver: start.RealApiserver) -> Twins:
    return Twins(own_real_apiserver)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_expressions_compile_and_run_the_same(twins: Twins, seed: int) -> None:
    made = Expressions(random.Random(seed))
    good: list[str] = []
    for _ in range(COMPILED):
        rule = made.boolean()
        if twins.compare("POST", DEFINITIONS, definition("tried", [rule]), query="dryRun=All") == 201:
            good.append(rule)
    assert len(good) > COMPILED // 3, "nearly nothing compiles"
    path = f"/apis/ruled.example.com/v1/runs{seed}"
    for first in range(0, len(good), RUN):
        name = f"runs{seed}x{first}"
        path = f"/apis/ruled.example.com/v1/{name}"
        assert twins.compare("POST", DEFINITIONS, definition(name, good[first : first + RUN])) == 201
        twins.until_served(path)
        thing = {"apiVersion": "ruled.example.com/v1", "kind": name.title(), "metadata": {"name": "x"}, "spec": SPEC}
        twins.compare("POST", path, thing)
    found = twins.differing()
    assert not found, f"{len(found)} differ\n" + "\n".join(found)
