"""The scope language: where one request acts. Text in, plan out; knows no network and no record."""

from collab.scope.explain import explain, tree
from collab.scope.parse import (
    All,
    ByKind,
    Either,
    Expression,
    Scope,
    ScopeError,
    SiteRef,
    canonical,
    check_sites,
    parse,
    sites_of,
)
from collab.scope.plan import Alternative, plan

__all__ = [
    "All",
    "Alternative",
    "ByKind",
    "Either",
    "Expression",
    "Scope",
    "ScopeError",
    "SiteRef",
    "canonical",
    "check_sites",
    "explain",
    "parse",
    "plan",
    "sites_of",
    "tree",
]
