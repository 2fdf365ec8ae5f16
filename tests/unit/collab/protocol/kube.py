"""A local apiserver of a few lines: namespaces and ConfigMaps in a dict, with uids, resourceVersions and watch events.

It knows what the protocol depends on: preconditions, merge patch, Terminating, and contents that go before their
namespace does.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from collab.protocol.facts import Listed, Observed, WatchEvent

Object = dict[str, object]
Key = tuple[str, str, str]  # kind, namespace, name; of a namespace both are its name
Watcher = Callable[[Observed], None]


@dataclass
class FakeApiserver:
    """`handle` answers (status code, body) at once; watchers are called at once, the world delays both."""

    site: str
    objects: dict[Key, Object] = field(default_factory=dict)
    revision: int = 100
    watchers: dict[tuple[str, str], Watcher] = field(default_factory=dict)
    writes: int = 0
    made: int = 0

    # -- what a client does -------------------------------------------------------------------------------------

    def handle(self, method: str, path: str, body: bytes) -> tuple[int, Object]:
        kind, namespace, name = parse_path(path)
        match method:
            case "GET":
                return self.get(kind, namespace, name)
            case "POST":
                return self.create(kind, namespace, json.loads(body))
            case "PATCH":
                return self.patch(kind, namespace, name, json.loads(body))
            case "DELETE":
                return self.delete(kind, namespace, name, json.loads(body or b"{}"))
        raise AssertionError(method)

    def get(self, kind: str, namespace: str, name: str) -> tuple[int, Object]:
        obj = self.objects.get((kind, namespace or name, name))
        return (200, copy.deepcopy(obj)) if obj is not None else status(404, "NotFound", f"{kind} {name!r} not found")

    def create(self, kind: str, namespace: str, obj: Object) -> tuple[int, Object]:
        name = str(meta(obj)["name"])
        key = (kind, namespace or name, name)
        if key in self.objects:
            return status(409, "AlreadyExists", f"{kind} {name!r} already exists")
        if kind == "configmaps":
            home = self.objects.get(("namespaces", namespace, namespace))
            if home is None:
                return status(404, "NotFound", f"namespaces {namespace!r} not found")
            if terminating(home):
                return status(403, "Forbidden", "the namespace is being terminated")
        self.writes += 1
        self.made += 1
        obj = copy.deepcopy(obj)
        meta(obj)["uid"] = f"{self.site}-{self.made}"
        if kind == "namespaces":
            labels = meta(obj).setdefault("labels", {})
            assert isinstance(labels, dict)
            labels["kubernetes.io/metadata.name"] = name
            obj["status"] = {"phase": "Active"}
        return 201, self.store(key, obj, "ADDED")

    def patch(self, kind: str, namespace: str, name: str, body: Object) -> tuple[int, Object]:
        key = (kind, namespace or name, name)
        obj = self.objects.get(key)
        if obj is None:
            return status(404, "NotFound", f"{kind} {name!r} not found")
        wanted = meta(body)
        for field_name in ("uid", "resourceVersion"):
            if field_name in wanted and wanted[field_name] != meta(obj)[field_name]:
                return status(409, "Conflict", f"{field_name} does not match")
        merged = merge(copy.deepcopy(obj), body)
        if merged == obj:
            return 200, copy.deepcopy(obj)
        self.writes += 1
        return 200, self.store(key, merged, "MODIFIED")

    def delete(self, kind: str, namespace: str, name: str, options: Object) -> tuple[int, Object]:
        key = (kind, namespace or name, name)
        obj = self.objects.get(key)
        if obj is None:
            return status(404, "NotFound", f"{kind} {name!r} not found")
        conditions = options.get("preconditions") or {}
        assert isinstance(conditions, dict)
        if conditions.get("uid") not in (None, meta(obj)["uid"]):
            return status(409, "Conflict", "uid does not match")
        self.writes += 1
        if kind == "namespaces":
            return 200, self.terminate(name)
        return 200, self.remove(key)

    # -- what a server does -------------------------------------------------------------------------------------

    def terminate(self, name: str) -> Object:
        """The first phase of a namespace's end: Terminating. `finish` does the rest."""
        obj = copy.deepcopy(self.objects[("namespaces", name, name)])
        if terminating(obj):
            return obj
        obj["status"] = {"phase": "Terminating"}
        meta(obj)["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        return self.store(("namespaces", name, name), obj, "MODIFIED")

    def empty(self, name: str) -> None:
        """The second: its contents go, one by one."""
        for key in sorted(key for key in self.objects if key[0] != "namespaces" and key[1] == name):
            self.remove(key)

    def finish(self, name: str) -> None:
        """Contents, then the namespace itself, if it is Terminating."""
        obj = self.objects.get(("namespaces", name, name))
        if obj is not None and terminating(obj):
            self.empty(name)
            self.remove(("namespaces", name, name))

    def terminating_names(self) -> list[str]:
        return sorted(key[2] for key, obj in self.objects.items() if key[0] == "namespaces" and terminating(obj))

    def store(self, key: Key, obj: Object, event: WatchEvent) -> Object:
        self.revision += 1
        meta(obj)["resourceVersion"] = str(self.revision)
        self.objects[key] = obj
        self.tell(key, event, obj)
        return copy.deepcopy(obj)

    def remove(self, key: Key) -> Object:
        obj = self.objects.pop(key)
        self.revision += 1
        meta(obj)["resourceVersion"] = str(self.revision)
        self.tell(key, "DELETED", obj)
        return copy.deepcopy(obj)

    def tell(self, key: Key, event: WatchEvent, obj: Object) -> None:
        watcher = self.watchers.get((key[0], key[1]))
        if watcher is not None:
            watcher(Observed(kind=key[0], namespace=key[1], event=event, object=copy.deepcopy(obj)))

    def listing(self, kind: str, namespace: str) -> Listed:
        items = tuple(
            copy.deepcopy(obj) for key, obj in sorted(self.objects.items()) if key[0] == kind and key[1] == namespace
        )
        return Listed(kind=kind, namespace=namespace, revision=self.revision, items=items)

    # -- short cuts of a user -----------------------------------------------------------------------------------

    def namespace(self, name: str, **labels: str) -> Object:
        code, obj = self.create("namespaces", "", {"metadata": {"name": name, "labels": dict(labels)}})
        assert code == 201, obj
        return obj

    def label(self, name: str, **labels: str | None) -> None:
        keys = {key.replace("_", "-"): value for key, value in labels.items()}
        code, obj = self.patch("namespaces", "", name, {"metadata": {"labels": keys}})
        assert code == 200, obj

    def configmap(self, namespace: str, name: str, **data: str | None) -> None:
        code, obj = self.patch("configmaps", namespace, name, {"data": data})
        if code == 404:
            code, obj = self.create("configmaps", namespace, {"metadata": {"name": name}, "data": data})
        assert code in (200, 201), obj

    def labels(self, name: str) -> dict[str, str] | None:
        obj = self.objects.get(("namespaces", name, name))
        if obj is None:
            return None
        labels = meta(obj).get("labels") or {}
        assert isinstance(labels, dict)
        return {key: value for key, value in labels.items() if "kubernetes.io" not in key}

    def data(self, namespace: str, name: str) -> object:
        obj = self.objects.get(("configmaps", namespace, name))
        return obj.get("data") if obj is not None else None

    def content(self, name: str) -> dict[str, object]:
        """Everything shared of a namespace, to be compared between sites."""
        found: dict[str, object] = {"labels": self.labels(name)}
        for key in sorted(self.objects):
            if key[0] == "configmaps" and key[1] == name:
                found[key[2]] = self.objects[key].get("data") or {}
        return found


def parse_path(path: str) -> Key:
    """`/api/v1/namespaces/x/configmaps/y?query` -> (configmaps, x, y)."""
    parts = path.partition("?")[0].removeprefix("/api/v1/namespaces").strip("/").split("/")
    if len(parts) >= 2:
        return parts[1], parts[0], parts[2] if len(parts) > 2 else ""
    return "namespaces", "", parts[0]


def meta(obj: Object) -> Object:
    metadata = obj.setdefault("metadata", {})
    assert isinstance(metadata, dict)
    return metadata


def terminating(obj: Object) -> bool:
    return "deletionTimestamp" in meta(obj)


def merge(target: Object, patch: Object) -> Object:
    """RFC 7386."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            child = target.get(key)
            target[key] = merge(child if isinstance(child, dict) else {}, value)
        else:
            target[key] = value
    return target


def status(code: int, reason: str, message: str) -> tuple[int, Object]:
    return code, {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}
