"""Operators on values whose types are known only now.

Numbers are 64 bits wide and do not wrap; what a type does not know is `no such overload`.
Source: cel-go 0.29 (common/types, common/stdlib).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from fakekube.registry.cel import times
from fakekube.registry.cel.values import (
    INT_MAX,
    INT_MIN,
    MISSING,
    NONE,
    NUMBERS,
    UINT_MAX,
    CelError,
    Duration,
    Lister,
    Mapper,
    Optional,
    Timestamp,
    Uint,
    contains,
    elements,
    equal,
    go_type,
    is_list,
    no_such_overload,
    shown,
    size_of,
    type_name,
)

# Types that answer calls by name, and so refuse without the operator's name.
_RECEIVERS = (str, Duration, Timestamp)


def refused(operator: str, value: object, able: tuple[type, ...]) -> CelError:
    """Why `operator` does not take `value` as its first operand; types in `able` refuse the second."""
    if type(value) in able or type(value) in _RECEIVERS:
        return no_such_overload()
    return no_such_overload(operator)


def int_result(value: int) -> int:
    if INT_MIN <= value <= INT_MAX:
        return value
    raise CelError("integer overflow")


def uint_result(value: int) -> Uint:
    if 0 <= value <= UINT_MAX:
        return Uint(value)
    raise CelError("unsigned integer overflow")


_ADDERS = (int, Uint, float, str, bytes, list, Duration, Timestamp)
_SUBTRACTORS = (int, Uint, float, Duration, Timestamp)
_FACTORS = (int, Uint, float)
_WHOLE = (int, Uint)
_NEGATORS = (int, float, bool, Duration)
_COMPARERS = (int, Uint, float, bool, str, bytes, Duration, Timestamp)


def add(left: object, right: object) -> object:
    kind = type(left)
    if isinstance(left, Lister) and is_list(right):
        return left.plus(right)
    if kind is list and is_list(right):
        return [*elements(left), *elements(right)]
    if isinstance(left, Duration | Timestamp):
        return _later(left, right)
    if kind is not type(right) or kind not in _ADDERS:
        raise no_such_overload() if isinstance(left, Lister) else refused("_+_", left, _ADDERS)
    return _bounded(kind, left + right)  # type: ignore[operator]  # of one type that adds


def _bounded(kind: type, value: object) -> object:
    if kind is int:
        return int_result(value)  # type: ignore[arg-type]  # a sum of ints
    return uint_result(value) if kind is Uint else value  # type: ignore[arg-type]  # likewise


def _later(left: Duration | Timestamp, right: object) -> object:
    if isinstance(right, Duration):
        total = left.nanoseconds + right.nanoseconds
        if isinstance(left, Duration):
            return times.of_duration(total)
        return times.in_range(Timestamp(total, left.offset_s))
    if isinstance(right, Timestamp) and isinstance(left, Duration):
        return times.in_range(Timestamp(left.nanoseconds + right.nanoseconds, right.offset_s))
    raise no_such_overload()


def subtract(left: object, right: object) -> object:
    kind = type(left)
    if isinstance(left, Timestamp) and isinstance(right, Duration):
        return times.in_range(Timestamp(left.nanoseconds - right.nanoseconds, left.offset_s))
    if isinstance(left, Duration | Timestamp) and type(right) is kind:
        return times.of_duration(left.nanoseconds - right.nanoseconds)  # type: ignore[attr-defined]  # of left's type
    if kind is not type(right) or kind not in _FACTORS:
        raise refused("_-_", left, _SUBTRACTORS)
    return _bounded(kind, left - right)  # type: ignore[operator]  # numbers of one type


def multiply(left: object, right: object) -> object:
    kind = type(left)
    if kind is not type(right) or kind not in _FACTORS:
        raise refused("_*_", left, _FACTORS)
    return _bounded(kind, left * right)  # type: ignore[operator]  # numbers of one type


def divide(left: object, right: object) -> object:
    kind = type(left)
    if isinstance(left, float) and isinstance(right, float):
        return _float_quotient(left, right)
    if kind is not type(right) or kind not in _WHOLE:
        raise refused("_/_", left, _FACTORS)
    return _bounded(kind, _truncated(*_whole(left, right, "division by zero")))


def _whole(left: object, right: object, by_zero: str) -> tuple[int, int]:
    """Two whole numbers, the second of which is not zero. CelError."""
    if right == 0:
        raise CelError(by_zero)
    assert isinstance(left, int)
    assert isinstance(right, int)
    return left, right


def _truncated(left: int, right: int) -> int:
    """Towards zero."""
    quotient = abs(left) // abs(right)
    return -quotient if (left < 0) != (right < 0) else quotient


def _float_quotient(left: float, right: float) -> float:
    if right:
        return left / right
    return math.nan if math.isnan(left) or not left else math.copysign(math.inf, left) * math.copysign(1, right)


def modulo(left: object, right: object) -> object:
    kind = type(left)
    if kind is not type(right) or kind not in _WHOLE:
        raise refused("_%_", left, _WHOLE)
    first, second = _whole(left, right, "modulus by zero")
    if first == INT_MIN and second == -1:
        raise CelError("integer overflow")
    return _bounded(kind, first - second * _truncated(first, second))


def negate(value: object) -> object:
    if type(value) is int:
        return int_result(-value)
    if type(value) is float:
        return -value
    if isinstance(value, Duration):
        return times.of_duration(-value.nanoseconds)
    raise refused("-_", value, _NEGATORS)


def negate_bool(value: object) -> object:
    if type(value) is bool:
        return not value
    raise no_such_overload()


def compare(operator: str, left: object, right: object) -> int:
    """-1, 0 or 1. CelError for what has no order."""
    kind, other = type(left), type(right)
    if kind not in _COMPARERS:
        raise refused(operator, left, _COMPARERS)
    if kind is not other and not (kind in NUMBERS and other in NUMBERS):
        raise no_such_overload()
    if left != left or right != right:  # NaN is not itself
        raise CelError("NaN values cannot be ordered")
    return int(left > right) - int(left < right)  # type: ignore[operator]  # comparable types


def _ordering(operator: str, holds: Callable[[int], bool]) -> Callable[[object, object], bool]:
    return lambda left, right: holds(compare(operator, left, right))


def size(value: object) -> int:
    found = size_of(value)
    if found is None:
        raise refused("size", value, (str, bytes, list))
    return found


# --- look-ups -----------------------------------------------------------------------------------------------------------


_KEYS = frozenset([bool, int, Uint, float, str])


def is_key(value: object) -> bool:
    """Whether lists and maps can be asked by it."""
    return type(value) in _KEYS


def look_up(value: object, key: object) -> object:
    """The element at an index, the value of a key, or MISSING. CelError for a key of the wrong type."""
    if not is_key(key):
        raise CelError(f"invalid qualifier type: {go_type(key)}")
    if isinstance(value, Mapper):
        return value.find(key)
    if is_list(value):
        if isinstance(value, Lister) and type(key) is Uint:
            raise CelError(f"unsupported index: {shown(key)}")
        return _at(elements(value), key)
    return MISSING


def _at(values: list[object], index: object) -> object:
    place = _index(index)
    return values[place] if 0 <= place < len(values) else MISSING


def _index(index: object) -> int:
    if type(index) is int or type(index) is Uint:
        return int(index)
    if isinstance(index, float) and index.is_integer():
        return int(index)
    if isinstance(index, float):
        raise CelError(f"unsupported index value {shown(index)} in list")
    raise CelError(f"unsupported index type '{type_name(index)}' in list")


def absent(value: object, key: object) -> CelError:
    if is_list(value):
        return CelError(f"index out of bounds: {shown(key)}")
    return CelError(f"no such key: {shown(key)}")


def index(value: object, key: object) -> object:
    """`value[key]`, and `value.key`: within an optional the answer is an optional too."""
    if isinstance(value, Optional):
        return optional_index(value, key)
    found = look_up(value, key)
    if found is MISSING:
        raise absent(value, key)
    return found


def optional_index(value: object, key: object) -> object:
    """`value[?key]`, and `value.?key`."""
    if isinstance(value, Optional):
        if not value.present:
            return NONE
        value = value.value
    found = look_up(value, key)
    return NONE if found is MISSING else Optional(found)


def has(value: object, key: object) -> bool:
    if isinstance(value, Optional):
        return value.present and has(value.value, key)
    return look_up(value, key) is not MISSING


BINARY: Mapping[str, Callable[[object, object], object]] = {
    "_+_": add,
    "_-_": subtract,
    "_*_": multiply,
    "_/_": divide,
    "_%_": modulo,
    "_<_": _ordering("_<_", lambda order: order < 0),
    "_<=_": _ordering("_<=_", lambda order: order <= 0),
    "_>_": _ordering("_>_", lambda order: order > 0),
    "_>=_": _ordering("_>=_", lambda order: order >= 0),
    "_==_": equal,
    "@in": lambda value, values: contains(values, value),
    "_!=_": lambda left, right: not equal(left, right),
    "_[_]": index,
    "_[?_]": optional_index,
}
UNARY: Mapping[str, Callable[[object], object]] = {"!_": negate_bool, "-_": negate, "size": size}
