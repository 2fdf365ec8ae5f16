"""A scope shown before it is run: its canonical text, its alternatives in order, its tree."""

from __future__ import annotations

from typing import TypedDict

from collab.scope.parse import All, ByKind, Either, Scope, SiteRef, canonical, parse
from collab.scope.plan import plan


class Explanation(TypedDict):
    """What `GET /collab/v1/explain` answers."""

    scope: str
    alternatives: list[list[str]]
    tree: object


def explain(text: str) -> Explanation:
    """The plan of `text`. Raises ScopeError as `parse` and `plan` do."""
    scope = parse(text)
    alternatives: list[list[str]] = [list(sites) for sites in plan(scope)]
    return {"scope": canonical(scope), "alternatives": alternatives, "tree": tree(scope)}


def tree(scope: Scope) -> object:
    """The tree as JSON: a site is its name, `&` is {"all": [...]}, `|` is {"first": [...]}."""
    match scope:
        case SiteRef():
            return str(scope.name)
        case All():
            return {"all": [tree(part) for part in scope.parts]}
        case Either():
            return {"first": [tree(part) for part in scope.parts]}
        case ByKind():
            return {"kinds": {kind: tree(place) for kind, place in scope.places}}
