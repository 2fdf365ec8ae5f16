"""The Namespace in protobuf: what kubectl sends is read, anything else is refused, nothing else is raised."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.agent.manifest import BadManifest, read_manifest
from collab.agent.protobuf import MAGIC, BadProtobuf, read_namespace


def field(number: int, value: bytes | str) -> bytes:
    """A length-delimited field, as long as its length fits one byte."""
    data = value.encode() if isinstance(value, str) else value
    assert len(data) < 128
    return bytes([number << 3 | 2, len(data)]) + data


def unknown(api_version: str, kind: str, raw: bytes) -> bytes:
    return MAGIC + field(1, field(1, api_version) + field(2, kind)) + field(2, raw) + field(3, "") + field(4, "")


def entry(key: str, value: str) -> bytes:
    return field(1, key) + field(2, value)


META = (
    field(1, "team")
    + field(2, "")
    + field(11, entry("k", "v"))
    + field(11, entry("l", ""))
    + field(12, entry("a", "b"))
)
NAMESPACE = unknown("v1", "Namespace", field(1, META) + field(2, b"") + field(3, field(1, "")))


def test_name_labels_and_annotations_are_read() -> None:
    assert read_namespace(NAMESPACE) == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "team", "labels": {"k": "v", "l": ""}, "annotations": {"a": "b"}},
    }


def test_fields_of_other_types_are_passed_over() -> None:
    varint, fixed32, fixed64 = b"\x38\xac\x02", b"\x3d" + bytes(4), b"\x39" + bytes(8)
    data = unknown("v1", "Namespace", field(1, varint + field(1, "team") + fixed32 + fixed64))
    assert read_namespace(data)["metadata"] == {"name": "team"}


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        MAGIC,
        unknown("v1", "ConfigMap", b""),
        NAMESPACE[:-30],
        MAGIC + b"\xff" * 12,
        MAGIC + b"\x0b",
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(BadProtobuf):
        read_namespace(data)


def test_another_kind_in_protobuf_is_unsupported_media() -> None:
    with pytest.raises(BadManifest, match="send JSON") as raised:
        read_manifest(unknown("v1", "ConfigMap", b""), "application/vnd.kubernetes.protobuf")
    assert raised.value.code == 415


@given(st.binary(max_size=200), st.booleans(), st.sampled_from(["application/json", "application/yaml", ""]))
def test_any_body_is_an_object_or_refused(data: bytes, with_magic: bool, content_type: str) -> None:
    try:
        manifest = read_manifest(MAGIC + data if with_magic else data, content_type)
    except BadManifest as refused:
        assert refused.code in (400, 415)  # noqa: PT017  # both outcomes are right
    else:
        assert manifest["metadata"]["name"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"metadata":{"name":"x"}}', "application/json"),
        (b"metadata: {name: x}", "application/yaml"),
        (b'{"metadata":{"name":"x"}}', ""),
    ],
)
def test_json_and_yaml_are_read(body: bytes, content_type: str) -> None:
    assert read_manifest(body, content_type) == {"metadata": {"name": "x"}}


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"metadata":1}', b'{"metadata":{"generateName":"x-"}}', b"{"])
def test_a_body_without_a_named_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadManifest):
        read_manifest(body, "application/json")
