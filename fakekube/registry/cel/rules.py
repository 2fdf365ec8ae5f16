"""One rule: compiled, priced, and evaluated against one value.

Source: apiextensions-apiserver/pkg/apiserver/schema/cel (compilation.go, validation.go) of 1.37.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from fakekube.meta.objects import KubeObject
from fakekube.registry.cel.celtypes import Type, optional_of
from fakekube.registry.cel.check import Checked, Scope, check
from fakekube.registry.cel.cost import estimate
from fakekube.registry.cel.fieldpaths import field_path
from fakekube.registry.cel.literals import constant_fault, literal_issues
from fakekube.registry.cel.metering import Meter
from fakekube.registry.cel.parse import Unreadable, parse
from fakekube.registry.cel.program import Program, program
from fakekube.registry.cel.schema import DeclaredType
from fakekube.registry.cel.values import CelError

# What one evaluation may cost, and all of one object's together.
PER_CALL_LIMIT = 1_000_000
BUDGET = 10_000_000
_LONGEST_MESSAGE = 5 * 1024
_VARIABLES = ("self", "oldSelf")


class Uncompilable(Exception):
    """Why an expression is refused; the message is the real server's."""


@dataclass(frozen=True, kw_only=True)
class Expression:
    """An expression that compiles, its worst-case cost, and its two programs, made when they are first run."""

    checked: Checked
    cost: int
    uses_old_self: bool

    @cached_property
    def plain(self) -> Program:
        return program(self.checked, _VARIABLES)

    @cached_property
    def metered(self) -> Program:
        return program(self.checked, _VARIABLES, Meter(PER_CALL_LIMIT))

    @property
    def is_cheap(self) -> bool:
        """Whether it cannot cost more than one evaluation may."""
        return self.cost <= PER_CALL_LIMIT


def checked_expression(text: str, scope: Scope) -> Checked:
    """An expression without a mistake that shows before it runs. Uncompilable with every mistake."""
    try:
        parsed = parse(text, binds=scope.binds)
    except Unreadable as unreadable:
        raise Uncompilable(unreadable.shown) from None
    checked, issues = check(parsed, scope)
    issues = issues or literal_issues(checked)
    if issues:
        raise Uncompilable(parsed.source.shown(issues))
    return checked


def compile_expression(
    text: str, scope: Scope, root: DeclaredType, wanted: Type, *, label: str, must_be: str
) -> Expression:
    """An expression of a rule. `label` leads its messages (`messageExpression `), `must_be` refuses other types."""
    try:
        checked = checked_expression(text, scope)
    except Uncompilable as error:
        raise Uncompilable(f"{label}compilation failed: {error}") from None
    if checked.type != wanted:
        raise Uncompilable(must_be)
    fault = constant_fault(checked)
    if fault is not None:
        raise Uncompilable(f"{label or 'program '}instantiation failed: {fault}")
    return Expression(
        checked=checked, cost=estimate(checked, root).high, uses_old_self="oldSelf" in checked.names.values()
    )


def scope_of(
    root: DeclaredType, fields: Mapping[str, Mapping[str, Type]], *, optional_old: bool, stored: bool
) -> Scope:
    """What a rule on this type may name."""
    old = optional_of(root.type) if optional_old else root.type
    return Scope(variables={"self": root.type, "oldSelf": old}, fields=fields, stored=stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of a schema with its compiled expressions; `fault` tells why it has none."""

    spec: KubeObject
    expression: Expression | None = None
    fault: str = ""
    message: Expression | None = None
    message_fault: str = ""
    field: str = ""
    """`fieldPath` below the value."""

    @property
    def optional_old(self) -> bool:
        return bool(self.spec.get("optionalOldSelf"))

    @property
    def uses_old_self(self) -> bool:
        return self.expression is not None and self.expression.uses_old_self

    def named(self) -> str:
        """How a failed evaluation names the rule."""
        return str(self.spec.get("message") or self.spec.get("rule") or "").strip()

    def default_message(self) -> str:
        own = self.spec.get("message") or ""
        return own.strip() if own else f"failed rule: {self.named()}"


def message_text(value: object) -> str:
    """A messageExpression's result as a message; CelError when it cannot be one."""
    text = value.strip() if isinstance(value, str) else ""
    if len(text.encode()) > _LONGEST_MESSAGE:
        raise CelError(f"messageExpression beyond allowable length of {_LONGEST_MESSAGE}")
    if re.search(r"\n", text):
        raise CelError("messageExpression should not contain line breaks")
    if not text:
        raise CelError("messageExpression should evaluate to a non-empty string")
    return text


def rule_field(spec: KubeObject, schema: KubeObject) -> str:
    return (field_path(spec["fieldPath"], schema) or "") if spec.get("fieldPath") else ""
