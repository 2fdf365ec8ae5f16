"""The syntax tree of an expression: immutable nodes, each with the id that positions and types are kept under."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

# What a literal can hold; unsigned numbers are told by `Literal.kind`.
Constant: TypeAlias = "bool | int | float | str | bytes | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    id: int
    kind: str
    """bool, int, uint, double, string, bytes or null."""
    value: Constant


@dataclass(frozen=True, slots=True, kw_only=True)
class Ident:
    id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """`operand.field`, or `has(operand.field)` when only presence is tested."""

    id: int
    operand: Expr
    field: str
    test_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A function, a method when there is a target, or an operator (`_+_`, `_?_:_`, `_[_]`)."""

    id: int
    function: str
    args: tuple[Expr, ...]
    target: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLiteral:
    id: int
    elements: tuple[Expr, ...]
    optional: frozenset[int] = frozenset()
    """Indexes of elements that are written `?element`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    id: int
    key: Expr
    value: Expr
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MapLiteral:
    id: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldInit:
    id: int
    name: str
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class StructLiteral:
    """`Name{field: value}`. Mutations of admission make such objects; elsewhere they are only ever refused."""

    id: int
    name: str
    fields: tuple[FieldInit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comprehension:
    """What the macros (`all`, `exists`, `map`, ...) become: a fold of `step` over `range` while `condition`."""

    id: int
    range: Expr
    variable: str
    variable2: str
    """Empty for a comprehension of one variable."""
    accumulator: str
    init: Expr
    condition: Expr
    step: Expr
    result: Expr


Expr: TypeAlias = "Literal | Ident | Select | Call | ListLiteral | MapLiteral | StructLiteral | Comprehension"


def children(expr: Expr) -> tuple[Expr, ...]:
    """The nodes right below, in the order they are evaluated."""
    match expr:
        case Select():
            return (expr.operand,)
        case Call():
            return expr.args if expr.target is None else (expr.target, *expr.args)
        case ListLiteral():
            return expr.elements
        case MapLiteral():
            return tuple(each for entry in expr.entries for each in (entry.key, entry.value))
        case StructLiteral():
            return tuple(field.value for field in expr.fields)
        case Comprehension():
            return (expr.range, expr.init, expr.condition, expr.step, expr.result)
        case _:
            return ()


def walk(expr: Expr) -> Iterator[Expr]:
    """Every node, from the top."""
    pending = [expr]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(children(node)))


def qualified(expr: Expr) -> str | None:
    """`a.b.c` as written, when an expression is nothing but names; None otherwise."""
    names: list[str] = []
    while isinstance(expr, Select) and not expr.test_only:
        names.append(expr.field)
        expr = expr.operand
    return ".".join(reversed([*names, expr.name])) if isinstance(expr, Ident) else None
