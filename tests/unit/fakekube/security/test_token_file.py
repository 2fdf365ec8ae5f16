"""Token files as kube-apiserver reads them, and what is said about one that it would not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakekube.apiserver.security.token_file import BadTokenFile, parse_tokens
from fakekube.registry.users import UserInfo


def test_a_line_is_a_token_a_user_a_uid_and_groups() -> None:
    assert parse_tokens('t1,ann,1,"dev,ops"\nt2,bob,2\nt3,"o""neil",3,x,more\n') == {
        "t1": UserInfo(name="ann", uid="1", groups=("dev", "ops")),
        "t2": UserInfo(name="bob", uid="2"),
        "t3": UserInfo(name='o"neil', uid="3", groups=("x",)),
    }


def test_lines_without_a_token_and_empty_lines_are_passed_over() -> None:
    assert parse_tokens(",ann,1\n\nt,bob,2\n") == {"t": UserInfo(name="bob", uid="2")}


def test_of_two_lines_for_one_token_the_later_counts() -> None:
    assert parse_tokens("t,ann,1\nt,bob,2\n")["t"].name == "bob"


def test_an_empty_file_names_nobody() -> None:
    assert parse_tokens("") == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("t,ann\n", "line 1: must have at least 3 columns (token, user name, user uid), found 2"),
        ("t,ann,1\nt2\n", "line 2: must have at least 3 columns (token, user name, user uid), found 1"),
        ('t,"ann,1\n', "line 1: unexpected end of data"),
        ('t,"a"nn,1\n', "line 1: ',' expected after '\"'"),
    ],
)
def test_a_line_that_makes_no_sense_is_named(text: str, problem: str) -> None:
    with pytest.raises(BadTokenFile) as refused:
        parse_tokens(text)
    assert str(refused.value) == problem


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    assert "\n" not in outcome(text)


def outcome(text: str) -> str:
    try:
        parse_tokens(text)
    except BadTokenFile as refused:
        return str(refused)
    return "read"
