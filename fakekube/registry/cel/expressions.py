"""Expressions of admission policies and webhooks, as far as their creation checks them.

Source: k8s.io/apiserver/pkg/admission/plugin/cel/compile.go of 1.37.
"""

from __future__ import annotations

from collections.abc import Mapping

from fakekube.registry.cel.check import Scope
from fakekube.registry.cel.declarations import named_type
from fakekube.registry.cel.literals import constant_fault
from fakekube.registry.cel.rules import Uncompilable, checked_expression


def fault(expression: str, variables: Mapping[str, str], wanted: str) -> str | None:
    """Why an expression does not compile; None when it does."""
    scope = Scope(variables={name: named_type(kind) for name, kind in variables.items()})
    try:
        checked = checked_expression(expression, scope)
    except Uncompilable as error:
        return f"compilation failed: {error}"
    allowed = [named_type(each) for each in wanted.split("|")]
    if checked.type not in allowed and checked.type.kind not in ("dyn", "any"):
        return f"must evaluate to {' or '.join(str(each) for each in allowed)}"
    constant = constant_fault(checked)
    return None if constant is None else f"program instantiation failed: {constant}"
