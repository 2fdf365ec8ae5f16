"""Every kubectl of this machine and a site whose workloads move: what people and scripts do all day."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.conftest import Site
from tests.e2e.kubectls import Kubectl, found_kubectls

Run = Callable[..., str]

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {part: site}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: front, image: "nginx:1"}]}
"""
SETTINGS = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {part: site}}
data: {colour: red}
"""


@pytest.fixture(params=sorted(found_kubectls()) or ["none"])
def run(request: pytest.FixtureRequest, busy_site: Site, busy_namespace: str, tmp_path: Path) -> Run:
    """A kubectl in a namespace of its own."""
    binary = found_kubectls().get(request.param)
    if binary is None:
        pytest.skip("no kubectl on the PATH, and none built by `make real`")
    kubectl = Kubectl(binary, busy_site.kubeconfig, tmp_path / "cache")

    def in_namespace(*arguments: str, stdin: str = "", may_fail: bool = False) -> str:
        return kubectl("-n", busy_namespace, *arguments, stdin=stdin, may_fail=may_fail)

    return in_namespace


def test_a_deployment_rolls_out_scales_and_comes_back(run: Run) -> None:
    assert run("apply", "-f", "-", stdin=WEB) == "deployment.apps/web created\n"
    assert "successfully rolled out" in run("rollout", "status", "deploy/web", "--timeout=30s")
    told = run("wait", "--for=condition=Available", "deploy/web", "--timeout=30s")
    assert told == "deployment.apps/web condition met\n"
    assert run("scale", "deploy/web", "--replicas=4") == "deployment.apps/web scaled\n"
    run("rollout", "status", "deploy/web", "--timeout=30s")
    [ready] = {line.split()[1] for line in run("get", "deploy", "web").splitlines()[1:]}
    assert ready == "4/4"
    run("set", "image", "deploy/web", "front=nginx:2")
    run("rollout", "status", "deploy/web", "--timeout=30s")
    run("rollout", "undo", "deploy/web")
    run("rollout", "status", "deploy/web", "--timeout=30s")
    assert run("get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[0].image}") == "nginx:1"


def test_a_job_completes(run: Run) -> None:
    assert run("create", "job", "good", "--image=busybox", "--", "sleep", "1") == "job.batch/good created\n"
    assert "condition met" in run("wait", "--for=condition=complete", "job/good", "--timeout=30s")
    run("create", "job", "bad", "--image=busybox", "--", "sh", "-c", "exit 3")
    run("patch", "job", "bad", "-p", '{"spec": {"backoffLimit": 0}}')
    assert "condition met" in run("wait", "--for=condition=failed", "job/bad", "--timeout=60s")


def test_what_is_applied_no_more_is_pruned_and_differences_are_shown(run: Run) -> None:
    pruned = ("apply", "--prune", "-l", "part=site", "--prune-allowlist=core/v1/ConfigMap", "-f", "-")
    run(*pruned, stdin=WEB + SETTINGS)
    different = run("diff", "-f", "-", stdin=SETTINGS.replace("red", "blue"), may_fail=True)
    assert "-  colour: red" in different
    assert "+  colour: blue" in different
    assert "configmap/settings pruned" in run(*pruned, stdin=WEB)
    assert "NotFound" in run("get", "configmap", "settings", may_fail=True)


def test_a_field_that_nobody_knows_is_refused_by_name(run: Run) -> None:
    refused = run("apply", "-f", "-", stdin=WEB.replace("replicas:", "replicsa:"), may_fail=True)
    assert 'unknown field "spec.replicsa"' in refused
    assert "NotFound" in run("get", "deploy", "web", may_fail=True)


def test_a_drain_is_rehearsed_and_nothing_is_gone(run: Run) -> None:
    run("apply", "-f", "-", stdin=WEB)
    run("rollout", "status", "deploy/web", "--timeout=30s")
    told = run("drain", "node-0", "--dry-run=client", "--ignore-daemonsets", "--force")
    assert "node/node-0 cordoned (dry run)" in told
    assert told.count("evicting pod") + told.count("evicted (dry run)") >= 2
    told = run("drain", "node-0", "--dry-run=server", "--ignore-daemonsets", "--force")
    assert "node/node-0 drained (server dry run)" in told
    pods = json.loads(run("get", "pods", "-l", "app=web", "-o", "json"))["items"]
    assert [pod["status"]["phase"] for pod in pods] == ["Running", "Running"]


def test_tokens_are_made_and_rights_are_listed(run: Run) -> None:
    run("create", "serviceaccount", "robot")
    assert len(run("create", "token", "robot", "--duration=1h").strip().split(".")) == 3
    header, *rows = run("auth", "can-i", "--list").splitlines()
    assert header.split()[0] == "Resources"
    assert ["*.*", "[]", "[]", "[*]"] in [row.split() for row in rows]
