"""Workloads as people move them with kubectl and helm, on a site whose light controllers run."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakekube.apiserver.server import Apiserver
from fakekube.controllers import Workloads
from fakekube.http.kubeconfig import kubeconfig_text
from fakekube.http.site import HttpSite
from tests.e2e.helms import Helm, found_helm
from tests.e2e.kubectls import Kubectl, found_kubectls
from tests.e2e.test_serve import get, served

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: front, image: "nginx:1"}]}
"""


@pytest.fixture
def url() -> Iterator[str]:
    """The address of a fresh site with two nodes."""
    loop = asyncio.new_event_loop()
    apiserver = Apiserver(name="paris", now=time.time, rng=random.Random(1))
    apiserver.attach(Workloads(apiserver, nodes=2))
    site = HttpSite(apiserver)
    address = loop.run_until_complete(site.listen())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield address
    asyncio.run_coroutine_threadsafe(site.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def found(kubectl: Kubectl, *what: str) -> Any:
    return json.loads(kubectl("get", *what, "-o", "json"))


def staying(kubectl: Kubectl) -> list[Any]:
    """The pods of web that are not about to go: a rollout is over before the last old one has gone."""
    return [
        pod for pod in found(kubectl, "pods", "-l", "app=web")["items"] if "deletionTimestamp" not in pod["metadata"]
    ]


def images(kubectl: Kubectl) -> set[str]:
    return {pod["spec"]["containers"][0]["image"] for pod in staying(kubectl)}


def deployed(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=WEB)
    kubectl("rollout", "status", "deploy/web", "--timeout=30s")


def test_a_rollout_is_watched_undone_and_restarted(kubectl: Kubectl) -> None:
    deployed(kubectl)
    assert kubectl("wait", "--for=condition=Available", "deploy/web", "--timeout=30s").endswith("condition met\n")
    kubectl("set", "image", "deploy/web", "front=nginx:2")
    assert "successfully rolled out" in kubectl("rollout", "status", "deploy/web", "--timeout=30s")
    assert images(kubectl) == {"nginx:2"}
    history = kubectl("rollout", "history", "deploy/web").splitlines()
    assert [line.split()[0] for line in history if line[:1].isdigit()] == ["1", "2"]
    assert "nginx:1" in kubectl("rollout", "history", "deploy/web", "--revision=1")
    kubectl("rollout", "undo", "deploy/web")
    kubectl("rollout", "status", "deploy/web", "--timeout=30s")
    assert images(kubectl) == {"nginx:1"}
    before = {pod["metadata"]["name"] for pod in staying(kubectl)}
    kubectl("rollout", "restart", "deploy/web")
    kubectl("rollout", "status", "deploy/web", "--timeout=30s")
    after = {pod["metadata"]["name"] for pod in staying(kubectl)}
    assert len(after) == 3
    assert not before & after


def test_a_paused_deployment_waits_until_it_is_resumed(kubectl: Kubectl) -> None:
    deployed(kubectl)
    kubectl("rollout", "pause", "deploy/web")
    kubectl("set", "image", "deploy/web", "front=nginx:2")
    kubectl("wait", "--for=jsonpath={.status.observedGeneration}=3", "deploy/web", "--timeout=30s")
    assert images(kubectl) == {"nginx:1"}
    kubectl("rollout", "resume", "deploy/web")
    kubectl("rollout", "status", "deploy/web", "--timeout=30s")
    assert images(kubectl) == {"nginx:2"}


def test_scale_and_autoscale(kubectl: Kubectl) -> None:
    deployed(kubectl)
    kubectl("scale", "deploy/web", "--replicas=5")
    kubectl("wait", "--for=jsonpath={.status.availableReplicas}=5", "deploy/web", "--timeout=30s")
    kubectl("autoscale", "deploy", "web", "--max=9", "--min=2")
    assert found(kubectl, "hpa", "web")["spec"]["maxReplicas"] == 9


def test_a_job_completes_and_one_fails(kubectl: Kubectl) -> None:
    kubectl("create", "job", "good", "--image=busybox")
    assert "condition met" in kubectl("wait", "--for=condition=complete", "job/good", "--timeout=30s")
    assert "Complete" in kubectl("get", "job", "good")
    bad = json.dumps(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "bad"},
            "spec": {
                "backoffLimit": 0,
                "template": {
                    "metadata": {"annotations": {"fakekube.dev/fails": "exit 7"}},
                    "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox"}]},
                },
            },
        }
    )
    kubectl("apply", "-f", "-", stdin=bad)
    assert "condition met" in kubectl("wait", "--for=condition=failed", "job/bad", "--timeout=30s")
    (pod,) = found(kubectl, "pods", "-l", "job-name=bad")["items"]
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 7


def test_a_node_is_drained_under_a_budget(kubectl: Kubectl) -> None:
    deployed(kubectl)
    kubectl("create", "pdb", "web", "--selector=app=web", "--min-available=2")
    kubectl("wait", "--for=jsonpath={.status.expectedPods}=3", "pdb/web", "--timeout=30s")
    kubectl("drain", "node-0", "--ignore-daemonsets", "--timeout=40s")
    kubectl("rollout", "status", "deploy/web", "--timeout=30s")
    assert {pod["spec"]["nodeName"] for pod in staying(kubectl)} == {"node-1"}
    assert "SchedulingDisabled" in kubectl("get", "node", "node-0")
    kubectl("uncordon", "node-0")
    assert "SchedulingDisabled" not in kubectl("get", "node", "node-0")


def test_a_deletion_takes_what_it_owned(kubectl: Kubectl) -> None:
    deployed(kubectl)
    kubectl("delete", "deploy", "web", "--cascade=foreground", "--timeout=30s")
    assert found(kubectl, "rs")["items"] == []
    kubectl("create", "ns", "team")
    kubectl("apply", "-n", "team", "-f", "-", stdin=WEB)
    kubectl("rollout", "status", "-n", "team", "deploy/web", "--timeout=30s")
    kubectl("delete", "ns", "team", "--timeout=40s")
    assert found(kubectl, "pods", "-A")["items"] == []


def test_a_stateful_set_and_a_daemon_set_roll_out(kubectl: Kubectl) -> None:
    stateful = WEB.replace("Deployment", "StatefulSet").replace(
        "spec:\n  replicas: 3", "spec:\n  serviceName: web\n  replicas: 2"
    )
    kubectl("apply", "-f", "-", stdin=stateful)
    kubectl("rollout", "status", "sts/web", "--timeout=30s")
    daemons = WEB.replace("Deployment", "DaemonSet").replace("  replicas: 3\n", "").replace("web", "agent")
    kubectl("apply", "-f", "-", stdin=daemons)
    assert "successfully rolled out" in kubectl("rollout", "status", "ds/agent", "--timeout=30s")
    kubectl("rollout", "restart", "sts/web", "ds/agent")
    kubectl("rollout", "status", "sts/web", "--timeout=30s")
    kubectl("rollout", "status", "ds/agent", "--timeout=30s")
    kubectl("rollout", "undo", "ds/agent")
    kubectl("rollout", "status", "ds/agent", "--timeout=30s")


def test_events_tell_what_happened(kubectl: Kubectl) -> None:
    deployed(kubectl)
    described = kubectl("describe", "deploy", "web")
    assert "ScalingReplicaSet" in described
    assert "Scaled up replica set web-" in described


# --- helm -------------------------------------------------------------------------------------------------------------

CHART = "apiVersion: v2\nname: web\nversion: 0.1.0\n"
VALUES = "image: nginx:1\n"
TEMPLATE = (
    WEB.replace("{name: web}", "{name: {{ .Release.Name }}}").replace('"nginx:1"', '"{{ .Values.image }}"')
    + """---
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec:
  selector: {app: web}
  ports: [{port: 80}]
"""
)


@pytest.fixture(scope="session")
def helm() -> Path:
    """A helm 3: the one on the PATH, or one that Go fetches and builds; else the test is skipped."""
    return found_helm()


def test_helm_installs_waits_upgrades_and_rolls_back(helm: Path, url: str, tmp_path: Path) -> None:
    config = tmp_path / "kubeconfig"
    config.write_text(kubeconfig_text(url, "paris"))
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text(CHART)
    (chart / "values.yaml").write_text(VALUES)
    (chart / "templates" / "all.yaml").write_text(TEMPLATE)
    run = Helm(helm, config, tmp_path)
    assert "STATUS: deployed" in run("install", "web", str(chart), "--wait", "--timeout=40s")
    assert "REVISION: 2" in run("upgrade", "web", str(chart), "--set", "image=nginx:2", "--wait", "--timeout=40s")
    kubectl = Kubectl(next(iter(found_kubectls().values())), config, tmp_path / "cache")
    assert "nginx:2" in images(kubectl)
    assert "Rollback was a success" in run("rollback", "web", "1", "--wait", "--timeout=40s")
    assert 'release "web" uninstalled' in run("uninstall", "web", "--wait", "--timeout=40s")


def test_serve_runs_them_when_asked(tmp_path: Path) -> None:
    with served(tmp_path, "--controllers", "workloads") as (_, ready):
        url = ready["sites"]["site-000"]["url"]
        give_up = time.monotonic() + 30
        while not (nodes := get(f"{url}/api/v1/nodes")["items"]) or "conditions" not in nodes[0]["status"]:
            assert time.monotonic() < give_up
            time.sleep(0.1)
        assert [node["metadata"]["name"] for node in nodes] == ["node-0"]
