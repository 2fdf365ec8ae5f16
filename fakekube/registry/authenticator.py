"""The question whose a bearer token is, and what it is answered with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fakekube.registry.users import UserInfo

ISSUER = "https://kubernetes.default.svc"
# Signed by the same key, in the form that is written into Secrets.
LEGACY_ISSUER = "kubernetes/serviceaccount"
# Whom a token must be made for, so that the apiserver takes it.
AUDIENCES = (ISSUER,)


class NotAuthenticated(Exception):
    """A token that is nobody's; the text says why, as a TokenReview tells it."""


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Whose the token is, and for which of the wanted audiences it was made."""

    user: UserInfo
    audiences: tuple[str, ...]


class Authenticator(Protocol):
    def authenticate(self, token: str, audiences: Sequence[str] = AUDIENCES) -> Authenticated:
        """The owner of the token. Raises NotAuthenticated."""
        ...
