"""Admission by functions of one's own: they see writes, change them, refuse them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from fakekube.apiserver.server import Apiserver
from fakekube.meta.objects import KubeObject
from fakekube.registry.plugins import AdmissionDenied, AdmissionPlugin, AdmissionRequest
from tests.unit.fakekube.security.secured import SPACE, Secured
from tests.unit.fakekube.sites import Site

CONFIG_MAPS = f"{SPACE}/configmaps"


def site_with(*plugins: AdmissionPlugin) -> Site:
    """A site where everybody is an administrator."""
    site = Site()
    site.server = Apiserver(name="paris", now=site.clock, rng=random.Random(1), admission=plugins)
    site.settle()
    return site


def labelled(asked: AdmissionRequest) -> KubeObject | None:
    """Every ConfigMap says who wrote it."""
    if asked.resource != "configmaps" or asked.object is None:
        return None
    metadata = asked.object["metadata"]
    labels = {**(metadata.get("labels") or {}), "writer": asked.user.name.replace(":", ".")}
    return {**asked.object, "metadata": {**metadata, "labels": labels}}


def only_small(asked: AdmissionRequest) -> None:
    if asked.resource == "configmaps" and len((asked.object or {}).get("data") or {}) > 1:
        raise AdmissionDenied("one key is enough")


def test_a_plugin_changes_what_is_written() -> None:
    site = site_with(labelled)
    made = site.post(CONFIG_MAPS, {"metadata": {"name": "x"}})
    assert made.json["metadata"]["labels"] == {"writer": "system.admin"}
    assert site.get(f"{CONFIG_MAPS}/x").json["metadata"]["labels"] == {"writer": "system.admin"}
    patched = site.patch(f"{CONFIG_MAPS}/x", {"metadata": {"labels": None}})
    assert patched.json["metadata"]["labels"] == {"writer": "system.admin"}


def test_a_plugin_refuses() -> None:
    site = site_with(only_small)
    refused = site.post(CONFIG_MAPS, {"metadata": {"name": "x"}, "data": {"a": "1", "b": "2"}})
    assert refused.status == 403
    assert refused.json["reason"] == "Forbidden"
    assert refused.message == 'configmaps "x" is forbidden: one key is enough'
    assert refused.json["details"] == {"name": "x", "kind": "configmaps"}
    site.post(CONFIG_MAPS, {"metadata": {"name": "x"}, "data": {"a": "1"}})
    assert site.patch(f"{CONFIG_MAPS}/x", {"data": {"b": "2"}}).status == 403
    assert site.get(f"{CONFIG_MAPS}/x").json["data"] == {"a": "1"}


def test_a_plugin_may_choose_code_and_reason() -> None:
    def busy(asked: AdmissionRequest) -> None:
        raise AdmissionDenied("come back later", code=429, reason="TooManyRequests")

    site = site_with(busy)
    refused = site.post(CONFIG_MAPS, {"metadata": {"name": "x"}})
    assert (refused.status, refused.json["reason"], refused.message) == (429, "TooManyRequests", "come back later")


def test_one_plugin_sees_what_the_one_before_left() -> None:
    seen: list[Any] = []
    site = site_with(labelled, lambda asked: seen.append(asked.object))
    site.post(CONFIG_MAPS, {"metadata": {"name": "x"}})
    assert seen[-1]["metadata"]["labels"] == {"writer": "system.admin"}


def test_what_a_plugin_writes_is_validated() -> None:
    def spoil(asked: AdmissionRequest) -> KubeObject | None:
        if asked.resource != "configmaps" or asked.object is None:
            return None
        return {**asked.object, "data": {"no key!": "x"}}

    site = site_with()
    spoiled = site_with(spoil)
    assert site.post(CONFIG_MAPS, {"metadata": {"name": "x"}}).status == 201
    assert spoiled.post(CONFIG_MAPS, {"metadata": {"name": "x"}}).status == 422


def test_a_plugin_is_told_everything() -> None:
    seen: list[AdmissionRequest] = []
    secured = Secured(admission=[seen.append])
    seen.clear()
    secured.done("POST", CONFIG_MAPS, {"metadata": {"name": "x"}})
    secured.done("PATCH", f"{CONFIG_MAPS}/x?dryRun=All", {"data": {"a": "1"}})
    secured.done("DELETE", f"{CONFIG_MAPS}/x")
    assert [(each.operation, each.name, each.namespace, each.user.name, each.dry_run) for each in seen] == [
        ("CREATE", "x", "default", "admin", False),
        ("UPDATE", "x", "default", "admin", True),
        ("DELETE", "x", "default", "admin", False),
    ]
    created, updated, deleted = seen
    assert created.old_object is None
    assert (updated.object or {})["data"] == {"a": "1"}
    assert "data" not in (updated.old_object or {"data": 1})
    assert deleted.object is None
    assert (deleted.old_object or {})["metadata"]["name"] == "x"


def test_a_plugin_may_refuse_a_delete_and_warn() -> None:
    def keep(asked: AdmissionRequest) -> None:
        if asked.operation == "DELETE" and asked.resource == "configmaps":
            asked.warnings.append("kept")
            raise AdmissionDenied("it is still needed")

    site = site_with(keep)
    site.post(CONFIG_MAPS, {"metadata": {"name": "x"}})
    refused = site.delete(f"{CONFIG_MAPS}/x")
    assert refused.message == 'configmaps "x" is forbidden: it is still needed'
    assert refused.headers["Warning"] == '299 - "kept"'
    assert site.get(f"{CONFIG_MAPS}/x").status == 200


def test_a_plugin_that_fails_is_a_500_and_nothing_is_written(caplog: pytest.LogCaptureFixture) -> None:
    def broken(asked: AdmissionRequest) -> None:
        if asked.name == "x":
            raise LookupError("no such thing")

    site = site_with(broken)
    assert site.post(CONFIG_MAPS, {"metadata": {"name": "x"}}).status == 500
    assert "no such thing" in caplog.text
    assert site.get(f"{CONFIG_MAPS}/x").status == 404


def test_rbac_decides_before_plugins_are_asked() -> None:
    seen: list[str] = []
    secured = Secured(admission=[lambda asked: seen.append(asked.resource)])
    seen.clear()
    body = b'{"metadata":{"name":"x"}}'
    headers = {"authorization": "Bearer bob", "content-type": "application/json"}
    answer = secured.server.handle(Request(method="POST", path=CONFIG_MAPS, headers=headers, body=body))
    assert isinstance(answer, Response)
    assert answer.status == 403
    assert seen == []
