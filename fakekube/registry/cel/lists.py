"""The functions of lists, sets, maps and optionals.

Source: cel-go 0.29 (ext/lists.go, ext/sets.go, ext/comprehensions.go, cel/library.go), k8s.io/apiserver/pkg/cel/library/
lists.go of 1.37.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cmp_to_key, reduce
from itertools import pairwise

from fakekube.registry.cel.operators import add, compare
from fakekube.registry.cel.values import (
    NONE,
    CelError,
    Duration,
    Mapper,
    MapValue,
    Optional,
    Uint,
    contains,
    elements,
    equal,
    is_list,
    shown,
    size_of,
    type_name,
)

_ZEROS: Mapping[str, object] = {"int": 0, "uint": Uint(0), "double": 0.0, "duration": Duration(0)}
_COMPARABLE = ("int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes")


def _is_sorted(values: object) -> bool:
    listed = elements(values)
    return all(compare("isSorted", first, second) <= 0 for first, second in pairwise(listed))


def _sum(zero: object) -> Callable[[object], object]:
    return lambda values: reduce(add, elements(values), zero)


def _extreme(name: str, wanted: int) -> Callable[[object], object]:
    def extreme(values: object) -> object:
        listed = elements(values)
        if not listed:
            raise CelError(f"{name} called on empty list")
        return reduce(lambda best, each: each if compare(name, best, each) == wanted else best, listed)

    return extreme


def _index_of(values: object, wanted: object) -> int:
    return next((place for place, each in enumerate(elements(values)) if equal(each, wanted)), -1)


def _last_index_of(values: object, wanted: object) -> int:
    listed = elements(values)
    return next((place for place in range(len(listed) - 1, -1, -1) if equal(listed[place], wanted)), -1)


def _includes(target: object, wanted: object) -> bool:
    return contains(target, wanted) if is_list(target) else equal(target, wanted)


def _slice(values: object, start: int, end: int) -> list[object]:
    listed = elements(values)
    if start < 0 or end < 0:
        raise CelError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise CelError(f"cannot slice({start}, {end}), start index must be less than or equal to end index")
    if len(listed) < end:
        raise CelError(f"cannot slice({start}, {end}), list is length {len(listed)}")
    return listed[start:end]


def _flatten(values: object, depth: int = 1) -> list[object]:
    if depth < 0:
        raise CelError("level must be non-negative")
    flat: list[object] = []
    for value in elements(values):
        if depth and is_list(value):
            flat += _flatten(value, depth - 1)
        else:
            flat.append(value)
    return flat


def _sorted_by(values: object, keys: object) -> object:
    listed, keyed = elements(values), elements(keys)
    if not listed and not keyed:
        return values  # the list itself, which keeps what its schema says of it
    if len(listed) != len(keyed):
        raise CelError(
            "@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got "
            f"{len(listed)} and {len(keyed)} elements respectively"
        )
    if len({type_name(key) for key in keyed}) > 1:
        raise CelError("list elements must have the same type")
    order = cmp_to_key(_by_first)
    return [value for _, value in sorted(zip(keyed, listed, strict=True), key=order)]


def _by_first(left: tuple[object, object], right: tuple[object, object]) -> int:
    return compare("sort", left[0], right[0])


def _range(count: int) -> list[object]:
    if count < 0:
        raise CelError(f"lists.range: size must be non-negative, got {count}")
    return list(range(count))


def _distinct(values: object) -> object:
    if not elements(values):
        return values
    unique: list[object] = []
    for value in elements(values):
        if not any(equal(value, each) for each in unique):
            unique.append(value)
    return unique


def _sets_contain(values: object, wanted: object) -> bool:
    return all(contains(values, each) for each in elements(wanted))


def _sets_equivalent(left: object, right: object) -> bool:
    return _sets_contain(left, right) and _sets_contain(right, left)


def _sets_intersect(left: object, right: object) -> bool:
    return any(contains(right, each) for each in elements(left))


# --- maps ---------------------------------------------------------------------------------------------------------------


def _insert(into: MapValue, key: object, value: object) -> MapValue:
    return into.inserted(key, value)


def _insert_all(into: MapValue, more: Mapper) -> MapValue:
    return reduce(lambda result, entry: result.inserted(*entry), more.items(), into)


# --- optionals ----------------------------------------------------------------------------------------------------------


def _is_zero(value: object) -> bool:
    if value is None:
        return True
    if isinstance(value, Duration):
        return value.nanoseconds == 0
    if isinstance(value, bool | int | float):
        return not value
    return size_of(value) == 0


def _of_nonzero(value: object) -> Optional:
    return NONE if _is_zero(value) else Optional(value)


def _value(value: Optional) -> object:
    if not value.present:
        raise CelError("optional.none() dereference")
    return value.value


def _end(place: int) -> Callable[[object], Optional]:
    def end(values: object) -> Optional:
        listed = elements(values)
        return Optional(listed[place]) if listed else NONE

    return end


def _unwrapped(values: object) -> list[object]:
    listed = elements(values)
    for value in listed:
        if not isinstance(value, Optional):
            raise CelError(f"value {shown(value)} is not optional")
    return [value.value for value in listed if isinstance(value, Optional) and value.present]


_SORT_NAMES = (
    "int",
    "uint",
    "double",
    "bool",
    "google.protobuf.Duration",
    "google.protobuf.Timestamp",
    "string",
    "bytes",
)

LISTS: Mapping[str, Callable[..., object]] = {
    **{f"list_{kind}_is_sorted_bool": _is_sorted for kind in _COMPARABLE},
    **{f"list_{kind}_max_{kind}": _extreme("max", -1) for kind in _COMPARABLE},
    **{f"list_{kind}_min_{kind}": _extreme("min", 1) for kind in _COMPARABLE},
    **{f"list_{kind}_sum_{kind}": _sum(zero) for kind, zero in _ZEROS.items()},
    **{f"list_{kind}_sort": lambda values: _sorted_by(values, values) for kind in _SORT_NAMES},
    **{f"list_{kind}_sortByAssociatedKeys": _sorted_by for kind in _SORT_NAMES},
    "list_a_index_of_int": _index_of,
    "list_a_last_index_of_int": _last_index_of,
    "list_includes_dyn_dyn": _includes,
    "list_slice": _slice,
    "list_flatten": _flatten,
    "list_flatten_int": _flatten,
    "lists_range": _range,
    "list_reverse": lambda values: elements(values)[::-1],
    "list_distinct": _distinct,
    "list_sets_contains_list": _sets_contain,
    "list_sets_equivalent_list": _sets_equivalent,
    "list_sets_intersects_list": _sets_intersect,
    "@mapInsert_map_key_value": _insert,
    "@mapInsert_map_map": _insert_all,
    "optional_of": Optional,
    "optional_ofNonZeroValue": _of_nonzero,
    "optional_none": lambda: NONE,
    "optional_value": _value,
    "optional_hasValue": lambda value: value.present,
    "list_first": _end(0),
    "list_last": _end(-1),
    "optional_unwrap": _unwrapped,
    "optional_unwrapOpt": _unwrapped,
}
