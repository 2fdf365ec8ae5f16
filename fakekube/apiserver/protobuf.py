"""Kubernetes' protobuf, both ways, for every built-in kind: one reader and one writer driven by a field table.

A document is `k8s\\0` and a runtime.Unknown {1: typeMeta {1: apiVersion, 2: kind}, 2: raw, 3: contentEncoding,
4: contentType}. Messages become the JSON form of the object: times RFC 3339, quantities text, bytes base64.
Source: the .proto files of k8s.io/api 0.37.2 (field numbers), and vectors recorded from kube-apiserver 1.37.2.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec

from fakekube.data import LazyEntries, read_lazily
from fakekube.meta.objects import GroupVersionKind, KubeObject
from fakekube.registry.schema import schema_for

MAGIC = b"k8s\x00"

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_INT64 = 1 << 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ProtobufFault(ValueError):
    """The bytes are no such document; the message is the real server's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A document before its message is read; `kind` is None when the document names none."""

    kind: GroupVersionKind | None
    raw: bytes


# --- wire -------------------------------------------------------------------------------------------------------------


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at` and where it ends."""
    number = shift = 0
    while True:
        if at >= len(data):
            raise ProtobufFault("unexpected EOF")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & (_INT64 - 1), at
        shift += 7
        if shift >= 64:
            raise ProtobufFault("proto: integer overflow")


def _tokens(data: bytes) -> Iterator[tuple[int, int, Any]]:
    """Field number, wire type and payload (int or bytes), in the order of the bytes."""
    at, end = 0, len(data)
    while at < end:
        tag, at = _read_varint(data, at)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise ProtobufFault(f"proto: illegal tag {number} (wire type {tag})")
        if wire == _VARINT:
            payload, at = _read_varint(data, at)
            yield number, wire, payload
            continue
        if wire == _LENGTH:
            size, at = _read_varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ProtobufFault(f"proto: illegal wireType {wire}")
        if at + size > end:
            raise ProtobufFault("unexpected EOF")
        yield number, wire, data[at : at + size]
        at += size


def varint(number: int) -> bytes:
    number &= _INT64 - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def tagged(number: int, payload: bytes) -> bytes:
    return varint(number << 3 | _LENGTH) + varint(len(payload)) + payload


# --- scalars ----------------------------------------------------------------------------------------------------------


def _signed(number: Any) -> int:
    value = _whole(number)
    return value - _INT64 if value >= 1 << 63 else value


def _whole(number: Any) -> int:
    if not isinstance(number, int):
        raise ProtobufFault("proto: wrong wireType = 2 for a number")
    return number


def _octets(payload: Any) -> bytes:
    if not isinstance(payload, bytes):
        raise ProtobufFault("proto: wrong wireType = 0 for a message")
    return payload


def _text(payload: Any) -> str:
    return _octets(payload).decode("utf-8", "replace")


def _double(payload: Any) -> float:
    (number,) = struct.unpack("<d", _octets(payload))
    return float(number)


_READ_SCALAR: Mapping[str, Callable[[Any], Any]] = {
    "string": _text,
    "bool": lambda payload: _whole(payload) != 0,
    "int32": _signed,
    "int64": _signed,
    "double": _double,
    "bytes": lambda payload: base64.b64encode(_octets(payload)).decode(),
}
_WRITE_SCALAR: Mapping[str, Callable[[Any], tuple[int, bytes]]] = {
    "string": lambda value: _sized(value.encode()),
    "bool": lambda value: (_VARINT, b"\x01" if value else b"\x00"),
    "int32": lambda value: (_VARINT, varint(value)),
    "int64": lambda value: (_VARINT, varint(value)),
    "double": lambda value: (_FIXED64, struct.pack("<d", value)),
    "bytes": lambda value: _sized(base64.b64decode(value)),
}


def _sized(payload: bytes) -> tuple[int, bytes]:
    return _LENGTH, varint(len(payload)) + payload


# --- messages with a JSON form of their own ---------------------------------------------------------------------------


def read_fields(data: bytes) -> dict[int, Any]:
    return {number: payload for number, _, payload in _tokens(data)}


def _read_time(data: bytes) -> str | None:
    return _moment(data, "%Y-%m-%dT%H:%M:%SZ", 20)


def _read_micro_time(data: bytes) -> str | None:
    return _moment(data, "%Y-%m-%dT%H:%M:%S.%fZ", 27)


def _moment(data: bytes, form: str, length: int) -> str | None:
    """An empty message is Go's zero time, in JSON null. Years have four digits, even the first."""
    if not data:
        return None
    fields = read_fields(data)
    seconds, nanos = _signed(fields.get(1, 0)), _signed(fields.get(2, 0))
    try:
        return (_EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000)).strftime(form).rjust(length, "0")
    except OverflowError:
        raise ProtobufFault(f"time {seconds} is out of range") from None


def _write_time(value: str) -> bytes:
    since = datetime.fromisoformat(value) - _EPOCH
    seconds = since.days * 86400 + since.seconds
    return b"\x08" + varint(seconds) + b"\x10" + varint(since.microseconds * 1000)


def _read_quantity(data: bytes) -> str:
    return _text(read_fields(data).get(1, b"")) or "0"


def _read_int_or_string(data: bytes) -> int | str:
    fields = read_fields(data)
    return _text(fields.get(3, b"")) if fields.get(1) else _signed(fields.get(2, 0))


def _write_int_or_string(value: int | str) -> bytes:
    if isinstance(value, str):
        return b"\x08\x01\x10\x00" + tagged(3, value.encode())
    return b"\x08\x00\x10" + varint(value) + b"\x1a\x00"


def _read_raw(data: bytes) -> Any:
    """JSON text in field 1; an empty one is null."""
    raw = _octets(read_fields(data).get(1, b""))
    if not raw:
        return None
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtobufFault(f"raw value is no JSON: {error}") from None


def _write_raw(value: Any) -> bytes:
    return tagged(1, msgspec.json.encode(value))


def _read_duration(data: bytes) -> str:
    return go_duration(_signed(read_fields(data).get(1, 0)))


def go_duration(nanoseconds: int) -> str:
    """`1h2m3s`, as Go prints whole seconds; fractions follow the seconds."""
    seconds, fraction = divmod(abs(nanoseconds), 10**9)
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    head = (f"{hours}h" if hours else "") + (f"{minutes}m" if seconds >= 60 else "")
    tail = f"{seconds % 60}.{fraction:09d}".rstrip("0").rstrip(".")
    return f"{'-' if nanoseconds < 0 else ''}{head}{tail}s"


@dataclass(frozen=True, slots=True)
class _Form:
    """How one message reads and writes when its JSON form is no object."""

    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes]


_META = "k8s.io.apimachinery.pkg.apis.meta.v1"
_JSON_SCHEMA = "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1"
_RAW = _Form(_read_raw, _write_raw)


def _items_form(message: str) -> _Form:
    """A named list of strings, such as ExtraValue: a message of `items` on the wire, a bare list in JSON."""
    return _Form(
        lambda data: _message(message).read(data).get("items", []),
        lambda value: _message(message).write({"items": value}),
    )


def _union_form(name: str, read: Callable[[KubeObject], Any], write: Callable[[Any], KubeObject]) -> _Form:
    message = f"{_JSON_SCHEMA}.{name}"
    return _Form(lambda data: read(_message(message).read(data)), lambda value: _message(message).write(write(value)))


_FORMS: Mapping[str, _Form] = {
    f"{_META}.Time": _Form(_read_time, _write_time),
    f"{_META}.MicroTime": _Form(_read_micro_time, _write_time),
    f"{_META}.Duration": _Form(_read_duration, lambda value: b"\x08" + varint(duration_nanoseconds(value))),
    f"{_META}.FieldsV1": _RAW,
    "k8s.io.apimachinery.pkg.runtime.RawExtension": _RAW,
    f"{_JSON_SCHEMA}.JSON": _RAW,
    "k8s.io.apimachinery.pkg.api.resource.Quantity": _Form(
        _read_quantity, lambda value: tagged(1, str(value).encode())
    ),
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": _Form(_read_int_or_string, _write_int_or_string),
    f"{_JSON_SCHEMA}.JSONSchemaPropsOrBool": _union_form(
        "JSONSchemaPropsOrBool",
        lambda fields: fields.get("schema", bool(fields.get("allows"))),
        lambda value: {"allows": value} if isinstance(value, bool) else {"allows": True, "schema": value},
    ),
    f"{_JSON_SCHEMA}.JSONSchemaPropsOrArray": _union_form(
        "JSONSchemaPropsOrArray",
        lambda fields: fields.get("schema", fields.get("jSONSchemas", [])),
        lambda value: {"jSONSchemas": value} if isinstance(value, list) else {"schema": value},
    ),
    f"{_JSON_SCHEMA}.JSONSchemaPropsOrStringArray": _union_form(
        "JSONSchemaPropsOrStringArray",
        lambda fields: fields.get("schema", fields.get("property", [])),
        lambda value: {"property": value} if isinstance(value, list) else {"schema": value},
    ),
    **{
        name: _items_form(name)
        for name in (
            "k8s.io.api.authentication.v1.ExtraValue",
            "k8s.io.api.authentication.v1.AttestationValue",
            "k8s.io.api.authorization.v1.ExtraValue",
            "k8s.io.api.certificates.v1.ExtraValue",
            f"{_META}.Verbs",
        )
    },
}

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(h|ms|us|µs|ns|m|s)")
_UNITS = {"h": 3600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "µs": 10**3, "ns": 1}


def duration_nanoseconds(text: str) -> int:
    """`1m30s` in nanoseconds. Raises ValueError for anything Go would refuse."""
    parts = _DURATION.findall(text)
    if text == "0":
        return 0
    if not parts or "".join(a + b for a, b in parts) != text.lstrip("+-"):
        raise ValueError(f'time: invalid duration "{text}"')
    total = sum(round(float(number) * _UNITS[unit]) for number, unit in parts)
    return -total if text.startswith("-") else total


# --- messages ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of the table. `json_name` is empty for an embedded message, whose members stand in the parent."""

    number: int
    json_name: str
    type: str

    @property
    def repeated(self) -> bool:
        return self.type.startswith("[]")

    @property
    def mapped(self) -> bool:
        return self.type.startswith("map:")

    @property
    def element(self) -> str:
        return self.type.removeprefix("[]").removeprefix("map:")


class _Message:
    """Reads and writes one message type."""

    __slots__ = ("_by_number", "_fields")

    def __init__(self, table: Mapping[str, tuple[str, str]]) -> None:
        self._fields = tuple(
            _Field(int(number), name, kind) for number, (name, kind) in sorted(table.items(), key=lambda f: int(f[0]))
        )
        self._by_number = {field.number: field for field in self._fields}

    def names(self) -> frozenset[str]:
        """The JSON names of its own members and of those of its embedded messages."""
        own = {field.json_name for field in self._fields if field.json_name}
        embedded = (_message(field.type).names() for field in self._fields if not field.json_name)
        return frozenset(own.union(*embedded))

    def read(self, data: bytes) -> KubeObject:
        out: KubeObject = {}
        for number, wire, payload in _tokens(data):
            field = self._by_number.get(number)
            if field is not None:  # what a newer release added is skipped, as Go does
                self._take(out, field, wire, payload)
        return out

    def _take(self, out: KubeObject, field: _Field, wire: int, payload: Any) -> None:
        if not field.json_name:
            out.update(_message(field.type).read(_octets(payload)))
        elif field.mapped:
            entry = read_fields(_octets(payload))
            empty: Any = 0 if field.element in ("bool", "int32", "int64") else b""
            out.setdefault(field.json_name, {})[_text(entry.get(1, b""))] = _read(field.element, entry.get(2, empty))
        elif field.repeated:
            out.setdefault(field.json_name, []).extend(_read_repeated(field.element, wire, payload))
        else:
            value = _read(field.element, payload)
            if value is not None:
                out[field.json_name] = value

    def write(self, value: Mapping[str, Any]) -> bytes:
        return b"".join(self._written(value))

    def _written(self, value: Mapping[str, Any]) -> Iterator[bytes]:
        for field in self._fields:
            if not field.json_name:
                embedded = _message(field.type)
                if not embedded.names().isdisjoint(value):
                    yield tagged(field.number, embedded.write(value))
                continue
            member = value.get(field.json_name)
            if member is None:
                continue
            if field.mapped:
                for key, item in sorted(member.items()):
                    yield tagged(field.number, tagged(1, key.encode()) + _write(2, field.element, item))
            elif field.repeated:
                for item in member:
                    yield _write(field.number, field.element, item)
            else:
                yield _write(field.number, field.element, member)


def _read(kind: str, payload: Any) -> Any:
    scalar = _READ_SCALAR.get(kind)
    if scalar is not None:
        return scalar(payload)
    form = _FORMS.get(kind)
    return form.read(_octets(payload)) if form is not None else _message(kind).read(_octets(payload))


def _read_repeated(kind: str, wire: int, payload: Any) -> Iterator[Any]:
    """Numbers may come packed."""
    if wire == _LENGTH and kind in ("bool", "int32", "int64"):
        at = 0
        while at < len(payload):
            number, at = _read_varint(payload, at)
            yield _read(kind, number)
        return
    yield _read(kind, payload)


def _write(number: int, kind: str, value: Any) -> bytes:
    scalar = _WRITE_SCALAR.get(kind)
    if scalar is not None:
        wire, payload = scalar(value)
        return varint(number << 3 | wire) + payload
    form = _FORMS.get(kind)
    return tagged(number, form.write(value) if form is not None else _message(kind).write(value))


@cache
def _table() -> LazyEntries:
    return read_lazily("protobuf.json")["messages"]


@cache
def _message(name: str) -> _Message:
    return _Message(msgspec.json.decode(_table()[name], type=dict[str, tuple[str, str]]))


# --- documents --------------------------------------------------------------------------------------------------------


def _message_of(kind: GroupVersionKind) -> _Message:
    """The message of a built-in kind, or of one that belongs to no group (Status, APIVersions). Raises ProtobufFault when the kind has no protobuf form."""
    schema = schema_for(kind) if kind.version else None
    names = _guesses(kind) if schema is None else (message_name(schema.name),)
    for name in names:
        if name in _table():
            return _message(name)
    raise ProtobufFault(f"{kind.kind} of {kind.api_version} has no protobuf form")


def _guesses(kind: GroupVersionKind) -> tuple[str, ...]:
    """Kinds without a schema: those of no group, and aggregated discovery."""
    group = kind.group.partition(".")[0]
    return f"{_META}.{kind.kind}", f"k8s.io.api.{group}.{kind.version}.{kind.kind}"


def message_name(openapi_name: str) -> str:
    """`io.k8s.api.apps.v1.Deployment` -> `k8s.io.api.apps.v1.Deployment`, dashes as underscores."""
    return openapi_name.replace("io.k8s.", "k8s.io.", 1).replace("-", "_")


def read_envelope(body: bytes) -> Envelope:
    """The document's kind and its message's bytes. Raises ProtobufFault with the real server's text."""
    if not body:
        raise ProtobufFault("empty data")
    if not body.startswith(MAGIC):
        raise ProtobufFault("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    if len(body) == len(MAGIC):
        raise ProtobufFault("empty body")
    unknown = read_fields(body[len(MAGIC) :])
    meta = read_fields(_octets(unknown.get(1, b"")))
    group, _, version = _text(meta.get(1, b"")).rpartition("/")
    kind = _text(meta.get(2, b""))
    return Envelope(kind=GroupVersionKind(group, version, kind) if kind else None, raw=_octets(unknown.get(2, b"")))


def read_object(raw: bytes, kind: GroupVersionKind) -> KubeObject:
    """The message `raw` as the JSON form of `kind`; zero values that Go writes are still in it."""
    return {"kind": kind.kind, "apiVersion": kind.api_version, **_message_of(kind).read(raw)}


def write_object(obj: KubeObject) -> bytes:
    """The message of `obj`, without an envelope."""
    group, _, version = str(obj.get("apiVersion", "")).rpartition("/")
    return _message_of(GroupVersionKind(group, version, str(obj.get("kind", "")))).write(obj)


def write_envelope(obj: KubeObject) -> bytes:
    """A whole document. Raises ProtobufFault when the kind of `obj` has no protobuf form."""
    meta = tagged(1, str(obj.get("apiVersion", "")).encode()) + tagged(2, str(obj.get("kind", "")).encode())
    return MAGIC + tagged(1, meta) + tagged(2, write_object(obj)) + tagged(3, b"") + tagged(4, b"")


def watch_frame(event: str, obj: KubeObject) -> bytes:
    """One frame of a watch stream: the length in 4 bytes, then a WatchEvent whose object is a whole document."""
    message = tagged(1, event.encode()) + tagged(2, tagged(1, write_envelope(obj)))
    return struct.pack(">I", len(message)) + message
