"""Events as controllers record them: what happened to whom, and how often it was said.

Source: k8s.io/client-go/tools/record of Kubernetes 1.37.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal

from fakekube.controllers.cluster import Cluster
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject, metadata, name_of, namespace_of, revision_of, uid_of
from fakekube.registry.metadata import timestamp

EVENTS = "events"
# A real server forgets events after an hour; here the oldest give way, and nothing has to wait for that.
KEPT = 1000

# So many messages of one reason become one event, unless there was silence for so long.
ALIKE_MAX = 10
ALIKE_FOR_S = 600.0

Severity = Literal["Normal", "Warning"]


@dataclass(slots=True)
class Alike:
    """What was said of one object for one reason, and when it was last, in epoch seconds."""

    messages: dict[str, None] = field(default_factory=dict)
    last: float = 0.0


class Recorder:
    """Says what one component did. The same thing said again counts up the event that is there."""

    def __init__(self, cluster: Cluster, component: str) -> None:
        self._cluster = cluster
        self._component = component
        self._said: OrderedDict[tuple[str, ...], KubeObject] = OrderedDict()
        self._alike: OrderedDict[tuple[str, ...], Alike] = OrderedDict()

    def record(self, obj: KubeObject, severity: Severity, reason: str, message: str) -> None:
        """Tell of `obj`. An event that is refused, as in a namespace that terminates, is lost, as on a real cluster."""
        key: tuple[str, ...] = (uid_of(obj), severity, reason, message)
        if self._are_many(key):
            # all of them are one event from here on, which says what was last
            key, message = key[:3], f"(combined from similar events): {message}"
        try:
            self._said[key] = self._again(key, message) or self._first(obj, severity, reason, message)
        except StatusError:
            self._said.pop(key, None)
            return
        self._said.move_to_end(key)
        if len(self._said) > KEPT:
            self._forget(self._said.popitem(last=False)[1])

    def resync(self) -> None:
        """The store has been replaced: who said what is not known any longer."""
        self._said.clear()
        self._alike.clear()

    def _are_many(self, key: tuple[str, ...]) -> bool:
        """Whether ten messages of this reason have been heard of the object in the last ten minutes."""
        now = self._cluster.now()
        alike = self._alike.setdefault(key[:3], Alike())
        self._alike.move_to_end(key[:3])
        if len(self._alike) > KEPT:
            self._alike.popitem(last=False)
        if now - alike.last > ALIKE_FOR_S:
            alike.messages.clear()
        alike.last = now
        alike.messages[key[3]] = None
        if len(alike.messages) < ALIKE_MAX:
            return False
        alike.messages.popitem()
        return True

    def _again(self, key: tuple[str, ...], message: str) -> KubeObject | None:
        known = self._said.get(key)
        if known is None or self._cluster.get(EVENTS, namespace_of(known), name_of(known)) is None:
            return None
        now = timestamp(self._cluster.now())
        return self._cluster.update(
            EVENTS,
            known,
            lambda live: {**live, "count": live.get("count", 1) + 1, "lastTimestamp": now, "message": message},
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
