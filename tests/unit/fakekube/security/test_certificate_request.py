"""What is wrong with a certificate request, in the words of the real server."""

from __future__ import annotations

import re

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import example, given
from hypothesis import strategies as st

from fakekube.registry.validation.certificate_request import fault_of
from tests.unit.fakekube.signing_requests import in_base64, pem, request


def fault(text: str) -> str:
    return fault_of(in_base64(text))


GOOD = request(ec.generate_private_key(ec.SECP256R1()))
RSA = request(rsa.generate_private_key(65537, 2048))


def changed(der: bytes, place: int) -> bytes:
    return der[:place] + bytes([der[place] ^ 1]) + der[place + 1 :] if place >= 0 else changed(der, len(der) + place)


@pytest.mark.parametrize(
    "text",
    [
        pem(GOOD),
        pem(RSA),
        pem(request(ec.generate_private_key(ec.SECP384R1()))),
        pem(request(ed25519.Ed25519PrivateKey.generate())),
        pem(GOOD) + pem(b""),
        f"before\n{pem(GOOD)}after",
        "-----BEGIN ANY-----\n!\n-----END ANY-----\n" + pem(GOOD),
    ],
)
def test_a_request_that_its_key_signed_is_one(text: str) -> None:
    assert fault(text) == ""


@pytest.mark.parametrize("text", ["", "no block", pem(GOOD, "CERTIFICATE"), pem(GOOD, "NEW CERTIFICATE REQUEST")])
def test_the_first_block_has_to_be_a_request(text: str) -> None:
    assert fault(text) == "PEM block type must be CERTIFICATE REQUEST"
    assert fault_of("no base64!") == fault_of(None) == "PEM block type must be CERTIFICATE REQUEST"


@pytest.mark.parametrize(
    ("der", "words"),
    [
        (b"", "asn1: syntax error: sequence truncated"),
        (b"\x30\x00", "asn1: syntax error: sequence truncated"),
        (b"\x30", "asn1: syntax error: truncated tag or length"),
        (b"\x30\x82\x01", "asn1: syntax error: truncated tag or length"),
        (GOOD[:-1], "asn1: syntax error: data truncated"),
        (GOOD[: len(GOOD) // 2], "asn1: syntax error: data truncated"),
        (GOOD + b"\0", "asn1: syntax error: trailing data"),
        (b"\x30\x80\x00\x00", "asn1: syntax error: indefinite length found (not DER)"),
        (b"\x30\x81\x05abcde", "asn1: structure error: non-minimal length"),
        (b"\x30\x82\x00\x85", "asn1: structure error: superfluous leading zeros in length"),
        (b"\x30\x85\x01\x01\x01\x01\x01", "asn1: structure error: length too large"),
        (changed(GOOD, -3), "x509: ECDSA verification failure"),
        (changed(GOOD, GOOD.index(b"ann")), "x509: ECDSA verification failure"),
        (changed(RSA, -3), "crypto/rsa: verification error"),
        (request(ec.generate_private_key(ec.SECP256K1())), "x509: unsupported elliptic curve"),
    ],
)
def test_go_says_what_is_wrong_with_it(der: bytes, words: str) -> None:
    assert fault(pem(der)) == words


@pytest.mark.parametrize(
    ("der", "head", "name"),
    [
        (b"hello world", "{class:1 tag:8 length:101 isCompound:true}", "certificateRequest"),
        (b"\x02\x01\x01", "{class:0 tag:2 length:1 isCompound:false}", "certificateRequest"),
        (b"\x30\x05abcde", "{class:1 tag:1 length:98 isCompound:true}", "tbsCertificateRequest"),
    ],
)
def test_something_else_is_told_by_its_tag(der: bytes, head: str, name: str) -> None:
    found = fault(pem(der))
    assert found.startswith(f"asn1: structure error: tags don't match (16 vs {head}) {{optional:false ")
    assert found.endswith(f"}} {name} @2")


@example(7, b"\x01")  # the version
@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=3))
def test_no_damage_is_taken_for_a_request_and_none_is_a_failure(place: int, noise: bytes) -> None:
    damaged = GOOD[:place] + noise + GOOD[place + len(noise) :]
    assert (damaged == GOOD) == (fault(pem(damaged)) == "")
    assert not re.search("Traceback|Error\\(", fault(pem(damaged)))
