"""Deployments: rollouts, their limits and deadlines, undo, pause, scaling, history, and what stands in their way."""

from __future__ import annotations

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
from tests.unit.fakekube.sites import events

WEB = f"{APPS}/deployments/web"
NEW_IMAGE = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:2"}]}}}}


def _progress(site: ClusterSite) -> tuple[str, str]:
    found = condition(site.obj(WEB), "Progressing")
    assert found is not None
    return found["status"], found["reason"]


def _is_ready(pod: Obj) -> bool:
    return any((each["type"], each["status"]) == ("Ready", "True") for each in pod["status"].get("conditions", []))


def test_a_deployment_becomes_available() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/deployments", deployment())
    site.run(1)
    web = site.obj(WEB)
    counts = {
        each: web["status"][each] for each in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    }
    assert set(counts.values()) == {3}
    assert web["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    assert _progress(site) == ("True", "NewReplicaSetAvailable")
    available = condition(web, "Available")
    assert available is not None
    assert available["status"] == "True"
    assert {pod["status"]["phase"] for pod in site.pods()} == {"Running"}


def test_a_rollout_stays_within_its_surge_and_its_unavailability() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/deployments", deployment(replicas=4))
    site.run(1)
    site.patched(WEB, NEW_IMAGE)
    watch = site.watch(f"{CORE}/pods")
    site.run(5)
    live: dict[str, bool] = {}
    most, least = 0, 4
    for kind, pod in events(watch):
        name = pod["metadata"]["name"]
        live.pop(name, None)
        if kind != "DELETED" and "deletionTimestamp" not in pod["metadata"]:
            live[name] = _is_ready(pod)
        if len(live) >= 4:
            most, least = max(most, len(live)), min(least, sum(live.values()))
    assert most == 5
    assert least >= 3
    assert {pod["spec"]["containers"][0]["image"] for pod in site.pods()} == {"nginx:2"}
    assert site.obj(WEB)["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"


def test_recreate_stops_all_old_pods_before_the_first_new_one() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/deployments", deployment(strategy={"type": "Recreate"}))
    site.run(1)
    old = set(names(site.pods()))
    site.patched(WEB, NEW_IMAGE)
    site.run(0.05)
    assert set(names(site.pods())) == old
    assert all(pod["metadata"].get("deletionTimestamp") for pod in site.pods())
    site.run(1)
    assert not old & set(names(site.pods()))
    assert _progress(site) == ("True", "NewReplicaSetAvailable")


def test_a_rollout_that_cannot_start_times_out_and_goes_on_when_it_can() -> None:
    site = ClusterSite(
        stages=STAGES.failing(lambda pod: "ImagePullBackOff" if pod["spec"]["containers"][0]["image"] == "nope" else "")
    )
    site.made(f"{APPS}/deployments", deployment(progressDeadlineSeconds=60, template=template(image="nope")))
    site.run(30)
    assert _progress(site) == ("True", "ReplicaSetUpdated")
    site.run(40)
    assert _progress(site) == ("False", "ProgressDeadlineExceeded")
    assert site.server.next_due() is None
    site.patched(WEB, NEW_IMAGE)
    site.run(5)
    assert _progress(site) == ("True", "NewReplicaSetAvailable")


def test_undo_takes_the_old_replica_set_back_and_renumbers_it() -> None:
    """What `kubectl rollout undo` sends: the old template."""
    site = ClusterSite()
    site.made(f"{APPS}/deployments", deployment())
    site.run(1)
    first = names(site.items(f"{APPS}/replicasets"))
    site.patched(WEB, NEW_IMAGE)
    site.run(3)
    site.patched(WEB, {"spec": {"template": template()}})
    site.run(3)
    sets = {each["metadata"]["name"]: each for each in site.items(f"{APPS}/replicasets")}
    notes = sets[first[0]]["metadata"]["annotations"]
    assert notes["deployment.kubernetes.io/revision"] == "3"
    assert notes["deployment.kubernetes.io/revision-history"] == "1"
    assert sets[first[0]]["spec"]["replicas"] == 3
    assert len(sets) == 2


def test_a_paused_deployment_scales_and_does_not_roll() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/deployments", deployment())
    site.run(1)
    site.patched(WEB, {"spec": {"paused": True}})
    site.run(1)
    assert _progress(site) == ("Unknown", "DeploymentPaused")
    site.patched(WEB, {**NEW_IMAGE, "spec": {**NEW_IMAGE["spec"], "replicas": 5}})
    site.run(1)
    assert len(site.items(f"{APPS}/replicasets")) == 1
    assert len(site.pods()) == 5
    site.patched(WEB, {"spec": {"paused": False}})
    site.run(5)
    assert _progress(site) == ("True", "NewReplicaSetAvailable")
    assert {pod["spec"]["containers"][0]["image"] for pod in site.pods()} == {"nginx:2"}


def test_scaling_in_the_middle_of_a_rollout_keeps_the_proportions() -> None:
    site = ClusterSite(nodes=0, stages=NO_STAGES)
    site.made(f"{APPS}/deployments", deployment(replicas=10))
    site.run(1)
    site.patched(WEB, NEW_IMAGE)
    site.run(1)
    before = {
        each["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: each["spec"]["replicas"]
        for each in site.items(f"{APPS}/replicasets")
    }
    site.patched(WEB, {"spec": {"replicas": 20}})
    site.run(1)
    after = {
        each["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: each["spec"]["replicas"]
        for each in site.items(f"{APPS}/replicasets")
    }
    assert sum(before.values()) == 13
    assert sum(after.values()) == 25
    assert all(after[each] > before[each] for each in before if before[each])


def test_history_is_cut_to_its_limit() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/deployments", deployment(replicas=1, revisionHistoryLimit=2))
    site.run(2)
    for number in range(5):
        site.patched(WEB, {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": f"nginx:{number}"}]}}}})
        site.run(3)
    revisions = [
        int(each["metadata"]["annotations"]["deployment.kubernetes.io/revision"])
        for each in site.items(f"{APPS}/replicasets")
    ]
    assert sorted(revisions) == [4, 5, 6]


def test_a_quota_that_is_full_shows_as_replica_failure_and_clears() -> None:
    site = ClusterSite()
    site.made(f"{CORE}/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}}})
    site.put(
        f"{CORE}/resourcequotas/q/status",
        {
            "metadata": {"name": "q"},
            "spec": {"hard": {"pods": "1"}},
            "status": {"hard": {"pods": "1"}, "used": {"pods": "0"}},
        },
    )
    site.made(f"{APPS}/deployments", deployment())
    site.run(1)
    failure = condition(site.obj(WEB), "ReplicaFailure")
    assert failure is not None
    assert failure["reason"] == "FailedCreate"
    assert "exceeded quota: q" in failure["message"]
    assert len(site.pods()) == 1
    site.gone(f"{CORE}/resourcequotas/q")
    site.run(60)
    assert condition(site.obj(WEB), "ReplicaFailure") is None
    assert len(site.pods()) == 3


def test_deleting_a_deployment_in_the_middle_of_a_rollout_takes_everything() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/deployments", deployment())
    site.run(1)
    site.patched(WEB, NEW_IMAGE)
    site.run(0.15)
    site.gone(WEB)
    site.run(60)
    assert site.items(f"{APPS}/replicasets") == []
    assert site.pods() == []
    assert site.server.next_due() is None


def test_a_name_that_another_replica_set_has_is_a_collision() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/deployments", deployment())
    site.run(1)
    taken = names(site.items(f"{APPS}/replicasets"))[0]
    site.gone(WEB)
    site.run(60)
    stranger = {
        "metadata": {"name": taken},
        "spec": {"selector": {"matchLabels": {"app": "other"}}, "template": template("other"), "replicas": 0},
    }
    site.made(f"{APPS}/replicasets", stranger)
    site.made(f"{APPS}/deployments", deployment())
    site.run(2)
    web = site.obj(WEB)
    assert web["status"]["collisionCount"] == 1
    assert web["status"]["readyReplicas"] == 3


def test_an_orphaned_replica_set_is_adopted_with_its_revision() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/deployments", deployment())
    site.run(1)
    pods = names(site.pods())
    site.gone(WEB, {"propagationPolicy": "Orphan"})
    site.run(2)
    assert site.get(WEB).status == 404
    site.made(f"{APPS}/deployments", deployment())
    site.run(2)
    assert names(site.pods()) == pods
    assert len(site.items(f"{APPS}/replicasets")) == 1


def test_two_sites_with_one_seed_do_the_same() -> None:
    texts = []
    for _ in range(2):
        site = ClusterSite(seed=7, stages=STAGES.delayed(start=0.3))
        site.made(f"{APPS}/deployments", deployment(replicas=5))
        site.run(1)
        site.patched(WEB, NEW_IMAGE)
        site.run(10)
        texts.append(site.get(f"{CORE}/pods").text + site.get(f"{CORE}/events").text)
    assert texts[0] == texts[1]


def test_a_restored_site_goes_on_from_where_it_was() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/deployments", deployment())
    site.run(0.12)
    held = site.server.snapshot()
    site.run(5)
    other = ClusterSite(seed=9)
    other.server.restore(held)
    other.run(5)
    assert other.obj(WEB)["status"]["readyReplicas"] == 3
    assert names(other.pods()) == names(site.pods())


def test_a_site_at_rest_has_nothing_to_do() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/deployments", deployment())
    site.run(10)
    assert site.server.next_due() is None
    assert site.server.site.schedule._planned == {}


def test_scaling_down_in_the_middle_of_a_rollout_keeps_enough_pods_available() -> None:
    """What a ReplicaSet says is available must not count pods that it has just deleted."""
    slow = STAGES.failing(lambda pod: "Unready" if pod["spec"]["containers"][0]["image"] == "nginx:2" else "")
    site = ClusterSite(stages=slow)
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
    site.made(f"{APPS}/deployments", deployment(replicas=10, strategy=rolling))
    site.run(2)
    site.patched(WEB, NEW_IMAGE)
    site.run(2)
    site.patched(WEB, {"spec": {"replicas": 15}})
    site.run(2)
    site.patched(WEB, {"spec": {"replicas": 7}})
    site.run(2)
    assert site.obj(WEB)["status"]["availableReplicas"] == 5
