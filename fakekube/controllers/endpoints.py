"""Endpoints and EndpointSlices of Services with selectors: where their pods answer.

Source: pkg/controller/{endpoint,endpointslice} and k8s.io/endpointslice of Kubernetes 1.37. One family of addresses
(IPv4), no topology hints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fakekube.controllers.cluster import Cluster
from fakekube.controllers.conditions import conditions_of, find
from fakekube.controllers.controller import Controller
from fakekube.controllers.pods import PODS, has_ended, is_ready, node_of
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject, metadata, name_of, namespace_of, uid_of
from fakekube.registry.metadata import is_terminating, with_metadata
from fakekube.storage.items import Event

SERVICES, ENDPOINTS, SLICES = "services", "endpoints", "endpointslices.discovery.k8s.io"
SLICE_MAX = 100
_SERVICE_LABEL = "kubernetes.io/service-name"
_MANAGED = "endpointslice.kubernetes.io/managed-by"
_SLICE_CONTROLLER = "endpointslice-controller.k8s.io"
_HEADLESS = "service.kubernetes.io/headless"
_CHANGED = "endpoints.kubernetes.io/last-change-trigger-time"

Ports = tuple[tuple[str, str, int, str], ...]


@dataclass(frozen=True, slots=True)
class Backend:
    """One pod of a Service: its address, what it listens on there, and whether it takes requests."""

    pod: KubeObject
    address: str
    ports: Ports
    ready: bool


@dataclass(slots=True)
class Triggers:
    """The moments that the endpoints of one Service have been told of: its creation, and when each pod last became (un)ready."""

    service: str = ""
    pods: dict[str, str] = field(default_factory=dict)

    def since_last(self, service: KubeObject, pods: Iterable[KubeObject]) -> str:
        """The earliest moment that is new since the last call, as RFC 3339; empty when nothing is."""
        moments = {name_of(pod): _ready_changed(pod) for pod in pods}
        created = str(metadata(service)["creationTimestamp"])
        fresh = [moment for name, moment in moments.items() if moment > self.pods.get(name, "")]
        if created > self.service:
            fresh.append(created)
        self.service, self.pods = created, moments
        return min(fresh, default="")


def _ready_changed(pod: KubeObject) -> str:
    condition = find(conditions_of(pod), "Ready")
    return str((condition or {}).get("lastTransitionTime", ""))


class Endpoints(Controller):
    """Hears of Services and of the pods that they select."""

    resource = SERVICES

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._triggers: dict[tuple[str, str], Triggers] = {}

    def resync(self) -> None:
        self._triggers.clear()
        super().resync()

    def listen(self) -> None:
        self.cluster.listen(PODS, self._hear_pod)
        self.cluster.listen(ENDPOINTS, self._hear_lost)
        self.cluster.listen(SLICES, self._hear_slice)

    def _hear_lost(self, event: Event) -> None:
        """Endpoints that somebody deletes come again."""
        if event.type == "DELETED":
            self.plan(event.item.namespace, event.item.name)

    def _hear_slice(self, event: Event) -> None:
        """So do slices, and what somebody changes in them is put right."""
        labels = metadata(event.item.obj).get("labels") or {}
        if event.type != "ADDED" and labels.get(_MANAGED) == _SLICE_CONTROLLER and labels.get(_SERVICE_LABEL):
            self.plan(event.item.namespace, labels[_SERVICE_LABEL])

    def _hear_pod(self, event: Event) -> None:
        """What matters of a pod is whom it answers for, where, and whether it is ready."""
        previous = event.previous.obj if event.previous is not None else None
        if event.type == "MODIFIED" and previous is not None and _answering(previous) == _answering(event.item.obj):
            return
        states = [each for each in (previous, event.item.obj) if each is not None]
        for service in self.cluster.list(SERVICES, event.item.namespace):
            if any(_selects(service, pod) for pod in states):
                self.enqueue(service)

    def sync(self, namespace: str, name: str) -> None:
        service = self.cluster.get(SERVICES, namespace, name)
        if service is None:
            self._drop(namespace, name)
            return
        spec = service["spec"]
        if not spec.get("selector") or spec.get("type") == "ExternalName":
            return
        pods = [pod for pod in self.cluster.list(PODS, namespace) if _selects(service, pod)]
        backends = [each for pod in pods if (each := _backend(service, pod)) is not None]
        trigger = self._triggers.setdefault((namespace, name), Triggers()).since_last(service, pods)
        try:
            self._sync_slices(service, backends, trigger)
            self._sync_endpoints(service, backends, trigger)
        except StatusError as refused:
            if refused.code not in (403, 404):
                raise  # the namespace terminates, or is gone

    def _drop(self, namespace: str, name: str) -> None:
        """The slices go with their owner."""
        self._triggers.pop((namespace, name), None)
        held = self.cluster.get(ENDPOINTS, namespace, name)
        if held is not None:
            self.cluster.delete(ENDPOINTS, held)

    # --- Endpoints ----------------------------------------------------------------------------------------------------

    def _sync_endpoints(self, service: KubeObject, backends: Sequence[Backend], trigger: str) -> None:
        published = bool(service["spec"].get("publishNotReadyAddresses"))
        counted = [each for each in backends if published or not is_terminating(each.pod)]
        subsets = list(_subsets(counted))
        labels = {
            **(metadata(service).get("labels") or {}),
            "endpoints.kubernetes.io/managed-by": "endpoint-controller",
        }
        if _is_headless(service):
            labels[_HEADLESS] = ""
        held = self.cluster.get(ENDPOINTS, namespace_of(service), name_of(service))
        if held is None:
            found = {"name": name_of(service), "labels": labels, "annotations": _noted({}, trigger)}
            self.cluster.create(ENDPOINTS, namespace_of(service), {"metadata": found, "subsets": subsets})
        elif (held.get("subsets") or []) != subsets or (metadata(held).get("labels") or {}) != labels:
            notes = _noted(metadata(held).get("annotations") or {}, trigger)
            self.cluster.update(
                ENDPOINTS,
                held,
                lambda live: with_metadata({**live, "subsets": subsets}, labels=labels, annotations=notes),
            )

    # --- EndpointSlices -----------------------------------------------------------------------------------------------

    def _sync_slices(self, service: KubeObject, backends: Sequence[Backend], trigger: str) -> None:
        """Slices keep what they have of each set of ports; what is new fills them up, and then new ones."""
        by_ports: dict[Ports, list[Backend]] = {}
        for each in backends:
            by_ports.setdefault(each.ports, []).append(each)
        if not by_ports:
            by_ports = {(): []}
        held = self._held(service)
        for ports, group in sorted(by_ports.items()):
            mine = [each for each in held if _ports_of(each) == ports or not each.get("endpoints")]
            held = [each for each in held if each not in mine]
            self._share_out(service, ports, group, mine, trigger)
        for surplus in held:
            self.cluster.delete(SLICES, surplus)

    def _held(self, service: KubeObject) -> list[KubeObject]:
        ours = {_SERVICE_LABEL: name_of(service), _MANAGED: _SLICE_CONTROLLER}
        slices = self.cluster.list(SLICES, namespace_of(service))
        return [each for each in slices if ours.items() <= (metadata(each).get("labels") or {}).items()]

    def _share_out(
        self, service: KubeObject, ports: Ports, backends: Sequence[Backend], held: Sequence[KubeObject], trigger: str
    ) -> None:
        wanted = {uid_of(each.pod): _endpoint(service, each) for each in backends}
        kept: list[tuple[KubeObject, list[KubeObject]]] = []
        for each in held:
            uids = [(endpoint.get("targetRef") or {}).get("uid") for endpoint in each.get("endpoints") or ()]
            kept.append((each, [wanted.pop(uid) for uid in uids if uid in wanted]))
        fresh = list(wanted.values())
        for _, endpoints in kept:
            room = SLICE_MAX - len(endpoints)
            endpoints += fresh[:room]
            fresh = fresh[room:]
        used = [(each, endpoints) for each, endpoints in kept if endpoints]
        if not used and not fresh:
            used, kept = kept[:1], kept[1:]
        for each, endpoints in used:
            self._replace(service, each, endpoints, ports, trigger)
        for each, _ in (pair for pair in kept if pair not in used):
            self.cluster.delete(SLICES, each)
        if not used and not fresh:
            self._create(service, [], ports, trigger)
        while fresh:
            self._create(service, fresh[:SLICE_MAX], ports, trigger)
            fresh = fresh[SLICE_MAX:]

    def _replace(
        self, service: KubeObject, held: KubeObject, endpoints: Sequence[KubeObject], ports: Ports, trigger: str
    ) -> None:
        shown = _shown_ports(ports)
        if (held.get("endpoints") or []) == list(endpoints) and (held.get("ports") or []) == shown:
            return
        notes = _noted(metadata(held).get("annotations") or {}, trigger)
        self.cluster.update(
            SLICES,
            held,
            lambda live: with_metadata(
                {**live, "endpoints": list(endpoints), "ports": shown}, annotations=notes, labels=_labels(service)
            ),
        )

    def _create(self, service: KubeObject, endpoints: Sequence[KubeObject], ports: Ports, trigger: str) -> None:
        reference = {
            "apiVersion": "v1",
            "kind": "Service",
            "name": name_of(service),
            "uid": uid_of(service),
            "controller": True,
            "blockOwnerDeletion": True,
        }
        found = {
            "generateName": f"{name_of(service)}-",
            "labels": _labels(service),
            "annotations": _noted({}, trigger),
            "ownerReferences": [reference],
        }
        made = {"metadata": found, "addressType": "IPv4", "endpoints": list(endpoints), "ports": _shown_ports(ports)}
        self.cluster.create(SLICES, namespace_of(service), made)


def _noted(annotations: KubeObject, trigger: str) -> KubeObject:
    """With the moment that led to this write; one that is older is taken out."""
    kept = {key: value for key, value in annotations.items() if key != _CHANGED}
    return {**kept, _CHANGED: trigger} if trigger else kept


def _selects(service: KubeObject, pod: KubeObject) -> bool:
    selector = service["spec"].get("selector")
    return bool(selector) and selector.items() <= (metadata(pod).get("labels") or {}).items()


def _is_headless(service: KubeObject) -> bool:
    return service["spec"].get("clusterIP") in ("", "None", None)


def _answering(pod: KubeObject) -> tuple[object, ...]:
    status = pod.get("status") or {}
    return (
        metadata(pod).get("labels"),
        status.get("podIP"),
        is_ready(pod),
        has_ended(pod),
        is_terminating(pod),
        node_of(pod),
    )


def _backend(service: KubeObject, pod: KubeObject) -> Backend | None:
    """None for a pod that has no address yet, or has ended."""
    address = (pod.get("status") or {}).get("podIP")
    if not address or has_ended(pod):
        return None
    return Backend(pod, str(address), _ports(service, pod), is_ready(pod))


def _ports(service: KubeObject, pod: KubeObject) -> Ports:
    """The Service's ports as they are on this pod; a name that no container has leaves one out."""
    found = []
    for port in service["spec"].get("ports") or ():
        protocol = port.get("protocol", "TCP")
        number = _target(port.get("targetPort", port["port"]), protocol, pod)
        if number is not None:
            found.append((port.get("name", ""), protocol, number, port.get("appProtocol", "")))
    return tuple(found)


def _target(target: int | str, protocol: str, pod: KubeObject) -> int | None:
    if isinstance(target, int):
        return target
    named = (each for container in pod["spec"]["containers"] for each in container.get("ports") or ())
    return next(
        (
            int(each["containerPort"])
            for each in named
            if (each.get("name"), each.get("protocol", "TCP")) == (target, protocol)
        ),
        None,
    )


def _reference(pod: KubeObject) -> KubeObject:
    return {"kind": "Pod", "namespace": namespace_of(pod), "name": name_of(pod), "uid": uid_of(pod)}


def _subsets(backends: Sequence[Backend]) -> Iterator[KubeObject]:
    """Backends with the same ports together, sorted by address."""
    by_ports: dict[Ports, list[Backend]] = {}
    for each in sorted(backends, key=lambda backend: backend.address):
        by_ports.setdefault(each.ports, []).append(each)
    for ports, group in sorted(by_ports.items()):
        lists = {
            "addresses": [_address(each) for each in group if each.ready],
            "notReadyAddresses": [_address(each) for each in group if not each.ready],
            "ports": _shown_ports(ports, named=False),
        }
        yield {member: value for member, value in lists.items() if value}


def _address(backend: Backend) -> KubeObject:
    placed = {"nodeName": node_of(backend.pod)} if node_of(backend.pod) else {}
    return {"ip": backend.address, **placed, "targetRef": _reference(backend.pod)}


def _shown_ports(ports: Ports, *, named: bool = True) -> list[KubeObject]:
    """In slices the name is always there, in Endpoints an empty one is left out."""
    found = []
    for name, protocol, number, app in ports:
        shown: KubeObject = {"name": name} if named or name else {}
        shown |= {"port": number, "protocol": protocol} | ({"appProtocol": app} if app else {})
        found.append(shown)
    return found


def _ports_of(found: Mapping[str, object]) -> Ports:
    ports = found.get("ports")
    shown: Iterable[KubeObject] = ports if isinstance(ports, list) else ()
    return tuple((each.get("name", ""), each["protocol"], each["port"], each.get("appProtocol", "")) for each in shown)


def _endpoint(service: KubeObject, backend: Backend) -> KubeObject:
    terminating = is_terminating(backend.pod)
    published = bool(service["spec"].get("publishNotReadyAddresses"))
    found: KubeObject = {
        "addresses": [backend.address],
        "conditions": {
            "ready": published or (backend.ready and not terminating),
            "serving": backend.ready,
            "terminating": terminating,
        },
        "targetRef": _reference(backend.pod),
    }
    spec = backend.pod["spec"]
    if spec.get("hostname") and spec.get("subdomain") == name_of(service):
        found["hostname"] = spec["hostname"]
    return {**found, "nodeName": node_of(backend.pod)} if node_of(backend.pod) else found


def _labels(service: KubeObject) -> KubeObject:
    labels = {**(metadata(service).get("labels") or {}), _SERVICE_LABEL: name_of(service), _MANAGED: _SLICE_CONTROLLER}
    return {**labels, _HEADLESS: ""} if _is_headless(service) else labels
