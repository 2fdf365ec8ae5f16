"""What an apiserver says it serves: /api, /apis, groups, group-versions, the aggregated forms, /version and /.

Documents are built once for each catalog and kept as bytes; all sites with the built-in catalog share them.
Source: kube-apiserver 1.37.2; the aggregated forms are k8s.io/api/apidiscovery/v2.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from functools import lru_cache

from fakekube.apiserver.codec import JSON, encode, encode_json
from fakekube.apiserver.negotiation import PLAIN, Accepted, Form, Offer, check_router, negotiate
from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from fakekube.meta.errors import Details, StatusError
from fakekube.meta.objects import KubeObject
from fakekube.registry.resources import ApiGroup, ResourceCatalog, ResourceType, Subresource, builtin

AGGREGATED: Form = ("apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList")
_NO_CACHE = ("Cache-Control", "no-cache, private")
_OTHER_PATHS = ("/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version")

# Clients compare `major` and `minor`; the rest is for people.
VERSION: KubeObject = {
    "major": "1",
    "minor": "37",
    "emulationMajor": "1",
    "emulationMinor": "37",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "36",
    "gitVersion": "v1.37.2",
    "gitCommit": "$Format:%H$",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "go1.26.8",
    "compiler": "gc",
    "platform": "linux/amd64",
}

_GROUPS = Offer(routed=False)
_ROOTS = {"": Offer(forms=(AGGREGATED,)), "apis": Offer(forms=(AGGREGATED,), routed=False)}

_Answer = Callable[[Request, ResourceCatalog], Response]


def answer(request: Request, catalog: ResourceCatalog) -> Response | None:
    """The answer to a discovery request, None when `request.path` is not one of discovery's.

    Raises StatusError: 405, 406, and 404 for a version that a served group does not have.
    """
    fixed = _FIXED.get(request.path)
    if fixed is not None:
        return fixed(request, catalog)
    parts = request.path.strip("/").split("/")
    if parts[0] == "api" and len(parts) == 2:
        return _group_version(request, catalog, "", parts[1])
    if parts[0] == "apis" and len(parts) in (2, 3):
        return _named(request, catalog, *parts[1:])
    return None


def _named(request: Request, catalog: ResourceCatalog, name: str, version: str = "") -> Response:
    group = catalog.group(name)
    if group is None:
        return page_not_found()
    if version:
        return _group_version(request, catalog, name, version)
    return _document(request, _group_document(group), _GROUPS)


def page_not_found() -> Response:
    """What the server says to paths outside its API, and to groups it does not know."""
    headers = (_NO_CACHE, ("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))
    return Response(status=404, headers=headers, body=b"404 page not found\n")


def _only_get(request: Request) -> None:
    """Most of discovery takes GET alone; /apis and the groups answer any method."""
    if request.method != "GET":
        raise StatusError(
            code=405,
            reason="MethodNotAllowed",
            message="the server does not allow this method on the requested resource",
            details=Details(),
        )


def _document(request: Request, document: KubeObject, offer: Offer) -> Response:
    accepted = negotiate(request.headers.get("accept", ""), offer)
    return _encoded(document, accepted)


def _encoded(document: KubeObject, accepted: Accepted) -> Response:
    headers = (_NO_CACHE, ("Content-Type", accepted.media_type))
    return Response(status=200, headers=headers, body=encode(document, accepted.media_type))


def _legacy_versions(request: Request, catalog: ResourceCatalog) -> Response:
    _only_get(request)
    return _root(request, catalog, "", _api_versions(request))


def _api_versions(request: Request) -> KubeObject:
    address = request.headers.get("host", "127.0.0.1:443")
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def _group_list(request: Request, catalog: ResourceCatalog) -> Response:
    return _root(request, catalog, "apis", _plain_groups(catalog))


def _plain_groups(catalog: ResourceCatalog) -> KubeObject:
    """Groups of custom resources come behind the others, in the order of the names of their APIServices."""
    known = {group.name for group in builtin().groups}
    groups = sorted(catalog.groups, key=lambda group: "" if group.name in known else _first_service(group))
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group_members(group) for group in groups]}


def _first_service(group: ApiGroup) -> str:
    return min(f"{version}.{group.name}" for version in group.versions)


def _group_list_with_slash(request: Request, catalog: ResourceCatalog) -> Response:
    """/apis/ is a route of its own: it knows no aggregated form."""
    return _document(request, _plain_groups(catalog), _GROUPS)


def _root(request: Request, catalog: ResourceCatalog, root: str, plain: KubeObject) -> Response:
    accepted = negotiate(request.headers.get("accept", ""), _ROOTS[root])
    if accepted.as_kind:
        return _aggregated(catalog, root, accepted, request.headers.get("if-none-match", ""))
    return _encoded(plain, accepted)


def _aggregated(catalog: ResourceCatalog, root: str, accepted: Accepted, known: str) -> Response:
    body, etag = _aggregated_bytes(catalog, root, accepted.media_type)
    group, version, kind = AGGREGATED
    headers = (("Cache-Control", "public"), ("Etag", etag), ("Vary", "Accept"))
    if known == etag:
        return Response(status=304, headers=headers)
    content_type = f"{accepted.media_type};g={group};v={version};as={kind}"
    return Response(status=200, headers=(*headers, ("Content-Type", content_type)), body=body)


@lru_cache(maxsize=64)
def _aggregated_bytes(catalog: ResourceCatalog, root: str, media_type: str) -> tuple[bytes, str]:
    """The document and its ETag, which is that of the JSON form for every media type."""
    document = _aggregated_document(catalog, root)
    etag = hashlib.sha512(encode_json(document).rstrip()).hexdigest().upper()
    return encode(document, media_type), f'"{etag}"'


def _aggregated_document(catalog: ResourceCatalog, root: str) -> KubeObject:
    groups = catalog.groups if root else (ApiGroup(name="", versions=("v1",), preferred="v1"),)
    items = [_aggregated_group(catalog, group) for group in groups]
    group, version, kind = AGGREGATED
    return {"kind": kind, "apiVersion": f"{group}/{version}", "metadata": {}, "items": items}


def _aggregated_group(catalog: ResourceCatalog, group: ApiGroup) -> KubeObject:
    versions = [
        {
            "version": version,
            "resources": [_aggregated_resource(resource) for resource in catalog.resources(group.name, version)],
            "freshness": "Current",
        }
        for version in group.versions
    ]
    return {"metadata": {"name": group.name} if group.name else {}, "versions": versions}


def _aggregated_resource(resource: ResourceType) -> KubeObject:
    entry: KubeObject = {
        "resource": resource.plural,
        "responseKind": _response_kind(resource, ("", ""), resource.kind),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.subresources:
        entry["subresources"] = [_aggregated_subresource(resource, sub) for sub in resource.subresources.values()]
    return entry


def _aggregated_subresource(resource: ResourceType, sub: Subresource) -> KubeObject:
    kind = _response_kind(resource, _foreign(resource, sub), sub.kind)
    return {"subresource": sub.name, "responseKind": kind, "verbs": list(sub.verbs)}


def _response_kind(resource: ResourceType, foreign: tuple[str, str], kind: str) -> KubeObject:
    """Built-in resources leave out a group and version that are their own, custom ones do not."""
    group, version = resource.group_version if resource.custom is not None and foreign == ("", "") else foreign
    return {"group": group, "version": version, "kind": kind}


def _foreign(resource: ResourceType, sub: Subresource) -> tuple[str, str]:
    """Group and version of a kind that lives elsewhere, such as Scale; empty when it is the resource's own."""
    return ("", "") if (sub.group, sub.version) == resource.group_version else (sub.group, sub.version)


def _group_members(group: ApiGroup) -> KubeObject:
    versions = [{"groupVersion": f"{group.name}/{version}", "version": version} for version in group.versions]
    preferred = {"groupVersion": f"{group.name}/{group.preferred}", "version": group.preferred}
    return {"name": group.name, "versions": versions, "preferredVersion": preferred}


def _group_document(group: ApiGroup) -> KubeObject:
    return {"kind": "APIGroup", "apiVersion": "v1", **_group_members(group)}


def _group_version(request: Request, catalog: ResourceCatalog, group: str, version: str) -> Response:
    if (group, version) not in catalog.group_versions:
        if group and builtin().group(group) is None:
            return page_not_found()  # the router of custom resources words it otherwise
        raise StatusError(
            code=404,
            reason="NotFound",
            message="the server could not find the requested resource",
            details=Details(),
        )
    _only_get(request)
    accepted = negotiate(request.headers.get("accept", ""), PLAIN)
    headers = (_NO_CACHE, ("Content-Type", accepted.media_type))
    return Response(status=200, headers=headers, body=_resource_list(catalog, group, version, accepted.media_type))


@lru_cache(maxsize=256)
def _resource_list(catalog: ResourceCatalog, group: str, version: str, media_type: str) -> bytes:
    resources = [entry for resource in catalog.resources(group, version) for entry in _entries(resource)]
    head: KubeObject = {"kind": "APIResourceList", "apiVersion": "v1"} if group else {"kind": "APIResourceList"}
    name = f"{group}/{version}" if group else version
    return encode({**head, "groupVersion": name, "resources": resources}, media_type)


def _entries(resource: ResourceType) -> Iterator[KubeObject]:
    """The resource and its subresources, as the list for one group-version has them side by side."""
    yield _entry(resource)
    inner = resource.subresources.items()
    for name, sub in inner if resource.custom is not None else sorted(inner):
        group, version = _foreign(resource, sub)
        kind = {"group": group, "version": version, "kind": sub.kind} if version else {"kind": sub.kind}
        yield {
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            **kind,
            "verbs": list(sub.verbs),
        }


def _entry(resource: ResourceType) -> KubeObject:
    entry: KubeObject = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    optional = {
        "shortNames": list(resource.short_names),
        "categories": list(resource.categories),
        "storageVersionHash": resource.storage_version_hash,
    }
    return entry | {name: value for name, value in optional.items() if value}


def _version(request: Request, catalog: ResourceCatalog) -> Response:
    _only_get(request)
    accept = request.headers.get("accept", "")
    if accept.strip():
        check_router(accept, Offer(media_types=(JSON,)))
    return _indented(VERSION)


def _paths(request: Request, catalog: ResourceCatalog) -> Response:
    named = [f"/apis/{group.name}" for group in catalog.groups]
    versions = [f"/apis/{group.name}/{version}" for group in catalog.groups for version in group.versions]
    return _indented({"paths": sorted(["/api", "/api/v1", "/apis", "/apis/", *named, *versions, *_OTHER_PATHS])})


def _indented(document: KubeObject) -> Response:
    body = json.dumps(document, indent=2).encode()
    return Response(status=200, headers=(_NO_CACHE, ("Content-Type", JSON)), body=body)


_FIXED: dict[str, _Answer] = {
    "/": _paths,
    "/api": _legacy_versions,
    "/api/": _legacy_versions,
    "/apis": _group_list,
    "/apis/": _group_list_with_slash,
    "/version": _version,
    "/version/": _version,
}
