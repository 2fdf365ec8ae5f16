"""Whose a bearer token is: of a user of the token file, or of a ServiceAccount of the site.

Source: k8s.io/apiserver/pkg/authentication/{token,request/bearertoken}, pkg/serviceaccount/{jwt,claims}.go of
Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fakekube.meta.objects import KubeObject, metadata, uid_of
from fakekube.registry.authenticator import AUDIENCES, ISSUER, LEGACY_ISSUER, Authenticated, NotAuthenticated
from fakekube.registry.metadata import epoch
from fakekube.registry.rbac_rules import go_list
from fakekube.registry.signing import Unverified, decoded_object
from fakekube.registry.site import Site
from fakekube.registry.token_secrets import require_kept
from fakekube.registry.users import AUTHENTICATED, UserInfo, account_groups, account_username, authenticated, extra_of

INVALID = "invalid bearer token"
_LEEWAY_S = 60.0
_KNOWN_S = 10.0
_KNOWN_MAX = 4096
_PREFIX = "authentication.kubernetes.io/"


class TokenAuthenticator:
    """`authenticate` answers for ten seconds what it answered once, as the real server does."""

    def __init__(self, site: Site, known_tokens: Mapping[str, UserInfo]) -> None:
        self._site = site
        self._static = known_tokens
        self._known: dict[tuple[str, tuple[str, ...]], tuple[float, Authenticated]] = {}

    def authenticate(self, token: str, audiences: Sequence[str] = AUDIENCES) -> Authenticated:
        """The owner of the token. Raises NotAuthenticated."""
        now, key = self._site.now(), (token, tuple(audiences))
        known = self._known.get(key)
        if known is not None and now < known[0]:
            return known[1]
        found = self._found(token, key[1])
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known[key] = (now + _KNOWN_S, found)
        return found

    def forget(self) -> None:
        """Ask anew about every token."""
        self._known.clear()

    def _found(self, token: str, audiences: tuple[str, ...]) -> Authenticated:
        user = self._static.get(token)
        if user is not None:
            # a token of the file is meant for the apiserver alone
            meant = tuple(each for each in AUDIENCES if each in audiences)
            if not meant:
                raise NotAuthenticated(INVALID)
            return Authenticated(authenticated(user), meant)
        return self._of_account(token, audiences)

    def _of_account(self, token: str, audiences: tuple[str, ...]) -> Authenticated:
        parts = token.split(".")
        if len(parts) != 3 or decoded_object(parts[1]).get("iss") not in (ISSUER, LEGACY_ISSUER):
            raise NotAuthenticated(INVALID)
        try:
            claims = self._site.signing_key.verified(token)
        except Unverified as error:
            raise _refused(str(error)) from None
        # a token of a Secret is for the apiserver, without saying so
        made_for = [str(each) for each in claims.get("aud") or AUDIENCES]
        meant = tuple(each for each in made_for if each in audiences)
        if not meant:
            why = f"token audiences {go_list(made_for)} is invalid for the target audiences {go_list(audiences)}"
            raise _refused(why)
        if claims["iss"] == LEGACY_ISSUER:
            return Authenticated(_kept_user(self._site, token, claims), meant)
        if self._site.now() > claims["exp"] + _LEEWAY_S:
            raise _refused("service account token has expired")
        return Authenticated(_user(self._site, claims), meant)


def _refused(why: str) -> NotAuthenticated:
    return NotAuthenticated(f"[{INVALID}, {why}]")


def _user(site: Site, claims: KubeObject) -> UserInfo:
    """The account as it is now. Raises NotAuthenticated when it, or what the token is bound to, is gone."""
    private: KubeObject = claims["kubernetes.io"]
    namespace, account = str(private["namespace"]), private["serviceaccount"]
    _require_account(site, namespace, account)
    bound = "pod" if "pod" in private else "node"
    for kind, plural in (("secret", "secrets"), (bound, f"{bound}s")):
        if kind in private:
            _require_bound(site, kind, plural, "" if kind == "node" else namespace, private[kind])
    extra = {f"{_PREFIX}credential-id": [f"JTI={claims['jti']}"]}
    for kind in ("node", "pod"):
        for member, value in private.get(kind, {}).items():
            extra[f"{_PREFIX}{kind}-{member}"] = [value]
    return UserInfo(
        name=account_username(namespace, account["name"]),
        uid=account["uid"],
        groups=(*account_groups(namespace), AUTHENTICATED),
        extra=extra_of(extra),
    )


def _kept_user(site: Site, token: str, claims: KubeObject) -> UserInfo:
    """The account of a token that is kept in a Secret. Raises NotAuthenticated when it no longer is."""
    try:
        namespace, name, uid = require_kept(site, token, claims)
    except ValueError as error:
        raise _refused(str(error)) from None
    groups = (*account_groups(namespace), AUTHENTICATED)
    return UserInfo(name=account_username(namespace, name), uid=uid, groups=groups)


def _require_account(site: Site, namespace: str, account: KubeObject) -> None:
    name, uid = account["name"], account["uid"]
    item = site.store.get("serviceaccounts", namespace, name)
    if item is None:
        raise _refused(f'serviceaccounts "{name}" not found')
    if uid_of(item.obj) != uid:
        raise _refused(f"service account UID ({uid_of(item.obj)}) does not match claim ({uid})")
    if _deleted(site, item.obj):
        raise _refused(f"service account {namespace}/{name} has been deleted")


def _require_bound(site: Site, kind: str, plural: str, namespace: str, reference: KubeObject) -> None:
    item = site.store.get(plural, namespace, reference["name"])
    if item is None or _deleted(site, item.obj):
        raise _refused("service account token has been invalidated")
    if uid_of(item.obj) != reference["uid"]:
        claim = f"service account {kind} ref claim ({reference['uid']})"
        raise _refused(f"{kind} UID ({uid_of(item.obj)}) does not match {claim}")


def _deleted(site: Site, obj: KubeObject) -> bool:
    """Whether its deletion is over, give or take the leeway that all times of tokens have."""
    when = metadata(obj).get("deletionTimestamp")
    return when is not None and epoch(when) < site.now() - _LEEWAY_S
