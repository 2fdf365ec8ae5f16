"""OpenAPI documents: index, hashes, caching, and the schemas that clients read."""

from __future__ import annotations

import hashlib
import json

import pytest

from fakekube.apiserver import openapi
from fakekube.apiserver.openapi_protobuf import PROTOBUF_V2, PROTOBUF_V3
from fakekube.apiserver.openapi_schemas import referred_by
from fakekube.apiserver.protobuf import read_fields
from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from fakekube.meta.objects import KubeObject
from fakekube.registry.resources import builtin


def get(path: str, query: str = "", **headers: str) -> Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    found = openapi.answer(Request(method="GET", path=path, query=query, headers=names), builtin())
    assert found is not None
    return found


def document(name: str) -> KubeObject:
    body: KubeObject = json.loads(get(f"/openapi/v3/{name}").body)
    return body


def test_the_index_names_every_document_by_its_hash() -> None:
    paths = json.loads(get("/openapi/v3").body)["paths"]
    assert {"api", "api/v1", "apis", "apis/apps", "apis/apps/v1", "version"} <= set(paths)
    path, _, query = paths["apis/apps/v1"]["serverRelativeURL"].partition("?")
    answer = get(path, query)
    digest = hashlib.sha512(answer.body).hexdigest().upper()
    assert query == f"hash={digest}"
    assert dict(answer.headers)["Etag"] == f'"{digest}"'
    assert dict(answer.headers)["Cache-Control"] == "public, immutable"


def test_a_wrong_hash_moves_on_and_a_known_etag_is_not_sent_again() -> None:
    etag = dict(get("/openapi/v3/apis/apps/v1").headers)["Etag"]
    moved = get("/openapi/v3/apis/apps/v1", "hash=ABC")
    assert moved.status == 301
    assert dict(moved.headers)["Location"] == f"/openapi/v3/apis/apps/v1?hash={etag.strip(chr(34))}"
    assert get("/openapi/v3/apis/apps/v1", if_none_match=etag).status == 304


@pytest.mark.parametrize(("known", "status"), [("W/TAG", 304), ('"x", TAG', 304), ("*", 304), ('"x"', 200), ("x", 200)])
@pytest.mark.parametrize("path", ["/openapi/v3/apis/apps/v1", "/openapi/v2"])
def test_an_etag_may_be_a_weak_one_or_one_of_several(path: str, known: str, status: int) -> None:
    etag = dict(get(path).headers)["Etag"]
    assert get(path, if_none_match=known.replace("TAG", etag)).status == status


@pytest.mark.parametrize(("path", "status"), [("/openapi/v3/", 404), ("/openapi/v3/apis/none/v1", 404)])
def test_what_is_not_there(path: str, status: int) -> None:
    assert get(path).status == status


def test_html_is_not_acceptable() -> None:
    assert get("/openapi/v3/apis/apps/v1", accept="text/html").status == 406
    assert get("/openapi/v2", accept="text/html").status == 406


def test_schemas_carry_what_clients_merge_by() -> None:
    schemas = document("apis/apps/v1")["components"]["schemas"]
    containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert {name: value for name, value in containers.items() if name != "description"} == {
        "type": "array",
        "items": {"$ref": "#/components/schemas/io.k8s.api.core.v1.Container"},
        "x-kubernetes-list-map-keys": ["name"],
        "x-kubernetes-list-type": "map",
        "x-kubernetes-patch-merge-key": "name",
        "x-kubernetes-patch-strategy": "merge",
    }
    deployment = schemas["io.k8s.api.apps.v1.Deployment"]
    assert deployment["x-kubernetes-group-version-kind"] == [{"group": "apps", "kind": "Deployment", "version": "v1"}]


def test_every_reference_of_every_document_is_resolved_in_it() -> None:
    for name in json.loads(get("/openapi/v3").body)["paths"]:
        found = document(name)
        assert set(referred_by(found)) <= set(found["components"].get("schemas", {})), name


def test_operations_tell_which_query_they_take() -> None:
    item = document("apis/apps/v1")["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]
    assert [each["name"] for each in item["parameters"]] == ["name", "namespace", "pretty"]
    assert [each["name"] for each in item["patch"]["parameters"]] == [
        "dryRun",
        "fieldManager",
        "fieldValidation",
        "force",
    ]
    assert item["get"]["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}


def test_version_2_is_json_or_protobuf_by_accept() -> None:
    whole = json.loads(get("/openapi/v2").body)
    assert whole["swagger"] == "2.0"
    lease = whole["definitions"]["io.k8s.api.coordination.v1.Lease"]
    assert lease["properties"]["spec"]["$ref"] == "#/definitions/io.k8s.api.coordination.v1.LeaseSpec"
    answer = get("/openapi/v2", accept=PROTOBUF_V2)
    assert dict(answer.headers)["Content-Type"] == PROTOBUF_V2
    fields = read_fields(answer.body)
    assert fields[1] == b"2.0"
    assert {2, 8, 9} <= set(fields)


@pytest.mark.parametrize(
    ("method", "path", "does"),
    [
        ("get", "pods", "list or watch objects of kind Pod"),
        ("get", "endpoints", "list or watch objects of kind Endpoints"),
        ("post", "namespaces/{namespace}/pods", "create a Pod"),
        ("post", "namespaces/{namespace}/events", "create an Event"),
        ("post", "namespaces/{namespace}/endpoints", "create Endpoints"),
        ("post", "namespaces/{namespace}/pods/{name}/eviction", "create eviction of a Pod"),
        ("patch", "namespaces/{namespace}/pods/{name}/status", "partially update status of the specified Pod"),
        ("delete", "namespaces/{namespace}/pods", "delete collection of Pod"),
        ("head", "nodes/{name}/proxy/{path}", "connect HEAD requests to proxy of Node"),
        ("get", "componentstatuses", "list objects of kind ComponentStatus"),
        ("get", "", "get available resources"),
    ],
)
def test_operations_say_what_they_do(method: str, path: str, does: str) -> None:
    assert document("api/v1")["paths"][f"/api/v1/{path}"][method]["description"] == does
    assert json.loads(get("/openapi/v2").body)["paths"][f"/api/v1/{path}"][method]["description"] == does


@pytest.mark.parametrize("asked", [PROTOBUF_V3, PROTOBUF_V3.replace(".v1.0+", "@v1.0+")])
def test_version_3_in_protobuf_is_the_same_document(asked: str) -> None:
    answer, plain = (get("/openapi/v3/apis/batch/v1", accept=each) for each in (asked, "application/json"))
    headers = dict(answer.headers)
    assert (headers["Content-Type"], headers["Etag"]) == (PROTOBUF_V3, dict(plain.headers)["Etag"])
    fields = read_fields(answer.body)
    assert fields[1] == b"3.0.0"
    assert b"io.k8s.api.batch.v1.CronJob" in fields[5]
    assert b"/apis/batch/v1/namespaces/{namespace}/cronjobs" in fields[4]


def test_documents_about_the_token_issuer_have_no_types() -> None:
    found = document("openid/v1/jwks")
    assert list(found["paths"]) == ["/openid/v1/jwks/"]
    assert list(found["components"]) == ["securitySchemes"]


def test_version_2_tells_what_an_operation_takes_and_gives_in_the_order_of_the_server() -> None:
    whole = json.loads(get("/openapi/v2").body)["paths"]
    item = whole["/api/v1/namespaces/{namespace}/configmaps/{name}"]
    assert item["patch"]["consumes"] == [
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
    ]
    assert item["get"]["consumes"] == ["*/*"]
    assert "parameters" not in item["get"]
    listing = whole["/api/v1/configmaps"]["get"]
    assert listing["produces"][-2:] == [
        "application/json;stream=watch",
        "application/vnd.kubernetes.protobuf;stream=watch",
    ]
    assert whole["/version/"]["get"]["consumes"] == ["application/json"]
    assert "consumes" not in whole["/openid/v1/jwks/"]["get"]
    assert whole["/apis/apps/"]["get"]["operationId"] == "getAppsAPIGroup"


def test_delete_options_serve_every_group_version_in_version_2_and_two_in_version_3() -> None:
    name, kinds = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions", "x-kubernetes-group-version-kind"
    whole = json.loads(get("/openapi/v2").body)["definitions"][name][kinds]
    assert len(whole) == 62
    assert whole[1] == {"group": "admission.k8s.io", "kind": "DeleteOptions", "version": "v1"}
    apps = document("apis/apps/v1")["components"]["schemas"][name][kinds]
    assert [(each["group"], each["version"]) for each in apps] == [("", "v1"), ("apps", "v1")]


def test_nothing_refers_to_components_in_version_2() -> None:
    assert b"#/components/" not in get("/openapi/v2").body


def test_other_paths_are_left_to_others() -> None:
    assert openapi.answer(Request(method="GET", path="/openapi"), builtin()) is None
