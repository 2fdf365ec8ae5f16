"""Approved certificate requests get their certificate, on a site whose authority signs for it.

Source: pkg/controller/certificates/signer of Kubernetes 1.37. Of its signers the one for clients is here: no kubelet asks
for the others.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from fakekube.meta.objects import KubeObject
from fakekube.registry.certificate_requests import CLIENT_SIGNER, REQUESTS
from fakekube.registry.metadata import timestamp
from fakekube.registry.options import WriteOptions
from fakekube.registry.site import Site
from fakekube.registry.update import update
from fakekube.storage.items import Event, Item

_CONTROLLER = WriteOptions(manager="kube-controller-manager")
_LIFETIME_S = 365 * 24 * 3600
_LEAST_S = 600
_OPTIONAL = ("digital signature", "key encipherment")
_REQUIRED = "client auth"


class CertificateAuthority(Protocol):
    """Who vouches for a site and for its clients."""

    @property
    def certificate(self) -> str:
        """Its own certificate, as PEM."""
        ...

    def sign(self, request: bytes, lifetime_s: float) -> str:
        """A client's certificate for a request, both as PEM. Raises ValueError for what is no request."""
        ...


class CertificateSigner:
    """Hears of certificate requests alone."""

    def __init__(self, site: Site, authority: CertificateAuthority) -> None:
        self._site = site
        self._authority = authority

    def start(self) -> None:
        self._site.store.subscribe(REQUESTS, self)

    def resync(self) -> None:
        """Look at all requests, after the store has been replaced."""
        if REQUESTS in self._site.store.used_resources():
            for item in self._site.store.keyspace(REQUESTS).listed():
                self._look(item)

    def offer(self, event: Event) -> None:
        """A request was written."""
        if event.type != "DELETED":
            self._look(event.item)

    def _look(self, item: Item) -> None:
        if _waits(item.obj):
            due, name = self._site.now(), item.name
            self._site.schedule.at(due, f"certificate of {name}", lambda: self._answer(name))

    def _answer(self, name: str) -> None:
        held = self._site.store.get(REQUESTS, "", name)
        if held is None or not _waits(held.obj):
            return
        spec: KubeObject = held.obj["spec"]
        found = self._certificate(spec)
        served = self._site.stored()[REQUESTS]
        update(
            self._site,
            served,
            "",
            name,
            lambda live: {**live, "status": {**live["status"], **found(live["status"])}},
            _CONTROLLER,
            subresource="status",
        )

    def _certificate(self, spec: KubeObject) -> Callable[[KubeObject], KubeObject]:
        """What becomes of the status: the certificate, or the condition that says why there is none."""
        fault = next(_faults(spec.get("usages") or ()), None)
        if fault is not None:
            return self._failed(fault)
        asked = spec.get("expirationSeconds") or _LIFETIME_S
        try:
            request = base64.b64decode(spec["request"])
            certificate = self._authority.sign(request, min(max(asked, _LEAST_S), _LIFETIME_S))
        except ValueError as error:
            return self._failed(f"unable to parse csr: {error}")
        encoded = base64.b64encode(certificate.encode()).decode()
        return lambda _: {"certificate": encoded}

    def _failed(self, why: str) -> Callable[[KubeObject], KubeObject]:
        now = timestamp(self._site.now())
        failed = {
            "type": "Failed",
            "status": "True",
            "reason": "SignerValidationFailure",
            "message": why,
            "lastUpdateTime": now,
            "lastTransitionTime": now,
        }
        return lambda status: {"conditions": [*(status.get("conditions") or ()), failed]}


def _waits(request: KubeObject) -> bool:
    """Whether it is approved, and has neither a certificate nor a reason why not."""
    status: KubeObject = request.get("status") or {}
    said = {each.get("type") for each in status.get("conditions") or () if each.get("status") == "True"}
    ours = (request.get("spec") or {}).get("signerName") == CLIENT_SIGNER
    return ours and "Approved" in said and "Failed" not in said and not status.get("certificate")


def _faults(usages: Sequence[str]) -> Iterator[str]:
    for usage in usages:
        if usage not in (_REQUIRED, *_OPTIONAL):
            yield f"invalid usage for client certificate: {usage}"
    if _REQUIRED not in usages:
        yield f"missing required usage for client certificate: {_REQUIRED}"
