"""The type checker: which overload each call means, and every mistake with its place, in cel-go's words.

Source: cel-go 0.29 (checker/checker.go, checker/env.go).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from fakekube.registry.cel import celtypes
from fakekube.registry.cel.celtypes import (
    BOOL,
    DYN,
    ERROR,
    INT,
    Substitutions,
    Type,
    is_dyn,
    is_dyn_or_error,
    list_of,
    map_of,
    most_general,
    optional_of,
    struct,
    type_of,
    unwrapped,
)
from fakekube.registry.cel.declarations import TYPE_NAMES, Overload, functions
from fakekube.registry.cel.issues import Issue
from fakekube.registry.cel.parse import Parsed
from fakekube.registry.cel.tree import (
    Call,
    Comprehension,
    Expr,
    Ident,
    ListLiteral,
    Literal,
    MapLiteral,
    Select,
    StructLiteral,
    qualified,
)

_LITERALS: Mapping[str, Type] = {
    "bool": celtypes.BOOL,
    "bytes": celtypes.BYTES,
    "double": celtypes.DOUBLE,
    "int": celtypes.INT,
    "null": celtypes.NULL,
    "string": celtypes.STRING,
    "uint": celtypes.UINT,
}

FieldType = Callable[[str, str], "Type | None"]
"""(name of an object type, field) -> the field's type; None when the type has no such field."""


class Made(Protocol):
    """The objects that an expression may make: `Object.spec{replicas: 2}`."""

    functions: Mapping[str, tuple[Overload, ...]]
    """Functions that are known where these objects are."""

    def knows(self, name: str) -> bool: ...

    def field(self, name: str, member: str) -> Type | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What an expression may name."""

    variables: Mapping[str, Type]
    fields: Mapping[str, Mapping[str, Type]] = field(default_factory=dict)
    """Name of an object type -> its fields, escaped."""
    stored: bool = False
    """Whether the expression was accepted before."""
    binds: bool = False
    """Whether `cel.bind` is known; those who select devices have it."""
    made: Made | None = None
    """None where an expression makes no objects: everywhere but in mutations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    parsed: Parsed
    types: Mapping[int, Type]
    overloads: Mapping[int, tuple[str, ...]]
    """Id of a call -> the overloads it may mean."""
    calls: Mapping[int, str]
    """Id of a call of a namespaced function (`sets.contains`) -> its full name."""
    names: Mapping[int, str]
    """Id of a name, or of a select that is one (`net.IP`) -> what it refers to."""

    @property
    def expr(self) -> Expr:
        return self.parsed.expr

    @property
    def type(self) -> Type:
        return self.types[self.parsed.expr.id]

    def target(self, call: Call) -> Expr | None:
        """The target of a call; none where it is but the prefix of a function's name."""
        return None if call.id in self.calls else call.target

    def function(self, call: Call) -> str:
        return self.calls.get(call.id, call.function)


def check(parsed: Parsed, scope: Scope) -> tuple[Checked, list[Issue]]:
    """The types of every node, and what is wrong; with any issue the types are of no use."""
    known = functions(stored=scope.stored)
    if scope.made is not None:
        known = {**known, **scope.made.functions}
    checker = _Checker(parsed=parsed, scope=scope, functions=known)
    checker.visit(parsed.expr)
    types = {node: checker.bound.applied(kind, rest_is_dyn=True) for node, kind in checker.types.items()}
    checked = Checked(parsed=parsed, types=types, overloads=checker.overloads, calls=checker.calls, names=checker.names)
    return checked, checker.issues


@dataclass(slots=True, kw_only=True)
class _Checker:
    parsed: Parsed
    scope: Scope
    functions: Mapping[str, tuple[Overload, ...]]
    types: dict[int, Type] = field(default_factory=dict)
    overloads: dict[int, tuple[str, ...]] = field(default_factory=dict)
    calls: dict[int, str] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    bound: Substitutions = field(default_factory=Substitutions)
    locals: list[dict[str, Type]] = field(default_factory=list)
    fresh: int = 0

    def tell(self, node: int, message: str) -> None:
        self.issues.append(self.parsed.issue(node, message))

    def visit(self, expr: Expr) -> Type:
        """The type of a node, kept under its id."""
        match expr:
            case Literal():
                kind = _LITERALS[expr.kind]
            case Ident():
                kind = self._ident(expr)
            case Select():
                kind = self._select(expr)
            case Call():
                kind = self._call(expr)
            case ListLiteral():
                kind = self._list(expr)
            case MapLiteral():
                kind = self._map(expr)
            case StructLiteral():
                kind = self._struct(expr)
            case Comprehension():
                kind = self._comprehension(expr)
        self.types[expr.id] = kind
        return kind

    # --- names and fields

    def _named(self, name: str) -> Type | None:
        if name.startswith("."):
            return self.scope.variables.get(name[1:]) or TYPE_NAMES.get(name[1:])
        for scope in reversed(self.locals):
            if name in scope:
                return scope[name]
        return self.scope.variables.get(name) or TYPE_NAMES.get(name) or self._made_type(name)

    def _made_type(self, name: str) -> Type | None:
        return type_of(struct(name)) if self.scope.made is not None and self.scope.made.knows(name) else None

    def _qualified(self, name: str) -> Type | None:
        """What a name with dots stands for as a whole: a type (`net.IP`), or a variable of that name."""
        if any(name.partition(".")[0] in scope for scope in self.locals):
            return None
        return self.scope.variables.get(name) or TYPE_NAMES.get(name) or self._made_type(name)

    def _ident(self, expr: Ident) -> Type:
        found = self._named(expr.name)
        if found is None:
            self.tell(expr.id, f"undeclared reference to '{expr.name}' (in container '')")
            return ERROR
        self.names[expr.id] = expr.name.removeprefix(".")
        return found

    def _select(self, expr: Select) -> Type:
        name = qualified(expr)
        if name is not None and "." in name:
            found = self._qualified(name)
            if found is not None:
                self.names[expr.id] = name
                return found
        kind = self._field(expr.id, expr.operand, expr.field, optional=False)
        return BOOL if expr.test_only else self.bound.applied(kind)

    def _field(self, node: int, operand: Expr, name: str, *, optional: bool) -> Type:
        within, was_optional = unwrapped(self.bound.applied(self.visit(operand)))
        kind = self._field_of(node, within, name)
        return optional_of(kind) if optional or was_optional else kind

    def _field_of(self, node: int, within: Type, name: str) -> Type:
        if within.kind == "map":
            return within.params[1]
        if within.kind == "struct":
            return self._declared(node, within.name, name)
        if within.kind == "param":
            self.bound.assignable([DYN], [within])
        elif not is_dyn_or_error(within):
            self.tell(node, f"type '{within}' does not support field selection")
        return DYN

    def _declared(self, node: int, owner: str, name: str) -> Type:
        if self.scope.made is not None and self.scope.made.knows(owner):
            return self.scope.made.field(owner, name) or ERROR
        fields = self.scope.fields.get(owner)
        if fields is None:
            self.tell(node, f"unexpected failed resolution of '{owner}'")
            return ERROR
        found = fields.get(name) or fields.get(f"__{name}__" if name in RESERVED else name)
        if found is None:
            self.tell(node, f"undefined field '{name}'")
            return ERROR
        return found

    # --- calls

    def _call(self, expr: Call) -> Type:
        if expr.function == "_?._":
            return self._optional_select(expr)
        for arg in expr.args:
            self.visit(arg)
        if expr.target is None:
            return self._resolved(expr, expr.function, None)
        prefix = qualified(expr.target)
        if prefix is not None and f"{prefix}.{expr.function}" in self.functions:
            self.calls[expr.id] = f"{prefix}.{expr.function}"
            return self._resolved(expr, self.calls[expr.id], None)
        self.visit(expr.target)
        return self._resolved(expr, expr.function, expr.target)

    def _optional_select(self, expr: Call) -> Type:
        operand, name = expr.args
        if not isinstance(name, Literal) or not isinstance(name.value, str):
            self.tell(name.id, "unsupported optional field selection")
            return ERROR
        self.overloads[expr.id] = ("select_optional_field",)
        self.types[name.id] = celtypes.STRING
        return self.bound.applied(self._field(expr.id, operand, name.value, optional=True))

    def _resolved(self, expr: Call, function: str, target: Expr | None) -> Type:
        overloads = self.functions.get(function)
        if overloads is None:
            self.tell(expr.id, f"undeclared reference to '{function}' (in container '')")
            return ERROR
        args = expr.args if target is None else (target, *expr.args)
        if function in ("_&&_", "_||_"):
            return self._logical(expr, overloads[0].id)
        return self._overloaded(expr, function, overloads, [self.types[arg.id] for arg in args], target is not None)

    def _logical(self, expr: Call, overload: str) -> Type:
        faults = [arg for arg in expr.args if not self.bound.assignable([self.types[arg.id]], [BOOL])]
        for arg in faults:
            self.tell(arg.id, f"expected type 'bool' but found '{self.types[arg.id]}'")
        self.overloads[expr.id] = (overload,)
        return ERROR if faults else BOOL

    def _overloaded(
        self, expr: Call, function: str, overloads: tuple[Overload, ...], given: list[Type], member: bool
    ) -> Type:
        found: list[str] = []
        result: Type | None = None
        for overload in overloads:
            if overload.member is not member:
                continue
            args, returned = self._instance(overload)
            if not self.bound.assignable(given, args):
                continue
            found.append(overload.id)
            kind = self.bound.applied(returned)
            if result is None:
                result = kind
            elif not is_dyn(result) and kind != result:
                result = DYN
        if result is None:
            shown = [str(self.bound.applied(each, rest_is_dyn=True)) for each in given]
            signature = f"{shown[0]}.({', '.join(shown[1:])})" if member else f"({', '.join(shown)})"
            self.tell(expr.id, f"found no matching overload for '{function}' applied to '{signature}'")
            return ERROR
        self.overloads[expr.id] = tuple(found)
        return result

    def _instance(self, overload: Overload) -> tuple[list[Type], Type]:
        """An overload with type parameters of its own."""
        if not overload.params:
            return list(overload.args), overload.result
        own = Substitutions({name: self._fresh() for name in overload.params})
        return [own.applied(arg) for arg in overload.args], own.applied(overload.result)

    def _fresh(self) -> Type:
        self.fresh += 1
        return celtypes.param(f"_var{self.fresh - 1}")

    # --- literals

    def _list(self, expr: ListLiteral) -> Type:
        joined: Type | None = None
        for index, element in enumerate(expr.elements):
            kind = self._maybe_optional(element, self.visit(element), index in expr.optional)
            joined = self._joined(joined, kind)
        return list_of(joined or self._fresh())

    def _map(self, expr: MapLiteral) -> Type:
        key: Type | None = None
        value: Type | None = None
        for entry in expr.entries:
            key = self._joined(key, self.visit(entry.key))
            kind = self._maybe_optional(entry.value, self.visit(entry.value), entry.optional)
            value = self._joined(value, kind)
        return map_of(key or self._fresh(), value or self._fresh())

    def _maybe_optional(self, expr: Expr, kind: Type, optional: bool) -> Type:
        if not optional:
            return kind
        within, was_optional = unwrapped(kind)
        if not was_optional and not is_dyn(within):
            self.tell(expr.id, f"expected type '{optional_of(within)}' but found '{within}'")
        return within

    def _joined(self, before: Type | None, kind: Type) -> Type:
        """The type that takes both. Most lists of several types are refused later, in literals.py."""
        if before is None:
            return kind
        return most_general(before, kind) if self.bound.assignable([before], [kind]) else DYN

    def _struct(self, expr: StructLiteral) -> Type:
        made = self.scope.made
        if made is None or not made.knows(expr.name):
            self.tell(expr.id, f"undeclared reference to '{expr.name}' (in container '')")
            return ERROR
        for init in expr.fields:
            kind, wanted = self.visit(init.value), made.field(expr.name, init.name)
            if wanted is None or not self.bound.assignable([wanted], [kind]):
                shown = "" if wanted is None else wanted
                told = f"expected type of field '{init.name}' is '{shown}' but provided type is '{kind}'"
                self.tell(init.id, told)
        return struct(expr.name)

    # --- comprehensions

    def _comprehension(self, expr: Comprehension) -> Type:
        ranged = self.bound.applied(self.visit(expr.range))
        accumulated = self.visit(expr.init)
        first, second = self._iterated(expr, ranged)
        self.locals.append({expr.accumulator: accumulated})
        self.locals.append({expr.variable: first})
        if expr.variable2:
            self.locals[-1][expr.variable2] = second
        self.visit(expr.condition)
        self._must_be(expr.condition, BOOL)
        self.visit(expr.step)
        self._must_be(expr.step, accumulated)
        self.locals.pop()
        result = self.visit(expr.result)
        self.locals.pop()
        return self.bound.applied(result)

    def _iterated(self, expr: Comprehension, ranged: Type) -> tuple[Type, Type]:
        """The types of the one or two variables."""
        if ranged.kind == "list":
            return (INT, ranged.params[0]) if expr.variable2 else (ranged.params[0], ranged.params[0])
        if ranged.kind == "map":
            return ranged.params[0], ranged.params[1]
        if ranged.kind in ("dyn", "error", "param"):
            self.bound.assignable([DYN], [ranged])
            return DYN, DYN
        told = f"expression of type '{ranged}' cannot be range of a comprehension (must be list, map, or dynamic)"
        self.tell(expr.range.id, told)
        return ERROR, ERROR

    def _must_be(self, expr: Expr, wanted: Type) -> None:
        kind = self.types[expr.id]
        if not self.bound.assignable([wanted], [kind]):
            self.tell(expr.id, f"expected type '{wanted}' but found '{kind}'")


RESERVED = frozenset(
    [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)
