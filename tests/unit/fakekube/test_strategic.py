"""Strategic merge patch against apimachinery's own cases, and the directives one by one on real schemas."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fakekube.meta.errors import StatusError
from fakekube.meta.objects import GroupVersionKind, KubeObject
from fakekube.registry.schema import schema_for
from fakekube.registry.strategic import MergeSchema, strategic_merge

_FILE = json.loads((Path(__file__).parents[2] / "recordings/strategic-merge-cases.json").read_text())
DEFINITIONS: Mapping[str, KubeObject] = _FILE["schema"]
CASES: list[KubeObject] = _FILE["cases"]


class CaseSchema:
    """The corpus' OpenAPI definitions as a MergeSchema. There, a list of a type is declared as the type itself."""

    def __init__(self, node: KubeObject) -> None:
        target = node.get("$ref", "").rpartition("/")[2]
        self._node = {**DEFINITIONS.get(target, {}), **node}

    @property
    def fields(self) -> Mapping[str, MergeSchema]:
        return {name: CaseSchema(node) for name, node in self._node.get("properties", {}).items()}

    @property
    def items(self) -> MergeSchema | None:
        items = self._node.get("items")
        return CaseSchema(items) if items else (self if self.patch_merge_key else None)

    @property
    def patch_merge_key(self) -> str:
        return str(self._node.get("x-kubernetes-patch-merge-key", ""))

    @property
    def patch_strategy(self) -> frozenset[str]:
        return frozenset(str(self._node.get("x-kubernetes-patch-strategy", "")).split(","))


def _merges() -> Iterator[Any]:
    for number, case in enumerate(CASES):
        if "modified" in case:
            wanted = case.get("twoWayResult", case["modified"])
            yield pytest.param(case.get("original"), case["twoWay"], wanted, id=f"{number}-two-way")
        if "threeWay" in case:
            yield pytest.param(case.get("current"), case["threeWay"], case["result"], id=f"{number}-three-way")


@pytest.mark.parametrize(("live", "patch", "wanted"), list(_merges()))
def test_a_case_of_apimachinery_merges_as_there(live: KubeObject | None, patch: KubeObject, wanted: KubeObject) -> None:
    before = copy.deepcopy((live, patch))
    assert strategic_merge(live or {}, patch, CaseSchema(DEFINITIONS["mergeItem"])) == wanted
    assert (live, patch) == before, "neither the live object nor the patch may change"


@pytest.mark.parametrize("case", [case for case in CASES if "expectedError" in case])
def test_a_case_that_cannot_merge_is_refused_in_the_same_words(case: KubeObject) -> None:
    with pytest.raises(StatusError) as refused:
        strategic_merge(case["original"], case["twoWay"], CaseSchema(DEFINITIONS["mergeItem"]))
    assert case["expectedError"] in refused.value.message
    assert refused.value.code == 500


DEPLOYMENT = schema_for(GroupVersionKind("apps", "v1", "Deployment"))


def pod_template(**spec: object) -> KubeObject:
    return {"spec": {"template": {"spec": spec}}}


def test_containers_merge_by_name_and_a_new_one_comes_first() -> None:
    live = pod_template(containers=[{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}])
    patch = pod_template(containers=[{"name": "new", "image": "n"}, {"name": "b", "image": "b:2"}])
    names = [
        (c["name"], c["image"])
        for c in strategic_merge(live, patch, DEPLOYMENT)["spec"]["template"]["spec"]["containers"]
    ]
    assert names == [("new", "n"), ("a", "a:1"), ("b", "b:2")]


def test_atomic_lists_are_replaced() -> None:
    live = pod_template(containers=[{"name": "a", "args": ["1", "2"]}])
    patch = pod_template(containers=[{"name": "a", "args": ["9"]}])
    merged = strategic_merge(live, patch, DEPLOYMENT)
    assert merged["spec"]["template"]["spec"]["containers"] == [{"name": "a", "args": ["9"]}]


@pytest.mark.parametrize(
    ("patch", "code", "message"),
    [
        (
            pod_template(containers=[{"image": "x"}]),
            500,
            "map: map[image:x] does not contain declared merge key: name",
        ),
        ({"spec": {"$patch": "foo"}}, 500, "unknown patch type: foo in map: map[$patch:foo]"),
        ({"spec": {"$retainKeys": ["template"], "paused": True}}, 400, "invalid patch format of retainKeys"),
        ({"spec": {"$retainKeys": "template"}}, 400, "invalid patch format of retainKeys"),
    ],
)
def test_a_patch_that_makes_no_sense_is_refused_as_recorded(patch: KubeObject, code: int, message: str) -> None:
    live = pod_template(containers=[{"name": "a"}])
    with pytest.raises(StatusError) as refused:
        strategic_merge(live, patch, DEPLOYMENT)
    assert (refused.value.code, refused.value.message) == (code, message)


def test_how_to_change_a_map_that_is_not_there_means_nothing() -> None:
    assert strategic_merge({}, {"labels": {"app": "1", "$patch": "replace"}}, None) == {}
