"""Bodies to objects and objects to bodies: JSON, YAML and protobuf, with the real server's refusals.

`decode` gives the canonical object of the expected kind; `parse` gives plain values, for patches and options.
Source: k8s.io/apiserver/pkg/endpoints/handlers/rest.go, and the answers of kube-apiserver 1.37.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import msgspec

from fakekube.apiserver import protobuf
from fakekube.apiserver.gojson import parse_json
from fakekube.apiserver.goyaml import YamlFault, dump_yaml, parse_yaml
from fakekube.meta.errors import StatusError, bad_request
from fakekube.meta.gosyntax import SyntaxFault
from fakekube.meta.objects import GroupVersionKind, KubeObject
from fakekube.registry.canonical import Canonical, DecodeError, Pairs, Path, canonicalize, json_word
from fakekube.registry.crd.custom import CustomVersion
from fakekube.registry.patch import GO_ENVELOPE
from fakekube.registry.schema import is_registered, schema_for

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
DELETE_OPTIONS = GroupVersionKind("", "v1", "DeleteOptions")
MEDIA_TYPES = (JSON, YAML, PROTOBUF)

_SUMMARY_BYTES = 30
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """The canonical object, `kind` and `apiVersion` filled in, and the texts of its Warning headers.

    `emptied`: where the body held lists and maps with nothing in them, which the object does not keep.
    """

    object: KubeObject
    warnings: tuple[str, ...] = ()
    emptied: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A body as plain values. Objects with repeated names may come as `Pairs`; `duplicates` are YAML's repeated keys."""

    value: Any
    duplicates: tuple[str, ...] = ()


def media_type(content_type: str) -> str:
    """`application/json; charset=utf-8` -> `application/json`; no content type at all means JSON."""
    return content_type.partition(";")[0].strip().lower() or JSON


def unsupported_media_type(accepted: Sequence[str] = MEDIA_TYPES) -> StatusError:
    """415 of a body; that of a patch of a built-in kind reads otherwise."""
    return StatusError(
        code=415,
        reason="UnsupportedMediaType",
        message=f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}",
    )


def decode(body: bytes, content_type: str, expected: GroupVersionKind, *, field_validation: str = "Warn") -> Decoded:
    """The body as an object of the kind `expected`.

    `field_validation` is Ignore, Warn or Strict: what becomes of unknown and repeated fields.
    Raises StatusError: 415 for a media type nobody reads, 400 for everything that is wrong with the body.
    """
    kind = media_type(content_type)
    if kind == PROTOBUF:
        return Decoded(object=_from_protobuf(body, expected))
    parsed = _parsed(body, kind, expected)
    actual = _read_as(_kind_of(parsed.value, body, expected), expected)
    canonical = _canonical(parsed.value or {}, actual, expected)
    _check_kind(actual, expected)
    strange = (*_yaml_fault(parsed.duplicates), *canonical.strict_errors)
    if strange and field_validation == "Strict":
        raise cannot_handle(actual, expected, f"strict decoding error: {', '.join(strange)}")
    warnings = strange if field_validation != "Ignore" else ()
    return Decoded(object=canonical.object, warnings=warnings, emptied=canonical.emptied)


def decode_custom(
    body: bytes, content_type: str, expected: GroupVersionKind, custom: CustomVersion, *, field_validation: str = "Warn"
) -> Decoded:
    """The body as a custom resource, pruned and defaulted. Of what kind it is, validation asks.

    Raises StatusError as `decode` does; custom resources have no protobuf form, though the refusal names it.
    """
    kind = media_type(content_type)
    if kind not in (JSON, YAML):
        raise unsupported_media_type()
    parsed = _parsed(body, kind, expected)
    value = _with_envelope(parsed.value, body, expected)
    try:
        coerced = custom.coerced(value)
    except DecodeError as error:
        raise cannot_handle(expected, expected, str(error)) from None
    _check_version(str(value["apiVersion"]), expected)
    strange = (*_yaml_fault(parsed.duplicates), *coerced.strict_errors)
    if strange and field_validation == "Strict":
        raise cannot_handle(expected, expected, f"strict decoding error: {', '.join(strange)}")
    return Decoded(object=coerced.object, warnings=strange if field_validation != "Ignore" else ())


def _with_envelope(value: Any, body: bytes, expected: GroupVersionKind) -> KubeObject:
    """A custom resource says what it is: nothing is filled in but an apiVersion that is not there at all."""
    actual = _kind_of(value, body, expected)
    if not isinstance(value, dict) or not value.get("kind"):
        raise _unrecognized(f"Object 'Kind' is missing in '{body.decode('utf-8', 'replace')}'", body, expected)
    if value.get("apiVersion", "") is None:
        why = ".apiVersion accessor error: <nil> is of the type <nil>, expected string"
        raise cannot_handle(GroupVersionKind("", "", actual.kind), expected, why)
    if value.get("apiVersion") == "":
        _check_version("", expected)
    return {**value, "apiVersion": actual.api_version}


def parse(body: bytes, content_type: str) -> Parsed:
    """The body as plain values. Raises SyntaxFault or YamlFault with Go's text, StatusError 415 for other media types."""
    match media_type(content_type):
        case "application/yaml" | "application/apply-patch+yaml":
            value, repeated = parse_yaml(body)
            return Parsed(value=value, duplicates=tuple(repeated))
        case other if other.endswith("json"):
            return Parsed(value=parse_json(body))
        case _:
            raise unsupported_media_type()


def _yaml_fault(duplicates: tuple[str, ...]) -> tuple[str, ...]:
    """Repeated keys of a YAML body are one error of several lines."""
    return ("\n  ".join(("yaml: unmarshal errors:", *duplicates)),) if duplicates else ()


def _parsed(body: bytes, kind: str, expected: GroupVersionKind) -> Parsed:
    if kind not in (JSON, YAML):
        raise unsupported_media_type()
    try:
        return parse(body, kind)
    except SyntaxFault as fault:
        raise _unrecognized(f"couldn't get version/kind; json parse error: {fault}", body, expected) from None
    except YamlFault as fault:
        raise _unrecognized(str(fault), body, expected) from None


def _kind_of(value: Any, body: bytes, expected: GroupVersionKind) -> GroupVersionKind:
    """The kind the body claims, what it leaves out filled in from the path."""
    if value is None:
        return expected
    if not isinstance(value, dict):
        raise _no_envelope(f"{json_word(value)} into Go value of type {GO_ENVELOPE}", body, expected)
    for name in ("apiVersion", "kind"):
        member = value.get(name)
        if member is not None and not isinstance(member, str):
            raise _no_envelope(f"{json_word(member)} into Go struct field .{name} of type string", body, expected)
    api_version, kind = value.get("apiVersion") or "", value.get("kind") or ""
    if api_version.count("/") > 1:
        raise _unrecognized(f"unexpected GroupVersion string: {api_version}", body, expected)
    group, _, version = api_version.rpartition("/")
    if not api_version or (not version and group == expected.group):
        group, version = expected.group, expected.version
    return GroupVersionKind(group, version, kind or expected.kind)


def _read_as(actual: GroupVersionKind, expected: GroupVersionKind) -> GroupVersionKind:
    """DeleteOptions are in every group and version, and nothing else is taken for them."""
    if expected != DELETE_OPTIONS:
        return actual
    if actual.kind != expected.kind:
        raise bad_request(unregistered(actual))
    return expected


def _no_envelope(what: str, body: bytes, expected: GroupVersionKind) -> StatusError:
    text = f"couldn't get version/kind; json parse error: json: cannot unmarshal {what}"
    return _unrecognized(text, body, expected)


def _unrecognized(why: str, body: bytes, expected: GroupVersionKind) -> StatusError:
    if expected == DELETE_OPTIONS:
        return bad_request(why)  # what is wrong with options is told as it is
    return bad_request(
        f"the object provided is unrecognized (must be of type {expected.kind}): {why} ({_summary(body)})"
    )


def _summary(body: bytes) -> str:
    """The first 30 bytes: as text when they begin an object, else in hex."""
    if not body:
        return "<empty>"
    head = body[:_SUMMARY_BYTES]
    text = head.decode("utf-8", "replace") if body[:1] == b"{" else head.hex()
    return f"{text} ..." if len(body) > _SUMMARY_BYTES else text


def _canonical(value: KubeObject, actual: GroupVersionKind, expected: GroupVersionKind) -> Canonical:
    if schema_for(actual) is None:
        _check_registered(actual, expected)
    try:
        canonical = canonicalize(_with_kind(value, actual), actual)
    except DecodeError as error:
        raise cannot_handle(actual, expected, str(error)) from None
    return canonical


def _with_kind(value: KubeObject, kind: GroupVersionKind) -> KubeObject:
    if value.get("kind") and value.get("apiVersion"):
        return value
    filled = {"kind": kind.kind, "apiVersion": kind.api_version}
    missing = [(name, text) for name, text in filled.items() if not value.get(name)]
    return Pairs([*value.items(), *missing]) if isinstance(value, Pairs) else {**value, **dict(missing)}


def _check_registered(actual: GroupVersionKind, expected: GroupVersionKind) -> NoReturn:
    """The body's kind is not served: the server has never heard of it, or knows it and wants another."""
    if is_registered(actual):
        _check_kind(actual, expected)
    raise cannot_handle(actual, expected, unregistered(actual))


def unregistered(kind: GroupVersionKind) -> str:
    """What is said of a kind that the server has never heard of."""
    return f'no kind "{kind.kind}" is registered for version "{kind.api_version}" in scheme "pkg/runtime/scheme.go:111"'


def cannot_handle(actual: GroupVersionKind, expected: GroupVersionKind, why: str) -> StatusError:
    """400: the body is of a known form, but not what the path wants."""
    if expected == DELETE_OPTIONS:
        return bad_request(why)
    return bad_request(f'{actual.kind} in version "{actual.version}" cannot be handled as a {expected.kind}: {why}')


def _check_kind(actual: GroupVersionKind, expected: GroupVersionKind) -> None:
    """Another version of the same kind, or another kind."""
    if actual == expected:
        return
    if actual.kind == expected.kind:
        _check_version(actual.api_version, expected)
    internal = expected.group.partition(".")[0] or "core"
    why = f"converting ({actual.version}.{actual.kind}) to ({internal}.{expected.kind}): unknown conversion"
    raise cannot_handle(actual, expected, why)


def _check_version(api_version: str, expected: GroupVersionKind) -> None:
    if api_version != expected.api_version:
        raise bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version "
            f"({expected.api_version})"
        )


def _from_protobuf(body: bytes, expected: GroupVersionKind) -> KubeObject:
    try:
        envelope = protobuf.read_envelope(body)
    except protobuf.ProtobufFault as fault:
        raise _unrecognized(str(fault), body, expected) from None
    actual = _read_as(envelope.kind or expected, expected)
    if schema_for(actual) is None:
        _check_registered(actual, expected)
    try:
        value = protobuf.read_object(envelope.raw, actual)
    except protobuf.ProtobufFault as fault:
        raise cannot_handle(actual, expected, str(fault)) from None
    obj = _canonical(value, actual, expected).object
    _check_kind(actual, expected)
    return obj


def encode_json(value: Any) -> bytes:
    """Compact JSON with the line break the real server ends with."""
    return _ENCODER.encode(value) + b"\n"


def encode(obj: KubeObject, accepted: str) -> bytes:
    """`obj` in the media type `accepted` (application/json, application/yaml, application/vnd.kubernetes.protobuf)."""
    match accepted:
        case "application/yaml":
            return dump_yaml(obj)
        case "application/vnd.kubernetes.protobuf":
            return protobuf.write_envelope(obj)
        case _:
            return encode_json(obj)
