"""Conversions between types: `int('1')`, `string(1.5)`, `timestamp('...')`.

Source: cel-go 0.29 (common/types: ConvertToType).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from fakekube.registry.cel import times
from fakekube.registry.cel.values import INT_MAX, INT_MIN, UINT_MAX, CelError, Duration, Timestamp, Uint

_EXPONENT_FROM = 6
_MOST_DIGITS = 20


def _failed(given: str, wanted: str) -> CelError:
    return CelError(f"type conversion error from '{given}' to '{wanted}'")


_WHOLE = re.compile(r"[+-]?[0-9]+", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:inf|infinity|nan)", re.ASCII | re.I)
_BOOLS = {
    **dict.fromkeys(["1", "t", "T", "TRUE", "true", "True"], True),
    **dict.fromkeys(["0", "f", "F", "FALSE", "false", "False"], False),
}


def _string_to_int(text: str) -> int:
    value = _whole(text) if _WHOLE.fullmatch(text) else None
    if value is None or not INT_MIN <= value <= INT_MAX:
        raise _failed("string", "int")
    return value


def _whole(text: str) -> int | None:
    """A number of digits; None for more than any type holds, which Python might not read either."""
    digits = text.lstrip("+-").lstrip("0")
    return int(text) if len(digits) <= _MOST_DIGITS else None


def _string_to_uint(text: str) -> Uint:
    value = _whole(text) if text.isascii() and text.isdigit() else None
    if value is None or value > UINT_MAX:
        raise _failed("string", "uint")
    return Uint(value)


def _string_to_double(text: str) -> float:
    if not _FLOAT.fullmatch(text):
        raise _failed("string", "double")
    value = float(text)
    if math.isinf(value) and "inf" not in text.lower():
        raise _failed("string", "double")
    return value


def _string_to_bool(text: str) -> bool:
    if text not in _BOOLS:
        raise _failed("string", "bool")
    return _BOOLS[text]


def _string_to_duration(text: str) -> Duration:
    try:
        return times.duration(text)
    except ValueError:
        raise _failed("string", "google.protobuf.Duration") from None


def _string_to_timestamp(text: str) -> Timestamp:
    try:
        return times.in_range(times.timestamp(text))
    except ValueError:
        raise _failed("string", "google.protobuf.Timestamp") from None


def _double_to_int(value: float) -> int:
    if math.isnan(value) or math.isinf(value) or not INT_MIN < value < INT_MAX:
        raise CelError("integer overflow")
    return int(value)


def _double_to_uint(value: float) -> Uint:
    if math.isnan(value) or math.isinf(value) or not 0 <= value < float(UINT_MAX):
        raise CelError("unsigned integer overflow")
    return Uint(value)


def _int_to_uint(value: int) -> Uint:
    if value < 0:
        raise CelError("unsigned integer overflow")
    return Uint(value)


def _uint_to_int(value: Uint) -> int:
    if value > INT_MAX:
        raise CelError("integer overflow")
    return int(value)


def _int_to_timestamp(value: int) -> Timestamp:
    return times.in_range(Timestamp(value * times.SECOND))


def _bytes_to_string(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise CelError("invalid UTF-8 in bytes, cannot convert to string") from None


def double_text(value: float) -> str:
    """Go's %g: the shortest text, with an exponent below 1e-4 and from 1e6 on."""
    if math.isnan(value) or math.isinf(value):
        return "NaN" if math.isnan(value) else f"{'+' if value > 0 else '-'}Inf"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    shown, power = "".join(map(str, digits)), len(digits) + int(exponent) - 1
    lead = "-" if sign else ""
    if value and not -4 <= power < _EXPONENT_FROM:
        fraction = f".{shown[1:]}" if len(shown) > 1 else ""
        return f"{lead}{shown[0]}{fraction}e{'-' if power < 0 else '+'}{abs(power):02d}"
    return f"{value:.{max(0, -int(exponent))}f}"


def _same(value: object) -> object:
    return value


def _bool_to_string(value: bool) -> str:
    return "true" if value else "false"


def _whole_to_string(value: int) -> str:
    return str(int(value))


def _whole_to_double(value: int) -> float:
    return float(value)


CONVERSIONS: Mapping[str, Callable[..., object]] = {
    **dict.fromkeys(
        [
            "bool_to_bool",
            "bytes_to_bytes",
            "double_to_double",
            "duration_to_duration",
            "int64_to_int64",
            "string_to_string",
            "timestamp_to_timestamp",
            "uint64_to_uint64",
        ],  # overload ids read best in a row
        _same,
    ),
    "string_to_bool": _string_to_bool,
    "string_to_bytes": str.encode,
    "int64_to_double": _whole_to_double,
    "uint64_to_double": _whole_to_double,
    "string_to_double": _string_to_double,
    "string_to_duration": _string_to_duration,
    "double_to_int64": _double_to_int,
    "duration_to_int64": lambda value: value.nanoseconds,
    "string_to_int64": _string_to_int,
    "timestamp_to_int64": lambda value: value.nanoseconds // times.SECOND,
    "uint64_to_int64": _uint_to_int,
    "bool_to_string": _bool_to_string,
    "bytes_to_string": _bytes_to_string,
    "double_to_string": double_text,
    "duration_to_string": times.duration_text,
    "int64_to_string": _whole_to_string,
    "uint64_to_string": _whole_to_string,
    "timestamp_to_string": times.timestamp_text,
    "int64_to_timestamp": _int_to_timestamp,
    "string_to_timestamp": _string_to_timestamp,
    "double_to_uint64": _double_to_uint,
    "int64_to_uint64": _int_to_uint,
    "string_to_uint64": _string_to_uint,
}
