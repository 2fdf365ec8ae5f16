"""Every kubectl of this machine, from 1.27 to the newest: one story with a custom resource and what scripts do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.conftest import Site, copy_of
from tests.e2e.kubectls import Kubectl, found_kubectls


@pytest.fixture(params=sorted(found_kubectls()) or ["none"])
def kubectl(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Kubectl:
    binary = found_kubectls().get(request.param)
    if binary is None:
        pytest.skip("no kubectl on the PATH, and none built by `make real`")
    return Kubectl(binary, site.kubeconfig, tmp_path / "cache")


def test_a_custom_resource_lives_its_life(kubectl: Kubectl, namespace: str) -> None:
    def run(*arguments: str, stdin: str = "", may_fail: bool = False) -> str:
        return kubectl("-n", namespace, *arguments, stdin=stdin, may_fail=may_fail)

    assert run("apply", "-f", "-", stdin=json.dumps(copy_of("hello"))) == "copy.kit.example.com/x created\n"
    assert run("apply", "-f", "-", stdin=json.dumps(copy_of("hello"))) == "copy.kit.example.com/x unchanged\n"
    header, row = run("get", "cp").splitlines()
    assert (header.split(), row.split()) == (["NAME", "TEXT"], ["x", "hello"])
    assert json.loads(run("get", "copy/x", "-o", "json"))["spec"] == {"text": "hello", "times": 1}
    run("patch", "copy", "x", "--type=merge", "-p", '{"spec": {"text": "there"}}')
    run("patch", "copy", "x", "--subresource=status", "--type=merge", "-p", '{"status": {"phase": "Done"}}')
    run("wait", "copy/x", "--for=jsonpath={.status.phase}=Done", "--timeout=20s")
    assert "Too long" in run("apply", "-f", "-", stdin=json.dumps(copy_of("x" * 21)), may_fail=True)
    assert "text\t<string>" in run("explain", "copy.spec")
    assert run("delete", "copy", "x").startswith('copy.kit.example.com "x" deleted')


def test_scripts_get_tokens_answers_and_reasons(kubectl: Kubectl, namespace: str) -> None:
    assert kubectl("-n", namespace, "create", "serviceaccount", "robot") == "serviceaccount/robot created\n"
    token = kubectl("-n", namespace, "create", "token", "robot").strip()
    assert len(token.split(".")) == 3
    assert kubectl("auth", "can-i", "create", "pods").strip() == "yes"
    assert "NotFound" in kubectl("-n", namespace, "get", "configmap", "none", may_fail=True)
    body = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: '1'}\n"
    arguments = ("-n", namespace, "apply", "--server-side", "-f", "-")
    assert kubectl(*arguments, "--field-manager=one", stdin=body) == "configmap/c serverside-applied\n"
    refused = kubectl(*arguments, "--field-manager=two", stdin=body.replace("'1'", "'2'"), may_fail=True)
    assert 'conflict with "one": .data.a' in refused
