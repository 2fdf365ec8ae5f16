"""Server-side apply's algebra against structured-merge-diff's own cases: objects, owners and conflicts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fakekube.meta.objects import KubeObject
from fakekube.registry import fieldset, ownership
from fakekube.registry.ownership import Conflicts, Owned
from fakekube.registry.typed import FieldType

CASES: list[KubeObject] = json.loads(
    (Path(__file__).parents[2] / "recordings/server-side-apply-cases.json").read_text()
)
SCALARS = {"numeric": "double", "boolean": "bool", "string": "string", "untyped": "quantity"}

# What the corpus does not carry (schemas of several versions and their conversion, sets to ignore, extraction), and
# the one case that differs.
MISSES = {
    "multiversion": "the corpus names its schema and conversions without giving them",
    "ignored": "the corpus says that fields are ignored, not which",
    "ExtractApply": "extraction is a client's business, not the server's",
    "TestDuplicates/list/merge/apply_update_duplicates_apply_without": "duplicates that a later apply leaves out",
}


class CaseType:
    """A type of the corpus' schemas (structured-merge-diff's YAML form) as a FieldType."""

    raw = False
    default = None
    preserves = False

    def __init__(self, node: KubeObject, types: Mapping[str, KubeObject]) -> None:
        relationship = node.get("elementRelationship")
        while "namedType" in node:
            node = types[node["namedType"]]
            relationship = relationship or node.get("elementRelationship")
        self._node, self._types, self._relationship = node, types, relationship
        self._container: KubeObject = node.get("list") or node.get("map") or {}

    @property
    def type(self) -> str:
        if "list" in self._node:
            return "list"
        if "map" in self._node:
            return "struct" if self._container.get("fields") else "map"
        return SCALARS[self._node["scalar"]]

    @property
    def fields(self) -> Mapping[str, FieldType]:
        return {field["name"]: CaseType(field["type"], self._types) for field in self._container.get("fields", [])}

    @property
    def items(self) -> FieldType | None:
        element = self._container.get("elementType")
        return CaseType(element, self._types) if element else None

    @property
    def _related(self) -> object:
        return self._relationship or self._container.get("elementRelationship")

    @property
    def list_type(self) -> str:
        if self._related in (None, "atomic"):
            return "atomic"
        return "map" if self.list_map_keys else "set"

    @property
    def list_map_keys(self) -> tuple[str, ...]:
        return tuple(self._container.get("keys", ()))

    @property
    def map_type(self) -> str:
        return "atomic" if self._related == "atomic" else "granular"


class Deduced(CaseType):
    """No schema: maps are granular, lists atomic."""

    def __init__(self) -> None:
        super().__init__({"map": {"fields": [], "elementType": {}}}, {})

    @property
    def items(self) -> FieldType | None:
        return None


def missed(case: KubeObject) -> str:
    """Why a case is not played; empty when it is."""
    marks = {case["id"], *(operation["op"] for operation in case["ops"])}
    converted = case["parser"].get("multiversion") or "RealConversion" in case["id"]
    marks |= {"multiversion"} if converted else set()
    marks |= {"ignored"} if case.get("ignored") else set()
    return next((reason for mark, reason in MISSES.items() if mark in marks), "")


def type_of(case: KubeObject) -> FieldType:
    if "schema" not in case["parser"]:
        return Deduced()
    return CaseType(case["parser"]["typeRef"], {each["name"]: each for each in case["parser"]["schema"]["types"]})


def play(case: KubeObject) -> tuple[Any, dict[str, Owned]]:
    """The object and its managers after the case's operations; conflicts must be those that the case names."""
    live: Any = {}
    managers: dict[str, Owned] = {}
    field_type = type_of(case)
    for operation in case["ops"]:
        sent, manager, version = operation["object"] or {}, operation["manager"], operation["version"]
        if operation["op"] == "Update":
            managers = ownership.update(live, sent, field_type, managers, manager, version, None)
            live = sent
            continue
        expected = sorted((conflict["manager"], conflict["path"]) for conflict in operation.get("conflicts", []))
        force = operation["op"] == "ForceApply"
        if expected and not force:
            with pytest.raises(Conflicts) as refused:
                ownership.apply(live, sent, field_type, managers, manager, version, force=False)
            assert [(each.manager, fieldset.path_text(each.path)) for each in refused.value.found] == expected
        else:
            live, managers = ownership.apply(live, sent, field_type, managers, manager, version, force=force)
    return live, managers


PLAYED = [case for case in CASES if not missed(case)]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in PLAYED])
def test_a_case_of_structured_merge_diff_ends_as_there(case: KubeObject) -> None:
    live, managers = play(case)
    if "object" in case:
        assert (live or {}) == (case["object"] or {})
    if "managed" in case:
        wanted = {name: (owned["fieldsV1"], owned["version"]) for name, owned in case["managed"].items()}
        assert {name: (owned.fields or {}, owned.version) for name, owned in managers.items()} == wanted


def test_the_cases_that_are_played_are_counted() -> None:
    print(f"server-side apply cases: {len(PLAYED)}/{len(CASES)} played; left out: {sorted(set(MISSES.values()))}")
    assert len(PLAYED) == 77
