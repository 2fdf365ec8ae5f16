"""The OpenAPI documents of an apiserver, made from the tables of kinds: v3 per group-version, and v2 in two encodings.

A document is built when it is first asked for, kept as bytes, and shared by all sites with the same catalog.
Source: the documents of kube-apiserver 1.37.2. Query parameters are not described.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl

import msgspec

from fakekube.apiserver.codec import JSON, encode_json
from fakekube.apiserver.negotiation import Offer, negotiate
from fakekube.apiserver.openapi_custom import INFO as CUSTOM_INFO
from fakekube.apiserver.openapi_custom import model_schemas, without_logic
from fakekube.apiserver.openapi_discovery import DISCOVERY_DOCUMENTS, discovery_paths
from fakekube.apiserver.openapi_paths import paths
from fakekube.apiserver.openapi_protobuf import PROTOBUF_V2, PROTOBUF_V3, v2_protobuf, v3_protobuf
from fakekube.apiserver.openapi_schemas import all_versions, referred_by, schemas_of, versions_of_custom
from fakekube.apiserver.openapi_v2 import v2_document
from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Headers, Response
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject
from fakekube.registry.resources import ResourceCatalog, ResourceType, builtin

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
# How many parts of a document's name follow the first one, when it is about a group-version.
_DEPTH = {"api": 1, "apis": 2}


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
    """Every document; a group of custom resources alone has none of its own."""
    yield from DISCOVERY_DOCUMENTS
    for group, version in catalog.group_versions:
        yield f"apis/{group}/{version}" if group else f"api/{version}"
    yield from (f"apis/{group.name}" for group in builtin().groups)


def _url(name: str, document: _Document) -> str:
    return f"{_V3}/{name}?hash={document.hash}"


def _v3(request: Request, catalog: ResourceCatalog, name: str) -> Response:
    if name not in _names(catalog):
        return Response(status=404, headers=(_NO_CACHE,))
    media_type = _media_type(request, PROTOBUF_V3)
    if media_type is None:
        return Response(status=406, headers=(_NO_CACHE, ("Vary", "Accept")))
    document = _document(catalog, name)
    wanted = dict(parse_qsl(request.query)).get("hash", "")
    headers: Headers = (("Etag", f'"{document.hash}"'), ("Vary", "Accept"))
    if wanted and wanted != document.hash:
        moved = (_NO_CACHE, ("Content-Type", JSON), ("Location", _url(name, document)))
        return Response(status=301, headers=(*headers, *moved))
    cached = (*headers, _FOR_EVER if wanted else _NO_CACHE)
    if _is_known(request, document):
        return Response(status=304, headers=cached)
    body = document.body if media_type == JSON else _in_protobuf(document)
    return Response(status=200, headers=(*cached, ("Content-Type", media_type)), body=body)


def _is_known(request: Request, document: _Document) -> bool:
    """Whether the client has it: If-None-Match names its ETag, be it as a weak one, or any."""
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    return "*" in known or f'"{document.hash}"' in known


@lru_cache(maxsize=16)
def _in_protobuf(document: _Document) -> bytes:
    return v3_protobuf(msgspec.json.decode(document.body))


def _media_type(request: Request, protobuf: str) -> str | None:
    """JSON or OpenAPI's protobuf; None when the client takes neither. Clients ask for protobuf with an @ in its name."""
    offer = Offer(media_types=(JSON, protobuf, protobuf.replace(".v1.0+", "@v1.0+")), routed=False)
    try:
        accepted = negotiate(request.headers.get("accept", ""), offer)
    except StatusError:
        return None
    return accepted.media_type.replace("@", ".")


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
    resources, operations = _resources(catalog, name), _operations(catalog, name)
    own = model_schemas(resources)
    names = [each for each in (*referred_by(operations), *referred_by(own)) if each not in own]
    if own and all(resource.custom is not None for resource in resources):
        schemas = {**schemas_of(names, versions_of_custom()), **own}
        return _whole(CUSTOM_INFO, operations, {"schemas": dict(sorted(schemas.items()))})
    found = {**schemas_of(names, sorted({("", "v1"), *(each.group_version for each in resources)})), **own}
    components = {"schemas": dict(sorted(found.items()))} if found else {}
    return _whole(_INFO, operations, {**components, "securitySchemes": _SECURITY})


def _whole(info: KubeObject, operations: KubeObject, components: KubeObject) -> KubeObject:
    return {"openapi": "3.0.0", "info": info, "paths": operations, "components": components}


def _operations(catalog: ResourceCatalog, name: str) -> KubeObject:
    resources = _resources(catalog, name)
    return paths(resources, *resources[0].group_version) if resources else discovery_paths(name)


def _resources(catalog: ResourceCatalog, name: str) -> tuple[ResourceType, ...]:
    """Those of the group-version that a document is about; empty for the documents of discovery."""
    root, *rest = name.split("/")
    return catalog.resources(*rest if root == "apis" else ("", *rest)) if len(rest) == _DEPTH.get(root) else ()


# --- v2 ---------------------------------------------------------------------------------------------------------------


def _v2(request: Request, catalog: ResourceCatalog) -> Response:
    media_type = _media_type(request, PROTOBUF_V2)
    if media_type is None:
        return Response(status=406, headers=(_NO_CACHE, ("Vary", "Accept-Encoding")))
    document = _v2_body(catalog, media_type)
    headers: Headers = (_NO_CACHE, ("Etag", f'"{document.hash}"'), ("Vary", "Accept-Encoding"))
    if _is_known(request, document):
        return Response(status=304, headers=headers)
    return Response(status=200, headers=(*headers, ("Content-Type", media_type)), body=document.body)


def _whole_v2(catalog: ResourceCatalog) -> KubeObject:
    """One document about everything that the documents of v3 are about."""
    operations = {path: item for name in _names(catalog) for path, item in _operations(catalog, name).items()}
    own = {name: without_logic(schema) for name, schema in model_schemas(catalog).items()}
    names = [each for each in (*referred_by(operations), *referred_by(own)) if each not in own]
    return v2_document(_INFO, operations, {**schemas_of(names, all_versions()), **own}, _SECURITY)


@lru_cache(maxsize=4)
def _v2_body(catalog: ResourceCatalog, media_type: str) -> _Document:
    whole = _whole_v2(catalog)
    body = encode_json(whole).rstrip()
    return _Document(
        v2_protobuf(whole) if media_type == PROTOBUF_V2 else body, hashlib.sha512(body).hexdigest().upper()
    )
