"""Tables: the cells of recorded objects, and the forms a table takes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fakekube.apiserver.table import Columns, column, partial, partial_list, render
from fakekube.apiserver.table_values import Ages, human_duration, seconds_of
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import GroupVersionKind, KubeObject, group_of
from fakekube.registry.resources import ResourceType, builtin
from tests.unit.fakekube.sites import Site

CELLS = Path(__file__).parents[2] / "recordings" / "table-cells-1.37.json"
NOW = 1_800_000_000.0


@cache
def recorded() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(CELLS.read_text())
    return table


def resource_of(obj: KubeObject) -> ResourceType:
    resource = builtin().of_kind(GroupVersionKind(*group_of(obj["apiVersion"]), obj["kind"]))
    assert resource is not None, obj["kind"]
    return resource


def resource(plural: str, group: str = "", version: str = "v1") -> ResourceType:
    found = builtin().find(group, version, plural)
    assert found is not None
    return found


def samples() -> dict[str, Any]:
    """Recorded objects of built-in kinds, by the part of their name before the slash."""
    return {name: case for name, case in recorded()["cells"].items() if not name.startswith("custom/")}


@pytest.mark.parametrize("area", sorted({name.partition("/")[0] for name in samples()}))
def test_cells_are_those_of_the_real_server(area: str) -> None:
    cases = {name: case for name, case in samples().items() if name.partition("/")[0] == area}
    for name, case in cases.items():
        now = seconds_of(case["now"])
        row = render(resource_of(case["object"]), [case["object"]], now)["rows"][0]
        assert row["cells"] == case["cells"], name
        assert row.get("conditions") == case.get("conditions"), name


def test_every_recorded_sample_is_tested() -> None:
    assert len(samples()) == 186


def test_durations_have_two_units_at_most() -> None:
    wrong = {s: text for s, text in recorded()["human_duration"].items() if human_duration(int(s)) != text}
    assert wrong == {}


@pytest.mark.parametrize(("seconds", "text"), [(-5, "<invalid>"), (-1.5, "0s"), (0.9, "0s")])
def test_the_future_is_now_for_two_seconds_and_then_invalid(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


CONFIG_MAP: KubeObject = {
    "kind": "ConfigMap",
    "apiVersion": "v1",
    "metadata": {"name": "a", "resourceVersion": "7"},
    "data": {"x": "1"},
}


def test_a_table_shows_the_metadata_of_its_objects_unless_told_otherwise() -> None:
    shown = render(resource("configmaps"), [CONFIG_MAP], NOW)
    assert shown["metadata"] == {"resourceVersion": "7"}
    assert [definition["name"] for definition in shown["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert shown["rows"][0]["object"] == partial(CONFIG_MAP)
    assert render(resource("configmaps"), [CONFIG_MAP], NOW, include_object="Object")["rows"][0]["object"] == CONFIG_MAP
    assert render(resource("configmaps"), [CONFIG_MAP], NOW, include_object="None")["rows"][0]["object"] is None


def test_a_bad_include_object_is_a_400() -> None:
    with pytest.raises(StatusError) as refused:
        render(resource("configmaps"), [CONFIG_MAP], NOW, include_object="bad")
    assert refused.value.message == (
        'Unable to convert to Table as requested: includeObject: Invalid value: "bad": '
        "must be 'Metadata', 'Object', 'None', or empty"
    )


def test_a_watch_shows_its_columns_once_and_the_old_version_its_own_name() -> None:
    later = render(resource("configmaps"), [CONFIG_MAP], NOW, headers=False, version="v1beta1")
    assert later["columnDefinitions"] is None
    assert later["apiVersion"] == later["rows"][0]["object"]["apiVersion"] == "meta.k8s.io/v1beta1"


def test_a_list_of_storage_classes_marks_the_newest_default() -> None:
    mark = {"storageclass.kubernetes.io/is-default-class": "true"}
    classes = [
        {
            "metadata": {"name": name, "creationTimestamp": f"2026-01-0{day}T00:00:00Z", "annotations": mark},
            "provisioner": "p",
        }
        for name, day in (("old", 1), ("new", 2), ("newer-by-name", 2))
    ]
    rows = render(resource("storageclasses", "storage.k8s.io"), classes, NOW, list_meta={})["rows"]
    assert [row["cells"][0] for row in rows] == ["old", "new (default)", "newer-by-name"]


def test_kinds_without_columns_show_name_and_creation() -> None:
    limits = {"metadata": {"name": "l", "creationTimestamp": "2026-01-01T00:00:00Z"}}
    assert render(resource("limitranges"), [limits], NOW)["rows"][0]["cells"] == ["l", "2026-01-01T00:00:00Z"]


def test_custom_resources_bring_their_columns() -> None:
    def cells(obj: KubeObject, ages: Ages) -> list[Any]:
        return [obj["metadata"]["name"], obj["spec"]["size"]]

    columns = Columns(definitions=[column("Name", form="name"), column("Size", "integer")], cells=cells)
    obj = {"metadata": {"name": "w"}, "spec": {"size": 3}}
    assert render(resource("configmaps"), [obj], NOW, columns=columns)["rows"][0]["cells"] == ["w", 3]


def test_partial_lists_keep_the_metadata_of_the_list() -> None:
    found = partial_list([CONFIG_MAP], {"resourceVersion": "9"})
    assert found["kind"] == "PartialObjectMetadataList"
    assert found["metadata"] == {"resourceVersion": "9"}
    assert found["items"] == [partial(CONFIG_MAP)]


def test_a_part_of_a_pod_has_no_table() -> None:
    site, pods = Site(), "/api/v1/namespaces/default/pods"
    site.settle()
    made = site.post(pods, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    assert made.status == 201
    table = "application/json;as=Table;v=v1;g=meta.k8s.io"
    assert site.get(f"{pods}/p/ephemeralcontainers", accept=table).status == 406
    assert site.get(f"{pods}/p/resize", accept=f"{table},application/json").json["kind"] == "Pod"
