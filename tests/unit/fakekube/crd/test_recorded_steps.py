"""One rich definition and 134 requests about its objects, as recorded from kube-apiserver 1.37.2."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from tests.unit.fakekube.sites import Site

RECORDED = Path(__file__).parents[3] / "recordings" / "custom-resources-1.37.json"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GIZMOS = f"{DEFINITIONS}/gizmos.rich.example.com"
UNSTABLE = ("managedFields", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp")
# A continue token holds a revision of the recording.
TOKEN = "continue"


@cache
def recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RECORDED.read_text())
    return found


def stable(value: Any) -> Any:
    """`value` without what differs from run to run; causes, whose order is that of a Go map, sorted."""
    if isinstance(value, list):
        return [stable(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: stable(each) for name, each in value.items()}
    if isinstance(found.get("metadata"), dict):
        found["metadata"] = {name: each for name, each in found["metadata"].items() if name not in UNSTABLE}
        found["metadata"][TOKEN] = bool(found["metadata"].get(TOKEN))
    for name in ("uid", "lastTransitionTime"):
        found.pop(name, None)
    if "causes" in found:
        found["causes"] = sorted(found["causes"], key=lambda cause: json.dumps(cause, sort_keys=True))
    if len((found.get("details") or {}).get("causes", ())) > 1:
        del found["message"]
    return found


class Gizmos:
    """A site with both definitions, asked as the recording was."""

    def __init__(self) -> None:
        self.site = Site()
        self.site.settle()
        assert self.site.post("/api/v1/namespaces", {"metadata": {"name": "gold"}}).status == 201
        self.site.settle()

    def ask(self, step: dict[str, Any]) -> tuple[int, Any, list[str]]:
        sent = step.get("sent")
        body = (
            sent.encode() if isinstance(sent, str) else b"" if sent is None else json.dumps(self.based(step)).encode()
        )
        headers = {"content-type": step.get("content_type", "application/json"), "user-agent": "test"}
        headers["accept"] = "application/vnd.kubernetes.protobuf" if "protobuf" in step["note"] else "application/json"
        query = urlencode(step.get("query", {}))
        found = self.site.server.handle(
            Request(method=step["method"], path=step["path"], query=query, headers=headers, body=body)
        )
        assert isinstance(found, Response)
        warnings = sorted(text for name, text in found.headers if name == "Warning")
        return found.status, answered(found, step), warnings

    def based(self, step: dict[str, Any]) -> Any:
        """What was sent, on top of the present version of the object: a PUT says which one it replaces."""
        sent = step["sent"]
        if step["method"] != "PUT":
            return sent
        held = self.site.get(step["path"].removesuffix("/status").removesuffix("/scale")).json["metadata"]
        taken = {name: held[name] for name in ("uid", "resourceVersion", "creationTimestamp")}
        return {**sent, "metadata": {**sent["metadata"], **taken}}


def answered(found: Response, step: dict[str, Any]) -> Any:
    if step["got"] is None:
        return None
    try:
        value = json.loads(found.body)
    except ValueError:
        return found.body.decode()
    if isinstance(value, dict) and "resources" in value:
        value["resources"].sort(key=lambda each: [r["name"] for r in step["got"]["resources"]].index(each["name"]))
    return value


def differing(world: Gizmos, steps: list[dict[str, Any]]) -> list[str]:
    wrong = []
    for step in steps:
        code, got, warnings = world.ask(step)
        wanted = (step["code"], stable(step["got"]), sorted(step.get("warnings", [])))
        if (code, stable(got), warnings) != wanted:
            wrong.append(f"{step['note']}: {code} {json.dumps(got)[:400]} {warnings}")
        if step["method"] == "DELETE":
            world.site.settle()
    return wrong


def test_every_recorded_step_is_answered_the_same() -> None:
    world, (before, at_once, *steps) = Gizmos(), recorded()["steps"]
    assert differing(world, [before]) == []
    # a real server takes a moment until a new definition is served; here that moment is over at once
    assert at_once["code"] == 404
    created = world.site.post(DEFINITIONS, recorded()["crd"])
    assert stable(created.json) == stable(recorded()["crd_created"])
    assert world.site.post(DEFINITIONS, recorded()["plain_crd"]).status == 201
    assert stable(world.site.get(GIZMOS).json) == stable(recorded()["crd_established"])
    assert differing(world, steps) == []


def test_the_recording_is_whole() -> None:
    assert len(recorded()["steps"]) == 134


def test_what_an_applier_owns_is_recorded_too() -> None:
    world = Gizmos()
    for definition in ("crd", "plain_crd"):
        world.site.post(DEFINITIONS, recorded()[definition])
    (step,) = [each for each in recorded()["steps"] if "managedFields" in each]
    _, got, _ = world.ask(step)
    (entry,) = got["metadata"]["managedFields"]
    assert entry["fieldsV1"] == step["managedFields"][0]["fieldsV1"]
