"""Random conversations with an apiserver, made by hypothesis: what users do to an object, and what they get wrong.

A story is about one kind: objects named a, b and c are created, read, listed, changed in every way there is, watched
and deleted, with options and mistakes mixed in. It is a Conversation, so that any target can play it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from fakekube.meta.objects import GroupVersionKind, KubeObject, group_of
from fakekube.registry.resources import ResourceType, builtin
from tests.recordings.conversation import Conversation, Step

SAMPLES: Mapping[str, KubeObject] = json.loads(
    (Path(__file__).parents[1] / "recordings/defaults-1.37.json").read_text()
)["cases"]

# Kinds whose objects hold still: no controller and no allocator writes to them behind the story's back.
KINDS = (
    "configmaps",
    "secrets",
    "serviceaccounts",
    "limitranges",
    "podtemplates",
    "persistentvolumeclaims",
    "deployments",
    "statefulsets",
    "replicasets",
    "controllerrevisions",
    "cronjobs",
    "leases",
    "ingresses",
    "networkpolicies",
    "poddisruptionbudgets",
    "roles",
    "rolebindings",
    "endpointslices",
    "csistoragecapacities",
)
STEPS = 25

_JSON = "application/json"
_MERGE = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"
_JSON_PATCH = "application/json-patch+json"
_APPLY = "application/apply-patch+yaml"
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
_PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"

NAMES = st.sampled_from(["a", "b", "c"])
LABELS = st.dictionaries(st.sampled_from(["app", "tier", "x.y/z"]), st.sampled_from(["1", "two", ""]), max_size=2)
Draw = Callable[[st.SearchStrategy[Any]], Any]


def samples_of(plural: str) -> list[KubeObject]:
    return [
        case["sent"] for key, case in SAMPLES.items() if key.partition("/")[0] == plural and case["sent"].get("kind")
    ]


def resource_of(sample: KubeObject) -> ResourceType:
    found = builtin().of_kind(GroupVersionKind(*group_of(sample["apiVersion"]), sample["kind"]))
    assert found is not None, sample
    return found


@st.composite
def stories(draw: Draw) -> Conversation:
    """One story: setup makes its namespace, each step is one request (a watch is one too)."""
    plural = draw(st.sampled_from([kind for kind in KINDS if samples_of(kind)]))
    objects = samples_of(plural)
    resource = resource_of(objects[0])
    group, version = resource.group_version
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    path = f"{root}/namespaces/${{ns}}/{plural}"
    acts = draw(st.lists(st.sampled_from(sorted(_ACTS)), min_size=STEPS, max_size=STEPS))
    namespace: Step = {
        "method": "POST",
        "path": "/api/v1/namespaces",
        "body": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "${ns}"}},
    }
    return Conversation(
        name=f"story/{plural}",
        area="story",
        needs=[],
        ns="story-RUN",
        setup=[namespace, *map(_awaited, _BORN_WITH_A_NAMESPACE), _create(draw, path, objects, "a")],
        steps=[_ACTS[act](draw, path, objects) for act in acts],
        teardown=[{"method": "DELETE", "path": "/api/v1/namespaces/${ns}"}],
    )


# Controllers of both servers make these a moment after the namespace: a story begins when they are there.
_BORN_WITH_A_NAMESPACE = ("serviceaccounts/default", "configmaps/kube-root-ca.crt")


def _awaited(place: str) -> Step:
    return {"method": "GET", "path": f"/api/v1/namespaces/${{ns}}/{place}", "until": {"code": 200}}


def _object(draw: Draw, objects: list[KubeObject], name: str) -> KubeObject:
    """A sample of the kind under that name, with labels, and sometimes with a mistake."""
    obj: KubeObject = copy.deepcopy(draw(st.sampled_from(objects)))
    meta = obj.setdefault("metadata", {})
    meta["name"] = name
    meta.pop("namespace", None)
    if labels := draw(LABELS):
        meta["labels"] = {**(meta.get("labels") or {}), **labels}
    mistake = draw(st.sampled_from([None] * 8 + [*_MISTAKES]))
    if mistake is not None:
        mistake(obj)
    return obj


def _misnamed(obj: KubeObject) -> None:
    obj["metadata"]["name"] = "Not_A_Name"


def _unknown_field(obj: KubeObject) -> None:
    obj["bogus"] = {"a": 1}


def _unknown_below(obj: KubeObject) -> None:
    obj["metadata"]["bogus"] = True


def _bad_label(obj: KubeObject) -> None:
    obj["metadata"]["labels"] = {"a b": "c"}


def _bad_label_value(obj: KubeObject) -> None:
    obj["metadata"]["labels"] = {"a": "-x-"}


def _wrong_type(obj: KubeObject) -> None:
    obj["metadata"]["labels"] = ["a"]


def _other_kind(obj: KubeObject) -> None:
    obj["kind"] = "Pod"


def _other_version(obj: KubeObject) -> None:
    obj["apiVersion"] = "v9"


def _annotated(obj: KubeObject) -> None:
    obj["metadata"]["annotations"] = {"example.com/note": "é" * 3}


def _finalized(obj: KubeObject) -> None:
    obj["metadata"]["finalizers"] = ["example.com/hold"]


def _generated(obj: KubeObject) -> None:
    obj["metadata"].pop("name", None)


_MISTAKES = (
    _misnamed,
    _unknown_field,
    _unknown_below,
    _bad_label,
    _bad_label_value,
    _wrong_type,
    _other_kind,
    _other_version,
    _annotated,
    _finalized,
    _generated,
)

_WRITE_OPTIONS = st.sampled_from(
    [{}] * 8
    + [
        {"dryRun": "All"},
        {"dryRun": "x"},
        {"fieldManager": "m1"},
        {"fieldManager": "m2"},
        {"fieldValidation": "Strict"},
        {"fieldValidation": "Ignore"},
        {"fieldValidation": "Warn"},
        {"fieldValidation": "x"},
        {"pretty": "true"},
    ]
)


def _step(method: str, path: str, query: Mapping[str, Any], **members: Any) -> Step:
    step: Step = {"method": method, "path": path, **members}  # type: ignore[typeddict-item]  # members are a Step's own
    if query:
        step["query"] = dict(query)
    return step


def _create(draw: Draw, path: str, objects: list[KubeObject], name: str | None = None) -> Step:
    obj = _object(draw, objects, name or draw(NAMES))
    return _step("POST", path, draw(_WRITE_OPTIONS), body=obj)


def _get(draw: Draw, path: str, objects: list[KubeObject]) -> Step:
    accept = draw(
        st.sampled_from([_JSON] * 4 + [_TABLE, _PARTIAL, "application/yaml", "text/html", f"{_TABLE},{_JSON}"])
    )
    query = draw(
        st.sampled_from([{}] * 6 + [{"resourceVersion": "0"}, {"resourceVersion": "1"}, {"resourceVersion": "x"}])
    )
    return _step("GET", f"{path}/{draw(NAMES)}", query, headers={"Accept": accept})


_SELECTORS = st.sampled_from(
    [
        "app=1",
        "app!=1",
        "app",
        "!app",
        "app in (1,two)",
        "tier notin (1)",
        "app=1,tier",
        "app==two",
        "app=,",
        "app in",
        "a b",
    ]
)
_FIELDS = st.sampled_from(
    ["metadata.name=a", "metadata.name!=a", "metadata.namespace=default", "spec.bogus=1", "metadata.name"]
)


def _list(draw: Draw, path: str, objects: list[KubeObject]) -> Step:
    query: dict[str, Any] = {}
    if draw(st.booleans()):
        query["labelSelector"] = draw(_SELECTORS)
    if draw(st.integers(0, 3)) == 0:
        query["fieldSelector"] = draw(_FIELDS)
    if draw(st.integers(0, 2)) == 0:
        query["limit"] = draw(st.sampled_from(["1", "2", "500", "0", "-1", "x"]))
    if draw(st.integers(0, 4)) == 0:
        query["resourceVersion"] = draw(st.sampled_from(["", "x"]))  # "0" may be answered from the past
    accept = draw(
        st.sampled_from([_JSON] * 4 + [_TABLE, "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"])
    )
    return _step("GET", path, query, headers={"Accept": accept})


def _put(draw: Draw, path: str, objects: list[KubeObject]) -> Step:
    name = draw(NAMES)
    obj = _object(draw, objects, name)
    version = draw(st.sampled_from([None, None, None, "1", "x", ""]))
    if version is not None:
        obj["metadata"]["resourceVersion"] = version
    return _step("PUT", f"{path}/{name}", draw(_WRITE_OPTIONS), body=obj)


def _merge_patch(draw: Draw, path: str, objects: list[KubeObject]) -> Step:
    return _patch(draw, path, draw(st.sampled_from([_MERGE, _STRATEGIC])), draw(_metadata_patches(draw, objects)))


def _metadata_patches(draw: Draw, objects: list[KubeObject]) -> st.SearchStrategy[Any]:
    obj = _object(draw, objects, "a")
    spec = {key: value for key, value in obj.items() if key not in ("metadata", "kind", "apiVersion")}
    return st.sampled_from(
        [
            {"metadata": {"labels": draw(LABELS)}},
            {"metadata": {"labels": {"app": None}}},
            {"metadata": {"labels": None, "annotations": {"example.com/a": "1"}}},
            {"metadata": {"finalizers": ["example.com/hold"]}},
            {"metadata": {"finalizers": None}},
            {"metadata": {"name": "other"}},
            {"metadata": {"uid": "00000000-0000-4000-8000-000000000000"}},
            {"metadata": {"resourceVersion": "1"}},
            {"metadata": None},
            {"bogus": 1},
            {},
            [],
            "x",
            spec,
        ]
    )


def _json_patch(draw: Draw, path: str, objects: list[KubeObject]) -> Step:
    operations = draw(
        st.lists(
            st.sampled_from(
                [
                    {"op": "add", "path": "/metadata/labels", "value": {"app": "1"}},
                    {"op": "add", "path": "/metadata/labels/app", "value": "two"},
                    {"op": "remove", "path": "/metadata/labels/app"},
                    {"op": "replace", "path": "/metadata/labels/tier", "value": "1"},
                    {"op": "test", "path": "/metadata/name", "value": "a"},
                    {"op": "add", "path": "/metadata/annotations", "value": {"example.com/b": "2"}},
                    {"op": "copy", "from": "/metadata/name", "path": "/metadata/labels/x"},
                    {"op": "bogus", "path": "/metadata/name"},
                    {"op": "remove", "path": "/bogus"},
                ]
            ),
            max_size=3,
        )
    )
    return _patch(draw, path, _JSON_PATCH, operations)


def _patch(draw: Draw, path: str, content_type: str, body: Any) -> Step:
    return _step(
        "PATCH", f"{path}/{draw(NAMES)}", draw(_WRITE_OPTIONS), headers={"Content-Type": content_type}, body=body
    )


def _apply(draw: Draw, path: str, objects: list[KubeObject]) -> Step:
    name = draw(NAMES)
    query = {"fieldManager": draw(st.sampled_from(["m1", "m2"])), **draw(st.sampled_from([{}, {"force": "true"}]))}
    return _step("PATCH", f"{path}/{name}", query, headers={"Content-Type": _APPLY}, body=_object(draw, objects, name))


def _delete(draw: Draw, path: str, objects: list[KubeObject]) -> Step:
    query = draw(
        st.sampled_from([{}] * 4 + [{"dryRun": "All"}, {"propagationPolicy": "Orphan"}, {"propagationPolicy": "x"}])
    )
    body = draw(
        st.sampled_from(
            [None] * 4 + [{"preconditions": {"resourceVersion": "1"}}, {"kind": "DeleteOptions", "apiVersion": "v1"}]
        )
    )
    extra = {} if body is None else {"body": body}
    return _step("DELETE", f"{path}/{draw(NAMES)}", query, **extra)


def _delete_collection(draw: Draw, path: str, objects: list[KubeObject]) -> Step:
    return _step("DELETE", path, {"labelSelector": draw(_SELECTORS)})


def _watch(draw: Draw, path: str, objects: list[KubeObject]) -> Step:
    """From now: what is there comes first, as ADDED, in any order of names."""
    query = {"watch": "true", "timeoutSeconds": "1", **draw(st.sampled_from([{}, {"labelSelector": "app"}]))}
    return _step("GET", path, query, do="watch", events=3, wait=0.1, anyOrder=True)


def _raw(draw: Draw, path: str, objects: list[KubeObject]) -> Step:
    text = draw(st.sampled_from(["", "{", "[]", "null", "5", '{"metadata":{"name":"a"}}', '{"kind":5}', "a: b\n"]))
    content_type = draw(st.sampled_from([_JSON, "application/yaml", "text/plain", ""]))
    return _step("POST", path, {}, raw=text, headers={"Content-Type": content_type})


def _odd_path(draw: Draw, path: str, objects: list[KubeObject]) -> Step:
    method = draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS"]))
    suffix = draw(st.sampled_from(["/a/status", "/a/scale", "/a/bogus", "/a/b/c", "/UPPER", "/a%2Fb", ""]))
    return _step(method, f"{path}{suffix}", {})


_ACTS: Mapping[str, Callable[[Draw, str, list[KubeObject]], Step]] = {
    "create": _create,
    "create again": _create,
    "get": _get,
    "list": _list,
    "put": _put,
    "merge": _merge_patch,
    "json patch": _json_patch,
    "apply": _apply,
    "delete": _delete,
    "delete collection": _delete_collection,
    "watch": _watch,
    "raw": _raw,
    "odd path": _odd_path,
}
