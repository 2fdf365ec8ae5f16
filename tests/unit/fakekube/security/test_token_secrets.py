"""Tokens that are kept in Secrets."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from fakekube.registry.root_ca import ROOT_CA
from tests.unit.fakekube.security.secured import SPACE, WHO, Secured

SECRETS = f"{SPACE}/secrets"
ACCOUNT = f"{SPACE}/serviceaccounts/default"
NAME = "kubernetes.io/service-account.name"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"


def asking(name: str = "t", account: str = "default") -> dict[str, Any]:
    metadata = {"name": name, "annotations": {NAME: account}}
    return {"metadata": metadata, "type": "kubernetes.io/service-account-token"}


def text(value: str) -> str:
    return base64.b64decode(value).decode()


@pytest.fixture
def filled(secured: Secured) -> Secured:
    secured.done("POST", SECRETS, asking())
    secured.settle()
    return secured


def token(secured: Secured) -> str:
    return text(secured.done("GET", f"{SECRETS}/t")["data"]["token"])


def test_a_secret_that_asks_for_a_token_gets_one(filled: Secured) -> None:
    secret = filled.done("GET", f"{SECRETS}/t")
    assert text(secret["data"]["namespace"]) == "default"
    assert text(secret["data"]["ca.crt"]) == ROOT_CA
    uid = filled.done("GET", ACCOUNT)["metadata"]["uid"]
    assert secret["metadata"]["annotations"]["kubernetes.io/service-account.uid"] == uid
    assert filled.ask("POST", WHO, {}, by=token(filled)).json["status"]["userInfo"] == {
        "username": "system:serviceaccount:default:default",
        "uid": uid,
        "groups": ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
    }


def test_a_secret_tells_when_its_token_was_used(filled: Secured) -> None:
    assert "labels" not in filled.done("GET", f"{SECRETS}/t")["metadata"]
    filled.ask("POST", WHO, {}, by=token(filled))
    assert filled.done("GET", f"{SECRETS}/t")["metadata"]["labels"] == {
        "kubernetes.io/legacy-token-last-used": "2026-09-21"
    }


def test_a_token_is_never_over(filled: Secured) -> None:
    kept = token(filled)
    filled.clock.now += 10 * 365 * 24 * 3600
    assert filled.ask("POST", WHO, {}, by=kept).status == 201


def reviewed(secured: Secured, kept: str) -> Any:
    secured.clock.now += 10  # what was known of it is forgotten
    return secured.done("POST", REVIEWS, {"spec": {"token": kept}})["status"].get("error")


def test_a_token_dies_with_its_secret(filled: Secured) -> None:
    kept = token(filled)
    filled.done("DELETE", f"{SECRETS}/t")
    assert reviewed(filled, kept) == "[invalid bearer token, Token has been invalidated]"


def test_a_token_is_the_one_that_is_kept(filled: Secured) -> None:
    kept = token(filled)
    filled.done("PATCH", f"{SECRETS}/t", {"data": {"token": base64.b64encode(b"other").decode()}})
    assert reviewed(filled, kept) == "[invalid bearer token, Token does not match server's copy]"


def test_a_token_that_was_taken_away_is_made_anew(filled: Secured) -> None:
    filled.done("PATCH", f"{SECRETS}/t", {"data": {"token": None}})
    filled.settle()
    assert filled.ask("POST", WHO, {}, by=token(filled)).status == 201


def test_secrets_go_with_their_account(filled: Secured) -> None:
    filled.done("DELETE", ACCOUNT)
    filled.settle()
    assert filled.ask("GET", f"{SECRETS}/t", by="admin").status == 404


def test_a_secret_without_an_account_does_not_stay(secured: Secured) -> None:
    secured.done("POST", SECRETS, asking("lost", "nobody"))
    secured.settle()
    assert secured.ask("GET", f"{SECRETS}/lost", by="admin").status == 404


def test_other_secrets_are_left_alone(secured: Secured) -> None:
    secured.done("POST", SECRETS, {"metadata": {"name": "plain", "annotations": {NAME: "default"}}})
    secured.settle()
    assert "data" not in secured.done("GET", f"{SECRETS}/plain")
