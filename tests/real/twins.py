"""A running kube-apiserver and a site of ours, asked the same; what differs is collected."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import replace
from typing import Any

from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from fakekube.http.webhooks import call_webhook
from fakekube.registry.dynamic_admission.calls import WebhookCall
from tests.real import start
from tests.unit.fakekube.sites import Site

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PATIENCE_S = 15.0
UNSTABLE = ("uid", "resourceVersion", "creationTimestamp")
Answer = tuple[int, Any, list[str]]


def stable(value: Any) -> Any:
    """`value` without uids and times; causes, whose order is that of a Go map, sorted."""
    if isinstance(value, list):
        return [stable(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: stable(each) for name, each in value.items()}
    if isinstance(found.get("metadata"), dict):
        found["metadata"] = {name: each for name, each in found["metadata"].items() if name not in UNSTABLE}
        for entry in found["metadata"].get("managedFields", ()):
            entry.pop("time", None)
    if isinstance(found.get("details"), dict):
        found["details"] = {name: each for name, each in found["details"].items() if name != "uid"}
    if "causes" in found:
        found["causes"] = sorted(found["causes"], key=lambda cause: json.dumps(cause, sort_keys=True))
    if len((found.get("details") or {}).get("causes", ())) > 1:
        del found["message"]
    return found


class Twins:
    """`compare` asks both; `differing` gives what was not equal since the last call."""

    def __init__(self, real: start.RealApiserver) -> None:
        self._real = real
        self._tls = ssl.create_default_context(cafile=real.ca)
        self._site = Site()
        self._site.settle()
        self._wrong: list[str] = []

    def compare(self, method: str, path: str, body: object = None, *, kind: str = "json", query: str = "") -> int:
        """The status that the running server answers."""
        theirs = self.real(method, path, body, kind, query)
        ours = self.ours(method, path, body, kind, query)
        if _shown(theirs) != _shown(ours):
            asked = f"{method} {path} {json.dumps(body)[:600]}"
            self._wrong.append(f"{asked}\n  real {_shown(theirs)[:600]}\n  ours {_shown(ours)[:600]}")
        return theirs[0]

    def differing(self) -> list[str]:
        found, self._wrong = self._wrong, []
        return found

    def until_served(self, path: str) -> None:
        """A running server takes a moment until a new definition is served."""
        give_up = time.monotonic() + PATIENCE_S
        while self.real("GET", path, None, "json", "")[0] != 200 and time.monotonic() < give_up:
            time.sleep(0.1)

    def real(self, method: str, path: str, body: object, kind: str, query: str) -> Answer:
        request = urllib.request.Request(f"{self._real.url}{path}?{query}", method=method, data=_encoded(body))
        request.add_header("Authorization", f"Bearer {self._real.token}")
        request.add_header("Content-Type", f"application/{kind}")
        request.add_header("User-Agent", "twins/1")
        try:
            with urllib.request.urlopen(request, context=self._tls, timeout=60) as answer:
                return answer.status, _decoded(answer.read()), answer.headers.get_all("Warning") or []
        except urllib.error.HTTPError as error:
            return error.code, _decoded(error.read()), error.headers.get_all("Warning") or []

    def ours(self, method: str, path: str, body: object, kind: str = "json", query: str = "") -> Answer:
        headers = {"content-type": f"application/{kind}", "user-agent": "twins/1", "accept": "application/json"}
        raw = _encoded(body) or b""
        request = Request(method=method, path=path, query=query, headers=headers, body=raw)
        found = self._site.server.attempt(request)
        while isinstance(found, WebhookCall):
            request = replace(request, replies=(*request.replies, asyncio.run(call_webhook(found))))
            found = self._site.server.attempt(request)
        assert isinstance(found, Response)
        return found.status, _decoded(found.body), [text for name, text in found.headers if name == "Warning"]


def _encoded(body: object) -> bytes | None:
    return None if body is None else json.dumps(body).encode()


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode()


def _shown(answer: Answer) -> str:
    code, body, warnings = answer
    text = json.dumps(stable(body), sort_keys=True)
    # a type that the real server makes up for a rule has a number of its own each time
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "uid", re.sub("selfType[0-9]+", "selfType", text))
    return f"{code} {re.sub('revision=[0-9]+', 'revision=N', text)} {sorted(warnings)}"
