"""Pods: what admission adds, binding, graceful deletion, eviction under budgets, logs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.fakekube.sites import Site

PODS = "/api/v1/namespaces/default/pods"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"


def pod(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}


def eviction(name: str, **options: object) -> dict[str, Any]:
    body: dict[str, Any] = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    return {**body, "deleteOptions": options} if options else body


def bind(site: Site, name: str, node: str = "n1") -> int:
    return site.post(
        f"{PODS}/{name}/binding", {"metadata": {"name": name}, "target": {"kind": "Node", "name": node}}
    ).status


def running(site: Site, name: str) -> None:
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    site.patch(f"{PODS}/{name}/status", {"status": ready})


def test_a_new_pod_has_what_admission_adds(site: Site) -> None:
    created = site.post(PODS, pod("p")).json
    assert created["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    spec = created["spec"]
    assert (spec["serviceAccountName"], spec["priority"], spec["preemptionPolicy"]) == (
        "default",
        0,
        "PreemptLowerPriority",
    )
    assert [each["key"] for each in spec["tolerations"]] == [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ]
    (mount,) = spec["containers"][0]["volumeMounts"]
    assert mount["name"] == spec["volumes"][0]["name"]
    assert mount["name"].startswith("kube-api-access-")


def test_a_pod_without_its_service_account_is_a_403(bare: Site) -> None:
    refused = bare.post(PODS, pod("p"))
    assert refused.status == 403
    assert refused.message == (
        'pods "p" is forbidden: error looking up service account default/default: serviceaccount "default" not found'
    )


def test_a_pod_is_bound_once(site: Site) -> None:
    site.post(PODS, pod("p"))
    assert bind(site, "p") == 201
    bound = site.get(f"{PODS}/p").json
    assert bound["spec"]["nodeName"] == "n1"
    assert bound["status"]["conditions"][0]["type"] == "PodScheduled"
    again = site.post(f"{PODS}/p/binding", {"metadata": {"name": "p"}, "target": {"name": "n2"}})
    assert again.message == (
        'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n1"'
    )
    assert bound["metadata"]["generation"] == 1


def test_a_pod_that_runs_nowhere_goes_at_once(site: Site) -> None:
    site.post(PODS, pod("p"))
    gone = site.delete(f"{PODS}/p").json
    assert gone["metadata"]["deletionGracePeriodSeconds"] == 0
    assert site.get(f"{PODS}/p").status == 404


def test_a_bound_pod_gets_its_time_which_can_only_be_shortened(site: Site) -> None:
    site.post(PODS, pod("p"))
    bind(site, "p")

    def grace(**body: int) -> int:
        return int(site.delete(f"{PODS}/p", body or None).json["metadata"]["deletionGracePeriodSeconds"])

    assert [grace(), grace(gracePeriodSeconds=5), grace(gracePeriodSeconds=60)] == [30, 5, 5]
    assert site.get(f"{PODS}/p").json["metadata"]["generation"] == 2
    site.delete(f"{PODS}/p", {"gracePeriodSeconds": 0})
    assert site.get(f"{PODS}/p").status == 404


@pytest.fixture
def guarded(site: Site) -> Site:
    """A running pod under a budget that needs one, its status not yet processed."""
    site.post(PODS, pod("p", app="a"))
    running(site, "p")
    site.post(
        BUDGETS, {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "a"}}}}
    )
    return site


def processed(site: Site, allowed: int) -> None:
    counts = {"disruptionsAllowed": allowed, "currentHealthy": 1 + allowed, "desiredHealthy": 1, "expectedPods": 2}
    site.patch(f"{BUDGETS}/b/status", {"status": {"observedGeneration": 1, **counts}})


def test_an_eviction_waits_for_the_budget_to_be_processed(guarded: Site) -> None:
    refused = guarded.post(f"{PODS}/p/eviction", eviction("p"))
    assert (refused.status, refused.headers["Retry-After"]) == (429, "10")


def test_an_eviction_that_would_break_the_budget_is_a_429(guarded: Site) -> None:
    processed(guarded, 0)
    refused = guarded.post(f"{PODS}/p/eviction", eviction("p"))
    assert refused.status == 429
    (cause,) = refused.json["details"]["causes"]
    assert cause["message"] == "The disruption budget b needs 1 healthy pods and has 1 currently"
    assert guarded.get(f"{PODS}/p").status == 200


def test_an_allowed_eviction_deletes_and_is_counted(guarded: Site) -> None:
    processed(guarded, 1)
    assert guarded.post(f"{PODS}/p/eviction", eviction("p", dryRun=["All"])).status == 201
    assert guarded.get(f"{BUDGETS}/b").json["status"]["disruptionsAllowed"] == 1
    assert guarded.post(f"{PODS}/p/eviction", eviction("p")).status == 201
    assert guarded.get(f"{PODS}/p").status == 404
    status = guarded.get(f"{BUDGETS}/b").json["status"]
    assert status["disruptionsAllowed"] == 0
    assert list(status["disruptedPods"]) == ["p"]


def test_two_budgets_over_one_pod_are_too_many(guarded: Site) -> None:
    guarded.post(BUDGETS, {"metadata": {"name": "c"}, "spec": {"minAvailable": 1, "selector": {}}})
    assert guarded.post(f"{PODS}/p/eviction", eviction("p")).status == 500


def test_an_eviction_names_the_pod_of_its_path(guarded: Site) -> None:
    refused = guarded.post(f"{PODS}/p/eviction", eviction("other"))
    assert (refused.status, refused.message) == (400, "name in URL does not match name in Eviction object")


def test_logs_and_exec_of_a_pod_that_runs_nowhere(site: Site) -> None:
    site.post(PODS, pod("p"))
    assert site.get(f"{PODS}/p/log").status == 204
    refused = site.get(f"{PODS}/p/exec", "command=ls")
    assert (refused.status, refused.message) == (400, "pod p does not have a host assigned")


def test_exec_into_a_bound_pod_is_refused_loudly(site: Site) -> None:
    site.post(PODS, pod("p"))
    bind(site, "p")
    refused = site.post(f"{PODS}/p/exec", None, query="command=ls")
    assert (refused.status, refused.json["reason"]) == (501, "NotImplemented")


def with_runtime(site: Site, **scheduling: object) -> None:
    runtime = {"metadata": {"name": "fast"}, "handler": "fast", "scheduling": scheduling}
    assert site.post("/apis/node.k8s.io/v1/runtimeclasses", runtime).status == 201


def runtime_pod(**spec: object) -> dict[str, object]:
    containers = [{"name": "c", "image": "i"}]
    wanted = {"runtimeClassName": "fast", "automountServiceAccountToken": False, "containers": containers, **spec}
    return {"metadata": {"name": "p"}, "spec": wanted}


def test_a_pod_goes_where_its_runtime_is_and_not_elsewhere() -> None:
    site = Site()
    with_runtime(site, nodeSelector={"disk": "ssd"})
    path = "/api/v1/namespaces/default/pods"
    kept = site.post(path, runtime_pod(nodeSelector={"zone": "a"}), "dryRun=All").json["spec"]["nodeSelector"]
    assert kept == {"zone": "a", "disk": "ssd"}
    refused = site.post(path, runtime_pod(nodeSelector={"disk": "hdd"}))
    why = "conflict: runtimeClass.scheduling.nodeSelector[disk] = ssd; pod.spec.nodeSelector[disk] = hdd"
    assert (refused.status, refused.message) == (403, f'pods "p" is forbidden: {why}')


def test_tolerations_that_others_include_are_not_repeated() -> None:
    site = Site()
    wide = {"key": "gpu", "operator": "Exists"}
    with_runtime(site, tolerations=[wide, {"key": "disk", "operator": "Equal", "value": "ssd"}])
    narrow = {"key": "gpu", "operator": "Equal", "value": "x", "effect": "NoSchedule"}
    spec = site.post("/api/v1/namespaces/default/pods", runtime_pod(tolerations=[narrow])).json["spec"]
    ours = [each for each in spec["tolerations"] if not each["key"].startswith("node.kubernetes.io/")]
    assert ours == [wide, {"key": "disk", "operator": "Equal", "value": "ssd"}]
