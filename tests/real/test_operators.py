"""The definitions of well-known operators, installed here and on a running kube-apiserver, whole and broken.

They are read from the operators' Go modules, which Go downloads when the test runs.
"""

from __future__ import annotations

import copy
import json
import random
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.real import start
from tests.real.twins import DEFINITIONS, Twins

pytestmark = [pytest.mark.real, pytest.mark.slow]

OPERATORS = {
    "sigs.k8s.io/gateway-api@v1.2.1": "config/crd/standard",
    "sigs.k8s.io/cluster-api@v1.9.4": "config/crd/bases",
    "github.com/kedacore/keda/v2@v2.16.1": "config/crd/bases",
    "sigs.k8s.io/kueue@v0.10.1": "config/components/crd/bases",
}
DOWNLOAD_TIMEOUT_S = 120


@cache
def definitions(module: str) -> list[dict[str, Any]]:
    if shutil.which("go") is None:
        pytest.skip("the operators' modules are downloaded by Go, which is not here")
    command = ["go", "mod", "download", "-json", module]
    try:
        found = subprocess.run(command, capture_output=True, timeout=DOWNLOAD_TIMEOUT_S, check=False, cwd="/")
    except subprocess.TimeoutExpired:
        pytest.skip(f"{module} could not be downloaded in {DOWNLOAD_TIMEOUT_S} s")
    told = json.loads(found.stdout or b"{}")
    if "Dir" not in told:
        pytest.skip(f"{module} is unreachable: {told.get('Error', '')}")
    files = sorted((Path(told["Dir"]) / OPERATORS[module]).glob("*.yaml"))
    documents = [each for file in files for each in yaml.load_all(file.read_text(), yaml.CSafeLoader)]
    return [each for each in documents if each and each.get("kind") == "CustomResourceDefinition"]


@pytest.fixture(scope="module")
def twins(own_real_apiserver: start.RealApiserver) -> Twins:
    return Twins(own_real_apiserver)


def nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for inner in (schema.get("properties") or {}).values():
        yield from nodes(inner)
    for member in ("items", "additionalProperties"):
        if isinstance(schema.get(member), dict):
            yield from nodes(schema[member])


def broken(definition: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """The definition with one node of its schema changed into what no schema says."""
    found = copy.deepcopy(definition)
    schema = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    # a default is judged by the rules beside it, which is another story when they do not compile
    node = rng.choice([each for each in nodes(schema) if "default" not in each])
    # where there are rules, a type that changes breaks them in ways whose messages show the whole schema
    has_rules = any("x-kubernetes-validations" in each for each in nodes(schema))
    node.update(rng.choice(BREAKS[2:] if has_rules else BREAKS))
    return found


BREAKS: list[dict[str, Any]] = [
    {"type": "objectx"},
    {"type": "string", "default": 5},
    {"x-kubernetes-list-type": "map"},
    {"uniqueItems": True},
    {"nullable": True, "x-kubernetes-int-or-string": True, "x-kubernetes-preserve-unknown-fields": True},
    {"pattern": "("},
    {"x-kubernetes-validations": [{"rule": "self.nothing == 1"}]},
]


@pytest.mark.parametrize("module", sorted(OPERATORS))
def test_the_definitions_of_an_operator_are_taken_and_broken_ones_refused(twins: Twins, module: str) -> None:
    rng = random.Random(module)
    for definition in definitions(module):
        for _ in range(3):
            twins.compare("POST", DEFINITIONS, broken(definition, rng), query="dryRun=All")
        twins.compare("POST", DEFINITIONS, definition)
    assert twins.differing() == []
