"""Acting as others by headers: what may be asked for, and what it takes. Texts of kube-apiserver 1.37.2."""

from __future__ import annotations

import random
from typing import Any

import pytest
from multidict import CIMultiDict

from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from fakekube.apiserver.security.authentication import Authentication
from fakekube.apiserver.server import Apiserver
from tests.unit.fakekube.security.secured import SPACE, WHO, Secured, rule

NEW = "authentication.k8s.io"


def who(secured: Secured, by: str = "admin", **headers: str) -> Any:
    """Whom the site takes for the asker."""
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = secured.ask("POST", WHO, {}, by=by, headers=shown)
    return answer.json["status"]["userInfo"] if answer.status == 201 else answer.message


def test_an_administrator_may_be_anybody(secured: Secured) -> None:
    assert who(secured, impersonate_user="carol", impersonate_group="g", impersonate_uid="7") == {
        "username": "carol",
        "uid": "7",
        "groups": ["g", "system:authenticated"],
    }


def test_extra_keys_are_unescaped(secured: Secured) -> None:
    headers = {"impersonate-user": "carol", "Impersonate-Extra-Acme.com%2Fq": "y", "impersonate-extra-scopes": "x"}
    answer = secured.ask("POST", WHO, {}, by="admin", headers=headers)
    assert answer.json["status"]["userInfo"]["extra"] == {"acme.com/q": ["y"], "scopes": ["x"]}


def test_a_header_may_come_more_than_once(secured: Secured) -> None:
    headers = CIMultiDict({"Authorization": "Bearer admin", "Impersonate-User": "carol"})
    headers.extend([("Impersonate-Group", "g1"), ("Impersonate-Group", "g2")])
    answer = secured.server.handle(Request(method="POST", path=WHO, headers=headers, body=b"{}"))
    assert isinstance(answer, Response)
    assert b'"groups":["g1","g2","system:authenticated"]' in answer.body


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        (
            "system:serviceaccount:ns:sa",
            ["system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated"],
        ),
        ("system:serviceaccount:ns:sa:x", ["system:authenticated"]),
        ("system:node:n1", ["system:nodes", "system:authenticated"]),
        ("system:node:N 1", ["system:authenticated"]),
    ],
)
def test_some_names_bring_their_groups(secured: Secured, name: str, groups: list[str]) -> None:
    assert who(secured, impersonate_user=name)["groups"] == groups


def test_anonymous_is_in_its_own_group_alone(secured: Secured) -> None:
    refused = who(secured, impersonate_user="system:anonymous")
    assert refused.startswith('selfsubjectreviews.authentication.k8s.io is forbidden: User "system:anonymous" cannot')


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        (
            {"impersonate_group": "g"},
            '&user.DefaultInfo{Name:"", UID:"", Groups:[]string{"g"}, Extra:map[string][]string(nil)}',
        ),
        (
            {"impersonate_uid": "u"},
            '&user.DefaultInfo{Name:"", UID:"u", Groups:[]string(nil), Extra:map[string][]string(nil)}',
        ),
        (
            {"impersonate_extra_a": "b"},
            '&user.DefaultInfo{Name:"", UID:"", Groups:[]string(nil), Extra:map[string][]string{"a":[]string{"b"}}}',
        ),
    ],
)
def test_without_a_user_there_is_nobody_to_be(secured: Secured, headers: dict[str, str], shown: str) -> None:
    assert who(secured, **headers) == f"requested {shown} without impersonating a user name"


def test_an_empty_user_is_none(secured: Secured) -> None:
    assert who(secured, impersonate_user="")["username"] == "admin"


def test_it_is_the_impersonated_user_whom_rules_are_for(secured: Secured) -> None:
    answer = secured.ask("GET", f"{SPACE}/pods", by="admin", headers={"impersonate-user": "carol"})
    assert answer.message.startswith('pods is forbidden: User "carol" cannot list')


def test_who_may_not_is_told_what_it_takes(secured: Secured) -> None:
    answer = secured.ask("GET", f"{SPACE}/pods/x", headers={"impersonate-user": "carol"})
    assert answer.status == 403
    assert answer.message == (
        'pods "x" is forbidden: User "ann" cannot impersonate-on:user-info:get resource "pods" in API group "" in the '
        'namespace "default"'
    )


def test_the_older_permission_is_enough(secured: Secured) -> None:
    secured.grant("ann", rule("impersonate", "users", names=["carol"]), name="users", cluster=True)
    assert who(secured, by="ann", impersonate_user="carol")["username"] == "carol"
    # what worked last is asked first, so its refusal is the one that is told
    assert who(secured, by="ann", impersonate_user="dave") == (
        'users "dave" is forbidden: User "ann" cannot impersonate resource "users" in API group "" at the cluster scope'
    )
    assert 'resource "groups"' in who(secured, by="ann", impersonate_user="carol", impersonate_group="g")


def test_the_newer_permission_is_for_some_requests_alone(secured: Secured) -> None:
    secured.grant("ann", rule("impersonate:user-info", "users", group=NEW), name="whom", cluster=True)
    secured.grant("ann", rule("impersonate-on:user-info:list", "pods"), name="what", cluster=True)
    secured.grant("carol", rule("list get", "pods"))
    carol = {"impersonate-user": "carol"}
    assert secured.ask("GET", f"{SPACE}/pods", headers=carol).status == 200
    refused = secured.ask("GET", f"{SPACE}/pods/x", headers=carol)
    assert 'cannot impersonate-on:user-info:get resource "pods"' in refused.message


@pytest.mark.parametrize(
    ("header", "value", "why"),
    [
        ("impersonate-group", "system:masters", "impersonating the system:masters group is not allowed"),
        ("impersonate-group", "", "impersonating the empty string group is not allowed"),
        ("impersonate-extra-a", "b", "must be a domain-prefixed path"),
        ("impersonate-extra-a%2fb", "", "impersonating the empty string value in extra is not allowed"),
        ("impersonate-extra-", "b", "impersonating the empty string key in extra is not allowed"),
    ],
)
def test_some_things_nobody_may_be_by_the_newer_permission(secured: Secured, header: str, value: str, why: str) -> None:
    every = rule("impersonate:user-info impersonate-on:user-info:list", "*", group="*")
    secured.grant("ann", every, name="all", cluster=True)
    headers = {"impersonate-user": "carol", header: value}
    assert why in secured.ask("GET", f"{SPACE}/pods", headers=headers).message


def test_an_account_may_be_the_node_it_runs_on(secured: Secured) -> None:
    secured.done("POST", "/api/v1/nodes", {"metadata": {"name": "n1"}})
    spec = {"boundObjectRef": {"kind": "Node", "apiVersion": "v1", "name": "n1"}}
    token = secured.done("POST", f"{SPACE}/serviceaccounts/default/token", {"spec": spec})["status"]["token"]
    account = "system:serviceaccount:default:default"
    secured.grant(account, rule("impersonate:associated-node", "nodes", group=NEW), name="whom", cluster=True)
    secured.grant(account, rule("impersonate-on:associated-node:create", "*", group="*"), name="what", cluster=True)
    assert who(secured, by=token, impersonate_user="system:node:n1")["username"] == "system:node:n1"
    assert "arbitrary-node" in who(secured, by=token, impersonate_user="system:node:n2")


def test_many_groups_may_be_allowed_at_once(secured: Secured) -> None:
    every = rule("impersonate:user-info impersonate-on:user-info:create", "*", group="*", names=["", "carol", "*"])
    secured.grant("ann", every, name="all", cluster=True)
    headers = CIMultiDict({"Authorization": "Bearer ann", "Impersonate-User": "carol"})
    headers.extend([("Impersonate-Group", f"g{number}") for number in range(4)])
    answer = secured.server.handle(Request(method="POST", path=WHO, headers=headers, body=b"{}"))
    assert isinstance(answer, Response)
    assert answer.status == 201, answer.body


def test_without_rbac_everybody_may_be_anybody() -> None:
    server = Apiserver(name="x", now=lambda: 1.8e9, rng=random.Random(1), authentication=Authentication())
    headers = {"impersonate-user": "carol", "content-type": "application/json"}
    answer = server.handle(Request(method="POST", path=WHO, headers=headers, body=b"{}"))
    assert isinstance(answer, Response)
    assert b'"username":"carol"' in answer.body
