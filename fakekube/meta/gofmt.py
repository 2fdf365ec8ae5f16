"""How Go's fmt prints values: with %v (some messages of the apiserver carry whole objects so), and strings with %q."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal


def go_value(value: object) -> str:
    """`map[a:1 b:[x y]]`: map keys sorted, nil as `<nil>`, strings bare."""
    for kind, printed in _PRINTERS:
        if isinstance(value, kind):
            return printed(value)
    return "<nil>" if value is None else str(value)


def _map(value: Mapping[str, object]) -> str:
    return f"map[{' '.join(f'{key}:{go_value(value[key])}' for key in sorted(value))}]"


def go_float(value: float) -> str:
    """A float as %v prints it: with an exponent from 1e+06 on, and below 1e-04."""
    negative, digits, power = Decimal(repr(value)).normalize().as_tuple()
    exponent = len(digits) + int(power) - 1
    if -4 <= exponent < 6:
        return str(int(value)) if value.is_integer() else repr(value)
    first, *rest = map(str, digits)
    mantissa = f"{first}.{''.join(rest)}" if rest else first
    return f"{'-' if negative else ''}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


_PRINTERS: tuple[tuple[type, Callable[..., str]], ...] = (
    (bool, lambda value: "true" if value else "false"),
    (dict, _map),
    (list, lambda value: f"[{' '.join(go_value(item) for item in value)}]"),
    (float, go_float),
)


_SHORT_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def go_quoted(text: str) -> str:
    """`text` as Go's %q prints it."""
    return f'"{"".join(_SHORT_ESCAPES.get(letter) or _escaped(letter) for letter in text)}"'


def _escaped(letter: str) -> str:
    if letter.isprintable():
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"
