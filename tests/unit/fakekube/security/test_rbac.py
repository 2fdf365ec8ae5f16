"""Roles and bindings as they are written, changed and taken away; what reviews say of them."""

from __future__ import annotations

import pytest

from tests.unit.fakekube.security.secured import BINDINGS, RBAC, ROLES, SPACE, Secured, binding, rule

CONFIG_MAPS = f"{SPACE}/configmaps"


def test_a_role_counts_in_its_namespace_alone(secured: Secured) -> None:
    secured.grant("ann", rule("list", "configmaps"))
    assert secured.ask("GET", CONFIG_MAPS).status == 200
    assert secured.ask("GET", "/api/v1/namespaces/kube-system/configmaps").status == 403
    assert secured.ask("GET", "/api/v1/configmaps").status == 403
    assert secured.ask("GET", CONFIG_MAPS, by="bob").status == 403


def test_a_cluster_role_counts_where_it_is_bound(secured: Secured) -> None:
    secured.done(
        "POST", f"{RBAC}/clusterroles", {"metadata": {"name": "reader"}, "rules": [rule("list", "configmaps")]}
    )
    secured.done("POST", BINDINGS, binding("reader", "ClusterRole", "ann"))
    assert secured.ask("GET", CONFIG_MAPS).status == 200
    assert secured.ask("GET", "/api/v1/configmaps").status == 403
    secured.done("POST", f"{RBAC}/clusterrolebindings", binding("reader", "ClusterRole", "ann"))
    assert secured.ask("GET", "/api/v1/configmaps").status == 200


def test_changes_count_at_once(secured: Secured) -> None:
    secured.grant("ann", rule("list", "configmaps"), name="r")
    assert secured.ask("GET", CONFIG_MAPS).status == 200
    secured.done("PATCH", f"{ROLES}/r", {"rules": [rule("get", "configmaps")]})
    assert secured.ask("GET", CONFIG_MAPS).status == 403
    assert secured.ask("GET", f"{CONFIG_MAPS}/kube-root-ca.crt").status == 200
    secured.done("DELETE", f"{BINDINGS}/r")
    assert secured.ask("GET", f"{CONFIG_MAPS}/kube-root-ca.crt").status == 403


def test_a_restored_site_has_its_old_roles(secured: Secured) -> None:
    before = secured.server.snapshot()
    secured.grant("ann", rule("list", "configmaps"))
    assert secured.ask("GET", CONFIG_MAPS).status == 200
    secured.server.restore(before)
    assert secured.ask("GET", CONFIG_MAPS).status == 403


def test_groups_and_accounts_are_subjects(secured: Secured) -> None:
    secured.done("POST", ROLES, {"metadata": {"name": "r"}, "rules": [rule("list", "configmaps")]})
    body = binding("r", "Role")
    group = {"kind": "Group", "name": "dev", "apiGroup": "rbac.authorization.k8s.io"}
    # an account without a namespace is one of the binding's own
    body["subjects"] = [group, {"kind": "ServiceAccount", "name": "default", "namespace": "default"}]
    secured.done("POST", BINDINGS, body)
    assert secured.ask("GET", CONFIG_MAPS).status == 200
    token = secured.done("POST", f"{SPACE}/serviceaccounts/default/token", {"spec": {}})["status"]["token"]
    assert secured.ask("GET", CONFIG_MAPS, by=token).status == 200


def test_a_review_names_the_binding(secured: Secured) -> None:
    secured.grant("ann", rule("create", "pods"), name="r")
    assert secured.may("ann", "create", "pods") == {
        "allowed": True,
        "reason": 'RBAC: allowed by RoleBinding "r/default" of Role "r" to User "ann"',
    }
    secured.grant("bob", rule("*", "nodes"), name="c", cluster=True)
    assert secured.may("bob", "get", "nodes")["reason"] == (
        'RBAC: allowed by ClusterRoleBinding "c" of ClusterRole "c" to User "bob"'
    )
    assert secured.may("bob", "get", "pods") == {"allowed": False}


def test_a_role_that_is_not_there_is_named(secured: Secured) -> None:
    for name, kind in (("b1", "Role"), ("b2", "ClusterRole")):
        secured.done("POST", BINDINGS, binding("gone", kind, "ann", name=name))
    why = '[role.rbac.authorization.k8s.io "gone" not found, clusterrole.rbac.authorization.k8s.io "gone" not found]'
    assert secured.may("ann", "get", "pods") == {"allowed": False, "reason": f"rbac: RBAC: {why}"}
    refused = secured.ask("GET", f"{SPACE}/pods")
    assert refused.message.endswith(f'in the namespace "default": rbac: RBAC: {why}')


def test_ones_own_rules_are_listed(secured: Secured) -> None:
    secured.grant("ann", rule("get", "pods", names=["x"]))
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    answer = secured.ask("POST", path, {"spec": {"namespace": "default"}}).json
    assert answer["metadata"] == {}
    assert answer["spec"] == {}
    assert {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["x"]} in answer["status"][
        "resourceRules"
    ]
    assert answer["status"]["incomplete"] is False
    assert secured.ask("POST", path, {"spec": {}}).message == "no namespace on request"


def test_the_bootstrap_roles_do_what_their_names_say(secured: Secured) -> None:
    for user, role in (("ann", "view"), ("bob", "edit")):
        secured.done("POST", BINDINGS, binding(role, "ClusterRole", user))
    found = {
        (user, verb, resource): secured.may(user, verb, resource)["allowed"]
        for user in ("ann", "bob")
        for verb, resource in (("get", "pods"), ("create", "pods"), ("get", "secrets"))
    }
    assert found == {
        ("ann", "get", "pods"): True,
        ("ann", "create", "pods"): False,
        ("ann", "get", "secrets"): False,
        ("bob", "get", "pods"): True,
        ("bob", "create", "pods"): True,
        ("bob", "get", "secrets"): True,
    }


@pytest.mark.parametrize(
    "rules",
    [
        [{"verbs": [""], "apiGroups": [""], "resources": [""]}],
        [{"verbs": ["get"], "apiGroups": ["\u00e9"], "resources": ["*/", "/", "a/b/c"]}],
        [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": [""]}],
    ],
)
def test_rules_that_mean_nothing_allow_nothing(secured: Secured, rules: list[object]) -> None:
    secured.done("POST", ROLES, {"metadata": {"name": "odd"}, "rules": rules})
    secured.done("POST", BINDINGS, binding("odd", "Role", "ann"))
    assert secured.ask("GET", f"{SPACE}/pods/x").status == 403


def test_many_questions_are_remembered_up_to_a_bound(secured: Secured) -> None:
    secured.grant("ann", rule("get", "pods"))
    for number in range(9000):
        assert secured.ask("GET", f"{SPACE}/configmaps/x{number}").status == 403
    assert secured.ask("GET", f"{SPACE}/pods/x").status == 404
