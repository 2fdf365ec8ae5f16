"""How Go's fmt prints values: with %v (some messages of the apiserver carry whole objects so), and strings with %q."""

from __future__ import annotations

from collections.abc import Callable, Mapping


def go_value(value: object) -> str:
    """`map[a:1 b:[x y]]`: map keys sorted, nil as `<nil>`, strings bare."""
    for kind, printed in _PRINTERS:
        if isinstance(value, kind):
            return printed(value)
    return "<nil>" if value is None else str(value)


def _map(value: Mapping[str, object]) -> str:
    return f"map[{' '.join(f'{key}:{go_value(value[key])}' for key in sorted(value))}]"


def _float(value: float) -> str:
    """%v of a float64 is its shortest form, with an exponent of at least two digits from 1e+21 on."""
    return f"{value:g}" if value == int(value) and abs(value) < 1e21 else repr(value)


_PRINTERS: tuple[tuple[type, Callable[..., str]], ...] = (
    (bool, lambda value: "true" if value else "false"),
    (dict, _map),
    (list, lambda value: f"[{' '.join(go_value(item) for item in value)}]"),
    (float, _float),
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
