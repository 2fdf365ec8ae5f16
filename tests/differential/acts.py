"""The acts of a story. Each draws what it needs and gives the requests it is made of, nearly always one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

from fakekube.apiserver.protobuf import write_envelope
from tests.differential.samples import LABELS, Draw, dented, partial, sample, sound
from tests.differential.subjects import Subject
from tests.recordings.conversation import Step

_JSON = "application/json"
_YAML = "application/yaml"
_PROTOBUF = "application/vnd.kubernetes.protobuf"
_MERGE = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"
_JSON_PATCH = "application/json-patch+json"
_APPLY = "application/apply-patch+yaml"
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
_PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
_PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"

Act = Callable[[Draw, Subject], list[Step]]

LETTERS = st.sampled_from(["a", "a", "b", "c"])
_MANAGERS = st.sampled_from(["m1", "m2", "m3"])
_ONE = st.sampled_from(
    [_JSON] * 4 + [_TABLE, _PARTIAL, _YAML, _PROTOBUF, "text/html", f"{_TABLE},{_JSON}", f"{_PROTOBUF},{_JSON}"]
)
_MANY = st.sampled_from([_JSON] * 4 + [_TABLE, _PARTIAL_LIST, _PROTOBUF, f"{_TABLE};includeObject=Object"])

_WRITE_OPTIONS = st.sampled_from(
    [{}] * 8
    + [
        {"dryRun": "All"},
        {"dryRun": "x"},
        {"fieldManager": "m1"},
        {"fieldManager": "m2"},
        {"fieldManager": "m" * 129},
        {"fieldValidation": "Strict"},
        {"fieldValidation": "Ignore"},
        {"fieldValidation": "Warn"},
        {"fieldValidation": "x"},
        {"pretty": "true"},
        {"force": "true"},
        {"export": "true", "bogus": "1"},
    ]
)
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
        "x.y/z>1",
    ]
)
_FIELDS = st.sampled_from(
    ["metadata.name=a", "metadata.name!=a", "metadata.namespace=default", "spec.bogus=1", "metadata.name"]
)


def _step(method: str, path: str, query: Mapping[str, Any], **members: Any) -> Step:
    if "body" in members:  # compact, as clients send it: some kinds keep the bytes
        members["raw"] = json.dumps(members.pop("body"), separators=(",", ":"), ensure_ascii=False)
    step: Step = {"method": method, "path": path, **members}  # type: ignore[typeddict-item]  # members are a Step's own
    if query:
        step["query"] = dict(query)
    return step


# Reading.


def _get(draw: Draw, subject: Subject) -> list[Step]:
    query = draw(
        st.sampled_from(
            [{}] * 6 + [{"resourceVersion": "0"}, {"resourceVersion": "1"}, {"resourceVersion": "x"}, {"bogus": "1"}]
        )
    )
    return [_step("GET", subject.place(draw(LETTERS)), query, headers={"Accept": draw(_ONE)})]


def _learn(draw: Draw, subject: Subject) -> list[Step]:
    """Captures the uid and the resourceVersion, for preconditions."""
    known = {"uid": "metadata.uid", "rv": "metadata.resourceVersion"}
    return [_step("GET", subject.place(draw(LETTERS)), {}, capture=known)]


def _list(draw: Draw, subject: Subject) -> list[Step]:
    query: dict[str, Any] = {}
    if draw(st.booleans()):
        query["labelSelector"] = draw(_SELECTORS)
    if draw(st.integers(0, 3)) == 0:
        query["fieldSelector"] = draw(_FIELDS)
    if draw(st.integers(0, 2)) == 0:
        query["limit"] = draw(st.sampled_from(["1", "2", "500", "0", "-1", "x"]))
    if draw(st.integers(0, 4)) == 0:
        query["resourceVersion"] = draw(st.sampled_from(["", "x"]))  # "0" may be answered from the past
    if draw(st.integers(0, 6)) == 0:
        query["resourceVersionMatch"] = draw(st.sampled_from(["Exact", "NotOlderThan", "x"]))
    if draw(st.integers(0, 9)) == 0:
        query["sendInitialEvents"] = "true"
    return [_step("GET", subject.path, {**query, **subject.own(draw(LETTERS))}, headers={"Accept": draw(_MANY)})]


def _pages(draw: Draw, subject: Subject) -> list[Step]:
    """The first page, and the one behind it, sometimes asked for in a wrong way."""
    own, token = subject.own("a"), draw(st.sampled_from(["${more}"] * 4 + ["x", "e30"]))
    # an empty token, as lists of custom resources have it, would ask for a list of version 1, which etcd still has
    old = [] if subject.resource.custom else [{"resourceVersion": "1"}]
    extra = draw(st.sampled_from([*[{}] * 4, *old, {"labelSelector": "app"}]))
    accept = {"Accept": draw(_MANY)}
    return [
        _step("GET", subject.path, {"limit": "1", **own}, capture={"more": "metadata.continue"}),
        _step("GET", subject.path, {"limit": "2", "continue": token, **extra, **own}, headers=accept),
    ]


def _watch(draw: Draw, subject: Subject) -> list[Step]:
    """From now: what is there comes first, as ADDED, in any order of names."""
    query = {"watch": "true", "timeoutSeconds": "1", **draw(st.sampled_from([{}, {"labelSelector": "app"}]))}
    accept = {"Accept": draw(st.sampled_from([_JSON, _JSON, _TABLE, _PARTIAL, "text/html"]))}
    query |= subject.own(draw(LETTERS))
    return [_step("GET", subject.path, query, do="watch", events=3, wait=0.2, anyOrder=True, headers=accept)]


def _watch_list(draw: Draw, subject: Subject) -> list[Step]:
    """All that is there, and the bookmark behind it; sometimes without what it needs."""
    query = {
        "watch": "true",
        "sendInitialEvents": "true",
        "resourceVersionMatch": draw(st.sampled_from(["NotOlderThan"] * 4 + ["", "Exact"])),
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "5",
        **subject.own(draw(LETTERS)),
    }
    return [_step("GET", subject.path, query, do="watch", events=99, ends="BOOKMARK", anyOrder=True)]


def _watch_from(draw: Draw, subject: Subject) -> list[Step]:
    """From a version that is known: what has happened to one object since then, a deletion last."""
    letter = draw(LETTERS)
    query = {
        "watch": "true",
        "timeoutSeconds": "1",
        "resourceVersion": "${from}",
        "fieldSelector": f"metadata.name={subject.named(letter)}",
    }
    labels = {"metadata": {"labels": draw(LABELS)}}
    merge = {"Content-Type": _MERGE}
    return [
        _step(
            "GET", subject.path, {"limit": "500", **subject.own(letter)}, capture={"from": "metadata.resourceVersion"}
        ),
        _step("PATCH", subject.place(letter), {}, headers=merge, body=labels),
        _step("GET", subject.path, query, do="watch", events=2, wait=0.2),
    ]


# Writing.


def create(draw: Draw, subject: Subject, letter: str) -> list[Step]:
    return [_step("POST", subject.path, draw(_WRITE_OPTIONS), body=sample(draw, subject, letter))]


def _create(draw: Draw, subject: Subject) -> list[Step]:
    accept = {"Accept": draw(_ONE)}
    (step,) = create(draw, subject, draw(LETTERS))
    return [{**step, "headers": accept}]


def _create_dented(draw: Draw, subject: Subject) -> list[Step]:
    return [_step("POST", subject.path, {"dryRun": "All"}, body=dented(draw, subject, draw(LETTERS)))]


def _create_protobuf(draw: Draw, subject: Subject) -> list[Step]:
    if not subject.resource.namespaced or subject.resource.custom:  # no message, or bytes without the story's name
        return _create(draw, subject)
    body = base64.b64encode(write_envelope(sound(draw, subject, draw(LETTERS)))).decode()
    if "${ns}" in str(base64.b64decode(body)):
        return _create(draw, subject)
    headers = {"Content-Type": _PROTOBUF, "Accept": draw(st.sampled_from([_PROTOBUF, _JSON]))}
    return [_step("POST", subject.path, draw(_WRITE_OPTIONS), b64=body, headers=headers)]


def _put(draw: Draw, subject: Subject) -> list[Step]:
    letter = draw(LETTERS)
    obj = sample(draw, subject, letter)
    version = draw(st.sampled_from([None, None, None, "1", "x", "", "${rv}"]))
    if version is not None:
        obj["metadata"]["resourceVersion"] = version
    if draw(st.integers(0, 7)) == 0:
        obj["metadata"]["uid"] = "${uid}"
    return [_step("PUT", subject.place(letter), draw(_WRITE_OPTIONS), body=obj)]


def _put_dented(draw: Draw, subject: Subject) -> list[Step]:
    letter = draw(LETTERS)
    return [_step("PUT", subject.place(letter), {"dryRun": "All"}, body=dented(draw, subject, letter))]


def _merge_patch(draw: Draw, subject: Subject) -> list[Step]:
    return _patch(draw, subject, draw(st.sampled_from([_MERGE, _STRATEGIC])), draw(_patches(draw, subject)))


def _patches(draw: Draw, subject: Subject) -> st.SearchStrategy[Any]:
    obj, odd = partial(draw, subject, "a"), dented(draw, subject, "a")
    return st.sampled_from(
        [
            {"metadata": {"labels": draw(LABELS)}},
            {"metadata": {"labels": {"app": None}}},
            {"metadata": {"labels": None, "annotations": {"example.com/a": "1"}}},
            {"metadata": {"finalizers": ["example.com/hold"]}},
            {"metadata": {"finalizers": None}},
            {"metadata": {"name": "other"}},
            {"metadata": {"uid": "00000000-0000-4000-8000-000000000000"}},
            {"metadata": {"resourceVersion": draw(st.sampled_from(["1", "${rv}"]))}},
            {"metadata": {"managedFields": draw(st.sampled_from([None, [], [{}]]))}},
            {"metadata": {"labels": {"app": "1", "$patch": "replace"}}},
            {"metadata": None},
            {"bogus": 1},
            {"kind": "Pod"},
            {},
            [],
            "x",
            _body(obj),
            _body(odd),
        ]
    )


def _body(obj: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in obj.items() if key not in ("metadata", "kind", "apiVersion")}


_OPERATIONS = st.lists(
    st.sampled_from(
        [
            {"op": "add", "path": "/metadata/labels", "value": {"app": "1"}},
            {"op": "add", "path": "/metadata/labels/app", "value": "two"},
            {"op": "remove", "path": "/metadata/labels/app"},
            {"op": "replace", "path": "/metadata/labels/tier", "value": "1"},
            {"op": "test", "path": "/metadata/name", "value": "a"},
            {"op": "test", "path": "/metadata/labels/app", "value": "1"},
            {"op": "add", "path": "/metadata/annotations", "value": {"example.com/b": "2"}},
            {"op": "add", "path": "/metadata/finalizers/-", "value": "example.com/hold"},
            {"op": "copy", "from": "/metadata/name", "path": "/metadata/labels/x"},
            {"op": "move", "from": "/metadata/labels/app", "path": "/metadata/labels/tier"},
            {"op": "replace", "path": "/kind", "value": "Pod"},
            {"op": "bogus", "path": "/metadata/name"},
            {"op": "remove", "path": "/bogus"},
            {"op": "remove", "path": "/spec"},
        ]
    ),
    max_size=3,
)


def _json_patch(draw: Draw, subject: Subject) -> list[Step]:
    return _patch(draw, subject, _JSON_PATCH, draw(_OPERATIONS))


def _patch(draw: Draw, subject: Subject, content_type: str, body: Any) -> list[Step]:
    headers = {"Content-Type": content_type}
    return [_step("PATCH", subject.place(draw(LETTERS)), draw(_WRITE_OPTIONS), headers=headers, body=body)]


def _apply(draw: Draw, subject: Subject) -> list[Step]:
    letter = draw(LETTERS)
    made = draw(st.sampled_from([partial, partial, partial, sample]))
    query = {"fieldManager": draw(_MANAGERS), **draw(st.sampled_from([{}, {"force": "true"}, {"dryRun": "All"}]))}
    return [
        _step("PATCH", subject.place(letter), query, headers={"Content-Type": _APPLY}, body=made(draw, subject, letter))
    ]


def _unmanaged(draw: Draw, subject: Subject) -> list[Step]:
    """Apply without a manager, and other ways to be refused."""
    query = draw(st.sampled_from([{}, {"fieldManager": ""}, {"fieldManager": "m1", "force": "x"}, {"force": "false"}]))
    body = draw(st.sampled_from([{}, None, "x", {"metadata": {"managedFields": []}}, {"metadata": {"name": "other"}}]))
    if isinstance(body, dict):
        body = {"apiVersion": subject.resource.api_version, "kind": subject.resource.kind, **body}
    return [_step("PATCH", subject.place("a"), query, headers={"Content-Type": _APPLY}, body=body)]


def _subresource(draw: Draw, subject: Subject) -> list[Step]:
    """Reads, replaces, patches or applies one that the kind has."""
    name = draw(st.sampled_from(sorted({*subject.resource.subresources, "status", "scale"} - _LEFT_ALONE)))
    letter = draw(LETTERS)
    path = f"{subject.place(letter)}/{name}"
    method = draw(st.sampled_from(["GET", "PUT", "PATCH", "PATCH"]))
    if method == "GET":
        return [_step("GET", path, {}, headers={"Accept": draw(_ONE)})]
    if method == "PUT":
        return [_step("PUT", path, draw(_WRITE_OPTIONS), body=_scale(draw, subject, letter, name))]
    content_type = draw(st.sampled_from([_MERGE, _STRATEGIC, _APPLY]))
    query = {"fieldManager": draw(_MANAGERS)} if content_type == _APPLY else {}
    body = _scale(draw, subject, letter, name)
    if content_type != _APPLY and draw(st.booleans()):
        body = draw(_patches(draw, subject))
    return [_step("PATCH", path, query, headers={"Content-Type": content_type}, body=body)]


# What needs a node, gives a token, or is told by tests of its own.
_LEFT_ALONE = frozenset(["attach", "binding", "eviction", "exec", "log", "portforward", "proxy", "token"])


def _scale(draw: Draw, subject: Subject, letter: str, name: str) -> Any:
    if name != "scale":
        return sample(draw, subject, letter)
    replicas = draw(st.sampled_from([0, 3, -1, "x"]))
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": subject.named(letter)},
        "spec": {"replicas": replicas},
    }


# Deleting.


def _delete(draw: Draw, subject: Subject) -> list[Step]:
    if subject.resource.plural == "namespaces":  # they go when they are empty, a moment later: told by other tests
        return _get(draw, subject)
    letter = draw(LETTERS)
    policy = draw(st.sampled_from(["", "", "", "", "Orphan", "Background", "Foreground", "x"]))
    policy = policy or ("Background" if subject.orphans else "")
    query = {"propagationPolicy": policy} if policy else draw(st.sampled_from([{}, {}, {"dryRun": "All"}]))
    if subject.resource.plural == "pods":
        query = {**query, "gracePeriodSeconds": draw(st.sampled_from(["0", "x", "5"]))}
    body = draw(
        st.sampled_from(
            [None] * 5
            + [
                {"preconditions": {"resourceVersion": "1"}},
                {"preconditions": {"resourceVersion": "${rv}"}},
                {"preconditions": {"uid": "${uid}"}},
                {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"},
                {"orphanDependents": False, "propagationPolicy": "Background"},
                {"dryRun": ["x"]},
            ]
        )
    )
    if body is not None and subject.orphans:
        body = {"propagationPolicy": "Background", **body}
    extra = {} if body is None else {"body": body}
    path = subject.place(letter)
    deletion = _step("DELETE", path, query, **extra)
    return [deletion, *(_step("GET", path, {}, until={"notext": f'"{mark}"'}) for mark in _MARKS.get(policy, ()))]


# A controller takes these finalizers away a moment later, and with the last one the object.
_MARKS: Mapping[str, tuple[str, ...]] = {"Orphan": ("orphan",), "Foreground": ("foregroundDeletion",)}


def _delete_collection(draw: Draw, subject: Subject) -> list[Step]:
    query = {"labelSelector": draw(_SELECTORS), **subject.own(draw(LETTERS))}
    query |= draw(st.sampled_from([{}, {}, {"dryRun": "All"}, {"limit": "1"}, {"resourceVersion": "x"}]))
    if subject.orphans:
        query["propagationPolicy"] = "Background"
    if subject.resource.plural == "pods":
        query["gracePeriodSeconds"] = "0"
    # its own version is the one that a cache had reached
    return [_step("DELETE", subject.path, query, ignore=["metadata.resourceVersion"])]


# Nonsense.


def _raw(draw: Draw, subject: Subject) -> list[Step]:
    text = draw(st.sampled_from(["", "{", "[]", "null", "5", '{"metadata":{"name":"a"}}', '{"kind":5}', "a: b\n"]))
    # a running server drops the connection of who sends a custom resource as protobuf
    protobuf = [] if subject.resource.custom else [_PROTOBUF]
    content_type = draw(st.sampled_from([_JSON, _YAML, "text/plain", "", *protobuf]))
    return [_step("POST", subject.path, {}, raw=text, headers={"Content-Type": content_type})]


def _raw_patch(draw: Draw, subject: Subject) -> list[Step]:
    text = draw(
        st.sampled_from(["", "{", "[]", "null", "5", '{"metadata":{"labels":{"a":"1","a":"2"}}}', "a: b\n", "- a"])
    )
    content_type = draw(st.sampled_from([_JSON_PATCH, _MERGE, _STRATEGIC, _APPLY, _JSON, _YAML, ""]))
    return [_step("PATCH", subject.place("a"), {}, raw=text, headers={"Content-Type": content_type})]


def _odd_path(draw: Draw, subject: Subject) -> list[Step]:
    method = draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"]))
    suffixes = [f"/{subject.named('a')}{end}" for end in ("/status", "/scale", "/bogus", "/b/c", "%2Fb")]
    suffix = draw(st.sampled_from([*suffixes, "/UPPER"]))
    return [_step(method, f"{subject.path}{suffix}", {})]


ACTS: Mapping[str, Act] = {
    "apply": _apply,
    "apply again": _apply,
    "apply unmanaged": _unmanaged,
    "create": _create,
    "create again": _create,
    "create dented": _create_dented,
    "create protobuf": _create_protobuf,
    "delete": _delete,
    "delete collection": _delete_collection,
    "get": _get,
    "json patch": _json_patch,
    "learn": _learn,
    "list": _list,
    "merge": _merge_patch,
    "odd path": _odd_path,
    "pages": _pages,
    "put": _put,
    "put dented": _put_dented,
    "raw": _raw,
    "raw patch": _raw_patch,
    "subresource": _subresource,
    "watch": _watch,
    "watch from": _watch_from,
    "watch list": _watch_list,
}
