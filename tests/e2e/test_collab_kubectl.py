"""The first five minutes with collab, typed into a real kubectl."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fakekube.http.kubeconfig import kubeconfig_text
from tests.e2e.collab_sites import Federation, federation
from tests.e2e.kubectls import Kubectl

TIMEOUT_S = 60
SITE_ANNOTATION = r"jsonpath={.metadata.annotations.collab\.fakekube\.dev/site}"


@dataclass
class Hands:
    """kubectl at each site; `typed` gives what was printed on both streams."""

    sites: Federation
    loop: asyncio.AbstractEventLoop
    kubectl: Kubectl
    folder: Path

    def typed(self, site: str, *arguments: str, may_fail: bool = False) -> str:
        config = self.folder / f"{site}.kubeconfig"
        config.write_text(kubeconfig_text(self.sites[site].agent.url, site))
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path, "KUBECONFIG": str(config), "KUBECTL": str(self.kubectl.binary)}
        done = subprocess.run(
            [str(self.kubectl.binary), *arguments],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            env=environment,
            check=False,
        )
        assert may_fail or done.returncode == 0, done
        return done.stdout + done.stderr

    def cut(self) -> None:
        self.loop.call_soon_threadsafe(self.sites.cut, "site-000", "site-001")


@pytest.fixture
def hands(kubectl: Kubectl, tmp_path: Path) -> Iterator[Hands]:
    """Two sites with agents in a thread, since kubectl is waited for."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    context = federation("site-000", "site-001")
    sites = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(TIMEOUT_S)
    yield Hands(sites, loop, kubectl, tmp_path)
    asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(TIMEOUT_S)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def columns(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_share_read_under_a_scope_and_delete_at_a_member(hands: Hands) -> None:
    assert hands.typed("site-000", "create", "namespace", "team") == "namespace/team created\n"
    hands.typed("site-000", "label", "namespace", "team", "colour=blue")
    assert "site-001: applied" in hands.typed("site-000", "collab", "extend", "ns/team", "--to", "site-001")
    assert "colour=blue" in hands.typed("site-001", "get", "namespace", "team", "--show-labels")

    both = "site-000 & site-001"
    table = columns(hands.typed("site-000", "collab", "--scope", both, "get", "ns", "-l", "colour"))
    assert table[0] == ["SITE", "NAME", "STATUS", "AGE"]
    assert [row[:3] for row in table[1:]] == [["site-000", "team", "Active"], ["site-001", "team", "Active"]]
    site = hands.typed(
        "site-000",
        "collab",
        "--scope",
        both,
        "get",
        "ns",
        "team",
        "-o",
        SITE_ANNOTATION,
    )
    assert site == "site-000,site-001"

    deleted = hands.typed("site-001", "delete", "namespace", "team")
    assert "namespace team is shared with site-000: deleted at site-001 only" in deleted
    assert "Active" in hands.typed("site-000", "get", "namespace", "team")


def test_create_and_delete_under_a_scope_and_read_over_a_cut(hands: Hands) -> None:
    both, either = "site-000 & site-001", "site-001 | site-000"
    assert hands.typed("site-000", "collab", "--scope", both, "create", "ns", "pair") == "namespace/pair created\n"
    assert columns(hands.typed("site-001", "collab", "status"))[1][:4] == [
        "namespaces/pair",
        "member",
        "site-000",
        "site-000,site-001",
    ]
    hands.typed("site-000", "collab", "--scope", both, "delete", "ns", "pair")
    hands.typed("site-001", "wait", "--for=delete", "ns/pair", "--timeout=20s", may_fail=True)
    assert "not found" in hands.typed("site-001", "get", "ns", "pair", may_fail=True)

    hands.cut()
    partial = hands.typed("site-000", "collab", "--scope", both, "get", "ns", "default")
    assert "Warning: site site-001: unreachable" in partial
    assert "site-000   default" in partial
    fallen = hands.typed("site-000", "collab", "--scope", either, "create", "ns", "somewhere")
    assert "namespace/somewhere created" in fallen
    assert "Active" in hands.typed("site-000", "get", "ns", "somewhere")
    refused = hands.typed("site-000", "collab", "--scope", "site-001", "get", "ns", may_fail=True)
    assert "site site-001 cannot be reached" in refused


def test_a_watch_and_an_apply_pass_through(hands: Hands) -> None:
    manifest = hands.folder / "cm.yaml"
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app, namespace: default}\ndata: {colour: %s}\n"
    for colour, said in (("red", "created"), ("red", "unchanged"), ("blue", "configured")):
        manifest.write_text(text % colour)
        assert hands.typed("site-000", "apply", "-f", str(manifest)) == f"configmap/app {said}\n"
    waited = hands.typed("site-000", "wait", "--for=jsonpath={.data.colour}=blue", "configmap/app", "--timeout=20s")
    assert "condition met" in waited
    # the same through a scope of one other site
    hands.typed("site-000", "collab", "--scope", "site-001", "apply", "-f", str(manifest))
    assert "app" in hands.typed("site-001", "get", "configmap", "app")


def test_apply_edit_and_replace_under_a_scope(hands: Hands) -> None:
    both = ("collab", "--scope", "site-000 & site-001")
    manifest = hands.folder / "ns.yaml"
    text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: team, labels: {colour: %s}}\n"
    for colour, said in (("red", "created"), ("red", "unchanged"), ("blue", "configured")):
        manifest.write_text(text % colour)
        assert f"namespace/team {said}" in hands.typed("site-000", *both, "apply", "-f", str(manifest))
    read = hands.folder / "read.json"
    read.write_text(hands.typed("site-000", *both, "get", "ns", "team", "-o", "json").replace('"blue"', '"green"'))
    assert "namespace/team replaced" in hands.typed("site-000", *both, "replace", "-f", str(read))
    hands.typed("site-000", "wait", "--for=jsonpath={.metadata.labels.colour}=green", "ns/team", "--timeout=20s")
    assert hands.typed("site-000", "get", "ns", "team", "-o", SITE_ANNOTATION) == ""
