"""The last look at a site: five documents into one view; what is not as promised is a problem, never an empty value."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from chaos.checks.evidence import LosingValue, SiteView
from chaos.worlds.views import CONFIGMAPS, CONFLICTS, NAMESPACES, OPERATIONS, RECORDS, plain_path, site_view

TEAM = "namespaces/team"

DOCUMENTS: dict[str, Any] = {
    RECORDS: {
        "site": "a",
        "records": [
            {
                "gid": "a~1.1",
                "resource": TEAM,
                "state": "member",
                "owner": "a",
                "acting": True,
                "claim": {"e": 0, "rk": 1, "o": "a", "state": "own"},
                "members": [
                    {"site": "a", "state": "member", "role": "rw", "address": ""},
                    {"site": "b", "state": "invited"},
                ],
                "kinds": ["configmaps"],
                "digest": "d1",
                "valueDigest": "v1",
                "conditions": [],
                "twin": {"uid": "u", "phase": "Active"},
            }
        ],
    },
    CONFLICTS: {
        "conflicts": [
            {
                "gid": "a~1.1",
                "resource": TEAM,
                "object": TEAM,
                "path": "f:metadata/f:labels/f:example.org%2Fcrop",
                "winner": {"value": "oats", "site": "a", "stamp": [1, "a"]},
                "losers": [
                    {"value": "wheat", "site": "b", "stamp": [1, "b"]},
                    {"value": None, "site": "c", "stamp": [1, "c"]},
                ],
            }
        ]
    },
    OPERATIONS: {"operations": [{"id": "op-1", "verb": "create", "state": "done"}, {"id": "op-2", "state": "pending"}]},
    NAMESPACES: {
        "items": [
            {
                "metadata": {
                    "name": "team",
                    "labels": {"crop": "oats", "kubernetes.io/metadata.name": "team"},
                    "annotations": {"note": "x", "collab.fakekube.dev/scope": "a & b"},
                }
            },
            {"metadata": {"name": "default", "labels": {"kubernetes.io/metadata.name": "default"}}},
        ]
    },
    CONFIGMAPS: {
        "items": [
            {"metadata": {"name": "kube-root-ca.crt", "namespace": "team"}, "data": {"ca.crt": "PEM"}},
            {"metadata": {"name": "settings", "namespace": "team", "labels": {"l": "1"}}, "data": {"k": "v"}},
            {"metadata": {"name": "settings", "namespace": "default"}, "data": {"k": "other"}},
        ]
    },
}


@pytest.fixture
def view_with() -> Callable[..., SiteView]:
    """`view_with(RECORDS, "records", 0, "gid", to=...)`: the view when that one value is different."""

    def made(*path: str | int, to: object = ...) -> SiteView:
        documents = copy.deepcopy(DOCUMENTS)
        if path:
            place: Any = documents
            for step in path[:-1]:
                place = place[step]
            if to is ...:
                del place[path[-1]]
            else:
                place[path[-1]] = to
        return site_view("a", {name: msgspec.json.encode(value) for name, value in documents.items()}, [TEAM])

    return made


def test_the_five_documents_become_one_view(view_with: Callable[..., SiteView]) -> None:
    view = view_with()

    assert view.problem == ""
    (record,) = view.records
    assert (record.gid, record.owner, record.acting, record.digest, record.value_digest) == (
        "a~1.1",
        "a",
        True,
        "d1",
        "v1",
    )
    assert record.members == {"a": "member", "b": "invited"}
    assert view.operations == {"op-1": "done", "op-2": "pending"}
    assert view.losers == (
        LosingValue(resource=TEAM, path="labels/example.org/crop", value="wheat"),
        LosingValue(resource=TEAM, path="labels/example.org/crop", value=None),
    )


def test_content_is_what_users_wrote_and_what_is_shared(view_with: Callable[..., SiteView]) -> None:
    assert view_with().objects == {
        TEAM: {
            "labels/crop": "oats",
            "annotations/note": "x",
            "configmaps/settings": "present",
            "configmaps/settings/labels/l": "1",
            "configmaps/settings/data/k": "v",
        }
    }


def test_configmaps_count_only_where_the_record_shares_them(view_with: Callable[..., SiteView]) -> None:
    view = view_with(RECORDS, "records", 0, "kinds", to=[])
    assert set(view.objects[TEAM]) == {"labels/crop", "annotations/note"}


@pytest.mark.parametrize("member", ["gid", "resource", "state", "owner", "acting", "members", "digest", "valueDigest"])
def test_a_record_without_a_compared_member_is_a_problem(view_with: Callable[..., SiteView], member: str) -> None:
    view = view_with(RECORDS, "records", 0, member)
    assert f"missing required field `{member}`" in view.problem
    assert view.records == ()


@pytest.mark.parametrize("value", [None, "", 3])
def test_a_gid_must_be_text_with_something_in_it(view_with: Callable[..., SiteView], value: object) -> None:
    assert "$.records[0].gid" in view_with(RECORDS, "records", 0, "gid", to=value).problem.replace("[...]", "[0]")


def test_an_answer_that_is_no_json_is_a_problem() -> None:
    documents = {name: msgspec.json.encode(value) for name, value in DOCUMENTS.items()}
    assert site_view("a", {**documents, CONFLICTS: b"<html>"}, [TEAM]).problem.startswith(
        "an answer that cannot be read"
    )


@pytest.mark.parametrize(
    ("name", "path", "plain"),
    [
        (TEAM, "f:metadata/f:labels/f:crop", "labels/crop"),
        ("configmaps/settings", "f:data/f:k", "configmaps/settings/data/k"),
        (TEAM, "", ""),
    ],
)
def test_paths_read_like_content(name: str, path: str, plain: str) -> None:
    assert plain_path(name, path) == plain
