"""JSON Patch and merge patch: RFC behaviour, the real server's habits, and its refusals (recorded)."""

from __future__ import annotations

import copy
import json

import pytest

from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject
from fakekube.registry.patch import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, apply_patch

LIVE: KubeObject = {
    "kind": "ConfigMap",
    "metadata": {"name": "x", "finalizers": ["example.com/a", "example.com/b"]},
    "data": {"a": "1", "b": "2"},
    "spec": {"replicas": 3},
}


def patched(content_type: str, patch: object) -> KubeObject:
    live = copy.deepcopy(LIVE)
    result = apply_patch(content_type, live, json.dumps(patch).encode(), None)
    assert live == LIVE, "the live object may not change"
    return result


@pytest.mark.parametrize(
    ("operation", "data"),
    [
        ({"op": "add", "path": "/data/c", "value": "3"}, {"a": "1", "b": "2", "c": "3"}),
        ({"op": "replace", "path": "/data/none", "value": "1"}, {"a": "1", "b": "2", "none": "1"}),
        ({"op": "remove", "path": "/data/b"}, {"a": "1"}),
        ({"op": "copy", "path": "/data/d", "from": "/data/a"}, {"a": "1", "b": "2", "d": "1"}),
        ({"op": "move", "path": "/data/d", "from": "/data/a"}, {"b": "2", "d": "1"}),
        ({"op": "add", "path": "/data/z"}, {"a": "1", "b": "2", "z": None}),
        ({"op": "add", "path": "data/a", "value": "9"}, {"a": "1", "b": "2"}),
        ({"op": "test", "path": "/data/a", "value": "1"}, {"a": "1", "b": "2"}),
    ],
)
def test_an_operation_does_what_the_real_server_does(operation: KubeObject, data: KubeObject) -> None:
    assert patched(JSON_PATCH, [operation])["data"] == data


@pytest.mark.parametrize(
    ("operation", "finalizers"),
    [
        ({"op": "add", "path": "/metadata/finalizers/-", "value": "c"}, ["example.com/a", "example.com/b", "c"]),
        ({"op": "add", "path": "/metadata/finalizers/-1", "value": "c"}, ["example.com/a", "example.com/b", "c"]),
        ({"op": "add", "path": "/metadata/finalizers/0", "value": "c"}, ["c", "example.com/a", "example.com/b"]),
        ({"op": "remove", "path": "/metadata/finalizers/1"}, ["example.com/a"]),
        ({"op": "remove", "path": "/metadata/finalizers/-1"}, ["example.com/a"]),
    ],
)
def test_a_list_is_addressed_by_index(operation: KubeObject, finalizers: list[str]) -> None:
    assert patched(JSON_PATCH, [operation])["metadata"]["finalizers"] == finalizers


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/data/none"},
        {"op": "test", "path": "/data/a", "value": "wrong"},
        {"op": "test", "path": "/spec/replicas", "value": 3.0},
        {"op": "add", "path": "/none/x", "value": "1"},
        {"op": "bogus", "path": "/data/a", "value": "1"},
        {"path": "/data/a"},
        {"op": "add"},
        {"op": "add", "path": "", "value": {"x": 1}},
        {"op": "remove", "path": ""},
        {"op": "move", "path": "/data/z"},
        {"op": "add", "path": "/metadata/finalizers/9", "value": "x"},
        {"op": "remove", "path": "/metadata/finalizers/5"},
        {"op": "replace", "path": "/metadata/finalizers/x", "value": "z"},
        {"op": "add", "path": 7, "value": "z"},
    ],
)
def test_an_operation_that_fails_is_422_without_causes(operation: KubeObject) -> None:
    with pytest.raises(StatusError) as refused:
        patched(JSON_PATCH, [operation])
    assert refused.value.status() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "the server rejected our request due to an error in our request",
        "reason": "Invalid",
        "details": {},
        "code": 422,
    }


@pytest.mark.parametrize(
    ("content_type", "body", "code", "message"),
    [
        (
            JSON_PATCH,
            "{}",
            400,
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
        ),
        (
            JSON_PATCH,
            "[1]",
            400,
            "error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp",
        ),
        (
            JSON_PATCH,
            "[[]]",
            400,
            "error decoding patch: json: cannot unmarshal array into Go value of type handlers.jsonPatchOp",
        ),
        (MERGE_PATCH, "null", 400, "Invalid JSON Patch"),
        (STRATEGIC_PATCH, "[]", 400, "json: cannot unmarshal array into Go value of type map[string]interface {}"),
        (JSON_PATCH, "[{", 400, "invalid JSON patch"),
        (JSON_PATCH, "", 400, "invalid JSON patch"),
        (
            MERGE_PATCH,
            "[]",
            400,
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
        (
            MERGE_PATCH,
            '"x"',
            400,
            "error decoding patch: json: cannot unmarshal string into Go value of type map[string]interface {}",
        ),
        (MERGE_PATCH, "a: b", 400, "invalid JSON patch"),
        (
            JSON_PATCH,
            "[" + ",".join(['{"op":"add","path":"/data/k","value":"v"}'] * 10_001) + "]",
            413,
            "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001",
        ),
    ],
)
def test_a_body_that_is_no_patch_is_refused_as_recorded(content_type: str, body: str, code: int, message: str) -> None:
    with pytest.raises(StatusError) as refused:
        apply_patch(content_type, LIVE, body.encode(), None)
    assert (refused.value.code, refused.value.message) == (code, message)


@pytest.mark.parametrize("content_type", [JSON_PATCH, STRATEGIC_PATCH])
def test_null_as_a_patch_changes_nothing(content_type: str) -> None:
    assert apply_patch(content_type, LIVE, b"null", None) == LIVE


@pytest.mark.parametrize("body", ["5", '"x"', "null"])
def test_an_unchecked_merge_patch_that_is_no_object_is_refused_by_the_library(body: str) -> None:
    with pytest.raises(StatusError, match="Invalid JSON Patch"):
        apply_patch(MERGE_PATCH, LIVE, body.encode(), None, checked=False)


def test_an_unchecked_merge_patch_that_is_a_list_becomes_the_object() -> None:
    with pytest.raises(StatusError, match="couldn't get version/kind") as refused:
        apply_patch(MERGE_PATCH, LIVE, b"[]", None, checked=False)
    assert refused.value.code == 422


def test_merge_patch_removes_by_null_merges_objects_and_replaces_lists() -> None:
    result = patched(
        MERGE_PATCH, {"data": {"a": None, "c": "3"}, "metadata": {"finalizers": ["z"]}, "new": {"x": None, "y": 1}}
    )
    assert result["data"] == {"b": "2", "c": "3"}
    assert result["metadata"] == {"name": "x", "finalizers": ["z"]}
    assert result["new"] == {"y": 1}
