"""One served site for all clients of a module, in a process of its own, and a namespace for each test."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config, dynamic

# Half of their functions say nothing of their types.
kube: Any = client
_config: Any = config
dynamic_client: Any = dynamic.DynamicClient

PATIENCE_S = 60.0
POLL_S = 0.1

# The custom resource of all stories: spec.text is copied somewhere by an operator, which says so in the status.
GROUP, VERSION, PLURAL, KIND = "kit.example.com", "v1", "copies", "Copy"
_SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["text"],
            "properties": {"text": {"type": "string", "maxLength": 20}, "times": {"type": "integer", "default": 1}},
        },
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"{PLURAL}.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"plural": PLURAL, "singular": "copy", "kind": KIND, "shortNames": ["cp"]},
        "versions": [
            {
                "name": VERSION,
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": _SCHEMA},
                "subresources": {"status": {}},
                "additionalPrinterColumns": [{"name": "Text", "type": "string", "jsonPath": ".spec.text"}],
            }
        ],
    },
}


def copy_of(text: str, name: str = "x") -> dict[str, Any]:
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND, "metadata": {"name": name}, "spec": {"text": text}}


@dataclass(frozen=True, slots=True)
class Site:
    url: str
    kubeconfig: Path

    def client(self) -> Any:
        """An ApiClient of the official library; a context manager."""
        return _config.new_client_from_config(str(self.kubeconfig))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """`fakekube serve` with the custom resource defined."""
    yield from served(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def busy_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The same with controllers that make workloads move."""
    yield from served(tmp_path_factory.mktemp("busy"), "--controllers", "workloads")


def served(out: Path, *options: str) -> Iterator[Site]:
    objects = out / "objects"
    objects.mkdir()
    (objects / "definition.json").write_text(json.dumps(DEFINITION))
    command = [sys.executable, "-m", "chaos.cli", "serve", "--out", str(out / "run"), "--load", str(objects), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            first = process.stderr.readline()
            assert "ready in" in first, first + process.stderr.read()
            found = json.loads((out / "run" / "ready.json").read_text())["sites"]["site-000"]
            yield Site(found["url"], Path(found["kubeconfig"]).absolute())
        finally:
            process.terminate()


@pytest.fixture
def namespace(site: Site) -> Iterator[str]:
    """A fresh namespace, named after nobody."""
    yield from fresh_namespace(site)


@pytest.fixture
def busy_namespace(busy_site: Site) -> Iterator[str]:
    yield from fresh_namespace(busy_site)


def fresh_namespace(site: Site) -> Iterator[str]:
    with site.client() as api:
        core = kube.CoreV1Api(api)
        made = core.create_namespace({"metadata": {"generateName": "clients-"}})
        yield made.metadata.name
        core.delete_namespace(made.metadata.name)


def until(condition: Callable[[], bool], what: str) -> None:
    """Processes tell nobody when they have done something: ask, for at most PATIENCE_S."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE_S:g} s for {what}"
        time.sleep(POLL_S)
