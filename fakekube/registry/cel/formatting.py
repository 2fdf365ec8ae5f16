"""`'%s is %d'.format([name, count])`: clauses, checked before and filled in when run.

Source: cel-go 0.29 (ext/formatting.go, version 2).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal

from fakekube.meta.gofmt import go_quoted
from fakekube.registry.cel import conversions, times
from fakekube.registry.cel.values import CelError, Duration, Mapper, Timestamp, TypeValue, Uint, elements, type_name

_DEFAULT_PRECISION = 6
_MOST_PRECISION = 1_000_000
_MOST_DIGITS = 9
_PRECISION = re.compile(r"\.(\d*)")
_FORMATTING = "error during formatting"


def formatted(text: str, values: object) -> str:
    """CelError for a clause that is none, or that does not take its argument."""
    arguments = elements(values)
    parts: list[str] = []
    at = used = 0
    while at < len(text):
        if text[at] != "%":
            start = at
            at = text.find("%", at) % (len(text) + 1)
            parts.append(text[start:at])
        elif text[at + 1 : at + 2] == "%":
            parts.append("%")
            at += 2
        else:
            if used >= len(arguments):
                raise CelError(f"index {used} out of range")
            filled, at = _clause(text, at + 1, arguments[used])
            parts.append(filled)
            used += 1
    return "".join(parts)


def _clause(text: str, at: int, value: object) -> tuple[str, int]:
    if at >= len(text):
        raise CelError("unexpected end of string")
    precision, at = precision_at(text, at)
    letter = text[at : at + 1]
    fill = CLAUSES.get(letter)
    if fill is None:
        raise unrecognized(letter)
    return fill(value, precision), at + 1


def precision_at(text: str, at: int) -> tuple[int | None, int]:
    """The precision that stands at a place, and the place behind it. CelError when it is no number."""
    found = _PRECISION.match(text, at)
    if found is None:
        return None, at
    told = "could not parse formatting clause: error while parsing precision"
    if found.end() >= len(text):
        raise CelError(f"{told}: could not find end of precision specifier")
    if not found[1]:
        fault = 'strconv.Atoi: parsing "": invalid syntax'
        raise CelError(f"{told}: error while converting precision to integer: {fault}")
    return min(int(found[1][:_MOST_DIGITS]), _MOST_PRECISION), found.end()


def unrecognized(letter: str) -> CelError:
    return CelError(f'could not parse formatting clause: unrecognized formatting clause "{letter}"')


# What each clause takes, as types of an expression, and what it says of others.
TAKES: Mapping[str, frozenset[str]] = {
    "s": frozenset(
        "list map int uint double bool string timestamp bytes duration type null".split()  # noqa: SIM905
    ),
    "d": frozenset(["int", "uint"]),
    "f": frozenset(["double", "string"]),
    "e": frozenset(["double", "string"]),
    "b": frozenset(["int", "uint", "bool"]),
    "x": frozenset(["int", "uint", "string", "bytes"]),
    "X": frozenset(["int", "uint", "string", "bytes"]),
    "o": frozenset(["int", "uint"]),
}
_REFUSALS: Mapping[str, str] = {
    "s": "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps",
    "d": "decimal clause can only be used on integers",
    "f": "fixed-point clause can only be used on doubles",
    "e": "scientific clause can only be used on doubles",
    "b": "only integers and bools can be formatted as binary",
    "x": "only integers, byte buffers, and strings can be formatted as hex",
    "X": "only integers, byte buffers, and strings can be formatted as hex",
    "o": "octal clause can only be used on integers",
}


def refusal(letter: str, given: str) -> CelError:
    return CelError(f"{_FORMATTING}: {_REFUSALS[letter]}, was given {given}")


# --- clauses ------------------------------------------------------------------------------------------------------------

_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _text(value: object, _precision: int | None = None) -> str:
    """%s, and a value inside a list or map as long as it needs no quotes."""
    if value is None:
        return "null"
    if isinstance(value, Mapper):
        return _map_text(value)
    name = type_name(value)
    if name == "list":
        return "[" + ", ".join(map(_literal, elements(value))) + "]"
    show = _TEXTS.get(name)
    if show is None:
        raise refusal("s", name)
    return show(value)


_TEXTS: Mapping[str, Callable[..., str]] = {
    "string": str,
    "bool": lambda value: "true" if value else "false",
    "int": str,
    "uint": lambda value: str(int(value)),
    "double": conversions.double_text,
    "bytes": lambda value: value.decode(errors="replace"),
    "type": lambda value: value.name,
    "google.protobuf.Timestamp": times.timestamp_text,
    "google.protobuf.Duration": times.duration_text,
}


def _literal(value: object) -> str:
    """A value within a list or a map, as CEL would write it."""
    if isinstance(value, Timestamp):
        return f"timestamp({go_quoted(times.timestamp_text(value))})"
    if isinstance(value, Duration):
        return f"duration({go_quoted(times.duration_text(value))})"
    if isinstance(value, float):
        return _double_literal(value)
    if isinstance(value, str):
        return go_quoted(value)
    if isinstance(value, bytes):
        return f"b{go_quoted(value.decode(errors='replace'))}"
    if isinstance(value, TypeValue | bool | int | Mapper) or value is None or type_name(value) == "list":
        return _text(value)
    raise CelError(f"{_FORMATTING}: no formatting function for {type_name(value)}")


def _double_literal(value: float) -> str:
    if math.isnan(value) or math.isinf(value):
        return go_quoted(conversions.double_text(value))
    return f"{value:.6f}"


def _map_text(value: Mapper) -> str:
    pairs = sorted(f"{_key_literal(key)}:{_literal(each)}" for key, each in value.items())
    return "{" + ", ".join(pairs) + "}"


def _key_literal(key: object) -> str:
    if isinstance(key, float):
        raise CelError(f"{_FORMATTING}: no formatting function for map key of type {type_name(key)}")
    return _literal(key)


def _whole(letter: str, form: str) -> Callable[[object, int | None], str]:
    def fill(value: object, _precision: int | None) -> str:
        if type(value) is int or type(value) is Uint:
            return format(int(value), form)
        raise refusal(letter, type_name(value))

    return fill


def _binary(value: object, precision: int | None) -> str:
    return str(int(value)) if isinstance(value, bool) else _whole("b", "b")(value, precision)


def _hex(letter: str) -> Callable[[object, int | None], str]:
    def fill(value: object, precision: int | None) -> str:
        if isinstance(value, str | bytes):
            digits = (value.encode() if isinstance(value, str) else value).hex()
            return digits.upper() if letter == "X" else digits
        return _whole(letter, letter)(value, precision)

    return fill


def _double(letter: str, value: object) -> float:
    if isinstance(value, float):
        return value
    if isinstance(value, str) and value in _SPECIAL:
        return _SPECIAL[value]
    raise refusal(letter, type_name(value))


def _fixed(value: object, precision: int | None) -> str:
    number = _double("f", value)
    if math.isnan(number) or math.isinf(number):
        return _SYMBOLS[str(number)]
    digits = _DEFAULT_PRECISION if precision is None else precision
    exact = Decimal(number).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN) if digits < 25 else Decimal(number)
    return f"{exact:,.{digits}f}"


def _scientific(value: object, precision: int | None) -> str:
    """As the locale en_US writes it; what stands as a precision is taken for a width there."""
    number = _double("e", value)
    width = _DEFAULT_PRECISION if precision is None else precision
    if math.isnan(number) or math.isinf(number):
        return _SYMBOLS[str(number)].rjust(width)
    mantissa, exponent = f"{number:.{_DEFAULT_PRECISION}e}".split("e")
    sign, digits = ("-" if exponent[0] == "-" else ""), exponent[1:].zfill(2)
    return f"{mantissa}×10{(sign + digits).translate(_RAISED)}".rjust(width)


_SYMBOLS = {"nan": "NaN", "inf": "∞", "-inf": "-∞"}
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
CLAUSES: Mapping[str, Callable[[object, int | None], str]] = {
    "s": _text,
    "d": _whole("d", "d"),
    "f": _fixed,
    "e": _scientific,
    "b": _binary,
    "x": _hex("x"),
    "X": _hex("X"),
    "o": _whole("o", "o"),
}
