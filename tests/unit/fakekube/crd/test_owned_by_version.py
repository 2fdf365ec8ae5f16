"""Fields of a custom resource are owned in the version in which they were written, and its Scale can only be claimed.

What is expected here was answered by kube-apiserver 1.37.2; tests/real/test_custom_ownership.py asks it again.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.fakekube.sites import Answer, Site

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
NUMBER, TEXT = {"type": "integer"}, {"type": "string"}


def version(name: str, *, storage: bool = False, **properties: Any) -> dict[str, Any]:
    spec = {"type": "object", "properties": properties}
    schema = {"type": "object", "properties": {"spec": spec, "status": {"type": "object", "properties": {"n": NUMBER}}}}
    scale = {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n"}
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}, "scale": scale},
    }


DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "foos.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "foos", "kind": "Foo"},
        "versions": [
            version("v1", storage=True, n=NUMBER, a=NUMBER, old=TEXT),
            version("v2", n=NUMBER, a=NUMBER, new={**TEXT, "default": "d"}),
            version("v3", n=NUMBER, a=NUMBER, old=TEXT),
        ],
    },
}


@pytest.fixture
def site() -> Site:
    site = Site()
    assert site.post(DEFINITIONS, DEFINITION).status == 201
    return site


def path(of: str, name: str = "x") -> str:
    return f"/apis/example.com/{of}/namespaces/default/foos/{name}"


def apply(site: Site, of: str, manager: str, *, force: bool = False, **spec: Any) -> Answer:
    config = {"apiVersion": f"example.com/{of}", "kind": "Foo", "metadata": {"name": "x"}, "spec": spec}
    return site.patch(path(of), config, "apply-patch+yaml", f"fieldManager={manager}&force={str(force).lower()}")


def apply_scale(site: Site, manager: str, replicas: int | None, *, force: bool = False) -> Answer:
    scale: dict[str, Any] = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "x"}}
    if replicas is not None:
        scale["spec"] = {"replicas": replicas}
    query = f"fieldManager={manager}&force={str(force).lower()}"
    return site.patch(f"{path('v1')}/scale", scale, "apply-patch+yaml", query)


def owners(answer: Answer) -> list[tuple[str, str, dict[str, Any]]]:
    entries = answer.json["metadata"]["managedFields"]
    return [(entry["manager"], entry["apiVersion"], entry["fieldsV1"]["f:spec"]) for entry in entries]


def test_an_update_in_a_version_with_other_fields_leaves_the_owners_as_they_were(site: Site) -> None:
    """What v2 fills in is unknown to v1, in which somebody owns fields: nobody can say who lost what."""
    apply(site, "v1", "one", a=1, old="o")
    patched = site.patch(path("v2"), {"spec": {"a": 2}}, query="fieldManager=two")
    assert patched.json["spec"] == {"a": 2}
    assert owners(patched) == [("one", "example.com/v1", {"f:a": {}, "f:old": {}})]


def test_an_apply_in_a_version_with_other_fields_is_an_error(site: Site) -> None:
    apply(site, "v1", "one", a=1)
    refused = apply(site, "v2", "two", new="n")
    assert (refused.status, refused.message) == (
        500,
        "failed to convert new object: .spec.new: field not declared in schema",
    )


def test_conflicts_are_told_in_the_version_of_the_owner(site: Site) -> None:
    site.patch(path("v1"), {}, query="fieldManager=none")
    body = {"apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": "x"}, "spec": {"a": 1}}
    site.post(path("v1", "").rstrip("/"), body, query="fieldManager=one")
    refused = apply(site, "v3", "two", a=2)
    assert refused.message == 'Apply failed with 1 conflict: conflict with "one" using example.com/v1: .spec.a'


def test_an_apply_that_changes_nothing_fills_in_nothing(site: Site) -> None:
    apply(site, "v1", "one", a=1)
    same = apply(site, "v2", "two", a=1)
    assert same.json["metadata"]["generation"] == 1
    assert sorted(owner[0] for owner in owners(same)) == ["one", "two"]


def test_a_scale_can_be_claimed_but_not_changed_by_apply(site: Site) -> None:
    body = {"apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": "x"}, "spec": {"n": 2, "a": 1}}
    site.post(path("v1", "").rstrip("/"), body, query="fieldManager=maker")
    assert apply_scale(site, "scaler", 2).status == 200
    # the replicas of the maker come back from the Scale in an entry of their own
    assert owners(site.get(path("v1"))) == [
        ("scaler", "example.com/v1", {"f:n": {}}),
        ("maker", "example.com/v1", {"f:n": {}}),
        ("maker", "example.com/v1", {".": {}, "f:a": {}}),
    ]
    refused = apply_scale(site, "scaler", 3, force=True)
    assert (refused.status, refused.message) == (
        500,
        "failed to convert new object (/x; autoscaling/v1, Kind=Scale) to proper version: "
        "request to convert CR to an invalid group/version: autoscaling/v1",
    )
    assert site.get(path("v1")).json["spec"]["n"] == 2
    conflict = apply_scale(site, "other", 3)
    assert (conflict.status, conflict.json["details"]["causes"][0]["field"]) == (409, ".spec.replicas")


def test_a_scale_whose_replicas_nobody_owns_cannot_be_applied(site: Site) -> None:
    apply(site, "v1", "one", a=1)
    refused = apply_scale(site, "scaler", 3)
    assert (refused.status, refused.message) == (
        500,
        "failed to create manager for existing fields: "
        "failed to convert live object (/; autoscaling/v1, Kind=Scale) to proper version: "
        "request to convert CR to an invalid group/version: autoscaling/v1",
    )
