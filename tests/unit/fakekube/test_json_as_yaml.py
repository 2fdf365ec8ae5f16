"""JSON in a YAML body takes a shorter way and must come out as YAML would read it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakekube.apiserver import goyaml

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), _VALUES), st.sampled_from([None, 2]), st.booleans())
def test_it_reads_as_yaml(value: dict[str, object], indent: int | None, ascii_only: bool) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "replace")
    assert _read(goyaml.parse_yaml, body) == _read(goyaml.read_document, body)


def _read(parse: Callable[[bytes], tuple[object, list[str]]], body: bytes) -> str:
    """The value as JSON, which tells 1 from 1.0 and keeps the order; or the fault."""
    try:
        return json.dumps(parse(body))
    except goyaml.YamlFault as fault:
        return f"fault: {fault}"


@pytest.mark.parametrize(
    ("body", "value", "repeated"),
    [
        (b'{"a": 1, "a": 2}', {"a": 2}, ['line 1: key "a" already set in map']),
        (b'{"a": 1.0, "b": 1e3}', {"a": 1, "b": 1000}, []),
        (b"{a: yes}", {"a": True}, []),
        (b'{"b": "yes", "a": null}', {"a": None, "b": "yes"}, []),
        (b'{"a": 1}\n---\nb: 2', {"a": 1}, []),
        (b'{"a": "x # y"} # a remark', {"a": "x # y"}, []),
    ],
)
def test_what_only_yaml_knows_still_counts(body: bytes, value: object, repeated: list[str]) -> None:
    assert goyaml.parse_yaml(body) == (value, repeated)
