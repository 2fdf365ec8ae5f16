"""What people do with kubectl, done with real ones."""

from __future__ import annotations

import json
import subprocess

from tests.e2e.kubectls import Kubectl

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: team}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: front, image: "nginx:1"}
      - {name: cache, image: "redis:1"}
"""


def images(kubectl: Kubectl) -> dict[str, str]:
    found = json.loads(kubectl("get", "deploy", "web", "-n", "team", "-o", "json"))
    return {each["name"]: each["image"] for each in found["spec"]["template"]["spec"]["containers"]}


def test_a_namespace_is_created_labelled_and_listed(kubectl: Kubectl) -> None:
    assert kubectl("create", "ns", "team") == "namespace/team created\n"
    assert kubectl("label", "ns", "team", "tier=gold") == "namespace/team labeled\n"
    lines = kubectl("get", "ns", "--show-labels").splitlines()
    assert lines[0].split() == ["NAME", "STATUS", "AGE", "LABELS"]
    (row,) = [line.split() for line in lines if line.startswith("team ")]
    assert row[1] == "Active"
    assert row[3] == "kubernetes.io/metadata.name=team,tier=gold"


def test_a_watch_shows_a_namespace_terminate_and_go(kubectl: Kubectl) -> None:
    kubectl("create", "ns", "team")
    watch = subprocess.Popen(
        kubectl.command("get", "ns", "team", "-w", "--output-watch-events"), stdout=subprocess.PIPE, text=True
    )
    try:
        assert watch.stdout is not None
        rows = [watch.stdout.readline().split(), watch.stdout.readline().split()]
        assert rows[1][:3] == ["ADDED", "team", "Active"]
        assert kubectl("delete", "ns", "team").startswith('namespace "team" deleted')
        seen: list[list[str]] = []
        while not seen or seen[-1][0] != "DELETED":
            seen.append(watch.stdout.readline().split())
        assert ["MODIFIED", "team", "Terminating"] in [row[:3] for row in seen]
    finally:
        watch.kill()
        watch.communicate()
    assert "NotFound" in kubectl("get", "ns", "team", may_fail=True)


def test_a_deployment_is_applied_twice_with_a_change(kubectl: Kubectl) -> None:
    kubectl("create", "ns", "team")
    assert kubectl("apply", "-f", "-", stdin=WEB) == "deployment.apps/web created\n"
    assert kubectl("apply", "-f", "-", stdin=WEB) == "deployment.apps/web unchanged\n"
    changed = WEB.replace("redis:1", "redis:2")
    assert kubectl("apply", "-f", "-", stdin=changed) == "deployment.apps/web configured\n"
    assert images(kubectl) == {"front": "nginx:1", "cache": "redis:2"}
    header, row = kubectl("get", "deploy", "-n", "team", "-o", "wide").splitlines()
    assert header.split()[-3:] == ["CONTAINERS", "IMAGES", "SELECTOR"]
    assert row.split()[-3:] == ["front,cache", "nginx:1,redis:2", "app=web"]


def test_a_field_that_nobody_knows_is_refused_by_name(kubectl: Kubectl) -> None:
    kubectl("create", "ns", "team")
    refused = kubectl("apply", "-f", "-", stdin=WEB.replace("replicas:", "replicsa:"), may_fail=True)
    assert 'unknown field "spec.replicsa"' in refused


def test_a_config_map_is_created_patched_and_described(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "settings", "--from-literal=a=1")
    assert kubectl("patch", "configmap", "settings", "--type=merge", "-p", '{"data":{"b":"2"}}').endswith("patched\n")
    kubectl("patch", "configmap", "settings", "--type=json", "-p", '[{"op":"remove","path":"/data/a"}]')
    assert json.loads(kubectl("get", "configmap", "settings", "-o", "json"))["data"] == {"b": "2"}
    described = kubectl("describe", "configmap", "settings")
    assert "Name:         settings" in described


def test_server_side_apply_tells_who_owns_a_field(kubectl: Kubectl) -> None:
    body = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: '1'}\n"
    kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", stdin=body)
    other = body.replace("'1'", "'2'")
    refused = kubectl("apply", "--server-side", "--field-manager=two", "-f", "-", stdin=other, may_fail=True)
    assert 'conflict with "one": .data.a' in refused


def test_a_namespace_is_described(kubectl: Kubectl) -> None:
    kubectl("create", "ns", "team")
    described = kubectl("describe", "ns", "team")
    assert "Status:       Active" in described


def test_api_resources_lists_short_names(kubectl: Kubectl) -> None:
    rows = [line.split() for line in kubectl("api-resources").splitlines()]
    assert ["deployments", "deploy", "apps/v1", "true", "Deployment"] in rows


def test_a_wait_ends_when_the_object_is_gone(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "short-lived")
    waiting = subprocess.Popen(
        kubectl.command("wait", "--for=delete", "configmap/short-lived", "--timeout=20s"),
        stdout=subprocess.PIPE,
        text=True,
    )
    kubectl("delete", "configmap", "short-lived")
    assert waiting.wait(30) == 0
    waiting.communicate()


def test_explain_tells_the_fields_of_a_strategy(kubectl: Kubectl) -> None:
    told = kubectl("explain", "deploy.spec.strategy", "--recursive")
    assert [line.split()[0] for line in told.partition("FIELDS:")[2].splitlines() if line.startswith(" ")][:4] == [
        "rollingUpdate",
        "maxSurge",
        "maxUnavailable",
        "type",
    ]


def test_apply_prunes_what_is_no_longer_applied(kubectl: Kubectl) -> None:
    def maps(*names: str) -> str:
        each = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {}, labels: {{app: shop}}}}\n"
        return "---\n".join(each.format(name) for name in names)

    kubectl("apply", "-f", "-", stdin=maps("one", "two"))
    pruned = kubectl(
        "apply", "--prune", "-l", "app=shop", "--prune-allowlist=core/v1/ConfigMap", "-f", "-", stdin=maps("one")
    )
    assert "configmap/two pruned" in pruned
    assert kubectl("get", "configmap", "-l", "app=shop", "-o", "name") == "configmap/one\n"


def test_diff_shows_what_an_apply_would_change(kubectl: Kubectl) -> None:
    kubectl("create", "ns", "team")
    kubectl("apply", "-f", "-", stdin=WEB)
    assert kubectl("diff", "-f", "-", stdin=WEB) == ""
    shown = kubectl("diff", "-f", "-", stdin=WEB.replace("replicas: 2", "replicas: 3"), may_fail=True)
    changed = [line for line in shown.splitlines() if line.startswith(("-  ", "+  ")) and "generation" not in line]
    assert [line.strip("+- ") for line in changed] == ["replicas: 2", "replicas: 3"]
    assert json.loads(kubectl("get", "deploy", "web", "-n", "team", "-o", "json"))["spec"]["replicas"] == 2


def test_a_drain_is_rehearsed(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin="apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n")
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {nodeName: n1, containers: [{name: c, image: i}]}\n"
    kubectl("apply", "-f", "-", stdin=pod)
    told = kubectl("drain", "n1", "--dry-run=server", "--force")
    assert "node/n1 cordoned (server dry run)" in told
    assert "pod/p" in told or "default/p" in told
    assert json.loads(kubectl("get", "node", "n1", "-o", "json"))["spec"].get("unschedulable") is None
    assert kubectl("get", "pod", "p", "-o", "name") == "pod/p\n"
