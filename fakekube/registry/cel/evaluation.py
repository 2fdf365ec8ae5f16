"""All rules of a schema against one object, within a budget.

Source: apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go of 1.37.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fakekube.meta.errors import Cause
from fakekube.meta.objects import KubeObject
from fakekube.registry.cel.correlation import Correlated, by_key, element_key
from fakekube.registry.cel.definitions import RuleNode, joined
from fakekube.registry.cel.metering import CostExceeded
from fakekube.registry.cel.rules import BUDGET, Expression, Rule, message_text
from fakekube.registry.cel.values import NONE, CelError, Optional
from fakekube.registry.validation.causes import go_value, quoted


def evaluated(root: RuleNode, obj: Any, old: Any, path: str) -> tuple[list[Cause], Sequence[str]]:
    """Why `obj` may not take the place of `old`, and what it may go on to break."""
    for metered in (False, True):
        run = _Run(metered=metered)
        try:
            run.node(root, obj, old, path, _Ratchet() if old is None else _Ratchet(Correlated(obj, old, root.schema)))
        except _Recount:
            continue
        break
    return run.causes, run.warnings


class _Recount(Exception):
    """The worst case is more than the budget: what it really costs has to be counted."""


@dataclass(frozen=True, slots=True)
class _Ratchet:
    """Whether a mistake was there before: of this value, or of the nearest one above that can be told."""

    current: Correlated | None = None
    above: Correlated | None = None

    def below(self, name: str) -> _Ratchet:
        if self.current is None:
            return self
        if self.above is None and name in ("apiVersion", "kind"):
            return _Ratchet()
        return _Ratchet(self.current.below(name), self.current)

    def at(self, place: int) -> _Ratchet:
        return self if self.current is None else _Ratchet(self.current.at(place), self.current)

    def within_all_of(self) -> _Ratchet:
        return _Ratchet(None, self.above)

    def is_same(self) -> bool:
        told = self.current or self.above
        return told is not None and told.is_same()


@dataclass(slots=True, kw_only=True)
class _Run:
    """One object's validation: causes and warnings as they are found, and what is left of the budget."""

    metered: bool
    causes: list[Cause] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    left: int = BUDGET
    over: bool = False
    """No rule is run any more."""

    def node(self, node: RuleNode, value: Any, old: Any, path: str, ratchet: _Ratchet) -> None:
        if value is None or self.over:
            return
        if node.rules:
            self._rules(node, value, old, path, ratchet)
        for nested in node.all_of:
            self.node(nested, value, old, path, ratchet.within_all_of())
        if isinstance(value, list):
            self._list(node, value, old, path, ratchet)
        elif isinstance(value, dict):
            self._object(node, value, old, path, ratchet)

    def _list(self, node: RuleNode, values: list[Any], old: Any, path: str, ratchet: _Ratchet) -> None:
        if node.items is None:
            return
        known = by_key(node.schema, old if isinstance(old, list) else ())
        keys = node.schema.get("x-kubernetes-list-map-keys") or ()
        for place, value in enumerate(values):
            before = known.get(element_key(keys, value)) if known else None
            self.node(node.items, value, before, f"{path}[{place}]", ratchet.at(place))

    def _object(self, node: RuleNode, value: KubeObject, old: Any, path: str, ratchet: _Ratchet) -> None:
        before: KubeObject = old if isinstance(old, dict) else {}
        if node.values is not None:
            for name, inner in value.items():
                self.node(node.values, inner, before.get(name), f"{path}[{name}]", ratchet.below(name))
        for name, below in node.properties.items():
            if value.get(name) is not None:
                self.node(below, value[name], before.get(name), joined(path, name), ratchet.below(name))

    # --- rules

    def _rules(self, node: RuleNode, value: Any, old: Any, path: str, ratchet: _Ratchet) -> None:
        if self.left <= 0:
            self.out_of_budget(node, path)
            return
        itself = _read(node, value)
        before = _read(node, old) if old is not None and node.uses_old_self else None
        for rule in node.rules:
            if not self.over:
                _Evaluation(self, node, rule, path, ratchet, value, itself, before, old is not None).run()

    def out_of_budget(self, node: RuleNode, path: str) -> None:
        told = "validation failed due to running out of cost budget, no further validation rules will be run"
        self.tell(path, f"Invalid value: {quoted(node.type)}: {told}")
        self.over = True

    def tell(self, path: str, message: str, reason: str = "FieldValueInvalid") -> None:
        self.causes.append(Cause(reason=reason, message=message, field=path or "<nil>"))

    def evaluate(self, expression: Expression, itself: object, before: object) -> object:
        """CelError as the expression's own failure; _Recount when its worst case is beyond what is left."""
        if not self.metered and expression.is_cheap:
            self.left -= expression.cost
            if self.left < 0:
                raise _Recount
            return expression.plain.run(itself, before)
        meter = expression.metered.meter
        assert meter is not None
        meter.reset()
        try:
            return expression.metered.run(itself, before)
        finally:
            self.left -= meter.spent


def _read(node: RuleNode, value: Any) -> object:
    """The value, or the failure that naming it is."""
    try:
        return node.node.read(value)
    except CelError as error:
        return error


@dataclass(slots=True)
class _Evaluation:
    """One rule on one value."""

    walk: _Run
    node: RuleNode
    rule: Rule
    path: str
    ratchet: _Ratchet
    value: Any
    itself: object
    before: object
    has_old: bool

    def run(self) -> None:
        expression = self.rule.expression
        if self.rule.fault:
            self._invalid(f"rule compile error: {self.rule.fault}")
        if expression is None or (expression.uses_old_self and not self.has_old and not self.rule.optional_old):
            return
        try:
            held = self.walk.evaluate(expression, self.itself, self._old())
        except CelError as error:
            self._failed(error)
            return
        if self.walk.left < 0:
            self.walk.out_of_budget(self.node, self.path)
        elif held is not True:
            self._broken()

    def _old(self) -> object:
        """oldSelf as the rule sees it."""
        if self.rule.optional_old:
            return Optional(self.before) if self.has_old else NONE
        return self._plain_old()

    def _plain_old(self) -> object:
        if self.has_old and self.node.uses_old_self:
            return self.before
        return CelError("no such attribute(s): oldSelf")

    def _invalid(self, detail: str) -> None:
        self.walk.tell(self.path, f"Invalid value: {quoted(self.node.type)}: {detail}")

    def _failed(self, error: CelError) -> None:
        if self.walk.left < 0:
            self.walk.out_of_budget(self.node, self.path)
            return
        message, named = error.message, self.rule.named()
        if message.startswith("no such overload"):
            told = "call arguments did not match a supported operator, function or macro signature for rule"
            self._invalid(f"'{message}': {told}: {named}")
        elif isinstance(error, CostExceeded):
            told = "no further validation rules will be run due to call cost exceeds limit for rule"
            self._invalid(f"'{message}': {told}: {named}")
            self.walk.over = True
        else:
            self._invalid(f"{message} evaluating rule: {named}")

    # --- a rule that does not hold

    def _broken(self) -> None:
        where = joined(self.path, self.rule.field)
        detail = self.rule.default_message()
        if self.rule.message is not None:
            said = self._said(self.rule.message, where)
            if self.walk.over:
                return
            detail = said or detail
        self._add(where, *self._worded(detail))

    def _said(self, message: Expression, where: str) -> str | None:
        """What a messageExpression says; None when it comes to nothing."""
        try:
            text = message_text(self.walk.evaluate(message, self.itself, self._plain_old()))
        except CostExceeded:
            told = "no further validation rules will be run due to call cost exceeds limit for messageExpression"
            self._stop(where, f"{told}: {go_value(self.rule.spec['messageExpression'])}")
            return None
        except CelError:
            text = None
        if self.walk.left < 0:
            told = "messageExpression evaluation failed due to running out of cost budget"
            self._stop(where, f"{told}, no further validation rules will be run")
        return text

    def _stop(self, where: str, detail: str) -> None:
        self._add(where, f"Invalid value: {quoted(self.node.type)}: {detail}", "FieldValueInvalid")
        self.walk.over = True

    def _worded(self, detail: str) -> tuple[str, str]:
        """Message and reason; the value is shown of scalars alone."""
        omitted = self.node.type in ("object", "array")
        reason = self.rule.spec.get("reason") or "FieldValueInvalid"
        if reason == "FieldValueForbidden":
            return f"Forbidden: {detail}", reason
        if reason == "FieldValueRequired":
            return f"Required value: {detail}", reason
        shown = "" if omitted else f": {go_value(self.value)}"
        if reason == "FieldValueDuplicate":
            return f"Duplicate value{shown}", reason
        return f"Invalid value{shown}: {detail}", "FieldValueInvalid"

    def _add(self, where: str, message: str, reason: str) -> None:
        """A mistake; of a value that did not change, and that is judged alone, but a warning."""
        if not self.rule.uses_old_self and self.ratchet.is_same():
            self.walk.warnings.append(f"{where or '<nil>'}: {message}")
        else:
            self.walk.tell(where, message, reason)
