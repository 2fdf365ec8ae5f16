"""EndpointSlices that mirror Endpoints which somebody wrote by hand, for Services without a selector.

Source: pkg/controller/endpointslicemirroring of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fakekube.controllers.cluster import Cluster
from fakekube.controllers.controller import Controller
from fakekube.controllers.endpoints import ENDPOINTS, SERVICES, SLICES
from fakekube.controllers.events import Recorder
from fakekube.controllers.pod_control import says_terminating
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject, metadata, name_of, namespace_of, uid_of
from fakekube.registry.metadata import is_terminating, with_metadata
from fakekube.storage.items import Event

MIRRORED_MAX = 1000
_CONTROLLER = "endpointslicemirroring-controller.k8s.io"
_SERVICE, _MANAGED = "kubernetes.io/service-name", "endpointslice.kubernetes.io/managed-by"
_SKIP = "endpointslice.kubernetes.io/skip-mirror"
# Annotations that stay with the Endpoints, and the one of those that are a lock.
_NOT_MIRRORED = frozenset(
    ["endpoints.kubernetes.io/last-change-trigger-time", "kubectl.kubernetes.io/last-applied-configuration"]
)
_LOCK = "control-plane.alpha.kubernetes.io/leader"

# One port of Endpoints, by name, number, protocol and application protocol.
Port = tuple[str, int, str, str]
# What a slice is for: IPv4 or IPv6, and a set of ports.
Key = tuple[str, tuple[Port, ...]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The endpoints of one slice, and how many more there would be."""

    endpoints: list[KubeObject]
    skipped: int


class MirroredSlices(Controller):
    """Hears of Endpoints, of Services, and of the slices that it keeps."""

    resource = ENDPOINTS

    def __init__(self, cluster: Cluster, recorder: Recorder) -> None:
        super().__init__(cluster)
        self._recorder = recorder

    def listen(self) -> None:
        self.cluster.listen(SERVICES, self._hear_service)
        self.cluster.listen(SLICES, self._hear_slice)

    def _hear_service(self, event: Event) -> None:
        if self.cluster.get(ENDPOINTS, event.item.namespace, event.item.name) is not None:
            self.plan(event.item.namespace, event.item.name)

    def _hear_slice(self, event: Event) -> None:
        labels = metadata(event.item.obj).get("labels") or {}
        if labels.get(_MANAGED) == _CONTROLLER and labels.get(_SERVICE):
            self.plan(event.item.namespace, labels[_SERVICE])

    def sync(self, namespace: str, name: str) -> None:
        endpoints = self.cluster.get(ENDPOINTS, namespace, name)
        service = self.cluster.get(SERVICES, namespace, name)
        held = self._held(namespace, name)
        if endpoints is None or service is None or not _is_mirrored(endpoints, service):
            for each in held:
                self.cluster.delete(SLICES, each)
            return
        try:
            self._mirror(endpoints, held)
        except StatusError as refused:
            if not says_terminating(refused):
                raise

    def _held(self, namespace: str, name: str) -> list[KubeObject]:
        if SLICES not in self.cluster.site.store.used_resources():
            return []
        ours = {_SERVICE: name, _MANAGED: _CONTROLLER}
        slices = self.cluster.list(SLICES, namespace)
        return [each for each in slices if ours.items() <= (metadata(each).get("labels") or {}).items()]

    def _mirror(self, endpoints: KubeObject, held: Sequence[KubeObject]) -> None:
        """One slice for each set of ports and family of addresses; one that is no longer needed is used again."""
        wanted = _wanted(endpoints)
        by_key: dict[Key, KubeObject] = {}
        for each in held:
            by_key.setdefault(_key_of(each), each)
        free = [each for each in held if by_key[_key_of(each)] is not each or _key_of(each) not in wanted]
        for key, found in sorted(wanted.items(), key=lambda pair: pair[0]):
            live = by_key.get(key)
            if live is None and free and not is_terminating(endpoints):
                live = free.pop(0)
            self._write(endpoints, key, found, live)
        for each in free:
            self.cluster.delete(SLICES, each)
        self._tell_skipped(endpoints, sum(each.skipped for each in wanted.values()))

    def _write(self, endpoints: KubeObject, key: Key, wanted: Wanted, live: KubeObject | None) -> None:
        family, ports = key
        content = {"addressType": family, "endpoints": wanted.endpoints, "ports": [_shown(port) for port in ports]}
        found = {"labels": _labels(endpoints), "annotations": _annotations(endpoints)}
        if live is None:
            meta = {"generateName": f"{name_of(endpoints)}-", **found, "ownerReferences": [_owner(endpoints)]}
            if not is_terminating(endpoints):
                self.cluster.create(SLICES, namespace_of(endpoints), {"metadata": meta, **content})
        elif not _is_as(live, content, found, endpoints):
            if live["addressType"] != family:
                self.cluster.delete(SLICES, live)
                self._write(endpoints, key, wanted, None)
                return
            owners = [_owner(endpoints)]
            change = {**found, "ownerReferences": owners}
            self.cluster.update(SLICES, live, lambda held: with_metadata({**held, **content}, **change))

    def _tell_skipped(self, endpoints: KubeObject, skipped: int) -> None:
        if skipped:
            told = (
                f"A max of {MIRRORED_MAX} addresses can be mirrored to EndpointSlices per Endpoints subset. "
                f"{skipped} addresses were skipped"
            )
            self._recorder.record(endpoints, "Warning", "TooManyAddressesToMirror", told)


def _is_mirrored(endpoints: KubeObject, service: KubeObject) -> bool:
    meta = metadata(endpoints)
    skips = (meta.get("labels") or {}).get(_SKIP) == "true" or _LOCK in (meta.get("annotations") or {})
    return not skips and not service["spec"].get("selector")


def _is_as(live: KubeObject, content: KubeObject, found: Mapping[str, KubeObject], endpoints: KubeObject) -> bool:
    meta = metadata(live)
    same_meta = all((meta.get(member) or {}) == value for member, value in found.items())
    owners = [each.get("uid") for each in meta.get("ownerReferences") or ()]
    same = all((live.get(member) or []) == value for member, value in content.items() if member != "addressType")
    return same_meta and same and live["addressType"] == content["addressType"] and uid_of(endpoints) in owners


def _labels(endpoints: KubeObject) -> KubeObject:
    return {**(metadata(endpoints).get("labels") or {}), _SERVICE: name_of(endpoints), _MANAGED: _CONTROLLER}


def _annotations(endpoints: KubeObject) -> KubeObject:
    found = metadata(endpoints).get("annotations") or {}
    return {name: text for name, text in found.items() if name not in _NOT_MIRRORED}


def _owner(endpoints: KubeObject) -> KubeObject:
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "name": name_of(endpoints),
        "uid": uid_of(endpoints),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _wanted(endpoints: KubeObject) -> dict[Key, Wanted]:
    found: dict[Key, Wanted] = {}
    for ports, addresses in _repacked(endpoints.get("subsets") or ()):
        for family in ("IPv4", "IPv6"):
            mine = [_endpoint(address, ready) for address, ready in addresses if _family(address) == family]
            if mine:
                found[family, ports] = Wanted(mine[:MIRRORED_MAX], max(0, len(mine) - MIRRORED_MAX))
    return found


def _repacked(subsets: Sequence[KubeObject]) -> Iterator[tuple[tuple[Port, ...], list[tuple[KubeObject, bool]]]]:
    """Ports that have the very same addresses together, whatever subset they came in."""
    by_port: dict[Port | None, dict[tuple[str, str], tuple[KubeObject, bool]]] = {}
    for subset in subsets:
        ports: list[Port | None] = [_port(each) for each in subset.get("ports") or ()]
        for port in ports or [None]:
            held = by_port.setdefault(port, {})
            for address, ready in _addresses(subset):
                # one that is ready somewhere is ready
                if ready or _identity(address) not in held:
                    held[_identity(address)] = (address, ready)
    groups: dict[tuple[tuple[tuple[str, str], bool], ...], list[Port]] = {}
    shown: dict[tuple[tuple[tuple[str, str], bool], ...], list[tuple[KubeObject, bool]]] = {}
    for named, held in by_port.items():
        same = tuple(sorted((identity, ready) for identity, (_, ready) in held.items()))
        groups.setdefault(same, []).extend([] if named is None else [named])
        shown.setdefault(same, [held[identity] for identity, _ in same])
    for same, group in groups.items():
        yield tuple(sorted(group)), shown[same]


def _addresses(subset: KubeObject) -> Iterator[tuple[KubeObject, bool]]:
    yield from ((address, True) for address in subset.get("addresses") or ())
    yield from ((address, False) for address in subset.get("notReadyAddresses") or ())


def _identity(address: KubeObject) -> tuple[str, str]:
    return address["ip"], (address.get("targetRef") or {}).get("uid") or ""


def _family(address: KubeObject) -> str:
    return "IPv6" if ":" in address["ip"] else "IPv4"


def _endpoint(address: KubeObject, ready: bool) -> KubeObject:
    found: KubeObject = {"addresses": [address["ip"]], "conditions": {"ready": ready}}
    kept = {name: address[name] for name in ("hostname", "targetRef", "nodeName") if address.get(name)}
    return found | kept


def _port(port: KubeObject) -> Port:
    return port.get("name", ""), port["port"], port.get("protocol", "TCP"), port.get("appProtocol") or ""


def _shown(port: Port) -> KubeObject:
    name, number, protocol, application = port
    return {"name": name, "port": number, "protocol": protocol} | ({"appProtocol": application} if application else {})


def _key_of(live: KubeObject) -> Key:
    return live["addressType"], tuple(sorted(_port(each) for each in live.get("ports") or ()))
