"""The scope language read and written: precedence, errors with their column, and no other exception ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.protocol.names import SiteName
from collab.scope import All, ByKind, Either, Expression, Scope, ScopeError, SiteRef, canonical, check_sites, parse
from collab.scope.parse import DEPTH_MAX, TEXT_MAX


def site(name: str) -> SiteRef:
    return SiteRef(name=SiteName(name))


A, B, C = site("a"), site("b"), site("c")

names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)


def _groups(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    parts = st.lists(inner, min_size=2, max_size=4).map(tuple)
    return parts.map(lambda found: All(parts=found)) | parts.map(lambda found: Either(parts=found))


expressions: st.SearchStrategy[Expression] = st.recursive(names.map(site), _groups, max_leaves=12)
kinds = st.sampled_from(["configmaps", "Secret", "deployments.apps"])
scopes: st.SearchStrategy[Scope] = expressions | st.lists(st.tuples(kinds, expressions), min_size=1, max_size=3).map(
    lambda places: ByKind(places=tuple(places))
)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a", A),
        (" ( (a) ) ", A),
        ("a&b", All(parts=(A, B))),
        ("a & b | c", Either(parts=(All(parts=(A, B)), C))),
        ("a & (b | c)", All(parts=(A, Either(parts=(B, C))))),
        ("a & b & c", All(parts=(A, B, C))),
        ("a & (b & c)", All(parts=(A, All(parts=(B, C))))),
        ("{configmaps: a, secrets: b | c}", ByKind(places=(("configmaps", A), ("secrets", Either(parts=(B, C)))))),
        ("around & a", All(parts=(site("around"), A))),
    ],
)
def test_a_text_reads_as_its_tree(text: str, tree: Scope) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ("", 400, 1),
        ("a &", 400, 4),
        ("a & & b", 400, 5),
        ("a b", 400, 3),
        ("(a | b", 400, 7),
        ("a)", 400, 2),
        ("A", 400, 1),
        ("a & -b", 400, 5),
        ("a.b", 400, 1),
        ("{configmaps a}", 400, 13),
        ("{}", 400, 2),
        ("a % b", 501, 3),
        ("a ^ b", 501, 3),
        ("a; b", 501, 2),
        ("a | around(b, 50ms)", 501, 5),
        ("a" * (TEXT_MAX + 1), 400, TEXT_MAX + 1),
        ("(" * (DEPTH_MAX + 1) + "a", 400, DEPTH_MAX + 1),
        ("a & bé", 400, 6),
    ],
)
def test_an_error_names_its_column_and_whether_it_may_work_one_day(text: str, code: int, column: int) -> None:
    with pytest.raises(ScopeError) as raised:
        parse(text)

    assert (raised.value.code, raised.value.column) == (code, column)
    assert "\n" not in str(raised.value)


@given(scopes)
def test_printing_and_parsing_are_inverse(scope: Scope) -> None:
    assert parse(canonical(scope)) == scope


@given(scopes)
def test_the_canonical_text_is_its_own_canonical_text(scope: Scope) -> None:
    text = canonical(scope)
    assert canonical(parse(f"  {text}\t")) == text


@given(st.text(alphabet="ab- \t&|(){}:,%^;around.É\n") | st.text())
def test_any_text_parses_or_is_a_scope_error(text: str) -> None:
    assert 1 <= _column_of_error(text) <= len(text) + 1


def _column_of_error(text: str) -> int:
    try:
        parse(text)
    except ScopeError as error:
        return error.column
    return 1


def test_a_long_chain_costs_no_depth() -> None:
    text = " & ".join(["a"] * 1000)
    assert canonical(parse(text)) == text


def test_an_unknown_site_is_named_with_its_column() -> None:
    with pytest.raises(ScopeError, match="column 6: unknown site 'c'"):
        check_sites(parse("(a | c) & b"), {"a", "b"}.__contains__)
