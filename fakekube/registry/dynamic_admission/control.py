"""Watches for policies and webhooks, and stands before writes while there are some: a site without them has none of it."""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.meta.objects import KubeObject, name_of
from fakekube.registry.dynamic_admission.attributes import WriteAttributes
from fakekube.registry.dynamic_admission.calls import Replies, WebhookReply, answering
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
_MUTATING = f"mutatingwebhookconfigurations.{_GROUP}"
_VALIDATING = f"validatingwebhookconfigurations.{_GROUP}"
_BINDINGS = f"validatingadmissionpolicybindings.{_GROUP}"
_DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
_WATCHED = (_MUTATING, _VALIDATING, _BINDINGS, _DEFINITIONS)


class DynamicAdmission:
    """The part of a site that asks policies and webhooks; `start` it, and it is there when it is needed.

    `replies` are those of the request that is being answered.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._wanted = dict.fromkeys(_WATCHED, False)
        self.replies = Replies((), 0)

    def start(self) -> None:
        self._site.store.observers.append(self._observe)

    def resync(self) -> None:
        """The store has been replaced."""
        for resource in _WATCHED:
            self._count(resource)

    def _observe(self, resource: str, _event: Event) -> None:
        if resource in self._wanted:
            self._count(resource)

    def _count(self, resource: str) -> None:
        """Stand before writes as long as somebody wants to be asked."""
        listed = self._site.store.keyspace(resource).listed()
        self._wanted[resource] = any(resource != _DEFINITIONS or _converts(item.obj) for item in listed)
        self._site.dynamic = self if any(self._wanted.values()) else None

    def begin(self, replies: Sequence[WebhookReply], seed: int) -> None:
        """A request comes, with the replies of the webhooks that it was broken off for."""
        self.replies = Replies(replies, seed)
        answering.set(self.replies)

    def end(self) -> None:
        """It is answered, or broken off."""
        answering.set(None)

    def mutate(
        self,
        operation: Operation,
        served: Served,
        namespace: str,
        obj: KubeObject | None,
        held: KubeObject | None,
        options: WriteOptions | DeleteOptions,
        subresource: str = "",
    ) -> KubeObject | None:
        """The object as mutating webhooks leave it. Raises StatusError for a denial, WebhookPending for a call."""
        if not self._wanted[_MUTATING] or served.type.qualified in _EXEMPT or not options.reviewed:
            return obj
        from fakekube.registry.dynamic_admission.webhooks import mutated

        write = _attributes(operation, served, namespace, obj, held, options, subresource)
        return mutated(self._site, write, self.replies).obj

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
        """Ask all that may deny the write, which is known to be valid: policies, then webhooks. Raises as `mutate` does."""
        if served.type.qualified in _EXEMPT or not options.reviewed:
            return
        write = _attributes(operation, served, namespace, obj, held, options, subresource)
        # imported late, with all of CEL
        if self._wanted[_BINDINGS]:
            from fakekube.registry.dynamic_admission.policies import require_policies

            require_policies(self._site, write)
        if self._wanted[_VALIDATING]:
            from fakekube.registry.dynamic_admission.webhooks import require_webhooks

            require_webhooks(self._site, write, self.replies)


def _converts(definition: KubeObject) -> bool:
    """Whether a webhook converts its objects: then every request may need one."""
    return ((definition["spec"].get("conversion")) or {}).get("strategy") == "Webhook"


def _attributes(
    operation: Operation,
    served: Served,
    namespace: str,
    obj: KubeObject | None,
    held: KubeObject | None,
    options: WriteOptions | DeleteOptions,
    subresource: str,
) -> WriteAttributes:
    name = name_of(obj or held or {})
    return WriteAttributes(
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
    )
