"""What decoding into a Go struct and printing it again does to an object: the canonical form that is stored.

Unknown fields go (and are reported), zero values vanish unless the Go field is a pointer, fields without omitempty
appear, times and quantities are rewritten, members take Go's order. Wrong types are refused with Go's own text.
One function per schema node is compiled on first use and kept for the process.
Source: encoding/json as forked by sigs.k8s.io/json, and the answers of kube-apiserver 1.37.2.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from fakekube.meta.objects import GroupVersionKind, KubeObject
from fakekube.registry.gotime import TimeError, micro_time, time
from fakekube.registry.quantity import QuantityError, parse_quantity
from fakekube.registry.schema import Schema, schema_for, schema_named

# Where a value stands: (where its parent stands, its member name or index); None for the object itself.
_Place = tuple[Any, "str | int"] | None
# The same as the names and indexes from the object down to the value.
Path = tuple["str | int", ...]
_Convert = Callable[[Any, _Place, "_Report"], Any]

# Go stops collecting strict errors here.
STRICT_ERRORS_MAX = 100

_INT_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}


class DecodeError(ValueError):
    """The object does not fit its Go type; the message is Go's."""


class Repeated(str):
    """A member name that occurred before in the same JSON object."""

    __slots__ = ()


class Pairs(dict[str, Any]):
    """A JSON object in which names repeat: behaves as Go's merged result, iterates over everything that was written."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__()
        self._pairs: list[tuple[str, Any]] = []
        for name, value in pairs:
            self._pairs.append((Repeated(name) if name in self else name, value))
            self[name] = value

    def items(self) -> Any:
        return iter(self._pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Canonical:
    """The object as Go prints it, and what was strange about it: `unknown field "spec.x"`, `duplicate field "kind"`.

    `emptied` are the lists and maps that were there with nothing in them and are not printed: Go keeps them until the
    object is stored, so that validation tells them from missing ones.
    """

    object: KubeObject
    strict_errors: tuple[str, ...] = ()
    emptied: tuple[Path, ...] = ()


@dataclass(slots=True)
class _Report:
    """Collects what goes wrong in one conversion. Go keeps the first wrong type and reads on."""

    root: Schema
    strict: dict[str, None] = field(default_factory=dict)
    wrong_type: str = ""
    emptied: list[_Place] = field(default_factory=list)

    def unknown(self, place: _Place, name: str) -> None:
        self._strict(f'unknown field "{_dotted((place, name))}"')

    def duplicate(self, place: _Place, name: str) -> None:
        self._strict(f'duplicate field "{_dotted((place, name))}"')

    def _strict(self, text: str) -> None:
        if len(self.strict) < STRICT_ERRORS_MAX:
            self.strict[text] = None

    def mismatch(self, value: object, place: _Place, go_type: str, *, literal: bool = False) -> None:
        if not self.wrong_type:
            self.wrong_type = _mismatch_text(self.root, value, place, go_type, literal=literal)


def canonicalize(obj: KubeObject, gvk: GroupVersionKind) -> Canonical:
    """`obj` as the Go type of `gvk` keeps it.

    Raises DecodeError with Go's text when a value has the wrong type, KeyError when `gvk` is not a built-in kind.
    """
    schema = schema_for(gvk)
    if schema is None:
        raise KeyError(gvk)
    return canonicalize_as(obj, schema)


def canonicalize_changed(obj: KubeObject, before: KubeObject, gvk: GroupVersionKind) -> Canonical:
    """The same for an `obj` that was made of the canonical `before`: members that are the very same are not read again."""
    kept = {name: value for name, value in obj.items() if value is before.get(name)}
    found = canonicalize({name: value for name, value in obj.items() if name not in kept}, gvk)
    schema = schema_for(gvk)
    if not kept or schema is None:
        return found
    members = found.object | kept
    ordered = {name: members[name] for name in schema.fields if name in members}
    return Canonical(object=ordered, strict_errors=found.strict_errors, emptied=found.emptied)


def canonicalize_as(obj: KubeObject, schema: Schema) -> Canonical:
    """The same for a schema at hand."""
    report = _Report(schema)
    converted = compiled(schema)(obj, None, report)
    if report.wrong_type:
        raise DecodeError(report.wrong_type)
    emptied = tuple(tuple(_steps(place)) for place in report.emptied)
    return Canonical(object=converted, strict_errors=tuple(report.strict), emptied=emptied)


def with_emptied(obj: KubeObject, path: Path, schema: Schema) -> KubeObject:
    """`obj` with the empty list or map that stood at `path`, and the structs around it; they keep Go's order."""
    filled: KubeObject = _filled(obj, path, schema)
    return filled


def _filled(value: Any, path: Path, schema: Schema) -> Any:
    if not path:
        return value or _EMPTY.get(schema.type)
    step, inner = path[0], schema.items or schema.fields[str(path[0])]
    if isinstance(step, int):
        return [_filled(each, path[1:], inner) if index == step else each for index, each in enumerate(value or ())]
    filled = _filled((value or {}).get(step), path[1:], inner)
    if filled is None:
        return value
    changed = {**(value or {}), step: filled}
    if schema.type == "map":
        return changed
    return {name: changed[name] for name in schema.fields if name in changed}


_EMPTY: Mapping[str, Any] = {"list": [], "map": {}}


def is_printed_as_null(path: Path, schema: Schema) -> bool:
    """Whether the list at `path` is printed though nothing is in it; few lists are."""
    *outer, name = path
    for step in outer:
        schema = schema.items or schema.fields[str(step)]
    return name in schema.always_printed and schema.always_printed[str(name)] is None


def compiled(schema: Schema) -> _Convert:
    """The converter of a node; shared between all uses of a named type."""
    if schema.name and schema.type == "struct":
        return _named(schema.name, schema)
    return _compile(schema)


_STRUCTS: dict[str, _Convert] = {}


def _named(name: str, schema: Schema) -> _Convert:
    convert = _STRUCTS.get(name)
    if convert is None:
        convert = _STRUCTS[name] = _Struct(schema).convert
    return convert


def _compile(schema: Schema) -> _Convert:
    if schema.raw:
        return _raw
    special = _BY_NAME.get(schema.name) or _BY_TYPE.get(schema.type)
    if special is not None:
        return special
    return _COMPILERS[schema.type](schema)


_CONTAINERS = (list, dict)
# An empty list of managedFields is an order to forget them; one of policies of an autoscaler is refused, but gets no
# defaults before. Neither outlives the write.
_KEPT = frozenset(["managedFields", "policies"])


class _Struct:
    """The converter of one Go struct. Fields are compiled when first met, so recursive types end."""

    __slots__ = ("_always", "_fields", "_pointers", "_ranks", "_schema")

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._fields: dict[str, tuple[_Convert, int, bool]] = {}
        self._ranks = {name: rank for rank, name in enumerate(schema.fields)}
        self._pointers = schema.pointers
        self._always: tuple[tuple[str, Any], ...] | None = None

    def convert(self, value: Any, place: _Place, report: _Report) -> Any:
        if not isinstance(value, dict):
            if value is not None:
                report.mismatch(value, place, "")
            value = {}
        out: KubeObject = {}
        last, ordered = -1, True
        fields = self._fields
        for name, raw in value.items():
            known = fields.get(name) or self._field(name)
            if known is None:
                report.unknown(place, name)
                continue
            if type(name) is Repeated:
                report.duplicate(place, name)
            if raw is None:
                continue
            convert, rank, pointer = known
            converted = convert(raw, (place, name), report)
            if type(name) is Repeated:
                converted = _merged(out.get(name), converted)
            if converted or (pointer and converted is not None):
                out[name] = converted
                ordered = ordered and rank > last
                last = rank
            elif type(raw) in _CONTAINERS:
                report.emptied.append((place, name))
        return self._completed(out, ordered)

    def _field(self, name: str) -> tuple[_Convert, int, bool] | None:
        schema = self._schema.fields.get(name)
        if schema is None:
            return None
        kept_when_empty = name in self._pointers or name in _KEPT or schema.raw
        known = self._fields[name] = (compiled(schema), self._ranks[name], kept_when_empty)
        return known

    def _completed(self, out: KubeObject, ordered: bool) -> KubeObject:
        for name, unset in self._unset():
            if name not in out:
                out[name] = unset
                ordered = False
        if ordered:
            return out
        return {name: out[name] for name in sorted(out, key=self._ranks.__getitem__)}

    def _unset(self) -> tuple[tuple[str, Any], ...]:
        if self._always is None:
            self._always = tuple(
                (name, zero_of(self._schema.fields[name], unset)) for name, unset in self._schema.always_printed.items()
            )
        return self._always


def zero_of(schema: Schema, unset: object) -> Any:
    """What Go prints for an unset field: `{}` stands for the nested struct with what it always prints itself."""
    if unset == {} and schema.type == "struct":
        return _Struct(schema).convert({}, None, _Report(schema))
    return unset


def _merged(before: Any, after: Any) -> Any:
    """A repeated member is read into the same Go value: maps and structs merge, everything else is replaced."""
    if isinstance(before, dict) and isinstance(after, dict):
        return before | {name: _merged(before.get(name), value) for name, value in after.items()}
    return after


def _list(schema: Schema) -> _Convert:
    convert_item = _later(schema)
    zero = _zero_item(schema)

    def convert(value: Any, place: _Place, report: _Report) -> Any:
        if not isinstance(value, list):
            return report.mismatch(value, place, "")
        out = []
        for index, raw in enumerate(value):
            item = None if raw is None else convert_item()(raw, (place, index), report)
            out.append(zero() if item is None else item)
        return out

    return convert


def _map(schema: Schema) -> _Convert:
    convert_item = _later(schema)
    zero = _zero_item(schema)

    def convert(value: Any, place: _Place, report: _Report) -> Any:
        if not isinstance(value, dict):
            return report.mismatch(value, place, "")
        out = {}
        for name, raw in value.items():
            if type(name) is Repeated:
                report.duplicate(place, name)
            item = None if raw is None else convert_item()(raw, (place, name), report)
            out[str(name)] = zero() if item is None else item
        return out

    return convert


def _strings(schema: Schema) -> _Convert:
    """Maps of strings, labels above all: checked at the speed of a comprehension when nothing is odd."""
    slowly = _map(schema)

    def convert(value: Any, place: _Place, report: _Report) -> Any:
        if type(value) is dict and all(type(item) is str for item in value.values()):
            return value
        return slowly(value, place, report)

    return convert


def _later(schema: Schema) -> Callable[[], _Convert]:
    """The converter of the elements, compiled on first use: a type may contain itself."""

    @cache
    def converter() -> _Convert:
        assert schema.items is not None, schema
        return compiled(schema.items)

    return converter


_ZEROS: Mapping[str, Any] = {
    "string": "",
    "bool": False,
    "int32": 0,
    "int64": 0,
    "double": 0,
    "quantity": "0",
    "byte": "",
}


def _zero_item(schema: Schema) -> Callable[[], Any]:
    """What null means as an element: Go leaves the zero value there."""

    def zero() -> Any:
        item = schema.items
        if item is not None and item.type == "struct":
            return zero_of(item, {})
        return _ZEROS.get("" if item is None else item.type)

    return zero


def _object(schema: Schema) -> _Convert:
    """A Go struct without fields: whatever is in it is unknown."""
    return _Struct(schema).convert


def _string(value: Any, place: _Place, report: _Report) -> Any:
    if type(value) is str:
        return value
    return report.mismatch(value, place, "string")


def _bool(value: Any, place: _Place, report: _Report) -> Any:
    if type(value) is bool:
        return value
    return report.mismatch(value, place, "bool")


def _integer(go_type: str) -> _Convert:
    least, most = _INT_RANGES[go_type]

    def convert(value: Any, place: _Place, report: _Report) -> Any:
        if type(value) is int and least <= value <= most:
            return value
        return report.mismatch(value, place, go_type, literal=True)

    return convert


def _double(value: Any, place: _Place, report: _Report) -> Any:
    if type(value) in (int, float):
        return value
    return report.mismatch(value, place, "float64")


def _bytes(value: Any, place: _Place, report: _Report) -> Any:
    if type(value) is list:
        return _octets(value, place, report)
    if type(value) is not str:
        return report.mismatch(value, place, "[]uint8")
    fault = base64_fault(value)
    if fault is not None:
        report.wrong_type = report.wrong_type or f"illegal base64 data at input byte {fault}"
    return value.replace("\n", "").replace("\r", "")


def _octets(values: list[Any], place: _Place, report: _Report) -> Any:
    """Bytes as a list of numbers, null among them being zero."""
    for value in values:
        if value is not None and not (type(value) is int and 0 <= value <= 255):
            return report.mismatch(value, place, "uint8", literal=True)
    return base64.b64encode(bytes(value or 0 for value in values)).decode()


_ALPHABET = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


def base64_fault(text: str) -> int | None:
    """Where Go's decoder stops, as a byte offset; None when `text` is sound."""
    try:
        binascii.a2b_base64(text.encode().replace(b"\n", b"").replace(b"\r", b""), strict_mode=True)
    except (binascii.Error, ValueError):
        return _base64_fault(text.encode())
    return None


def _base64_fault(data: bytes) -> int:
    """The offset encoding/base64 names: the first byte outside the alphabet, or the end of the bad quantum."""
    in_quantum = 0
    for offset, byte in enumerate(data):
        if byte in b"\r\n":
            continue
        if byte in _ALPHABET:
            in_quantum = (in_quantum + 1) % 4
            continue
        return _padding_fault(data, offset, in_quantum)
    return len(data) - in_quantum


def _padding_fault(data: bytes, offset: int, in_quantum: int) -> int:
    if data[offset] != ord("=") or in_quantum < 2:
        return offset
    if in_quantum == 2:
        following = offset + 1
        while following < len(data) and data[following] in b"\r\n":
            following += 1
        if following == len(data):
            return len(data)
        if data[following] != ord("="):
            return following
        offset = following
    offset += 1
    while offset < len(data) and data[offset] in b"\r\n":
        offset += 1
    return offset


def _timestamp(rewrite: Callable[[str], str]) -> _Convert:
    def convert(value: Any, place: _Place, report: _Report) -> Any:
        if type(value) is not str:
            raise DecodeError(_mismatch_text(report.root, value, place, "string"))
        try:
            return rewrite(value)
        except TimeError as error:
            raise DecodeError(str(error)) from None

    return convert


def _quantity(value: Any, place: _Place, report: _Report) -> Any:
    text = value.strip() if type(value) is str else _number_text(value)
    try:
        return str(parse_quantity(text))
    except QuantityError as error:
        raise DecodeError(str(error)) from None


def _number_text(value: object) -> str:
    """A JSON number as it was written, nearly: floats come back in their shortest form."""
    if type(value) is int:
        return str(value)
    if type(value) is float:
        return repr(value).replace("e+", "e")
    return "?"  # any other JSON text is no quantity either


def _int_or_string(value: Any, place: _Place, report: _Report) -> Any:
    if type(value) is str:
        return value
    least, most = _INT_RANGES["int32"]
    if type(value) is int and least <= value <= most:
        return value
    raise DecodeError(_mismatch_text(report.root, value, place, "int32", literal=True))


def _raw(value: Any, place: _Place, report: _Report) -> Any:
    return _plain(value)


def _plain(value: Any) -> Any:
    """Raw JSON keeps the last of repeated members."""
    if type(value) is Pairs:
        return {str(name): _plain(dict.__getitem__(value, name)) for name in dict.keys(value)}
    if type(value) is dict:
        return {name: _plain(item) for name, item in value.items()}
    if type(value) is list:
        return [_plain(item) for item in value]
    return value


def _schema_or(*, bools: bool = False, lists: bool = False) -> _Convert:
    """JSONSchemaPropsOrBool, OrArray, OrStringArray: their own UnmarshalJSON drops unknown fields in silence."""

    def convert(value: Any, place: _Place, report: _Report) -> Any:
        schema = schema_named(_JSON_SCHEMA)
        silent = _Report(schema)
        if isinstance(value, dict):
            converted = compiled(schema)(value, None, silent)
        elif lists and isinstance(value, list):
            converted = [_or_string(compiled(schema), item, silent) for item in value]
        elif bools and isinstance(value, bool):
            return value
        else:
            return report.mismatch(value, place, "v1.JSONSchemaProps")
        if silent.wrong_type:
            raise DecodeError(silent.wrong_type)
        return converted

    return convert


def _or_string(convert: _Convert, item: Any, report: _Report) -> Any:
    return item if isinstance(item, str) else convert(item, None, report)


def _container(schema: Schema) -> _Convert:
    item = schema.items
    if schema.type == "map":
        return _strings(schema) if item is not None and item.type == "string" else _map(schema)
    return _list(schema)


_JSON_SCHEMA = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
_BY_NAME: Mapping[str, _Convert] = {
    f"{_JSON_SCHEMA}OrBool": _schema_or(bools=True),
    f"{_JSON_SCHEMA}OrArray": _schema_or(lists=True),
    f"{_JSON_SCHEMA}OrStringArray": _schema_or(lists=True),
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": _timestamp(micro_time),
}
_BY_TYPE: Mapping[str, _Convert] = {
    "string": _string,
    "bool": _bool,
    "int32": _integer("int32"),
    "int64": _integer("int64"),
    "double": _double,
    "byte": _bytes,
    "date-time": _timestamp(time),
    "quantity": _quantity,
    "int-or-string": _int_or_string,
    "any": _raw,
}
_COMPILERS: Mapping[str, Callable[[Schema], _Convert]] = {
    "struct": _object,
    "object": _object,
    "list": _container,
    "map": _container,
}


def _dotted(place: _Place) -> str:
    """`spec.containers[0].image`"""
    parts: list[str] = []
    for name in _steps(place):
        if isinstance(name, int):
            parts.append(f"[{name}]")
        else:
            parts.append(f".{name}" if parts else name)
    return "".join(parts)


def _steps(place: _Place) -> list[str | int]:
    steps: list[str | int] = []
    while place is not None:
        place, name = place
        steps.append(name)
    return steps[::-1]


def _mismatch_text(root: Schema, value: object, place: _Place, go_type: str, *, literal: bool = False) -> str:
    """`json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`"""
    struct, path, node, declared = _go_place(root, place)
    what = json_word(value)
    if literal and what == "number":
        what = f"number {_number_text(value)}"
    wanted = declared or go_type or go_name(node)
    return f"json: cannot unmarshal {what} into Go struct field {struct}.{'.'.join(path)} of type {wanted}"


def _go_place(root: Schema, place: _Place) -> tuple[str, list[str], Schema, str]:
    """The innermost Go struct, the path with the names of embedded structs, the node, and its Go type when it is
    one that the schema alone does not tell."""
    struct, path, node, declared = "", list[str](), root, ""
    for step in _steps(place):
        if node.type == "struct":
            struct = node.name.rpartition(".")[2]
            embedded = node.embedded.get(str(step))
            path += [*([embedded] if embedded else []), str(step)]
            declared = node.go_types.get(str(step), "")
            node = node.fields[str(step)]
        else:
            assert node.items is not None
            declared = _element_type(declared)
            node = node.items
    return struct, path, node, declared


def _element_type(declared: str) -> str:
    """`[]v1.Verb` -> `v1.Verb`, `map[string]v1.X` -> `v1.X`."""
    return declared.partition("]")[2] if declared.startswith(("[]", "map[")) else ""


def go_name(schema: Schema) -> str:
    """The Go type of a node as reflect prints it: `[]v1.Container`, `map[string]string`, `v1.PodSpec`."""
    if schema.type in ("list", "map"):
        assert schema.items is not None
        return f"{'[]' if schema.type == 'list' else 'map[string]'}{go_name(schema.items)}"
    if schema.name:
        return ".".join(schema.name.split(".")[-2:])
    return {"byte": "[]uint8", "double": "float64"}.get(schema.type, schema.type)


def json_word(value: object) -> str:
    words: Iterator[str] = (
        word
        for kinds, word in (((bool,), "bool"), ((int, float), "number"), ((str,), "string"), ((list,), "array"))
        if isinstance(value, kinds)
    )
    return next(words, "object")
