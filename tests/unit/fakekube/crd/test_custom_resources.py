"""Custom resources at work: served at once, kept by their schema, gone with their definition."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakekube.registry.resources import builtin
from tests.unit.fakekube.sites import Site, events, names

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
API = "/apis/g.example.com/v1/namespaces/default"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
SPEC: dict[str, Any] = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 9},
        "color": {"type": "string", "default": "red"},
        "ports": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "port": {"type": "integer"}},
            },
        },
        "part": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        },
    },
}


def schema(spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"spec": spec, "status": {"type": "object", "properties": {"n": {"type": "integer"}}}},
    }


def version(name: str, spec: dict[str, Any] = SPEC, *, storage: bool = True, **more: Any) -> dict[str, Any]:
    return {"name": name, "served": True, "storage": storage, "schema": {"openAPIV3Schema": schema(spec)}, **more}


def definition(*versions: dict[str, Any], kind: str = "Widget", scope: str = "Namespaced") -> dict[str, Any]:
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.g.example.com"},
        "spec": {
            "group": "g.example.com",
            "scope": scope,
            "names": {"plural": plural, "kind": kind, "shortNames": [kind[:2].lower()]},
            "versions": list(versions or [version("v1")]),
        },
    }


def widget(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "g.example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": {"size": 3, **spec}}


@pytest.fixture
def served(site: Site) -> Site:
    """A site that serves widgets."""
    assert site.post(DEFINITIONS, definition()).status == 201
    return site


def test_a_definition_is_served_when_its_creation_is_answered(served: Site) -> None:
    held = served.get(f"{DEFINITIONS}/widgets.g.example.com").json["status"]
    assert [(each["type"], each["status"]) for each in held["conditions"]] == [
        ("NamesAccepted", "True"),
        ("Established", "True"),
    ]
    assert served.get(f"{API}/widgets").json["items"] == []
    assert "g.example.com" in [group["name"] for group in served.get("/apis").json["groups"]]


def test_unknown_fields_go_with_a_warning_and_defaults_come(served: Site) -> None:
    made = served.post(f"{API}/widgets", widget("a", wheels=4))
    assert made.json["spec"] == {"size": 3, "color": "red"}
    assert made.headers["Warning"] == '299 - "unknown field \\"spec.wheels\\""'


def test_an_object_that_does_not_fit_its_schema_is_refused_with_every_cause(served: Site) -> None:
    refused = served.post(f"{API}/widgets", widget("a", size=10, color=5))
    assert refused.status == 422
    assert {cause["field"] for cause in refused.json["details"]["causes"]} == {"spec.size", "spec.color"}


def test_the_keys_of_a_map_list_are_unique(served: Site) -> None:
    refused = served.post(f"{API}/widgets", widget("a", ports=[{"name": "x"}, {"name": "x"}]))
    assert 'spec.ports[1]: Duplicate value: {"name":"x"}' in refused.message


def test_an_embedded_resource_says_what_it_is(served: Site) -> None:
    refused = served.post(f"{API}/widgets", widget("a", part={"apiVersion": "v1", "metadata": {"name": "Bad/"}}))
    assert "spec.part.kind: Required value" in refused.message
    assert "spec.part.metadata.name" in refused.message


def test_two_appliers_own_the_items_of_a_map_list(served: Site) -> None:
    def applied(manager: str, port: str) -> None:
        wish = {**widget("a"), "spec": {"ports": [{"name": port, "port": 1}]} | ({"size": 3} if port == "x" else {})}
        path, query = f"{API}/widgets/a", f"fieldManager={manager}"
        assert served.ask("PATCH", path, wish, query=query, content_type="application/apply-patch+yaml").status < 300

    applied("one", "x")
    applied("two", "y")
    assert [port["name"] for port in served.get(f"{API}/widgets/a").json["spec"]["ports"]] == ["x", "y"]


def test_a_watch_sees_custom_resources_come_and_go(served: Site) -> None:
    stream = served.watch(f"{API}/widgets")
    served.post(f"{API}/widgets", widget("a"))
    served.delete(f"{API}/widgets/a")
    assert [kind for kind, _ in events(stream)] == ["ADDED", "DELETED"]


def test_an_update_is_told_which_version_it_replaces(served: Site) -> None:
    served.post(f"{API}/widgets", widget("a"))
    assert "must be specified for an update" in served.put(f"{API}/widgets/a", widget("a")).message


def test_what_an_update_leaves_alone_is_not_judged_again(served: Site) -> None:
    served.post(f"{API}/widgets", widget("a", size=9))
    narrower = {**SPEC, "properties": {**SPEC["properties"], "size": {"type": "integer", "maximum": 5}}}
    patched = served.patch(f"{DEFINITIONS}/widgets.g.example.com", {"spec": {"versions": [version("v1", narrower)]}})
    assert patched.status == 200
    assert served.patch(f"{API}/widgets/a", {"spec": {"color": "blue"}}).status == 200
    assert served.patch(f"{API}/widgets/a", {"spec": {"size": 8}}).status == 422


def test_false_does_not_stand_for_zero(site: Site) -> None:
    spec = {"type": "object", "additionalProperties": {"type": "boolean"}}
    site.post(DEFINITIONS, definition(version("v1", spec)))
    made = {**widget("a"), "spec": {"y": False}}
    assert site.post(f"{API}/widgets", made).status == 201
    assert "spec.y in body must be of type boolean" in site.patch(f"{API}/widgets/a", {"spec": {"y": 0}}).message


def test_older_objects_are_read_as_the_new_schema_wants_them(served: Site) -> None:
    served.post(f"{API}/widgets", widget("a"))
    spec = {
        "type": "object",
        "properties": {"size": {"type": "integer"}, "shape": {"type": "string", "default": "round"}},
    }
    served.patch(f"{DEFINITIONS}/widgets.g.example.com", {"spec": {"versions": [version("v1", spec)]}})
    assert served.get(f"{API}/widgets/a").json["spec"] == {"size": 3, "shape": "round"}
    assert served.get(f"{API}/widgets").json["items"][0]["spec"] == {"size": 3, "shape": "round"}


def test_one_object_in_two_versions(site: Site) -> None:
    deprecated = version(
        "v1beta1", {"type": "object", "properties": {"size": {"type": "integer"}}}, storage=False, deprecated=True
    )
    site.post(DEFINITIONS, definition(version("v1"), deprecated))
    site.post(f"{API}/widgets", widget("a"))
    older = site.get(f"{API.replace('v1', 'v1beta1')}/widgets/a")
    assert older.json["apiVersion"] == "g.example.com/v1beta1"
    assert older.json["spec"] == {"size": 3}
    assert "use g.example.com/v1 Widget" in older.headers["Warning"]


def test_a_status_of_its_own_is_written_through_its_path_alone(site: Site) -> None:
    site.post(DEFINITIONS, definition(version("v1", subresources={"status": {}})))
    assert "status" not in site.post(f"{API}/widgets", {**widget("a"), "status": {"n": 1}}).json
    written = site.patch(f"{API}/widgets/a/status", {"status": {"n": 2}, "spec": {"size": 5}}).json
    assert (written["status"], written["spec"]["size"], written["metadata"]["generation"]) == ({"n": 2}, 3, 1)


def test_a_scale_reads_and_writes_where_the_definition_says(site: Site) -> None:
    paths = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.n"}
    site.post(DEFINITIONS, definition(version("v1", subresources={"scale": paths})))
    site.post(f"{API}/widgets", widget("a"))
    assert site.get(f"{API}/widgets/a/scale").json["spec"] == {"replicas": 3}
    assert site.patch(f"{API}/widgets/a/scale", {"spec": {"replicas": 4}}).json["spec"] == {"replicas": 4}
    assert site.get(f"{API}/widgets/a").json["spec"]["size"] == 4
    assert site.patch(f"{API}/widgets/a/scale", {"spec": {"replicas": 10}}).status == 422


def test_printer_columns_fill_the_table(site: Site) -> None:
    columns = [
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Port", "type": "string", "jsonPath": '.spec.ports[?(@.name=="b")].port'},
        {"name": "None", "type": "string", "jsonPath": ".spec.nothing"},
    ]
    site.post(DEFINITIONS, definition(version("v1", additionalPrinterColumns=columns)))
    site.post(f"{API}/widgets", widget("a", ports=[{"name": "a", "port": 1}, {"name": "b", "port": 2}]))
    table = site.get(f"{API}/widgets", accept=TABLE).json
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Size", "Port", "None"]
    assert table["rows"][0]["cells"] == ["a", 3, "2", None]


def test_selectable_fields_select(site: Site) -> None:
    site.post(DEFINITIONS, definition(version("v1", selectableFields=[{"jsonPath": ".spec.color"}])))
    for name, color in (("a", "red"), ("b", "blue")):
        site.post(f"{API}/widgets", widget(name, color=color))
    assert names(site.get(f"{API}/widgets", "fieldSelector=spec.color%3Dblue")) == ["b"]
    assert site.get(f"{API}/widgets", "fieldSelector=spec.size%3D3").status == 400


def test_openapi_publishes_the_schema_and_shares_the_rest(served: Site) -> None:
    paths = served.get("/openapi/v3").json["paths"]
    document = json.loads(served.get("/openapi/v3/apis/g.example.com/v1").text)
    model = document["components"]["schemas"]["com.example.g.v1.Widget"]
    assert model["properties"]["spec"]["properties"]["size"] == SPEC["properties"]["size"]
    assert paths["apis/apps/v1"] == Site().get("/openapi/v3").json["paths"]["apis/apps/v1"]
    assert served.get("/openapi/v2").json["definitions"]["com.example.g.v1.Widget"]["type"] == "object"


def test_aggregated_discovery_lists_custom_resources(served: Site) -> None:
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    (group,) = [
        each for each in served.get("/apis", accept=accept).json["items"] if each["metadata"]["name"] == "g.example.com"
    ]
    (resource,) = group["versions"][0]["resources"]
    assert resource["responseKind"] == {"group": "g.example.com", "version": "v1", "kind": "Widget"}


def test_a_definition_takes_its_objects_along(served: Site) -> None:
    served.post(f"{API}/widgets", widget("a"))
    assert served.delete(f"{DEFINITIONS}/widgets.g.example.com").json["metadata"]["finalizers"]
    served.settle()
    assert served.get(f"{DEFINITIONS}/widgets.g.example.com").status == 404
    gone = served.get(f"{API}/widgets")
    assert (gone.status, gone.text) == (404, "404 page not found\n")
    assert served.server.site.catalog is builtin()


def test_an_object_with_a_finalizer_holds_its_definition(served: Site) -> None:
    held = widget("a")
    held["metadata"]["finalizers"] = ["g.example.com/hold"]
    served.post(f"{API}/widgets", held)
    served.delete(f"{DEFINITIONS}/widgets.g.example.com")
    served.settle()
    refused = served.post(f"{API}/widgets", widget("b"))
    assert "create not allowed while custom resource definition is terminating" in refused.message
    served.patch(f"{API}/widgets/a", {"metadata": {"finalizers": None}})
    served.settle()
    assert served.get(f"{DEFINITIONS}/widgets.g.example.com").status == 404


def test_a_name_that_is_taken_waits_until_it_is_free(served: Site) -> None:
    rival = definition(kind="Gadget")
    rival["spec"]["names"]["shortNames"] = ["wi"]
    served.post(DEFINITIONS, rival)
    accepted, _ = served.get(f"{DEFINITIONS}/gadgets.g.example.com").json["status"]["conditions"]
    assert (accepted["status"], accepted["reason"]) == ("False", "ShortNamesConflict")
    assert served.get(f"{API}/gadgets").status == 404


def test_a_restored_site_serves_what_it_served(served: Site) -> None:
    before = served.server.snapshot()
    served.delete(f"{DEFINITIONS}/widgets.g.example.com")
    served.settle()
    served.server.restore(before)
    assert served.post(f"{API}/widgets", widget("a")).status == 201


def test_namespaces_and_owners_take_custom_resources_along(served: Site) -> None:
    served.post("/api/v1/namespaces", {"metadata": {"name": "gone"}})
    served.settle()
    served.post(API.replace("default", "gone") + "/widgets", widget("a"))
    owner = served.post(f"{API}/widgets", widget("owner")).json
    dependent = widget("dependent")
    reference = {"apiVersion": "g.example.com/v1", "kind": "Widget", "name": "owner", "uid": owner["metadata"]["uid"]}
    dependent["metadata"]["ownerReferences"] = [reference]
    served.post(f"{API}/widgets", dependent)
    served.delete("/api/v1/namespaces/gone")
    served.delete(f"{API}/widgets/owner")
    served.settle()
    assert names(served.get("/apis/g.example.com/v1/widgets")) == []
    assert served.get("/api/v1/namespaces/gone").status == 404


def test_a_strategic_merge_patch_is_for_built_in_kinds(served: Site) -> None:
    served.post(f"{API}/widgets", widget("a"))
    assert served.patch(f"{API}/widgets/a", {"spec": {"size": 4}}, "strategic-merge-patch+json").status == 415


@pytest.mark.parametrize("depth", [500, 900])
def test_an_object_may_be_nested_deep(site: Site, depth: int) -> None:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    site.post(DEFINITIONS, definition(version("v1", anything)))
    nested: dict[str, Any] = {}
    for _ in range(depth):
        nested = {"a": nested}
    assert site.post(f"{API}/widgets", widget("deep", a=nested)).status == 201
    assert site.get(f"{API}/widgets/deep").json["spec"]["a"] == nested


def test_a_schema_may_be_nested_deep(site: Site) -> None:
    spec: dict[str, Any] = {"type": "string"}
    for _ in range(200):
        spec = {"type": "object", "properties": {"a": spec}}
    assert site.post(DEFINITIONS, definition(version("v1", spec))).status == 201


def test_references_are_refused(site: Site) -> None:
    spec = {"type": "object", "properties": {"a": {"$ref": "#/properties/spec"}}}
    refused = site.post(DEFINITIONS, definition(version("v1", spec)))
    assert "$ref is not supported" in refused.message


def test_sites_with_the_same_definition_share_what_is_compiled(served: Site) -> None:
    other = Site()
    other.settle()
    other.post(DEFINITIONS, definition())
    found = [each.server.site.catalog.find("g.example.com", "v1", "widgets") for each in (served, other)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].custom is found[1].custom


def test_embedded_metadata_has_all_its_members_whichever_are_declared(site: Site) -> None:
    part = {
        "type": "object",
        "x-kubernetes-embedded-resource": True,
        "properties": {"metadata": {"type": "object", "properties": {"name": {"type": "string"}}}},
    }
    spec = {"type": "object", "properties": {"part": part}}
    assert site.post(DEFINITIONS, definition(version("v1", spec))).status == 201
    meta = {"name": "n", "namespace": "default", "labels": {"a": "b"}, "odd": "x"}
    sent = {"apiVersion": "v1", "kind": "Sub", "metadata": meta}
    body = {"apiVersion": "g.example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"part": sent}}
    refused = site.post(f"{API}/widgets", body, "fieldValidation=Strict")
    assert refused.message.endswith('strict decoding error: unknown field "spec.part.metadata.odd"')
    kept = site.post(f"{API}/widgets", body).json["spec"]["part"]["metadata"]
    assert kept == {"name": "n", "namespace": "default", "labels": {"a": "b"}}


def test_a_rule_that_was_broken_before_is_told_as_a_warning(served: Site) -> None:
    """kube-apiserver 1.37.2 warns with every update that leaves the value as it is."""
    served.post(f"{API}/widgets", widget("x", color="blue"))
    ruled = {**SPEC, "x-kubernetes-validations": [{"rule": "self.color == 'red'", "message": "red"}]}
    versions = {"spec": {"versions": [version("v1", ruled)]}}
    assert served.patch(f"{DEFINITIONS}/widgets.g.example.com", versions).status == 200
    labelled = served.patch(f"{API}/widgets/x", {"metadata": {"labels": {"a": "b"}}})
    assert (labelled.status, labelled.headers["Warning"]) == (200, '299 - "spec: Invalid value: red"')
    assert served.patch(f"{API}/widgets/x", {"spec": {"size": 4}}).status == 422
