"""CEL's types, and whether a value of one may stand where another is wanted.

Source: cel-go 0.29 (checker/types.go, checker/format.go, common/types/types.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Type:
    """`kind` decides the rules, `name` is what is shown, `params` are the types within."""

    kind: str
    name: str
    params: tuple[Type, ...] = ()

    def __str__(self) -> str:
        shown = _SHOWN.get(self.kind, self.name)
        return f"{shown}({', '.join(map(str, self.params))})" if self.params else shown


_SHOWN = {"any": "any", "duration": "duration", "timestamp": "timestamp", "null": "null", "error": "!error!"}

BOOL = Type("bool", "bool")
BYTES = Type("bytes", "bytes")
DOUBLE = Type("double", "double")
DURATION = Type("duration", "google.protobuf.Duration")
DYN = Type("dyn", "dyn")
ERROR = Type("error", "!error!")
INT = Type("int", "int")
NULL = Type("null", "null_type")
STRING = Type("string", "string")
TIMESTAMP = Type("timestamp", "google.protobuf.Timestamp")
TYPE = Type("type", "type")
UINT = Type("uint", "uint")
ANY = Type("any", "google.protobuf.Any")

QUANTITY = Type("struct", "kubernetes.Quantity")
URL = Type("struct", "kubernetes.URL")
SEMVER = Type("struct", "kubernetes.Semver")
FORMAT = Type("struct", "kubernetes.NamedFormat")
IP = Type("opaque", "net.IP")
CIDR = Type("opaque", "net.CIDR")


def list_of(element: Type) -> Type:
    return Type("list", "list", (element,))


def map_of(key: Type, value: Type) -> Type:
    return Type("map", "map", (key, value))


def optional_of(value: Type) -> Type:
    return Type("opaque", "optional_type", (value,))


def type_of(value: Type) -> Type:
    return Type("type", "type", (value,))


def param(name: str) -> Type:
    return Type("param", name)


def struct(name: str) -> Type:
    return Type("struct", name)


def is_dyn(kind: Type) -> bool:
    return kind.kind in ("dyn", "any")


def is_dyn_or_error(kind: Type) -> bool:
    return kind.kind in ("dyn", "any", "error")


def is_optional(kind: Type) -> bool:
    return kind.kind == "opaque" and kind.name == "optional_type"


def unwrapped(kind: Type) -> tuple[Type, bool]:
    """The type within an optional, and whether it was one."""
    return (kind.params[0], True) if is_optional(kind) else (kind, False)


def params_within(types: Iterable[Type]) -> list[str]:
    """Names of the type parameters, each once, in order."""
    found: dict[str, None] = {}
    for each in types:
        if each.kind == "param":
            found[each.name] = None
        found.update(dict.fromkeys(params_within(each.params)))
    return list(found)


_NULLABLE = frozenset(["opaque", "struct", "any", "duration", "timestamp"])
_COMPOUND = frozenset(["opaque", "list", "map"])


@dataclass(slots=True)
class Substitutions:
    """What type parameters stand for. A failed attempt leaves everything as it was."""

    bound: dict[str, Type] = field(default_factory=dict)

    def assignable(self, wanted: Sequence[Type], given: Sequence[Type]) -> bool:
        """Whether each of `wanted` and `given` agree; what had to be bound for that stays bound."""
        before = dict(self.bound)
        if self._all(wanted, given):
            return True
        self.bound = before
        return False

    def _all(self, first: Sequence[Type], second: Sequence[Type]) -> bool:
        return len(first) == len(second) and all(map(self._agree, first, second))

    def _agree(self, first: Type, second: Type) -> bool:
        if second.kind == "param":
            valid, bound = self._may_bind(first, second)
            if valid or bound:
                return valid
        if first.kind == "param":
            return self._may_bind(second, first)[0]
        if is_dyn_or_error(first) or is_dyn_or_error(second):
            return True
        if first.kind == "null" or second.kind == "null":
            other = second if first.kind == "null" else first
            return other.kind in _NULLABLE or other.kind == "null"
        if first.kind == "type":
            return second.kind == "type"
        if first.kind in _COMPOUND:
            return first.kind == second.kind and first.name == second.name and self._all(first.params, second.params)
        return first.kind == second.kind and first.name == second.name

    def _may_bind(self, kind: Type, variable: Type) -> tuple[bool, bool]:
        """Whether `variable` may stand for `kind`, and whether it stood for something already."""
        if kind == variable:
            return True, True
        bound = self.bound.get(variable.name)
        if bound is None:
            if not self._free_in(variable, kind):
                return False, False
            self.bound[variable.name] = kind
            return True, False
        if kind == bound:
            return True, True
        if not self._agree(kind, bound):
            return False, True
        general = most_general(kind, bound)
        if self._free_in(variable, general):
            self.bound[variable.name] = general
        return True, True

    def _free_in(self, variable: Type, kind: Type) -> bool:
        """Whether `variable` does not occur within `kind`."""
        if variable == kind:
            return False
        if kind.kind == "param":
            bound = self.bound.get(kind.name)
            return bound is None or self._free_in(variable, bound)
        return all(self._free_in(variable, each) for each in kind.params)

    def applied(self, kind: Type, *, rest_is_dyn: bool = False) -> Type:
        """`kind` with every bound parameter replaced, and the unbound ones by dyn where asked."""
        if kind.kind == "param":
            bound = self.bound.get(kind.name)
            if bound is not None:
                return self.applied(bound, rest_is_dyn=rest_is_dyn)
            return DYN if rest_is_dyn else kind
        if not kind.params:
            return kind
        return Type(kind.kind, kind.name, tuple(self.applied(each, rest_is_dyn=rest_is_dyn) for each in kind.params))


def most_general(first: Type, second: Type) -> Type:
    """The wider of two types that agree."""
    return first if _is_wider(first, second) else second


def _is_wider(first: Type, second: Type) -> bool:
    if is_dyn(first) or first.kind == "param":
        return True
    if is_dyn(second) or second.kind == "param" or first.kind != second.kind:
        return False
    if first.kind == "type":
        return True
    if first.kind in _COMPOUND:
        same = first.name == second.name and len(first.params) == len(second.params)
        return same and all(map(_is_wider, first.params, second.params))
    return first == second
