"""Random expressions over the whole function library of CEL, from the table that the checker resolves calls by."""

from __future__ import annotations

import random
from collections.abc import Mapping

from fakekube.registry.cel.celtypes import Type
from fakekube.registry.cel.declarations import Overload, named_type, overload_by_id

_TEXTS = (
    *("", "a", "abc", "ABC", "Äé", "1", "-7", "1.5", "true", "1Gi", "500m", "x y", "%d", "%s", "^a+$", "[", "."),
    *("1.2.3.4", "::1", "fe80::1%eth0", "010.0.0.1", "10.0.0.0/8", "::/0", "10.1.2.3/8", "1.2.3", "v1.2.3-rc.1", "1.2"),
    *(
        "https://a.b:80/c?d=e",
        "/path",
        "2026-01-02T03:04:05Z",
        "2026-01-02",
        "1h30m",
        "10s",
        "YWJj",
        "uuid",
        "dns1123Label",
    ),
)
_LITERALS: Mapping[str, tuple[str, ...]] = {
    "bool": ("true", "false", "self.b"),
    "int": ("0", "1", "-1", "2", "7", "9223372036854775807", "self.i"),
    "uint": ("0u", "1u", "7u"),
    "double": ("0.0", "1.5", "-2.5", "1e300", "0.1", "self.d"),
    "bytes": ("b''", "b'abc'", "b'\\xff'"),
    "null_type": ("null",),
    "google.protobuf.Duration": ("duration('1h')", "duration('-90s')", "duration('1.5s')"),
    "google.protobuf.Timestamp": ("timestamp('2026-01-02T03:04:05Z')", "timestamp('2000-02-29T23:59:59.5+02:00')"),
    "net.IP": ("ip('1.2.3.4')", "ip('::1')"),
    "net.CIDR": ("cidr('10.0.0.0/8')", "cidr('::/0')"),
    "kubernetes.Quantity": ("quantity('1Gi')", "quantity('500m')", "quantity('-3')"),
    "kubernetes.URL": ("url('https://a.b:80/c?d=e')", "url('/p')"),
    "kubernetes.Semver": ("semver('1.2.3')", "semver('1.2.3-rc.1')"),
    "kubernetes.NamedFormat": ("format.named('uuid').value()", "format.dns1123Label()"),
    "type": ("type(1)", "type('a')", "int", "string"),
}
_SCALARS = ("bool", "int", "double", "string")
_INFIX = {
    "@in": "in",
    **{f"_{sign}_": sign for sign in ("+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||")},
}


class Expressions:
    """`boolean()` gives one expression of type bool; most, not all, compile."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._overloads = [each for each in overload_by_id().values() if _is_written(each)]

    def boolean(self) -> str:
        wanted = self._rng.choice(self._overloads)
        made = self._call(wanted, {}, 2)
        if wanted.result.name == "bool":
            return made
        other = self._made(wanted.result, {}, 1) if self._rng.random() < 0.7 else made
        return f"{made} {self._rng.choice(('==', '!='))} {other}"

    def _call(self, overload: Overload, bound: dict[str, Type], depth: int) -> str:
        bound = dict(bound)
        for name in overload.params:
            bound[name] = named_type(self._rng.choice(_SCALARS))
        args = [self._made(each, bound, depth - 1) for each in overload.args]
        return _written(overload, args)

    def _made(self, kind: Type, bound: dict[str, Type], depth: int) -> str:
        kind = bound.get(kind.name, kind) if kind.kind == "param" else kind
        if depth > 0 and self._rng.random() < 0.6:
            fitting = [each for each in self._overloads if each.result == kind]
            if fitting:
                return f"({self._call(self._rng.choice(fitting), bound, depth)})"
        return self._literal(kind, bound)

    def _literal(self, kind: Type, bound: dict[str, Type]) -> str:
        if kind.kind == "param":
            kind = bound.get(kind.name, kind)
        if kind.kind == "list":
            return f"[{', '.join(self._literal(kind.params[0], bound) for _ in range(self._rng.randint(0, 3)))}]"
        if kind.kind == "map":
            return f"{{{self._literal(kind.params[0], bound)}: {self._literal(kind.params[1], bound)}}}"
        if kind.name == "optional_type":
            return self._rng.choice((f"optional.of({self._literal(kind.params[0], bound)})", "optional.none()"))
        if kind.name == "string":
            return self._rng.choice([*(f"'{text}'" for text in _TEXTS), "self.s"])
        if kind.kind in ("dyn", "any", "param"):
            return f"dyn({self._literal(named_type(self._rng.choice(_SCALARS)), bound)})"
        return self._rng.choice(_LITERALS.get(kind.name, _LITERALS["type"]))


def _is_written(overload: Overload) -> bool:
    """Whether an expression can name it: no part of macros, and nothing of admission."""
    if "authorization" in "".join(each.name for each in (*overload.args, overload.result)):
        return False
    function = overload.function
    return function in _INFIX or function in ("!_", "-_", "_?_:_", "_[_]", "_[?_]") or not set("@_") & set(function)


def _written(overload: Overload, args: list[str]) -> str:
    match overload.function:
        case "!_" | "-_":
            return f"{overload.function[0]}({args[0]})"
        case "_?_:_":
            return f"({args[0]} ? {args[1]} : {args[2]})"
        case "_[_]":
            return f"{args[0]}[{args[1]}]"
        case "_[?_]":
            return f"{args[0]}[?{args[1]}]"
        case function if function in _INFIX:
            return f"({args[0]} {_INFIX[function]} {args[1]})"
        case function if overload.member:
            return f"{args[0]}.{function}({', '.join(args[1:])})"
        case function:
            return f"{function}({', '.join(args)})"
