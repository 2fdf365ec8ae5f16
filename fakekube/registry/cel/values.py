"""Values while an expression runs: Python's own where CEL means the same, and these classes where it does not.

bool, int, float, str, bytes, None and list stand for themselves. Data of an object stays as it is and is read through
the schema it was written against (`data.py`). A failed evaluation is an exception, `CelError`, and where CEL keeps
errors as values (a fold may still come to a result) it is that exception that is kept.

Source: cel-go 0.29 (common/types).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

INT_MIN, INT_MAX = -(1 << 63), (1 << 63) - 1
UINT_MAX = (1 << 64) - 1


class CelError(Exception):
    """An evaluation that came to no value; the message is cel-go's."""

    @property
    def message(self) -> str:
        return str(self.args[0])


def no_such_overload(detail: str = "") -> CelError:
    return CelError(f"no such overload: {detail}" if detail else "no such overload")


class Uint(int):
    """An unsigned integer, which is another type than int."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    nanoseconds: int


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    nanoseconds: int
    """Since 1970, UTC."""
    offset_s: int = field(default=0, compare=False)
    """Of the zone it was written in, east of Greenwich: it is printed there."""


@dataclass(frozen=True, slots=True)
class TypeValue:
    name: str


@dataclass(frozen=True, slots=True)
class Optional:
    value: object = None
    present: bool = True


NONE: Final = Optional(present=False)


class Missing:
    """Nothing there: the answer of a look-up that found nothing."""


MISSING: Final = Missing()


class Lister:
    """A list that is more than a Python list: elements are read through a schema."""

    __slots__ = ()

    @property
    def go_type(self) -> str:
        return "*common.unstructuredList"

    def elements(self) -> list[object]:
        raise NotImplementedError

    def equals(self, other: object) -> bool:
        raise NotImplementedError

    def plus(self, other: object) -> object:
        raise NotImplementedError


class Mapper:
    """A map: of a schema, or made by an expression."""

    __slots__ = ()

    @property
    def go_type(self) -> str:
        return "*common.unstructuredMap"

    def find(self, key: object) -> object:
        """The value, or MISSING."""
        raise NotImplementedError

    def keys(self) -> list[object]:
        raise NotImplementedError

    def size(self) -> int:
        raise NotImplementedError

    def equals(self, other: object) -> bool:
        raise NotImplementedError

    def items(self) -> Iterator[tuple[object, object]]:
        for key in self.keys():
            yield key, self.find(key)


class MapValue(Mapper):
    """A map that an expression made. 1, 1u and 1.0 are one key; true is another."""

    __slots__ = ("_entries",)

    def __init__(self, entries: dict[object, tuple[object, object]] | None = None) -> None:
        self._entries = entries or {}

    @property
    def go_type(self) -> str:
        return "*types.baseMap"

    def find(self, key: object) -> object:
        found = self._entries.get(map_key(key))
        return MISSING if found is None else found[1]

    def keys(self) -> list[object]:
        return [key for key, _ in self._entries.values()]

    def size(self) -> int:
        return len(self._entries)

    def equals(self, other: object) -> bool:
        if not isinstance(other, Mapper) or other.size() != self.size():
            return False
        for key, value in self._entries.values():
            found = other.find(key)
            if found is MISSING or not _not_unequal(value, found):
                return False
        return True

    def inserted(self, key: object, value: object) -> MapValue:
        """A map with one more entry. CelError when the key is there."""
        if map_key(key) in self._entries:
            raise CelError(f"insert failed: key {shown(key)} already exists")
        return MapValue({**self._entries, map_key(key): (key, value)})


def map_key(key: object) -> object:
    """What a key is looked up by."""
    if isinstance(key, bool):
        return ("bool", key)
    if isinstance(key, float) and key.is_integer():
        return int(key)
    return int(key) if isinstance(key, Uint) else key


# --- types --------------------------------------------------------------------------------------------------------------

_TYPE_NAMES: dict[type, str] = {
    bool: "bool",
    int: "int",
    Uint: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    type(None): "null_type",
    list: "list",
    Duration: "google.protobuf.Duration",
    Timestamp: "google.protobuf.Timestamp",
    TypeValue: "type",
    Optional: "optional_type",
}


def type_name(value: object) -> str:
    found = _TYPE_NAMES.get(type(value))
    if found is not None:
        return found
    if isinstance(value, Lister):
        return "list"
    return "map" if isinstance(value, Mapper) else str(getattr(value, "type_name", "unknown"))


NUMBERS = frozenset([int, Uint, float])


def elements(value: object) -> list[object]:
    """What is in a list. CelError when it is none."""
    if type(value) is list:
        return value
    if isinstance(value, Lister):
        return value.elements()
    raise no_such_overload()


def is_list(value: object) -> bool:
    return type(value) is list or isinstance(value, Lister)


_GO_TYPES: dict[str, str] = {
    "bool": "types.Bool",
    "int": "types.Int",
    "uint": "types.Uint",
    "double": "types.Double",
    "string": "types.String",
    "bytes": "types.Bytes",
    "null_type": "types.Null",
    "google.protobuf.Duration": "types.Duration",
    "google.protobuf.Timestamp": "types.Timestamp",
    "type": "*types.Type",
    "optional_type": "*types.Optional",
    "net.IP": "cel.IP",
    "net.CIDR": "cel.CIDR",
    "kubernetes.Quantity": "cel.Quantity",
    "kubernetes.URL": "cel.URL",
    "kubernetes.Semver": "cel.Semver",
    "kubernetes.NamedFormat": "cel.Format",
}


def go_type(value: object) -> str:
    """The real server's own name for what it has in hand, which some errors tell."""
    if isinstance(value, Lister | Mapper):
        return value.go_type
    return _GO_TYPES.get(type_name(value), "*types.baseList")


def size_of(value: object) -> int | None:
    """The size of what has one."""
    if isinstance(value, str | bytes | list):
        return len(value)
    if isinstance(value, Lister):
        return len(value.elements())
    return value.size() if isinstance(value, Mapper) else None


def equal(left: object, right: object) -> bool:
    """CEL's ==: numbers compare across types, a list or map of a schema says itself what equal means."""
    kind = type(left)
    if kind is str or left is None or right is None:
        return left == right and type(right) is kind
    if kind in NUMBERS:
        return type(right) in NUMBERS and left == right
    if kind is list:
        return _equal_lists(left, right)
    if isinstance(left, Lister | Mapper):
        return left.equals(right)
    if isinstance(left, Optional) and isinstance(right, Optional):
        return left.present == right.present and (not left.present or equal(left.value, right.value))
    if type(right) is kind:
        return left == right
    if kind not in _TYPE_NAMES:
        raise no_such_overload()  # Kubernetes' own types compare with themselves alone
    return False


def _equal_lists(left: object, right: object) -> bool:
    if not is_list(right):
        return False
    first, second = elements(left), elements(right)
    return len(first) == len(second) and all(map(_not_unequal, first, second))


def _not_unequal(left: object, right: object) -> bool:
    """In lists and maps, what cannot be compared does not differ."""
    try:
        return equal(left, right)
    except CelError:
        return True


def _surely_equal(left: object, right: object) -> bool:
    try:
        return equal(left, right)
    except CelError:
        return False


def contains(values: object, value: object) -> bool:
    """CEL's `in`."""
    if isinstance(values, Mapper):
        return values.find(value) is not MISSING
    return any(_surely_equal(value, each) for each in elements(values))


def shown(value: object) -> str:
    """A value as Go's %v prints it in an error."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
