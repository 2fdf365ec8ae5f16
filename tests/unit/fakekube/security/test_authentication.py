"""Who asks: tokens of a file, tokens of ServiceAccounts, nobody. Texts and codes are those of kube-apiserver 1.37.2."""

from __future__ import annotations

import pytest

from tests.unit.fakekube.security.secured import SPACE, WHO, Secured

ACCOUNT = f"{SPACE}/serviceaccounts/default"


def test_a_token_of_the_file_names_user_uid_and_groups(secured: Secured) -> None:
    answer = secured.ask("POST", WHO, {})
    assert answer.json["status"]["userInfo"] == {
        "username": "ann",
        "uid": "ann-uid",
        "groups": ["dev", "system:authenticated"],
    }


@pytest.mark.parametrize(
    "header", ["Bearer admin", "bearer admin", "BEARER admin", "  Bearer admin  ", "Bearer admin x"]
)
def test_a_scheme_may_be_written_in_any_way(secured: Secured, header: str) -> None:
    assert secured.ask("GET", f"{SPACE}/pods", by="", headers={"authorization": header}).status == 200


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YWRtaW46eA==", "Token admin", "admin", "Bearer  admin"]
)
def test_who_shows_no_token_is_anonymous(secured: Secured, header: str) -> None:
    answer = secured.ask("GET", f"{SPACE}/pods", by="", headers={"authorization": header})
    assert answer.status == 403
    assert answer.message == (
        'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "default"'
    )


def test_a_blank_too_much_is_told(secured: Secured) -> None:
    for path, status in (("/healthz", 200), ("/api", 403)):
        answer = secured.ask("GET", path, by="", headers={"authorization": "Bearer  admin"})
        assert answer.status == status
        assert answer.headers["Warning"] == (
            '299 - "the provided Authorization header contains extra space before the bearer token, and is ignored"'
        )


@pytest.mark.parametrize("path", [f"{SPACE}/pods", "/healthz", "/version", "/nothing", "/api"])
def test_a_token_of_nobody_is_a_401_everywhere(secured: Secured, path: str) -> None:
    answer = secured.ask("GET", path, by="nobody")
    assert answer.status == 401
    assert answer.json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "Unauthorized",
        "reason": "Unauthorized",
        "code": 401,
    }


def test_a_401_comes_in_the_form_that_was_asked_for(secured: Secured) -> None:
    accept = {"accept": "application/vnd.kubernetes.protobuf"}
    answer = secured.ask("GET", f"{SPACE}/pods", by="nobody", headers=accept)
    assert answer.headers["Content-Type"] == "application/vnd.kubernetes.protobuf"
    assert answer.text.startswith("k8s\0")


def test_anonymous_may_see_that_the_server_lives(secured: Secured) -> None:
    found = {
        path: secured.ask("GET", path, by="").status for path in ("/healthz", "/livez", "/readyz", "/version", "/api")
    }
    assert found == {"/healthz": 200, "/livez": 200, "/readyz": 200, "/version": 200, "/api": 403}


def test_nobody_is_anonymous_where_that_is_off() -> None:
    site = Secured(anonymous=False)
    assert site.ask("GET", "/healthz", by="").status == 401
    assert site.ask("GET", "/healthz").status == 200


def account_token(secured: Secured, **spec: object) -> str:
    return str(secured.done("POST", f"{ACCOUNT}/token", {"spec": spec})["status"]["token"])


def test_a_token_of_an_account_is_its_user(secured: Secured) -> None:
    user = secured.ask("POST", WHO, {}, by=account_token(secured)).json["status"]["userInfo"]
    assert user["username"] == "system:serviceaccount:default:default"
    assert user["groups"] == ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]


def test_a_token_that_is_over_is_a_401(secured: Secured) -> None:
    token = account_token(secured, expirationSeconds=600)
    secured.clock.now += 659
    assert secured.ask("POST", WHO, {}, by=token).status == 201, "clocks may differ by a minute"
    secured.clock.now += 12
    assert secured.ask("POST", WHO, {}, by=token).status == 401


def test_a_token_for_others_is_a_401(secured: Secured) -> None:
    assert secured.ask("POST", WHO, {}, by=account_token(secured, audiences=["vault"])).status == 401


def test_what_was_answered_once_is_answered_for_ten_seconds(secured: Secured) -> None:
    token = account_token(secured)
    assert secured.ask("POST", WHO, {}, by=token).status == 201
    secured.done("DELETE", ACCOUNT)
    assert secured.ask("POST", WHO, {}, by=token).status == 201
    secured.clock.now += 10
    assert secured.ask("POST", WHO, {}, by=token).status == 401


def test_a_snapshot_forgets_who_was_known(secured: Secured) -> None:
    before = secured.server.snapshot()
    secured.done("POST", f"{SPACE}/serviceaccounts", {"metadata": {"name": "late"}})
    token = secured.done("POST", f"{SPACE}/serviceaccounts/late/token", {"spec": {}})["status"]["token"]
    assert secured.ask("POST", WHO, {}, by=token).status == 201
    secured.server.restore(before)
    assert secured.ask("POST", WHO, {}, by=token).status == 401
