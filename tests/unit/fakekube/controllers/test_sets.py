"""ReplicaSets and their pods, StatefulSets, DaemonSets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakekube.controllers import NO_STAGES, STAGES
from tests.unit.fakekube.controllers.cluster_site import (
    APPS,
    CORE,
    ClusterSite,
    Obj,
    condition,
    deployment,
    names,
    template,
)


def stateful(name: str = "db", replicas: int = 3, **spec: Any) -> Obj:
    return deployment(name, replicas, serviceName=name, **spec) | {"kind": "StatefulSet"}


def daemons(name: str = "agent", **spec: Any) -> Obj:
    selector = {"matchLabels": {"app": name}}
    return {"metadata": {"name": name}, "spec": {"selector": selector, "template": template(name), **spec}}


def images(site: ClusterSite) -> list[str]:
    return [pod["spec"]["containers"][0]["image"] for pod in site.pods()]


NEW_IMAGE = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "new"}]}}}}

# --- ReplicaSets ------------------------------------------------------------------------------------------------------


def test_a_pod_that_fits_is_adopted_and_one_that_does_not_fit_any_more_is_released() -> None:
    site = ClusterSite()
    site.made(f"{CORE}/pods", {"metadata": {"name": "stray", "labels": {"app": "web"}}, "spec": template()["spec"]})
    site.run(1)
    site.made(f"{APPS}/replicasets", deployment(replicas=2) | {"kind": "ReplicaSet"})
    site.run(1)
    assert len(site.pods("app=web")) == 2
    assert site.obj(f"{CORE}/pods/stray")["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet"
    site.patched(f"{CORE}/pods/stray", {"metadata": {"labels": {"app": "debug"}}})
    site.run(1)
    assert "ownerReferences" not in site.obj(f"{CORE}/pods/stray")["metadata"]
    assert len(site.pods("app=web")) == 2


def test_two_sets_with_one_selector_keep_to_their_own_pods() -> None:
    site = ClusterSite()
    for name in ("one", "two"):
        site.made(f"{APPS}/replicasets", {**deployment(replicas=2), "kind": "ReplicaSet", "metadata": {"name": name}})
    site.run(1)
    owners = sorted(pod["metadata"]["ownerReferences"][0]["name"] for pod in site.pods())
    assert owners == ["one", "one", "two", "two"]


def test_the_pods_that_serve_least_go_first() -> None:
    site = ClusterSite(stages=STAGES.failing(lambda pod: "Unready" if "ill" in pod["metadata"]["labels"] else ""))
    site.made(
        f"{CORE}/pods", {"metadata": {"name": "ill", "labels": {"app": "web", "ill": "y"}}, "spec": template()["spec"]}
    )
    site.made(f"{APPS}/replicasets", deployment(replicas=3) | {"kind": "ReplicaSet"})
    site.run(1)
    site.patched(f"{APPS}/replicasets/web", {"spec": {"replicas": 2}})
    site.run(1)
    assert "ill" not in names(site.pods())
    cheap = names(site.pods())[0]
    site.patched(
        f"{CORE}/pods/{cheap}", {"metadata": {"annotations": {"controller.kubernetes.io/pod-deletion-cost": "-5"}}}
    )
    site.patched(f"{APPS}/replicasets/web", {"spec": {"replicas": 1}})
    site.run(1)
    assert cheap not in names(site.pods())


def test_a_pod_that_was_deleted_is_replaced() -> None:
    site = ClusterSite()
    site.made(
        f"{CORE}/replicationcontrollers",
        {"metadata": {"name": "rc"}, "spec": {"replicas": 2, "selector": {"app": "web"}, "template": template()}},
    )
    site.run(1)
    first = names(site.pods())[0]
    site.gone(f"{CORE}/pods/{first}")
    site.run(1)
    assert first not in names(site.pods())
    assert site.obj(f"{CORE}/replicationcontrollers/rc")["status"]["readyReplicas"] == 2


def test_pods_count_as_available_after_min_ready_seconds() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/replicasets", deployment(replicas=1, minReadySeconds=30) | {"kind": "ReplicaSet"})
    site.run(10)
    status = site.obj(f"{APPS}/replicasets/web")["status"]
    assert (status["readyReplicas"], status.get("availableReplicas", 0)) == (1, 0)
    site.run(30)
    assert site.obj(f"{APPS}/replicasets/web")["status"]["availableReplicas"] == 1
    assert site.server.next_due() is None


# --- StatefulSets -----------------------------------------------------------------------------------------------------


def test_a_stateful_set_starts_and_stops_in_order() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/statefulsets", stateful())
    site.run(0.15)
    assert names(site.pods()) == ["db-0", "db-1"]
    site.run(5)
    assert site.obj(f"{APPS}/statefulsets/db")["status"]["availableReplicas"] == 3
    site.patched(f"{APPS}/statefulsets/db", {"spec": {"replicas": 1}})
    site.run(0.05)
    going = [pod["metadata"]["name"] for pod in site.pods() if "deletionTimestamp" in pod["metadata"]]
    assert going == ["db-2"]
    site.run(5)
    assert names(site.pods()) == ["db-0"]


def test_a_partition_holds_back_the_lower_numbers_even_when_they_are_replaced() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/statefulsets", stateful(updateStrategy={"rollingUpdate": {"partition": 2}}))
    site.run(5)
    site.patched(f"{APPS}/statefulsets/db", NEW_IMAGE)
    site.run(5)
    assert images(site) == ["nginx", "nginx", "new"]
    site.gone(f"{CORE}/pods/db-0")
    site.run(5)
    assert images(site) == ["nginx", "nginx", "new"]
    status = site.obj(f"{APPS}/statefulsets/db")["status"]
    assert (status["currentReplicas"], status["updatedReplicas"]) == (2, 1)
    assert status["currentRevision"] != status["updateRevision"]


def test_claims_outlive_their_pods_and_are_found_again() -> None:
    site = ClusterSite()
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    site.made(f"{APPS}/statefulsets", stateful(replicas=2, volumeClaimTemplates=[claim]))
    site.run(5)
    before = {
        each["metadata"]["name"]: each["metadata"]["uid"] for each in site.items(f"{CORE}/persistentvolumeclaims")
    }
    assert list(before) == ["data-db-0", "data-db-1"]
    site.patched(f"{APPS}/statefulsets/db", {"spec": {"replicas": 0}})
    site.run(5)
    site.patched(f"{APPS}/statefulsets/db", {"spec": {"replicas": 2}})
    site.run(5)
    after = {each["metadata"]["name"]: each["metadata"]["uid"] for each in site.items(f"{CORE}/persistentvolumeclaims")}
    assert after == before
    assert site.pods()[1]["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == "data-db-1"


def test_a_first_pod_that_is_never_ready_blocks_those_behind_it() -> None:
    site = ClusterSite(stages=STAGES.failing(lambda pod: "Unready"))
    site.made(f"{APPS}/statefulsets", stateful())
    site.run(100)
    assert names(site.pods()) == ["db-0"]
    assert site.server.next_due() is None


def test_an_old_revision_that_comes_back_gets_the_next_number() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/statefulsets", stateful(replicas=1))
    site.run(3)
    site.patched(f"{APPS}/statefulsets/db", NEW_IMAGE)
    site.run(3)
    site.patched(f"{APPS}/statefulsets/db", {"spec": {"template": template("db")}})
    site.run(3)
    numbers = sorted(each["revision"] for each in site.items(f"{APPS}/controllerrevisions"))
    assert numbers == [2, 3]


def claiming(replicas: int = 2, **policy: str) -> Obj:
    template = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": STORAGE}}
    return stateful(replicas=replicas, volumeClaimTemplates=[template], persistentVolumeClaimRetentionPolicy=policy)


STORAGE = {"requests": {"storage": "1Gi"}}
CLAIMS = f"{CORE}/persistentvolumeclaims"


def owners(site: ClusterSite) -> dict[str, list[str]]:
    return {
        each["metadata"]["name"]: [owner["kind"] for owner in each["metadata"].get("ownerReferences", [])]
        for each in site.items(CLAIMS)
    }


def scaled(site: ClusterSite, replicas: int) -> None:
    site.patched(f"{APPS}/statefulsets/db", {"spec": {"replicas": replicas}})
    site.run(5)


def test_claims_stay_when_nothing_is_said() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/statefulsets", claiming())
    site.run(5)
    scaled(site, 1)
    site.gone(f"{APPS}/statefulsets/db")
    site.run(5)
    assert owners(site) == {"data-db-0": [], "data-db-1": []}


def test_claims_go_with_pods_that_are_scaled_away() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/statefulsets", claiming(whenScaled="Delete", whenDeleted="Retain"))
    site.run(5)
    assert owners(site) == {"data-db-0": [], "data-db-1": []}
    scaled(site, 1)
    assert owners(site) == {"data-db-0": []}
    scaled(site, 2)
    assert owners(site) == {"data-db-0": [], "data-db-1": []}
    site.gone(f"{APPS}/statefulsets/db")
    site.run(5)
    assert len(owners(site)) == 2


def test_claims_go_with_their_set_and_with_pods() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/statefulsets", claiming(whenScaled="Delete", whenDeleted="Delete"))
    site.run(5)
    assert owners(site) == {"data-db-0": ["StatefulSet"], "data-db-1": ["StatefulSet"]}
    scaled(site, 1)
    assert owners(site) == {"data-db-0": ["StatefulSet"]}
    site.gone(f"{APPS}/statefulsets/db")
    site.run(5)
    assert owners(site) == {}


def test_a_policy_that_changes_changes_the_owners() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/statefulsets", claiming(whenScaled="Retain", whenDeleted="Delete"))
    site.run(5)
    policy = {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain"}}
    site.patched(f"{APPS}/statefulsets/db", {"spec": policy})
    site.run(5)
    assert owners(site) == {"data-db-0": [], "data-db-1": []}


def test_a_claim_that_somebody_else_controls_is_left_to_them() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/statefulsets", claiming(whenScaled="Delete", whenDeleted="Delete"))
    site.run(5)
    other = site.made(f"{CORE}/configmaps", {"metadata": {"name": "other"}})
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "other",
        "uid": other["metadata"]["uid"],
        "controller": True,
    }
    site.patched(f"{CLAIMS}/data-db-1", {"metadata": {"ownerReferences": [reference]}})
    scaled(site, 1)
    assert owners(site) == {"data-db-0": ["StatefulSet"], "data-db-1": ["ConfigMap"]}


# --- DaemonSets -------------------------------------------------------------------------------------------------------


def test_every_node_gets_its_daemon_and_new_ones_too() -> None:
    site = ClusterSite(nodes=2)
    site.made(f"{APPS}/daemonsets", daemons())
    site.run(1)
    assert sorted(pod["spec"]["nodeName"] for pod in site.pods()) == ["node-0", "node-1"]
    site.made("/api/v1/nodes", {"metadata": {"name": "late"}})
    site.run(1)
    assert sorted(pod["spec"]["nodeName"] for pod in site.pods()) == ["late", "node-0", "node-1"]
    site.gone("/api/v1/nodes/late")
    site.run(1)
    assert sorted(pod["spec"]["nodeName"] for pod in site.pods()) == ["node-0", "node-1"]


def test_daemons_roll_one_node_after_the_other_and_leave_nodes_they_do_not_fit() -> None:
    site = ClusterSite(nodes=3)
    site.made(f"{APPS}/daemonsets", daemons())
    site.run(1)
    site.patched(f"{APPS}/daemonsets/agent", NEW_IMAGE)
    site.run(0.15)
    assert sorted(images(site)).count("nginx") == 2
    site.run(3)
    assert images(site) == ["new"] * 3
    assert site.obj(f"{APPS}/daemonsets/agent")["status"]["updatedNumberScheduled"] == 3
    site.patched("/api/v1/nodes/node-1", {"spec": {"taints": [{"key": "gpu", "effect": "NoExecute"}]}})
    site.run(1)
    assert sorted(pod["spec"]["nodeName"] for pod in site.pods()) == ["node-0", "node-2"]


def test_a_daemon_that_fails_is_replaced() -> None:
    site = ClusterSite(nodes=1, stages=NO_STAGES)
    site.patched("/api/v1/nodes/node-0", {"spec": {"taints": []}})
    site.made(f"{APPS}/daemonsets", daemons())
    site.run(1)
    (pod,) = names(site.pods()) or [""]
    site.ask(
        "PATCH",
        f"{CORE}/pods/{pod}/status",
        {"status": {"phase": "Failed"}},
        content_type="application/merge-patch+json",
    )
    site.run(1)
    assert names(site.pods()) != [pod]


def surging(surge: int | str) -> Obj:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": 0}}
    return daemons(updateStrategy=strategy)


@pytest.mark.parametrize(("surge", "at_most"), [(1, 4), ("34%", 5)])
def test_a_surge_brings_the_new_daemon_before_the_old_one_goes(surge: int | str, at_most: int) -> None:
    site = ClusterSite(nodes=3)
    site.made(f"{APPS}/daemonsets", surging(surge))
    site.run(1)
    watched: list[tuple[int, int]] = []
    site.patched(f"{APPS}/daemonsets/agent", NEW_IMAGE)
    for _ in range(100):
        site.run(0.05)
        pods = [pod for pod in site.pods() if "deletionTimestamp" not in pod["metadata"]]
        ready = [pod for pod in pods if (condition(pod, "Ready") or {}).get("status") == "True"]
        watched.append((len(pods), len({pod["spec"].get("nodeName") for pod in ready})))
    assert images(site) == ["new"] * 3
    assert max(count for count, _ in watched) == at_most
    assert min(served for _, served in watched) == 3, "every node has a ready daemon all the time"


def test_the_bytes_of_a_revision_are_in_the_order_in_which_clients_encode_it() -> None:
    site = ClusterSite(nodes=1)
    site.made(f"{APPS}/daemonsets", daemons())
    site.run(1)
    [revision] = site.items(f"{APPS}/controllerrevisions")
    encoded = json.dumps(revision["data"])
    assert encoded == json.dumps(revision["data"], sort_keys=True)
