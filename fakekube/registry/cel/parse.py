"""Text -> syntax tree, by the parser of Google's CEL for C++ (cel-expr-python): the only importer of that library.

Its grammar is the one of cel-go, so are the places and the words of syntax errors. Macros come expanded; those that it
does not know are expanded in `macros.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from fakekube.registry.cel import wire
from fakekube.registry.cel.issues import Issue, Source
from fakekube.registry.cel.macros import MacroFault, expanded
from fakekube.registry.cel.tree import (
    Call,
    Comprehension,
    Entry,
    Expr,
    FieldInit,
    Ident,
    ListLiteral,
    Literal,
    MapLiteral,
    Select,
    StructLiteral,
    walk,
)

if TYPE_CHECKING:
    from cel_expr_python import cel

# The size at which cel-go refuses to read on.
_LONGEST = 100_000
# How deep an expression may nest; cel-go reads 250 deep, the library 32, and does not let itself be told otherwise.
DEEPEST = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    source: Source
    expr: Expr
    positions: Mapping[int, int]
    """Id of a node -> offset in code points."""

    def issue(self, node: int, message: str) -> Issue:
        return self.source.issue(self.positions.get(node, -1), message)


class Unreadable(Exception):
    """The text is no expression; `shown` tells why and where."""

    def __init__(self, shown: str) -> None:
        super().__init__(shown)
        self.shown = shown


def parse(text: str, *, binds: bool = False) -> Parsed:
    """The tree of an expression, all macros expanded. Unreadable when there is none. `binds`: `cel.bind` is a macro."""
    source = Source(text)
    if len(text) > _LONGEST:
        told = f"expression code point size exceeds limit: size: {len(text)}, limit {_LONGEST}"
        raise Unreadable(source.shown([source.issue(-1, told)]))
    try:
        data = _environment().compile(text, disable_check=True).serialize()
    except RuntimeError as error:
        raise Unreadable(_syntax_errors(source, str(error))) from None
    # A google.protobuf.Any around a ParsedExpr.
    parsed = wire.fields(wire.raw(wire.fields(data), 2))
    info = wire.fields(wire.raw(parsed, 3))
    positions = {wire.number(pair, 1): wire.number(pair, 2) for pair in map(wire.fields, wire.each(info, 4))}
    try:
        expr = expanded(_expr(wire.raw(parsed, 2)), positions, binds=binds)
    except MacroFault as fault:
        issues = [source.issue(positions.get(node, -1), message) for node, message in fault.faults]
        raise Unreadable(source.shown(issues)) from None
    return _settled(Parsed(source=source, expr=expr, positions=positions))


def _settled(parsed: Parsed) -> Parsed:
    """Where cel-go reads otherwise: objects stand at their brace, and no number is too large for a double."""
    moved = dict(parsed.positions)
    issues: list[Issue] = []
    for node in walk(parsed.expr):
        if isinstance(node, StructLiteral):
            moved[node.id] = parsed.source.text.find("{", moved.get(node.id, 0))
        if isinstance(node, Literal) and isinstance(node.value, float) and math.isinf(node.value):
            issues.append(parsed.issue(node.id, "invalid double literal"))
    if issues:
        raise Unreadable(parsed.source.shown(issues))
    return replace(parsed, positions=moved)


@cache
def _environment() -> cel.Env:
    from cel_expr_python import cel
    from cel_expr_python.ext import ext_optional

    # Optional syntax (`.?`, `[?`, `optMap`) is all that is asked for: names and types are checked by check.py.
    return cel.NewEnv(variables={}, extensions=[ext_optional.ExtOptional()])


# --- errors -----------------------------------------------------------------------------------------------------------

_ERROR = re.compile(r"^ERROR: <input>:(\d+):(\d+): (.*)$", re.MULTILINE)
_WRAPPED = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")
_NO_NAME = "expecting {IDENTIFIER, ESC_IDENTIFIER}"
_NOWHERE = 1 << 31
_TOO_DEEP = re.compile(r"Expression recursion limit exceeded|Exceeded max recursion depth")
# The C++ parser's words where cel-go has its own.
_REWORDED: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^has\(\) argument must be a field selection$"), "invalid argument to has() macro"),
    (
        re.compile(r"^(all|exists|exists_one|existsOne)\(\) variable name must be a simple identifier$"),
        "argument must be a simple name",
    ),
    (re.compile(r"^(map|filter)\(\) variable name must be a simple identifier$"), "argument is not an identifier"),
    (re.compile(r"^\w+\(\) variable name cannot be .*$"), "iteration variable overwrites accumulator variable"),
    (
        re.compile(r"^(Syntax error: )no viable alternative at input '\.(true|false|null)'"),
        r"\1mismatched input '\2' expecting IDENTIFIER",
    ),
    (re.compile(r"'\\u003F'"), "'?'"),
)


def _syntax_errors(source: Source, told: str) -> str:
    if _TOO_DEEP.search(told):
        return source.shown([source.issue(-1, f"expression recursion limit exceeded: {DEEPEST}")])
    found = [
        (int(line), int(column) - 1, _reworded(text)) for line, column, text in _ERROR.findall(_WRAPPED.sub("", told))
    ]
    # A missing name is told twice; what the parser says of its own tree has no place, and is not told.
    unnamed = [(line, column, "unsupported ident kind") for line, column, text in found if text.endswith(_NO_NAME)]
    issues = [
        Issue(line=line, column=column, message=text) for line, column, text in [*found, *unnamed] if line < _NOWHERE
    ]
    return source.shown(issues) if issues else told


def _reworded(message: str) -> str:
    for pattern, words in _REWORDED:
        message = pattern.sub(words, message)
    return message


# --- the tree ---------------------------------------------------------------------------------------------------------


def _expr(data: bytes) -> Expr:
    message = wire.fields(data)
    kind = next(number for number in message if number != 2)
    return _KINDS[kind](wire.number(message, 2), wire.fields(wire.raw(message, kind)))


def _literal(node: int, message: wire.Message) -> Expr:
    [(number, [*_, value])] = message.items()
    kind, read = _CONSTANTS[number]
    return Literal(id=node, kind=kind, value=read(value))


def _signed(value: wire.Field) -> int:
    return wire.signed(int(value))


def _string(value: wire.Field) -> str:
    return value.decode() if isinstance(value, bytes) else ""


def _bytes(value: wire.Field) -> bytes:
    return value if isinstance(value, bytes) else b""


_CONSTANTS: Mapping[int, tuple[str, Callable[[wire.Field], bool | int | float | str | bytes | None]]] = {
    1: ("null", lambda _: None),
    2: ("bool", bool),
    3: ("int", _signed),
    4: ("uint", int),
    5: ("double", float),
    6: ("string", _string),
    7: ("bytes", _bytes),
}


def _ident(node: int, message: wire.Message) -> Expr:
    return Ident(id=node, name=wire.text(message, 1))


def _select(node: int, message: wire.Message) -> Expr:
    operand = _expr(wire.raw(message, 1))
    return Select(id=node, operand=operand, field=wire.text(message, 2), test_only=bool(wire.number(message, 3)))


def _call(node: int, message: wire.Message) -> Expr:
    args = tuple(map(_expr, wire.each(message, 3)))
    target = _expr(wire.raw(message, 1)) if 1 in message else None
    return Call(id=node, function=wire.text(message, 2), args=args, target=target)


def _list(node: int, message: wire.Message) -> Expr:
    optional = frozenset(index for packed in wire.each(message, 2) for index in wire.varints(packed))
    return ListLiteral(id=node, elements=tuple(map(_expr, wire.each(message, 1))), optional=optional)


def _struct(node: int, message: wire.Message) -> Expr:
    name = wire.text(message, 1)
    entries = [wire.fields(entry) for entry in wire.each(message, 2)]
    if name:
        inits = [
            FieldInit(id=wire.number(each, 1), name=wire.text(each, 2), value=_expr(wire.raw(each, 4)))
            for each in entries
        ]
        return StructLiteral(id=node, name=name, fields=tuple(inits))
    return MapLiteral(id=node, entries=tuple(map(_entry, entries)))


def _entry(message: wire.Message) -> Entry:
    key, value = _expr(wire.raw(message, 3)), _expr(wire.raw(message, 4))
    return Entry(id=wire.number(message, 1), key=key, value=value, optional=bool(wire.number(message, 5)))


def _comprehension(node: int, message: wire.Message) -> Expr:
    return Comprehension(
        id=node,
        range=_expr(wire.raw(message, 2)),
        variable=wire.text(message, 1),
        variable2=wire.text(message, 8),
        accumulator=wire.text(message, 3),
        init=_expr(wire.raw(message, 4)),
        condition=_expr(wire.raw(message, 5)),
        step=_expr(wire.raw(message, 6)),
        result=_expr(wire.raw(message, 7)),
    )


_KINDS: Mapping[int, Callable[[int, wire.Message], Expr]] = {
    3: _literal,
    4: _ident,
    5: _select,
    6: _call,
    7: _list,
    8: _struct,
    9: _comprehension,
}
