"""The OpenAPI documents of an apiserver, made from the tables of kinds: v3 per group-version, and v2 in two encodings.

A document is built when it is first asked for, kept as bytes, and shared by all sites with the same catalog.
Source: the documents of kube-apiserver 1.37.2. Types and fields are described where `openapi_words` finds the words;
operations and their parameters never are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl

from fakekube.apiserver.codec import JSON, encode_json
from fakekube.apiserver.negotiation import Offer, negotiate
from fakekube.apiserver.openapi_custom import INFO as CUSTOM_INFO
from fakekube.apiserver.openapi_custom import model_schemas, without_logic
from fakekube.apiserver.openapi_paths import META, discovery_operation, group_name, paths, tag
from fakekube.apiserver.openapi_v2 import PROTOBUF_V2, PROTOBUF_V3, v2_document, v2_protobuf
from fakekube.apiserver.openapi_words import with_values, words_of
from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Headers, Response
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import GroupVersionKind, KubeObject
from fakekube.registry.resources import ResourceCatalog, builtin
from fakekube.registry.schema import Schema, schema_named

_V3 = "/openapi/v3"
_NO_CACHE = ("Cache-Control", "no-cache, private")
_FOR_EVER = ("Cache-Control", "public, immutable")
_INFO: KubeObject = {"title": "Kubernetes", "version": "1.37"}
_SECURITY = {
    "BearerToken": {
        "type": "apiKey",
        "description": "Bearer Token authentication",
        "name": "authorization",
        "in": "header",
    }
}
_VERSION_INFO = "io.k8s.apimachinery.pkg.version.Info"


@dataclass(frozen=True, slots=True)
class _Document:
    """Encoded, with the hash that names it in URLs and ETags."""

    body: bytes
    hash: str


def answer(request: Request, catalog: ResourceCatalog) -> Response | None:
    """The answer to a request below /openapi, None for any other path."""
    if request.path == "/openapi/v2":
        return _v2(request, catalog)
    if request.path == _V3:
        return Response(
            status=200, headers=(_NO_CACHE, ("Content-Type", "text/plain; charset=utf-8")), body=_index(catalog)
        )
    if request.path.startswith(f"{_V3}/"):
        return _v3(request, catalog, request.path.removeprefix(f"{_V3}/"))
    return None


# --- v3 ---------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def _index(catalog: ResourceCatalog) -> bytes:
    found = {name: {"serverRelativeURL": _url(name, _document(catalog, name))} for name in sorted(_names(catalog))}
    return encode_json({"paths": found}).rstrip()


def _names(catalog: ResourceCatalog) -> Iterator[str]:
    yield from ("api", "apis", "version")
    for group, version in catalog.group_versions:
        yield f"apis/{group}/{version}" if group else f"api/{version}"
    for group in (each.name for each in catalog.groups):
        yield f"apis/{group}"


def _url(name: str, document: _Document) -> str:
    return f"{_V3}/{name}?hash={document.hash}"


def _v3(request: Request, catalog: ResourceCatalog, name: str) -> Response:
    if name not in _names(catalog):
        return Response(status=404, headers=(_NO_CACHE,))
    if _media_type(request, PROTOBUF_V3) is None:
        return Response(status=406, headers=(_NO_CACHE, ("Vary", "Accept")))
    document = _document(catalog, name)
    wanted = dict(parse_qsl(request.query)).get("hash", "")
    headers: Headers = (("Etag", f'"{document.hash}"'), ("Vary", "Accept"))
    if wanted and wanted != document.hash:
        moved = (_NO_CACHE, ("Content-Type", JSON), ("Location", _url(name, document)))
        return Response(status=301, headers=(*headers, *moved))
    cached = (*headers, _FOR_EVER if wanted else _NO_CACHE)
    if request.headers.get("if-none-match") == f'"{document.hash}"':
        return Response(status=304, headers=cached)
    return Response(status=200, headers=(*cached, ("Content-Type", JSON)), body=document.body)


def _media_type(request: Request, protobuf: str) -> str | None:
    """JSON or OpenAPI's protobuf; None when the client takes neither."""
    try:
        accepted = negotiate(request.headers.get("accept", ""), Offer(media_types=(JSON, protobuf), routed=False))
    except StatusError:
        return None
    return accepted.media_type


def _document(catalog: ResourceCatalog, name: str) -> _Document:
    """The document; those of built-in resources are the same for every catalog."""
    return _encoded(builtin() if _is_built_in(catalog, name) else catalog, name)


def _is_built_in(catalog: ResourceCatalog, name: str) -> bool:
    group, _, version = name.removeprefix("apis/").partition("/")
    if not name.startswith("apis/"):
        return True
    if not version:
        return builtin().group(group) is not None
    return catalog.resources(group, version) == builtin().resources(group, version)


@lru_cache(maxsize=256)
def _encoded(catalog: ResourceCatalog, name: str) -> _Document:
    body = encode_json(_built(catalog, name)).rstrip()
    return _Document(body, hashlib.sha512(body).hexdigest().upper())


def _built(catalog: ResourceCatalog, name: str) -> KubeObject:
    root, *rest = name.split("/")
    if root == "api" and rest:
        return _of_group_version(catalog, "", rest[0])
    if len(rest) == 2:
        return _of_group_version(catalog, *rest)
    if rest:
        label = tag(rest[0])
        return _of_discovery(f"/apis/{rest[0]}/", f"get{group_name(rest[0])}APIGroup", label, "APIGroup")
    fixed = {
        "api": ("/api/", "getCoreAPIVersions", "core", "APIVersions"),
        "apis": ("/apis/", "getAPIVersions", "apis", "APIGroupList"),
    }
    return _of_discovery(*fixed[root]) if root in fixed else _of_version()


def _of_discovery(path: str, name: str, label: str, kind: str) -> KubeObject:
    return _whole({path: {"get": discovery_operation(name, label, kind)}}, f"{META}.{kind}")


def _of_version() -> KubeObject:
    answers = {
        "200": {"description": "OK", "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{_VERSION_INFO}"}}}},
        "401": {"description": "Unauthorized"},
    }
    operation = {"tags": ["version"], "operationId": "getCodeVersion", "responses": answers}
    return _whole({"/version/": {"get": operation}}, _VERSION_INFO)


def _of_group_version(catalog: ResourceCatalog, group: str, version: str) -> KubeObject:
    resources = catalog.resources(group, version)
    operations, own = paths(resources, group, version), model_schemas(resources)
    names = [*referred_by(operations), *referred_by(own)]
    whole = _whole(
        operations, *(name for name in names if name not in own), deleted_in=GroupVersionKind(group, version, "")
    )
    if not own:
        return whole
    schemas = dict(sorted({**whole["components"]["schemas"], **own}.items()))
    is_custom = all(resource.custom is not None for resource in resources)
    found = {**whole, "components": {**whole["components"], "schemas": schemas}}
    return {**found, "info": CUSTOM_INFO} if is_custom else found


def referred_by(value: object) -> Iterator[str]:
    """The named types that operations mention, in any depth."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        if name == "$ref" and isinstance(member, str):
            yield member.removeprefix("#/components/schemas/")
        else:
            yield from referred_by(member)


def _whole(operations: KubeObject, *names: str, deleted_in: GroupVersionKind | None = None) -> KubeObject:
    return {
        "openapi": "3.0.0",
        "info": _INFO,
        "paths": operations,
        "components": {"schemas": _schemas(names, deleted_in), "securitySchemes": _SECURITY},
    }


def _schemas(names: tuple[str, ...], deleted_in: GroupVersionKind | None) -> KubeObject:
    """The named types and all they refer to."""
    found: KubeObject = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        schema = schema_named(name)
        found[name] = type_schema(schema, deleted_in)
        waiting += referred(schema)
    return dict(sorted(found.items()))


def referred(schema: Schema) -> list[str]:
    """The named types a type mentions."""
    inner = [*schema.fields.values(), *([schema.items] if schema.items is not None else [])]
    return [name for each in inner for name in ([each.name] if each.name else referred(each))]


_SIMPLE: dict[str, KubeObject] = {
    "string": {"type": "string"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "bool": {"type": "boolean"},
    "double": {"type": "number", "format": "double"},
    "byte": {"type": "string", "format": "byte"},
    "date-time": {"type": "string", "format": "date-time"},
    "quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
    "int-or-string": {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
    "object": {"type": "object"},
    "any": {},
}
_IN_EVERY_VERSION = ("DeleteOptions", "WatchEvent")


def type_schema(schema: Schema, deleted_in: GroupVersionKind | None = None) -> KubeObject:
    """A type as `components.schemas` has it."""
    found = _described(words_of(schema.name).description, _shape(schema))
    if schema.declared_map_type:
        found["x-kubernetes-map-type"] = schema.declared_map_type
    if schema.unions:
        found["x-kubernetes-unions"] = [dict(union) for union in schema.unions]
    kinds = [dict(sorted(kind._asdict().items())) for kind in _kinds(schema, deleted_in)]
    if kinds:
        found["x-kubernetes-group-version-kind"] = kinds
    return found


def _kinds(schema: Schema, deleted_in: GroupVersionKind | None) -> list[GroupVersionKind]:
    kind = schema.name.removeprefix(f"{META}.")
    if kind in _IN_EVERY_VERSION and deleted_in is not None:
        core, own = GroupVersionKind("", "v1", kind), deleted_in._replace(kind=kind)
        return [core] if own == core else [core, own]
    return list(schema.gvks)


def _shape(schema: Schema) -> KubeObject:
    """Type, properties, items: the part that the Go type alone tells."""
    if schema.type == "struct":
        found: KubeObject = {"type": "object"}
        if schema.required:
            found["required"] = list(schema.required)
        found["properties"] = _properties(schema)
        return found
    if schema.type in ("list", "map"):
        assert schema.items is not None
        member = "items" if schema.type == "list" else "additionalProperties"
        return {"type": "array" if schema.type == "list" else "object", member: _element(schema.items)}
    return dict(_SIMPLE[schema.type])


def _properties(schema: Schema) -> KubeObject:
    words, bare = words_of(schema.name), schema.bare_references
    return {
        name: _field(field, bare=True) if name in bare else _described(words.of(name), _field(field), field.enum)
        for name, field in sorted(schema.fields.items())
    }


def _described(text: str, found: KubeObject, enum: Sequence[str] = ()) -> KubeObject:
    return {"description": with_values(text, enum), **found} if text else found


def _element(schema: Schema) -> KubeObject:
    """The element of a list or map: a bare reference, or a shape with its default."""
    reference = {"$ref": f"#/components/schemas/{schema.name}"}
    if schema.name and not schema.has_default:
        return reference
    if schema.name:
        return {"allOf": [reference], "default": schema.default}
    return _with_extensions(_shape(schema), schema)


def _field(schema: Schema, *, bare: bool = False) -> KubeObject:
    """A property: a reference is wrapped, as the server does to hang a description on it; a few types have none."""
    if schema.name:
        reference = {"$ref": f"#/components/schemas/{schema.name}"}
        if bare:
            return reference
        found: KubeObject = {"allOf": [reference]}
        if schema.has_default:
            found = {"default": schema.default, **found}
        return found | _merge_extensions(schema) | _own_map_type(schema)
    return _with_extensions(_shape(schema), schema)


def _own_map_type(schema: Schema) -> KubeObject:
    return {"x-kubernetes-map-type": schema.own_map_type} if schema.own_map_type else {}


def _with_extensions(found: KubeObject, schema: Schema) -> KubeObject:
    if schema.has_default:
        found["default"] = schema.default
    if schema.enum:
        found["enum"] = list(schema.enum)
    if schema.list_map_keys:
        found["x-kubernetes-list-map-keys"] = list(schema.list_map_keys)
    if schema.declared_list_type:
        found["x-kubernetes-list-type"] = schema.declared_list_type
    if schema.declared_map_type:
        found["x-kubernetes-map-type"] = schema.declared_map_type
    return found | _merge_extensions(schema)


def _merge_extensions(schema: Schema) -> KubeObject:
    found: KubeObject = {}
    if schema.patch_merge_key:
        found["x-kubernetes-patch-merge-key"] = schema.patch_merge_key
    if schema.patch_strategy_text:
        found["x-kubernetes-patch-strategy"] = schema.patch_strategy_text
    return found


# --- v2 ---------------------------------------------------------------------------------------------------------------


def _v2(request: Request, catalog: ResourceCatalog) -> Response:
    media_type = _media_type(request, PROTOBUF_V2)
    if media_type is None:
        return Response(status=406, headers=(_NO_CACHE, ("Vary", "Accept-Encoding")))
    document = _v2_body(catalog, media_type)
    headers: Headers = (_NO_CACHE, ("Etag", f'"{document.hash}"'), ("Vary", "Accept-Encoding"))
    if request.headers.get("if-none-match") == f'"{document.hash}"':
        return Response(status=304, headers=headers)
    # the answer spells the media type without the @ that clients ask with
    content_type = media_type.replace("@", ".")
    return Response(status=200, headers=(*headers, ("Content-Type", content_type)), body=document.body)


def _for_v2(catalog: ResourceCatalog, group: str, version: str) -> KubeObject:
    whole = _of_group_version(catalog, group, version)
    own = model_schemas(catalog.resources(group, version))
    schemas = whole["components"]["schemas"] | {name: without_logic(schema) for name, schema in own.items()}
    return {**whole, "components": {**whole["components"], "schemas": schemas}}


@lru_cache(maxsize=16)
def _v2_body(catalog: ResourceCatalog, media_type: str) -> _Document:
    documents = [_for_v2(catalog, group, version) for group, version in catalog.group_versions]
    whole = v2_document(_INFO, documents)
    body = encode_json(whole).rstrip()
    return _Document(
        v2_protobuf(whole) if media_type == PROTOBUF_V2 else body, hashlib.sha512(body).hexdigest().upper()
    )
