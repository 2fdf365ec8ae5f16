"""Merging: no site's answer, however odd, breaks the others'."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from collab.agent.gather import SiteAnswer, merge, reached
from collab.agent.link import Answered, Lost, Outcome
from collab.agent.sharing import Shared, shared_namespaces
from collab.agent.target import Target, read_target
from collab.protocol.names import SiteName

LIST, ONE = read_target("GET", "/api/v1/namespaces"), read_target("GET", "/api/v1/namespaces/x")

json_values: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["kind", "items", "rows", "cells", "object", "metadata", "name", "columnDefinitions", "labels"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
bodies = st.fixed_dictionaries(
    {"kind": st.sampled_from(["Table", "NamespaceList", "Namespace"])},
    optional={
        "items": json_values,
        "rows": json_values
        | st.lists(st.fixed_dictionaries({"cells": json_values, "object": json_values}), max_size=2),
        "columnDefinitions": json_values | st.lists(st.fixed_dictionaries({"name": json_values}), max_size=2),
        "metadata": json_values,
    },
)


def answered(status: int, body: object, *headers: tuple[str, str]) -> Answered:
    return Answered(status=status, reason="", headers=headers, body=json.dumps(body).encode())


def said(site: str, outcome: Outcome) -> SiteAnswer:
    shared = Shared(gid="g", namespace="x", members=(SiteName("a"), SiteName("b")), kinds=frozenset())
    return SiteAnswer(site=SiteName(site), outcome=outcome, shared={"x": shared})


@settings(deadline=None)  # how long it takes is the machine's affair
@given(bodies, bodies, st.sampled_from([LIST, ONE]))
def test_any_two_answers_merge_into_one_body(first: object, second: object, target: Target) -> None:
    answers = [said("a", answered(200, first)), said("b", answered(200, second)), said("c", Lost(sent=False, why="no"))]
    gathered = merge(answers, target, SiteName("b"))
    json.dumps(gathered.body)
    assert gathered.warnings[0] == "site c: unreachable: no"


@given(json_values)
def test_any_view_of_records_is_read(view: object) -> None:
    rows = {"records": [view, {"state": "member", "members": view, "resource": view, "kinds": view}]}
    assert all(isinstance(shared, Shared) for shared in shared_namespaces(rows).values())


def test_502_503_and_504_are_the_links_unless_an_apiserver_said_them() -> None:
    status = {"kind": "Status"}
    assert reached(answered(503, status))
    assert not reached(answered(503, "<html>"))
    assert not reached(answered(504, status, ("X-Collab-Unreachable", "unknown")))
    assert reached(answered(500, "<html>"))
    assert not reached(Lost(sent=True, why=""))
