"""The controllers of namespaces: default content for each, and the emptying and finalising of those that terminate.

Source: pkg/controller/{namespace,serviceaccount,certificates/rootcacertpublisher} of Kubernetes 1.37. Work is planned
by what is written, never by polling: an idle site has none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.create import create
from fakekube.registry.delete import delete
from fakekube.registry.metadata import finalizers_of, is_terminating, timestamp
from fakekube.registry.namespaces import FINALIZER, content_finalizers
from fakekube.registry.options import DeleteOptions, WriteOptions
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served
from fakekube.registry.update import Change, update
from fakekube.storage.items import Event, Item

CONTROLLER = WriteOptions(manager="kube-controller-manager")

_CA_NOTE = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)
_DEFAULT_ACCOUNT = ("serviceaccounts", "default")
_ROOT_CA = ("configmaps", "kube-root-ca.crt")
_PODS = "pods"


@dataclass(frozen=True, slots=True)
class Remaining:
    """What still stands in a namespace: objects by resource, and by the finalizers that hold them."""

    resources: Counter[str]
    finalizers: Counter[str]


class NamespaceController:
    """Watches every write; plans work under one key per namespace. `delay_s`: how long Terminating lasts at least."""

    def __init__(self, site: Site, *, delay_s: float) -> None:
        self._site = site
        self._delay_s = delay_s
        self._terminating: set[str] = set()

    def start(self) -> None:
        self._site.store.observers.append(self.observe)

    def resync(self) -> None:
        """Learn anew which namespaces terminate, after the store has been replaced."""
        self._terminating.clear()
        for item in self._site.store.keyspace("namespaces").listed():
            self.observe("namespaces", Event("ADDED", item.revision, item, None))

    def observe(self, resource: str, event: Event) -> None:
        if resource == "namespaces":
            self._observe_namespace(event)
        elif event.item.namespace in self._terminating:
            if event.type == "DELETED":
                self._plan_emptying(event.item.namespace)
        elif (resource, event.item.name) in (_DEFAULT_ACCOUNT, _ROOT_CA) and event.type != "ADDED":
            self._plan_content(event.item.namespace)

    def _observe_namespace(self, event: Event) -> None:
        name = event.item.name
        if event.type == "DELETED":
            self._terminating.discard(name)
        elif is_terminating(event.item.obj):
            if name not in self._terminating or not content_finalizers(event.item.obj):
                self._terminating.add(name)
                self._plan_emptying(name)
        elif event.type == "ADDED":
            self._plan_content(name)

    def _plan_content(self, name: str) -> None:
        self._site.schedule.at(self._site.now(), f"content of {name}", lambda: self._fill(name))

    def _plan_emptying(self, name: str) -> None:
        due = self._site.now() + self._delay_s
        self._site.schedule.at(due, f"end of {name}", lambda: self._empty(name))

    def _fill(self, name: str) -> None:
        """The default ServiceAccount and the root CA, as they must be."""
        namespace = self._site.store.get("namespaces", "", name)
        if namespace is None or is_terminating(namespace.obj):
            return
        self._ensure("serviceaccounts", name, {"metadata": {"name": "default"}})
        self._ensure("configmaps", name, _root_ca_config(self._site.root_ca))

    def _ensure(self, plural: str, namespace: str, wanted: KubeObject) -> None:
        resource = self._site.served("", "v1", plural)
        assert resource is not None  # built in
        held = self._site.store.get(resource.key, namespace, metadata(wanted)["name"])
        if held is None:
            create(self._site, resource, namespace, wanted, CONTROLLER)
        elif held.obj.get("data") != wanted.get("data") and not is_terminating(held.obj):
            data = wanted.get("data")
            update(self._site, resource, namespace, held.name, lambda live: {**live, "data": data}, CONTROLLER)

    def _empty(self, name: str) -> None:
        """Delete what is there, pods before all else; finalise when nothing is left, else say what is."""
        namespace = self._site.store.get("namespaces", "", name)
        if namespace is None or not is_terminating(namespace.obj):
            self._terminating.discard(name)
            return
        if FINALIZER not in content_finalizers(namespace.obj):
            self._remove_if_free(namespace)
            return
        if not self._clear(name, pods=True):
            # what the real server says while pods are left: nothing of them
            self._report(namespace, Remaining(Counter(), Counter()))
            return
        self._clear(name)
        left = self._remaining(name)
        self._report(namespace, left)
        if not left.resources:
            self._finalise(name)

    def _clear(self, namespace: str, *, pods: bool = False) -> bool:
        """Delete everything, or the pods alone; whether nothing is left of it."""
        for resource, item in self._content(namespace, pods=pods):
            self._delete(resource, item)
        return not self._content(namespace, pods=pods)

    def _content(self, namespace: str, *, pods: bool = False) -> list[tuple[Served, Item]]:
        store = self._site.store
        return [
            (resource, item)
            for resource in self._stored_resources()
            if not pods or resource.key == _PODS
            for item in list(store.keyspace(resource.key).items(namespace))
        ]

    def _stored_resources(self) -> list[Served]:
        """One namespaced resource for each storage that has been used; the others are empty."""
        used = set(self._site.store.used_resources())
        return [each for each in self._site.stored().values() if each.namespaced and each.key in used]

    def _delete(self, resource: Served, item: Item) -> None:
        if is_terminating(item.obj):
            return
        try:
            options = DeleteOptions(propagation="Background")
            delete(self._site, resource, item.namespace, item.name, options)
        except StatusError as error:
            if error.code != 404:
                raise

    def _remaining(self, namespace: str) -> Remaining:
        left = self._content(namespace)
        resources = Counter(f"{resource.type.plural}.{resource.type.group}" for resource, _ in left)
        finalizers = Counter(finalizer for _, item in left for finalizer in finalizers_of(item.obj))
        return Remaining(resources, finalizers)

    def _report(self, namespace: Item, left: Remaining) -> None:
        conditions = _conditions(left, timestamp(self._site.now()))
        self._write(namespace.name, "status", lambda live: _with_conditions(live, conditions))

    def _finalise(self, name: str) -> None:
        def finalised(live: KubeObject) -> KubeObject:
            kept = [each for each in content_finalizers(live) if each != FINALIZER]
            return {**live, "spec": {**(live.get("spec") or {}), "finalizers": kept}}

        self._write(name, "finalize", finalised)
        namespace = self._site.store.get("namespaces", "", name)
        if namespace is not None:
            self._remove_if_free(namespace)

    def _remove_if_free(self, namespace: Item) -> None:
        if not content_finalizers(namespace.obj) and not finalizers_of(namespace.obj):
            self._site.store.delete("namespaces", "", namespace.name)

    def _write(self, name: str, subresource: str, change: Change) -> None:
        resource = self._site.served("", "v1", "namespaces")
        assert resource is not None  # built in
        update(self._site, resource, "", name, change, CONTROLLER, subresource=subresource)


def _root_ca_config(certificate: str) -> KubeObject:
    found = {"name": _ROOT_CA[1], "annotations": {"kubernetes.io/description": _CA_NOTE}}
    return {"metadata": found, "data": {"ca.crt": certificate}}


def _with_conditions(live: KubeObject, conditions: list[KubeObject]) -> KubeObject:
    """New conditions over old ones; one that says the same keeps its time."""
    before = {each["type"]: each for each in (live.get("status") or {}).get("conditions") or []}
    kept = [_merged(before.get(each["type"]), each) for each in conditions]
    return {**live, "status": {**(live.get("status") or {}), "conditions": kept}}


def _merged(before: KubeObject | None, after: KubeObject) -> KubeObject:
    if before is None or before["status"] != after["status"]:
        return after
    return {**after, "lastTransitionTime": before["lastTransitionTime"]}


# Every condition as it is when nothing is wrong.
_FINE: tuple[tuple[str, str, str], ...] = (
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    ("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    ("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
    ("NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
)


def _conditions(left: Remaining, now: str) -> list[KubeObject]:
    resources = ", ".join(f"{name} has {count} resource instances" for name, count in sorted(left.resources.items()))
    holders = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(left.finalizers.items()))
    wrong = {
        "NamespaceContentRemaining": resources
        and ("SomeResourcesRemain", f"Some resources are remaining: {resources}"),
        "NamespaceFinalizersRemaining": holders
        and ("SomeFinalizersRemain", f"Some content in the namespace has finalizers remaining: {holders}"),
    }
    return [
        _condition(kind, bool(wrong.get(kind)), *(wrong.get(kind) or (reason, message)), now)
        for kind, reason, message in _FINE
    ]


def _condition(kind: str, status: bool, reason: str, message: str, now: str) -> KubeObject:
    return {"type": kind, "status": str(status), "lastTransitionTime": now, "reason": reason, "message": message}
