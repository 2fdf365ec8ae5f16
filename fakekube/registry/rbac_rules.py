"""The rules of RBAC: what one allows, what it covers of another one, and how messages print it.

Source: pkg/apis/rbac/v1/evaluation_helpers.go, component-helpers/auth/rbac/validation/policy_comparator.go,
pkg/registry/rbac/validation/policy_compact.go of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from fakekube.meta.gofmt import go_quoted
from fakekube.meta.objects import KubeObject

ALL = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A PolicyRule: verbs on resources of groups (perhaps of certain names), or on URLs."""

    verbs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    def allows(self, verb: str, group: str, combined: str, subresource: str, name: str) -> bool:
        """Whether it lets `verb` be done to the resource; `combined` is `pods` or `pods/log`."""
        return (
            _any(self.verbs, verb)
            and _any(self.groups, group)
            and self._names_resource(combined, subresource)
            and (not self.names or name in self.names)
        )

    def _names_resource(self, combined: str, subresource: str) -> bool:
        return _any(self.resources, combined) or (bool(subresource) and f"*/{subresource}" in self.resources)

    def allows_path(self, verb: str, path: str) -> bool:
        return _any(self.verbs, verb) and any(_url_covers(url, path) for url in self.urls)


EVERYTHING = (
    Rule(verbs=(ALL,), groups=(ALL,), resources=(ALL,)),
    Rule(verbs=(ALL,), urls=(ALL,)),
)


def rule_of(rule: KubeObject) -> Rule:
    """A rule of a stored role."""
    return Rule(
        verbs=tuple(rule.get("verbs") or ()),
        groups=tuple(rule.get("apiGroups") or ()),
        resources=tuple(rule.get("resources") or ()),
        names=tuple(rule.get("resourceNames") or ()),
        urls=tuple(rule.get("nonResourceURLs") or ()),
    )


def rules_of(role: KubeObject) -> tuple[Rule, ...]:
    return tuple(rule_of(each) for each in role.get("rules") or ())


def _any(listed: Collection[str], wanted: str) -> bool:
    return ALL in listed or wanted in listed


def _url_covers(url: str, path: str) -> bool:
    return url in (ALL, path) or (url.endswith(ALL) and path.startswith(url.rstrip(ALL)))


def uncovered(owned: Sequence[Rule], wanted: Sequence[Rule]) -> list[Rule]:
    """What of `wanted` no single rule of `owned` grants, broken down to single verbs, resources and names."""
    return [part for rule in wanted for part in _parts(rule) if not any(_covers(each, part) for each in owned)]


def _parts(rule: Rule) -> Iterator[Rule]:
    names: list[tuple[str, ...]] = [(name,) for name in rule.names] or [()]
    for group, resource, verb, name in product(rule.groups, rule.resources, rule.verbs, names):
        yield Rule(verbs=(verb,), groups=(group,), resources=(resource,), names=name)
    for url, verb in product(rule.urls, rule.verbs):
        yield Rule(verbs=(verb,), urls=(url,))


def _covers(owner: Rule, part: Rule) -> bool:
    return (
        all(_any(owner.verbs, verb) for verb in part.verbs)
        and all(_any(owner.groups, group) for group in part.groups)
        and all(_covers_resource(owner, resource) for resource in part.resources)
        and (not owner.names or (bool(part.names) and set(part.names) <= set(owner.names)))
        and all(any(_covers_url(url, path) for url in owner.urls) for path in part.urls)
    )


def _covers_resource(owner: Rule, resource: str) -> bool:
    _, slash, subresource = resource.partition("/")
    return _any(owner.resources, resource) or (bool(slash) and f"*/{subresource}" in owner.resources)


def _covers_url(url: str, path: str) -> bool:
    return url == path or (url.endswith(ALL) and path.startswith(url.rstrip(ALL)))


def compacted(parts: Sequence[Rule]) -> list[Rule]:
    """Parts that differ only in their verb, as one rule."""
    found: dict[tuple[tuple[str, ...], ...], Rule] = {}
    for part in parts:
        key = (part.groups, part.resources, part.names) if not part.urls else (part.urls, part.verbs)
        known = found.get(key)
        found[key] = part if known is None or part.urls else replace(known, verbs=(*known.verbs, *part.verbs))
    return list(found.values())


def shown(rule: Rule) -> str:
    """`{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`."""
    members = [
        ("APIGroups", rule.groups),
        ("Resources", rule.resources),
        ("NonResourceURLs", rule.urls),
        ("ResourceNames", rule.names),
        ("Verbs", rule.verbs),
    ]
    return f"{{{', '.join(f'{name}:{go_list(values)}' for name, values in members if values)}}}"


def go_list(values: Sequence[str]) -> str:
    """Strings as Go's %q prints a slice of them."""
    return f"[{' '.join(go_quoted(value) for value in values)}]"
