"""The published schema: what ships and what the language has validates; what is wrong is refused by it and by the reader."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.cli import call
from chaos.scenario import library
from chaos.scenario.compile import compile_scenario
from chaos.scenario.document import document_of, read_value, schema, schema_text
from chaos.scenario.errors import BadScenario
from tests.unit.chaos.scenario.whole import WHOLE, Document

DOCS = Path(__file__).parents[4] / "docs"
VALIDATOR = jsonschema.Draft202012Validator(schema())

Path_ = tuple[str | int, ...]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_the_published_file_is_the_schema() -> None:
    """Renew it with `fakekube schema > docs/scenario.schema.json`."""
    assert (DOCS / "scenario.schema.json").read_text() == schema_text()


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["schema"]) == 0
    assert capsys.readouterr().out == schema_text()


@pytest.mark.parametrize("name", library.names())
def test_what_ships_validates(name: str) -> None:
    VALIDATOR.validate(yaml.safe_load((library.FOLDER / f"{name}.yaml").read_text().replace(" on:", ' "on":')))


def test_the_whole_language_validates_and_compiles() -> None:
    VALIDATOR.validate(WHOLE)
    assert len(compile_scenario(read_value(WHOLE)).events) > 100


def test_a_value_and_its_text_form_are_the_same() -> None:
    scenario = read_value(WHOLE)
    again = document_of(scenario)
    VALIDATOR.validate(again)
    assert read_value(again) == scenario
    assert compile_scenario(replace(scenario, source="")).events == compile_scenario(scenario).events


# --- every field wrong


def places(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in inner:
        yield from places(member, (*path, key))


def at(document: Document, path: Path_) -> Any:
    for step in path:
        document = document[step]  # type: ignore[index]  # steps are names and numbers
    return document


def changed(path: Path_, to: object) -> Document:
    document = copy.deepcopy(WHOLE)
    at(document, path[:-1])[path[-1]] = to
    return document


def complaint(document: Document) -> str:
    try:
        read_value(document, "fuzz")
    except BadScenario as error:
        return str(error)
    return ""


def is_free(path: Path_) -> bool:
    """An end of a link may be bare labels, and those have names of the user's own too."""
    is_end = "overrides" in path and path[-1] in ("from", "to")
    return is_end or (isinstance(at(WHOLE, path), dict) and path[-1] in FREE)


PLACES = list(places(WHOLE))
FREE = ("labels", "set", "patch", "data", "arguments", "classes", "slo", "attributes")
"""Members with names of the user's own, and text of any kind in them."""

WRONG = st.one_of(
    st.booleans(),
    st.integers(-5, -1),
    st.just(float("inf")),
    st.just([[]]),
    st.just({"no such": "field"}),
    st.just([{"no such": 1}]),
)


@settings(max_examples=150, deadline=None)
@given(path=st.sampled_from(PLACES), wrong=WRONG)
def test_a_field_of_the_wrong_kind_is_refused_by_both(path: Path_, wrong: object) -> None:
    before = at(WHOLE, path)
    if is_free(path) or (isinstance(before, bool) and isinstance(wrong, bool)):
        return
    document = changed(path, wrong)
    line = complaint(document)
    assert line.startswith("fuzz: $")
    assert "\n" not in line
    assert not VALIDATOR.is_valid(document), line


@pytest.mark.parametrize(
    "path", [path for path in PLACES if isinstance(at(WHOLE, path), dict) and not is_free(path)], ids=str
)
def test_an_unknown_field_is_refused_by_both(path: Path_) -> None:
    document = changed(path, {**at(WHOLE, path), "nosuchfield": "x"})
    assert complaint(document)
    assert not VALIDATOR.is_valid(document)


@settings(max_examples=100, deadline=None)
@given(
    path=st.sampled_from([path for path in PLACES if not is_free(path)]),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=5,
    ),
)
def test_what_the_schema_refuses_the_reader_refuses(path: Path_, value: object) -> None:
    """The reader may refuse more (a site that does not exist); a file that an editor marks red never runs."""
    document = changed(path, value)
    line = complaint(document)
    assert "\n" not in line
    if not VALIDATOR.is_valid(document):
        assert line.startswith("fuzz: $")


@pytest.mark.parametrize(
    "path",
    [path for path in PLACES if isinstance(at(WHOLE, path[:-1]), dict)],
    ids=str,
)
def test_a_field_left_out_is_missed_by_both_or_by_neither(path: Path_) -> None:
    document = copy.deepcopy(WHOLE)
    del at(document, path[:-1])[path[-1]]
    line = complaint(document)
    assert bool(line) or VALIDATOR.is_valid(document)
    if not VALIDATOR.is_valid(document):
        assert line
