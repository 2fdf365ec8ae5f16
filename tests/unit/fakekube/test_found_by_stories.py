"""What random stories found to be told otherwise by a running kube-apiserver."""

from __future__ import annotations

from typing import Any

import pytest

from tests.differential.definitions import DEFINITIONS, GROUP, PATH
from tests.unit.fakekube.sites import Answer, Site

CORE = "/api/v1/namespaces/default"
GADGETS = f"/apis/{GROUP}/v1beta1/namespaces/default/gadgets"


def warning(answer: Answer) -> str:
    return answer.headers.get("Warning", "")


@pytest.fixture
def site() -> Site:
    found = Site()
    found.settle()
    return found


def test_an_event_is_not_read_through_a_cache(site: Site) -> None:
    event = site.ask("GET", f"{CORE}/events/x", query="resourceVersion=x")
    other = site.ask("GET", f"{CORE}/configmaps/x", query="resourceVersion=x")
    assert (event.status, other.status) == (400, 500)
    assert event.json["message"].startswith("invalid resource version: resourceVersion: Invalid value")


def test_a_job_that_is_not_there_warns_of_its_pods(site: Site) -> None:
    answer = site.ask("DELETE", "/apis/batch/v1/namespaces/default/jobs/x")
    assert answer.status == 404
    assert "child pods are preserved by default" in warning(answer)


def test_a_dry_run_keeps_the_version_that_storage_would_refuse(site: Site) -> None:
    limits = {"metadata": {"name": "x", "resourceVersion": "1"}, "spec": {"limits": []}}
    kept = site.ask("POST", f"{CORE}/limitranges", limits, query="dryRun=All")
    refused = site.ask("POST", f"{CORE}/limitranges", limits)
    assert (kept.json["metadata"]["resourceVersion"], refused.status) == ("1", 500)


def test_a_gated_pod_says_since_when(site: Site) -> None:
    spec = {"containers": [{"name": "c", "image": "i"}], "schedulingGates": [{"name": "example.com/g"}]}
    pod = site.ask("POST", f"{CORE}/pods", {"metadata": {"name": "p"}, "spec": spec}).json
    assert pod["status"]["conditions"][0]["lastTransitionTime"] == pod["metadata"]["creationTimestamp"]


def test_the_causes_of_a_new_migration_come_before_its_immutability(site: Site) -> None:
    path = "/apis/storagemigration.k8s.io/v1/storageversionmigrations"
    migration = {"metadata": {"name": "m"}, "spec": {"resource": {"group": "", "resource": "pods"}}}
    assert site.ask("POST", path, migration).status == 201
    refused = site.patch(f"{path}/m", {"spec": {"resource": {"resource": None}}}).json
    assert [cause["field"] for cause in refused["details"]["causes"]] == ["spec.resource.resource", "spec"]


@pytest.mark.parametrize(("claims", "shown"), [({}, "null"), ({"volumeClaimTemplates": []}, "[]")])
def test_claims_that_are_not_mentioned_are_null(site: Site, claims: dict[str, Any], shown: str) -> None:
    path = "/apis/apps/v1/namespaces/default/statefulsets"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"serviceName": "s", "selector": {"matchLabels": {"a": "b"}}, "template": template}
    resources = {"requests": {"storage": "1Gi"}}
    claim = {"metadata": {"name": "v"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": resources}}
    held = {"metadata": {"name": "s"}, "spec": {**spec, "volumeClaimTemplates": [claim]}}
    assert site.ask("POST", path, held).status == 201
    refused = site.ask("PUT", f"{path}/s", {**held, "spec": {**spec, **claims}}).json
    assert f"spec.volumeClaimTemplates: Invalid value: {shown}: field is immutable" in refused["message"]


def test_updates_warn_always_once_or_never(site: Site) -> None:
    label = {"metadata": {"labels": {"a": "b"}}}
    secret = {"metadata": {"name": "s"}, "type": "kubernetes.io/tls", "data": {"tls.crt": "eA==", "tls.key": "eA=="}}
    slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    endpoints = [{"addresses": ["a.example.com"]}]
    piece = {"metadata": {"name": "e"}, "addressType": "FQDN", "endpoints": endpoints}
    assert warning(site.ask("POST", f"{CORE}/secrets", secret))
    assert warning(site.patch(f"{CORE}/secrets/s", label))
    assert warning(site.ask("POST", slices, piece))
    assert not warning(site.patch(f"{slices}/e", label))


def test_a_service_warns_of_a_name_that_is_ignored(site: Site) -> None:
    service = {"metadata": {"name": "s"}, "spec": {"externalName": "example.com", "ports": [{"port": 80}]}}
    assert "spec.externalName is ignored" in warning(site.ask("POST", f"{CORE}/services", service))


def test_a_volume_of_storageos_warns_by_its_other_name(site: Site) -> None:
    volumes = [{"name": "v", "storageos": {"volumeName": "v"}}]
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}], "volumes": volumes}}
    assert "spec.volumes[0].storageOS: deprecated" in warning(site.ask("POST", f"{CORE}/pods", pod))


def test_a_patch_of_no_form_is_refused_before_the_scale_is_looked_for(site: Site) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments/x/scale"
    assert site.ask("PATCH", path, {}, content_type="").status == 415


def test_refusals_of_custom_resources_name_protobuf_and_warn_of_old_versions(site: Site) -> None:
    for definition in DEFINITIONS:
        assert site.ask("POST", PATH, definition).status == 201
    unread = site.ask("GET", GADGETS, accept="text/html")
    unsent = site.ask("POST", GADGETS, {}, content_type="text/plain")
    assert (unread.status, unsent.status) == (406, 415)
    assert all(each.json["message"].endswith("application/vnd.kubernetes.protobuf") for each in (unread, unsent))
    assert "gadgets are v1 now" in warning(unread)


def test_an_apply_to_the_status_does_not_conflict_about_what_it_cannot_change(site: Site) -> None:
    path = "/api/v1/namespaces/default/services"
    spec = {"ports": [{"port": 80}], "type": "ClusterIP"}
    assert site.post(path, {"metadata": {"name": "s"}, "spec": spec}, "fieldManager=m1").status == 201
    wish = {"apiVersion": "v1", "kind": "Service", "metadata": {"labels": {"a": "b"}}, "spec": {"type": "ExternalName"}}
    applied = site.patch(f"{path}/s/status", wish, "apply-patch+yaml", "fieldManager=m2")
    assert (applied.status, applied.json["spec"]["type"]) == (200, "ClusterIP")


def test_methods_that_an_old_version_does_not_take_are_refused_with_its_warning(site: Site) -> None:
    for definition in DEFINITIONS:
        assert site.ask("POST", PATH, definition).status == 201
    refused = site.ask("POST", f"{GADGETS}/a/scale")
    assert refused.status == 405
    assert "gadgets are v1 now" in warning(refused)


def test_a_runtime_class_that_loses_its_handler_is_told_twice(site: Site) -> None:
    path = "/apis/node.k8s.io/v1/runtimeclasses"
    assert site.post(path, {"metadata": {"name": "r"}, "handler": "h"}).status == 201
    assert len(site.patch(f"{path}/r", {"handler": None}).json["details"]["causes"]) == 2


def test_a_replacement_that_creates_keeps_its_version_in_a_dry_run(site: Site) -> None:
    path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/b"
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"}
    made = site.put(path, {"metadata": {"name": "b", "resourceVersion": "1"}, "roleRef": role}, "dryRun=All")
    assert (made.status, made.json["metadata"].get("resourceVersion")) == (201, "1")


@pytest.mark.parametrize("policy", ["Background", "Orphan"])
def test_controllers_that_orphan_by_default_are_answered_as_they_wait_only(site: Site, policy: str) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    path = f"{CORE}/replicationcontrollers"
    assert site.post(path, {"metadata": {"name": "r"}, "spec": {"replicas": 0, "template": template}}).status == 201
    kind = {"Background": "Status", "Orphan": "ReplicationController"}[policy]
    assert site.delete(f"{path}/r", {"propagationPolicy": policy}).json["kind"] == kind


def gadgets(site: Site) -> str:
    """Where gadgets are, once they are defined."""
    for definition in DEFINITIONS:
        assert site.post(PATH, definition).status == 201
    return GADGETS.replace("v1beta1", "v1")


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("", "the API version in the data () does not match"),
        (None, 'Gadget in version "" cannot be handled as a Gadget: .apiVersion accessor error: <nil>'),
    ],
)
def test_a_custom_resource_of_an_empty_version_is_refused(site: Site, version: str | None, told: str) -> None:
    gadget = {"apiVersion": version, "kind": "Gadget", "metadata": {"name": "g"}, "spec": {"size": 1}}
    refused = site.post(gadgets(site), gadget)
    assert refused.status == 400
    assert refused.message.startswith(told)


def test_a_custom_resource_of_another_kind_is_told_of_its_lists_and_rules_too(site: Site) -> None:
    spec = {"size": 1, "ratio": 7.5, "tags": ["a", "a"]}
    gadget = {"apiVersion": f"{GROUP}/v1", "kind": "Pod", "metadata": {"name": "g"}, "spec": spec}
    causes = site.post(gadgets(site), gadget).json["details"]["causes"]
    assert sorted(cause["field"] for cause in causes) == ["kind", "spec.ratio", "spec.tags[1]"]


def test_a_scale_of_a_custom_resource_that_cannot_be_read_is_of_no_known_type(site: Site) -> None:
    refused = site.ask("PUT", f"{gadgets(site)}/g/scale")
    assert refused.status == 400
    assert refused.message.startswith("no kind is registered for the type v1.Scale in scheme")


def test_a_slash_in_the_name_of_a_custom_resource_is_a_subresource_that_is_not_there(site: Site) -> None:
    refused = site.get(f"{gadgets(site)}/a%2Fb")
    assert (refused.status, refused.message) == (404, f'gadgets.{GROUP} "a" not found')
