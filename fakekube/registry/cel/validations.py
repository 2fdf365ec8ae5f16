"""What `compile_validations` answers. A schema without rules loads nothing but this."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fakekube.meta.errors import Cause
from fakekube.meta.objects import KubeObject

if TYPE_CHECKING:
    from fakekube.registry.cel.definitions import Fault, RuleNode

_RULES = "x-kubernetes-validations"
# Compiled schemas that are kept: every version of a few hundred definitions.
_KEPT = 512
Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class CompiledValidations:
    """The rules of one schema."""

    root: RuleNode | None = None
    faults: Sequence[Fault] = ()

    @property
    def errors(self) -> list[Cause]:
        """Why a definition with this schema is refused, paths relative to the schema."""
        return self.errors_under("")

    def errors_under(self, path: str) -> list[Cause]:
        """The same under the schema's own path, `spec.versions[0].schema.openAPIV3Schema`."""
        return [fault.cause(path) for fault in self.faults]

    def check(self, obj: Any, old: Any = None, path: str = "", warn: Warn | None = None) -> list[Cause]:
        """Why `obj` may not be stored; empty when it may.

        `old` is what it replaces, None for a new object. `warn` gets one text for each rule that an update may go on
        to break, because what it speaks of did not change: the real server sends it as a Warning header.
        """
        if self.root is None or obj is None:
            return []
        from fakekube.registry.cel.evaluation import evaluated

        causes, warnings = evaluated(self.root, obj, old, path)
        if warn is not None:
            for warning in warnings:
                warn(warning)
        return causes


_EMPTY = CompiledValidations()


def compiled(schema: KubeObject, held: KubeObject | None) -> CompiledValidations:
    if not _has_rules(schema):
        return _EMPTY
    return _compiled(json.dumps(schema), None if held is None else json.dumps(held))


@lru_cache(maxsize=_KEPT)
def _compiled(schema: str, held: str | None) -> CompiledValidations:
    from fakekube.registry.cel.definitions import Compiler

    before: KubeObject = {} if held is None else json.loads(held)
    rules = list(_all_rules(before))
    now = json.loads(schema)
    compiler = Compiler(
        stored_rules=frozenset(each.get("rule") or "" for each in rules),
        stored_messages=frozenset(each.get("messageExpression") or "" for each in rules),
        is_unchanged=before == now,
    )
    root = compiler.compile(now)
    return CompiledValidations(root, tuple(compiler.faults))


def _inner(schema: KubeObject) -> Iterator[KubeObject]:
    for member in ("items", "additionalProperties"):
        if isinstance(schema.get(member), dict):
            yield schema[member]
    yield from (schema.get("properties") or {}).values()


def _has_rules(schema: KubeObject) -> bool:
    """Rules within allOf alone do not count."""
    pending = [schema]
    while pending:
        node = pending.pop()
        if node.get(_RULES):
            return True
        pending.extend(_inner(node))
    return False


def _all_rules(schema: KubeObject) -> Iterator[KubeObject]:
    yield from schema.get(_RULES) or ()
    for inner in _inner(schema):
        yield from _all_rules(inner)
