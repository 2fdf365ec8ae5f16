"""A site with light controllers, its clock in hand, and the few objects that tests of controllers make."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fakekube.controllers import STAGES, Stages, Workloads
from tests.unit.fakekube.sites import Answer, Site

Obj = dict[str, Any]

APPS = "/apis/apps/v1/namespaces/default"
CORE = "/api/v1/namespaces/default"
BATCH = "/apis/batch/v1/namespaces/default"
POLICY = "/apis/policy/v1/namespaces/default"


@dataclass
class ClusterSite(Site):
    """`nodes` and `stages` as in Workloads."""

    nodes: int = 1
    stages: Stages = field(default=STAGES)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.workloads = Workloads(self.server, nodes=self.nodes, stages=self.stages)
        self.server.attach(self.workloads)
        self.run()

    def run(self, seconds: float = 0.0) -> None:
        """That much time passes, and the work that is due by then is done."""
        end = self.clock.now + seconds
        for _ in range(20_000):
            due = self.server.next_due()
            if due is None or due > end:
                break
            self.clock.now = max(self.clock.now, due)
            self.server.run_due(self.clock.now)
        else:
            raise AssertionError("controllers never come to rest")
        self.clock.now = end

    def made(self, path: str, obj: Obj) -> Obj:
        """The object as created."""
        answer = self.post(path, obj)
        assert answer.status == 201, answer.text
        found: Obj = answer.json
        return found

    def obj(self, path: str) -> Obj:
        answer = self.get(path)
        assert answer.status == 200, answer.text
        found: Obj = answer.json
        return found

    def items(self, path: str, query: str = "") -> list[Obj]:
        answer: Answer = self.get(path, query)
        found: list[Obj] = answer.json["items"]
        return found

    def pods(self, labels: str = "") -> list[Obj]:
        return self.items(f"{CORE}/pods", f"labelSelector={labels}" if labels else "")

    def patched(self, path: str, change: Obj) -> Obj:
        answer = self.patch(path, change)
        assert answer.status == 200, answer.text
        found: Obj = answer.json
        return found

    def gone(self, path: str, body: Obj | None = None) -> None:
        answer = self.delete(path, body)
        assert answer.status in (200, 202), answer.text


def template(app: str = "web", image: str = "nginx", **pod_spec: Any) -> Obj:
    return {
        "metadata": {"labels": {"app": app}},
        "spec": {"containers": [{"name": "c", "image": image}], **pod_spec},
    }


def deployment(name: str = "web", replicas: int = 3, **spec: Any) -> Obj:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template(name),
            **spec,
        },
    }


def condition(obj: Obj, kind: str) -> Obj | None:
    return next((each for each in obj["status"].get("conditions", []) if each["type"] == kind), None)


def names(objects: list[Obj]) -> list[str]:
    return [each["metadata"]["name"] for each in objects]
