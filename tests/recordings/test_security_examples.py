"""Refusals, escalations, impersonations and tokens, one after the other, as a running kube-apiserver answered them."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from fakekube.apiserver.security.authentication import Authentication
from fakekube.apiserver.server import Apiserver
from fakekube.registry.users import UserInfo

EXAMPLES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "security-examples-1.37.json").read_text())[
    "examples"
]
NOW = 1_795_571_705.0
TOKENS = {
    "admin": UserInfo(name="admin", uid="admin-uid", groups=("system:masters",)),
    "alice": UserInfo(name="alice", groups=("dev",)),
}
# Who asked, by how the recording names them; nobody has the token `unknown`.
WHO = {None: "admin", "an unknown bearer token": "unknown", "no Authorization header": ""}
RBAC = "rbac.authorization.k8s.io"
# What was there before, and is not among the examples.
BEFORE = (
    ("/api/v1/namespaces", {"metadata": {"name": "gold"}}),
    ("/api/v1/namespaces/gold/serviceaccounts", {"metadata": {"name": "default"}}),
    (
        f"/apis/{RBAC}/v1/namespaces/gold/roles",
        {
            "metadata": {"name": "r"},
            "rules": [
                {"apiGroups": [RBAC], "resources": ["roles", "rolebindings"], "verbs": ["create", "update", "get"]}
            ],
        },
    ),
    (
        f"/apis/{RBAC}/v1/namespaces/gold/rolebindings",
        {
            "metadata": {"name": "r"},
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "r"},
            "subjects": [{"kind": "User", "name": "alice"}],
        },
    ),
)


class Recorded:
    """A site as the recorded one was: no controllers, and alice may write roles in gold."""

    def __init__(self) -> None:
        self.server = Apiserver(
            name="gold",
            now=lambda: NOW,
            rng=random.Random(1),
            controllers="none",
            authentication=Authentication(tokens=TOKENS),
            authorization="RBAC",
        )
        for path, body in BEFORE:
            answer = self.ask("POST", path, {}, body, "admin")
            assert answer.status == 201, answer.body

    def ask(self, method: str, path: str, asked: dict[str, Any], body: object, token: str) -> Response:
        headers = {name.lower(): value for name, value in asked.get("headers", {}).items()}
        headers["content-type"] = asked.get("content_type", "application/json")
        if token:
            headers["authorization"] = f"Bearer {token}"
        raw = b"" if body is None else json.dumps(body).encode()
        query = urlencode(asked.get("query", {}))
        found = self.server.handle(Request(method=method, path=path, query=query, headers=headers, body=raw))
        assert isinstance(found, Response)
        return found

    def token(self, who: str | None) -> str:
        if who is None or who in WHO:
            return WHO[who]
        return "alice" if who.startswith("alice") else "account"

    def play(self, example: dict[str, Any]) -> Response:
        asked = example["request"]
        token = self.token(asked.get("as"))
        if "service account token" in example["name"]:
            made = self.ask("POST", "/api/v1/namespaces/gold/serviceaccounts/default/token", {}, {}, "admin")
            token = json.loads(made.body)["status"]["token"]
        body = asked.get("body", {} if asked["method"] == "POST" else None)
        return self.ask(asked["method"], asked["path"], asked, body, token)


@pytest.fixture(scope="module")
def answers() -> dict[str, Response]:
    """All of them in their order: what one example writes, a later one sees."""
    site = Recorded()
    return {example["name"]: site.play(example) for example in EXAMPLES}


_VARYING = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "@UID"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "@TIME"),
    (re.compile(r"ey[\w-]+\.[\w-]+\.[\w-]+"), "@JWT"),
)


def normalised(value: Any, key: str = "") -> Any:
    """Without managedFields, which the recording leaves out; the rules of a review in any order."""
    if isinstance(value, dict):
        return {name: normalised(each, name) for name, each in value.items() if name != "managedFields"}
    if isinstance(value, list):
        found = [normalised(each) for each in value]
        return sorted(found, key=lambda each: json.dumps(each, sort_keys=True)) if key.endswith("Rules") else found
    if key == "resourceVersion":
        return "@RV"
    if isinstance(value, str):
        for pattern, mark in _VARYING:
            value = pattern.sub(mark, value)
    return value


@pytest.mark.parametrize("example", [pytest.param(each, id=each["name"]) for each in EXAMPLES])
def test_an_example_is_answered_as_it_was(example: dict[str, Any], answers: dict[str, Response]) -> None:
    found = answers[example["name"]]
    assert found.status == example["code"], found.body
    body = found.body.decode()
    told = body if isinstance(example["body"], str) else json.loads(body)
    assert normalised(told) == normalised(example["body"])
    headers = {name: value for name, value in found.headers if name in example["headers"]}
    assert headers == example["headers"]
