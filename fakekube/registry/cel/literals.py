"""What is wrong with literals that fit by type: durations, timestamps, patterns, lists of several types, format strings.

Source: cel-go 0.29 (cel/validator.go, ext/formatting.go, interpreter/decorators.go).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fakekube.registry.cel import formatting, times
from fakekube.registry.cel.celtypes import Type, unwrapped
from fakekube.registry.cel.check import Checked
from fakekube.registry.cel.declarations import TYPE_NAMES, overload_by_id
from fakekube.registry.cel.functions import dispatched
from fakekube.registry.cel.issues import Issue
from fakekube.registry.cel.operators import is_key
from fakekube.registry.cel.regex_syntax import RegexError
from fakekube.registry.cel.regexes import compiled
from fakekube.registry.cel.tree import Call, Expr, Ident, ListLiteral, Literal, MapLiteral, children, walk
from fakekube.registry.cel.values import MISSING, CelError, MapValue, Timestamp, Uint, go_type, map_key

# A list in the arguments of these may hold several types.
_EXEMPT = frozenset(["format"])
Faults = Iterator[tuple[int, str]]
"""(node, message)"""


def literal_issues(checked: Checked) -> list[Issue]:
    """Empty when every literal means something."""
    faults = [*_arguments(checked), *_aggregates(checked, checked.expr, exempt=False), *_format_calls(checked)]
    return [checked.parsed.issue(node, message) for node, message in faults]


def _calls(checked: Checked) -> Iterator[Call]:
    return (node for node in walk(checked.expr) if isinstance(node, Call))


# --- arguments ----------------------------------------------------------------------------------------------------------


def _reads(read: Callable[[str], object]) -> Callable[[object], bool]:
    def check(value: object) -> bool:
        if not isinstance(value, str):
            return True
        try:
            read(value)
        except (ValueError, CelError):
            return False
        return True

    return check


def _is_moment(value: object) -> bool:
    try:
        if isinstance(value, str):
            times.in_range(times.timestamp(value))
        elif isinstance(value, int):
            times.in_range(Timestamp(value * times.SECOND))
    except (ValueError, CelError):
        return False
    return True


_CHECKED: Mapping[str, Callable[[object], bool]] = {
    "duration": _reads(times.duration),
    "timestamp": _is_moment,
    "matches": _reads(compiled),
}


def _arguments(checked: Checked) -> Faults:
    for call in _calls(checked):
        check = _CHECKED.get(call.function)
        if check is not None and call.args and isinstance(call.args[0], Literal) and not check(call.args[0].value):
            yield call.args[0].id, f"invalid {call.function} argument"


# --- lists and maps -----------------------------------------------------------------------------------------------------


def _aggregates(checked: Checked, expr: Expr, *, exempt: bool) -> Faults:
    if isinstance(expr, ListLiteral) and not exempt:
        yield from _list(checked, expr)
    if isinstance(expr, MapLiteral) and not exempt:
        yield from _map(checked, expr)
    exempt = exempt or (isinstance(expr, Call) and expr.function in _EXEMPT)
    for inner in children(expr):
        yield from _aggregates(checked, inner, exempt=exempt)


def _element(checked: Checked, expr: Expr, *, optional: bool) -> Type:
    kind = checked.types[expr.id]
    return unwrapped(kind)[0] if optional else kind


def _list(checked: Checked, expr: ListLiteral) -> Faults:
    types = [_element(checked, each, optional=place in expr.optional) for place, each in enumerate(expr.elements)]
    for element, kind in zip(expr.elements, types, strict=True):
        if kind != types[0]:
            yield element.id, _mismatch(types[0], kind)
            return


def _map(checked: Checked, expr: MapLiteral) -> Faults:
    keys = [checked.types[each.key.id] for each in expr.entries]
    values = [_element(checked, each.value, optional=each.optional) for each in expr.entries]
    for entry, key, value in zip(expr.entries, keys, values, strict=True):
        if key != keys[0]:
            yield entry.key.id, _mismatch(keys[0], key)
        if value != values[0]:
            yield entry.value.id, _mismatch(values[0], value)


def _mismatch(expected: Type, found: Type) -> str:
    return f"expected type '{expected}' but found '{found}'"


# --- format strings -----------------------------------------------------------------------------------------------------


def _format_calls(checked: Checked) -> Faults:
    for call in _calls(checked):
        if call.function != "format" or not isinstance(call.target, Literal) or len(call.args) != 1:
            continue
        text, arguments = call.target.value, call.args[0]
        if isinstance(text, str) and isinstance(arguments, ListLiteral):
            yield from _format_string(checked, call, text, arguments.elements)


def _format_string(checked: Checked, call: Call, text: str, arguments: Sequence[Expr]) -> Faults:
    """One fault: of the string, or of the first argument that its clause does not take."""
    used = at = 0
    try:
        while (at := text.find("%", at)) >= 0:
            if text[at + 1 : at + 2] == "%":
                at += 2
                continue
            letter, at = _clause(text, at + 1, used, len(arguments))
            wrong = _unfit(checked, arguments[used], letter)
            if wrong is not None:
                yield wrong.id, formatting.refusal(letter, checked.types[wrong.id].name).message
                return
            used += 1
    except CelError as error:
        yield call.id, error.message
        return
    if len(arguments) > used:
        yield call.id, f"too many arguments supplied to string.format (expected {used}, got {len(arguments)})"


def _clause(text: str, at: int, used: int, given: int) -> tuple[str, int]:
    """The letter of the clause at a place, and the place behind it. CelError."""
    if at >= len(text):
        raise CelError("unexpected end of string")
    if used >= given:
        raise CelError(f"index {used} out of range")
    _, at = formatting.precision_at(text, at)
    letter = text[at : at + 1]
    if letter not in formatting.TAKES:
        raise formatting.unrecognized(letter)
    return letter, at + 1


def _unfit(checked: Checked, argument: Expr, letter: str) -> Expr | None:
    """What a clause does not take: the argument, or for %s something within it."""
    kind = checked.types[argument.id].kind
    if kind != "dyn" and kind not in formatting.TAKES[letter]:
        return argument
    inner = children(argument) if letter == "s" and isinstance(argument, ListLiteral | MapLiteral) else ()
    return next((found for each in inner if (found := _unfit(checked, each, letter)) is not None), None)


# --- what is evaluated once -----------------------------------------------------------------------------------------------

_CONVERTED = frozenset(["bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "uint"])


def constant_fault(checked: Checked) -> str | None:
    """Why no program can be made: patterns and conversions of literals are worked out when it is made."""
    for node in walk(checked.expr):
        # What stands before the dot of a function's name has no type.
        kind = checked.types.get(node.id) if isinstance(node, Ident) else None
        if isinstance(node, Ident) and kind is not None and kind.kind == "type" and node.name not in TYPE_NAMES:
            return f"reference to undefined type: {node.name}"
    constants = _Constants(checked)
    try:
        for call in _calls(checked):
            pattern = constants.value(call.args[0]) if call.function in ("find", "findAll") and call.args else None
            if isinstance(pattern, str):
                compiled(pattern)
            key = constants.value(call.args[1]) if call.function == "_[_]" else ""
            if key is not MISSING and not is_key(key):
                return f"invalid qualifier type: {go_type(key)}"
            constants.value(call)
    except (CelError, RegexError) as error:
        return str(error)
    return None


@dataclass(frozen=True, slots=True)
class _Constants:
    """Values that are known without an object."""

    checked: Checked

    def value(self, expr: Expr) -> object:
        """MISSING where only an object can tell. CelError for a conversion that fails."""
        if isinstance(expr, Literal):
            return Uint(str(expr.value)) if expr.kind == "uint" else expr.value
        if isinstance(expr, ListLiteral) and not expr.optional:
            elements = [self.value(each) for each in expr.elements]
            return MISSING if MISSING in elements else elements
        if isinstance(expr, MapLiteral) and not any(entry.optional for entry in expr.entries):
            entries = [(self.value(entry.key), self.value(entry.value)) for entry in expr.entries]
            known = not any(MISSING in entry for entry in entries)
            return MapValue({map_key(key): (key, value) for key, value in entries}) if known else MISSING
        if isinstance(expr, Call) and expr.function in _CONVERTED and expr.target is None:
            given = self.value(expr.args[0])
            return MISSING if given is MISSING else self._converted(expr, given)
        return MISSING

    def _converted(self, call: Call, given: object) -> object:
        known = [overload_by_id()[each] for each in self.checked.overloads[call.id]]
        return dispatched(call.function, known)(given)
