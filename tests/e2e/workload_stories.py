"""Stories of workloads as data, told to our controllers and to kube-controller-manager, with a kubelet played by hand.

A step is a request, or something that happens to pods. After each one everything comes to rest, and what is there then
is compared: no names that were drawn, no uids, no times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Obj = dict[str, Any]

CORE, APPS, BATCH, POLICY = "/api/v1", "/apis/apps/v1", "/apis/batch/v1", "/apis/policy/v1"
SLICES, SCALING = "/apis/discovery.k8s.io/v1", "/apis/autoscaling/v2"
# What is looked at after each step: collection and path.
SEEN = (
    (APPS, "deployments"),
    (APPS, "replicasets"),
    (APPS, "statefulsets"),
    (APPS, "daemonsets"),
    (APPS, "controllerrevisions"),
    (BATCH, "jobs"),
    (BATCH, "cronjobs"),
    (CORE, "replicationcontrollers"),
    (CORE, "pods"),
    (CORE, "endpoints"),
    (SLICES, "endpointslices"),
    (POLICY, "poddisruptionbudgets"),
    (CORE, "persistentvolumeclaims"),
    (CORE, "resourcequotas"),
    (SCALING, "horizontalpodautoscalers"),
    (CORE, "events"),
)


class Server(Protocol):
    """Whoever is told a story."""

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Obj]:
        """Status code and JSON; PATCH is a merge patch."""

    def rest(self, seconds: float) -> None:
        """Let that much time pass, and then everything that is due."""


@dataclass(frozen=True, slots=True)
class Create:
    """`path` is the collection's, such as APPS + "/deployments"; in the story's namespace unless it is `wide`."""

    group: str
    plural: str
    obj: Obj
    wide: bool = False

    def tell(self, server: Server, space: str) -> None:
        code, answer = server.ask("POST", collection(self.group, self.plural, "" if self.wide else space), self.obj)
        assert code == 201 or (self.wide and code == 409), answer


@dataclass(frozen=True, slots=True)
class Patch:
    group: str
    plural: str
    name: str
    change: Obj
    subresource: str = ""
    wide: bool = False

    def tell(self, server: Server, space: str) -> None:
        where = f"{collection(self.group, self.plural, '' if self.wide else space)}/{self.name}"
        code, answer = server.ask("PATCH", f"{where}/{self.subresource}".rstrip("/"), self.change)
        assert code == 200, answer


@dataclass(frozen=True, slots=True)
class Delete:
    group: str
    plural: str
    name: str
    options: Obj | None = None
    wide: bool = False

    def tell(self, server: Server, space: str) -> None:
        where = f"{collection(self.group, self.plural, '' if self.wide else space)}/{self.name}"
        code, answer = server.ask("DELETE", where, self.options)
        assert code in (200, 202), answer


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float

    def tell(self, server: Server, space: str) -> None:
        server.rest(self.seconds)


@dataclass(frozen=True, slots=True)
class Pods:
    """`count` of the pods that `choose` picks get the status that `status` makes; the oldest first."""

    status: Callable[[Obj, int], Obj]
    count: int = 99
    choose: Callable[[Obj], bool] = lambda pod: not is_done(pod) and not is_ready(pod)
    repeat: int = 1

    def tell(self, server: Server, space: str) -> None:
        for _ in range(self.repeat):
            if not self._once(server, space):
                return
            if self.repeat > 1:
                server.rest(0)

    def _once(self, server: Server, space: str) -> bool:
        """Whether there was any such pod."""
        where = collection(CORE, "pods", space)
        pods = server.ask("GET", where)[1]["items"]
        chosen = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"] and self.choose(pod)]
        chosen.sort(key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]))
        for number, pod in enumerate(chosen[: self.count]):
            server.ask("PATCH", f"{where}/{pod['metadata']['name']}/status", {"status": self.status(pod, number)})
        return bool(chosen)


Step = Create | Patch | Delete | Wait | Pods


@dataclass(frozen=True, slots=True)
class Story:
    name: str
    steps: Sequence[Step]


def collection(group: str, plural: str, space: str) -> str:
    return f"{group}/namespaces/{space}/{plural}" if space else f"{group}/{plural}"


def is_ready(pod: Obj) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)


def is_done(pod: Obj) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def ready(pod: Obj, number: int) -> Obj:
    now = pod["metadata"]["creationTimestamp"]
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": now}
    ip = pod["status"].get("podIP") or f"10.1.0.{number + 1}"
    return {"phase": "Running", "conditions": [condition], "podIP": ip, "podIPs": [{"ip": ip}]}


def running(pod: Obj, number: int) -> Obj:
    ip = f"10.1.1.{number + 1}"
    return {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]}


def succeeded(pod: Obj, number: int) -> Obj:
    return {"phase": "Succeeded"}


def failed(pod: Obj, number: int) -> Obj:
    return {"phase": "Failed"}


def exited(code: int) -> Callable[[Obj, int], Obj]:
    def status(pod: Obj, number: int) -> Obj:
        ended = {"exitCode": code, "reason": "Error"}
        container = {
            "name": "c",
            "image": "",
            "imageID": "",
            "ready": False,
            "restartCount": 0,
            "state": {"terminated": ended},
        }
        return {"phase": "Failed", "containerStatuses": [container]}

    return status


# --- what is seen -----------------------------------------------------------------------------------------------------

_DRAWN = re.compile(r"-[bcdfghjklmnpqrstvwxz2456789]{5}(?![a-z0-9])")
_UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_IP = re.compile(r"10\.1\.\d+\.\d+")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
# not the generation: how many steps a rollout takes depends on how fast each controller hears of the others
_METADATA = ("labels", "annotations", "finalizers", "generateName")
# which of these a rollout in progress says last, too
_MOVING = re.compile(r"NewReplicaSetCreated|ReplicaSetUpdated|FoundNewReplicaSet")
# by how much at once depends on that, too
_SIZES = re.compile(r"Scaled (up|down) replica set (\S+) from \d+ to \d+")
_MOVING_TEXT = re.compile(r'(Created new|Found new) replica set "([^"]+)"|ReplicaSet "([^"]+)" is progressing\.')
_DROPPED = ("resourceVersion", "lastProbeTime", "observedGeneration")


@dataclass(slots=True)
class Seen:
    """All of a namespace after one step."""

    objects: dict[str, list[Obj]] = field(default_factory=dict)


def look(server: Server, space: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for group, plural in SEEN:
        items = server.ask("GET", collection(group, plural, space))[1]["items"]
        shown = [normalised(_event(item) if plural == "events" else _projected(item, plural), space) for item in items]
        texts = {json.dumps(each, sort_keys=True): each for each in shown} if plural == "events" else {}
        found[plural] = sorted(texts) if texts else sorted(shown, key=_in_order)
    return found


def _in_order(obj: Obj) -> str:
    return json.dumps(obj, sort_keys=True)


def _projected(obj: Obj, plural: str) -> Obj:
    meta = obj["metadata"]
    shown = {member: meta[member] for member in _METADATA if member in meta}
    shown["name"] = meta["name"]
    owners = meta.get("ownerReferences", [])
    shown["owners"] = [
        {key: each.get(key) for key in ("kind", "name", "controller", "blockOwnerDeletion")} for each in owners
    ]
    shown["terminating"] = "deletionTimestamp" in meta
    rest: Obj = {
        member: obj[member]
        for member in ("status", "data", "revision", "subsets", "endpoints", "ports")
        if member in obj
    }
    if plural == "endpointslices":
        # in the order of a Go map there
        rest["endpoints"] = sorted(obj.get("endpoints") or [], key=_place)
        rest["ports"] = sorted(obj.get("ports") or [], key=_in_order)
    if plural in ("replicasets", "pods", "persistentvolumeclaims"):
        rest["spec"] = obj["spec"]
    if plural in ("jobs", "statefulsets", "daemonsets", "deployments", "cronjobs", "replicationcontrollers"):
        rest["spec"] = {key: obj["spec"].get(key) for key in ("replicas", "paused", "suspend", "selector")}
    return {"metadata": shown, **rest}


def _place(endpoint: Obj) -> str:
    return str(endpoint.get("targetRef", {}).get("name") or endpoint["addresses"][0])


def _event(event: Obj) -> Obj:
    about = event["involvedObject"]
    return {
        "about": f"{about['kind']} {about['name']}",
        **{key: event.get(key) for key in ("type", "reason", "message", "source")},
    }


def normalised(value: Any, space: str) -> Any:
    if isinstance(value, dict):
        return {key: normalised(each, space) for key, each in value.items() if key not in _DROPPED}
    if isinstance(value, list):
        return [normalised(each, space) for each in value]
    if value in ("n1", "n2"):
        return "n"  # which node a daemon leaves first is chance there
    if isinstance(value, str):
        value = _SIZES.sub("scaled", value.removeprefix("(combined from similar events): "))
        value = _MOVING_TEXT.sub("MOVING", _MOVING.sub("MOVING", value))
        text = _IP.sub("IP", _TIME.sub("T", _UID.sub("U", value.replace(space, "SPACE"))))
        return _DRAWN.sub("-*", text)
    return value


def differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Where two looks differ: path, ours, theirs."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            each
            for key in sorted({*ours, *theirs})
            for each in differences(ours.get(key), theirs.get(key), f"{path}.{key}")
        ]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [
            each
            for at, pair in enumerate(zip(ours, theirs, strict=True))
            for each in differences(*pair, f"{path}[{at}]")
        ]
    if isinstance(ours, list) and isinstance(theirs, list):
        more = [each for each in ours if each not in theirs]
        less = [each for each in theirs if each not in ours]
        return [f"{path}: only ours {more}, only theirs {less}"]
    return [] if ours == theirs else [f"{path}: ours {ours!r}, theirs {theirs!r}"]


# --- the stories ------------------------------------------------------------------------------------------------------


def template(app: str = "a", image: str = "img:1", restart: str = "Always", **spec: Any) -> Obj:
    containers = [{"name": "c", "image": image}]
    return {"metadata": {"labels": {"app": app}}, "spec": {"restartPolicy": restart, "containers": containers, **spec}}


def workload(name: str = "d", replicas: int = 3, app: str = "a", **spec: Any) -> Obj:
    selector = {"matchLabels": {"app": app}}
    return {
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": selector, "template": template(app), **spec},
    }


def image(number: int) -> Obj:
    return {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": f"img:{number}"}]}}}}


def job(name: str = "j", **spec: Any) -> Obj:
    return {"metadata": {"name": name}, "spec": {"template": template(restart="Never"), **spec}}


def of_index(index: int) -> Callable[[Obj], bool]:
    """Pods of a Job's index that have not ended."""
    noted = "batch.kubernetes.io/job-completion-index"
    return lambda pod: not is_done(pod) and pod["metadata"].get("annotations", {}).get(noted) == str(index)


def scaler(name: str, target: str = "d", **spec: Any) -> Obj:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    return {"metadata": {"name": name}, "spec": {"maxReplicas": 5, "scaleTargetRef": reference, **spec}}


def placed(name: str) -> Obj:
    """A pod that somebody has given a node: endpoints are told where they are."""
    return {"metadata": {"name": name, "labels": {"app": "a"}}, "spec": template(nodeName="n1")["spec"]}


DEPLOY = (APPS, "deployments")
NODES = [Create(CORE, "nodes", {"metadata": {"name": name}}, wide=True) for name in ("n1", "n2")] + [
    step
    for name in ("n1", "n2")
    for step in (
        Patch(
            CORE,
            "nodes",
            name,
            {
                "status": {
                    "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]
                }
            },
            "status",
            wide=True,
        ),
        Patch(CORE, "nodes", name, {"spec": {"taints": None}}, wide=True),
    )
]
ALL_READY = Pods(ready, repeat=12)

STORIES = (
    Story("a rolling update", [
        Create(*DEPLOY, workload()), ALL_READY, Patch(*DEPLOY, "d", image(2)), Pods(ready, 1), ALL_READY,
        Patch(*DEPLOY, "d", {"spec": {"replicas": 5}}), ALL_READY, Patch(*DEPLOY, "d", image(1)), ALL_READY,
        Patch(*DEPLOY, "d", {"spec": {"replicas": 0}}),
    ]),
    Story("annotations and minReadySeconds", [
        Create(*DEPLOY, workload(minReadySeconds=10) | {"metadata": {"name": "d", "annotations": {"note": "x"}}}), Pods(ready), Wait(12),
        Patch(*DEPLOY, "d", {"metadata": {"annotations": {"note": "y"}}}),
    ]),
    Story("pause and resume", [
        Create(*DEPLOY, workload()), ALL_READY, Patch(*DEPLOY, "d", {"spec": {"paused": True}}), Patch(*DEPLOY, "d", image(2)),
        Patch(*DEPLOY, "d", {"spec": {"replicas": 4}}), Patch(*DEPLOY, "d", {"spec": {"paused": False}}), ALL_READY,
    ]),
    Story("recreate", [
        Create(*DEPLOY, workload(strategy={"type": "Recreate"})), ALL_READY, Patch(*DEPLOY, "d", image(2)), ALL_READY,
    ]),
    Story("proportional scaling", [
        Create(*DEPLOY, workload(replicas=10, strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}})), ALL_READY,
        Patch(*DEPLOY, "d", image(2)), Patch(*DEPLOY, "d", {"spec": {"replicas": 15}}), Patch(*DEPLOY, "d", {"spec": {"replicas": 7}}), ALL_READY,
    ]),
    Story("a deadline", [Create(*DEPLOY, workload(replicas=1, progressDeadlineSeconds=2)), Wait(5), Pods(ready)]),
    Story("history", [
        Create(*DEPLOY, workload(replicas=1, revisionHistoryLimit=1)), ALL_READY,
        *(step for number in (2, 3, 4) for step in (Patch(*DEPLOY, "d", image(number)), ALL_READY)),
    ]),
    Story("deleted in the middle", [
        Create(*DEPLOY, workload()), ALL_READY, Patch(*DEPLOY, "d", image(2)), Delete(*DEPLOY, "d"), Wait(1),
    ]),
    Story("orphaned and adopted", [
        Create(*DEPLOY, workload()), ALL_READY, Delete(*DEPLOY, "d", {"propagationPolicy": "Orphan"}), Wait(1), Create(*DEPLOY, workload()),
    ]),
    Story("a quota", [
        Create(CORE, "resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "2"}}}), Wait(1),
        Create(*DEPLOY, workload(replicas=2)), ALL_READY, Patch(*DEPLOY, "d", {"spec": {"replicas": 1}}), Wait(1),
    ]),
    Story("replica sets and their pods", [
        Create(CORE, "pods", {"metadata": {"name": "stray", "labels": {"app": "a"}}, "spec": template()["spec"]}),
        Create(APPS, "replicasets", workload("r", 2)), Pods(ready), Patch(CORE, "pods", "stray", {"metadata": {"labels": {"app": "b"}}}), Patch(CORE, "pods", "stray", {"metadata": {"labels": {"app": "a"}}}),
        Create(APPS, "replicasets", workload("twin", 1)), Patch(APPS, "replicasets", "r", {"spec": {"replicas": 1}}), Delete(APPS, "replicasets", "r"), Wait(1),
    ]),
    Story("a replication controller", [
        Create(CORE, "replicationcontrollers", {"metadata": {"name": "rc"}, "spec": {"replicas": 2, "selector": {"app": "a"}, "template": template()}}),
        Pods(ready), Patch(CORE, "replicationcontrollers", "rc", {"spec": {"replicas": 1}}),
    ]),
    Story("a stateful set in order", [
        Create(APPS, "statefulsets", workload("s", 3, serviceName="svc", volumeClaimTemplates=[{"metadata": {"name": "v"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}])),
        Pods(ready), ALL_READY, Patch(APPS, "statefulsets", "s", image(2) | {}), ALL_READY,
        Patch(APPS, "statefulsets", "s", {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 2}}}}), Patch(APPS, "statefulsets", "s", image(3)), ALL_READY,
        Patch(APPS, "statefulsets", "s", {"spec": {"replicas": 1}}), ALL_READY, Patch(APPS, "statefulsets", "s", {"spec": {"replicas": 2}}), ALL_READY,
    ]),
    Story("a parallel stateful set", [
        Create(APPS, "statefulsets", workload("s", 3, serviceName="svc", podManagementPolicy="Parallel", ordinals={"start": 5})), ALL_READY,
        Patch(APPS, "statefulsets", "s", image(2)), ALL_READY, Patch(APPS, "statefulsets", "s", image(1)), ALL_READY,
    ]),
    Story("a stateful set that waits for deletions", [
        Create(APPS, "statefulsets", workload("s", 2, serviceName="svc", updateStrategy={"type": "OnDelete"})), ALL_READY,
        Patch(APPS, "statefulsets", "s", image(2)), Delete(CORE, "pods", "s-1"), ALL_READY,
    ]),
    Story("a daemon set", [
        *NODES, Create(APPS, "daemonsets", {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"app": "a"}}, "template": template()}}), Pods(ready),
        Patch(APPS, "daemonsets", "d", image(2)), Pods(ready), Pods(ready), Pods(ready), Patch(APPS, "daemonsets", "d", image(1)), ALL_READY,
        Patch(APPS, "daemonsets", "d", {"spec": {"template": {"spec": {"nodeSelector": {"disk": "ssd"}}}}}),
    ]),
    Story("a job", [Create(BATCH, "jobs", job(completions=3, parallelism=2)), Pods(ready), Pods(succeeded, 1, lambda pod: not is_done(pod)), Pods(succeeded, 9, lambda pod: not is_done(pod), 3)]),
    Story("an indexed job", [Create(BATCH, "jobs", job(completions=4, parallelism=2, completionMode="Indexed")), Pods(succeeded, 1, lambda pod: not is_done(pod)), Pods(succeeded, 9, lambda pod: not is_done(pod), 4)]),
    Story("a job that fails", [Create(BATCH, "jobs", job(parallelism=2, completions=2, backoffLimit=0)), Pods(failed, 1, lambda pod: not is_done(pod)), Wait(1)]),
    Story("a job with policies", [
        Create(BATCH, "jobs", job(backoffLimit=0, podFailurePolicy={"rules": [{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [5]}}, {"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [5, 6]}}]})),
        Pods(exited(7)), Wait(1),
        Create(BATCH, "jobs", job("i", completions=3, parallelism=3, completionMode="Indexed", successPolicy={"rules": [{"succeededCount": 1}]})),
        Pods(succeeded, 1, lambda pod: not is_done(pod)), Wait(1),
    ]),
    Story("a job past its deadline", [Create(BATCH, "jobs", job(activeDeadlineSeconds=6)), Wait(8)]),
    Story("a suspended job", [
        Create(BATCH, "jobs", job(suspend=True, parallelism=2)), Patch(BATCH, "jobs", "j", {"spec": {"suspend": False}}), Pods(ready),
        Patch(BATCH, "jobs", "j", {"spec": {"suspend": True}}), Patch(BATCH, "jobs", "j", {"spec": {"suspend": False}}), Pods(succeeded, 9, lambda pod: not is_done(pod)),
    ]),
    Story("a job with a time to live", [Create(BATCH, "jobs", job(ttlSecondsAfterFinished=6)), Pods(succeeded), Wait(8)]),
    Story("a work queue", [Create(BATCH, "jobs", job(parallelism=2, completions=None)), Pods(succeeded, 1, lambda pod: not is_done(pod)), Pods(succeeded, 9, lambda pod: not is_done(pod))]),
    Story("a job and its parallelism", [Create(BATCH, "jobs", job(parallelism=4, completions=8)), Patch(BATCH, "jobs", "j", {"spec": {"parallelism": 1}}), Delete(BATCH, "jobs", "j", {"propagationPolicy": "Background"}), Wait(1)]),
    Story("endpoints", [
        *NODES,
        Create(CORE, "services", {"metadata": {"name": "svc", "labels": {"tier": "front"}}, "spec": {"selector": {"app": "a"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "dns", "port": 53, "protocol": "UDP"}]}}),
        Create(CORE, "services", {"metadata": {"name": "head"}, "spec": {"clusterIP": "None", "selector": {"app": "a"}, "ports": [{"port": 80}]}}),
        *(Create(CORE, "pods", placed(name)) for name in ("p1", "p2")), Pods(running), Pods(ready, 1), Pods(ready), Delete(CORE, "pods", "p1", {"gracePeriodSeconds": 0}), Delete(CORE, "services", "svc"), Wait(1),
    ]),
    Story("a budget of pods that stay", [
        Create(POLICY, "poddisruptionbudgets", {"metadata": {"name": "least"}, "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "a"}}}}),
        Create(*DEPLOY, workload(replicas=3)), Pods(ready, 2), Pods(ready), Patch(*DEPLOY, "d", {"spec": {"replicas": 1}}),
    ]),
    Story("a budget of pods that may go", [
        Create(POLICY, "poddisruptionbudgets", {"metadata": {"name": "most"}, "spec": {"maxUnavailable": "30%", "selector": {"matchLabels": {"app": "a"}}}}),
        Create(*DEPLOY, workload(replicas=4)), Pods(ready, 2), Pods(ready), Patch(*DEPLOY, "d", {"spec": {"replicas": 10}}), ALL_READY,
    ]),
    Story("indexes that fail on their own", [
        Create(BATCH, "jobs", job(completions=3, parallelism=3, completionMode="Indexed", backoffLimitPerIndex=1)),
        Pods(exited(3), 9, of_index(0)), Wait(12), Pods(succeeded, 9, of_index(1)), Pods(exited(3), 9, of_index(0)), Wait(1), Pods(succeeded, 9, of_index(2)), Wait(1),
    ]),
    Story("too many failed indexes", [
        Create(BATCH, "jobs", job(completions=4, parallelism=4, completionMode="Indexed", backoffLimitPerIndex=0, maxFailedIndexes=1)),
        Pods(exited(3), 9, of_index(0)), Wait(1), Pods(exited(3), 9, of_index(2)), Wait(1),
    ]),
    Story("an index that a policy fails", [
        Create(BATCH, "jobs", job(completions=2, parallelism=2, completionMode="Indexed", backoffLimitPerIndex=3, podFailurePolicy={"rules": [{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [42]}}, {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [5]}}]})),
        Pods(exited(5), 9, of_index(1)), Wait(12), Pods(exited(42), 9, of_index(1)), Wait(1), Pods(succeeded, 9, of_index(0)), Wait(1),
    ]),
    Story("endpoints by hand", [
        Create(CORE, "services", {"metadata": {"name": "svc"}, "spec": {"ports": [{"port": 80}]}}),
        Create(CORE, "endpoints", {"metadata": {"name": "svc", "labels": {"tier": "front"}, "annotations": {"note": "kept"}}, "subsets": [{"addresses": [{"ip": "10.1.0.1"}, {"ip": "10.1.0.2", "hostname": "h"}], "notReadyAddresses": [{"ip": "10.1.0.3"}], "ports": [{"name": "a", "port": 80}]}]}),
        Patch(CORE, "endpoints", "svc", {"subsets": [{"addresses": [{"ip": "10.1.0.1"}], "ports": [{"name": "a", "port": 80}]}, {"addresses": [{"ip": "10.1.0.1"}], "ports": [{"name": "b", "port": 81}]}, {"addresses": [{"ip": "2001:db8::1"}], "ports": [{"name": "c", "port": 82}]}]}), Wait(3),
        Patch(CORE, "endpoints", "svc", {"metadata": {"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}}}), Wait(1),
    ]),
    Story("a daemon set that surges", [
        *NODES, Create(APPS, "daemonsets", {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"app": "a"}}, "template": template(), "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}}), Pods(ready),
        Patch(APPS, "daemonsets", "d", image(2)), ALL_READY, ALL_READY,
    ]),
    Story("claims that go with scaled pods", [
        Create(APPS, "statefulsets", workload("s", 2, serviceName="svc", persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete", "whenDeleted": "Delete"}, volumeClaimTemplates=[{"metadata": {"name": "v"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}])),
        ALL_READY, Patch(APPS, "statefulsets", "s", {"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain"}}}), ALL_READY,
        Patch(APPS, "statefulsets", "s", {"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}}), Patch(APPS, "statefulsets", "s", {"spec": {"replicas": 1}}), Wait(2),
    ]),
    Story("an autoscaler without metrics", [
        Create(*DEPLOY, workload(replicas=2)), Create(SCALING, "horizontalpodautoscalers", scaler("cpu")), Wait(1),
        Create(SCALING, "horizontalpodautoscalers", scaler("gone", target="nope")), Wait(1),
    ]),
    Story("an autoscaler with bounds", [
        Create(*DEPLOY, workload(replicas=1)), Create(SCALING, "horizontalpodautoscalers", scaler("min", minReplicas=2)), Wait(1),
    ]),
    Story("a cron job that is suspended", [
        Create(BATCH, "cronjobs", {"metadata": {"name": "c"}, "spec": {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": {"template": template(restart="Never")}}}}),
    ]),
)  # fmt: skip
