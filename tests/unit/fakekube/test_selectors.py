"""Selectors select, and refuse, what the real server does (recorded answers), and never fail in another way."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakekube.meta.selectors import parse_field_selector, parse_label_selector

RECORDED = json.loads((Path(__file__).parents[2] / "recordings/field-selectors-1.37.json").read_text())
# the ServiceAccounts that the recorded label selectors were asked of
LABELS = {"la": {"a": "b", "env": "prod", "x.y/z": "1"}, "lb": {"a": "c", "env": "dev", "n": "5"}, "lc": {}}
CONFIG_MAPS = "/api/v1/namespaces/gold/configmaps"


@pytest.mark.parametrize(("text", "code", "result"), RECORDED["label_selectors"])
def test_a_label_selector_answers_as_recorded(text: str, code: int, result: list[str]) -> None:
    if code == 400:
        with pytest.raises(ValueError) as refused:
            parse_label_selector(text)
        assert str(refused.value) == result[1]
    else:
        selector = parse_label_selector(text)
        assert [name for name, labels in LABELS.items() if selector.matches(labels)] == result


@pytest.mark.parametrize(
    ("text", "code", "result"),
    [case[1:] for case in RECORDED["syntax"] if case[0] == CONFIG_MAPS and "not a known field" not in str(case[3])],
)
def test_a_field_selector_answers_as_recorded(text: str, code: int, result: list[str]) -> None:
    if code == 400:
        with pytest.raises(ValueError) as refused:
            parse_field_selector(text)
        assert str(refused.value) == result[1]
    else:
        selector = parse_field_selector(text)
        names = [n for n in ("a", "b", "cm") if selector.matches({"metadata.name": n, "metadata.namespace": "gold"})]
        assert names == result


def test_an_escaped_comma_belongs_to_the_value() -> None:
    [requirement] = parse_field_selector(r"metadata.name=a\,b\=c\\d").requirements
    assert requirement.value == r"a,b=c\d"


@pytest.mark.parametrize("text", ["in in (in)", "notin", "a in (,)", "a in (,,b)", "!a , b"])
def test_operator_words_and_empty_places_are_read_where_they_may_stand(text: str) -> None:
    assert parse_label_selector(text).requirements


@given(st.text(alphabet="ab/.=!<>(),\\ inot\té\n", max_size=30))
def test_no_text_fails_in_an_unnamed_way(text: str) -> None:
    for parse in (parse_label_selector, parse_field_selector):
        with contextlib.suppress(ValueError):
            assert isinstance(parse(text).matches({}), bool)
