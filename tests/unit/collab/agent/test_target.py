"""Request targets as the API server reads them."""

from __future__ import annotations

import pytest

from collab.agent.target import read_target


@pytest.mark.parametrize(
    ("method", "target", "verb", "group", "namespace", "resource", "name", "subresource"),
    [
        ("GET", "/api/v1/namespaces", "list", "", "", "namespaces", "", ""),
        ("GET", "/api/v1/namespaces?limit=500", "list", "", "", "namespaces", "", ""),
        ("GET", "/api/v1/namespaces?watch=true", "watch", "", "", "namespaces", "", ""),
        ("GET", "/api/v1/namespaces?watch=0", "list", "", "", "namespaces", "", ""),
        ("GET", "/api/v1/namespaces/team", "get", "", "team", "namespaces", "team", ""),
        ("PUT", "/api/v1/namespaces/team/finalize", "update", "", "team", "namespaces", "team", "finalize"),
        ("PATCH", "/api/v1/namespaces/team/status", "patch", "", "team", "namespaces", "team", "status"),
        ("POST", "/api/v1/namespaces", "create", "", "", "namespaces", "", ""),
        ("DELETE", "/api/v1/namespaces/team", "delete", "", "team", "namespaces", "team", ""),
        ("GET", "/api/v1/namespaces/team/configmaps", "list", "", "team", "configmaps", "", ""),
        ("GET", "/api/v1/namespaces/team/configmaps/c%20d", "get", "", "team", "configmaps", "c d", ""),
        ("POST", "/api/v1/namespaces/team/pods/p/exec", "create", "", "team", "pods", "p", "exec"),
        ("GET", "/apis/apps/v1/deployments", "list", "apps", "", "deployments", "", ""),
        ("GET", "/apis/apps/v1/namespaces/t/deployments/d/scale", "get", "apps", "t", "deployments", "d", "scale"),
        ("DELETE", "/apis/apps/v1/namespaces/t/deployments", "deletecollection", "apps", "t", "deployments", "", ""),
        ("GET", "/api/v1/nodes/n1", "get", "", "", "nodes", "n1", ""),
        ("GET", "/api/v1", "other", "", "", "", "", ""),
        ("GET", "/apis/apps/v1/", "other", "", "", "", "", ""),
        ("GET", "/version?timeout=32s", "other", "", "", "", "", ""),
        ("GET", "/", "other", "", "", "", "", ""),
    ],
)
def test_a_target_names_what_it_is_about(
    method: str, target: str, verb: str, group: str, namespace: str, resource: str, name: str, subresource: str
) -> None:
    read = read_target(method, target)
    assert (read.verb, read.group, read.namespace, read.resource, read.name, read.subresource) == (
        verb,
        group,
        namespace,
        resource,
        name,
        subresource,
    )
    assert read.text == target


def test_parameters_are_left_out_and_the_others_kept_as_they_came() -> None:
    target = read_target("GET", "/api/v1/pods?limit=5&labelSelector=a%3Db&continue=x")
    assert target.without("limit", "continue") == "/api/v1/pods?labelSelector=a%3Db"
    assert read_target("GET", "/api/v1/pods?limit=5").without("limit") == "/api/v1/pods"


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("timeout=2s", 2.0),
        ("timeout=1m0.5s&x=1", 60.5),
        ("timeout=200ms", 0.2),
        ("timeout=soon", 0),
        ("", 0),
        ("timeout=0", 0),
    ],
)
def test_the_timeout_a_client_asks_for_is_in_seconds(query: str, seconds: float) -> None:
    assert read_target("GET", f"/api/v1/pods?{query}").timeout_s == seconds
