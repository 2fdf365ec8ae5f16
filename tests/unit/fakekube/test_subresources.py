"""Scale, tokens, reviews, finalize, and resources that come in two forms."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.fakekube.sites import Answer, Site, names

PODS = "/api/v1/namespaces/default/pods"

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
EVENTS = "/api/v1/namespaces/default/events"
NEW_EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"


def deployment(name: str, replicas: int = 2) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "a"}}, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


def scale(replicas: int, **metadata: str) -> dict[str, Any]:
    return {"metadata": {"name": "d", **metadata}, "spec": {"replicas": replicas}}


@pytest.fixture
def deployed(site: Site) -> Site:
    site.post(DEPLOYMENTS, deployment("d"))
    return site


def test_a_scale_shows_replicas_and_selector(deployed: Site) -> None:
    found = deployed.get(f"{DEPLOYMENTS}/d/scale").json
    assert (found["kind"], found["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert found["spec"] == {"replicas": 2}
    assert found["status"] == {"replicas": 0, "selector": "app=a"}


def test_scaling_changes_the_replicas_and_raises_the_generation(deployed: Site) -> None:
    assert deployed.put(f"{DEPLOYMENTS}/d/scale", scale(5)).json["spec"] == {"replicas": 5}
    assert deployed.patch(f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": 6}}).json["spec"] == {"replicas": 6}
    found = deployed.get(f"{DEPLOYMENTS}/d").json
    assert (found["spec"]["replicas"], found["metadata"]["generation"]) == (6, 3)


def test_scaling_to_the_same_changes_nothing(deployed: Site) -> None:
    before = deployed.get(f"{DEPLOYMENTS}/d").json
    deployed.put(f"{DEPLOYMENTS}/d/scale", scale(2))
    assert deployed.get(f"{DEPLOYMENTS}/d").json == before


@pytest.mark.parametrize(
    ("body", "status"), [(scale(-1), 422), (scale(3, resourceVersion="1"), 409), (scale(3, uid="other"), 409)]
)
def test_a_scale_that_is_refused(deployed: Site, body: dict[str, Any], status: int) -> None:
    assert deployed.put(f"{DEPLOYMENTS}/d/scale", body).status == status
    assert deployed.get(f"{DEPLOYMENTS}/d").json["spec"]["replicas"] == 2


def test_a_scale_has_a_table(deployed: Site) -> None:
    table = deployed.get(f"{DEPLOYMENTS}/d/scale", accept="application/json;as=Table;v=v1;g=meta.k8s.io").json
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Desired", "Available", "Age"]
    assert table["rows"][0]["cells"][:3] == ["d", 2, 0]


def test_a_token_is_one_of_the_site_until_it_is_over(site: Site) -> None:
    path = "/api/v1/namespaces/default/serviceaccounts/default/token"
    token = site.post(path, {"spec": {"expirationSeconds": 600}}).json["status"]["token"]
    reviews = "/apis/authentication.k8s.io/v1/tokenreviews"

    def reviewed(text: str) -> Any:
        return site.post(reviews, {"spec": {"token": text}}).json["status"]

    assert reviewed(token)["user"]["username"] == "system:serviceaccount:default:default"
    assert reviewed("a.b.c") == {"user": {}, "error": "invalid bearer token"}
    site.clock.now += 661
    assert reviewed(token)["error"] == "[invalid bearer token, service account token has expired]"


def test_a_token_is_never_shorter_than_ten_minutes(site: Site) -> None:
    path = "/api/v1/namespaces/default/serviceaccounts/default/token"
    refused = site.post(path, {"spec": {"expirationSeconds": 5}})
    assert refused.status == 422
    assert refused.message.endswith("may not specify a duration less than 10 minutes")


def test_without_rbac_everybody_may(site: Site) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    review = site.post(path, {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}})
    assert (review.status, review.json["status"]) == (201, {"allowed": True})
    assert site.post(path, {"spec": {}}).status == 422
    assert site.get(path).status == 405


def test_only_finalize_changes_the_finalizers_of_a_namespace(site: Site) -> None:
    path = "/api/v1/namespaces/team"
    site.post("/api/v1/namespaces", {"metadata": {"name": "team"}})
    wanted = {"metadata": {"name": "team"}, "spec": {"finalizers": ["kubernetes", "example.com/x"]}}
    assert site.put(path, wanted).json["spec"]["finalizers"] == ["kubernetes"]
    assert site.put(f"{path}/finalize", wanted).json["spec"]["finalizers"] == ["kubernetes", "example.com/x"]


def test_an_event_is_one_object_in_two_groups(site: Site) -> None:
    body: dict[str, Any] = {
        "metadata": {"name": "e"},
        "regarding": {"kind": "Pod", "name": "p", "namespace": "default"},
    }
    body |= {"eventTime": "2020-01-01T00:00:00.000000Z", "reportingController": "example.com/c"}
    body |= {"reportingInstance": "i", "action": "A", "reason": "R", "type": "Normal", "note": "said"}
    assert site.post(NEW_EVENTS, body).status == 201
    old = site.get(f"{EVENTS}/e").json
    assert (old["apiVersion"], old["message"], old["involvedObject"]["name"]) == ("v1", "said", "p")
    new = site.get(f"{NEW_EVENTS}/e").json
    assert (new["apiVersion"], new["note"], new["regarding"]["name"]) == ("events.k8s.io/v1", "said", "p")
    assert names(site.get(EVENTS, "fieldSelector=involvedObject.name%3Dp")) == ["e"]
    assert names(site.get(NEW_EVENTS, "fieldSelector=regarding.name%3Dp")) == ["e"]


def test_an_autoscaler_of_one_version_is_read_in_the_other(site: Site) -> None:
    one, two = (f"/apis/autoscaling/{v}/namespaces/default/horizontalpodautoscalers" for v in ("v1", "v2"))
    target = {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}
    spec = {"maxReplicas": 5, "scaleTargetRef": target, "targetCPUUtilizationPercentage": 60}
    site.post(one, {"metadata": {"name": "h"}, "spec": spec})
    (metric,) = site.get(f"{two}/h").json["spec"]["metrics"]
    assert metric["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}
    memory = {
        "type": "Resource",
        "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}},
    }
    site.patch(f"{two}/h", {"spec": {"metrics": [metric, memory]}})
    back = site.get(f"{one}/h").json
    assert back["spec"]["targetCPUUtilizationPercentage"] == 60
    assert "memory" in back["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/metrics"]
    site.put(f"{one}/h", back)
    assert len(site.get(f"{two}/h").json["spec"]["metrics"]) == 2


def test_a_service_keeps_what_was_allocated(site: Site) -> None:
    path = "/api/v1/namespaces/default/services"
    body = {"metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}}
    created = site.post(path, body).json["spec"]
    assert created["clusterIP"].startswith("10.0.0.")
    assert 30_000 <= created["ports"][0]["nodePort"] < 32_768
    replaced = site.put(f"{path}/s", body).json["spec"]
    assert (replaced["clusterIP"], replaced["ports"]) == (created["clusterIP"], created["ports"])


def test_warnings_come_with_the_answer(site: Site) -> None:
    answer = site.get("/api/v1/namespaces/default/endpoints/none")
    assert answer.status == 404
    assert answer.headers["Warning"] == (
        '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"'
    )
    path = "/api/v1/namespaces/default/services"
    body = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}], "externalIPs": ["1.2.3.4"]}}
    assert "externalIPs is deprecated" in site.post(path, body).headers["Warning"]


def test_an_owner_named_twice_is_kept_once(site: Site) -> None:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u"}
    body = {"metadata": {"name": "x", "ownerReferences": [owner, owner]}}
    created = site.post("/api/v1/namespaces/default/configmaps", body)
    assert created.json["metadata"]["ownerReferences"] == [owner]
    assert "duplicate UID(s) observed: u" in created.headers["Warning"]


def test_what_comes_through_a_subresource_is_checked_too() -> None:
    site = Site()
    container = {"name": "c", "image": "i"}
    spec = {"automountServiceAccountToken": False, "containers": [container]}
    site.post(PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
    kind = "strategic-merge-patch+json"
    twice = site.patch(f"{PODS}/p/ephemeralcontainers", {"spec": {"ephemeralContainers": [container]}}, kind)
    assert twice.status == 422
    assert twice.message == 'Pod "p" is invalid: spec.ephemeralContainers[0].name: Duplicate value: "c"'
    served = {"name": "d", "image": "i", "ports": [{"containerPort": 80}]}
    ports = site.patch(f"{PODS}/p/ephemeralcontainers", {"spec": {"ephemeralContainers": [served]}}, kind)
    assert "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container" in ports.message
    larger = {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]}}
    resized = site.patch(f"{PODS}/p/resize", larger, kind)
    assert "Pod QOS Class may not change as a result of resizing" in resized.message
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "default"},
        "spec": {"finalizers": ["x"]},
    }
    assert site.put("/api/v1/namespaces/default/finalize", namespace).status == 422


def _apply_scale(site: Site, manager: str, replicas: int | None, query: str = "") -> Answer:
    spec = {} if replicas is None else {"replicas": replicas}
    config = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "x"}, "spec": spec}
    path = "/apis/apps/v1/namespaces/default/deployments/x/scale"
    return site.patch(path, config, "apply-patch+yaml", f"fieldManager={manager}{query}")


def test_a_scale_is_applied_by_several_managers() -> None:
    site, deployments = Site(), "/apis/apps/v1/namespaces/default/deployments"
    site.settle()
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    site.post(deployments, {"metadata": {"name": "x"}, "spec": spec}, "fieldManager=diff")
    refused = _apply_scale(site, "m1", 3)
    assert refused.message == 'Apply failed with 1 conflict: conflict with "diff" using autoscaling/v1: .spec.replicas'
    assert _apply_scale(site, "m1", 3, "&force=true").json["spec"] == {"replicas": 3}
    assert _apply_scale(site, "m2", 4).message.endswith('conflict with "m1" with subresource "scale": .spec.replicas')
    assert _apply_scale(site, "m2", 3).status == 200
    assert _apply_scale(site, "m1", None).json["spec"] == {"replicas": 3}
    owners = [
        (entry["manager"], entry["apiVersion"], entry.get("subresource"))
        for entry in site.get(f"{deployments}/x").json["metadata"]["managedFields"]
        if "f:replicas" in entry["fieldsV1"].get("f:spec", {})
    ]
    assert owners == [("m2", "apps/v1", "scale")]
    assert _apply_scale(site, "m2", None).json["spec"] == {}
    assert site.get(f"{deployments}/x").json["spec"]["replicas"] == 0


def test_an_applied_scale_must_be_one() -> None:
    site = Site()
    config = {"apiVersion": "apps/v1", "kind": "Deployment"}
    path = "/apis/apps/v1/namespaces/default/deployments/x/scale"
    assert _apply_scale(site, "m", 1).status == 404
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    site.post("/apis/apps/v1/namespaces/default/deployments", {"metadata": {"name": "x"}, "spec": spec})
    refused = site.patch(path, config, "apply-patch+yaml", "fieldManager=m")
    assert refused.message == "invalid object type: apps/v1, Kind=Deployment"
