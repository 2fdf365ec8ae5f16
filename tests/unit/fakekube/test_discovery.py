"""Discovery as clients ask for it."""

from __future__ import annotations

import json

import pytest

from fakekube.apiserver import discovery
from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import GroupVersionKind, KubeObject
from fakekube.registry.resources import ApiGroup, ResourceType, builtin

KUBECTL = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)


def get(path: str, accept: str = "application/json", method: str = "GET") -> Response:
    found = discovery.answer(Request(method=method, path=path, headers={"accept": accept, "host": "here"}), builtin())
    assert found is not None
    return found


def document(path: str, accept: str = "application/json") -> KubeObject:
    body: KubeObject = json.loads(get(path, accept).body)
    return body


def test_the_core_group_names_its_version_and_the_address_asked() -> None:
    assert document("/api") == {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "here"}],
    }


def test_subresources_stand_beside_their_resource() -> None:
    names = [entry["name"] for entry in document("/apis/apps/v1")["resources"]]
    assert names == sorted(names)
    assert "deployments/scale" in names
    scale = next(e for e in document("/apis/apps/v1")["resources"] if e["name"] == "deployments/scale")
    assert (scale["singularName"], scale["group"], scale["version"], scale["kind"]) == (
        "",
        "autoscaling",
        "v1",
        "Scale",
    )


def test_the_aggregated_form_is_given_to_who_asks_for_it() -> None:
    answer = get("/apis", KUBECTL)
    headers = dict(answer.headers)
    assert headers["Content-Type"] == "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    assert headers["Vary"] == "Accept"
    items = json.loads(answer.body)["items"]
    assert [item["metadata"]["name"] for item in items] == [group.name for group in builtin().groups]
    again = Request(method="GET", path="/apis", headers={"accept": KUBECTL, "if-none-match": headers["Etag"]})
    unchanged = discovery.answer(again, builtin())
    assert unchanged is not None
    assert (unchanged.status, unchanged.body) == (304, b"")


def test_the_old_aggregated_form_alone_is_not_acceptable() -> None:
    with pytest.raises(StatusError) as refused:
        get("/apis", "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList")
    assert refused.value.code == 406


@pytest.mark.parametrize("path", ["/version", "/version/"])
def test_the_version_is_found_with_and_without_a_slash(path: str) -> None:
    assert document(path)["gitVersion"] == "v1.37.2"


def test_unknown_groups_are_plain_text_and_unknown_versions_a_status() -> None:
    answer = get("/apis/none")
    assert (answer.status, answer.body) == (404, b"404 page not found\n")
    with pytest.raises(StatusError) as refused:
        get("/apis/apps/v9")
    assert refused.value.message == "the server could not find the requested resource"


def test_most_of_discovery_takes_get_alone() -> None:
    assert get("/apis", method="POST").status == 200
    with pytest.raises(StatusError) as refused:
        get("/api/v1", method="POST")
    assert refused.value.code == 405


def test_paths_of_other_rooms_are_left_to_them() -> None:
    for path in ("/healthz", "/api/v1/pods", "/apis/apps/v1/deployments", "/openapi/v3"):
        assert discovery.answer(Request(method="GET", path=path), builtin()) is None


def test_a_catalog_grows_by_custom_resources_and_leaves_the_shared_one_alone() -> None:
    widget = ResourceType(
        group="example.com",
        version="v1",
        plural="widgets",
        singular="widget",
        kind="Widget",
        namespaced=True,
        verbs=("get",),
    )
    group = ApiGroup(name="example.com", versions=("v1",), preferred="v1")
    grown = builtin().extended([group], [widget])
    assert grown.find("example.com", "v1", "widgets") is widget
    assert grown.of_kind(GroupVersionKind("example.com", "v1", "Widget")) is widget
    assert grown.groups[-1] is group
    assert builtin().group("example.com") is None
    found = discovery.answer(Request(method="GET", path="/apis/example.com/v1"), grown)
    assert found is not None
    assert json.loads(found.body)["resources"][0]["name"] == "widgets"
