"""What OpenAPI and discovery say of custom resources, beyond their schema."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.fakekube.sites import Site

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUP = "published-here.example.com"
PREFIX = f"/apis/{GROUP}/v1"
SPEC: dict[str, Any] = {
    "type": "object",
    "required": ["kind", "count"],
    "properties": {
        "count": {"type": "integer", "default": 3},
        "kind": {"type": "string", "nullable": True, "enum": ["a", "b"]},
        "any": {"x-kubernetes-preserve-unknown-fields": True},
        "embedded": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        },
    },
}
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


@pytest.fixture(scope="module")
def site() -> Site:
    """With Widgets of two versions, of which the second takes anything."""
    site = Site()
    schema = {"type": "object", "properties": {"spec": SPEC, "status": {"type": "object"}}}
    scale = {"specReplicasPath": ".spec.count", "statusReplicasPath": ".status.replicas"}
    first = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}, "scale": scale},
    }
    second = {"name": "v2beta1", "served": True, "storage": False, "schema": {"openAPIV3Schema": ANYTHING}}
    body = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [first, second],
        },
    }
    assert site.post(DEFINITIONS, body).status == 201
    return site


def document(site: Site, version: str = "v1") -> Any:
    return site.get(f"/openapi/v3/apis/{GROUP}/{version}").json


def test_a_version_has_a_document_and_its_group_has_none(site: Site) -> None:
    assert [name for name in site.get("/openapi/v3").json["paths"] if GROUP in name] == [
        f"apis/{GROUP}/v1",
        f"apis/{GROUP}/v2beta1",
    ]
    assert site.get(f"/openapi/v3/apis/{GROUP}").status == 404
    assert f"{PREFIX}/" not in document(site)["paths"]
    assert list(document(site)["components"]) == ["schemas"]


def test_operations_are_named_after_group_and_version(site: Site) -> None:
    read = document(site, "v2beta1")["paths"][f"/apis/{GROUP}/v2beta1/namespaces/{{namespace}}/widgets/{{name}}"]["get"]
    assert read["operationId"] == "readPublishedHereExampleComV2beta1NamespacedWidget"
    assert read["tags"] == ["publishedHereExampleCom_v2beta1"]


def test_operations_take_what_the_real_server_tells(site: Site) -> None:
    paths = document(site)["paths"]
    named = paths[f"{PREFIX}/namespaces/{{namespace}}/widgets/{{name}}"]
    assert [each["name"] for each in named["get"]["parameters"]] == ["resourceVersion"]
    assert list(named["patch"]["responses"]) == ["200", "401"]
    everything = paths[f"{PREFIX}/namespaces/{{namespace}}/widgets"]
    assert "requestBody" not in everything["delete"]
    assert everything["delete"].get("parameters") == everything["get"].get("parameters")
    scale = paths[f"{PREFIX}/namespaces/{{namespace}}/widgets/{{name}}/scale"]["get"]
    assert scale["x-kubernetes-group-version-kind"] == {"group": GROUP, "version": "v1", "kind": "Widget"}


def test_its_delete_options_know_no_group_of_the_aggregator(site: Site) -> None:
    schemas = document(site)["components"]["schemas"]
    kinds = schemas["io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"]["x-kubernetes-group-version-kind"]
    groups = {each["group"] for each in kinds}
    assert len(kinds) == 55
    assert {"apiregistration.k8s.io", "apiextensions.k8s.io", GROUP}.isdisjoint(groups)


def test_version_2_says_less_of_what_may_be_null_or_anything(site: Site) -> None:
    whole = site.get("/openapi/v2").json
    spec = whole["definitions"]["com.example.published-here.v1.Widget"]["properties"]["spec"]
    assert spec["required"] == ["count"]
    assert spec["properties"] == {
        "count": {"type": "integer"},
        "kind": {"enum": ["a", "b"]},
        "any": {"x-kubernetes-preserve-unknown-fields": True},
        "embedded": {"x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True},
    }
    anything = whole["definitions"]["com.example.published-here.v2beta1.Widget"]
    assert set(anything) == {"type", "x-kubernetes-group-version-kind"}
    read = whole["paths"][f"{PREFIX}/namespaces/{{namespace}}/widgets/{{name}}"]["get"]
    assert (read["consumes"], read["produces"]) == (["application/json", "application/yaml"],) * 2


def test_discovery_lists_the_status_before_the_scale(site: Site) -> None:
    names = [each["name"] for each in site.get(PREFIX).json["resources"]]
    assert names == ["widgets", "widgets/status", "widgets/scale"]


def test_groups_are_listed_by_the_names_of_their_api_services_and_aggregated_by_their_own() -> None:
    site = Site()
    for group, version in (("zz.example.com", "v1"), ("a.example.com", "v1beta1"), ("mm.example.com", "v1")):
        body = {
            "metadata": {"name": f"things.{group}"},
            "spec": {
                "group": group,
                "scope": "Cluster",
                "names": {"plural": "things", "kind": "Thing"},
                "versions": [
                    {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": ANYTHING}}
                ],
            },
        }
        assert site.post(DEFINITIONS, body).status == 201
    own = ["mm.example.com", "zz.example.com", "a.example.com"]
    for path in ("/apis", "/apis/"):
        assert [each["name"] for each in site.get(path).json["groups"]][-3:] == own
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    aggregated = [each["metadata"]["name"] for each in site.get("/apis", accept=accept).json["items"]]
    assert aggregated[-3:] == sorted(own)
