"""Scenario files: what is right becomes a value, what is wrong becomes one line with its place and the way out."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.scenario.errors import BadScenario
from chaos.scenario.faults import Partition
from chaos.scenario.read import read_file, read_text, read_value
from chaos.scenario.selector import ALL, Selector
from tests.unit.chaos.scenario.right import RIGHT

Document = dict[str, Any]
Change = Callable[..., Document]


def test_a_right_document_becomes_a_scenario(document: Document) -> None:
    scenario = read_value(document, "small.yaml")

    assert (scenario.name, scenario.seed, scenario.duration_s, scenario.sites.count) == ("small", 3, 60, 4)
    assert scenario.workload[1].patch == {"a": "1", "b": None}
    assert scenario.faults == (
        Partition(at_s=3, duration_s=4, mode="drop", selector=Selector(sites=("site-000",)), target=ALL),
    )
    assert [(claim.name, claim.phase, claim.within_s) for claim in scenario.claims] == [
        ("converged", "eventually", 20),
        ("one-owner", "eventually", None),
    ]


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (("spec", "faults", 0, "at"), "-5s", "$.spec.faults[0].at: -5s is negative: times count from 0s"),
        (("spec", "faults", 0, "at"), 5, "$.spec.faults[0].at: 5 has no unit: write it like 20ms, 5s or 3m50s"),
        (("spec", "faults", 0, "at"), "soon", "$.spec.faults[0].at: 'soon' is no duration: write it like 20ms, 5s"),
        (("spec", "faults", 0, "durration"), "5s", "unknown field 'durration': did you mean 'duration'?"),
        (("spec", "faults", 0, "mode"), "dorp", "$.spec.faults[0].mode: unknown value 'dorp': did you mean 'drop'?"),
        (
            ("spec", "faults", 0, "action"),
            "crsh",
            "$.spec.faults[0].action: unknown value 'crsh': did you mean 'crash'?",
        ),
        (("spec", "faults", 0, "action"), "crash", "$.spec.faults[0].target: unknown field 'target'"),
        (("spec", "faults", 0, "pick"), {}, "$.spec.faults[0].pick: must have one of fixed, fixed-percent"),
        (("spec", "faults", 0, "pick"), {"fixed": 0}, "$.spec.faults[0].pick.fixed: 0 is too small: at least 1"),
        (("spec", "faults", 0, "selector"), "site-000", "write all, a list such as [site-000], or a mapping"),
        (("spec", "faults"), {}, "$.spec.faults: must be a list, not {}"),
        (("spec", "workload", 1, "do"), "ptach", "$.spec.workload[1].do: unknown value 'ptach': did you mean 'patch'?"),
        (("spec", "workload", 1, "do"), "call", "$.spec.workload[1].patch: unknown field 'patch'"),
        (
            ("spec", "workload", 1, "patch"),
            {"a": 1},
            "$.spec.workload[1].patch.a: must be text, not 1: put it in quotes",
        ),
        (("spec", "workload", 1, "scope"), "all", "$.spec.workload[1].scope: unknown field 'scope'"),
        (("spec", "workload", 1, "jitter"), "1s", "jitter has a meaning only beside every"),
        (("spec", "workload", 1, "every"), "0s", "$.spec.workload[1].every: 0s would repeat for ever"),
        (("spec", "workload", 1, "resource"), "pods/x", "'pods/x' is not supported: write namespaces/NAME"),
        (("spec", "sites", "count"), 0, "$.spec.sites.count: 0 is too small: at least 1"),
        (("spec", "sites", "count"), 10**6, "$.spec.sites.count: 1000000 is too large: at most 2000"),
        (("spec", "sites", "count"), True, "$.spec.sites.count: must be a whole number, not True"),
        (("spec", "sites", "name"), "site", "gives one name to several sites: put {i} or {i:03} into it"),
        (("spec", "sites", "name"), "{i.__class__}", "is no name pattern: one {i} or {i:03}, and no other brace"),
        (("spec", "sites", "name"), "Site-{i}", "$.spec.sites.name: site name 'Site-0': must be lower-case"),
        (("spec", "links"), {"topology": {"kind": "rnig"}}, "unknown value 'rnig': did you mean 'ring'?"),
        (("spec", "links"), {"default": {"loss": 1}}, "$.spec.links.default.loss: must be text, not 1"),
        (("spec", "links"), {"default": {"loss": "100%"}}, "'100%' is no chance below 100%: write it like 1% or 0.5%"),
        (
            ("spec", "links"),
            {"default": {"bandwidth": "5"}},
            "'5' is no rate: write it like 64kbit/s, 500KB/s or 2MB/s",
        ),
        (("spec", "nemesis"), [{}], "$.spec.nemesis[0]: faults is missing: add it"),
        (("spec", "check", "sometimes"), ["never"], "$.spec.check.sometimes[0]: unknown check 'never'"),
        (("spec", "check", "slo"), {"write-p101": "1s"}, "'write-p101' is no objective: write write-p99"),
        (("spec", "check", "slo"), {"write-p99": 5}, "$.spec.check.slo.write-p99: 5 has no unit"),
        (("spec", "check", "always"), ["converged"], "unknown check 'converged' (it belongs under eventually)"),
        (("spec", "check", "eventually"), ["convreged"], "unknown check 'convreged': did you mean 'converged'?"),
        (
            ("spec", "check", "eventually"),
            [{"a": "x", "b": "y"}],
            "$.spec.check.eventually[0]: must be the name of one check",
        ),
        (("metadata", "name"), "No Label", "$.metadata.name: 'No Label' is no DNS-1123 label"),
        (("kind",), "Scenery", "$.kind: unknown value 'Scenery': did you mean 'Scenario'?"),
        (("spec",), None, "$.spec: must be a mapping, not None"),
    ],
)
def test_a_mistake_is_named_with_its_place(
    change: Change, path: tuple[str | int, ...], value: object, complaint: str
) -> None:
    with pytest.raises(BadScenario) as caught:
        read_value(change(*path, to=value), "small.yaml")

    assert str(caught.value).startswith("small.yaml: $")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["duration", "sites", "quiet"])
def test_what_is_missing_is_named(document: Document, missing: str) -> None:
    del document["spec"][missing]
    with pytest.raises(BadScenario, match=rf"\$\.spec: {missing} is missing: add it"):
        read_value(document, "small.yaml")


def test_a_bare_on_is_a_word_and_no_truth_value() -> None:
    with pytest.raises(BadScenario, match=r"\$.on: unknown field 'on'"):
        read_text("on: site-000\n", "x.yaml")


def test_a_key_written_twice_is_refused() -> None:
    with pytest.raises(BadScenario, match=r"x.yaml: line 2, column 1: 'kind' stands here twice"):
        read_text("kind: Scenario\nkind: Scenario\n", "x.yaml")


def test_broken_yaml_names_line_and_column() -> None:
    with pytest.raises(BadScenario, match=r"x.yaml: line 2, column \d+: "):
        read_text("spec: {a: [1,\n", "x.yaml")


def test_a_file_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        BadScenario, match="No such file or directory: name a scenario of `fakekube scenarios`, or a file"
    ):
        read_file(tmp_path / "none.yaml")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"spec: \xff\xfe")
    with pytest.raises(BadScenario, match="byte 6 is no UTF-8"):
        read_file(tmp_path / "x.yaml")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PLACES: list[tuple[str | int, ...]] = [
    ("spec",),
    ("spec", "sites"),
    ("spec", "sites", "labels"),
    ("spec", "links"),
    ("spec", "workload"),
    ("spec", "workload", 0),
    ("spec", "workload", 0, "on"),
    ("spec", "workload", 0, "scope"),
    ("spec", "workload", 1, "patch"),
    ("spec", "faults", 0),
    ("spec", "faults", 0, "selector"),
    ("spec", "quiet"),
    ("spec", "check"),
    ("metadata",),
]


@given(place=st.sampled_from(PLACES), value=JSON_VALUES)
def test_any_value_anywhere_is_read_or_refused_in_one_line(place: tuple[str | int, ...], value: object) -> None:
    document = copy.deepcopy(RIGHT)
    target: Any = document
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = value
    assert "\n" not in complaint(document)


def complaint(document: Document) -> str:
    """What the reader says; nothing when the document is right."""
    try:
        read_value(document, "fuzz")
    except BadScenario as error:
        return str(error)
    return ""


def test_a_field_name_with_a_line_break_is_told_in_one_line() -> None:
    document = {**RIGHT, "spec": {**RIGHT["spec"], "a\nb": None}}
    with pytest.raises(BadScenario) as refused:
        read_value(document, "here")
    assert str(refused.value).startswith("here: $.spec['a\\nb']: unknown field 'a\\nb'")
    assert "\n" not in str(refused.value)
