"""A kopf operator: a ConfigMap for every Copy, a word in its status, a timer, and a finalizer while it is deleted."""

from __future__ import annotations

from typing import Any

import kopf
from kubernetes import client, config

kube: Any = client
load: Any = config.load_kube_config
load()


def _maps() -> Any:
    return kube.CoreV1Api()


@kopf.on.create("kit.example.com", "v1", "copies")
def made(*, body: kopf.Body, spec: kopf.Spec, name: str, namespace: str | None, **_: Any) -> dict[str, str]:
    wanted = {"metadata": {"name": name}, "data": {"text": spec["text"]}}
    kopf.adopt(wanted, owner=body)
    _maps().create_namespaced_config_map(namespace, wanted)
    print(f"made {name}", flush=True)
    return {"text": spec["text"]}


@kopf.on.update("kit.example.com", "v1", "copies", field="spec.text")
def changed(*, new: Any, name: str, namespace: str | None, **_: Any) -> None:
    _maps().patch_namespaced_config_map(name, namespace, {"data": {"text": new}})
    print(f"changed {name} {new}", flush=True)


@kopf.on.delete("kit.example.com", "v1", "copies")
def unmade(*, name: str, **_: Any) -> None:
    print(f"unmade {name}", flush=True)


@kopf.timer("kit.example.com", "v1", "copies", interval=0.2)
def ticked(*, patch: kopf.Patch, status: kopf.Status, **_: Any) -> None:
    patch.status["ticks"] = min(int(status.get("ticks", 0)) + 1, 3)
