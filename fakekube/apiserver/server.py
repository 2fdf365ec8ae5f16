"""One site's apiserver as a value machine: requests in, responses and watches out, no sockets, no clock of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Literal

from fakekube.apiserver import discovery, openapi
from fakekube.apiserver.call import Answer
from fakekube.apiserver.chain import Serve, build_chain
from fakekube.apiserver.filters import with_body_limit, with_standard_headers, with_status_errors
from fakekube.apiserver.health import serve_health
from fakekube.apiserver.request import Request
from fakekube.apiserver.resources_handler import serve_resource
from fakekube.apiserver.watch import Watch
from fakekube.registry.birth import BIRTH_REVISION, Birth
from fakekube.registry.garbage import GarbageCollector
from fakekube.registry.metadata import new_uid
from fakekube.registry.namespace_controller import NamespaceController
from fakekube.registry.resources import builtin
from fakekube.registry.site import Site
from fakekube.storage.store import Store

Controllers = Literal["none", "core"]


def _discovery(site: Site, request: Request) -> Answer | None:
    return discovery.answer(request, site.catalog)


def _openapi(site: Site, request: Request) -> Answer | None:
    return openapi.answer(request, site.catalog)


# Asked in this order; the first that knows the path answers.
_ROUTES: Sequence[Callable[[Site, Request], Answer | None]] = (serve_resource, serve_health, _discovery, _openapi)


class Apiserver:
    """A Kubernetes apiserver, synchronous and total: `handle` never raises.

    `now` gives epoch seconds, `rng` every uid and generated name. `controllers="core"` runs namespace deletion,
    garbage collection, default ServiceAccounts and root CA as background work: a shell calls `run_due(now)` at
    `next_due()`, and is told by `on_due_changed` when an earlier due time appears.
    `deletion_delay_s` is how long a namespace stays Terminating at least, `collection_delay_s` how long garbage stays.
    """

    def __init__(
        self,
        *,
        name: str,
        now: Callable[[], float],
        rng: random.Random,
        controllers: Controllers = "core",
        deletion_delay_s: float = 0.25,
        collection_delay_s: float = 0.1,
    ) -> None:
        self.name = name
        self.now = now
        birth = Birth(born=now(), seed=rng.getrandbits(64), with_controllers=controllers == "core")
        store = Store(birth=birth, birth_revision=BIRTH_REVISION)
        self.site = Site(name=name, now=now, rng=rng, store=store, catalog=builtin())
        # Audit ids are UUIDs that count up, so that they cost nothing and repeat with the seed.
        self._uid_prefix = new_uid(rng)[:24]
        self._requests = 0xFF
        self._chain = self._built_chain()
        if controllers == "core":
            NamespaceController(self.site, delay_s=deletion_delay_s).start()
            GarbageCollector(self.site, delay_s=collection_delay_s).start()

    @property
    def uid(self) -> str:
        """The identity of the site: the uid of its kube-system namespace."""
        item = self.site.store.get("namespaces", "", "kube-system")
        return str(item.obj["metadata"]["uid"]) if item is not None else ""

    @property
    def on_due_changed(self) -> Callable[[], None]:
        """Called when an earlier due time appears; a shell sets it."""
        return self.site.schedule.on_earlier

    @on_due_changed.setter
    def on_due_changed(self, callback: Callable[[], None]) -> None:
        self.site.schedule.on_earlier = callback

    def handle(self, request: Request) -> Answer:
        """The answer to one request; a failure of our own is a 500 `Status` and a log record."""
        return self._chain(request)

    def next_due(self) -> float | None:
        """When background work is next due, in epoch seconds; None when nothing waits."""
        return self.site.schedule.next_due()

    def run_due(self, now: float) -> None:
        """Do the background work that is due by `now`."""
        self.site.schedule.run_due(now)

    def open_watches(self) -> list[Watch]:
        """The watches that are running, in the order of their resources."""
        return [each for each in self.site.store.subscribers() if isinstance(each, Watch)]

    def compact(self, revision: int | None = None) -> None:
        """Forget the history up to `revision` (all of it by default): older watches and lists get 410."""
        self.site.store.compact(revision)

    def _built_chain(self) -> Serve:
        fixed = (
            ("X-Kubernetes-Pf-Flowschema-Uid", f"{self._uid_prefix}0000000000fe"),
            ("X-Kubernetes-Pf-Prioritylevel-Uid", f"{self._uid_prefix}0000000000ff"),
        )
        headers = with_standard_headers(fixed, self._audit_id)
        return build_chain(self._route, [headers, with_status_errors, with_body_limit])

    def _route(self, request: Request) -> Answer:
        for route in _ROUTES:
            found = route(self.site, request)
            if found is not None:
                return found
        return discovery.page_not_found()

    def _audit_id(self) -> str:
        self._requests += 1
        return f"{self._uid_prefix}{self._requests:012x}"
