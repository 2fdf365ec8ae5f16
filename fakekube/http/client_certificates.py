"""TLS as a Kubernetes apiserver serves it: it asks clients for a certificate and takes any, and finds out afterwards whose.

Python's ssl ends the handshake when the authority has not signed the certificate, so clients would see a broken
connection where a real server answers 401. pyOpenSSL can go on and tell. The rest is what asyncio's SSLProtocol asks of
an `ssl.SSLContext` and its objects, between the two memory BIOs that it brings.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL, crypto

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_Result = TypeVar("_Result")
_CHUNK_BYTES = 64 * 1024
_RECORD_BYTES = 16 * 1024  # no record of TLS is larger, and one is read at a time


class RequestingContext(ssl.SSLContext):
    """Serves as `certificate` (PEM, with its `key`); clients are verified by `authority` (PEM)."""

    def __new__(cls, *, certificate: str, key: str, authority: str) -> RequestingContext:
        made = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        made._openssl = _context(certificate, key, authority)
        return made

    _openssl: SSL.Context

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> RequestingConnection:
        """The server's side of one connection."""
        connection = SSL.Connection(self._openssl)
        connection.set_accept_state()
        return RequestingConnection(connection, incoming, outgoing)


def _context(certificate: str, key: str, authority: str) -> SSL.Context:
    """No session is resumed: a resumed one would bring a certificate that nobody looks at."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_options(SSL.OP_NO_TICKET)
    context.use_certificate(x509.load_pem_x509_certificate(certificate.encode()))
    private = load_pem_private_key(key.encode(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)  # an Authority makes no others
    context.use_privatekey(private)
    store = context.get_cert_store()
    assert store is not None  # a new context has one
    store.add_cert(crypto.X509.from_cryptography(x509.load_pem_x509_certificate(authority.encode())))
    context.set_verify(SSL.VERIFY_PEER, _note)
    return context


def _note(connection: SSL.Connection, _certificate: crypto.X509, _code: int, _depth: int, fine: int) -> bool:
    """Called for each certificate of the client's chain; what is wrong with one is kept with the connection."""
    if not fine:
        connection.set_app_data(True)
    return True


class RequestingConnection(ssl.SSLObject):
    """One connection: bytes come from `incoming`, and go to `outgoing`."""

    def __init__(self, connection: SSL.Connection, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
        self._connection = connection
        self._incoming, self._outgoing = incoming, outgoing

    @property
    def client_certificate(self) -> x509.Certificate | None:
        """What the client has shown, verified or not."""
        return self._connection.get_peer_certificate(as_cryptography=True)

    @property
    def distrusted(self) -> bool:
        """Whether it has shown one that does not count: signed by somebody else, made for something else, or too old."""
        return bool(self._connection.get_app_data())

    # what asyncio calls

    def do_handshake(self) -> None:
        self._between(self._connection.do_handshake)

    def read(self, size: int = 1024, buffer: bytearray | None = None) -> bytes | int:  # type: ignore[override]  # one function for both overloads
        found = self._received(size)
        if buffer is None:
            return found
        buffer[: len(found)] = found
        return len(found)

    def _received(self, at_most: int) -> bytes:
        try:
            return self._between(lambda: self._connection.recv(min(at_most, _RECORD_BYTES)))
        except ssl.SSLZeroReturnError:
            return b""  # the client has said that it is done

    def write(self, data: ReadableBuffer) -> int:
        view = memoryview(data)
        return self._between(lambda: self._connection.send(view)) if view.nbytes else 0

    def unwrap(self) -> None:
        """Done when the client has said so as well."""
        if not self._between(self._connection.shutdown):
            raise ssl.SSLWantReadError

    def getpeercert(self, binary_form: bool = False) -> None:
        """Nothing: asyncio would parse it for everybody."""

    def cipher(self) -> tuple[str, str, int] | None:
        one = self._connection
        name, version, bits = one.get_cipher_name(), one.get_cipher_version(), one.get_cipher_bits()
        return (name, version, bits) if name and version and bits else None

    def compression(self) -> None:
        """None, ever."""

    def _between(self, act: Callable[[], _Result]) -> _Result:
        """Take in what has come, act, and hand on what goes out, be it an alert."""
        arrived = self._incoming.read()
        if arrived:
            self._connection.bio_write(arrived)
        try:
            return act()
        except SSL.WantReadError:
            raise ssl.SSLWantReadError from None
        except SSL.ZeroReturnError:
            raise ssl.SSLZeroReturnError from None
        except SSL.Error as error:
            raise ssl.SSLError(1, f"{error}") from None
        finally:
            self._hand_on()

    def _hand_on(self) -> None:
        """A chunk that is not full is the last."""
        sent = _CHUNK_BYTES
        while sent == _CHUNK_BYTES:
            try:
                sent = self._outgoing.write(self._connection.bio_read(_CHUNK_BYTES))
            except SSL.WantReadError:
                return
