"""What a round trip through a Go struct does to an object."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fakekube.meta.objects import GroupVersionKind, KubeObject, group_of
from fakekube.registry.canonical import DecodeError, canonicalize

DEFAULTS = Path(__file__).parents[2] / "recordings" / "defaults-1.37.json"
CONFIG_MAP = GroupVersionKind("", "v1", "ConfigMap")
POD = GroupVersionKind("", "v1", "Pod")
# placeholders of the recording, as values of the right type
PLACEHOLDERS = {"@TIME": "2026-01-01T00:00:00Z", "@UID": "0", "@CSR": "QUJD", "@CSRDER": "QUJD", "@CA": "QUJD"}


@cache
def stored_objects() -> dict[str, Any]:
    text = DEFAULTS.read_text()
    text = re.sub(r'"@PORT"', "30000", text)
    for placeholder, value in sorted(PLACEHOLDERS.items(), reverse=True):
        text = text.replace(f'"{placeholder}"', f'"{value}"')
    return {name: case["got"] for name, case in json.loads(text)["cases"].items() if case["got"]["kind"] != "Status"}


def kind_of(obj: KubeObject) -> GroupVersionKind:
    return GroupVersionKind(*group_of(obj["apiVersion"]), obj["kind"])


def test_what_the_real_server_answered_is_canonical_already() -> None:
    changed = [name for name, obj in stored_objects().items() if canonicalize(obj, kind_of(obj)).object != obj]
    assert len(stored_objects()) > 280
    assert changed == []


def test_zero_values_vanish_unless_they_stand_behind_a_pointer() -> None:
    given = {"kind": "Pod", "metadata": {"name": "a", "labels": {}}, "spec": {"hostNetwork": False, "priority": 0}}
    spec = canonicalize(given, POD).object["spec"]
    assert "hostNetwork" not in spec
    assert spec["priority"] == 0


def test_fields_without_omitempty_appear() -> None:
    obj = canonicalize({"kind": "Pod", "spec": {"containers": [{"name": "c"}]}}, POD).object
    assert obj["spec"]["containers"] == [{"name": "c", "resources": {}}]
    assert obj["status"] == {}


def test_members_take_the_order_of_the_go_struct() -> None:
    obj = canonicalize(
        {"data": {"a": "b"}, "metadata": {"uid": "1", "name": "x"}, "apiVersion": "v1", "kind": "ConfigMap"}, CONFIG_MAP
    ).object
    assert list(obj) == ["kind", "apiVersion", "metadata", "data"]
    assert list(obj["metadata"]) == ["name", "uid"]


def test_unknown_fields_go_and_are_named_in_the_order_of_the_body() -> None:
    canonical = canonicalize({"spec": {"containers": [{"name": "c", "imge": "x"}]}, "metadata": {"q": 1}}, POD)
    assert canonical.strict_errors == ('unknown field "spec.containers[0].imge"', 'unknown field "metadata.q"')
    assert canonical.object["spec"]["containers"][0] == {"name": "c", "resources": {}}


def test_null_leaves_a_field_unset_and_an_element_empty() -> None:
    obj = canonicalize({"metadata": {"labels": None}, "data": {"a": None}}, CONFIG_MAP).object
    assert obj["metadata"] == {}
    assert obj["data"] == {"a": ""}


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"priority": "1"}, "json: cannot unmarshal string into Go struct field PodSpec.spec.priority of type int32"),
        (
            {"priority": 1.5},
            "json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.priority of type int32",
        ),
        (
            {"restartPolicy": 1},
            "json: cannot unmarshal number into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy",
        ),
        (
            {"containers": {}},
            "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (
            {"containers": [{"livenessProbe": {"httpGet": {"port": True}}}]},
            "json: cannot unmarshal bool into Go struct field HTTPGetAction.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32",
        ),
        (
            {"nodeSelector": {"a": 1}},
            "json: cannot unmarshal number into Go struct field PodSpec.spec.nodeSelector of type string",
        ),
    ],
)
def test_wrong_types_are_refused_in_gos_words(spec: KubeObject, text: str) -> None:
    with pytest.raises(DecodeError) as refused:
        canonicalize({"kind": "Pod", "spec": spec}, POD)
    assert str(refused.value) == text


def test_the_first_wrong_type_is_told_unless_a_later_value_refuses_itself() -> None:
    wrong = {"metadata": {"name": 1}, "spec": {"priority": "x"}}
    with pytest.raises(DecodeError, match=r"ObjectMeta\.metadata\.name"):
        canonicalize(wrong, POD)
    with pytest.raises(DecodeError, match=r"^quantities must match"):
        canonicalize({**wrong, "spec": {"overhead": {"cpu": "abc"}}}, POD)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2026-01-02T03:04:05.9Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z"),
    ],
)
def test_times_are_kept_in_whole_seconds_of_utc(written: str, kept: str) -> None:
    obj = canonicalize({"metadata": {"creationTimestamp": written}}, CONFIG_MAP).object
    assert obj["metadata"]["creationTimestamp"] == kept


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("x", 'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"'),
        ("2026-01-02T03:04:05Zx", 'parsing time "2026-01-02T03:04:05Zx": extra text: "x"'),
        ("2026-13-02T03:04:05Z", 'parsing time "2026-13-02T03:04:05Z": month out of range'),
    ],
)
def test_bad_times_are_refused_in_gos_words(written: str, text: str) -> None:
    with pytest.raises(DecodeError) as refused:
        canonicalize({"metadata": {"creationTimestamp": written}}, CONFIG_MAP)
    assert str(refused.value) == text


@pytest.mark.parametrize(("text", "offset"), [("!!!", 0), ("eA=", 3), ("Yg==x", 4), ("YQ=x", 3)])
def test_bad_base64_names_the_byte(text: str, offset: int) -> None:
    secret = GroupVersionKind("", "v1", "Secret")
    with pytest.raises(DecodeError, match=f"illegal base64 data at input byte {offset}$"):
        canonicalize({"data": {"a": text}}, secret)


def test_canonical_is_a_fixed_point() -> None:
    for obj in stored_objects().values():
        once = canonicalize(obj, kind_of(obj)).object
        assert list(canonicalize(once, kind_of(obj)).object) == list(once)
