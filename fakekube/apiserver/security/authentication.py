"""The filter that finds out who asks: by certificate, by token, or else nobody in particular.

Source: k8s.io/apiserver/pkg/endpoints/filters/authentication.go and pkg/authentication/request of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fakekube.apiserver.call import Answer, warning_headers
from fakekube.apiserver.chain import Filter, Serve
from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from fakekube.meta.errors import StatusError
from fakekube.registry.authenticator import Authenticator, NotAuthenticated
from fakekube.registry.users import ANONYMOUS, UserInfo, authenticated

_SPACE_WARNING = "the provided Authorization header contains extra space before the bearer token, and is ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """How a site finds out who asks. ServiceAccount tokens and client certificates always count.

    `tokens` are whose which token is (see `token_file.parse_tokens`). Who shows nothing is `system:anonymous`, or,
    where `anonymous` is false, refused with 401.
    """

    tokens: Mapping[str, UserInfo] = field(default_factory=dict)
    anonymous: bool = True


def unauthorized() -> StatusError:
    return StatusError(code=401, reason="Unauthorized", message="Unauthorized")


def with_authentication(authenticator: Authenticator, *, anonymous: bool) -> Filter:
    """The request goes on under its user's name. 401 for credentials that are nobody's, unless others are somebody's."""

    def around(serve: Serve) -> Serve:
        def filtered(request: Request) -> Answer:
            header = request.headers.get("authorization", "").strip()
            user = request.certified and authenticated(request.certified)
            if user is None:
                user = _bearer(authenticator, header)
            if user is None and (request.distrusted or not anonymous):
                raise unauthorized()
            named = replace(request, user=user or ANONYMOUS)
            return _served_with_warning(serve, named) if user is None and _has_extra_space(header) else serve(named)

        return filtered

    return around


def _bearer(authenticator: Authenticator, header: str) -> UserInfo | None:
    """The owner of a bearer token; None when the header shows none. Raises StatusError (401) for a token of nobody."""
    scheme, _, rest = header.partition(" ")
    token = rest.partition(" ")[0]
    if scheme.lower() != "bearer" or not token:
        return None
    try:
        return authenticator.authenticate(token).user
    except NotAuthenticated:
        raise unauthorized() from None


def _has_extra_space(header: str) -> bool:
    scheme, _, rest = header.partition(" ")
    return scheme.lower() == "bearer" and rest.startswith(" ")


def _served_with_warning(serve: Serve, request: Request) -> Answer:
    """The answer, or the refusal, with a word about the blank."""
    try:
        answer = serve(request)
    except StatusError as refusal:
        refusal.headers = {**refusal.headers, **dict(warning_headers([_SPACE_WARNING]))}
        raise
    warned = (*answer.headers, *warning_headers([_SPACE_WARNING]))
    if isinstance(answer, Response):
        return replace(answer, headers=warned)
    answer.headers = warned
    return answer
