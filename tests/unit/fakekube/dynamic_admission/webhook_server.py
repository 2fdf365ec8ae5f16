"""A webhook over TLS in a thread: what it answers is told by its path, what it was asked is kept."""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from fakekube.http.tls import Authority

Review = dict[str, Any]
SLOW_S = 3.0


def _reviewed(review: Review, **response: Any) -> Review:
    response = {"uid": review["request"]["uid"], **response}
    return {"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": response}


def _patch(*operations: Review) -> str:
    return base64.b64encode(json.dumps(operations).encode()).decode()


def _patched(review: Review, *operations: Review) -> Review:
    return _reviewed(review, allowed=True, patch=_patch(*operations), patchType="JSONPatch")


def _slow(review: Review) -> Review:
    time.sleep(SLOW_S)
    return _reviewed(review, allowed=True)


def _labels(review: Review) -> Review:
    """Adds a label with the number of labels there are."""
    labels = review["request"]["object"]["metadata"].get("labels") or {}
    return _patched(review, {"op": "add", "path": "/metadata/labels/count", "value": str(len(labels))})


def _converted(review: Review, **response: Any) -> Review:
    response = {"uid": review["request"]["uid"], "result": {"status": "Success"}, **response}
    return {"apiVersion": review["apiVersion"], "kind": "ConversionReview", "response": response}


def _moved(review: Review) -> list[Review]:
    """spec.size of v1 is spec.count of v2; a label tells that it was converted, and a uid is changed in vain."""
    version = review["request"]["desiredAPIVersion"]
    names = {"size": "count"} if version.endswith("/v2") else {"count": "size"}
    return [
        {
            **obj,
            "apiVersion": version,
            "metadata": {**obj["metadata"], "labels": {"converted": "yes"}, "finalizers": ["x.y/z"]},
            "spec": {names.get(name, name): value for name, value in (obj.get("spec") or {}).items()},
        }
        for obj in review["request"]["objects"]
    ]


def _renamed(review: Review) -> list[Review]:
    return [{**obj, "metadata": {**obj["metadata"], "name": "another"}} for obj in _moved(review)]


_ADDED = {"op": "add", "path": "/data/added", "value": "yes"}
_CAUSES = {"causes": [{"field": "data.x", "reason": "FieldValueInvalid", "message": "no"}], "name": "n", "kind": "k"}
_ANSWERS: Mapping[str, Callable[[Review], Any]] = {
    "/allow": lambda review: _reviewed(review, allowed=True),
    "/allow-status": lambda review: _reviewed(review, allowed=True, status={"message": "fine", "code": 418}),
    "/deny": lambda review: _reviewed(review, allowed=False),
    "/deny-message": lambda review: _reviewed(review, allowed=False, status={"message": "no way"}),
    "/deny-reason": lambda review: _reviewed(review, allowed=False, status={"reason": "Gone"}),
    "/deny-code": lambda review: _reviewed(
        review, allowed=False, status={"message": "no", "code": 422, "reason": "Invalid", "details": _CAUSES}
    ),
    "/deny-200": lambda review: _reviewed(
        review, allowed=False, status={"message": "no", "code": 200, "status": "Success"}
    ),
    "/warn": lambda review: _reviewed(review, allowed=True, warnings=["first", "second"]),
    "/warn-deny": lambda review: _reviewed(review, allowed=False, warnings=["first"]),
    "/patch": lambda review: _patched(review, _ADDED),
    "/patch-nothing": _patched,
    "/patch-twice": lambda review: _patched(review, _ADDED, {"op": "replace", "path": "/data/x", "value": "changed"}),
    "/patch-label": _labels,
    "/patch-immutable": lambda review: _patched(review, {"op": "add", "path": "/metadata/uid", "value": "mine"}),
    "/patch-name": lambda review: _patched(review, {"op": "replace", "path": "/metadata/name", "value": "another"}),
    "/patch-wrong": lambda review: _patched(review, {"op": "remove", "path": "/data/nope"}),
    "/patch-invalid": lambda review: _patched(review, {"op": "add", "path": "/data/a b", "value": "x"}),
    "/patch-type": lambda review: _patched(review, {"op": "add", "path": "/data", "value": 7}),
    "/patch-unknown": lambda review: _patched(review, {"op": "add", "path": "/spec", "value": {}}),
    "/patch-typeless": lambda review: _reviewed(review, allowed=True, patch=_patch(_ADDED)),
    "/patch-bogus": lambda review: _reviewed(review, allowed=True, patch=_patch(_ADDED), patchType="Bogus"),
    "/typed-patchless": lambda review: _reviewed(review, allowed=True, patchType="JSONPatch"),
    "/patch-deny": lambda review: _reviewed(review, allowed=False, patch=_patch(_ADDED), patchType="JSONPatch"),
    "/uid": lambda review: _reviewed(review, uid="bogus", allowed=True),
    "/absent": lambda review: {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"},
    "/version": lambda review: {**_reviewed(review, allowed=True), "apiVersion": "admission.k8s.io/v1beta1"},
    "/kindless": lambda review: {"response": {"uid": review["request"]["uid"], "allowed": True}},
    "/garbage": lambda review: b"no json",
    "/empty": lambda review: b"",
    "/list": lambda review: [],
    "/500": lambda review: 500,
    "/404": lambda review: 404,
    "/302": lambda review: 302,
    "/slow": _slow,
}
PATHS = tuple(_ANSWERS)
_CONVERSIONS: Mapping[str, Callable[[Review], Any]] = {
    "/convert": lambda review: _converted(review, convertedObjects=_moved(review)),
    "/convert-failure": lambda review: _converted(review, result={"status": "Failure", "message": "cannot"}),
    "/convert-mute": lambda review: _converted(review, result={}),
    "/convert-uid": lambda review: _converted(review, uid="bogus", convertedObjects=_moved(review)),
    "/convert-none": lambda review: _converted(review, convertedObjects=[]),
    "/convert-same": lambda review: _converted(review, convertedObjects=review["request"]["objects"]),
    "/convert-name": lambda review: _converted(review, convertedObjects=_renamed(review)),
    "/convert-kind": lambda review: _converted(
        review, convertedObjects=[{**obj, "kind": "Other"} for obj in _moved(review)]
    ),
    "/convert-absent": lambda review: {"apiVersion": review["apiVersion"], "kind": "ConversionReview"},
    "/convert-500": lambda review: 500,
}
CONVERSIONS = tuple(_CONVERSIONS)


class WebhookServer:
    """`url`, `ca_bundle` (base64), and the reviews that came, by path."""

    def __init__(self, url: str, ca_bundle: str) -> None:
        self.url = url
        self.ca_bundle = ca_bundle
        self.asked: dict[str, list[Review]] = {}

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        review = json.loads(body)
        self.asked.setdefault(path, []).append(review)
        answered = {**_ANSWERS, **_CONVERSIONS}[path](review)
        if isinstance(answered, int):
            return answered, b"it did not work"
        return 200, answered if isinstance(answered, bytes) else json.dumps(answered).encode()


@contextmanager
def webhook_server() -> Iterator[WebhookServer]:
    """Serving while the context is open."""
    authority = Authority("webhook")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = server.answer(self.path.partition("?")[0], body)
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            except OSError:
                pass  # whoever asked did not wait

        def log_message(self, format: str, *args: object) -> None:
            """Tests tell what matters."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    listener.socket = server_tls(authority).wrap_socket(listener.socket, server_side=True)
    server = WebhookServer(f"https://127.0.0.1:{listener.server_address[1]}", authority.as_base64)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


def server_tls(authority: Authority) -> ssl.SSLContext:
    """The server's side, with a certificate of the authority for 127.0.0.1."""
    identity = authority.server(["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        both = Path(folder) / "both.pem"
        both.write_text(identity.certificate + identity.key)
        context.load_cert_chain(both)
    return context
