"""RBAC: what the roles and bindings of a site let whom do.

Roles and bindings are read when a question comes that needs them, and forgotten when one of them changes. Source:
plugin/pkg/auth/authorizer/rbac and pkg/registry/rbac/validation/rule.go of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fakekube.meta.errors import StatusError, not_found
from fakekube.meta.gofmt import go_quoted
from fakekube.meta.objects import KubeObject
from fakekube.registry.authorizer import Attributes, Decision
from fakekube.registry.rbac_rules import Rule, rules_of
from fakekube.registry.users import MASTERS, UserInfo, account_username
from fakekube.storage.items import Event, Item
from fakekube.storage.store import Store

GROUP = "rbac.authorization.k8s.io"
ROLES, CLUSTER_ROLES = f"roles.{GROUP}", f"clusterroles.{GROUP}"
BINDINGS, CLUSTER_BINDINGS = f"rolebindings.{GROUP}", f"clusterrolebindings.{GROUP}"
_ALLOWED = Decision(True)
_KNOWN_MAX = 8192


class Subject(NamedTuple):
    """Who a binding is for. A ServiceAccount is a User by the name it authenticates with."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Binding:
    """A binding for one of its subjects. `position` is its place among all; `source` is how a review names it."""

    position: int
    rank: int
    source: str
    role: tuple[str, str]
    namespace: str


@dataclass(frozen=True, slots=True)
class Grant:
    """The rules that one binding gives, or why there are none."""

    source: str
    rules: Sequence[Rule]
    problem: str = ""


class Rbac:
    """The Authorizer of a site that has RBAC on. Members of system:masters may do everything, without any role."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # By namespace, where "" is the whole cluster.
        self._bindings: dict[str, dict[Subject, list[Binding]]] = {}
        self._rules: dict[tuple[str, str, str], tuple[Rule, ...]] = {}
        self._decisions: dict[Attributes, Decision] = {}
        for resource in (ROLES, CLUSTER_ROLES, BINDINGS, CLUSTER_BINDINGS):
            store.subscribe(resource, self)

    def offer(self, event: Event) -> None:
        """A role or a binding has changed."""
        self.forget()

    def forget(self) -> None:
        """Read roles and bindings anew."""
        self._bindings.clear()
        self._rules.clear()
        self._decisions.clear()

    def authorize(self, attributes: Attributes) -> Decision:
        if MASTERS in attributes.user.groups:
            return _ALLOWED
        known = self._decisions.get(attributes)
        if known is None:
            if len(self._decisions) >= _KNOWN_MAX:
                self._decisions.clear()
            known = self._decisions[attributes] = self._decided(attributes)
        return known

    def _decided(self, asked: Attributes) -> Decision:
        problems: list[str] = []
        for grant in self._grants(asked.user, asked.namespace):
            if grant.problem:
                problems.append(grant.problem)
            if any(_allows(rule, asked) for rule in grant.rules):
                return Decision(True, f"RBAC: allowed by {grant.source}")
        # the chain of authorizers names itself, too
        return Decision(False, f"rbac: RBAC: {aggregate(problems)}" if problems else "")

    def rules_for(self, user: UserInfo, namespace: str) -> tuple[Sequence[Rule], Sequence[str]]:
        grants = list(self._grants(user, namespace))
        return [rule for grant in grants for rule in grant.rules], [each.problem for each in grants if each.problem]

    def rules_of_role(self, reference: KubeObject, namespace: str) -> Sequence[Rule]:
        """The rules of the role that a binding in `namespace` refers to. Raises StatusError (404) without it."""
        kind, name = str(reference.get("kind") or ""), str(reference.get("name") or "")
        return self._rules_of(kind, namespace if kind == "Role" else "", name)

    def _grants(self, user: UserInfo, namespace: str) -> Iterator[Grant]:
        for space in ("", namespace) if namespace else ("",):
            for binding in self._bindings_of(user, space):
                yield self._grant(binding)

    def _grant(self, binding: Binding) -> Grant:
        try:
            return Grant(binding.source, self._rules_of(binding.role[0], binding.namespace, binding.role[1]))
        except StatusError as error:
            return Grant(binding.source, (), error.message)

    def _bindings_of(self, user: UserInfo, namespace: str) -> list[Binding]:
        """In the order of their names, each for the first of its subjects that is the user or a group of theirs."""
        by_subject = self._bindings.get(namespace)
        if by_subject is None:
            if len(self._bindings) >= _KNOWN_MAX:
                self._bindings.clear()
            by_subject = self._bindings[namespace] = self._read_bindings(namespace)
        first: dict[int, Binding] = {}
        for subject in (Subject("User", user.name), *(Subject("Group", group) for group in user.groups)):
            for binding in by_subject.get(subject, ()):
                known = first.get(binding.position)
                if known is None or binding.rank < known.rank:
                    first[binding.position] = binding
        return [first[position] for position in sorted(first)]

    def _read_bindings(self, namespace: str) -> dict[Subject, list[Binding]]:
        found: dict[Subject, list[Binding]] = {}
        resource = BINDINGS if namespace else CLUSTER_BINDINGS
        for position, item in enumerate(self._store.keyspace(resource).listed(namespace)):
            for subject, binding in _bindings(position, item, namespace):
                found.setdefault(subject, []).append(binding)
        return found

    def _rules_of(self, kind: str, namespace: str, name: str) -> tuple[Rule, ...]:
        resource, space = (ROLES, namespace) if kind == "Role" else (CLUSTER_ROLES, "")
        key = (resource, space, name)
        rules = self._rules.get(key)
        if rules is None:
            item = self._store.get(resource, space, name)
            if item is None:
                raise not_found(kind.lower(), GROUP, name)
            rules = self._rules[key] = rules_of(item.obj)
        return rules


def aggregate(problems: Sequence[str]) -> str:
    """Several errors as one, each once, as Go's Aggregate prints them."""
    texts = list(dict.fromkeys(problems))
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def _allows(rule: Rule, asked: Attributes) -> bool:
    if asked.resource_request:
        return rule.allows(asked.verb, asked.group, asked.combined, asked.subresource, asked.name)
    return rule.allows_path(asked.verb, asked.path)


def _bindings(position: int, item: Item, namespace: str) -> Iterator[tuple[Subject, Binding]]:
    reference: KubeObject = item.obj.get("roleRef") or {}
    role = (str(reference.get("kind") or ""), str(reference.get("name") or ""))
    kind, name = ("RoleBinding", f"{item.name}/{namespace}") if namespace else ("ClusterRoleBinding", item.name)
    for rank, each in enumerate(item.obj.get("subjects") or ()):
        subject = _subject(each, namespace)
        if subject is not None:
            source = f"{kind} {go_quoted(name)} of {role[0]} {go_quoted(role[1])} to {_described(each, namespace)}"
            yield subject, Binding(position, rank, source, role, namespace)


def _subject(subject: KubeObject, namespace: str) -> Subject | None:
    kind, name = subject.get("kind"), str(subject.get("name") or "")
    if kind in ("User", "Group"):
        return Subject(str(kind), name)
    space = subject.get("namespace") or namespace
    if kind == "ServiceAccount" and space:
        return Subject("User", account_username(space, name))
    return None


def _described(subject: KubeObject, namespace: str) -> str:
    kind, name = subject["kind"], subject["name"]
    if kind == "ServiceAccount":
        name = f"{name}/{subject.get('namespace') or namespace}"
    return f"{kind} {go_quoted(name)}"
