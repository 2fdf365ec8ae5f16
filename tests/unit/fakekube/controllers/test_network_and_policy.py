"""Endpoints, budgets, quotas, claims, token Secrets."""

from __future__ import annotations

import base64

from tests.unit.fakekube.controllers.cluster_site import (
    APPS,
    CORE,
    POLICY,
    ClusterSite,
    Obj,
    condition,
    deployment,
    names,
    template,
)

SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"


def service(**spec: object) -> Obj:
    return {
        "metadata": {"name": "svc"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}], **spec},
    }


def our_slices(site: ClusterSite) -> list[Obj]:
    return site.items(SLICES, "labelSelector=kubernetes.io/service-name=svc")


def test_ready_pods_are_endpoints_and_others_are_not_ready() -> None:
    site = ClusterSite()
    site.made(f"{CORE}/services", service())
    site.run(1)
    assert our_slices(site)[0]["endpoints"] is None or our_slices(site)[0]["endpoints"] == []
    probed = deployment(replicas=2)
    probed["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": 8080}}
    site.made(f"{APPS}/deployments", probed)
    site.run(0.15)
    assert len(site.obj(f"{CORE}/endpoints/svc")["subsets"][0]["notReadyAddresses"]) == 2
    assert [each["conditions"]["ready"] for each in our_slices(site)[0]["endpoints"]] == [False, False]
    site.run(1)
    found = site.obj(f"{CORE}/endpoints/svc")["subsets"][0]
    assert (len(found["addresses"]), found["ports"][0]["port"]) == (2, 8080)
    site.gone(f"{CORE}/services/svc")
    site.run(1)
    assert site.get(f"{CORE}/endpoints/svc").status == 404
    assert our_slices(site) == []


def test_endpoints_and_slices_that_somebody_deletes_or_changes_come_again() -> None:
    site = ClusterSite()
    site.made(f"{CORE}/services", service())
    site.made(f"{APPS}/deployments", deployment(replicas=2))
    site.run(2)
    before = [each["endpoints"] for each in our_slices(site)]
    [name] = names(our_slices(site))
    site.gone(f"{SLICES}/{name}")
    site.gone(f"{CORE}/endpoints/svc")
    site.run(1)
    assert [each["endpoints"] for each in our_slices(site)] == before
    assert len(site.obj(f"{CORE}/endpoints/svc")["subsets"][0]["addresses"]) == 2
    [name] = names(our_slices(site))
    site.patched(f"{SLICES}/{name}", {"endpoints": [{"addresses": ["10.0.0.99"]}]})
    site.run(1)
    assert [each["endpoints"] for each in our_slices(site)] == before
    assert site.server.next_due() is None


def test_a_slice_holds_a_hundred_and_keeps_its_endpoints_when_some_go() -> None:
    site = ClusterSite()
    site.made(f"{CORE}/services", service())
    site.made(f"{APPS}/deployments", deployment(replicas=130))
    site.run(2)
    assert sorted(len(each["endpoints"]) for each in our_slices(site)) == [30, 100]
    before = {each["metadata"]["name"] for each in our_slices(site)}
    site.patched(f"{APPS}/deployments/web", {"spec": {"replicas": 120}})
    site.run(2)
    assert sum(len(each["endpoints"]) for each in our_slices(site)) == 120
    assert {each["metadata"]["name"] for each in our_slices(site)} == before


def test_named_ports_are_those_of_each_pod() -> None:
    site = ClusterSite()
    site.made(f"{CORE}/services", service(ports=[{"port": 80, "targetPort": "http"}]))
    for name, port in (("old", 8080), ("new", 9090)):
        container = {"name": "c", "image": "i", "ports": [{"name": "http", "containerPort": port}]}
        site.made(
            f"{CORE}/pods", {"metadata": {"name": name, "labels": {"app": "web"}}, "spec": {"containers": [container]}}
        )
    site.run(1)
    assert sorted(each["ports"][0]["port"] for each in our_slices(site)) == [8080, 9090]


def test_a_service_without_a_selector_is_left_alone() -> None:
    site = ClusterSite()
    plain = service()
    del plain["spec"]["selector"]
    site.made(f"{CORE}/services", plain)
    site.run(1)
    assert site.get(f"{CORE}/endpoints/svc").status == 404
    assert our_slices(site) == []


def budget(**spec: object) -> Obj:
    return {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec}}


def evict(site: ClusterSite, pod: str) -> int:
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
    return site.post(f"{CORE}/pods/{pod}/eviction", eviction).status


def test_evictions_are_refused_while_too_few_are_healthy() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/deployments", deployment(replicas=3))
    site.made(f"{POLICY}/poddisruptionbudgets", budget(minAvailable=2))
    site.run(1)
    first, second, _ = names(site.pods())
    assert (evict(site, first), evict(site, second)) == (201, 429)
    site.run(2)
    assert evict(site, second) == 201


def test_a_share_is_of_what_the_deployment_says() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/deployments", deployment(replicas=4))
    site.made(f"{POLICY}/poddisruptionbudgets", budget(maxUnavailable="50%"))
    site.run(1)
    status = site.obj(f"{POLICY}/poddisruptionbudgets/web")["status"]
    assert (status["expectedPods"], status["desiredHealthy"], status["disruptionsAllowed"]) == (4, 2, 2)
    site.patched(f"{APPS}/deployments/web", {"spec": {"replicas": 8}})
    site.run(2)
    assert site.obj(f"{POLICY}/poddisruptionbudgets/web")["status"]["expectedPods"] == 8


def test_an_eviction_whose_pod_stays_is_forgotten_after_two_minutes() -> None:
    site = ClusterSite()
    site.made(f"{POLICY}/poddisruptionbudgets", budget(minAvailable=1))
    site.made(f"{APPS}/deployments", deployment(replicas=2, template=template()))
    site.run(1)
    name = names(site.pods())[0]
    noted = {"status": {"disruptedPods": {name: site.obj(f"{CORE}/pods/{name}")["metadata"]["creationTimestamp"]}}}
    where = f"{POLICY}/poddisruptionbudgets/web/status"
    site.ask("PATCH", where, noted, content_type="application/merge-patch+json")
    site.run(10)
    assert site.obj(f"{POLICY}/poddisruptionbudgets/web")["status"]["currentHealthy"] == 1
    site.run(150)
    status = site.obj(f"{POLICY}/poddisruptionbudgets/web")["status"]
    assert status["currentHealthy"] == 2
    assert not status.get("disruptedPods")
    found = condition({"status": status}, "DisruptionAllowed")
    assert found is not None
    assert found["reason"] == "SufficientPods"


def test_a_quota_is_put_in_force_and_counts_down_when_something_goes() -> None:
    site = ClusterSite()
    site.made(
        f"{CORE}/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "3", "requests.cpu": "1"}}}
    )
    site.run(1)
    assert site.obj(f"{CORE}/resourcequotas/q")["status"]["used"] == {"pods": "0", "requests.cpu": "0"}
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": "400m"}}}
    site.made(
        f"{APPS}/deployments",
        deployment(replicas=3, template={"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}),
    )
    site.run(1)
    assert site.obj(f"{CORE}/resourcequotas/q")["status"]["used"] == {"pods": "2", "requests.cpu": "800m"}
    site.patched(f"{APPS}/deployments/web", {"spec": {"replicas": 1}})
    site.run(2)
    assert site.obj(f"{CORE}/resourcequotas/q")["status"]["used"] == {"pods": "1", "requests.cpu": "400m"}


def claim(**spec: object) -> Obj:
    return {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}, **spec},
    }


def volume(name: str, size: str) -> Obj:
    return {
        "metadata": {"name": name},
        "spec": {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}},
    }


def test_a_claim_gets_a_volume_and_takes_it_along() -> None:
    site = ClusterSite()
    site.made(f"{CORE}/persistentvolumeclaims", claim())
    site.run(1)
    found = site.obj(f"{CORE}/persistentvolumeclaims/data")
    assert found["status"]["phase"] == "Bound"
    assert names(site.items("/api/v1/persistentvolumes")) == [found["spec"]["volumeName"]]
    site.gone(f"{CORE}/persistentvolumeclaims/data")
    site.run(1)
    assert site.items("/api/v1/persistentvolumes") == []


def test_a_claim_without_a_class_takes_the_smallest_volume_that_fits_and_leaves_it_released() -> None:
    site = ClusterSite()
    site.made(f"{CORE}/persistentvolumeclaims", claim(storageClassName=""))
    site.run(1)
    assert site.obj(f"{CORE}/persistentvolumeclaims/data")["status"]["phase"] == "Pending"
    for name, size in (("small", "1Gi"), ("large", "9Gi"), ("right", "3Gi")):
        site.made("/api/v1/persistentvolumes", volume(name, size))
    site.run(1)
    bound = site.obj(f"{CORE}/persistentvolumeclaims/data")["spec"]["volumeName"]
    assert bound in ("large", "right")
    site.gone(f"{CORE}/persistentvolumeclaims/data")
    site.run(1)
    assert site.obj(f"/api/v1/persistentvolumes/{bound}")["status"]["phase"] == "Released"
    assert site.obj("/api/v1/persistentvolumes/small")["status"]["phase"] == "Available"


def test_a_claim_in_use_stays_until_its_pod_is_gone() -> None:
    site = ClusterSite()
    site.made(f"{CORE}/persistentvolumeclaims", claim())
    spec = {**template()["spec"], "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}
    site.made(f"{CORE}/pods", {"metadata": {"name": "user"}, "spec": spec})
    site.run(1)
    site.gone(f"{CORE}/persistentvolumeclaims/data")
    site.run(5)
    assert "deletionTimestamp" in site.obj(f"{CORE}/persistentvolumeclaims/data")["metadata"]
    site.gone(f"{CORE}/pods/user")
    site.run(5)
    assert site.get(f"{CORE}/persistentvolumeclaims/data").status == 404


def test_a_token_secret_is_filled_and_goes_with_its_account() -> None:
    site = ClusterSite()
    site.made(f"{CORE}/serviceaccounts", {"metadata": {"name": "robot"}})
    note = {"kubernetes.io/service-account.name": "robot"}
    site.made(
        f"{CORE}/secrets",
        {"metadata": {"name": "t", "annotations": note}, "type": "kubernetes.io/service-account-token"},
    )
    site.run(1)
    data = site.obj(f"{CORE}/secrets/t")["data"]
    assert base64.b64decode(data["namespace"]) == b"default"
    assert base64.b64decode(data["token"]).count(b".") == 2
    site.gone(f"{CORE}/serviceaccounts/robot")
    site.run(1)
    assert site.get(f"{CORE}/secrets/t").status == 404


def test_a_claim_is_bound_to_a_volume_with_the_same_attributes() -> None:
    site = ClusterSite()
    for name, attributes in (("plain", {}), ("gold", {"volumeAttributesClassName": "gold"})):
        csi = {"driver": "x.example.com", "volumeHandle": name}
        spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "csi": csi, **attributes}
        site.made("/api/v1/persistentvolumes", {"metadata": {"name": name}, "spec": spec})
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    gold = {**wanted, "storageClassName": "", "volumeAttributesClassName": "gold"}
    site.made(f"{CORE}/persistentvolumeclaims", {"metadata": {"name": "c"}, "spec": gold})
    site.run(1)
    claim = site.obj(f"{CORE}/persistentvolumeclaims/c")
    assert claim["spec"]["volumeName"] == "gold"
    assert claim["status"]["currentVolumeAttributesClassName"] == "gold"
    made = {**wanted, "volumeAttributesClassName": "silver"}
    site.made(f"{CORE}/persistentvolumeclaims", {"metadata": {"name": "d"}, "spec": made})
    site.run(1)
    assert site.obj(f"{CORE}/persistentvolumeclaims/d")["status"]["currentVolumeAttributesClassName"] == "silver"


def test_a_class_of_attributes_stays_while_a_claim_has_it() -> None:
    site = ClusterSite()
    classes = "/apis/storage.k8s.io/v1/volumeattributesclasses"
    for name in ("gold", "lead"):
        site.made(classes, {"metadata": {"name": name}, "driverName": "x.example.com", "parameters": {"a": "b"}})
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    wanted = {"metadata": {"name": "c"}, "spec": {**spec, "volumeAttributesClassName": "gold"}}
    site.made(f"{CORE}/persistentvolumeclaims", wanted)
    site.run(1)
    for name in ("gold", "lead"):
        site.gone(f"{classes}/{name}")
    site.run(1)
    assert names(site.items(classes)) == ["gold"]
    site.gone(f"{CORE}/persistentvolumeclaims/c")
    site.run(1)
    assert site.items(classes) == []
