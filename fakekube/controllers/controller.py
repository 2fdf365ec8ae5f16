"""What every controller does: hear of a write, remember whose turn it is, look once, and again later if it was refused."""

from __future__ import annotations

from typing import ClassVar

from fakekube.controllers.cluster import Cluster
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject, name_of, namespace_of
from fakekube.storage.items import Event

# The work queues of kube-controller-manager: 5 ms, doubled with each refusal, 1000 s at most.
FIRST_RETRY_S = 0.005
LAST_RETRY_S = 1000.0
# Doubling any further would only make larger numbers.
_DOUBLINGS = 18


class Controller:
    """`sync(namespace, name)` makes one object of `resource` as it should be. Planned by writes, under one key each."""

    # The queue's name, and the resource whose objects are synced.
    resource: ClassVar[str]

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._refused: dict[tuple[str, str], int] = {}

    def start(self) -> None:
        """Hear of the controller's own resource, and look at what is there."""
        self.cluster.listen(self.resource, self.hear)
        self.listen()
        self.resync()

    def listen(self) -> None:
        """Hear of other resources, too; those without any stop here."""

    def resync(self) -> None:
        """Look at every object: at the start, and after the store has been replaced."""
        self._refused.clear()
        if self.resource in self.cluster.site.store.used_resources():
            for obj in self.cluster.list(self.resource):
                self.enqueue(obj)

    def hear(self, event: Event) -> None:
        """An object of `resource` was written; one that is gone needs a look, too, since others may wait for it."""
        self.plan(event.item.namespace, event.item.name)

    def enqueue(self, obj: KubeObject) -> None:
        self.plan(namespace_of(obj), name_of(obj))

    def plan(self, namespace: str, name: str, delay_s: float = 0.0) -> None:
        """Look at this object `delay_s` from now; a look that is planned for earlier stays."""
        due = self.cluster.now() + delay_s
        key = f"{type(self).__name__} {namespace}/{name}"
        self.cluster.site.schedule.at(due, key, lambda: self._attempt(namespace, name))

    def _attempt(self, namespace: str, name: str) -> None:
        try:
            self.sync(namespace, name)
        except StatusError:
            # said where it can be seen: in a condition, or an event, by whoever was refused
            self._retry(namespace, name)
        else:
            self._refused.pop((namespace, name), None)

    def _retry(self, namespace: str, name: str) -> None:
        times = self._refused.get((namespace, name), 0)
        self._refused[namespace, name] = min(times + 1, _DOUBLINGS)
        self.plan(namespace, name, min(FIRST_RETRY_S * 2**times, LAST_RETRY_S))

    def sync(self, namespace: str, name: str) -> None:
        raise NotImplementedError
