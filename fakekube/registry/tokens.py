"""ServiceAccount tokens: JSON Web Tokens (RFC 7519) signed with the site's own key, and what a review says of one.

The real server signs with RSA; ours are HMAC (HS256), since nobody but the site itself checks them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

import msgspec

from fakekube.meta.errors import Cause, bad_request, invalid, not_found
from fakekube.meta.objects import KubeObject, metadata, uid_of
from fakekube.registry.metadata import new_uid, timestamp
from fakekube.registry.site import Site
from fakekube.storage.items import Item, encode_json

ISSUER = "https://kubernetes.default.svc"
_DEFAULT_S = 3600
_MIN_S = 600
_MAX_S = 2**32
_BINDABLE = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}


def issue(site: Site, account: Item, request: KubeObject) -> KubeObject:
    """The TokenRequest answered: spec filled in, token and expiry in its status."""
    given = metadata(request).get("name")
    if given and given != account.name:
        why = f'Invalid value: "{given}": must match the service account name if specified'
        raise _invalid(account.name, "metadata.name", why)
    spec = request.get("spec") or {}
    lifetime_s = spec.get("expirationSeconds") or _DEFAULT_S
    _require_lifetime(lifetime_s)
    bound = spec.get("boundObjectRef")
    _require_bindable(site, account.namespace, bound)
    audiences = list(spec.get("audiences") or [ISSUER])
    expires = site.now() + lifetime_s
    return {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {
            "name": account.name,
            "namespace": account.namespace,
            "uid": uid_of(account.obj),
            "creationTimestamp": timestamp(site.now()),
        },
        "spec": {"audiences": audiences, "expirationSeconds": lifetime_s, "boundObjectRef": bound},
        "status": {"token": _signed(site, account, audiences, expires), "expirationTimestamp": timestamp(expires)},
    }


def _require_lifetime(lifetime_s: int) -> None:
    if lifetime_s < _MIN_S:
        why = f"Invalid value: {lifetime_s}: may not specify a duration less than 10 minutes"
        raise _invalid("", "spec.expirationSeconds", why)
    if lifetime_s > _MAX_S:
        why = f"Invalid value: {lifetime_s}: may not specify a duration larger than 2^32 seconds"
        raise _invalid("", "spec.expirationSeconds", why)


def _invalid(name: str, field: str, why: str) -> Exception:
    causes = [Cause(reason="FieldValueInvalid", message=why, field=field)]
    return invalid("TokenRequest", "authentication.k8s.io", name, causes)


def _require_bindable(site: Site, namespace: str, bound: KubeObject | None) -> None:
    if not bound:
        return
    kind, api_version, name = bound.get("kind", ""), bound.get("apiVersion", ""), bound.get("name", "")
    plural = _BINDABLE.get(kind) if api_version == "v1" else None
    if plural is None:
        group = api_version.rpartition("/")[0]
        raise bad_request(f"cannot bind token to object of type {group}/{api_version.rpartition('/')[2]}, Kind={kind}")
    if site.store.get(plural, "" if plural == "nodes" else namespace, name) is None:
        raise not_found(plural, "", name)


def _signed(site: Site, account: Item, audiences: Sequence[str], expires: float) -> str:
    claims = {
        "aud": list(audiences),
        "exp": int(expires),
        "iat": int(site.now()),
        "iss": ISSUER,
        "jti": new_uid(site.rng),
        "kubernetes.io": {
            "namespace": account.namespace,
            "serviceaccount": {"name": account.name, "uid": uid_of(account.obj)},
        },
        "sub": f"system:serviceaccount:{account.namespace}:{account.name}",
    }
    head = f"{_encoded(encode_json({'alg': 'HS256', 'typ': 'JWT'}))}.{_encoded(encode_json(claims))}"
    return f"{head}.{_signature(site, head)}"


def _signature(site: Site, head: str) -> str:
    return _encoded(hmac.new(site.token_key, head.encode(), hashlib.sha256).digest())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def claims_of(site: Site, token: str) -> KubeObject | None:
    """What a token of this site claims; None for one that is not ours, or over."""
    head, _, signature = token.rpartition(".")
    if not head or not hmac.compare_digest(_signature(site, head), signature):
        return None
    payload = head.partition(".")[2]
    claims: KubeObject = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims if claims["exp"] > site.now() else None
