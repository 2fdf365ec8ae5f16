"""Others can verify the tokens of a site by what it publishes."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from fakekube.registry.signing import decoded
from tests.unit.fakekube.security.secured import SPACE, Secured

KEYS = "/openid/v1/jwks"


def number(text: str) -> int:
    return int.from_bytes(decoded(text) or b"", "big")


def verify(token: str, key: dict[str, Any]) -> None:
    """Raises InvalidSignature; written against the RFCs alone."""
    head, _, signature = token.rpartition(".")
    raw = decoded(signature) or b""
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public = ec.EllipticCurvePublicNumbers(number(key["x"]), number(key["y"]), ec.SECP256R1()).public_key()
    public.verify(der, head.encode(), ec.ECDSA(hashes.SHA256()))


def test_a_token_is_verified_by_the_published_key(secured: Secured) -> None:
    described = secured.ask("GET", "/.well-known/openid-configuration", by="admin")
    assert described.headers["Cache-Control"] == "public, max-age=3600"
    assert described.json["issuer"] == "https://kubernetes.default.svc"
    assert described.json["jwks_uri"].endswith(KEYS)
    keys = secured.ask("GET", KEYS, by="admin")
    assert keys.headers["Content-Type"] == "application/jwk-set+json"
    token = secured.done("POST", f"{SPACE}/serviceaccounts/default/token", {"spec": {"audiences": ["vault"]}})
    verify(token["status"]["token"], keys.json["keys"][0])


def test_accounts_may_see_the_issuer_and_others_may_not(secured: Secured) -> None:
    token = secured.done("POST", f"{SPACE}/serviceaccounts/default/token", {"spec": {}})["status"]["token"]
    assert secured.ask("GET", KEYS, by=token).status == 200
    assert secured.ask("GET", KEYS, by="ann").status == 403
    assert secured.ask("GET", KEYS, by="").status == 403


def test_keys_are_a_key_set_and_nothing_else(secured: Secured) -> None:
    refused = secured.ask("GET", KEYS, by="admin", headers={"accept": "application/json"})
    assert refused.status == 406
    assert refused.message == "406: Not Acceptable\n\nAvailable representations: application/jwk-set+json"
    assert secured.ask("POST", KEYS, {}, by="admin").status == 405
    assert secured.ask("GET", "/openid/v1", by="admin").text == "404 page not found\n"
