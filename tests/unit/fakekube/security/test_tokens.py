"""Tokens of ServiceAccounts: what they claim, and what becomes of forged, moved and orphaned ones.

The texts are those of kube-apiserver 1.37.2.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from fakekube.registry.signing import SigningKey, Unverified, decoded
from tests.unit.fakekube.sites import Site

ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
ISSUER = "https://kubernetes.default.svc"
FORGED = "[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]"
GONE = "[invalid bearer token, service account token has been invalidated]"


@pytest.fixture
def home() -> Site:
    site = Site()
    site.settle()
    site.post(ACCOUNTS, {"metadata": {"name": "sa"}})
    return site


def token_of(site: Site, spec: dict[str, Any] | None = None, account: str = "sa") -> str:
    answer = site.post(f"{ACCOUNTS}/{account}/token", {"spec": spec or {}})
    assert answer.status == 201, answer.text
    return str(answer.json["status"]["token"])


def reviewed(site: Site, token: str, audiences: list[str] | None = None) -> dict[str, Any]:
    status: dict[str, Any] = site.post(REVIEWS, {"spec": {"token": token, "audiences": audiences}}).json["status"]
    return status


def part(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(decoded(text) or b"")
    return found


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def uid(site: Site, path: str) -> str:
    return str(site.get(path).json["metadata"]["uid"])


def test_a_token_claims_whose_it_is_and_for_how_long(home: Site) -> None:
    header, claims, _ = token_of(home).split(".")
    now = int(home.clock.now)
    assert part(header)["alg"] == "ES256"
    found = part(claims)
    assert found.pop("jti")
    assert found == {
        "aud": [ISSUER],
        "exp": now + 3600,
        "iat": now,
        "iss": ISSUER,
        "kubernetes.io": {
            "namespace": "default",
            "serviceaccount": {"name": "sa", "uid": uid(home, f"{ACCOUNTS}/sa")},
        },
        "nbf": now,
        "sub": "system:serviceaccount:default:sa",
    }


def test_the_same_seed_signs_the_same_tokens() -> None:
    first, second = (SigningKey(b"seed" * 8).sign({"a": 1}) for _ in range(2))
    assert first == second
    with pytest.raises(Unverified, match="no keys found"):
        SigningKey(b"other" * 8).verified(first)


def test_a_review_knows_the_account(home: Site) -> None:
    status = reviewed(home, token_of(home))
    extra = status["user"].pop("extra")
    assert list(extra) == ["authentication.kubernetes.io/credential-id"]
    assert status == {
        "authenticated": True,
        "user": {
            "username": "system:serviceaccount:default:sa",
            "uid": uid(home, f"{ACCOUNTS}/sa"),
            "groups": ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
        },
        "audiences": [ISSUER],
    }


def forged(token: str, kind: str) -> str:
    header, claims, signature = token.split(".")
    return {
        "signature": f"{header}.{claims}.{signature[:-4]}AAAA",
        "short signature": f"{header}.{claims}.AAAA",
        "no signature": f"{header}.{claims}.",
        "claims": f"{header}.{encoded({**part(claims), 'sub': 'system:admin'})}.{signature}",
        "alg none": f"{encoded({'alg': 'none'})}.{claims}.",
        "alg HS256": f"{encoded({**part(header), 'alg': 'HS256'})}.{claims}.{signature}",
        "no header": f".{claims}.{signature}",
        "legacy issuer": f"{header}.{encoded({**part(claims), 'iss': 'kubernetes/serviceaccount'})}.{signature}",
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "signature",
        "short signature",
        "no signature",
        "claims",
        "alg none",
        "alg HS256",
        "no header",
        "legacy issuer",
    ],
)
def test_a_forged_token_is_nobodys(home: Site, kind: str) -> None:
    assert reviewed(home, forged(token_of(home), kind)) == {"user": {}, "error": FORGED}


def test_a_token_of_another_key_is_nobodys(home: Site) -> None:
    header, claims, signature = token_of(home).split(".")
    other = f"{encoded({**part(header), 'kid': 'x'})}.{claims}.{signature}"
    assert reviewed(home, other)["error"] == "[invalid bearer token, invalid signature, no keys found]"


@pytest.mark.parametrize(
    "text",
    ["a", "a.b", "a.b.c", "....", "not a token", "{}", "\u00e9.\u00e9.\u00e9", "W10.W10.W10", "%%%.e30.x", "x" * 9999],
)
def test_what_is_no_token_is_nobodys(home: Site, text: str) -> None:
    assert reviewed(home, text) == {"user": {}, "error": "invalid bearer token"}


def test_a_token_is_good_for_its_audiences_alone(home: Site) -> None:
    token = token_of(home, {"audiences": ["a", "b"]})
    why = f'token audiences ["a" "b"] is invalid for the target audiences ["{ISSUER}"]'
    assert reviewed(home, token)["error"] == f"[invalid bearer token, {why}]"
    assert reviewed(home, token, ["b", "c"])["audiences"] == ["b"]


def test_a_token_dies_with_its_account(home: Site) -> None:
    token = token_of(home)
    old = uid(home, f"{ACCOUNTS}/sa")
    home.delete(f"{ACCOUNTS}/sa")
    assert reviewed(home, token)["error"] == '[invalid bearer token, serviceaccounts "sa" not found]'
    home.post(ACCOUNTS, {"metadata": {"name": "sa"}})
    why = f"service account UID ({uid(home, f'{ACCOUNTS}/sa')}) does not match claim ({old})"
    assert reviewed(home, token)["error"] == f"[invalid bearer token, {why}]"


def test_a_token_dies_with_the_secret_it_is_bound_to(home: Site) -> None:
    secrets = "/api/v1/namespaces/default/secrets"
    home.post(secrets, {"metadata": {"name": "s"}})
    token = token_of(home, {"boundObjectRef": {"kind": "Secret", "apiVersion": "v1", "name": "s"}})
    assert reviewed(home, token)["authenticated"]
    home.delete(f"{secrets}/s")
    assert reviewed(home, token)["error"] == GONE


@pytest.fixture
def with_pod(home: Site) -> Site:
    container = {"name": "c", "image": "x"}
    spec = {"serviceAccountName": "sa", "nodeName": "n1", "containers": [container]}
    assert home.post("/api/v1/namespaces/default/pods", {"metadata": {"name": "p"}, "spec": spec}).status == 201
    return home


POD = {"kind": "Pod", "apiVersion": "v1", "name": "p"}


def test_a_token_of_a_pod_tells_pod_and_node(with_pod: Site) -> None:
    extra = reviewed(with_pod, token_of(with_pod, {"boundObjectRef": POD}))["user"]["extra"]
    prefix = "authentication.kubernetes.io"
    del extra[f"{prefix}/credential-id"]
    assert extra == {
        f"{prefix}/node-name": ["n1"],
        f"{prefix}/pod-name": ["p"],
        f"{prefix}/pod-uid": [uid(with_pod, "/api/v1/namespaces/default/pods/p")],
    }


def test_what_a_kubelet_asks_for_lasts_a_year_and_warns_after_an_hour(with_pod: Site) -> None:
    now = int(with_pod.clock.now)
    claims = part(token_of(with_pod, {"boundObjectRef": POD, "expirationSeconds": 3607}).split(".")[1])
    assert claims["kubernetes.io"]["warnafter"] == now + 3607
    assert claims["exp"] == now + 365 * 24 * 3600


@pytest.mark.parametrize(
    ("spec", "status", "message"),
    [
        (
            {"boundObjectRef": {**POD, "uid": "x"}},
            409,
            'Operation cannot be fulfilled on Pod "p": the UID in the bound',
        ),
        ({"boundObjectRef": {**POD, "name": "q"}}, 404, 'pods "q" not found'),
        ({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1"}}, 400, "Name parameter required."),
        (
            {"boundObjectRef": {"kind": "Secret", "apiVersion": "apps/v1", "name": "x"}},
            400,
            "cannot bind token to object of type apps/v1, Kind=Secret",
        ),
        (
            {"attestations": {"a": ["b"]}},
            422,
            'TokenRequest.authentication.k8s.io "" is invalid: spec.attestations: Invalid value: {"a":["b"]}: '
            "attestations may only be specified with a webhook bound object reference",
        ),
        (
            {"expirationSeconds": 2**33},
            422,
            'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 8589934592: '
            "may not specify a duration larger than 2^32 seconds",
        ),
    ],
)
def test_requests_that_make_no_token(with_pod: Site, spec: dict[str, Any], status: int, message: str) -> None:
    refused = with_pod.post(f"{ACCOUNTS}/sa/token", {"spec": spec})
    assert (refused.status, refused.message[: len(message)]) == (status, message)


def test_a_pod_runs_under_one_account(with_pod: Site) -> None:
    refused = with_pod.post(f"{ACCOUNTS}/default/token", {"spec": {"boundObjectRef": POD}})
    assert refused.message == (
        'cannot bind token for serviceaccount "default" to pod running with different serviceaccount name.'
    )


@pytest.mark.parametrize(("name", "status"), [({"name": "other"}, 422), ({"uid": "x"}, 409)])
def test_a_request_for_another_account_is_refused(home: Site, name: dict[str, str], status: int) -> None:
    assert home.post(f"{ACCOUNTS}/sa/token", {"metadata": name, "spec": {}}).status == status
