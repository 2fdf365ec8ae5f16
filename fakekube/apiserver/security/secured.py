"""All that makes a site ask who somebody is and what they may, put together: filters for its chain, and a gate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from fakekube.apiserver.chain import Filter
from fakekube.apiserver.security.authentication import Authentication, with_authentication
from fakekube.apiserver.security.authorization import with_authorization
from fakekube.apiserver.security.impersonation import with_impersonation
from fakekube.registry.authorizer import ALWAYS_ALLOW, Authorizer
from fakekube.registry.gate import Gate
from fakekube.registry.plugins import AdmissionPlugin, Plugins
from fakekube.registry.rbac import Rbac
from fakekube.registry.rbac_escalation import GrantCheck
from fakekube.registry.site import Site
from fakekube.registry.token_authenticator import TokenAuthenticator

Authorization = Literal["AlwaysAllow", "RBAC"]


@dataclass(frozen=True, slots=True)
class Security:
    """Filters, outermost first, and what must forget when the store is replaced."""

    filters: Sequence[Filter] = ()
    forgetful: Sequence[Callable[[], None]] = ()


def secure(
    site: Site,
    authentication: Authentication | None,
    authorization: Authorization,
    admission: Sequence[AdmissionPlugin],
) -> Security:
    """What `site` needs for it; nothing at all by default."""
    filters: list[Filter] = []
    forgetful: list[Callable[[], None]] = []
    authorizer: Authorizer = ALWAYS_ALLOW
    grants = None
    if authorization == "RBAC":
        authorizer = rbac = Rbac(site.store)
        grants = GrantCheck(rbac)
        forgetful.append(rbac.forget)
    if authentication is not None:
        site.authenticator = tokens = TokenAuthenticator(site, authentication.tokens)
        filters.append(with_authentication(tokens, anonymous=authentication.anonymous))
        forgetful.append(tokens.forget)
    if filters or grants is not None:
        filters.append(with_impersonation(authorizer))
    if grants is not None:
        filters.append(with_authorization(authorizer))
    site.authorizer = authorizer
    if grants is not None or admission:
        site.gate = Gate(authorizer=authorizer, grants=grants, plugins=Plugins(admission))
    return Security(filters, forgetful)
