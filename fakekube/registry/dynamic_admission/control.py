"""Watches for policies and webhooks, and stands before writes while there are some: a site without them has none of it."""

from __future__ import annotations

from fakekube.meta.objects import KubeObject, name_of
from fakekube.registry.dynamic_admission.attributes import WriteAttributes
from fakekube.registry.options import DeleteOptions, WriteOptions
from fakekube.registry.plugins import Operation
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served
from fakekube.storage.items import Event

_GROUP = "admissionregistration.k8s.io"
# Objects that are never asked about, or nobody could take a bad one away.
_EXEMPT = frozenset(
    f"{kind}.{_GROUP}"
    for kind in (
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "validatingwebhookconfigurations",
    )
)
_WATCHED = frozenset([f"validatingadmissionpolicybindings.{_GROUP}"])


class DynamicAdmission:
    """The part of a site that asks policies and webhooks; `start` it, and it is there when it is needed."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def start(self) -> None:
        self._site.store.observers.append(self._observe)

    def resync(self) -> None:
        """The store has been replaced."""
        self._attach()

    def _observe(self, resource: str, _event: Event) -> None:
        if resource in _WATCHED:
            self._attach()

    def _attach(self) -> None:
        """Stand before writes as long as somebody wants to be asked."""
        wanted = any(self._site.store.keyspace(each).count() for each in sorted(_WATCHED))
        self._site.dynamic = self if wanted else None

    def validate(
        self,
        operation: Operation,
        served: Served,
        namespace: str,
        obj: KubeObject | None,
        held: KubeObject | None,
        options: WriteOptions | DeleteOptions,
        subresource: str = "",
    ) -> None:
        """Ask all that may deny the write, which is known to be valid. Raises StatusError for a denial."""
        if served.type.qualified in _EXEMPT or not options.reviewed:
            return
        # imported late, with all of CEL
        from fakekube.registry.dynamic_admission.policies import require_policies

        name = name_of(obj or held or {})
        require_policies(
            self._site,
            WriteAttributes(
                operation=operation,
                served=served,
                subresource=subresource,
                namespace=name if served.type.qualified == "namespaces" else namespace,
                name=name,
                obj=obj,
                old=held,
                user=options.user,
                dry_run=options.dry_run,
                warnings=options.warnings,
                version=served.type.version,
            ),
        )
