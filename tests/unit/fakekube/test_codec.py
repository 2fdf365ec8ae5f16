"""Bodies: what is read, what is refused, and in which words (recorded from kube-apiserver 1.37.2)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakekube.apiserver.codec import JSON, PROTOBUF, YAML, decode, encode
from fakekube.apiserver.gojson import parse_json
from fakekube.apiserver.goyaml import parse_yaml
from fakekube.meta.errors import StatusError
from fakekube.meta.gosyntax import SyntaxFault, syntax_fault
from fakekube.meta.objects import GroupVersionKind

CONFIG_MAP = GroupVersionKind("", "v1", "ConfigMap")
DEPLOYMENT = GroupVersionKind("apps", "v1", "Deployment")
UNRECOGNIZED = "the object provided is unrecognized (must be of type ConfigMap): "
NO_KIND = f"{UNRECOGNIZED}couldn't get version/kind; json parse error: "


def refusal(
    body: bytes, content_type: str = JSON, kind: GroupVersionKind = CONFIG_MAP, validation: str = "Warn"
) -> StatusError:
    with pytest.raises(StatusError) as refused:
        decode(body, content_type, kind, field_validation=validation)
    return refused.value


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", f"{NO_KIND}unexpected end of JSON input (<empty>)"),
        (b" ", f"{NO_KIND}unexpected end of JSON input (20)"),
        (b'{"a":', f'{NO_KIND}unexpected end of JSON input ({{"a":)'),
        (b"not json", f"{NO_KIND}invalid character 'o' in literal null (expecting 'u') (6e6f74206a736f6e)"),
        (b"\x00", f"{NO_KIND}invalid character '\\x00' looking for beginning of value (00)"),
        (b"\xef\xbb\xbf{}", f"{NO_KIND}invalid character 'ï' looking for beginning of value (efbbbf7b7d)"),
        (
            b'{"apiVersion":1,"kind":"ConfigMap"}',
            f'{NO_KIND}json: cannot unmarshal number into Go struct field .apiVersion of type string ({{"apiVersion":1,"kind":"Config ...)',
        ),
        (b'{"apiVersion":"a/b/c"}', f'{UNRECOGNIZED}unexpected GroupVersion string: a/b/c ({{"apiVersion":"a/b/c"}})'),
        (
            b'{"apiVersion":"v1","kind":"Secret"}',
            'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion',
        ),
        (
            b'{"apiVersion":"v2","kind":"ConfigMap"}',
            'ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "v2" in scheme "pkg/runtime/scheme.go:111"',
        ),
    ],
)
def test_bodies_that_are_no_config_map(body: bytes, text: str) -> None:
    error = refusal(body)
    assert (error.code, error.reason) == (400, "BadRequest")
    assert error.message == text


def test_another_version_of_the_same_kind_is_named() -> None:
    error = refusal(b'{"apiVersion":"apps/v1beta1","kind":"Deployment"}', kind=DEPLOYMENT)
    assert (
        error.message == "the API version in the data (apps/v1beta1) does not match the expected API version (apps/v1)"
    )


def test_missing_kind_and_version_come_from_the_path() -> None:
    obj = decode(b'{"metadata":{"name":"x"}}', JSON, CONFIG_MAP).object
    assert obj == {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "x"}}
    assert decode(b"null", JSON, CONFIG_MAP).object["kind"] == "ConfigMap"


def test_unknown_and_repeated_fields_warn_refuse_or_pass() -> None:
    body = (
        b'{"kind":"ConfigMap","kind":"ConfigMap","metadata":{"name":"y","name":"x","q":1},'
        b'"data":{"a":"b","a":"c"},"data":{"z":"1"}}'
    )
    texts = (
        'duplicate field "kind"',
        'duplicate field "metadata.name"',
        'unknown field "metadata.q"',
        'duplicate field "data.a"',
        'duplicate field "data"',
    )
    decoded = decode(body, JSON, CONFIG_MAP)
    assert decoded.warnings == texts
    assert decoded.object["data"] == {"a": "c", "z": "1"}
    assert decode(body, JSON, CONFIG_MAP, field_validation="Ignore").warnings == ()
    strict = refusal(body, validation="Strict").message
    assert (
        strict
        == f'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: {", ".join(texts)}'
    )


def test_member_names_are_case_sensitive() -> None:
    assert decode(b'{"Data":{"a":"b"}}', JSON, CONFIG_MAP).warnings == ('unknown field "Data"',)


@pytest.mark.parametrize(
    "content_type", ["application/xml", "text/plain", "application/merge-patch+json", "application/cbor"]
)
def test_other_media_types_are_415(content_type: str) -> None:
    error = refusal(b"{}", content_type)
    assert (error.code, error.details) == (415, None)
    assert error.message.startswith("the body of the request was in an unknown format")


def test_yaml_is_yaml_1_1_and_its_first_document_counts() -> None:
    decoded = decode(b"metadata: {name: a}\nimmutable: yes\n---\nmetadata: {name: b}\n", YAML, CONFIG_MAP)
    assert decoded.object["metadata"] == {"name": "a"}
    assert decoded.object["immutable"] is True


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"a: [b\n", f"{UNRECOGNIZED}yaml: line 1: did not find expected ',' or ']' (613a205b620a)"),
        (
            b"data: {a: 1}",
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
        ),
    ],
)
def test_bad_yaml_is_refused_in_the_real_servers_words(body: bytes, text: str) -> None:
    assert refusal(body, YAML).message == text


def test_repeated_keys_of_yaml_are_one_strict_error() -> None:
    error = refusal(b'metadata: {name: q}\ndata:\n  a: "1"\n  a: "2"\n', YAML, validation="Strict")
    assert error.message.endswith(
        'strict decoding error: yaml: unmarshal errors:\n  line 4: key "a" already set in map'
    )


def test_protobuf_of_another_kind_is_refused() -> None:
    body = encode({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "n"}}, PROTOBUF)
    assert refusal(body, PROTOBUF).message.endswith("converting (v1.Namespace) to (core.ConfigMap): unknown conversion")


def test_protobuf_of_the_kind_is_read() -> None:
    obj = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "n"}, "data": {"a": "b"}}
    assert decode(encode(obj, PROTOBUF), PROTOBUF, CONFIG_MAP).object == obj


def test_invalid_utf_8_becomes_the_replacement_character() -> None:
    assert decode(b'{"data":{"a":"x\xffy"}}', JSON, CONFIG_MAP).object["data"] == {"a": "x\ufffdy"}


def test_deep_nesting_is_refused_and_does_not_crash() -> None:
    deep = b'{"metadata":{"annotations":' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
    assert "exceeded max depth" in refusal(deep).message


def test_yaml_answers_are_sorted_blocks_with_what_reads_otherwise_in_quotes() -> None:
    obj = {"kind": "ConfigMap", "apiVersion": "v1", "data": {"b": "x\n", "a": "1", "y": "on"}, "metadata": {}}
    assert encode(obj, YAML).decode() == (
        'apiVersion: v1\ndata:\n  a: "1"\n  b: |\n    x\n  "y": "on"\nkind: ConfigMap\nmetadata: {}\n'
    )


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON_VALUES, st.sampled_from([None, 2]), st.booleans())
def test_every_json_text_is_read_as_python_reads_it(value: object, indent: int | None, ascii_only: bool) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert syntax_fault(body) is None
    assert parse_json(body) == value


@settings(deadline=None)
@given(st.binary(max_size=24))
def test_a_text_is_read_or_refused_with_a_reason(body: bytes) -> None:
    fault = syntax_fault(body)
    if fault is None:
        parse_json(body)
        return
    with pytest.raises(SyntaxFault) as refused:
        parse_json(body)
    assert str(refused.value) == fault


@settings(deadline=None)
@given(st.text(alphabet='{}[]":,0a\\u1e. -', max_size=16))
def test_what_the_scanner_accepts_python_accepts(text: str) -> None:
    try:
        json.loads(text)
        sound = True
    except ValueError:
        sound = False
    assert (syntax_fault(text.encode()) is None) == sound


@pytest.mark.parametrize("digits", [310, 5_000])
def test_a_number_that_nothing_can_hold_is_text_in_yaml(digits: int) -> None:
    text = "9" * digits
    assert parse_yaml(f"a: {text}\nb: 1e999\n".encode())[0] == {"a": text, "b": "1e999"}
    assert parse_yaml(b"a: " + b"9" * 100)[0] == {"a": 1e100}


@pytest.mark.parametrize(
    ("octets", "told"),
    [([{}], "object into Go struct field ConfigMap.binaryData of type uint8"), ([300], "number 300 into")],
)
def test_bytes_as_a_list_are_told_by_their_first_fault(octets: list[object], told: str) -> None:
    body = json.dumps({"binaryData": {"x": octets}}).encode()
    with pytest.raises(StatusError, match=told):
        decode(body, "application/json", GroupVersionKind("", "v1", "ConfigMap"))


def test_bytes_may_come_as_a_list() -> None:
    decoded = decode(b'{"binaryData":{"x":[1,null]}}', "application/json", GroupVersionKind("", "v1", "ConfigMap"))
    assert decoded.object["binaryData"] == {"x": "AQA="}
