"""Operators as processes: kopf with finalizers, timers and peering; informers and managers in Go with leader election."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.clients.conftest import GROUP, PLURAL, VERSION, Site, copy_of, kube, until
from tests.real import start

STOP_S = 20
OPERATOR = Path(__file__).with_name("operator_kopf.py")
_PEERING: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "kopfpeerings.kopf.dev"},
    "spec": {
        "group": "kopf.dev",
        "scope": "Namespaced",
        "names": {"plural": "kopfpeerings", "singular": "kopfpeering", "kind": "KopfPeering"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                    }
                },
            }
        ],
    },
}


class Told:
    """A process and the lines it prints, collected as they come."""

    def __init__(self, command: Sequence[str], env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **(env or {})}
        )
        self.lines: list[str] = []
        self._reader = Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def says(self, line: str) -> None:
        """Wait until the process has printed `line`."""
        until(lambda: line in self.lines or self.process.poll() is not None, f"{line!r} in {self.lines[-20:]}")
        assert line in self.lines, self.lines[-20:]

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(STOP_S)


@contextmanager
def running(command: Sequence[str], env: dict[str, str] | None = None) -> Iterator[Told]:
    told = Told(command, env)
    try:
        yield told
    finally:
        told.stop()


@dataclass(frozen=True, slots=True)
class Copies:
    """The custom resources of a namespace, and the ConfigMaps that operators make of them."""

    api: Any
    namespace: str

    @property
    def _where(self) -> tuple[str, str, str, str]:
        return GROUP, VERSION, self.namespace, PLURAL

    def create(self, name: str, text: str) -> None:
        kube.CustomObjectsApi(self.api).create_namespaced_custom_object(*self._where, copy_of(text, name))

    def change(self, name: str, text: str) -> None:
        found = self.get(name)
        found["spec"]["text"] = text
        kube.CustomObjectsApi(self.api).replace_namespaced_custom_object(*self._where, name, found)

    def get(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = kube.CustomObjectsApi(self.api).get_namespaced_custom_object(*self._where, name)
        return found

    def delete(self, name: str) -> None:
        kube.CustomObjectsApi(self.api).delete_namespaced_custom_object(*self._where, name)

    def names(self) -> list[str]:
        found = kube.CustomObjectsApi(self.api).list_namespaced_custom_object(*self._where)
        return [item["metadata"]["name"] for item in found["items"]]

    def text(self, name: str) -> str | None:
        """What the ConfigMap of that name says; None while there is none."""
        maps = kube.CoreV1Api(self.api).list_namespaced_config_map(self.namespace).items
        return next((each.data.get("text") for each in maps if each.metadata.name == name), None)


@pytest.fixture
def copies(site: Site, namespace: str) -> Iterator[Copies]:
    with site.client() as api:
        yield Copies(api, namespace)


def kopf_run(site: Site, namespace: str, *options: str) -> list[str]:
    return [sys.executable, "-m", "kopf", "run", "-n", namespace, *options, str(OPERATOR)]


def test_a_kopf_operator_handles_ticks_and_finalizes(site: Site, copies: Copies) -> None:
    env = {"KUBECONFIG": str(site.kubeconfig)}
    with running(kopf_run(site, copies.namespace, "--standalone"), env) as operator:
        copies.create("x", "hello")
        operator.says("made x")
        until(lambda: copies.get("x").get("status", {}).get("made") == {"text": "hello"}, "the handler's result")
        assert copies.text("x") == "hello"
        until(lambda: copies.get("x").get("status", {}).get("ticks") == 3, "three ticks of the timer")
        assert copies.get("x")["metadata"]["finalizers"] == ["kopf.zalando.org/KopfFinalizerMarker"]
        copies.change("x", "there")
        operator.says("changed x there")
        until(lambda: copies.text("x") == "there", "the changed ConfigMap")
        copies.delete("x")
        operator.says("unmade x")
        until(lambda: copies.names() == [], "the finalizer to be taken away")
        until(lambda: copies.text("x") is None, "the garbage collector to take the ConfigMap")


def test_of_two_kopf_operators_the_one_of_higher_priority_works(site: Site, copies: Copies) -> None:
    definitions = kube.ApiextensionsV1Api(copies.api)
    definitions.create_custom_resource_definition(_PEERING)
    peering = {"apiVersion": "kopf.dev/v1", "kind": "KopfPeering", "metadata": {"name": "kit"}}
    where = ("kopf.dev", "v1", copies.namespace, "kopfpeerings")
    kube.CustomObjectsApi(copies.api).create_namespaced_custom_object(*where, peering)

    def peers() -> int:
        found = kube.CustomObjectsApi(copies.api).get_namespaced_custom_object(*where, "kit")
        return len(found.get("status") or {})

    env = {"KUBECONFIG": str(site.kubeconfig)}
    with ExitStack() as stack:
        first = stack.enter_context(running(kopf_run(site, copies.namespace, "--peering=kit", "--priority=1"), env))
        until(lambda: peers() == 1, "the first peer to announce itself")
        second = stack.enter_context(running(kopf_run(site, copies.namespace, "--peering=kit", "--priority=2"), env))
        until(lambda: peers() == 2, "both peers to announce themselves")
        until(lambda: any("Pausing" in line for line in first.lines), "the first to pause")
        copies.create("y", "hello")
        second.says("made y")
        assert "made y" not in first.lines
        copies.delete("y")
        second.says("unmade y")
    definitions.delete_custom_resource_definition("kopfpeerings.kopf.dev")


def built(name: str) -> str:
    try:
        return start.binary(name)
    except start.NotBuilt as absent:
        pytest.skip(str(absent))


def test_an_informer_of_client_go_lists_by_watching(site: Site, copies: Copies) -> None:
    core = kube.CoreV1Api(copies.api)
    for name in ("a", "b"):
        core.create_namespaced_config_map(copies.namespace, {"metadata": {"name": name}, "data": {"a": "1"}})
    until(lambda: len(core.list_namespaced_config_map(copies.namespace).items) == 3, "the root certificate")
    with running([built("informer"), str(site.kubeconfig), copies.namespace]) as informer:
        informer.says("synced 3 watchlist=true listed=0")
        core.patch_namespaced_config_map("a", copies.namespace, {"data": {"a": "2"}})
        informer.says("updated a 2")
        core.create_namespaced_config_map(copies.namespace, {"metadata": {"name": "end"}, "data": {"a": "3"}})
        informer.says("added end 3")
        core.delete_namespaced_config_map("end", copies.namespace)
        informer.says("deleted end 3")
        assert informer.process.wait(STOP_S) == 0


def test_managers_of_controller_runtime_elect_one_and_then_the_other(site: Site, copies: Copies) -> None:
    manager = built("manager")
    with running([manager, str(site.kubeconfig), copies.namespace, "one"]) as first:
        first.says("leading one")
        with running([manager, str(site.kubeconfig), copies.namespace, "two"]) as second:
            copies.create("x", "hello")
            first.says("reconciled x hello")
            until(lambda: copies.get("x").get("status") == {"copied": "hello"}, "the status")
            assert copies.text("x") == "hello"
            first.stop()
            second.says("leading two")
            copies.change("x", "there")
            second.says("reconciled x there")
            assert copies.text("x") == "there"
            lease = kube.CoordinationV1Api(copies.api).read_namespaced_lease("copier.kit.example.com", copies.namespace)
            assert lease.spec.lease_transitions >= 1
            copies.delete("x")
            until(lambda: copies.text("x") is None, "the garbage collector to take the ConfigMap")
