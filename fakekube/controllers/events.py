"""Events as controllers record them: what happened to whom, and how often it was said.

Source: k8s.io/client-go/tools/record of Kubernetes 1.37.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

from fakekube.controllers.cluster import Cluster
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject, metadata, name_of, namespace_of, revision_of, uid_of
from fakekube.registry.metadata import timestamp

EVENTS = "events"
# A real server forgets events after an hour; here the oldest give way, and nothing has to wait for that.
KEPT = 1000

Severity = Literal["Normal", "Warning"]


class Recorder:
    """Says what one component did. The same thing said again counts up the event that is there."""

    def __init__(self, cluster: Cluster, component: str) -> None:
        self._cluster = cluster
        self._component = component
        self._said: OrderedDict[tuple[str, ...], KubeObject] = OrderedDict()

    def record(self, obj: KubeObject, severity: Severity, reason: str, message: str) -> None:
        """Tell of `obj`. An event that is refused, as in a namespace that terminates, is lost, as on a real cluster."""
        key = (uid_of(obj), severity, reason, message)
        try:
            self._said[key] = self._again(key) or self._first(obj, severity, reason, message)
        except StatusError:
            self._said.pop(key, None)
            return
        self._said.move_to_end(key)
        if len(self._said) > KEPT:
            self._forget(self._said.popitem(last=False)[1])

    def resync(self) -> None:
        """The store has been replaced: who said what is not known any longer."""
        self._said.clear()

    def _again(self, key: tuple[str, ...]) -> KubeObject | None:
        known = self._said.get(key)
        if known is None or self._cluster.get(EVENTS, namespace_of(known), name_of(known)) is None:
            return None
        now = timestamp(self._cluster.now())
        return self._cluster.update(
            EVENTS, known, lambda live: {**live, "count": live.get("count", 1) + 1, "lastTimestamp": now}
        )

    def _first(self, obj: KubeObject, severity: Severity, reason: str, message: str) -> KubeObject:
        now = self._cluster.now()
        namespace = namespace_of(obj) or "default"
        return self._cluster.create(
            EVENTS,
            namespace,
            {
                "metadata": {"name": f"{name_of(obj)}.{self._suffix()}", "namespace": namespace},
                "involvedObject": _reference(obj),
                "reason": reason,
                "message": message,
                "source": {"component": self._component},
                "firstTimestamp": timestamp(now),
                "lastTimestamp": timestamp(now),
                "count": 1,
                "type": severity,
                "eventTime": None,
                "reportingComponent": self._component,
            },
        )

    def _suffix(self) -> str:
        """Nanoseconds of the clock on a real cluster; drawn here, where the clock may stand still."""
        return f"{self._cluster.site.rng.getrandbits(60) | 1 << 60:016x}"

    def _forget(self, event: KubeObject) -> None:
        if self._cluster.get(EVENTS, namespace_of(event), name_of(event)) is not None:
            self._cluster.delete(EVENTS, event)


def _reference(obj: KubeObject) -> KubeObject:
    members = {
        "kind": obj["kind"],
        "namespace": namespace_of(obj),
        "name": name_of(obj),
        "uid": str(metadata(obj).get("uid") or ""),
        "apiVersion": obj["apiVersion"],
        "resourceVersion": revision_of(obj),
    }
    return {member: value for member, value in members.items() if value}
