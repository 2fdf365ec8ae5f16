"""Recorded defaults of what depends on who asks: reviews and certificate requests, on a site with the recorder's users."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from fakekube.apiserver.security.authentication import Authentication
from fakekube.apiserver.server import Apiserver
from fakekube.registry.users import UserInfo
from tests.unit.fakekube.signing_requests import REQUEST, in_base64
from tests.unit.fakekube.sites import Clock

RECORDED = Path(__file__).parents[3] / "recordings" / "defaults-1.37.json"
CASES: dict[str, Any] = json.loads(RECORDED.read_text())["cases"]
USERS = {
    "admin-token": UserInfo(name="admin", uid="admin-uid", groups=("system:masters",)),
    "user-token": UserInfo(name="alice", uid="alice-uid", groups=("dev",)),
}
OURS = ("uid", "resourceVersion", "creationTimestamp", "managedFields")
# Two roles of every cluster let everybody read its version.
ALLOWING = re.compile("system:(?:discovery|public-info-viewer)")
# What had been created before on the server that was recorded.
BEFORE = ("clusterroles/min", "clusterrolebindings/min")


def asked() -> dict[str, Any]:
    return {name: case for name, case in CASES.items() if name.startswith(("reviews/", "certificatesigningrequests/"))}


def ordered(obj: Any) -> Any:
    """The real server lists bindings in no order: which of two that allow it names, and which rules come first, varies."""
    status = obj.get("status") or {}
    if "nonResourceRules" in status:
        status["nonResourceRules"].sort(key=str)
    if len(ALLOWING.findall(status.get("reason", ""))) == 2:
        status["reason"] = ALLOWING.sub("system:any", status["reason"])
    return obj


def answered(server: Apiserver, case: dict[str, Any]) -> tuple[int, Any]:
    body = json.dumps(case["sent"]).replace("@CSR", in_base64(REQUEST)).encode()
    headers = {"content-type": "application/json", "authorization": "Bearer admin-token"}
    found = server.handle(Request(method="POST", path=case["path"], headers=headers, body=body))
    assert isinstance(found, Response)
    obj = json.loads(found.body)
    obj["metadata"] = {name: value for name, value in obj["metadata"].items() if name not in OURS}
    return found.status, ordered(obj)


@pytest.mark.parametrize("name", sorted(asked()))
def test_what_depends_on_who_asks_is_as_recorded(name: str) -> None:
    server = Apiserver(
        name="paris",
        now=Clock(),
        rng=random.Random(1),
        authentication=Authentication(tokens=USERS),
        authorization="RBAC",
    )
    space = {"path": "/api/v1/namespaces", "sent": {"metadata": {"name": "gold"}}}
    for before in (space, *(CASES[each] for each in BEFORE)):
        assert answered(server, before)[0] == 201
    wanted = ordered(json.loads(json.dumps(CASES[name]["got"]).replace("@CSR", in_base64(REQUEST))))
    assert answered(server, CASES[name]) == (201, wanted)


def test_every_case_is_asked_somewhere() -> None:
    assert len(asked()) == 10
