"""Plan first, execute after: a scope as an ordered list of alternatives, each the sites one attempt acts at.

Pure. Whoever executes takes the alternatives in turn and makes no call outside the chosen one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from math import prod
from typing import TypeAlias

from collab.protocol.names import SiteName
from collab.scope.parse import All, ByKind, Either, Expression, Scope, ScopeError, SiteRef

Alternative: TypeAlias = tuple[SiteName, ...]

ALTERNATIVES_MAX = 64  # `(a | b) & (c | d) & ...` doubles with each group


def _everywhere(_site: SiteName) -> bool:
    return True


def plan(scope: Scope, reachable: Callable[[SiteName], bool] = _everywhere) -> list[Alternative]:
    """The alternatives of `scope`, the preferred one first; sites in the order of the text, each once.

    An alternative none of whose sites is `reachable` is left out, unless that would leave nothing to try.
    Raises ScopeError: 501 for a scope by kind, 400 for more than ALTERNATIVES_MAX alternatives.
    """
    if isinstance(scope, ByKind):
        raise ScopeError(message="a scope by kind, '{kind: sites}', is not supported yet", code=501)
    _refuse_explosion(scope)
    alternatives = _distinct(_alternatives(scope))
    promising = [sites for sites in alternatives if any(reachable(site) for site in sites)]
    return promising or alternatives


def _alternatives(expression: Expression) -> list[Alternative]:
    match expression:
        case SiteRef():
            return [(expression.name,)]
        case Either():
            return [sites for part in expression.parts for sites in _alternatives(part)]
        case All():
            choices = product(*(_alternatives(part) for part in expression.parts))
            return [_union(choice) for choice in choices]


def _union(choice: Iterable[Alternative]) -> Alternative:
    return tuple(dict.fromkeys(site for sites in choice for site in sites))


def _distinct(alternatives: list[Alternative]) -> list[Alternative]:
    """Each set of sites once, where it came first."""
    first: dict[frozenset[SiteName], Alternative] = {}
    for sites in alternatives:
        first.setdefault(frozenset(sites), sites)
    return list(first.values())


def _refuse_explosion(expression: Expression) -> None:
    """Counted before anything is multiplied out."""
    count = _count(expression)
    if count > ALTERNATIVES_MAX:
        raise ScopeError(message=f"{count} alternatives; at most {ALTERNATIVES_MAX} are planned")


def _count(expression: Expression) -> int:
    match expression:
        case SiteRef():
            return 1
        case Either():
            return sum(_count(part) for part in expression.parts)
        case All():
            return prod(_count(part) for part in expression.parts)
