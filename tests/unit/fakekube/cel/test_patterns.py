"""Regular expressions: RE2's, in linear time. tests/real/test_patterns.py compares made-up ones with kube-apiserver 1.37.2."""

from __future__ import annotations

import pytest

from fakekube.registry.cel.regex_syntax import RegexError
from fakekube.registry.cel.regexes import REGEXES, compiled
from fakekube.registry.crd.schema_validation import go_pattern


def find_all(text: str, pattern: str) -> object:
    return REGEXES["string_find_all_string"](text, pattern)


def test_what_takes_others_years_is_linear() -> None:
    assert compiled("^(a+)+$").search("a" * 30_000 + "b") is None
    assert go_pattern("^(a|a)*$")("a" * 30_000 + "b") is None


@pytest.mark.parametrize(
    ("text", "pattern", "found"),
    [
        ("xαβ", r"\p{Greek}+", ["αβ"]),
        ("a1é", "[[:^alpha:]]", ["1", "é"]),
        ("aaa bbb", r"\b", ["", "", "", ""]),
        ("12", r"\d?", ["1", "2"]),
        ("aab", "(?U)a+", ["a", "a"]),
        ("a\nb", "(?m)^.$", ["a", "b"]),
        ("", r"\z", [""]),
    ],
)
def test_matches_are_found_as_go_finds_them(text: str, pattern: str, found: list[str]) -> None:
    assert find_all(text, pattern) == found


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("(?=a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"),
        (r"(a)\1", r"error parsing regexp: invalid escape sequence: `\1`"),
        (r"\p{Nope}", "error parsing regexp: invalid character class range: `\\p{Nope}`"),
        ("a**", "error parsing regexp: invalid nested repetition operator: `**`"),
        ("a{1001}", "error parsing regexp: invalid repeat count: `{1001}`"),
        ("(a", "error parsing regexp: missing closing ): `(a`"),
    ],
)
def test_refusals_have_the_words_of_go(pattern: str, told: str) -> None:
    with pytest.raises(RegexError) as refused:
        compiled(pattern)
    assert str(refused.value) == told
