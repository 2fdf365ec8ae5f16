"""APIServices of custom groups: made with the definition, kept while it serves, left alone when they are somebody's own."""

from __future__ import annotations

import random
from typing import Any

import pytest

from fakekube.apiserver.server import Apiserver
from fakekube.registry.plugins import AdmissionDenied, AdmissionRequest
from tests.unit.fakekube.sites import Site

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
GROUP = "kept.example.com"
WIDGETS = f"{DEFINITIONS}/widgets.{GROUP}"
FIRST, SECOND = f"v1.{GROUP}", f"v2.{GROUP}"
LABELS = {"kube-aggregator.kubernetes.io/automanaged": "true"}


def version(name: str, *, stored: bool = False, served: bool = True) -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"name": name, "served": served, "storage": stored, "schema": {"openAPIV3Schema": schema}}


def definition(*versions: dict[str, Any], plural: str = "widgets", kind: str = "Widget") -> dict[str, Any]:
    names = {"plural": plural, "kind": kind}
    spec = {"group": GROUP, "scope": "Namespaced", "names": names, "versions": list(versions)}
    return {"metadata": {"name": f"{plural}.{GROUP}"}, "spec": spec}


def kept(site: Site) -> list[str]:
    return [name for each in site.get(API_SERVICES).json["items"] if GROUP in (name := each["metadata"]["name"])]


@pytest.fixture
def site() -> Site:
    """With Widgets of versions v1 and v2."""
    site = Site(controllers="none")
    assert site.post(DEFINITIONS, definition(version("v1", stored=True), version("v2"))).status == 201
    return site


def test_each_served_version_has_one_at_once(site: Site) -> None:
    assert kept(site) == [FIRST, SECOND]
    found = site.get(f"{API_SERVICES}/{FIRST}").json
    assert found["metadata"]["labels"] == LABELS
    assert found["spec"] == {"group": GROUP, "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 100}
    assert found["status"]["conditions"][0]["reason"] == "Local"
    (entry,) = found["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"], set(entry["fieldsV1"])) == (
        "kube-apiserver",
        "Update",
        {"f:metadata", "f:spec"},
    )


def test_a_deleted_one_is_made_anew(site: Site) -> None:
    uid = site.get(f"{API_SERVICES}/{FIRST}").json["metadata"]["uid"]
    assert site.delete(f"{API_SERVICES}/{FIRST}").status == 200
    assert site.get(f"{API_SERVICES}/{FIRST}").json["metadata"]["uid"] != uid


def test_a_changed_one_is_mended_and_what_is_not_its_spec_stays(site: Site) -> None:
    body = {"metadata": {"annotations": {"a": "b"}}, "spec": {"groupPriorityMinimum": 5}}
    site.patch(f"{API_SERVICES}/{FIRST}", body)
    found = site.get(f"{API_SERVICES}/{FIRST}").json
    assert (found["spec"]["groupPriorityMinimum"], found["metadata"]["annotations"]) == (1000, {"a": "b"})


def test_a_version_that_is_no_longer_served_or_declared_loses_its_own(site: Site) -> None:
    site.patch(WIDGETS, {"spec": {"versions": [version("v1", stored=True), version("v2", served=False)]}})
    assert kept(site) == [FIRST]
    site.patch(WIDGETS, {"spec": {"versions": [version("v1", stored=True), version("v2")]}})
    assert kept(site) == [FIRST, SECOND]
    site.patch(WIDGETS, {"spec": {"versions": [version("v1", stored=True)]}})
    assert kept(site) == [FIRST]


def test_it_stays_until_the_last_definition_that_serves_its_version_is_gone(site: Site) -> None:
    site.post(DEFINITIONS, definition(version("v1", stored=True), plural="gadgets", kind="Gadget"))
    site.delete(WIDGETS)
    site.settle()
    assert kept(site) == [FIRST]
    site.delete(f"{DEFINITIONS}/gadgets.{GROUP}")
    site.settle()
    assert kept(site) == []


def test_one_without_the_label_belongs_to_somebody(site: Site) -> None:
    spec = {"group": GROUP, "version": "v3", "groupPriorityMinimum": 7, "versionPriority": 8}
    site.post(API_SERVICES, {"metadata": {"name": f"v3.{GROUP}"}, "spec": spec})
    site.patch(WIDGETS, {"spec": {"versions": [version("v1", stored=True), version("v3")]}})
    site.patch(f"{API_SERVICES}/{FIRST}", {"metadata": {"labels": None}})
    site.delete(WIDGETS)
    site.settle()
    assert kept(site) == [FIRST, f"v3.{GROUP}"]
    assert site.get(f"{API_SERVICES}/v3.{GROUP}").json["spec"] == spec


def test_what_admission_refuses_is_not_made_and_the_definition_is_served_all_the_same() -> None:
    def refuse(asked: AdmissionRequest) -> None:
        if asked.resource == "apiservices":
            raise AdmissionDenied("no more groups")

    site = Site()
    site.server = Apiserver(name="paris", now=site.clock, rng=random.Random(1), admission=[refuse])
    assert site.post(DEFINITIONS, definition(version("v1", stored=True))).status == 201
    assert kept(site) == []
    assert site.get(f"/apis/{GROUP}/v1/widgets").status == 200


def test_a_restored_site_has_those_of_its_store(site: Site) -> None:
    before = site.server.snapshot()
    site.delete(WIDGETS)
    site.settle()
    site.server.restore(before)
    assert kept(site) == [FIRST, SECOND]
    site.delete(f"{API_SERVICES}/{FIRST}")
    assert kept(site) == [FIRST, SECOND]
