"""Aggregated ClusterRoles follow the roles that their selectors find."""

from __future__ import annotations

from typing import Any

from tests.unit.fakekube.sites import Site

ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"


def rule(*resources: str) -> dict[str, Any]:
    return {"verbs": ["get"], "apiGroups": ["example.com"], "resources": list(resources)}


def role(name: str, *rules: dict[str, Any], **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "rules": list(rules)}


def aggregated(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": labels}]}}


def rules(site: Site, name: str) -> Any:
    return site.get(f"{ROLES}/{name}").json["rules"]


def test_view_gathers_what_is_meant_for_it(site: Site) -> None:
    before = rules(site, "view")
    meant = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    assert site.post(ROLES, role("things-viewer", rule("things"), **meant)).status == 201
    site.settle()
    after = rules(site, "view")
    assert rule("things") in after
    assert len(after) == len(before) + 1


def test_rules_go_with_the_role_they_came_from(site: Site) -> None:
    site.post(ROLES, aggregated("all", team="a"))
    site.post(ROLES, role("one", rule("ones"), rule("twos"), team="a"))
    site.post(ROLES, role("two", rule("twos"), team="a"))
    site.settle()
    assert rules(site, "all") == [rule("ones"), rule("twos")]
    site.delete(f"{ROLES}/one")
    site.settle()
    assert rules(site, "all") == [rule("twos")]


def test_what_was_written_by_hand_is_replaced(site: Site) -> None:
    site.post(ROLES, {**aggregated("all", team="a"), "rules": [rule("mine")]})
    site.post(ROLES, role("one", rule("ones"), team="a"))
    site.settle()
    assert rules(site, "all") == [rule("ones")]
    entries = site.get(f"{ROLES}/all").json["metadata"]["managedFields"]
    owners = {(each["manager"], each["operation"]) for each in entries if "f:rules" in each["fieldsV1"]}
    assert owners == {("clusterrole-aggregation-controller", "Apply")}


def test_roles_may_gather_from_each_other(site: Site) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        found = aggregated(name, team=other)
        found["metadata"]["labels"] = {"team": name}
        site.post(ROLES, found)
    site.post(ROLES, role("one", rule("ones"), team="a"))
    site.settle()
    assert rules(site, "a") == rules(site, "b") == [rule("ones")]


def test_without_controllers_nothing_is_gathered(bare: Site) -> None:
    assert bare.get(f"{ROLES}/view").json["rules"] is None
    assert bare.server.next_due() is None
