"""A site's own certificate authority: who it serves as, and who its clients are.

Keys are elliptic (P-256): making one costs well under a millisecond, so every site has an authority of its own. The
`cryptography` package is loaded by whoever makes one.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol

from fakekube.registry.users import UserInfo, extra_of

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

# Clocks of clients may be behind by this much; nobody's test runs for longer than the other.
_BEFORE = timedelta(hours=1)
_LASTS = timedelta(days=3650)
_CREDENTIAL = "authentication.kubernetes.io/credential-id"
# The names by which a cluster's own pods reach their apiserver.
_SERVICE_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
_SERVICE_ADDRESSES = ("127.0.0.1", "10.0.0.1")


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its key, as PEM."""

    certificate: str
    key: str

    def as_base64(self) -> tuple[str, str]:
        """Both as a kubeconfig carries them."""
        return _base64(self.certificate), _base64(self.key)


class Authority:
    """The CA of one site, made anew: `certificate` is what clients verify it with."""

    def __init__(self, site: str) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec

        self._site = site
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._own = self._made_own()
        self.certificate = _pem(self._own)

    @property
    def as_base64(self) -> str:
        """The certificate as a kubeconfig carries it."""
        return _base64(self.certificate)

    def server(self, hosts: Sequence[str]) -> Identity:
        """Who serves the site, at `hosts` (names or addresses) and at the names that every apiserver has."""
        from cryptography import x509
        from cryptography.x509.oid import ExtendedKeyUsageOID

        names = dict.fromkeys([*hosts, self._site, *_SERVICE_NAMES, *_SERVICE_ADDRESSES])
        return self._signed(
            [("CN", "kube-apiserver")],
            x509.SubjectAlternativeName([_general_name(each) for each in names]),
            ExtendedKeyUsageOID.SERVER_AUTH,
        )

    def client(self, user: str, groups: Sequence[str] = ()) -> Identity:
        """A client's certificate: the common name is the user (none when empty), each organization a group.

        Raises ValueError for names of more than 64 letters, which X.509 has no room for.
        """
        from cryptography.x509.oid import ExtendedKeyUsageOID

        subject = [*(("O", group) for group in groups), *([("CN", user)] if user else [])]
        return self._signed(subject, None, ExtendedKeyUsageOID.CLIENT_AUTH)

    def sign(self, request: bytes, lifetime_s: float) -> str:
        """A client's certificate for a certificate request (PEM), as PEM. Raises ValueError for what is no request."""
        from cryptography import x509
        from cryptography.x509.oid import ExtendedKeyUsageOID

        asked = x509.load_pem_x509_csr(request)
        lasts = timedelta(seconds=lifetime_s)
        return _pem(self._certified(asked.subject, asked.public_key(), None, ExtendedKeyUsageOID.CLIENT_AUTH, lasts))

    def server_context(self, hosts: Sequence[str]) -> ssl.SSLContext:
        """TLS as the site serves it; clients may show a certificate, which counts when this authority signed it."""
        from fakekube.http.client_certificates import RequestingContext

        identity = self.server(hosts)
        return RequestingContext(certificate=identity.certificate, key=identity.key, authority=self.certificate)

    def _made_own(self) -> x509.Certificate:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes

        name = _name([("CN", f"{self._site}-ca")])
        usage = _usage(key_cert_sign=True, crl_sign=True)
        builder = _builder(name, name, self._key.public_key(), _LASTS).add_extension(usage, critical=True)
        return builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
            self._key, hashes.SHA256()
        )

    def _signed(
        self,
        subject: Sequence[tuple[str, str]],
        names: x509.SubjectAlternativeName | None,
        purpose: x509.ObjectIdentifier,
    ) -> Identity:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        certificate = self._certified(_name(subject), key.public_key(), names, purpose, _LASTS)
        return Identity(_pem(certificate), private.decode())

    def _certified(
        self,
        subject: x509.Name,
        key: CertificatePublicKeyTypes,
        names: x509.SubjectAlternativeName | None,
        purpose: x509.ObjectIdentifier,
        lasts: timedelta,
    ) -> x509.Certificate:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes

        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            _builder(subject, self._own.subject, key, lasts)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(issuer, critical=False)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: CertificatePublicKeyTypes, lasts: timedelta
) -> x509.CertificateBuilder:
    from cryptography import x509

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(parts: Sequence[tuple[str, str]]) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    kinds = {"CN": NameOID.COMMON_NAME, "O": NameOID.ORGANIZATION_NAME}
    return x509.Name([x509.NameAttribute(kinds[kind], value) for kind, value in parts])


def _general_name(host: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives import serialization

    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class ClientConnection(Protocol):
    """A connection whose client may have shown a certificate; one that is distrusted names nobody."""

    @property
    def client_certificate(self) -> x509.Certificate | None: ...

    @property
    def distrusted(self) -> bool: ...


def certified_user(connection: ClientConnection) -> UserInfo | None:
    """Whom the client's certificate names; None without one that counts, or without a name in it.

    Source: k8s.io/apiserver/pkg/authentication/request/x509 (CommonNameUserConversion).
    """
    shown = connection.client_certificate
    if shown is None or connection.distrusted:
        return None
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    common = shown.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if not common or not common[-1].value:
        return None
    return UserInfo(
        name=str(common[-1].value),
        groups=tuple(str(each.value) for each in shown.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)),
        extra=extra_of({_CREDENTIAL: [f"X509SHA256={shown.fingerprint(hashes.SHA256()).hex()}"]}),
    )
