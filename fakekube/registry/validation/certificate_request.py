"""Whether a text is a certificate request, and what is wrong with it, in the words of Go.

Source: encoding/asn1 (parseTagAndLength, parseField), crypto/x509 (ParseCertificateRequest, CheckSignature) of Go 1.26,
and answers of kube-apiserver 1.37.2.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

_BLOCK = re.compile(r"-----BEGIN ([^-]*)-----\s(.*?)-----END \1-----", re.DOTALL)
_CURVES = frozenset(["secp224r1", "secp256r1", "secp384r1", "secp521r1"])


def fault_of(encoded: str | None) -> str:
    """What is wrong with the request, PEM in base64; empty when it is one and signed by its own key."""
    kind, der = next(iter(encoded_blocks(encoded)), ("", b""))
    if kind != "CERTIFICATE REQUEST":
        return "PEM block type must be CERTIFICATE REQUEST"
    try:
        if _read(der, 0, _REQUEST) != len(der):
            return "asn1: syntax error: trailing data"
    except _Malformed as malformed:
        return str(malformed)
    return _signature_fault(der)


def encoded_blocks(encoded: str | None) -> list[tuple[str, bytes]]:
    """Kind and contents of the PEM blocks in base64 text; none in what is no base64."""
    try:
        return pem_blocks(base64.b64decode(encoded or "").decode("ascii", "replace"))
    except binascii.Error:
        return []


def pem_blocks(text: str) -> list[tuple[str, bytes]]:
    """The same in plain text. Blocks whose contents cannot be read are passed over."""
    decoded = ((kind, _decoded(body)) for kind, body in _BLOCK.findall(text))
    return [(kind, contents) for kind, contents in decoded if contents is not None]


def _decoded(body: str) -> bytes | None:
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except binascii.Error:
        return None


def _signature_fault(der: bytes) -> str:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    try:
        request = x509.load_der_x509_csr(der)
        key, signed = request.public_key(), request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        return f"x509: {error}"
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name not in _CURVES:
        return "x509: unsupported elliptic curve"
    if signed:
        return ""
    return "crypto/rsa: verification error" if isinstance(key, rsa.RSAPublicKey) else "x509: ECDSA verification failure"


# --- the form ---------------------------------------------------------------------------------------------------------


class _Malformed(Exception):
    """It is no DER, or DER of something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Type:
    """A type of Go and the tag that stands for it; no tag takes anything, and is not looked into."""

    name: str
    tag: int | None = None
    tag_class: int = 0
    fields: tuple[_Type, ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    tag_class: int
    tag: int
    length: int
    compound: bool
    end: int
    """Where the contents begin."""

    def __str__(self) -> str:
        compound = str(self.compound).lower()
        return f"{{class:{self.tag_class} tag:{self.tag} length:{self.length} isCompound:{compound}}}"


_INTEGER, _BITS, _OBJECT, _SEQUENCE = 2, 3, 6, 16
_ANY = _Type(name="RawValue")
_ALGORITHM = _Type(
    name="AlgorithmIdentifier",
    tag=_SEQUENCE,
    fields=(_Type(name="ObjectIdentifier", tag=_OBJECT), _Type(name="RawValue", optional=True)),
)
_SIGNATURE = _Type(name="BitString", tag=_BITS)
_INFO = _Type(
    name="tbsCertificateRequest",
    tag=_SEQUENCE,
    fields=(
        _Type(name="int", tag=_INTEGER),
        _ANY,
        _Type(name="publicKeyInfo", tag=_SEQUENCE, fields=(_ALGORITHM, _SIGNATURE)),
        _Type(name="", tag=0, tag_class=2),
    ),
)
_REQUEST = _Type(name="certificateRequest", tag=_SEQUENCE, fields=(_INFO, _ALGORITHM, _SIGNATURE))
_PARAMETERS = (
    "{optional:false explicit:false application:false private:false defaultValue:<nil> tag:<nil> stringType:0 "
    "timeType:0 set:false omitEmpty:false}"
)


def _read(data: bytes, offset: int, wanted: _Type) -> int:
    """Where what follows begins. A sequence may hold more than it has to."""
    if offset == len(data):
        if wanted.optional:
            return offset
        raise _Malformed("asn1: syntax error: sequence truncated")
    head = _head(data, offset)
    compound = wanted.tag == _SEQUENCE or wanted.tag_class != 0
    if wanted.tag is not None and (head.tag_class, head.tag, head.compound) != (wanted.tag_class, wanted.tag, compound):
        unlike = f"tags don't match ({wanted.tag} vs {head}) {_PARAMETERS} {wanted.name} @{head.end}"
        raise _Malformed(f"asn1: structure error: {unlike}")
    end = head.end + head.length
    if end > len(data):
        raise _Malformed("asn1: syntax error: data truncated")
    inner, at = data[head.end : end], 0
    for field in wanted.fields:
        at = _read(inner, at, field)
    return end


def _head(data: bytes, offset: int) -> _Head:
    """Tag and length at `offset`. No tag that a request has needs more than a byte: a longer one is not read on."""
    first = data[offset]
    length, end = _length(data, offset + 1)
    return _Head(tag_class=first >> 6, tag=first & 0x1F, length=length, compound=bool(first & 0x20), end=end)


def _length(data: bytes, offset: int) -> tuple[int, int]:
    first = _byte(data, offset)
    if first < 0x80:
        return first, offset + 1
    if first == 0x80:
        raise _Malformed("asn1: syntax error: indefinite length found (not DER)")
    length = 0
    for at in range(offset + 1, offset + 1 + (first & 0x7F)):
        byte = _byte(data, at)
        if length >= 1 << 23:
            raise _Malformed("asn1: structure error: length too large")
        length = length << 8 | byte
        if length == 0:
            raise _Malformed("asn1: structure error: superfluous leading zeros in length")
    if length < 0x80:
        raise _Malformed("asn1: structure error: non-minimal length")
    return length, offset + 1 + (first & 0x7F)


def _byte(data: bytes, offset: int) -> int:
    if offset >= len(data):
        raise _Malformed("asn1: syntax error: truncated tag or length")
    return data[offset]
