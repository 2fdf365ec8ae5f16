"""Where a request carries its scope; whatever it carries, it is read or refused."""

from __future__ import annotations

import contextlib
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.agent.scoping import read_scoped, split_scope
from collab.agent.target import read_target
from collab.scope import ScopeError, canonical, parse


@pytest.mark.parametrize(
    ("raw", "header", "text", "target"),
    [
        ("/api/v1/pods?x=1", None, None, "/api/v1/pods?x=1"),
        ("/api", "a & b", "a & b", "/api"),
        ("/scope/a%20%26%20b/api/v1/pods?x=%2F", None, "a & b", "/api/v1/pods?x=%2F"),
        ("/scope/a/", None, "a", "/"),
        ("/scope/a", None, "a", "/"),
        ("/scope/a?x=/y", None, "a", "/?x=/y"),
        ("/scope/a/api", " a ", "a", "/api"),
        ("/scopes/a/api", None, None, "/scopes/a/api"),
    ],
)
def test_header_or_path(raw: str, header: str | None, text: str | None, target: str) -> None:
    assert split_scope(raw, header) == (text, target)


@given(st.sampled_from(["a & b", "(a | b) & c", "a"]), st.sampled_from(["", "&()| "]))
def test_any_encoding_of_the_segment_is_the_same_scope(text: str, safe: str) -> None:
    found, target = split_scope(f"/scope/{quote(text, safe=safe)}/api/v1/pods", None)
    assert found is not None
    assert (canonical(parse(found)), target) == (text, "/api/v1/pods")


@given(st.text(max_size=40), st.none() | st.text(max_size=10), st.sampled_from(["GET", "POST", "PATCH", "BREW"]))
def test_whatever_a_request_says_is_read_or_a_scope_error(rest: str, header: str | None, method: str) -> None:
    with contextlib.suppress(ScopeError):
        text, target = split_scope("/scope/" + rest, header)
        assert text is not None
        read_scoped(text, read_target(method, target), lambda site: True)
