"""A client that costs next to nothing: one connection, requests as ready bytes, answers read by Content-Length."""

from __future__ import annotations

import json
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Something that answers HTTP; `token` when it asks for one."""

    name: str
    url: str
    token: str = ""


class Connection:
    """One kept-alive connection. Certificates are not checked."""

    def __init__(self, server: Server) -> None:
        parts = urlsplit(server.url)
        self._host = parts.netloc
        self._authorization = f"Authorization: Bearer {server.token}\r\n" if server.token else ""
        plain = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = _unchecked().wrap_socket(plain) if parts.scheme == "https" else plain
        self._buffer = b""

    def request(self, method: str, target: str, body: object = None, content_type: str = "application/json") -> bytes:
        """The request as bytes, to be sent as often as wanted."""
        payload = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: {self._host}\r\nAccept: application/json\r\nUser-Agent: bench/1\r\n"
            f"{self._authorization}Content-Type: {content_type}\r\nContent-Length: {len(payload)}\r\n\r\n"
        )
        return head.encode() + payload

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body."""
        self._socket.sendall(request)
        head = self._until(b"\r\n\r\n")
        return int(head[9:12]), self._body(head.lower())

    def stream(self, request: bytes) -> None:
        """Sends a request whose answer is a stream, and reads its head."""
        self._socket.sendall(request)
        self._until(b"\r\n\r\n")

    def wait_for(self, mark: bytes) -> None:
        """Reads the stream until `mark` has come by."""
        self._until(mark)

    def close(self) -> None:
        self._socket.close()

    def _body(self, head: bytes) -> bytes:
        if b"transfer-encoding: chunked" in head:
            return self._chunks()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        while len(self._buffer) < length:
            self._receive()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return body

    def _chunks(self) -> bytes:
        """Go answers large bodies in chunks."""
        body = b""
        while size := int(self._until(b"\r\n"), 16):
            while len(self._buffer) < size + 2:
                self._receive()
            body, self._buffer = body + self._buffer[:size], self._buffer[size + 2 :]
        self._until(b"\r\n")
        return body

    def _until(self, mark: bytes) -> bytes:
        while (at := self._buffer.find(mark)) < 0:
            self._receive()
        found, self._buffer = self._buffer[: at + len(mark)], self._buffer[at + len(mark) :]
        return found

    def _receive(self) -> None:
        received = self._socket.recv(1 << 16)
        if not received:
            raise ConnectionError("the server closed the connection")
        self._buffer += received


def _unchecked() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
