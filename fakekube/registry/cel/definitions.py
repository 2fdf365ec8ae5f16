"""The rules of a whole schema, compiled: what each node has, and why a definition with them is refused.

Source: apiextensions-apiserver/pkg/apis/apiextensions/validation (validation.go, cel_validation.go) of 1.37.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from fakekube.meta.errors import Cause
from fakekube.meta.objects import KubeObject
from fakekube.registry.cel import celtypes
from fakekube.registry.cel.data import SchemaNode
from fakekube.registry.cel.ranges import MOST
from fakekube.registry.cel.rules import Expression, Rule, Uncompilable, compile_expression, rule_field, scope_of
from fakekube.registry.cel.schema import EMBEDDED, RULES, DeclaredType, declared, object_fields, with_type_and_meta
from fakekube.registry.validation.causes import go_value, quoted

# What the price of one expression, and of all of a schema, may be.
_EXPRESSION_LIMIT = 10_000_000
_SCHEMA_LIMIT = 100_000_000
_MOST_EXPENSIVE = 4
_REQUEST = 3 * 1024 * 1024
# The real server makes a new one each time, so that nobody relies on it.
_TYPE_NAME = "selfType1"

_ADVICE = "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a definition is refused; `within` is a path below the schema that ends the message."""

    path: str
    reason: str
    message: str
    within: str | None = None

    def cause(self, prefix: str) -> Cause:
        tail = "" if self.within is None else joined(prefix, self.within)
        return Cause(reason=self.reason, message=self.message + tail, field=joined(prefix, self.path))


def joined(path: str, below: str) -> str:
    if not path or not below:
        return path or below
    return f"{path}{below}" if below.startswith("[") else f"{path}.{below}"


@dataclass(slots=True, kw_only=True, eq=False)
class RuleNode:
    """A node of the schema that has rules, or has some below."""

    schema: KubeObject
    """With what every rule of a resource's root may see."""
    node: SchemaNode
    rules: list[Rule] = field(default_factory=list)
    all_of: list[RuleNode] = field(default_factory=list)
    properties: dict[str, RuleNode] = field(default_factory=dict)
    values: RuleNode | None = None
    items: RuleNode | None = None

    @property
    def type(self) -> str:
        return str(self.schema.get("type") or "")

    @property
    def uses_old_self(self) -> bool:
        return any(rule.uses_old_self for rule in self.rules)

    def is_empty(self) -> bool:
        return not (self.rules or self.all_of or self.properties or self.values or self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a walk through the schema is."""

    path: str = ""
    cardinality: int | None = 1
    """How often the node can be in an object; None where nothing says."""
    uncorrelated: str | None = None
    """The first list above whose elements nothing correlates."""
    is_root: bool = True
    for_definition: bool = True
    """Within allOf a rule runs, but no definition is refused for it."""

    def below(self, step: str, schema: KubeObject, *, embedded: bool, uncorrelated: bool = False) -> _Place:
        return replace(
            self,
            path=joined(self.path, step),
            cardinality=_cardinality(self.cardinality, schema),
            uncorrelated=self.path if uncorrelated and self.uncorrelated is None else self.uncorrelated,
            is_root=embedded,
        )


def _cardinality(own: int | None, schema: KubeObject) -> int | None:
    """Of the nodes right below."""
    kind = schema.get("type")
    if kind == "array":
        most = schema.get("maxItems")
    elif kind == "object" and schema.get("additionalProperties") is not None:
        most = schema.get("maxProperties")
    else:
        return own
    return None if own is None or most is None else min(own * max(most, 0), MOST)


@dataclass(slots=True, kw_only=True)
class Compiler:
    """Compiles a schema's rules; `faults` is complete when `compile` has returned."""

    stored_rules: frozenset[str] = frozenset()
    stored_messages: frozenset[str] = frozenset()
    is_unchanged: bool = False
    faults: list[Fault] = field(default_factory=list)
    total: int = 0
    expensive: list[tuple[int, str]] = field(default_factory=list)

    def compile(self, schema: KubeObject) -> RuleNode | None:
        node = self._node(schema, schema, _Place())
        if self.total > _SCHEMA_LIMIT:
            told = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"
            self.faults += [_forbidden(path, told) for _, path in self.expensive]
            name = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema"
            self.faults.append(_forbidden("", _exceeds(name, self.total, _SCHEMA_LIMIT)))
        return node

    def _node(self, rules: KubeObject, schema: KubeObject, place: _Place) -> RuleNode | None:
        """`rules` has the rules, `schema` the structure; they differ within allOf."""
        own = with_type_and_meta(schema) if place.is_root and schema.get("type") == "object" else schema
        found = RuleNode(schema=own, node=SchemaNode(schema, is_root=place.is_root))
        self._below(rules, schema, place, found)
        for index, nested in enumerate(rules.get("allOf") or ()):
            inner = self._node(
                nested, schema, replace(place, path=f"{place.path}.allOf[{index}]", for_definition=False)
            )
            if inner is not None:
                found.all_of.append(inner)
        if rules.get(RULES):
            found.rules = list(self._rules(rules[RULES], schema, place))
        return None if found.is_empty() else found

    def _below(self, rules: KubeObject, schema: KubeObject, place: _Place, found: RuleNode) -> None:
        values, inner = rules.get("additionalProperties"), schema.get("additionalProperties")
        if isinstance(values, dict) and isinstance(inner, dict):
            step = place.below("additionalProperties", schema, embedded=bool(inner.get(EMBEDDED)))
            found.values = self._node(values, inner, step)
        structure = schema.get("properties") or {}
        for name, nested in (rules.get("properties") or {}).items():
            if name in structure:
                step = place.below(f"properties[{name}]", schema, embedded=bool(structure[name].get(EMBEDDED)))
                node = self._node(nested, structure[name], step)
                if node is not None:
                    found.properties[name] = node
        items, inner = rules.get("items"), schema.get("items")
        if isinstance(items, dict) and isinstance(inner, dict):
            loose = schema.get("x-kubernetes-list-type") != "map"
            step = place.below("items", schema, embedded=bool(inner.get(EMBEDDED)), uncorrelated=loose)
            found.items = self._node(items, inner, step)

    # --- rules

    def _rules(self, specs: list[KubeObject], schema: KubeObject, place: _Place) -> Iterator[Rule]:
        root = declared(schema, is_root=place.is_root, name=_TYPE_NAME)
        if root is None:
            if place.for_definition:
                self.faults.append(_untyped(joined(place.path, RULES)))
            return
        fields = object_fields(root)
        for index, spec in enumerate(specs):
            rule = self._rule(spec, schema, root, fields)
            if place.for_definition:
                self._price(rule, root, place, joined(place.path, f"{RULES}[{index}]"))
            yield rule

    def _rule(
        self,
        spec: KubeObject,
        schema: KubeObject,
        root: DeclaredType,
        fields: Mapping[str, Mapping[str, celtypes.Type]],
    ) -> Rule:
        text = spec.get("rule") or ""
        if not text.strip():
            return Rule(spec=spec)
        optional = bool(spec.get("optionalOldSelf"))
        scope = scope_of(root, fields, optional_old=optional, stored=text in self.stored_rules)
        try:
            must_be = "cel expression must evaluate to a bool"
            expression = compile_expression(text, scope, root, celtypes.BOOL, label="", must_be=must_be)
        except Uncompilable as error:
            return Rule(spec=spec, fault=str(error))
        rule = Rule(spec=spec, expression=expression, field=rule_field(spec, schema))
        message = spec.get("messageExpression") or ""
        if not message:
            return rule
        scope = replace(scope, stored=message in self.stored_messages)
        try:
            must_be = "messageExpression must evaluate to a string"
            said = compile_expression(
                message, scope, root, celtypes.STRING, label="messageExpression ", must_be=must_be
            )
        except Uncompilable as error:
            return replace(rule, message_fault=str(error))
        return replace(rule, message=said)

    def _price(self, rule: Rule, root: DeclaredType, place: _Place, path: str) -> None:
        """What a definition is refused for, in the order of the real server."""
        times = _REQUEST // (root.min_size + 1) if place.cardinality is None else place.cardinality
        self._charge(rule.expression, times, f"{path}.rule", "estimated rule cost")
        if rule.fault:
            self.faults.append(_invalid(f"{path}.rule", _shown_rule(rule.spec), rule.fault))
        if rule.message_fault:
            self.faults.append(_invalid(f"{path}.messageExpression", _shown_rule(rule.spec), rule.message_fault))
        elif rule.message is not None:
            self._charge(rule.message, 1, f"{path}.messageExpression", "estimated messageExpression cost")
        self._transition(rule, place, path)

    def _charge(self, expression: Expression | None, times: int, path: str, name: str) -> None:
        cost = min((expression.cost if expression else 0) * times, MOST)
        if cost > _EXPRESSION_LIMIT and not self.is_unchanged:
            self.faults.append(_forbidden(path, _exceeds(name, cost, _EXPRESSION_LIMIT)))
        self.total = min(self.total + cost, MOST)
        if cost >= _SCHEMA_LIMIT // 100:
            self.expensive.append((cost, path))
            self.expensive.sort(key=lambda each: -each[0])
            del self.expensive[_MOST_EXPENSIVE:]

    def _transition(self, rule: Rule, place: _Place, path: str) -> None:
        if rule.uses_old_self:
            if place.uncorrelated is not None:
                told = "oldSelf cannot be used on the uncorrelatable portion of the schema within "
                fault = _invalid(f"{path}.rule", quoted(rule.spec["rule"]), told)
                self.faults.append(replace(fault, within=place.uncorrelated))
        elif rule.spec.get("optionalOldSelf") is not None:
            shown = go_value(bool(rule.spec["optionalOldSelf"]))
            self.faults.append(
                _invalid(f"{path}.optionalOldSelf", shown, "may not be set if oldSelf is not used in rule")
            )


def _untyped(path: str) -> Fault:
    told = "failed to construct type information for x-kubernetes-validations rules"
    why = "unable to convert structural schema to CEL declarations"
    return Fault(path=path, reason="InternalError", message=f"Internal error: internal error: {told}: {why}")


def _invalid(path: str, shown: str, detail: str) -> Fault:
    return Fault(path=path, reason="FieldValueInvalid", message=f"Invalid value: {shown}: {detail}")


def _forbidden(path: str, detail: str) -> Fault:
    return Fault(path=path, reason="FieldValueForbidden", message=f"Forbidden: {detail}")


def _exceeds(name: str, cost: int, limit: int) -> str:
    times = cost / limit
    factor = "more than 100x" if times > 100 else f"{times:f}x" if times < 1.5 else f"{times:.1f}x"
    return f"{name} exceeds budget by factor of {factor} {_ADVICE}"


_MEMBERS = (
    ("Rule", "rule", ""),
    ("Message", "message", ""),
    ("MessageExpression", "messageExpression", ""),
    ("Reason", "reason", None),
    ("FieldPath", "fieldPath", ""),
    ("OptionalOldSelf", "optionalOldSelf", None),
)
_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def _shown_rule(spec: KubeObject) -> str:
    """A rule in its internal form, as Go's JSON writes it."""
    members = {shown: spec.get(member, zero) for shown, member, zero in _MEMBERS}
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).translate(_HTML)
