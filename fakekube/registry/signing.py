"""The key that signs a site's tokens: JSON Web Signatures (RFC 7515) by ES256 (RFC 7518, 3.4).

The key is drawn from the site's seed and signatures carry no chance of their own (RFC 6979), so a run repeats to the
last byte. The library is loaded, and the key made, when the first token is signed or checked.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from fakekube.meta.objects import KubeObject
from fakekube.storage.items import encode_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

ALGORITHM = "ES256"
_COORDINATE_BYTES = 32
# The order of P-256 (FIPS 186-4, D.1.2.3): private keys are smaller.
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_FORGED = "go-jose/go-jose: error in cryptographic primitive"


class Unverified(Exception):
    """A token that this key did not sign; the text is the real server's."""


class SigningKey:
    """`sign` gives a token, `verified` what one claims. `seed` is at least 32 bytes."""

    def __init__(self, seed: bytes) -> None:
        self._secret = int.from_bytes(hashlib.sha256(seed).digest(), "big") % (_ORDER - 1) + 1

    @cached_property
    def _key(self) -> EllipticCurvePrivateKey:
        from cryptography.hazmat.primitives.asymmetric import ec

        return ec.derive_private_key(self._secret, ec.SECP256R1())

    @cached_property
    def key_id(self) -> str:
        """The hash of the public key, as the real server names its keys."""
        from cryptography.hazmat.primitives import serialization

        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return encoded(hashlib.sha256(public).digest())

    def sign(self, claims: KubeObject) -> str:
        """The claims as a token in compact form."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        header = encode_json({"alg": ALGORITHM, "kid": self.key_id})
        head = f"{encoded(header)}.{encoded(encode_json(claims))}"
        der = self._key.sign(head.encode(), ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        r, s = utils.decode_dss_signature(der)
        return f"{head}.{encoded(r.to_bytes(_COORDINATE_BYTES, 'big') + s.to_bytes(_COORDINATE_BYTES, 'big'))}"

    def verified(self, token: str) -> KubeObject:
        """The claims of a token of three parts. Raises Unverified."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        head, _, signature = token.rpartition(".")
        header, _, payload = head.partition(".")
        named = decoded_object(header)
        if named.get("kid") not in (None, "", self.key_id):
            raise Unverified("invalid signature, no keys found")
        raw = decoded(signature)
        if named.get("alg") != ALGORITHM or raw is None or len(raw) != 2 * _COORDINATE_BYTES:
            raise Unverified(_FORGED)
        r, s = (int.from_bytes(part, "big") for part in (raw[:_COORDINATE_BYTES], raw[_COORDINATE_BYTES:]))
        try:
            self._key.public_key().verify(utils.encode_dss_signature(r, s), head.encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise Unverified(_FORGED) from None
        return decoded_object(payload)

    @property
    def public(self) -> KubeObject:
        """The key as a JSON Web Key (RFC 7517): enough to check its tokens."""
        numbers = self._key.public_key().public_numbers()
        x, y = (encoded(number.to_bytes(_COORDINATE_BYTES, "big")) for number in (numbers.x, numbers.y))
        return {"use": "sig", "kty": "EC", "kid": self.key_id, "crv": "P-256", "alg": ALGORITHM, "x": x, "y": y}


def encoded(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes | None:
    """What base64url text stands for; None for other text."""
    try:
        return base64.b64decode(f"{text}{'=' * (-len(text) % 4)}".encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None


def decoded_object(text: str) -> KubeObject:
    """The JSON object in base64url text; empty for anything else."""
    try:
        found = msgspec.json.decode(decoded(text) or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
