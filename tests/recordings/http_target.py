"""A server over HTTP as a target: the real apiserver for `make record`, or a served site. Certificates are not checked."""

from __future__ import annotations

import http.client
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.recordings.answer import Answer
from tests.recordings.play import Question, Watch

TIMEOUT_S = 30.0


class HttpTarget:
    """One server, one kept-alive connection, and one more per open watch."""

    def __init__(self, url: str, admin_token: str | None = None, user_token: str = "user-token") -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "https"
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or (443 if self._tls else 80)
        self._tokens = {"admin": admin_token, "user": user_token, "none": None}
        self._kept: http.client.HTTPConnection | None = None

    @property
    def host(self) -> str:
        return f"{self._host}:{self._port}"

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def token(self, who: str) -> str | None:
        return self._tokens.get(who, who)

    def ask(self, question: Question) -> Answer:
        """A kept connection that the server closed meanwhile is tried once more on a new one."""
        fresh = self._kept is None
        connection = self._kept or self._connect()
        try:
            answer, keep = _answer(_sent(connection, question))
        except (http.client.HTTPException, OSError) as error:
            self._drop(connection)
            return Answer(code=0, raw=f"{type(error).__name__}: {error}".encode()) if fresh else self.ask(question)
        self._kept = connection
        if not keep:
            self._drop(connection)
        return answer

    def watch(self, question: Question) -> tuple[Answer, Watch | None]:
        connection = self._connect()
        response = _sent(connection, question)
        if response.status != 200:
            answer, _ = _answer(response)
            connection.close()
            return answer, None
        return Answer(code=200, headers=_by_name(response)), _HttpWatch(connection, response)

    def _connect(self) -> http.client.HTTPConnection:
        if not self._tls:
            return http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)
        unchecked = ssl.create_default_context()
        unchecked.check_hostname = False
        unchecked.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(self._host, self._port, timeout=TIMEOUT_S, context=unchecked)

    def _drop(self, connection: http.client.HTTPConnection) -> None:
        connection.close()
        self._kept = None

    def close(self) -> None:
        if self._kept is not None:
            self._drop(self._kept)


@dataclass(slots=True)
class _HttpWatch:
    connection: http.client.HTTPConnection
    response: http.client.HTTPResponse

    def next_line(self, patience_s: float) -> bytes | str:
        if patience_s <= 0:
            return "client"
        if self.connection.sock is not None:
            self.connection.sock.settimeout(patience_s)
        try:
            return self.response.readline() or "server"
        except TimeoutError:
            return "client"
        except (http.client.HTTPException, OSError) as error:
            return type(error).__name__

    def close(self) -> None:
        with suppress(OSError):
            self.connection.close()


def _sent(connection: http.client.HTTPConnection, question: Question) -> http.client.HTTPResponse:
    connection.putrequest(question.method, question.target, skip_accept_encoding=True)
    for name, value in question.headers.items():
        connection.putheader(name, value)
    if question.body is not None or question.method in ("POST", "PUT", "PATCH"):
        connection.putheader("Content-Length", str(len(question.body or b"")))
    connection.endheaders(question.body)
    return connection.getresponse()


def _answer(response: http.client.HTTPResponse) -> tuple[Answer, bool]:
    answer = Answer(code=response.status, headers=_by_name(response), raw=response.read())
    return answer, not response.will_close


def _by_name(response: http.client.HTTPResponse) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in response.getheaders():
        values.setdefault(name.lower(), []).append(value)
    return values
