"""How others verify ServiceAccount tokens: the issuer's description (OpenID Connect Discovery 1.0) and its keys.

Source: pkg/routes/openidmetadata.go of Kubernetes 1.37, and answers of kube-apiserver 1.37.2.
"""

from __future__ import annotations

from fakekube.apiserver.negotiation import Offer, check_router
from fakekube.apiserver.request import Request
from fakekube.apiserver.resources_handler import method_not_allowed
from fakekube.apiserver.response import Response
from fakekube.meta.objects import KubeObject
from fakekube.registry.authenticator import ISSUER
from fakekube.registry.signing import ALGORITHM
from fakekube.registry.site import Site
from fakekube.storage.items import encode_json

_CONFIGURATION = "/.well-known/openid-configuration"
_KEYS = "/openid/v1/jwks"
_KEY_SET = "application/jwk-set+json"
_MEDIA = {_CONFIGURATION: "application/json", _KEYS: _KEY_SET}


def serve_issuer(site: Site, request: Request) -> Response | None:
    """The answer to one of the two paths, with or without a slash at their end; None for others."""
    path = request.path.removesuffix("/")
    media = _MEDIA.get(path)
    if media is None:
        return None
    if request.method != "GET":
        raise method_not_allowed()
    accept = request.headers.get("accept", "")
    if accept.strip():
        check_router(accept, Offer(media_types=(media,)))
    body = _configuration(site) if path == _CONFIGURATION else {"keys": [site.signing_key.public]}
    headers = (("Content-Type", media), ("Cache-Control", "public, max-age=3600"))
    return Response(status=200, headers=headers, body=encode_json(body))


def _configuration(site: Site) -> KubeObject:
    return {
        "issuer": ISSUER,
        "jwks_uri": f"{site.url}{_KEYS}",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
    }
