"""status, scale, eviction, binding: the paths below an object."""

from __future__ import annotations

from fakekube.meta.objects import KubeObject
from fakekube.testing.arms import CONTROLLERS
from fakekube.testing.kit import body
from fakekube.testing.reply import equal, holds
from fakekube.testing.resources import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    PODS,
    SERVICE_ACCOUNTS,
    config_map,
    deployment,
    pod,
)
from fakekube.testing.session import Session


def running_pod(at: Session, name: str, **labels: str) -> KubeObject:
    """A pod that no scheduler touches, said to be running."""
    at.until(lambda: at.get(SERVICE_ACCOUNTS, "default").status == 200, "a default ServiceAccount")
    made = pod(name, **labels)
    made["spec"] |= {"schedulerName": "kit", "terminationGracePeriodSeconds": 0}
    at.create(PODS, made).obj(201)
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    return at.patch(PODS, name, {"status": ready}, subresource="status").obj()


@body()
def status_and_spec_are_written_apart(at: Session) -> None:
    """/status changes the status alone, the object's own path everything else."""
    made = at.create(DEPLOYMENTS, deployment("x") | {"status": {"collisionCount": 9}}).obj(201)
    holds("collisionCount" not in made["status"], "no status at birth")
    changed = at.patch(
        DEPLOYMENTS, "x", {"spec": {"paused": True}, "status": {"collisionCount": 1}}, subresource="status"
    ).obj()
    equal((changed["spec"].get("paused"), changed["status"]["collisionCount"]), (None, 1), "spec and status")
    equal(changed["metadata"]["generation"], 1, "the generation")
    changed = at.patch(DEPLOYMENTS, "x", {"spec": {"paused": True}, "status": {"collisionCount": 2}}).obj()
    equal((changed["spec"].get("paused"), changed["status"]["collisionCount"]), (True, 1), "spec and status")


@body()
def objects_without_a_status_have_no_such_path(at: Session) -> None:
    """/status of a ConfigMap is a 404."""
    at.create(CONFIG_MAPS, config_map("x")).obj(201)
    equal(at.get(CONFIG_MAPS, "x", "status").status, 404, "the status")


@body()
def scale_is_another_view(at: Session) -> None:
    """/scale reads and writes replicas as autoscaling/v1 Scale."""
    at.create(DEPLOYMENTS, deployment("x")).obj(201)
    scale = at.get(DEPLOYMENTS, "x", "scale").obj()
    equal((scale["kind"], scale["apiVersion"]), ("Scale", "autoscaling/v1"), "the kind")
    equal(scale["status"]["selector"], "app=x", "the selector as text")
    scale["spec"] = {"replicas": 0}
    at.patch(DEPLOYMENTS, "x", {"spec": {"paused": True}}).obj()
    at.replace(DEPLOYMENTS, scale, "scale").refused(409, "Conflict")
    grown = at.patch(DEPLOYMENTS, "x", {"spec": {"replicas": 2}}, subresource="scale").obj()
    equal(grown["spec"]["replicas"], 2, "the replicas of the Scale")
    equal(at.get(DEPLOYMENTS, "x").obj()["spec"]["replicas"], 2, "the replicas of the Deployment")
    at.patch(DEPLOYMENTS, "x", {"spec": {"replicas": -1}}, subresource="scale").refused(422, "Invalid")


def _eviction(at: Session, name: str, **options: object) -> tuple[str, KubeObject]:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}, **options}
    return f"{at.path(PODS, name)}/eviction", body


@body(needs=[CONTROLLERS])
def an_eviction_deletes_a_pod(at: Session) -> None:
    """POST to /eviction deletes a pod that no budget protects; of no pod it is a 404."""
    running_pod(at, "x")
    at.ask("POST", *_eviction(at, "x")).obj(201)
    at.until_gone(PODS, "x")
    at.ask("POST", *_eviction(at, "x")).refused(404, "NotFound")


@body(needs=[CONTROLLERS])
def a_budget_stops_an_eviction(at: Session) -> None:
    """A PodDisruptionBudget without disruptions left turns an eviction into 429 with cause DisruptionBudget."""
    running_pod(at, "x", app="a")
    selector = {"matchLabels": {"app": "a"}}
    at.create(DISRUPTION_BUDGETS, {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": selector}}).obj(
        201
    )
    status = {"observedGeneration": 1, "disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1}
    status |= {"expectedPods": 1}
    at.patch(DISRUPTION_BUDGETS, "b", {"status": status}, subresource="status").obj()
    found = at.ask("POST", *_eviction(at, "x")).refused(429, "TooManyRequests")
    equal(found["details"]["causes"][0]["reason"], "DisruptionBudget", "the cause")
    at.get(PODS, "x").obj()


@body(needs=[CONTROLLERS])
def a_binding_places_a_pod_once(at: Session) -> None:
    """POST to /binding sets the node and the condition PodScheduled; a second one is a 409."""
    at.until(lambda: at.get(SERVICE_ACCOUNTS, "default").status == 200, "a default ServiceAccount")
    made = pod("x")
    made["spec"]["schedulerName"] = "kit"
    at.create(PODS, made).obj(201)
    binding = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": "x"},
        "target": {"kind": "Node", "name": "n"},
    }
    path = f"{at.path(PODS, 'x')}/binding"
    at.ask("POST", path, binding).obj(201)
    found = at.get(PODS, "x").obj()
    equal(found["spec"]["nodeName"], "n", "the node")
    equal(
        [(each["type"], each["status"]) for each in found["status"]["conditions"]],
        [("PodScheduled", "True")],
        "conditions",
    )
    at.ask("POST", path, binding).refused(409, "Conflict")
    at.delete(PODS, "x", {"gracePeriodSeconds": 0}).obj()


@body(needs=[CONTROLLERS])
def pods_leave_gracefully(at: Session) -> None:
    """A pod on a node is only marked by a deletion; grace 0 deletes it."""
    at.until(lambda: at.get(SERVICE_ACCOUNTS, "default").status == 200, "a default ServiceAccount")
    made = pod("x")
    made["spec"] |= {"nodeName": "kit-has-no-such-node", "tolerations": [{"operator": "Exists"}]}
    at.create(PODS, made).obj(201)
    marked = at.delete(PODS, "x").obj()["metadata"]
    equal(marked["deletionGracePeriodSeconds"], 30, "the grace")
    at.delete(PODS, "x", {"gracePeriodSeconds": 0}).obj()
    at.get(PODS, "x").refused(404, "NotFound")
