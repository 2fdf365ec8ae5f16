"""What a rule allows, what it covers of another, and how a message prints it."""

from __future__ import annotations

import pytest

from fakekube.registry.rbac_rules import EVERYTHING, Rule, compacted, rule_of, shown, uncovered

PODS = Rule(verbs=("get", "list"), groups=("",), resources=("pods", "*/scale"))


@pytest.mark.parametrize(
    ("verb", "group", "combined", "subresource", "name", "allowed"),
    [
        ("get", "", "pods", "", "x", True),
        ("delete", "", "pods", "", "x", False),
        ("get", "apps", "pods", "", "x", False),
        ("get", "", "pods/log", "log", "x", False),
        ("get", "", "deployments/scale", "scale", "x", True),
        ("get", "", "scale", "", "x", False),
    ],
)
def test_a_rule_names_verb_group_and_resource(
    verb: str, group: str, combined: str, subresource: str, name: str, allowed: bool
) -> None:
    assert PODS.allows(verb, group, combined, subresource, name) is allowed


def test_stars_stand_for_everything() -> None:
    assert EVERYTHING[0].allows("impersonate", "any.example.com", "things/sub", "sub", "")
    assert EVERYTHING[1].allows_path("options", "/anything")


def test_a_rule_of_names_is_not_for_what_has_none() -> None:
    named = Rule(verbs=("get",), groups=("",), resources=("pods",), names=("a",))
    assert named.allows("get", "", "pods", "", "a")
    assert not named.allows("get", "", "pods", "", "b")
    assert not named.allows("get", "", "pods", "", "")


@pytest.mark.parametrize(
    ("url", "path", "allowed"),
    [
        ("/api/*", "/api/v1", True),
        ("/api/*", "/api", False),
        ("/api*", "/apis", True),
        ("/healthz", "/healthz/etcd", False),
        ("*", "/", True),
    ],
)
def test_urls_may_end_in_a_star(url: str, path: str, allowed: bool) -> None:
    assert Rule(verbs=("get",), urls=(url,)).allows_path("get", path) is allowed


def test_rules_of_roles_need_not_have_every_member() -> None:
    assert rule_of({"verbs": ["get"], "nonResourceURLs": ["/x"]}) == Rule(verbs=("get",), urls=("/x",))


def test_each_part_must_be_covered_by_one_rule() -> None:
    owned = [Rule(verbs=("get",), groups=("",), resources=("pods",))]
    missing = uncovered(owned, [Rule(verbs=("get", "list", "watch"), groups=("",), resources=("pods",))])
    assert [shown(each) for each in compacted(missing)] == [
        '{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}'
    ]


def test_a_rule_of_all_names_is_not_covered_by_one_of_some() -> None:
    some = Rule(verbs=("get",), groups=("",), resources=("pods",), names=("a", "b"))
    every = Rule(verbs=("get",), groups=("",), resources=("pods",))
    assert uncovered([some], [every]) == [every]
    assert uncovered([every], [some]) == []
    assert uncovered([some], [Rule(verbs=("get",), groups=("",), resources=("pods",), names=("b",))]) == []


def test_subresources_of_all_resources_cover_those_of_one() -> None:
    owned = [Rule(verbs=("*",), groups=("*",), resources=("*/scale",))]
    assert uncovered(owned, [Rule(verbs=("get",), groups=("apps",), resources=("deployments/scale",))]) == []
    assert uncovered(owned, [Rule(verbs=("get",), groups=("apps",), resources=("deployments",))])


def test_urls_are_covered_by_their_beginnings() -> None:
    owned = [Rule(verbs=("get",), urls=("/api/*",))]
    missing = uncovered(owned, [Rule(verbs=("get", "post"), urls=("/api/v1", "/apis"))])
    assert sorted(shown(each) for each in compacted(missing)) == [
        '{NonResourceURLs:["/api/v1"], Verbs:["post"]}',
        '{NonResourceURLs:["/apis"], Verbs:["get"]}',
        '{NonResourceURLs:["/apis"], Verbs:["post"]}',
    ]
