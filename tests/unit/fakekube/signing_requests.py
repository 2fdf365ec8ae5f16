"""Certificate requests for tests that need some."""

from __future__ import annotations

import base64

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def request(key: Key) -> bytes:
    """One for the user ann, as DER."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ann")])
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, digest)
    return made.public_bytes(serialization.Encoding.DER)


def pem(der: bytes, kind: str = "CERTIFICATE REQUEST") -> str:
    return f"-----BEGIN {kind}-----\n{base64.encodebytes(der).decode()}-----END {kind}-----\n"


def in_base64(text: str) -> str:
    """As `spec.request` has it."""
    return base64.b64encode(text.encode()).decode()


REQUEST = pem(request(ec.generate_private_key(ec.SECP256R1())))
