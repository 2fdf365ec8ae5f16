"""How a request carries its scope: a header, or a prefix of its path. Reads both, decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote_plus

from collab.agent.target import Target
from collab.protocol.names import SiteName
from collab.scope import Alternative, ScopeError, canonical, check_sites, parse, plan

PATH_PREFIX = "/scope/"
SCOPE_ANNOTATION = "collab.fakekube.dev/scope"
OPERATION_ANNOTATION = "collab.fakekube.dev/operation"
SITE_ANNOTATION = "collab.fakekube.dev/site"
UNREACHABLE_ANNOTATION = "collab.fakekube.dev/unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopedRequest:
    """A request and where it acts: `text` is canonical, `alternatives` in the order in which they are tried."""

    text: str
    alternatives: tuple[Alternative, ...]
    target: Target

    @property
    def one_site(self) -> SiteName | None:
        """The only site there is, if there is only one."""
        sites = self.alternatives[0]
        return sites[0] if len(self.alternatives) == len(sites) == 1 else None


def split_scope(raw_path: str, header: str | None) -> tuple[str | None, str]:
    """The scope's text, None for an unscoped request, and the request target without it.

    The one segment after /scope/ may be encoded in any way: clients re-encode what they are given. Raises ScopeError
    when header and path both name a scope, and not the same.
    """
    if not raw_path.startswith(PATH_PREFIX):
        return header, raw_path
    path, mark, query = raw_path.partition("?")
    encoded, _, rest = path.removeprefix(PATH_PREFIX).partition("/")
    text = unquote_plus(encoded)
    if header is not None and header.strip() != text.strip():
        raise ScopeError(message="the header and the path name different scopes; send one of them")
    return text, f"/{rest}{mark}{query}"


def read_scoped(text: str, target: Target, knows: Callable[[str], bool]) -> ScopedRequest:
    """The request planned. Raises ScopeError."""
    scope = parse(text)
    check_sites(scope, knows)
    return ScopedRequest(text=canonical(scope), alternatives=tuple(plan(scope)), target=target)
