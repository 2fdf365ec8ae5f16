"""Versions that a webhook converts. Compared with kube-apiserver 1.37.2: see tests/real/test_conversions.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.fakekube.dynamic_admission.asking_site import AskingSite
from tests.unit.fakekube.dynamic_admission.webhook_cases import converted_definition, path_of
from tests.unit.fakekube.dynamic_admission.webhook_server import WebhookServer, webhook_server
from tests.unit.fakekube.sites import Site, names

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
V1, V2 = path_of("convert", "v1"), path_of("convert", "v2")


@pytest.fixture(scope="module")
def server() -> Iterator[WebhookServer]:
    with webhook_server() as server:
        yield server


@pytest.fixture
def site(server: WebhookServer) -> AskingSite:
    site = AskingSite()
    body = converted_definition("convert", f"{server.url}/convert", server.ca_bundle)
    assert site.post(DEFINITIONS, body).status == 201
    return site


def thing(name: str, version: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": f"convert.example.com/{version}", "kind": "Convert", "metadata": {"name": name}, "spec": spec}


def test_an_object_is_read_in_another_version(site: AskingSite) -> None:
    site.post(V1, thing("one", "v1", size=1))
    read = site.get(f"{V2}/one").json
    assert (read["apiVersion"], read["spec"]) == ("convert.example.com/v2", {"count": 1})
    # a conversion changes labels and annotations, and nothing else of metadata
    assert read["metadata"]["labels"] == {"converted": "yes"}
    assert "finalizers" not in read["metadata"]


def test_an_object_is_written_in_another_version(site: AskingSite) -> None:
    made = site.post(V2, thing("two", "v2", count=2))
    assert (made.status, made.json["spec"]) == (201, {"count": 2})
    assert site.get(f"{V1}/two").json["spec"] == {"size": 2}
    patched = site.patch(f"{V2}/two", {"spec": {"count": 5}})
    assert (patched.status, patched.json["metadata"]["generation"]) == (200, 2)
    assert site.get(f"{V1}/two").json["spec"] == {"size": 5}


def test_lists_are_converted(site: AskingSite) -> None:
    for name in ("a", "b"):
        site.post(V1, thing(name, "v1", size=1))
    listed = site.get(V2)
    assert names(listed) == ["a", "b"]
    assert [item["spec"] for item in listed.json["items"]] == [{"count": 1}, {"count": 1}]


def test_what_no_webhook_converts_is_neither_read_nor_written(site: AskingSite, server: WebhookServer) -> None:
    site.post(V1, thing("one", "v1", size=1))
    dead = converted_definition("convert", "https://127.0.0.1:1/path", server.ca_bundle)
    site.patch(f"{DEFINITIONS}/converts.convert.example.com", {"spec": {"conversion": dead["spec"]["conversion"]}})
    why = (
        "conversion webhook for convert.example.com/{}, Kind=Convert failed: "
        'Post "https://127.0.0.1:1/path?timeout=30s": dial tcp 127.0.0.1:1: connect: connection refused'
    )
    read = site.get(f"{V2}/one")
    assert (read.status, read.message.endswith(why.format("v1"))) == (500, True)
    written = site.post(V2, thing("two", "v2", count=2))
    assert (written.status, written.message) == (500, why.format("v2"))
    assert site.get(f"{V1}/two").status == 404
    assert site.get(f"{V1}/one").status == 200


def test_a_watch_in_a_version_that_is_converted_is_refused(site: AskingSite) -> None:
    assert site.get(V2, "watch=true&timeoutSeconds=1").status == 501
    assert site.watch(V1) is not None


def test_without_a_network_the_object_is_not_shown(server: WebhookServer) -> None:
    site = Site()
    site.post(DEFINITIONS, converted_definition("convert", f"{server.url}/convert", server.ca_bundle))
    assert site.post(V1, thing("one", "v1", size=1)).status == 201
    assert "webhooks are called where a site is served over HTTP" in site.get(f"{V2}/one").message
    site.delete(f"{DEFINITIONS}/converts.convert.example.com")
    site.settle()
    assert site.server.site.dynamic is None


def test_garbage_is_collected_without_a_conversion(site: AskingSite, server: WebhookServer) -> None:
    """What the site does by itself it does in the version that is stored."""
    owner = site.post("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "owner"}}).json
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    owned = thing("owned", "v1", size=1)
    site.post(V1, {**owned, "metadata": {"name": "owned", "ownerReferences": [reference]}})
    server.asked.clear()
    site.delete("/api/v1/namespaces/default/configmaps/owner")
    site.settle()
    assert site.get(f"{V1}/owned").status == 404
    assert server.asked == {}
