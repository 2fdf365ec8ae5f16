"""Protobuf both ways, on vectors recorded from kube-apiserver 1.37.2 and client-go 0.37.2."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fakekube.apiserver import protobuf
from fakekube.apiserver.protobuf import ProtobufFault
from fakekube.meta.objects import GroupVersionKind, KubeObject
from fakekube.registry.canonical import canonicalize
from fakekube.registry.schema import schema_for

VECTORS = Path(__file__).parents[2] / "recordings" / "protobuf-1.37.json"


@cache
def vectors() -> dict[str, Any]:
    samples = json.loads(VECTORS.read_text())["samples"]
    return {name: sample for name, sample in samples.items() if "pb" in sample}


def canonical(obj: KubeObject, kind: GroupVersionKind) -> KubeObject:
    """The object as it is stored; kinds without a schema (partial metadata) have their zero values dropped by hand."""
    if kind.version and schema_for(kind) is not None:
        return canonicalize({**obj, "kind": kind.kind, "apiVersion": kind.api_version}, kind).object
    bare: KubeObject = without_zeros({**obj, "kind": kind.kind, "apiVersion": kind.api_version})
    return bare


def without_zeros(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: without_zeros(member) for name, member in value.items()}
        return {name: member for name, member in kept.items() if member not in (None, "", 0, False, [], {})}
    return [without_zeros(item) for item in value] if isinstance(value, list) else value


def embedded_kinds_removed(obj: KubeObject) -> KubeObject:
    """protobuf drops apiVersion and kind of volumeClaimTemplates and of list items, as the real server's does."""
    if "items" in obj:
        return {**obj, "items": [{k: v for k, v in i.items() if k not in ("kind", "apiVersion")} for i in obj["items"]]}
    claims = obj.get("spec", {}).get("volumeClaimTemplates")
    if not claims:
        return obj
    bare = [{k: v for k, v in claim.items() if k not in ("kind", "apiVersion")} for claim in claims]
    return {**obj, "spec": {**obj["spec"], "volumeClaimTemplates": bare}}


@pytest.mark.parametrize("area", ["object", "request", "list", "status", "discovery", "partial"])
def test_recorded_documents_read_as_the_json_of_the_same_object(area: str) -> None:
    names = [name for name in vectors() if name.startswith(f"{area}/")]
    wrong = [name for name in names if read(name) != expected(name)]
    assert names
    assert not wrong, f"{len(names) - len(wrong)}/{len(names)} equal"


@pytest.mark.parametrize("area", ["object", "request", "list", "status", "partial"])
def test_written_documents_read_back_as_the_same_object(area: str) -> None:
    names = [name for name in vectors() if name.startswith(f"{area}/")]
    wrong = [name for name in names if read_bytes(protobuf.write_envelope(read(name))) != read(name)]
    assert not wrong, f"{len(names) - len(wrong)}/{len(names)} equal"


def read(name: str) -> KubeObject:
    return read_bytes(base64.b64decode(vectors()[name]["pb"]))


def read_bytes(body: bytes) -> KubeObject:
    envelope = protobuf.read_envelope(body)
    assert envelope.kind is not None
    return canonical(protobuf.read_object(envelope.raw, envelope.kind), envelope.kind)


def expected(name: str) -> KubeObject:
    kind = protobuf.read_envelope(base64.b64decode(vectors()[name]["pb"])).kind
    assert kind is not None
    return canonical(embedded_kinds_removed(vectors()[name]["json"]), kind)


def test_a_watch_frame_is_the_length_and_an_event_around_a_whole_document() -> None:
    samples = json.loads(VECTORS.read_text())["samples"]
    stream = base64.b64decode(samples["watch/configmaps"]["stream"])
    size = int.from_bytes(stream[:4], "big")
    frame = stream[: 4 + size]
    document = protobuf.read_envelope(frame[frame.index(protobuf.MAGIC) :])
    assert document.kind == GroupVersionKind("", "v1", "ConfigMap")
    again = protobuf.watch_frame("ADDED", protobuf.read_object(document.raw, document.kind))
    assert int.from_bytes(again[:4], "big") == len(again) - 4
    assert protobuf.read_envelope(again[again.index(protobuf.MAGIC) :]).kind == document.kind


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "empty data"),
        (b"nope", "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"),
        (b"k8s\x00", "empty body"),
        (b"k8s\x00\xff\xff\xff", "unexpected EOF"),
    ],
)
def test_broken_documents_are_refused_in_the_real_servers_words(body: bytes, text: str) -> None:
    with pytest.raises(ProtobufFault, match="^" + text.replace("[", r"\[").replace("]", r"\]") + "$"):
        protobuf.read_envelope(body)


def test_every_truncation_of_a_document_is_refused_or_read_and_never_crashes() -> None:
    body = base64.b64decode(vectors()["request/pods/min"]["pb"]) if "request/pods/min" in vectors() else protobuf.MAGIC
    for size in range(len(body)):
        try:
            envelope = protobuf.read_envelope(body[:size])
            protobuf.read_object(envelope.raw, GroupVersionKind("", "v1", "Pod"))
        except ProtobufFault:
            continue


@pytest.mark.parametrize(
    ("nanoseconds", "text"), [(0, "0s"), (90 * 10**9, "1m30s"), (3_600 * 10**9, "1h0m0s"), (1_500_000_000, "1.5s")]
)
def test_durations_print_as_go_prints_them(nanoseconds: int, text: str) -> None:
    assert protobuf.go_duration(nanoseconds) == text
    assert protobuf.duration_nanoseconds(text) == nanoseconds
