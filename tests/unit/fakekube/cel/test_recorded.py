"""Everything that a real kube-apiserver 1.37.2 was asked about CEL, asked again: tests/recordings/cel-1.37.json."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from fakekube.meta.errors import Cause
from fakekube.meta.objects import KubeObject
from fakekube.registry.cel import compile_validations
from fakekube.registry.validation.kinds import KINDS
from tests.recordings import cel_cases
from tests.recordings.cel_record import FILE, policy, valued, with_rules

RECORDED: dict[str, Any] = json.loads(Path(FILE).read_text())
_WHERE = "spec.validation.openAPIV3Schema"
_TYPE_NAME = re.compile(r"selfType\d+")
Row = list[str]

# Cases that are not as recorded, each with its reason; one that has become equal fails until it is taken out.
KNOWN: dict[str, str] = {
    "google.protobuf.Duration{seconds: 1} == self.du": "protobuf's own messages cannot be written as literals",
    "dyn(self.o).filter(x, true)": "members come in the order of the object, on a real server in any",
    "dyn(self.o).transformList(i, v, v)": "members come in the order of the object, on a real server in any",
}


def rows(causes: Sequence[Cause]) -> list[Row]:
    return sorted([each.field, _TYPE_NAME.sub("selfType", each.message), each.reason] for each in causes)


def refused(spec: KubeObject) -> list[Row]:
    return rows(compile_validations({"type": "object", "properties": {"spec": spec}}).errors_under(_WHERE))


def compared(name: str, found: object, recorded: object) -> None:
    if name in KNOWN:
        assert found != recorded, "equal now: take it out of KNOWN"
    else:
        assert found == recorded


def each_value() -> Iterator[Any]:
    for area, cases in RECORDED["values"].items():
        for place, (expression, refusal, value) in enumerate(cases):
            yield pytest.param(expression, refusal, value, id=f"{area}-{place}")


@pytest.mark.parametrize(("expression", "refusal", "value"), list(each_value()))
def test_an_expression_comes_to_the_same(expression: str, refusal: list[Row], value: str | None) -> None:
    spec = with_rules([valued(0, expression)])
    compared(expression, (refused(spec), None if refusal else told(spec)), (refusal, value))


@pytest.mark.parametrize("part", range(8))
def test_values_of_no_known_type_come_to_the_same(part: int) -> None:
    found: list[list[object]] = []
    recorded = [each for each in RECORDED["untyped"][part::8] if each[0] not in KNOWN]
    for expression, refusal, _ in recorded:
        spec = with_rules([valued(0, expression)])
        found.append([expression, refused(spec), None if refusal else told(spec)])
    assert found == recorded


@pytest.mark.parametrize("area", list(RECORDED["priced"]))
def test_every_expression_has_its_price(area: str) -> None:
    found = [[expression, refused(cel_cases.priced(expression))] for expression, _ in RECORDED["priced"][area]]
    assert found == RECORDED["priced"][area]


def told(spec: KubeObject) -> str:
    [cause] = compile_validations({"type": "object", "properties": {"spec": spec}}).check({"spec": cel_cases.OBJECT})
    failed = re.fullmatch(r"(?s)Invalid value: \"object\": (.*) rule: #0", cause.message)
    return f"error: {failed[1]}" if failed else f"value:{cause.message.removeprefix('Invalid value: #0')}"


# Causes of the schema's own rules, which validation/definition_schemas.py tells and not the compiler.
_OF_SCHEMAS = ("must be a valid path", "rule is not specified", "must be specified if rule contains line breaks")


def each_definition() -> Iterator[Any]:
    for rule, refusal in RECORDED["refused"]:
        yield pytest.param(rule, with_rules([{"rule": rule}]), refusal, id=f"rule-{len(rule)}-{rule[:20]!r}")
    for part in ("prices", "definitions"):
        for place, (spec, refusal) in enumerate(RECORDED[part]):
            yield pytest.param(f"{part}-{place}", spec, refusal, id=f"{part}-{place}")


@pytest.mark.parametrize(("name", "spec", "refusal"), list(each_definition()))
def test_a_definition_is_refused_in_the_same_words(name: str, spec: KubeObject, refusal: list[Row]) -> None:
    if any(message.endswith(_OF_SCHEMAS) for _, message, _ in refusal):
        pytest.skip("refused for its schema, before any rule is compiled")
    compared(name, refused(spec), refusal)


@pytest.mark.parametrize(
    ("expression", "without", "with_params"),
    [pytest.param(*each, id=f"admission-{place}") for place, each in enumerate(RECORDED["admission"])],
)
def test_a_policy_is_refused_in_the_same_words(expression: str, without: list[Row], with_params: list[Row]) -> None:
    kind = KINDS["admissionregistration.k8s.io/v1/validatingadmissionpolicies"]
    for params, refusal in ((False, without), (True, with_params)):
        assert rows(list(kind.create(policy(expression, params=params)))) == refusal


def each_object() -> Iterator[Any]:
    for place, (spec, specs, answers) in enumerate(RECORDED["checks"]):
        yield pytest.param(f"checks-{place}", spec, spec, specs, answers, id=f"checks-{place}")
    for place, (before, after, specs, answers) in enumerate(RECORDED["ratchets"]):
        yield pytest.param(f"ratchets-{place}", before, after, specs, answers, id=f"ratchets-{place}")


@pytest.mark.parametrize(("name", "before", "after", "specs", "answers"), list(each_object()))
def test_objects_pass_and_fail_the_same(
    name: str, before: KubeObject, after: KubeObject, specs: list[KubeObject], answers: list[Any]
) -> None:
    held: KubeObject | None = None
    found: list[object] = []
    for turn, spec in enumerate(specs):
        schema = {"type": "object", "properties": {"spec": after if turn else before}}
        warnings: list[str] = []
        causes = compile_validations(schema).check({"spec": spec}, held, warn=warnings.append)
        code = 422 if causes else 200 if held else 201
        held = held if causes else {"spec": spec}
        found.append([code, rows(causes), [f'299 - "{_escaped(each)}"' for each in warnings] if not causes else []])
    wanted = [[code, causes, [] if code == 422 else warnings] for code, causes, warnings in answers]
    compared(name, found, wanted)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def test_every_known_difference_names_a_case() -> None:
    values = {expression for cases in RECORDED["values"].values() for expression, _, _ in cases}
    values |= {expression for expression, _, _ in RECORDED["untyped"]}
    rules = {rule for rule, _ in RECORDED["refused"]}
    places = {
        f"{part}-{n}" for part in ("prices", "definitions", "checks", "ratchets") for n in range(len(RECORDED[part]))
    }
    assert {name for name, reason in KNOWN.items() if name not in values | rules | places or not reason} == set()
