"""JSON read and written as Go's encoding/json does it, as far as a client of Toxiproxy can see.

Reading: the first value counts and what follows is ignored, keys are compared without case, `null` leaves a field as it
is, and a wrong type is refused in Go's words (their tails change between Go releases; clients match on the start).
Writing: no spaces, and <, > and & escaped.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from chaos.toxiproxy.errors import bad_body

INT64 = range(-(2**63), 2**63)
MAX_NUMBER_CHARACTERS = 400  # no int64 and no float is longer; Python's own limit would be another error
FLOAT32_MAX = 3.4028234663852886e38

_BLANK = " \t\r\n"
_WORDS = ("true", "false", "null")
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_ESCAPE_TABLE = str.maketrans(_ESCAPES)


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written: Go refuses 1.0 and 1e3 for an integer, so the text must survive parsing."""

    text: str


def decode(body: bytes) -> object:
    """The first JSON value of the body; ApiError 400 for none, half a value, or no JSON."""
    text = body.decode("utf-8", "replace").lstrip(_BLANK)
    if not text:
        raise bad_body("EOF")
    try:
        value, _ = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        raise bad_body(_complaint(text, error)) from None
    except RecursionError:
        raise bad_body("exceeded max depth") from None
    return value


def encode(value: object) -> str:
    """Compact JSON text with Go's escapes for HTML; key order is the caller's."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_number).translate(_ESCAPE_TABLE)


def _number(value: object) -> object:
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def _no_constant(word: str) -> NoReturn:
    # Python reads NaN and Infinity, which are not JSON.
    raise json.JSONDecodeError("no such word", word, 0)


_DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=_no_constant)


def _complaint(text: str, error: json.JSONDecodeError) -> str:
    rest = text[error.pos :]
    if error.msg.startswith("Unterminated string") or not rest.strip(_BLANK) or _cut_short(rest):
        return "unexpected EOF"
    return f"invalid character '{rest[0]}' looking for beginning of value"


def _cut_short(rest: str) -> bool:
    return rest == "-" or any(word.startswith(rest) for word in _WORDS)


class Fields:
    """The fields of one JSON object, read by type. `owner` is the Go struct that a complaint names."""

    def __init__(self, value: object, *, owner: str, go_type: str) -> None:
        if not isinstance(value, dict | None):
            raise bad_body(f"json: cannot unmarshal {kind_of(value)} into Go value of type {go_type}")
        self._owner = owner
        # A later spelling of a key wins, as when Go assigns twice.
        self._values: dict[str, object] = {key.lower(): found for key, found in (value or {}).items()}

    def raw(self, name: str) -> object:
        return self._values.get(name)

    def text(self, name: str, default: str) -> str:
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            self._refuse(kind_of(value), name, "string")
        # Go replaces half a surrogate pair, which Python would keep and then could not write.
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def flag(self, name: str, default: bool) -> bool:
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self._refuse(kind_of(value), name, "bool")
        return value

    def integer(self, name: str, default: int, go_type: str) -> int:
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, Number):
            self._refuse(kind_of(value), name, go_type)
        if (
            not value.text.lstrip("-").isdigit()
            or len(value.text) > MAX_NUMBER_CHARACTERS
            or int(value.text) not in INT64
        ):
            self._refuse(f"number {value.text}", name, go_type)
        return int(value.text)

    def float32(self, name: str, default: float) -> float:
        """Rounded to 32 bits, as the real server keeps it."""
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, Number):
            self._refuse(kind_of(value), name, "float32")
        if abs(float(value.text)) > FLOAT32_MAX:
            self._refuse(f"number {value.text}", name, "float32")
        return to_float32(float(value.text))

    def _refuse(self, kind: str, name: str, go_type: str) -> NoReturn:
        raise bad_body(f"json: cannot unmarshal {kind} into Go struct field {self._owner}.{name} of type {go_type}")


def kind_of(value: object) -> str:
    """Go's word for the kind of a JSON value."""
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case Number():
            return "number"
        case list():
            return "array"
        case Mapping():
            return "object"
    return "null"


def to_float32(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def shortest(value: float) -> float | int:
    """The number whose JSON form Go prints for a float32: the fewest digits that come back as the same 32 bits."""
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if to_float32(float(text)) == value:
            break
    found = float(text)
    return int(found) if found.is_integer() and abs(found) < 1e21 else found
