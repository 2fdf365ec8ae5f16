"""A server over HTTP as an arm: a site served by a thread of this process, or any cluster that a kubeconfig names. A shell."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import random
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from fakekube.apiserver.request import Request
from fakekube.apiserver.server import Apiserver
from fakekube.http.site import HttpSite
from fakekube.meta.objects import KubeObject
from fakekube.testing.arms import CLUSTER, CONTROLLERS, FAKEKUBE, FORGETS, joined
from fakekube.testing.reply import Events, Reply

TIMEOUT_S = 30.0
_STOP_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach a server: what a kubeconfig's current context says."""

    url: str
    token: str = ""
    tls: ssl.SSLContext | None = None


@dataclass(slots=True)
class HttpArm:
    """One server, one kept connection, and one more for each open watch."""

    access: Access
    name: str = "http"
    server: str = FAKEKUBE
    features: frozenset[str] = frozenset([CONTROLLERS, FORGETS])
    _kept: http.client.HTTPConnection | None = None

    def ask(self, request: Request) -> Reply:
        """A kept connection that the server has closed meanwhile is replaced, once. Raises OSError."""
        fresh = self._kept is None
        connection = self._kept = self._kept or self._connect()
        try:
            response = self._sent(connection, request)
            body = response.read()
        except (http.client.HTTPException, OSError):
            self._drop()
            if fresh:
                raise
            return self.ask(request)
        if response.will_close:
            self._drop()
        return Reply(status=response.status, headers=joined(response.getheaders()), body=body)

    def watch(self, request: Request) -> Events | Reply:
        connection = self._connect()
        response = self._sent(connection, request)
        if response.status == 200:
            return _HttpEvents(connection, response)
        reply = Reply(status=response.status, headers=joined(response.getheaders()), body=response.read())
        connection.close()
        return reply

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.access.url)
        host = parts.hostname or "127.0.0.1"
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, parts.port or 80, timeout=TIMEOUT_S)
        return http.client.HTTPSConnection(host, parts.port or 443, timeout=TIMEOUT_S, context=self.access.tls)

    def _sent(self, connection: http.client.HTTPConnection, request: Request) -> http.client.HTTPResponse:
        prefix = urlsplit(self.access.url).path.rstrip("/")
        target = f"{prefix}{request.path}?{request.query}" if request.query else f"{prefix}{request.path}"
        headers = dict(request.headers)
        if self.access.token:
            headers.setdefault("authorization", f"Bearer {self.access.token}")
        connection.request(request.method, target, body=request.body or None, headers=headers)
        return connection.getresponse()

    def _drop(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def close(self) -> None:
        self._drop()


@dataclass(slots=True)
class _HttpEvents:
    """Lines of a chunked answer. A wait that times out may have read half a line, which the next one goes on with."""

    connection: http.client.HTTPConnection
    response: http.client.HTTPResponse
    _half: bytes = b""
    _ended: bool = False

    def next(self, patience_s: float) -> KubeObject | None:
        end = time.monotonic() + patience_s
        while b"\n" not in self._half:
            if self._ended or not self._read(end - time.monotonic()):
                return None
        line, _, self._half = self._half.partition(b"\n")
        found: KubeObject = json.loads(line)
        return found

    def _read(self, patience_s: float) -> bool:
        if patience_s <= 0:
            return False
        self._set_timeout(patience_s)
        try:
            chunk = self.response.read1(65536)
        except TimeoutError:
            return False
        except (http.client.HTTPException, OSError):
            chunk = b""
        self._half += chunk
        self._ended = not chunk
        return True

    def _set_timeout(self, seconds: float) -> None:
        if self.connection.sock is not None:
            self.connection.sock.settimeout(seconds)

    @property
    def ended(self) -> bool:
        return self._ended

    def close(self) -> None:
        with suppress(OSError):
            self.connection.close()


@contextmanager
def served_site() -> Iterator[str]:
    """The address of a fresh site, served by a thread of its own while the block lasts."""
    loop = asyncio.new_event_loop()
    site = HttpSite(Apiserver(name="conformance", now=time.time, rng=random.Random(0)))
    url = loop.run_until_complete(site.listen())
    thread = threading.Thread(target=loop.run_forever, name="conformance site")
    thread.start()
    try:
        yield url
    finally:
        asyncio.run_coroutine_threadsafe(site.close(), loop).result(_STOP_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_STOP_S)
        loop.close()


def cluster_arm(kubeconfig: Path, name: str = CLUSTER) -> HttpArm:
    """The server of the file's current context. Raises ValueError, with the way out, for what cannot be used."""
    return HttpArm(read_access(kubeconfig), name=name, server=CLUSTER, features=frozenset([CONTROLLERS]))


def read_access(kubeconfig: Path) -> Access:
    """Raises OSError when there is no such file, ValueError for one that does not say how to reach its server."""
    try:
        config = yaml.safe_load(kubeconfig.read_text())
        current = _named(config, "contexts", config["current-context"])["context"]
        cluster = _named(config, "clusters", current["cluster"])["cluster"]
        user = _named(config, "users", current["user"])["user"] or {}
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise ValueError(f"{kubeconfig}: not a kubeconfig with a current context ({error!r})") from None
    if "exec" in user or "auth-provider" in user:
        raise ValueError(
            f"{kubeconfig}: credential plugins are not run; give a kubeconfig with a token or a certificate"
        )
    return _Files(kubeconfig.parent).access(cluster, user)


def _named(config: Mapping[str, list[KubeObject]], kind: str, name: str) -> KubeObject:
    for each in config[kind]:
        if each["name"] == name:
            return each
    raise KeyError(f"{kind}: {name}")


@dataclass(frozen=True, slots=True)
class _Files:
    """Reads what a kubeconfig holds as data or names as files, which are relative to its folder."""

    folder: Path

    def access(self, cluster: KubeObject, user: KubeObject) -> Access:
        token = user.get("token") or ""
        if not token and "tokenFile" in user:
            token = (self.folder / user["tokenFile"]).read_text().strip()
        url = str(cluster["server"])
        return Access(url=url, token=token, tls=self._tls(cluster, user) if url.startswith("https") else None)

    def _tls(self, cluster: KubeObject, user: KubeObject) -> ssl.SSLContext:
        authority = self._read(cluster, "certificate-authority")
        context = ssl.create_default_context(cadata=authority.decode() if authority else None)
        if cluster.get("insecure-skip-tls-verify"):
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        certificate, key = self._read(user, "client-certificate"), self._read(user, "client-key")
        if certificate and key:
            # ssl reads certificates from files alone
            with tempfile.NamedTemporaryFile() as both:
                both.write(certificate + b"\n" + key)
                both.flush()
                context.load_cert_chain(both.name)
        return context

    def _read(self, entry: KubeObject, key: str) -> bytes:
        if entry.get(f"{key}-data"):
            return base64.b64decode(entry[f"{key}-data"])
        return (self.folder / entry[key]).read_bytes() if entry.get(key) else b""
