"""One site's apiserver as a value machine: requests in, responses and watches out, no sockets, no clock of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, Protocol

from fakekube.apiserver import discovery, openapi
from fakekube.apiserver.call import Answer
from fakekube.apiserver.chain import Serve, build_chain
from fakekube.apiserver.faults import Faults
from fakekube.apiserver.filters import status_response, with_body_limit, with_standard_headers, with_status_errors
from fakekube.apiserver.health import serve_health
from fakekube.apiserver.pretty import with_pretty
from fakekube.apiserver.query import require_duration
from fakekube.apiserver.request import Request
from fakekube.apiserver.request_info import parse_query
from fakekube.apiserver.resources_handler import serve_resource, unknown_path
from fakekube.apiserver.security.authentication import Authentication
from fakekube.apiserver.security.issuer import serve_issuer
from fakekube.apiserver.security.secured import Authorization, secure
from fakekube.apiserver.watch import Watch
from fakekube.meta.errors import StatusError, expired
from fakekube.registry.birth import BIRTH_REVISION, Birth
from fakekube.registry.certificate_signer import CertificateAuthority, CertificateSigner
from fakekube.registry.cluster_roles import ClusterRoleAggregator
from fakekube.registry.crd.api_services import ApiServices
from fakekube.registry.crd.definitions import Definitions
from fakekube.registry.dynamic_admission.calls import WebhookCall, WebhookPending, WebhookReply
from fakekube.registry.dynamic_admission.control import DynamicAdmission
from fakekube.registry.garbage import GarbageCollector
from fakekube.registry.metadata import new_uid
from fakekube.registry.namespace_controller import NamespaceController
from fakekube.registry.plugins import AdmissionPlugin
from fakekube.registry.resources import builtin
from fakekube.registry.root_ca import ROOT_CA
from fakekube.registry.site import Site
from fakekube.registry.token_secrets import TokenSecrets
from fakekube.storage.store import Snapshot, Store

NO_NETWORK = "webhooks are called where a site is served over HTTP"
# Of webhooks, for one request: a list of custom resources that are converted has one for each.
MOST_CALLS = 2000
Controllers = Literal["none", "core"]


def _too_many_calls() -> StatusError:
    message = f"Internal error occurred: a request would call webhooks more than {MOST_CALLS} times"
    return StatusError(code=500, reason="InternalError", message=message)


class BackgroundWork(Protocol):
    """What a site does by itself. `resync` comes after the store has been replaced: everything may be another."""

    def start(self) -> None: ...

    def resync(self) -> None: ...


def _discovery(site: Site, request: Request) -> Answer | None:
    return discovery.answer(request, site.catalog)


def _openapi(site: Site, request: Request) -> Answer | None:
    return openapi.answer(request, site.catalog)


def _bounded(_site: Site, request: Request) -> None:
    """Every request may bring a `timeout`; for resources it is asked where a watch is told from a list."""
    if "timeout=" in request.query:
        require_duration(parse_query(request.query).get("timeout", ""))


# Asked in this order; the first that knows the path answers.
_ROUTES: Sequence[Callable[[Site, Request], Answer | None]] = (
    serve_resource,
    _bounded,
    serve_health,
    _discovery,
    _openapi,
    serve_issuer,
)


class Apiserver:
    """A Kubernetes apiserver, synchronous and total: `handle` never raises.

    `now` gives epoch seconds, `rng` every uid and generated name. `controllers="core"` runs namespace deletion,
    garbage collection, default ServiceAccounts, root CA and aggregated ClusterRoles as background work: a shell calls
    `run_due(steady())` at `next_due()`, and is told by `on_due_changed` when an earlier due time appears. `steady` is a
    clock that nobody sets (`now`, by default): due times and timeouts of watches go by it.
    `authentication` makes it ask who everybody is (an administrator, by default), `authorization="RBAC"` what they may,
    `admission` are functions that change or refuse writes: see docs/security.md. `authority` is who
    vouches for it where it is served with TLS, and signs for clients whose requests are approved.
    `deletion_delay_s` is how long a namespace stays Terminating at least, `collection_delay_s` how long garbage stays.
    """

    def __init__(
        self,
        *,
        name: str,
        now: Callable[[], float],
        steady: Callable[[], float] | None = None,
        rng: random.Random,
        controllers: Controllers = "core",
        deletion_delay_s: float = 0.25,
        collection_delay_s: float = 0.1,
        authentication: Authentication | None = None,
        authorization: Authorization = "AlwaysAllow",
        admission: Sequence[AdmissionPlugin] = (),
        authority: CertificateAuthority | None = None,
    ) -> None:
        self.name = name
        self.now = now
        self.steady = now if steady is None else steady
        root_ca = ROOT_CA if authority is None else authority.certificate
        birth = Birth(born=now(), seed=rng.getrandbits(64), with_controllers=controllers == "core", root_ca=root_ca)
        store = Store(birth=birth, birth_revision=BIRTH_REVISION)
        self.site = Site(
            name=name, now=now, steady=self.steady, rng=rng, store=store, catalog=builtin(), root_ca=root_ca
        )
        # Audit ids are UUIDs that count up, so that they cost nothing and repeat with the seed.
        self._uid_prefix = new_uid(rng)[:24]
        self._requests = 0xFF
        self.faults = Faults(self.site)
        self._security = secure(self.site, authentication, authorization, admission)
        self._chain = self._built_chain()
        self._controllers: Sequence[BackgroundWork] = (
            Definitions(self.site),
            ApiServices(self.site),
            DynamicAdmission(self.site),
        )
        if controllers == "core":
            self._controllers = (
                *self._controllers,
                NamespaceController(self.site, delay_s=deletion_delay_s),
                GarbageCollector(self.site, delay_s=collection_delay_s),
                ClusterRoleAggregator(self.site, delay_s=collection_delay_s),
                TokenSecrets(self.site),
                *([CertificateSigner(self.site, authority)] if authority is not None else []),
            )
        for each in self._controllers:
            each.start()

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
        """The answer to one request; a failure of our own is a 500 `Status` and a log record.

        There is no network here: a webhook that has to be called cannot be reached.
        """
        found = self.attempt(request)
        while isinstance(found, WebhookCall):
            reply = WebhookReply(call=found, error=f'Post "{found.url}": {NO_NETWORK}')
            request = replace(request, replies=(*request.replies, reply))
            found = self.attempt(request)
        return found

    def attempt(self, request: Request) -> Answer | WebhookCall:
        """The same for a shell that can call webhooks: the call that comes first, if one is needed. It makes the call,
        and attempts the request again with the reply added; nothing has been written before."""
        control = self.site.dynamic
        if control is None:
            return self._chain(request)
        replies, chance = request.replies, self.site.rng
        seed = replies[0].call.seed if replies else chance.getrandbits(64)
        control.begin(replies, seed)
        self.site.rng = random.Random(seed)  # so that the next attempt draws the same names and uids
        try:
            return self._chain(request)
        except WebhookPending as pending:
            return pending.call if len(replies) < MOST_CALLS else status_response(_too_many_calls())
        finally:
            self.site.rng = chance
            control.end()

    def next_due(self) -> float | None:
        """When background work is next due, in epoch seconds; None when nothing waits."""
        return self.site.schedule.next_due()

    def run_due(self, now: float) -> None:
        """Do the background work that is due by `now`, of the steady clock."""
        self.site.schedule.run_due(now)

    def attach(self, work: BackgroundWork) -> None:
        """Start more background work, such as fakekube.controllers.Workloads."""
        self._controllers = (*self._controllers, work)
        work.start()

    def open_watches(self) -> list[Watch]:
        """The watches that are running, in the order of their resources."""
        return [each for each in self.site.store.subscribers() if isinstance(each, Watch)]

    def compact(self, revision: int | None = None) -> None:
        """Forget the history up to `revision` (all of it by default): older watches and lists get 410."""
        self.site.store.compact(revision)

    def snapshot(self) -> Snapshot:
        """All objects and their history at this moment; cheap, since objects are immutable and shared."""
        return self.site.store.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to `snapshot`, of this site or of another one. Every watch ends, work that was planned is forgotten."""
        self.end_watches()
        self.site.schedule.clear()
        self.site.store.restore(snapshot)
        for forget in self._security.forgetful:
            forget()
        for each in self._controllers:
            each.resync()

    def restart(self, *, revisions: int = 0) -> None:
        """What a client sees of a restart: every watch ends; the revision may jump, as after a recovery of etcd."""
        self.end_watches()
        self.site.store.jump(revisions)

    def end_watches(self, resource: str = "") -> None:
        """End the open watches of `resource` (a plural; of all by default), as a dying connection does."""
        for watch in self._watches_of(resource):
            watch.end()

    def expire_watches(self, resource: str = "") -> None:
        """The same with an ERROR event: 410, the history is gone."""
        for watch in self._watches_of(resource):
            watch.fail(expired(f"too old resource version: {self.site.store.oldest(watch.resource)}"))

    def _watches_of(self, resource: str) -> list[Watch]:
        return [each for each in self.open_watches() if not resource or each.resource.partition(".")[0] == resource]

    def _built_chain(self) -> Serve:
        fixed = (
            ("X-Kubernetes-Pf-Flowschema-Uid", f"{self._uid_prefix}0000000000fe"),
            ("X-Kubernetes-Pf-Prioritylevel-Uid", f"{self._uid_prefix}0000000000ff"),
        )
        headers = with_standard_headers(fixed, self._audit_id)
        answers = (headers, self.faults.around, with_pretty, with_status_errors)
        return build_chain(self._route, [*answers, *self._security.filters, with_body_limit])

    def _route(self, request: Request) -> Answer:
        for route in _ROUTES:
            found = route(self.site, request)
            if found is not None:
                return found
        if request.path.startswith("/version/"):
            raise unknown_path()
        return discovery.page_not_found()

    def _audit_id(self) -> str:
        self._requests += 1
        return f"{self._uid_prefix}{self._requests:012x}"
