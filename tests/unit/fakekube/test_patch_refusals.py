"""Patches over the API: what is refused, in which words, and what is only warned of."""

from __future__ import annotations

import pytest

from tests.unit.fakekube.sites import CONFIG_MAPS, Site, config_map

X = f"{CONFIG_MAPS}/x"


@pytest.fixture
def one(bare: Site) -> Site:
    bare.post(CONFIG_MAPS, config_map("x", a="1"))
    return bare


def test_a_media_type_that_is_no_patch_is_a_415(one: Site) -> None:
    refused = one.ask("PATCH", X, {}, content_type="application/json")
    assert (refused.status, refused.message) == (415, "415: Unsupported Media Type")
    assert refused.json["details"] == {}


def test_a_result_that_is_no_object_of_its_kind_is_shown(one: Site) -> None:
    refused = one.patch(X, {"data": {"a": 5}})
    assert refused.status == 422
    assert refused.message.startswith(' "" is invalid: patch: Invalid value: "{\\"apiVersion\\":\\"v1\\",\\"data\\":{')
    assert refused.message.endswith("json: cannot unmarshal number into Go struct field ConfigMap.data of type string")


def test_a_patch_cannot_make_another_kind(one: Site) -> None:
    refused = one.patch(X, {"kind": "Pod"})
    assert refused.message.endswith("converting (v1.Pod) to (core.ConfigMap): unknown conversion")
    # the result is first read as what it says it is
    assert one.patch(X, {"kind": "Secret"}).message.endswith("illegal base64 data at input byte 0")
    unknown = 'no kind "Bogus" is registered for version "v1" in scheme "pkg/runtime/scheme.go:111"'
    assert one.patch(X, {"kind": "Bogus"}).message.endswith(unknown)
    assert one.patch(X, {"kind": "Secret"}, "strategic-merge-patch+json").status == 200


def test_a_patch_cannot_rename(one: Site) -> None:
    refused = one.patch(X, {"metadata": {"name": "y"}})
    assert (refused.status, refused.message) == (
        400,
        "the name of the object (y) does not match the name on the URL (x)",
    )


def test_unknown_fields_are_warned_of_or_refused(one: Site) -> None:
    patch = {"bar": 1, "metadata": {"foo": 1}}
    assert one.patch(X, patch).headers["Warning"] == '299 - "unknown field \\"metadata.foo\\""'
    assert "Warning" not in one.patch(X, patch, query="fieldValidation=Ignore").headers
    refused = one.patch(X, patch, query="fieldValidation=Strict")
    assert refused.status == 422
    assert refused.message.endswith('strict decoding error: unknown field "bar", unknown field "metadata.foo"')


def test_names_that_repeat_are_found_in_the_patch(one: Site) -> None:
    answer = one.ask("PATCH", X, b'{"data":{"a":"1","a":"2"}}', content_type="application/merge-patch+json")
    assert answer.headers["Warning"] == '299 - "duplicate field \\"data.a\\""'
    assert answer.json["data"] == {"a": "2"}


def test_only_apply_may_force(one: Site) -> None:
    refused = one.patch(X, {}, query="force=true")
    assert refused.message == (
        'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch'
    )


def test_a_patch_that_changes_nothing_keeps_the_version(one: Site) -> None:
    before = one.get(X).json
    assert one.patch(X, {"data": {"a": "1"}}).json == before


def test_a_patch_on_an_old_version_is_a_409(one: Site) -> None:
    refused = one.patch(X, {"metadata": {"resourceVersion": "1"}})
    assert (refused.status, refused.json["reason"]) == (409, "Conflict")


def test_an_empty_list_of_managed_fields_forgets_them(one: Site) -> None:
    assert "managedFields" in one.get(X).json["metadata"]
    assert "managedFields" not in one.patch(X, {"metadata": {"managedFields": []}}).json["metadata"]
