"""The `paths` of an OpenAPI v3 document: which operations a group-version has, derived from its resources.

kubectl reads two things here: the kind behind a path (explain), and the query parameters of an operation (dryRun and
fieldValidation, before it dares to send them). Names and order follow the documents of kube-apiserver 1.37.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fakekube.apiserver.codec import MEDIA_TYPES
from fakekube.apiserver.negotiation import STREAMS
from fakekube.apiserver.openapi_custom import model_name
from fakekube.meta.objects import GroupVersionKind, KubeObject
from fakekube.registry.resources import ResourceType, Subresource
from fakekube.registry.schema import schema_for
from fakekube.registry.strategies import served

META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_PATCHES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
_PLAIN = ("application/json", "application/yaml")
_NOT_CUSTOM = frozenset(["application/strategic-merge-patch+json", "application/vnd.kubernetes.protobuf"])
_LIST = {
    "allowWatchBookmarks": "boolean",
    "continue": "string",
    "fieldSelector": "string",
    "labelSelector": "string",
    "limit": "integer",
    "resourceVersion": "string",
    "resourceVersionMatch": "string",
    "sendInitialEvents": "boolean",
    "shardSelector": "string",
    "timeoutSeconds": "integer",
    "watch": "boolean",
}
_DELETE = {
    "dryRun": "string",
    "gracePeriodSeconds": "integer",
    "ignoreStoreReadErrorWithClusterBreakingPotential": "boolean",
    "orphanDependents": "boolean",
    "propagationPolicy": "string",
}
_WRITE = {"dryRun": "string", "fieldManager": "string", "fieldValidation": "string"}
_PATCH = {**_WRITE, "force": "boolean"}
_NOT_COLLECTION = ("allowWatchBookmarks", "watch")
_DELETE_COLLECTION = {k: v for k, v in (_LIST | _DELETE).items() if k not in _NOT_COLLECTION}

_ATTACH = {"container": "string", "stderr": "boolean", "stdin": "boolean", "stdout": "boolean", "tty": "boolean"}
_LOG = {
    "container": "string",
    "follow": "boolean",
    "insecureSkipTLSVerifyBackend": "boolean",
    "limitBytes": "integer",
    "previous": "boolean",
    "sinceSeconds": "integer",
    "stream": "string",
    "tailLines": "integer",
    "timestamps": "boolean",
}
# Subresources that are streams: the query of each, and the HTTP methods.
_CONNECT: Mapping[str, Mapping[str, str]] = {
    "attach": _ATTACH,
    "exec": {"command": "string", **_ATTACH},
    "portforward": {"ports": "integer"},
    "proxy": {"path": "string"},
}
_STREAM_METHODS = ("get", "post")
_PROXY_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")

# DELETE answers the object, but the document says Status.
_TOLD_AS_STATUS = frozenset(["CustomResourceDefinition", "Job", "Namespace", "ReplicationController"])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operation:
    """One method of one path, before what all methods share is lifted to the path."""

    method: str
    name: str
    action: str
    kind: GroupVersionKind
    query: Mapping[str, str]
    answers: Mapping[str, KubeObject]
    body: KubeObject | None = None


def paths(resources: Sequence[ResourceType], group: str, version: str) -> KubeObject:
    """The `paths` of one group-version, sorted."""
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    found: KubeObject = {}
    if any(resource.custom is None for resource in resources):
        found[f"{root}/"] = _resource_list(group, version)
    for resource in resources:
        namer = _Namer(resource)
        for path, operations in _paths_of(resource, namer):
            told = operations if resource.custom is None else [_of_custom(resource, each) for each in operations]
            found[f"{root}{path}"] = _item(resource, path, told, namer.tag)
    return dict(sorted(found.items()))


def _resource_list(group: str, version: str) -> KubeObject:
    name = f"get{group_name(group)}{_title(version)}APIResources"
    answer = content_of(f"{META}.APIResourceList")
    return {"get": discovery_operation(name, f"{tag(group)}_{version}", "get available resources", answer)}


def discovery_operation(name: str, label: str, description: str, answer: KubeObject) -> KubeObject:
    """An operation of discovery, which takes nothing; `answer` is its media types."""
    answers = {"200": {"description": "OK", "content": answer}, "401": {"description": "Unauthorized"}}
    return {"tags": [label], "description": description, "operationId": name, "responses": answers}


def group_name(group: str) -> str:
    """`rbac.authorization.k8s.io` -> `RbacAuthorization`; the core group is `Core`."""
    return "".join(part.title() for part in re.split("[.-]", (group or "core").removesuffix(".k8s.io")))


def _title(name: str) -> str:
    return name[:1].upper() + name[1:]


def tag(group: str) -> str:
    name = group_name(group)
    return name[:1].lower() + name[1:]


class _Namer:
    """Operation ids of one resource: `listCoreV1NamespacedPod`."""

    def __init__(self, resource: ResourceType) -> None:
        self._prefix = f"{group_name(resource.group)}{_title(resource.version)}"
        self._scope = "Namespaced" if resource.namespaced else ""
        self._kind = resource.kind
        self.tag = f"{tag(resource.group)}_{resource.version}"

    def of(self, verb: str, before: str = "", after: str = "", *, scoped: bool = True) -> str:
        return f"{verb}{self._prefix}{before}{self._scope if scoped else ''}{self._kind}{after}"


_Paths = Iterator[tuple[str, list[_Operation]]]


def _paths_of(resource: ResourceType, namer: _Namer) -> _Paths:
    base = f"/namespaces/{{namespace}}/{resource.plural}" if resource.namespaced else f"/{resource.plural}"
    yield base, list(_collection(resource, namer))
    if "get" in resource.verbs:
        yield f"{base}/{{name}}", list(_named(resource, namer))
    if resource.namespaced and "list" in resource.verbs:
        name = namer.of("list", after="ForAllNamespaces", scoped=False)
        yield f"/{resource.plural}", [_list(resource, name)]
    for sub in resource.subresources.values():
        yield from _subresource(resource, sub, f"{base}/{{name}}/{sub.name}", namer)
    if "watch" in resource.verbs and resource.custom is None:
        yield from _watches(resource, base, namer)


def _collection(resource: ResourceType, namer: _Namer) -> Iterator[_Operation]:
    if "list" in resource.verbs:
        yield _list(resource, namer.of("list"))
    if "create" in resource.verbs:
        yield _write("post", namer.of("create"), resource.gvk, ("200", "201", "202"), _WRITE)
    if "deletecollection" in resource.verbs:
        yield _deletion(resource, namer.of("delete", before="Collection"), "deletecollection", _DELETE_COLLECTION)


def _named(resource: ResourceType, namer: _Namer) -> Iterator[_Operation]:
    yield _read(namer.of("read"), resource.gvk)
    if "update" in resource.verbs:
        yield _write("put", namer.of("replace"), resource.gvk, ("200", "201"), _WRITE)
    if "delete" in resource.verbs:
        yield _deletion(resource, namer.of("delete"), "delete", _DELETE)
    if "patch" in resource.verbs:
        yield _patch(namer.of("patch"), resource.gvk)


def _list(resource: ResourceType, name: str) -> _Operation:
    kind = resource.gvk._replace(kind=resource.list_kind)
    answers = {"200": content_of(_schema_name(kind), streams=True)}
    return _Operation(method="get", name=name, action="list", kind=resource.gvk, query=_LIST, answers=answers)


def _read(name: str, kind: GroupVersionKind) -> _Operation:
    answers = {"200": content_of(_schema_name(kind))}
    return _Operation(method="get", name=name, action="get", kind=kind, query={}, answers=answers)


def _write(
    method: str, name: str, kind: GroupVersionKind, codes: Sequence[str], query: Mapping[str, str]
) -> _Operation:
    content = content_of(_schema_name(kind))
    body = {"content": {"*/*": reference(_schema_name(kind))}, "required": True}
    return _Operation(
        method=method,
        name=name,
        action=method,
        kind=kind,
        query=query,
        answers=dict.fromkeys(codes, content),
        body=body,
    )


def _patch(name: str, kind: GroupVersionKind) -> _Operation:
    content = content_of(_schema_name(kind))
    body = {"content": {media_type: reference(f"{META}.Patch") for media_type in _PATCHES}, "required": True}
    answers = {"200": content, "201": content}
    return _Operation(method="patch", name=name, action="patch", kind=kind, query=_PATCH, answers=answers, body=body)


def _deletion(resource: ResourceType, name: str, action: str, query: Mapping[str, str]) -> _Operation:
    """DELETE answers a Status, or the object for the kinds that say so."""
    whole = action == "delete" and served(resource).strategy.delete_returns_object
    told = whole and resource.kind not in _TOLD_AS_STATUS
    content = content_of(_schema_name(resource.gvk) if told else f"{META}.Status")
    codes = ("200",) if action == "deletecollection" else ("200", "202")
    body = {"content": {"*/*": reference(f"{META}.DeleteOptions")}}
    return _Operation(
        method="delete",
        name=name,
        action=action,
        kind=resource.gvk,
        query=query,
        answers=dict.fromkeys(codes, content),
        body=body,
    )


def _subresource(resource: ResourceType, sub: Subresource, path: str, namer: _Namer) -> _Paths:
    if sub.name in _CONNECT:
        yield from _connections(resource, sub, path, namer)
        return
    after = sub.name.title()
    if sub.name == "log":
        answers = {"200": {media_type: _schema({"type": "string"}) for media_type in ("text/plain", *MEDIA_TYPES)}}
        yield (
            path,
            [
                _Operation(
                    method="get",
                    name=namer.of("read", after="Log"),
                    action="get",
                    kind=sub.gvk,
                    query=_LOG,
                    answers=answers,
                )
            ],
        )
        return
    operations = []
    if "get" in sub.verbs:
        operations.append(_read(namer.of("read", after=after), sub.gvk))
    if "update" in sub.verbs:
        operations.append(_write("put", namer.of("replace", after=after), sub.gvk, ("200", "201"), _WRITE))
    if "create" in sub.verbs:
        operations.append(_write("post", namer.of("create", after=after), sub.gvk, ("200", "201", "202"), _WRITE))
    if "patch" in sub.verbs:
        operations.append(_patch(namer.of("patch", after=after), sub.gvk))
    yield path, operations


def _connections(resource: ResourceType, sub: Subresource, path: str, namer: _Namer) -> _Paths:
    yield path, _connect(sub, namer, sub.name.title())
    if sub.name == "proxy":
        yield f"{path}/{{path}}", _connect(sub, namer, "ProxyWithPath")


def _connect(sub: Subresource, namer: _Namer, after: str) -> list[_Operation]:
    methods = _PROXY_METHODS if sub.name == "proxy" else _STREAM_METHODS
    answers = {"200": {"*/*": _schema({"type": "string"})}}
    return [
        _Operation(
            method=method,
            name=namer.of("connect", before=method.title(), after=after),
            action="connect",
            kind=sub.gvk,
            query=_CONNECT[sub.name],
            answers=answers,
        )
        for method in methods
    ]


def _watches(resource: ResourceType, base: str, namer: _Namer) -> _Paths:
    """The old watch paths, kept by the server beside `?watch=1`."""
    if resource.namespaced:
        name = namer.of("watch", after="ListForAllNamespaces", scoped=False)
        yield f"/watch/{resource.plural}", [_watch(resource, name, "watchlist")]
    yield f"/watch{base}", [_watch(resource, namer.of("watch", after="List"), "watchlist")]
    if "get" in resource.verbs:
        yield f"/watch{base}/{{name}}", [_watch(resource, namer.of("watch"), "watch")]


def _watch(resource: ResourceType, name: str, action: str) -> _Operation:
    answers = {"200": content_of(f"{META}.WatchEvent", streams=True)}
    return _Operation(method="get", name=name, action=action, kind=resource.gvk, query=_LIST, answers=answers)


# --- descriptions -----------------------------------------------------------------------------------------------------

# What an operation does, by its action; `a` is the kind's article. Source: k8s.io/apiserver/pkg/endpoints/installer.go.
_DOES = {
    "delete": "delete{a}{kind}",
    "deletecollection": "delete collection of {kind}",
    "get": "read {of}the specified {kind}",
    "list": "list or watch objects of kind {kind}",
    "patch": "partially update {of}the specified {kind}",
    "post": "create {of}{a}{kind}",
    "put": "replace {of}the specified {kind}",
    "connect": "connect {method} requests to {sub} of {kind}",
    "watch": "watch changes to an object of kind {kind}. deprecated: use the 'watch' parameter with a list operation "
    "instead, filtered to a single item with the 'fieldSelector' parameter.",
    "watchlist": "watch individual changes to a list of {kind}. deprecated: use the 'watch' parameter with a list "
    "operation instead.",
}


def _description(resource: ResourceType, path: str, operation: _Operation) -> str:
    sub = path.rpartition("{name}")[2].strip("/").partition("/")[0] if "{name}" in path else ""
    watched = "watch" in resource.verbs and resource.custom is None
    text = _DOES[operation.action] if watched or operation.action != "list" else "list objects of kind {kind}"
    said = text.format(
        a=f" {_article(resource.kind)} ",
        kind=resource.kind,
        method=operation.method.upper(),
        of=f"{sub} of " if sub else "",
        sub=sub,
    )
    return " ".join(said.split())


def _article(noun: str) -> str:
    """Plurals have none."""
    if noun.endswith("s") and not noun.endswith("ss"):
        return ""
    return "an" if noun[0].lower() in "aeiou" else "a"


# --- rendering --------------------------------------------------------------------------------------------------------

_DESCRIPTIONS = {"200": "OK", "201": "Created", "202": "Accepted"}


def _plainly(content: KubeObject) -> KubeObject:
    """What custom resources are sent and answered in: JSON and YAML, never protobuf; and no strategic merge patch."""
    if "*/*" in content:
        return dict.fromkeys(_PLAIN, content["*/*"])
    kept = {media_type: each for media_type, each in content.items() if media_type not in _NOT_CUSTOM}
    return {media_type: each for media_type, each in kept.items() if ";stream=" not in media_type}


# What the operations of custom resources take instead.
_QUERY_OF_CUSTOM = {"deletecollection": _LIST, "get": {"resourceVersion": "string"}}


def _of_custom(resource: ResourceType, operation: _Operation) -> _Operation:
    """Its documents say less, and not always what is so: no options of a deletion of all, no creation by a patch."""
    body = None if operation.action == "deletecollection" else operation.body
    codes = ("200",) if operation.action == "patch" else tuple(operation.answers)
    return replace(
        operation,
        kind=resource.gvk,
        query=_QUERY_OF_CUSTOM.get(operation.action, operation.query),
        body=body if body is None else {**body, "content": _plainly(body["content"])},
        answers={code: _plainly(operation.answers[code]) for code in codes},
    )


def _item(resource: ResourceType, path: str, operations: Sequence[_Operation], label: str) -> KubeObject:
    """One path: what all its operations take stands once, beside them."""
    queries = [_query(path, operation) for operation in operations]
    shared = [each for each in queries[0] if all(each in query for query in queries)] if queries else []
    rendered: KubeObject = {
        operation.method: _rendered(
            operation, [each for each in query if each not in shared], label, _description(resource, path, operation)
        )
        for operation, query in zip(operations, queries, strict=True)
    }
    return rendered | ({"parameters": [*shared]} if shared else {})


def _query(path: str, operation: _Operation) -> list[KubeObject]:
    """All parameters of an operation, sorted by name, those in the path among them."""
    placed = [name for name in ("name", "namespace", "path") if f"{{{name}}}" in path]
    pretty = {} if operation.action == "connect" else {"pretty": "string"}
    found = [_parameter(name, kind) for name, kind in (dict(operation.query) | pretty).items()]
    return sorted([*found, *(_path_parameter(name) for name in placed)], key=lambda each: (each["name"], each["in"]))


def _parameter(name: str, kind: str) -> KubeObject:
    return {"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": True}}


def _path_parameter(name: str) -> KubeObject:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "uniqueItems": True}}


def _rendered(operation: _Operation, query: Sequence[KubeObject], label: str, description: str) -> KubeObject:
    rendered: KubeObject = {"tags": [label], "description": description, "operationId": operation.name}
    if query:
        rendered["parameters"] = list(query)
    if operation.body is not None:
        rendered["requestBody"] = operation.body
    answers = {
        code: {"description": _DESCRIPTIONS[code], "content": content} for code, content in operation.answers.items()
    }
    return rendered | {
        "responses": {**answers, "401": {"description": "Unauthorized"}},
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": operation.kind._asdict(),
    }


def content_of(name: str, *, streams: bool = False) -> KubeObject:
    media_types = sorted([*MEDIA_TYPES, *(STREAMS if streams else ())])
    return {media_type: reference(name) for media_type in media_types}


def reference(name: str) -> KubeObject:
    return _schema({"$ref": f"#/components/schemas/{name}"})


def _schema(schema: KubeObject) -> KubeObject:
    return {"schema": schema}


def _schema_name(kind: GroupVersionKind) -> str:
    schema = schema_for(kind)
    return model_name(kind) if schema is None else schema.name
