"""What is refused, how it is worded, and that it is refused before anything else. Texts of kube-apiserver 1.37.2."""

from __future__ import annotations

import pytest

from tests.unit.fakekube.security.secured import SPACE, Secured, rule


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("GET", f"{SPACE}/pods/x", 'pods "x" is forbidden: User "ann" cannot get resource "pods" in API group "" in the namespace "default"'),
        ("HEAD", f"{SPACE}/pods", 'pods is forbidden: User "ann" cannot list resource "pods" in API group "" in the namespace "default"'),
        ("DELETE", f"{SPACE}/pods", 'pods is forbidden: User "ann" cannot deletecollection resource "pods" in API group "" in the namespace "default"'),
        ("GET", f"{SPACE}/pods?watch=1", 'pods is forbidden: User "ann" cannot watch resource "pods" in API group "" in the namespace "default"'),
        ("GET", "/api/v1/watch/pods", 'pods is forbidden: User "ann" cannot watch resource "pods" in API group "" at the cluster scope'),
        ("GET", "/api/v1/namespaces//pods", 'pods is forbidden: User "ann" cannot list resource "pods" in API group "" at the cluster scope'),
        ("GET", "/api/v1/namespaces/n", 'namespaces "n" is forbidden: User "ann" cannot get resource "namespaces" in API group "" in the namespace "n"'),
        ("PUT", "/api/v1/namespaces/n/finalize", 'namespaces "n" is forbidden: User "ann" cannot update resource "namespaces/finalize" in API group "" in the namespace "n"'),
        ("OPTIONS", f"{SPACE}/pods", 'pods is forbidden: User "ann" cannot  resource "pods" in API group "" in the namespace "default"'),
        ("GET", "/apis/none.example.com/v1/foos", 'foos.none.example.com is forbidden: User "ann" cannot list resource "foos" in API group "none.example.com" at the cluster scope'),
        ("GET", f"{SPACE}/pods?fieldSelector=metadata.name%3Dx", 'pods "x" is forbidden: User "ann" cannot list resource "pods" in API group "" in the namespace "default"'),
        ("GET", f"{SPACE}/pods?fieldSelector=metadata.name%3Dx&limit=y", 'pods is forbidden: User "ann" cannot list resource "pods" in API group "" in the namespace "default"'),
        ("GET", f"{SPACE}/pods/a%2Fb", 'pods "a" is forbidden: User "ann" cannot get resource "pods/b" in API group "" in the namespace "default"'),
        ("POST", "/metrics", 'forbidden: User "ann" cannot post path "/metrics"'),
        ("GET", "/a%26b%3Cc", 'forbidden: User "ann" cannot get path "/a&amp;b&lt;c"'),
    ],
)  # fmt: skip
def test_a_refusal_says_who_cannot_do_what(secured: Secured, method: str, path: str, message: str) -> None:
    answer = secured.ask(method, path)
    assert (answer.status, answer.message) == (403, message)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_name_is_quoted_as_go_does_it(secured: Secured) -> None:
    assert secured.ask("GET", "/metrics", by="eve").message == (
        'forbidden: User "&lt;e\\"ve&gt;" cannot get path "/metrics"'
    )


def test_details_name_the_resource(secured: Secured) -> None:
    assert secured.ask("GET", "/apis/apps/v1/namespaces/n/deployments/x/scale").json["details"] == {
        "name": "x",
        "group": "apps",
        "kind": "deployments",
    }
    assert secured.ask("GET", "/metrics").json["details"] == {}


def test_rbac_is_asked_before_the_body_is_read(secured: Secured) -> None:
    nonsense = secured.ask("POST", f"{SPACE}/pods", "no pod", headers={"accept": "text/html", "content-type": "x/y"})
    assert nonsense.status == 403


def test_a_body_that_is_too_large_is_looked_at_last(secured: Secured) -> None:
    large = {"data": "x" * (3 * 1024 * 1024)}
    assert secured.ask("POST", f"{SPACE}/configmaps", large).status == 403
    assert secured.ask("POST", f"{SPACE}/configmaps", large, by="admin").status == 413


def test_who_may_list_by_name_may_watch_that_name_alone(secured: Secured) -> None:
    secured.grant("ann", rule("list", "configmaps", names=["x"]))
    assert secured.ask("GET", f"{SPACE}/configmaps?fieldSelector=metadata.name%3Dx").status == 200
    assert secured.ask("GET", f"{SPACE}/configmaps?fieldSelector=metadata.name%3Dy").status == 403
    assert secured.ask("GET", f"{SPACE}/configmaps").status == 403


def test_every_authenticated_user_may_ask_what_is_served(secured: Secured) -> None:
    assert [secured.ask("GET", path).status for path in ("/api", "/apis", "/openapi/v3", "/version")] == [200] * 4
