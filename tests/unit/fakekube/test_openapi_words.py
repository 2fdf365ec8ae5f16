"""Descriptions in OpenAPI documents: Kubernetes' words where `kubernetes-validate` is installed, none where it is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakekube.apiserver import openapi, openapi_words
from fakekube.apiserver.openapi_protobuf import PROTOBUF_V2
from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from fakekube.meta.objects import KubeObject
from fakekube.registry.resources import builtin
from fakekube.registry.schema import schema_names
from tests.unit.fakekube.sites import Site

# It says which JSON these take, and nothing more.
REWRITTEN = ["io.k8s.apimachinery.pkg.api.resource.Quantity", "io.k8s.apimachinery.pkg.util.intstr.IntOrString"]


@pytest.fixture
def nothing_built() -> Iterator[None]:
    """As in a process that has not been asked for a document; what is built is forgotten behind the test too."""
    kept = (openapi_words._words, openapi._encoded, openapi._index, openapi._v2_body)
    for cached in kept:
        cached.cache_clear()
    yield
    for cached in kept:
        cached.cache_clear()


def get(path: str, accept: str = "application/json") -> Response:
    found = openapi.answer(Request(method="GET", path=path, headers={"accept": accept}), builtin())
    assert found is not None
    return found


def schemas_of(name: str) -> KubeObject:
    found: KubeObject = json.loads(get(f"/openapi/v3/{name}").body)["components"]["schemas"]
    return found


def test_types_and_fields_are_described() -> None:
    schemas = schemas_of("apis/apps/v1")
    strategy = schemas["io.k8s.api.apps.v1.DeploymentStrategy"]
    assert strategy["description"].startswith("DeploymentStrategy describes")
    assert strategy["properties"]["rollingUpdate"]["description"].startswith("Rolling update config params.")
    containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["description"].startswith("List of containers")
    assert list(containers) == [
        "description",
        "type",
        "items",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-patch-merge-key",
        "x-kubernetes-patch-strategy",
    ]


def test_a_field_of_few_values_lists_them_behind_its_words() -> None:
    kind = schemas_of("apis/apps/v1")["io.k8s.api.apps.v1.DeploymentStrategy"]["properties"]["type"]
    assert kind["description"].endswith('\n\nPossible enum values:\n - `"Recreate"`\n - `"RollingUpdate"`')
    assert openapi_words.with_values("", ["a"]) == ""


def test_every_type_is_described_but_those_that_the_package_rewrites() -> None:
    assert [name for name in schema_names() if not openapi_words.words_of(name).description] == REWRITTEN


def test_version_2_is_described_too() -> None:
    strategy = json.loads(get("/openapi/v2").body)["definitions"]["io.k8s.api.apps.v1.DeploymentStrategy"]
    assert strategy["properties"]["rollingUpdate"] == {
        "description": openapi_words.words_of("io.k8s.api.apps.v1.DeploymentStrategy").of("rollingUpdate"),
        "$ref": "#/definitions/io.k8s.api.apps.v1.RollingUpdateDeployment",
    }
    assert strategy["description"].encode() in get("/openapi/v2", PROTOBUF_V2).body


def test_nothing_is_read_before_a_document_is_asked_for(nothing_built: None) -> None:
    site = Site()
    for path in ("/api", "/apis", "/api/v1/namespaces", "/apis/apps/v1"):
        assert site.server.handle(Request(method="GET", path=path)).status == 200
    assert openapi_words._words.cache_info().misses == 0
    assert get("/openapi/v3/apis/apps/v1").status == 200
    assert openapi_words._words.cache_info().misses == 1


@pytest.fixture
def rearranged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with definitions of 1.37, in another arrangement."""
    folder = tmp_path / "rearranged/kubernetes-json-schema/v1.37.9-local"
    folder.mkdir(parents=True)
    (folder / "_definitions.json").write_text('{"definitions": {"io.k8s.api.apps.v1.DeploymentStrategy": {}}}')
    (tmp_path / "rearranged/__init__.py").write_text("raise AssertionError('nobody imports it')")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("package", ["a_package_that_is_nowhere", "json", "rearranged"])
def test_without_the_package_or_its_definitions_nothing_is_described(
    package: str, rearranged: None, nothing_built: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openapi_words, "_PACKAGE", package)
    strategy = schemas_of("apis/apps/v1")["io.k8s.api.apps.v1.DeploymentStrategy"]
    assert "description" not in strategy
    assert strategy["properties"]["rollingUpdate"] == {
        "allOf": [{"$ref": "#/components/schemas/io.k8s.api.apps.v1.RollingUpdateDeployment"}]
    }
