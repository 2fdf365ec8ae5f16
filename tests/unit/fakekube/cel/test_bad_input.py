"""Rules that nobody should write: each is answered, whatever it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakekube.meta.objects import KubeObject
from fakekube.registry.cel import check_expression, compile_validations
from fakekube.registry.cel.regex_syntax import RegexError
from fakekube.registry.cel.regexes import compiled
from tests.recordings import cel_cases
from tests.recordings.cel_record import with_rules

_KNOWN = [each for cases in cel_cases.VALUES.values() for each in cases] + cel_cases.REFUSED
_PIECES = st.sampled_from(
    [
        "self",
        ".",
        "i",
        "s",
        "l",
        "m",
        "+",
        "-",
        "*",
        "/",
        "%",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "?",
        "'a'",
        "1",
        "2u",
        "1.5",
        "all",
        "has",
        "x",
        "==",
        "<",
        "&&",
        "||",
        "!",
        "in",
        ".?",
        "dyn(",
    ]
)


@st.composite
def edited(draw: st.DrawFn) -> str:
    """An expression that means something, with a few pieces cut out and put in."""
    text = draw(st.sampled_from(_KNOWN))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(text)))
        text = text[:place] + draw(st.one_of(st.just(""), _PIECES)) + text[place + draw(st.integers(0, 4)) :]
    return text


def answered(rule: str) -> None:
    spec = with_rules([{"rule": rule, "messageExpression": "'%s'.format([self.i])"}])
    compiled_rules = compile_validations({"type": "object", "properties": {"spec": spec}})
    for cause in [*compiled_rules.errors, *compiled_rules.check({"spec": cel_cases.OBJECT})]:
        assert cause.message


@given(edited())
@settings(max_examples=150, deadline=None)
def test_an_edited_expression_is_answered(rule: str) -> None:
    answered(rule)


@given(st.text(max_size=30))
@settings(max_examples=100, deadline=None)
def test_any_text_is_answered(rule: str) -> None:
    answered(rule)


@given(st.text(alphabet="ab()[]{}*+?|\\^$.,-:019dpPLxQE<>=!imsU", max_size=12), st.text(max_size=8))
@settings(max_examples=200, deadline=None)
def test_any_pattern_is_run_or_refused(pattern: str, text: str) -> None:
    assert refusal(pattern, text) in (None, "error parsing regexp")


def refusal(pattern: str, text: str) -> str | None:
    try:
        compiled(pattern).search(text)
    except RegexError as error:
        return str(error).partition(":")[0]
    return None


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"^\pL+$", "Москва", True),
        (r"^\p{Lu}", "Ж", True),
        (r"^\P{L}+$", "123", True),
        (r"^[\p{Nd}_]+$", "٣_", True),
        (r"\bé\b", "é", False),
        (r"a$", "a\n", False),
        (r"\Qa.b\E", "a.b", True),
        (r"\x{1F600}", "😀", True),
        (r"(?i)straße", "STRAßE", True),
        (r"(?s:a.)b", "a\nb", True),
        (r"[^\d\s]", "1 2", False),
    ],
)
def test_patterns_mean_what_they_mean_in_go(pattern: str, text: str, found: bool) -> None:
    assert (compiled(pattern).search(text) is not None) is found


@pytest.mark.parametrize(
    "rule",
    [
        "int('9' * 1)",
        f"int('{'9' * 5000}') == 1",
        f"duration('{'9' * 5000}h') == self.du",
        f"'%.{'9' * 40}f'.format([1.5]) == ''",
    ],
)
def test_huge_numbers_end_soon(rule: str) -> None:
    answered(rule)


def test_schemas_three_hundred_deep_are_compiled() -> None:
    schema: KubeObject = {"type": "integer", "x-kubernetes-validations": [{"rule": "self > 0"}]}
    value: object = 0
    for _ in range(300):
        schema, value = {"type": "object", "properties": {"a": schema}}, {"a": value}
    [cause] = compile_validations(schema).check(value)
    assert cause.field == ".".join(["a"] * 300)


def test_an_expression_that_nests_too_deep_is_refused() -> None:
    schema = {"type": "object", "x-kubernetes-validations": [{"rule": "(" * 100 + "true" + ")" * 100}]}
    [cause] = compile_validations(schema).errors
    assert "expression recursion limit exceeded: 32" in cause.message


def test_an_expression_over_given_variables_is_checked() -> None:
    assert check_expression("a + 1 == 2", {"a": "int"}) is None
    assert check_expression("a + 1", {"a": "int"}) == "must evaluate to bool but got int"
    assert check_expression("a + b == 2", {"a": "int"}) == (
        "compilation failed: ERROR: <input>:1:5: undeclared reference to 'b' (in container '')\n | a + b == 2\n | ....^"
    )
