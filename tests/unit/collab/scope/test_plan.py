"""Plans: which sites, in which order, and that nothing else is ever named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.protocol.names import SiteName
from collab.scope import Alternative, ScopeError, explain, parse, plan, sites_of

texts = st.recursive(
    st.sampled_from("abcd"),
    lambda inner: st.tuples(inner, st.sampled_from("&|"), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
    max_leaves=6,
)


def sets(alternatives: list[Alternative]) -> list[frozenset[SiteName]]:
    return [frozenset(sites) for sites in alternatives]


@pytest.mark.parametrize(
    ("text", "alternatives"),
    [
        ("a", [("a",)]),
        ("a & b", [("a", "b")]),
        ("b & a & b", [("b", "a")]),
        ("a | b", [("a",), ("b",)]),
        ("a & (b | c)", [("a", "b"), ("a", "c")]),
        ("(a | b) & (c | d)", [("a", "c"), ("a", "d"), ("b", "c"), ("b", "d")]),
        ("a & b | b & a | c", [("a", "b"), ("c",)]),
        ("a & (a | b)", [("a",), ("a", "b")]),
    ],
)
def test_alternatives_in_the_order_of_the_text(text: str, alternatives: list[tuple[str, ...]]) -> None:
    assert plan(parse(text)) == alternatives


def test_an_alternative_without_a_reachable_site_is_not_tried() -> None:
    assert plan(parse("a | b & c"), {"c"}.__contains__) == [("b", "c")]


def test_when_nothing_is_reachable_everything_is_tried() -> None:
    assert plan(parse("a | b"), lambda site: False) == [("a",), ("b",)]


def test_too_many_alternatives_are_refused_before_they_are_multiplied_out() -> None:
    with pytest.raises(ScopeError, match=f"{2**200} alternatives"):
        plan(parse(" & ".join(["(a | b)"] * 200)))


def test_a_scope_by_kind_is_not_planned_yet() -> None:
    with pytest.raises(ScopeError) as raised:
        plan(parse("{configmaps: a}"))
    assert raised.value.code == 501


@given(texts)
def test_a_plan_names_only_sites_of_the_text_each_once(text: str) -> None:
    named = {site.name for site in sites_of(parse(text))}
    for sites in plan(parse(text)):
        assert set(sites) <= named
        assert len(set(sites)) == len(sites) > 0


@given(texts, texts, texts, st.sampled_from("&|"))
def test_operators_are_associative(left: str, middle: str, right: str, operator: str) -> None:
    grouped_left = plan(parse(f"(({left}) {operator} ({middle})) {operator} ({right})"))
    grouped_right = plan(parse(f"({left}) {operator} (({middle}) {operator} ({right}))"))
    assert sets(grouped_left) == sets(grouped_right)


@given(texts, st.frozensets(st.sampled_from("abcd")))
def test_knowing_who_is_reachable_only_leaves_alternatives_out(text: str, up: frozenset[str]) -> None:
    everything = plan(parse(text))
    chosen = plan(parse(text), up.__contains__)
    assert [sites for sites in everything if sites in chosen] == chosen


def test_an_explanation_shows_text_alternatives_and_tree() -> None:
    assert explain("(a)&(b|c)") == {
        "scope": "a & (b | c)",
        "alternatives": [["a", "b"], ["a", "c"]],
        "tree": {"all": ["a", {"first": ["b", "c"]}]},
    }
