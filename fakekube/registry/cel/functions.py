"""Overload id -> what it does: all functions in one table, and which overload a call means when only values tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fakekube.registry.cel import operators, times
from fakekube.registry.cel.addresses import ADDRESSES
from fakekube.registry.cel.authorizers import AUTHORIZERS
from fakekube.registry.cel.celtypes import Type
from fakekube.registry.cel.conversions import CONVERSIONS
from fakekube.registry.cel.declarations import Overload
from fakekube.registry.cel.formats import FORMATS
from fakekube.registry.cel.formatting import formatted
from fakekube.registry.cel.links import LINKS
from fakekube.registry.cel.lists import LISTS
from fakekube.registry.cel.quantities import QUANTITIES
from fakekube.registry.cel.regexes import REGEXES
from fakekube.registry.cel.texts import TEXTS
from fakekube.registry.cel.values import CelError, TypeValue, elements, no_such_overload, type_name

_SIZES = ("size_bytes", "bytes_size", "size_list", "list_size", "size_map", "map_size", "size_string", "string_size")
_TIME_PARTS = {
    "year": "getFullYear",
    "month": "getMonth",
    "day_of_year": "getDayOfYear",
    "day_of_month": "getDayOfMonth",
    "day_of_month_1_based": "getDate",
    "day_of_week": "getDayOfWeek",
    "hours": "getHours",
    "minutes": "getMinutes",
    "seconds": "getSeconds",
    "milliseconds": "getMilliseconds",
}
_DURATION_PARTS = ("hours", "minutes", "seconds", "milliseconds")


def _identity(value: object) -> object:
    return value


IMPLEMENTATIONS: Mapping[str, Callable[..., object]] = {
    **CONVERSIONS,
    **TEXTS,
    **LISTS,
    **REGEXES,
    **LINKS,
    **QUANTITIES,
    **ADDRESSES,
    **FORMATS,
    **AUTHORIZERS,
    "string_format": formatted,
    "type": lambda value: TypeValue(type_name(value)),
    "to_dyn": _identity,
    **dict.fromkeys(_SIZES, operators.size),
    **{f"timestamp_to_{name}": times.part_of_timestamp(function) for name, function in _TIME_PARTS.items()},
    **{f"timestamp_to_{name}_with_tz": times.part_of_timestamp(function) for name, function in _TIME_PARTS.items()},
    "timestamp_to_seconds_tz": times.part_of_timestamp("getSeconds"),
    **{f"duration_to_{name}": times.part_of_duration(_TIME_PARTS[name]) for name in _DURATION_PARTS},
}

# Kind of a type -> the name that values of it tell.
_RUNTIME_NAMES: Mapping[str, str] = {
    "duration": "google.protobuf.Duration",
    "timestamp": "google.protobuf.Timestamp",
    "null": "null_type",
}
# Functions that look at their arguments themselves, and so refuse without a name.
_UNGUARDED = frozenset(["contains", "startsWith", "endsWith", "matches", "find", "findAll"])
# Functions that only look at the kind of their first argument, and so refuse by name alone.
_BY_KIND = frozenset(["sort", "@sortByAssociatedKeys"])


def fits(wanted: Type, value: object) -> bool:
    """Whether a value is of a type; of a list the first element speaks for all."""
    if wanted.kind in ("dyn", "param", "any"):
        return True
    if type_name(value) != _RUNTIME_NAMES.get(wanted.kind, wanted.name):
        return False
    return wanted.kind != "list" or all(fits(wanted.params[0], each) for each in elements(value)[:1])


def dispatched(function: str, overloads: Sequence[Overload]) -> Callable[..., object]:
    """A call whose overload is known when its values are."""

    def call(*args: object) -> object:
        for overload in overloads:
            if len(overload.args) == len(args) and all(map(fits, overload.args, args)):
                return IMPLEMENTATIONS[overload.id](*args)
        raise _no_overload(function, args)

    return call


def _no_overload(function: str, args: Sequence[object]) -> CelError:
    if function in _UNGUARDED:
        return no_such_overload()
    if function in _BY_KIND:
        return operators.refused(function, args[0], ())
    return no_such_overload(f"{function}({', '.join(map(type_name, args))})")
