"""What an evaluation really costs, counted while it runs: the budget of an object's validation.

Steps cost one unit, literals nothing, lists and maps their making; functions in proportion to what they are given.
Source: cel-go 0.29 (interpreter/runtimecost.go), k8s.io/apiserver/pkg/cel/library/cost.go of 1.37.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from fakekube.registry.cel.ranges import LIST_BASE, REGEX_FACTOR, STRING_FACTOR, scaled
from fakekube.registry.cel.values import CelError, Mapper, Optional, elements, is_list, size_of


class CostExceeded(CelError):
    """One expression cost more than any may; nothing catches it on the way."""


class Meter:
    """Units spent since `reset`."""

    __slots__ = ("limit", "spent")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.spent = 0

    def reset(self) -> None:
        self.spent = 0

    def spend(self, units: int) -> None:
        self.spent += units
        if self.spent > self.limit:
            raise CostExceeded("operation cancelled: actual cost limit exceeded")


Args = Sequence[object]
Cost = Callable[[Args, object], int]


def size(value: object) -> int:
    found = size_of(value)
    if found is not None:
        return found
    if isinstance(value, Optional) and value.present:
        return size(value.value)
    return int(getattr(value, "size", 1))


def _traversal(value: object) -> int:
    if isinstance(value, str | bytes):
        return int(len(value.encode() if isinstance(value, str) else value) * STRING_FACTOR)
    if is_list(value):
        return sum(map(_traversal, elements(value)))
    if isinstance(value, Mapper):
        return sum(_traversal(key) + _traversal(each) for key, each in value.items())
    return 1


def _of(place: int, factor: float) -> Cost:
    return lambda args, _result: scaled(size(args[place]), factor)


def _in_list(args: Args, _result: object) -> int:
    return size(args[1])


def _least(args: Args, _result: object) -> int:
    return scaled(min(size(args[0]), size(args[1])), STRING_FACTOR)


def _joined(args: Args, _result: object) -> int:
    return scaled(size(args[0]) + size(args[1]), STRING_FACTOR)


def _regex(args: Args, _result: object) -> int:
    return math.ceil((1.0 + size(args[0])) * STRING_FACTOR) * scaled(size(args[1]), REGEX_FACTOR)


def _contains(args: Args, _result: object) -> int:
    return scaled(size(args[0]), STRING_FACTOR) * scaled(size(args[1]), STRING_FACTOR)


def _traversed(args: Args, _result: object) -> int:
    return _traversal(args[0])


def _of_result(_args: Args, result: object) -> int:
    return scaled(size(result), 2 * STRING_FACTOR)


def _allocating(factor: float, count: int) -> int:
    return int(count * (factor if factor >= 0 else 1.0)) + 1 + LIST_BASE


def _output(_args: Args, result: object) -> int:
    return _allocating(1, size(result))


def _flattened(args: Args, _result: object) -> int:
    depth = args[1] if len(args) == 2 and isinstance(args[1], int) else 1
    return _allocating(float(depth), size(args[0]))


def _compared_among(place: int) -> Cost:
    def cost(args: Args, _result: object) -> int:
        listed = elements(args[place])
        factor = 2.0 + (STRING_FACTOR if listed and isinstance(listed[0], str | bytes) else 0)
        return _allocating(factor, len(listed) * len(listed))

    return cost


def _sets(factor: int) -> Cost:
    return lambda args, _result: size(args[0]) * size(args[1]) * factor + 1


def _contains_ip(args: Args, _result: object) -> int:
    cost = scaled(2 * size(args[0]), STRING_FACTOR)
    return cost + (scaled(size(args[1]), STRING_FACTOR) if isinstance(args[1], str) else 0)


def _contains_cidr(args: Args, result: object) -> int:
    return _contains_ip(args, result) + scaled(size(args[0]), STRING_FACTOR) + 1


def _validated(args: Args, _result: object) -> int:
    text = math.ceil((1.0 + size(args[1])) * STRING_FACTOR)
    return text * scaled(int(getattr(args[0], "regex_size", 1)), REGEX_FACTOR)


# Who asks an authorizer may wait for a webhook.
_AUTHORIZATION = 350_000


def _authorized(_args: Args, _result: object) -> int:
    return _AUTHORIZATION


_ONCE, _TWICE = _of(0, STRING_FACTOR), _of(0, 2 * STRING_FACTOR)

# By function, where all overloads cost alike; one unit for what is not listed.
_FUNCTIONS: Mapping[str, Cost] = {
    **dict.fromkeys(["isSorted", "sum", "max", "min", "indexOf", "lastIndexOf", "includes"], _traversed),
    **dict.fromkeys(["url", "lowerAscii", "upperAscii", "substring", "trim"], _ONCE),
    **dict.fromkeys(["cidr", "isIP", "isCIDR", "quantity", "isQuantity", "semver", "isSemver"], _ONCE),
    **dict.fromkeys(["replace", "split", "ip.isCanonical"], _TWICE),
    **dict.fromkeys(["find", "findAll", "matches"], _regex),
    **dict.fromkeys(["_==_", "_!=_"], _least),
    "join": _of_result,
    "check": _authorized,
    "containsIP": _contains_ip,
    "containsCIDR": _contains_cidr,
    "validate": _validated,
    "contains": _contains,
    "startsWith": _of(1, STRING_FACTOR),
    "endsWith": _of(1, STRING_FACTOR),
    "format": _ONCE,
    "strings.quote": _ONCE,
    "slice": _output,
    "lists.range": _output,
    "reverse": _output,
    "flatten": _flattened,
    "distinct": _compared_among(0),
    "sort": _compared_among(0),
    "@sortByAssociatedKeys": _compared_among(1),
    "sets.contains": _sets(1),
    "sets.intersects": _sets(1),
    "sets.equivalent": _sets(2),
}
# By overload, where only some cost more than one unit.
_OVERLOADS: Mapping[str, Cost] = {
    "string_to_bytes": _ONCE,
    "bytes_to_string": _ONCE,
    "in_list": _in_list,
    "add_string": _joined,
    "add_bytes": _joined,
    "string_to_ip": _ONCE,
    **{
        f"{order}_{kind}": _least
        for order in ("less", "less_equals", "greater", "greater_equals")
        for kind in ("string", "bytes")
    },
}


def cost_of(function: str, overloads: Sequence[str]) -> Cost | None:
    """How a call is priced; None for one unit."""
    found = _FUNCTIONS.get(function)
    return found or (_OVERLOADS.get(overloads[0]) if len(overloads) == 1 else None)
