"""Stages, delays, failures; where pods go, and what becomes of them when nodes change."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.controllers import NO_STAGES, STAGES, Stage, Stages, Workloads
from tests.unit.fakekube.controllers.cluster_site import APPS, CORE, ClusterSite, Obj, condition, deployment, names
from tests.unit.fakekube.sites import Site, events


def pod(name: str = "p", annotations: dict[str, str] | None = None, **spec: object) -> Obj:
    containers = [{"name": "c", "image": "i"}]
    return {"metadata": {"name": name, "annotations": annotations or {}}, "spec": {"containers": containers, **spec}}


def phase(site: ClusterSite, name: str = "p") -> str:
    return str(site.obj(f"{CORE}/pods/{name}")["status"]["phase"])


def reasons(site: ClusterSite) -> set[str]:
    return {each["reason"] for each in site.items(f"{CORE}/events")}


def waiting(site: ClusterSite) -> str:
    (status,) = site.obj(f"{CORE}/pods/p")["status"]["containerStatuses"]
    return str(status["state"]["waiting"]["reason"])


def test_a_pod_goes_through_its_stages_each_in_its_time() -> None:
    site = ClusterSite(stages=STAGES.delayed(schedule=1, start=2, ready=4))
    site.made(f"{CORE}/pods", pod())
    site.run(0.9)
    assert "nodeName" not in site.obj(f"{CORE}/pods/p")["spec"]
    site.run(1)
    assert (site.obj(f"{CORE}/pods/p")["spec"]["nodeName"], phase(site)) == ("node-0", "Pending")
    site.run(2)
    ready = condition(site.obj(f"{CORE}/pods/p"), "Ready")
    assert ready is not None
    assert (phase(site), ready["status"], ready["reason"]) == ("Running", "False", "ContainersNotReady")
    site.run(4)
    ready = condition(site.obj(f"{CORE}/pods/p"), "Ready")
    assert ready is not None
    assert ready["status"] == "True"
    assert site.server.next_due() is None


def test_without_stages_pods_stay_as_they_are_made() -> None:
    site = ClusterSite(nodes=1, stages=NO_STAGES)
    site.made(f"{CORE}/pods", pod())
    site.run(100)
    assert phase(site) == "Pending"
    assert "nodeName" not in site.obj(f"{CORE}/pods/p")["spec"]


def test_one_pod_may_ask_for_its_own_delays() -> None:
    site = ClusterSite()
    site.made(f"{CORE}/pods", pod(annotations={"fakekube.dev/delays": "start=10s, ready=20"}))
    site.run(9)
    assert phase(site) == "Pending"
    site.run(20)
    assert phase(site) == "Running"
    assert site.server.next_due() is not None


def test_the_first_probe_is_waited_for() -> None:
    site = ClusterSite()
    probe = {"httpGet": {"port": 80}, "initialDelaySeconds": 30}
    site.made(f"{CORE}/pods", pod(containers=[{"name": "c", "image": "i", "readinessProbe": probe}]))
    site.run(29)
    assert phase(site) == "Running"
    found = condition(site.obj(f"{CORE}/pods/p"), "Ready")
    assert found is not None
    assert found["status"] == "False"


@pytest.mark.parametrize("text", ["ready", "ready=soon", "=", "start=1;ready=2"])
def test_delays_that_cannot_be_read_are_told_and_the_usual_ones_hold(text: str) -> None:
    site = ClusterSite()
    site.made(f"{CORE}/pods", pod(annotations={"fakekube.dev/delays": text}))
    site.run(5)
    assert phase(site) == "Running"
    assert "InvalidAnnotation" in reasons(site)


def test_jitter_is_drawn_from_the_seed() -> None:
    stages = Stages((Stage(name="schedule", when="unscheduled", move="bind", jitter_s=10), *STAGES.stages[1:]))
    moments = []
    for seed in (1, 1, 2):
        site = ClusterSite(seed=seed, stages=stages)
        site.made(f"{CORE}/pods", pod())
        moments.append((site.server.next_due() or 0) - site.clock.now)
    assert moments[0] == moments[1] != moments[2]


@pytest.mark.parametrize("name", ["ErrImagePull", "ImagePullBackOff", "CreateContainerConfigError"])
def test_an_image_that_does_not_come(name: str) -> None:
    site = ClusterSite()
    site.made(f"{CORE}/pods", pod(annotations={"fakekube.dev/fails": name}))
    site.run(5)
    assert (phase(site), waiting(site)) == ("Pending", name)
    assert site.server.next_due() is None


def test_a_container_that_crashes_an_eviction_and_an_exit_code() -> None:
    site = ClusterSite()
    site.made(f"{CORE}/pods", pod(annotations={"fakekube.dev/fails": "CrashLoopBackOff"}))
    site.made(f"{CORE}/pods", pod("evicted", {"fakekube.dev/fails": "Evicted"}))
    site.made(f"{CORE}/pods", pod("ended", {"fakekube.dev/fails": "exit 42"}, restartPolicy="Never"))
    site.run(5)
    assert (phase(site), waiting(site)) == ("Running", "CrashLoopBackOff")
    assert site.obj(f"{CORE}/pods/evicted")["status"]["reason"] == "Evicted"
    (status,) = site.obj(f"{CORE}/pods/ended")["status"]["containerStatuses"]
    assert (phase(site, "ended"), status["state"]["terminated"]["exitCode"]) == ("Failed", 42)


def test_a_failure_that_nobody_knows_is_told_and_the_pod_runs() -> None:
    site = ClusterSite()
    site.made(f"{CORE}/pods", pod(annotations={"fakekube.dev/fails": "Explodes"}))
    site.run(5)
    assert phase(site) == "Running"
    assert "InvalidAnnotation" in reasons(site)


def test_readiness_gates_are_waited_for() -> None:
    site = ClusterSite()
    site.made(f"{CORE}/pods", pod(readinessGates=[{"conditionType": "example.com/ok"}]))
    site.run(5)
    found = condition(site.obj(f"{CORE}/pods/p"), "Ready")
    assert found is not None
    assert found["status"] == "False"
    conditions = [*site.obj(f"{CORE}/pods/p")["status"]["conditions"], {"type": "example.com/ok", "status": "True"}]
    site.ask(
        "PATCH",
        f"{CORE}/pods/p/status",
        {"status": {"conditions": conditions}},
        content_type="application/merge-patch+json",
    )
    site.run(5)
    found = condition(site.obj(f"{CORE}/pods/p"), "Ready")
    assert found is not None
    assert found["status"] == "True"


def test_unknown_stages_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="no stage is called 'raedy': there are complete, exit, ready"):
        STAGES.delayed(raedy=3)


# --- where pods go ----------------------------------------------------------------------------------------------------


def test_pods_wait_for_the_first_node() -> None:
    site = ClusterSite(nodes=0)
    site.made(f"{CORE}/pods", pod())
    site.run(5)
    found = condition(site.obj(f"{CORE}/pods/p"), "PodScheduled")
    assert found is not None
    assert found["message"] == "no nodes available to schedule pods"
    assert site.server.next_due() is None
    site.made("/api/v1/nodes", {"metadata": {"name": "first"}})
    site.run(5)
    assert site.obj(f"{CORE}/pods/p")["spec"]["nodeName"] == "first"


def test_a_site_that_has_nodes_gets_no_other() -> None:
    site = Site()
    site.settle()
    site.post("/api/v1/nodes", {"metadata": {"name": "mine"}})
    site.server.attach(Workloads(site.server))
    site.settle()
    assert [each["metadata"]["name"] for each in site.get("/api/v1/nodes").json["items"]] == ["mine"]


def test_pods_spread_and_selectors_taints_and_room_are_minded() -> None:
    site = ClusterSite(nodes=3)
    site.patched("/api/v1/nodes/node-1", {"metadata": {"labels": {"disk": "ssd"}}})
    site.patched("/api/v1/nodes/node-2", {"spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}})
    site.made(f"{APPS}/deployments", deployment(replicas=4))
    site.made(f"{CORE}/pods", pod("ssd", nodeSelector={"disk": "ssd"}))
    site.made(
        f"{CORE}/pods",
        pod(
            "gpu", tolerations=[{"key": "gpu", "operator": "Exists"}], nodeSelector={"kubernetes.io/hostname": "node-2"}
        ),
    )
    greedy = {"name": "c", "image": "i", "resources": {"requests": {"cpu": "33"}}}
    site.made(f"{CORE}/pods", pod("greedy", containers=[greedy]))
    site.run(5)
    nodes = {each["metadata"]["name"]: each["spec"].get("nodeName") for each in site.pods()}
    assert (nodes["ssd"], nodes["gpu"], nodes["greedy"]) == ("node-1", "node-2", None)
    web = [node for name, node in nodes.items() if name.startswith("web-")]
    assert sorted(web) == ["node-0", "node-0", "node-0", "node-1"], "the pod with the selector came first"
    found = condition(site.obj(f"{CORE}/pods/greedy"), "PodScheduled")
    assert found is not None
    assert found["message"] == "0/3 nodes are available: 1 node(s) had untolerated taint(s) {gpu}, 2 Insufficient cpu."


def test_a_pod_of_another_scheduler_and_one_behind_a_gate_are_left_alone() -> None:
    site = ClusterSite()
    site.made(f"{CORE}/pods", pod("theirs", schedulerName="mine"))
    site.made(f"{CORE}/pods", pod("gated", schedulingGates=[{"name": "example.com/wait"}]))
    site.run(5)
    assert {each["spec"].get("nodeName") for each in site.pods()} == {None}
    site.patched(f"{CORE}/pods/gated", {"spec": {"schedulingGates": None}})
    site.run(5)
    assert phase(site, "gated") == "Running"


def test_a_node_that_is_lost_keeps_its_pods_for_five_minutes() -> None:
    site = ClusterSite(nodes=2)
    site.made(f"{APPS}/deployments", deployment(replicas=2))
    site.run(1)
    now = site.obj("/api/v1/nodes/node-0")["metadata"]["creationTimestamp"]
    lost = {"status": {"conditions": [{"type": "Ready", "status": "Unknown", "lastTransitionTime": now}]}}
    site.ask("PATCH", "/api/v1/nodes/node-0/status", lost, content_type="application/merge-patch+json")
    site.run(200)
    assert sorted(each["spec"]["nodeName"] for each in site.pods()) == ["node-0", "node-1"]
    site.run(200)
    assert sorted(each["spec"]["nodeName"] for each in site.pods()) == ["node-1", "node-1"]


def test_a_cordoned_node_takes_no_pods() -> None:
    site = ClusterSite(nodes=2)
    site.patched("/api/v1/nodes/node-0", {"spec": {"unschedulable": True}})
    site.made(f"{APPS}/deployments", deployment(replicas=3))
    site.run(2)
    assert {each["spec"]["nodeName"] for each in site.pods()} == {"node-1"}
    assert [each["key"] for each in site.obj("/api/v1/nodes/node-0")["spec"]["taints"]] == [
        "node.kubernetes.io/unschedulable"
    ]


def test_a_deletion_takes_no_longer_than_its_grace_and_a_finalizer_holds_the_pod() -> None:
    site = ClusterSite(stages=STAGES.delayed(terminate=3600))
    site.made(f"{CORE}/pods", pod(terminationGracePeriodSeconds=7))
    held = pod("held", terminationGracePeriodSeconds=0)
    held["metadata"]["finalizers"] = ["example.com/hold"]
    site.made(f"{CORE}/pods", held)
    site.run(2)
    for name in ("p", "held"):
        site.gone(f"{CORE}/pods/{name}")
    site.run(6)
    assert names(site.pods()) == ["held", "p"]
    site.run(2)
    assert names(site.pods()) == ["held"]
    assert site.server.next_due() is None
    site.patched(f"{CORE}/pods/held", {"metadata": {"finalizers": None}})
    site.run(1)
    assert site.pods() == []


def test_addresses_go_on_where_a_restored_site_had_stopped() -> None:
    site = ClusterSite()
    site.made(f"{APPS}/deployments", deployment(replicas=3))
    site.run(1)
    other = ClusterSite(seed=4)
    other.server.restore(site.server.snapshot())
    other.patched(f"{APPS}/deployments/web", {"spec": {"replicas": 6}})
    other.run(1)
    assert len({each["status"]["podIP"] for each in other.pods()}) == 6


def phases(site: ClusterSite, **container: Any) -> list[tuple[str, str]]:
    """What a watcher sees of a pod with such a container: phase and readiness, each once."""
    version = site.get(f"{CORE}/pods").json["metadata"]["resourceVersion"]
    watch = site.watch(f"{CORE}/pods", f"resourceVersion={version}")
    site.made(
        f"{CORE}/pods", {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i", **container}]}}
    )
    site.run(5)
    seen = [(pod["status"]["phase"], (condition(pod, "Ready") or {}).get("status", "")) for _, pod in events(watch)]
    return list(dict.fromkeys(seen))


def test_a_pod_without_probes_is_ready_as_soon_as_it_runs() -> None:
    assert phases(ClusterSite()) == [("Pending", ""), ("Running", "True")]


def test_a_pod_with_a_probe_runs_before_it_is_ready() -> None:
    seen = phases(ClusterSite(), readinessProbe={"tcpSocket": {"port": 80}, "initialDelaySeconds": 2})
    assert seen == [("Pending", ""), ("Running", "False"), ("Running", "True")]


def test_a_delay_that_is_asked_for_holds_without_a_probe_too() -> None:
    assert phases(ClusterSite(stages=STAGES.delayed(ready=2)))[1:] == [("Running", "False"), ("Running", "True")]


@pytest.mark.parametrize(
    ("first", "second", "fits"),
    [
        ({"hostPort": 80}, {"hostPort": 80}, False),
        ({"hostPort": 80}, {"hostPort": 81}, True),
        ({"hostPort": 80}, {"hostPort": 80, "protocol": "UDP"}, True),
        ({"hostPort": 80, "hostIP": "10.0.0.1"}, {"hostPort": 80, "hostIP": "10.0.0.2"}, True),
        ({"hostPort": 80, "hostIP": "10.0.0.1"}, {"hostPort": 80}, False),
    ],
)
def test_a_port_of_a_node_is_taken_once(first: dict[str, Any], second: dict[str, Any], fits: bool) -> None:
    site = ClusterSite(nodes=1)
    for name, port in (("a", first), ("b", second)):
        containers = [{"name": "c", "image": "i", "ports": [{"containerPort": 80, **port}]}]
        site.made(f"{CORE}/pods", {"metadata": {"name": name}, "spec": {"containers": containers}})
    site.run(1)
    assert (phase(site, "b") == "Running") is fits
    if not fits:
        told = (condition(site.obj(f"{CORE}/pods/b"), "PodScheduled") or {})["message"]
        assert told == "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."
    site.gone(f"{CORE}/pods/a")
    site.run(1)
    assert phase(site, "b") == "Running"


def test_nodes_send_heartbeats_when_asked_to() -> None:
    site = Site()
    site.server.attach(Workloads(site.server, nodes=1, heartbeats=True))
    lease = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node-0"
    renewals = []
    for _ in range(3):
        for _ in range(1000):
            due = site.server.next_due()
            if due is None or due > site.clock.now + 10:
                break
            site.clock.now = max(site.clock.now, due)
            site.server.run_due(site.clock.now)
        spec = site.get(lease).json["spec"]
        assert (spec["holderIdentity"], spec["leaseDurationSeconds"]) == ("node-0", 40)
        renewals.append(spec["renewTime"])
    assert renewals == sorted(set(renewals))
    [owner] = site.get(lease).json["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("Node", "node-0")


@pytest.mark.parametrize(
    ("policy", "script", "after_s", "ended"),
    [
        ("Never", "exit 0", 1, "Succeeded"),
        ("Never", "sleep 5; exit 3", 6, "Failed"),
        ("Never", "sleep 5; exit 3", 4, "Running"),
        ("OnFailure", "true", 1, "Succeeded"),
        ("Always", "exit 0", 9, "Running"),
        ("Never", "sleep infinity", 9999, "Running"),
        ("Never", "serve", 9999, "Running"),
    ],
)
def test_a_pod_ends_as_its_command_says(policy: str, script: str, after_s: float, ended: str) -> None:
    site = ClusterSite()
    containers = [{"name": "c", "image": "busybox", "command": ["sh", "-c", script]}]
    site.made(f"{CORE}/pods", {"metadata": {"name": "p"}, "spec": {"restartPolicy": policy, "containers": containers}})
    site.run(after_s)
    assert phase(site) == ended


def test_a_pod_sleeps_before_it_stops_but_not_beyond_its_grace() -> None:
    for sleep_s, grace_s, after_s in ((5, 30, 5), (50, 10, 10)):
        site = ClusterSite()
        hook = {"lifecycle": {"preStop": {"sleep": {"seconds": sleep_s}}}}
        spec = {"containers": [{"name": "c", "image": "i", **hook}], "terminationGracePeriodSeconds": grace_s}
        spec["terminationGracePeriodSeconds"] = max(grace_s, sleep_s + 1)
        site.made(f"{CORE}/pods", {"metadata": {"name": "p"}, "spec": spec})
        site.run(1)
        site.gone(f"{CORE}/pods/p", {"gracePeriodSeconds": grace_s})
        site.run(after_s - 0.5)
        assert site.get(f"{CORE}/pods/p").status == 200
        site.run(1)
        assert site.get(f"{CORE}/pods/p").status == 404


def test_ephemeral_containers_start_when_they_are_added() -> None:
    site = ClusterSite()
    site.made(f"{CORE}/pods", pod())
    site.run(1)
    for name in ("one", "two"):
        held = site.obj(f"{CORE}/pods/p")["spec"].get("ephemeralContainers", [])
        added = {"spec": {"ephemeralContainers": [*held, {"name": name, "image": "busybox"}]}}
        assert site.patch(f"{CORE}/pods/p/ephemeralcontainers", added).status == 200
        site.run(1)
    statuses = site.obj(f"{CORE}/pods/p")["status"]["ephemeralContainerStatuses"]
    assert [(each["name"], list(each["state"])) for each in statuses] == [("one", ["running"]), ("two", ["running"])]
    assert site.server.next_due() is None
