"""One way to ask a running kube-apiserver and a site of ours, and to wait for what a running one does in its own time."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from tests.real import start
from tests.unit.fakekube.sites import Site

JSON = "application/json"
PATIENCE_S = 20.0
_USUAL = {"content-type": JSON, "user-agent": "twins/1"}


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Ask = Callable[..., Reply]


class _Staying(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other."""

    def redirect_request(self, *_: object) -> None:
        return None


def asking(server: start.RealApiserver) -> Ask:
    tls = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=server.ca))
    opener = urllib.request.build_opener(_Staying, tls)

    def ask(path: str, *, method: str = "GET", body: object = None, **headers: str) -> Reply:
        raw = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(server.url + path, method=method, data=raw)
        for name, value in {"authorization": f"Bearer {server.token}", **_USUAL, **headers}.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with opener.open(request, timeout=60) as answer:
                return Reply(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            return Reply(error.code, dict(error.headers), error.read())

    return ask


def asking_ours() -> Ask:
    site = Site()
    site.settle()

    def ask(path: str, *, method: str = "GET", body: object = None, **headers: str) -> Reply:
        path, _, query = path.partition("?")
        raw = b"" if body is None else json.dumps(body).encode()
        named = {**_USUAL, **{name.replace("_", "-"): value for name, value in headers.items()}}
        answer = site.server.handle(Request(method=method, path=path, query=query, headers=named, body=raw))
        assert isinstance(answer, Response)
        return Reply(answer.status, dict(answer.headers), answer.body)

    return ask


def until(ready: Callable[[], bool]) -> None:
    """A running server takes one step after the other."""
    give_up = time.monotonic() + PATIENCE_S
    while not ready():
        assert time.monotonic() < give_up, "not ready in time"
        time.sleep(0.1)
