"""The `paths` of the OpenAPI documents that are about no resource: the lists of discovery, the version, the token issuer."""

from __future__ import annotations

from fakekube.apiserver.codec import JSON
from fakekube.apiserver.openapi_paths import META, content_of, discovery_operation, group_name, reference, tag
from fakekube.meta.objects import KubeObject

_TEXT: KubeObject = {"schema": {"type": "string"}}
_VERSION: KubeObject = {JSON: reference("io.k8s.apimachinery.pkg.version.Info")}

_VERSIONS = "get available API versions"

# Name of the document -> its path, and its operation's tag, name, description and answer.
_FIXED: dict[str, tuple[str, str, str, str, KubeObject]] = {
    ".well-known/openid-configuration": (
        "/.well-known/openid-configuration/",
        "WellKnown",
        "getServiceAccountIssuerOpenIDConfiguration",
        "get service account issuer OpenID configuration, also known as the 'OIDC discovery doc'",
        {JSON: _TEXT},
    ),
    "api": ("/api/", "core", "getCoreAPIVersions", _VERSIONS, content_of(f"{META}.APIVersions")),
    "apis": ("/apis/", "apis", "getAPIVersions", _VERSIONS, content_of(f"{META}.APIGroupList")),
    "openid/v1/jwks": (
        "/openid/v1/jwks/",
        "openid",
        "getServiceAccountIssuerOpenIDKeyset",
        "get service account issuer OpenID JSON Web Key Set (contains public token verification keys)",
        {"application/jwk-set+json": _TEXT},
    ),
    "version": ("/version/", "version", "getCodeVersion", "get the version information for this server", _VERSION),
}
DISCOVERY_DOCUMENTS = tuple(_FIXED)


def discovery_paths(name: str) -> KubeObject:
    """The only path of the document of that name: one of `DISCOVERY_DOCUMENTS`, or `apis/GROUP`."""
    path, label, operation_id, description, answer = _FIXED.get(name) or _of_group(name.removeprefix("apis/"))
    return {path: {"get": discovery_operation(operation_id, label, description, answer)}}


def _of_group(group: str) -> tuple[str, str, str, str, KubeObject]:
    name = f"get{group_name(group)}APIGroup"
    return f"/apis/{group}/", tag(group), name, "get information of a group", content_of(f"{META}.APIGroup")
