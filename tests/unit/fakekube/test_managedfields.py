"""managedFields as the real server keeps them: recorded field sets, and the life of entries over writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fakekube.meta.errors import StatusError
from fakekube.meta.objects import GroupVersionKind, KubeObject, group_of
from fakekube.registry.managedfields import Write, after_apply, after_update, same_but_times
from fakekube.registry.schema import Schema, schema_for

RECORDED = Path(__file__).parents[2] / "recordings"
FIELD_SETS: dict[str, KubeObject] = json.loads((RECORDED / "apply-fieldsets-1.37.json").read_text())["cases"]
SENT: dict[str, KubeObject] = json.loads((RECORDED / "defaults-1.37.json").read_text())["cases"]
# refused, or shown with other managers: kinds whose spec or status the main endpoint resets
PLAIN = [name for name, case in FIELD_SETS.items() if "code" not in case and "managedFields" not in case]


def schema(kind: str, api_version: str = "v1") -> Schema:
    found = schema_for(GroupVersionKind(*group_of(api_version), kind))
    assert found is not None
    return found


def write(manager: str, time: str = "2026-01-01T00:00:00Z", subresource: str = "") -> Write:
    return Write(manager=manager, api_version="v1", time=time, subresource=subresource)


def config_map(manager_data: dict[str, Any] | None = None, **members: Any) -> KubeObject:
    obj: KubeObject = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, **members}
    return {**obj, "data": manager_data} if manager_data is not None else obj


def managers(obj: KubeObject) -> dict[str, KubeObject]:
    return {entry["manager"]: entry["fieldsV1"] for entry in obj["metadata"].get("managedFields", [])}


@pytest.mark.parametrize("name", PLAIN)
def test_an_applied_object_owns_the_recorded_fields(name: str) -> None:
    sent = SENT[name]["sent"]
    applied = after_apply(None, sent, write("m"), schema(sent["kind"], sent["apiVersion"]), force=False)
    assert managers(applied).get("m") == FIELD_SETS[name]["fields"]


def test_a_created_object_is_owned_by_its_creator_but_for_what_the_server_sets() -> None:
    created = after_update(None, config_map({"a": "1"}, immutable=True), write("creator"), schema("ConfigMap"))
    assert created["metadata"]["managedFields"] == [
        {
            "manager": "creator",
            "operation": "Update",
            "apiVersion": "v1",
            "time": "2026-01-01T00:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {".": {}, "f:a": {}}, "f:immutable": {}},
        }
    ]


def test_an_update_takes_what_it_changes_and_frees_what_it_removes() -> None:
    kind = schema("ConfigMap")
    live = after_update(None, config_map({"a": "1", "b": "1"}), write("one"), kind)
    changed = {**live, "data": {"a": "2"}}
    updated = after_update(live, changed, write("two", "2026-01-01T00:00:01Z"), kind)
    assert managers(updated) == {"one": {"f:data": {}}, "two": {"f:data": {"f:a": {}}}}


def test_a_write_that_changes_nothing_keeps_the_entries() -> None:
    kind = schema("ConfigMap")
    live = after_update(None, config_map({"a": "1"}), write("one"), kind)
    again = after_update(live, live, write("two", "2026-02-02T00:00:00Z"), kind)
    assert again == live
    assert same_but_times(live, again)


def test_an_apply_over_anothers_field_is_a_conflict_until_forced() -> None:
    kind = schema("ConfigMap")
    live = after_apply(None, config_map({"a": "1", "b": "1"}), write("m1"), kind, force=False)
    with pytest.raises(StatusError) as refused:
        after_apply(live, config_map({"a": "2"}), write("m2"), kind, force=False)
    assert refused.value.message == 'Apply failed with 1 conflict: conflict with "m1": .data.a'
    assert refused.value.details is not None
    assert [cause.as_json() for cause in refused.value.details.causes] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "m1"', "field": ".data.a"}
    ]
    forced = after_apply(live, config_map({"a": "2"}), write("m2"), kind, force=True)
    assert forced["data"] == {"a": "2", "b": "1"}
    assert managers(forced) == {"m1": {"f:data": {"f:b": {}}}, "m2": {"f:data": {"f:a": {}}}}


def test_several_conflicts_are_listed_by_manager() -> None:
    kind = schema("ConfigMap")
    live = after_apply(None, config_map({"a": "1", "b": "1"}), write("m1"), kind, force=False)
    live = after_update(live, {**live, "data": {"a": "1", "b": "2"}}, write("upd", subresource="x"), kind)
    with pytest.raises(StatusError) as refused:
        after_apply(live, config_map({"a": "9", "b": "9"}), write("m2"), kind, force=False)
    assert refused.value.message == (
        "Apply failed with 2 conflicts: "
        'conflicts with "m1":\n- .data.a\n'
        'conflicts with "upd" with subresource "x" using v1:\n- .data.b'
    )


def test_what_an_applier_leaves_out_goes_unless_another_owns_it() -> None:
    kind = schema("ConfigMap")
    live = after_apply(None, config_map({"a": "1", "b": "1", "c": "1"}), write("m1"), kind, force=False)
    live = after_apply(live, config_map({"b": "1"}), write("m2"), kind, force=False)
    left = after_apply(live, config_map({"c": "1"}), write("m1"), kind, force=False)
    assert left["data"] == {"b": "1", "c": "1"}


def test_containers_are_owned_by_name_and_pruned_alone() -> None:
    kind = schema("Deployment", "apps/v1")

    def deployment(*containers: KubeObject) -> KubeObject:
        template = {"spec": {"containers": list(containers)}}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "d"},
            "spec": {"template": template},
        }

    first = after_apply(None, deployment({"name": "a", "image": "a:1"}), write("m1"), kind, force=False)
    both = after_apply(first, deployment({"name": "b", "image": "b:1"}), write("m2"), kind, force=False)
    names = [each["name"] for each in both["spec"]["template"]["spec"]["containers"]]
    assert sorted(names) == ["a", "b"]
    gone = after_apply(both, deployment({"name": "c", "image": "c:1"}), write("m2"), kind, force=False)
    assert sorted(each["name"] for each in gone["spec"]["template"]["spec"]["containers"]) == ["a", "c"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (config_map(bogus=1), ".bogus: field not declared in schema"),
        (config_map({"a": 1}), ".data.a: expected string, got &value.valueUnstructured{Value:1}"),
        (config_map(data=["a"]), ".data: expected map, got &{[a]}"),
    ],
)
def test_a_config_that_does_not_fit_is_refused_as_recorded(config: KubeObject, message: str) -> None:
    with pytest.raises(StatusError) as refused:
        after_apply(None, config, write("m1"), schema("ConfigMap"), force=False)
    assert refused.value.code == 500
    assert refused.value.message == f"failed to create typed patch object (/x; /v1, Kind=ConfigMap): {message}"


def test_an_object_that_nobody_tracked_belongs_to_before_first_apply() -> None:
    kind = schema("ConfigMap")
    applied = after_apply(config_map({"a": "1"}), config_map({"b": "1"}), write("m1"), kind, force=False)
    assert managers(applied) == {"before-first-apply": {"f:data": {".": {}, "f:a": {}}}, "m1": {"f:data": {"f:b": {}}}}


def test_more_than_ten_updaters_become_ancient_changes() -> None:
    kind = schema("ConfigMap")
    live = after_update(None, config_map({"k0": "1"}), write("m0", "2026-01-01T00:00:00Z"), kind)
    for number in range(1, 13):
        data = {**live["data"], f"k{number}": "1"}
        live = after_update(live, {**live, "data": data}, write(f"m{number}", f"2026-01-01T00:00:{number:02}Z"), kind)
    assert len(managers(live)) == 10
    assert set(managers(live)["ancient-changes"]["f:data"]) == {".", "f:k0", "f:k1", "f:k2", "f:k3"}


@pytest.mark.parametrize("reset", [[], [{}]])
def test_an_empty_list_of_entries_resets_them(reset: list[KubeObject]) -> None:
    kind = schema("ConfigMap")
    live = after_update(None, config_map({"a": "1"}), write("one"), kind)
    sent = {**live, "metadata": {"name": "x", "managedFields": reset}}
    assert "managedFields" not in after_update(live, sent, write("two"), kind)["metadata"]


LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def client_side_applied(data: dict[str, str]) -> KubeObject:
    """What `kubectl apply` leaves: an object of the updater kubectl-client-side-apply, its config in an annotation."""
    config = config_map(data)
    told = {**config, "metadata": {"name": "x", "annotations": {LAST_APPLIED: json.dumps(config)}}}
    return after_update(None, told, write("kubectl-client-side-apply"), schema("ConfigMap"))


def test_kubectl_takes_over_what_its_client_side_apply_had_set() -> None:
    live = client_side_applied({"a": "1", "b": "1"})
    applied = after_apply(live, config_map({"a": "2"}), write("kubectl"), schema("ConfigMap"), force=False)
    assert applied["data"]["a"] == "2"
    assert managers(applied)["kubectl"] == {"f:data": {"f:a": {}}}
    told = json.loads(applied["metadata"]["annotations"][LAST_APPLIED])
    assert told["data"] == {"a": "2"}, "a later client-side apply must find what was applied last"


def test_another_manager_and_a_changed_field_still_conflict() -> None:
    live = client_side_applied({"a": "1", "b": "1"})
    with pytest.raises(StatusError):
        after_apply(live, config_map({"a": "2"}), write("argocd"), schema("ConfigMap"), force=False)
    changed = after_update(live, {**live, "data": {"a": "9", "b": "1"}}, write("someone"), schema("ConfigMap"))
    with pytest.raises(StatusError) as refused:
        after_apply(changed, config_map({"a": "2", "b": "2"}), write("kubectl"), schema("ConfigMap"), force=False)
    assert refused.value.message == 'Apply failed with 1 conflict: conflict with "someone" using v1: .data.a'
