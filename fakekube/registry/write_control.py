"""What a site asks about every write while it has policies or webhooks: see dynamic_admission."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fakekube.meta.objects import KubeObject
from fakekube.registry.dynamic_admission.calls import WebhookReply
from fakekube.registry.options import DeleteOptions, WriteOptions
from fakekube.registry.plugins import Operation
from fakekube.registry.strategies import Served


class WriteControl(Protocol):
    """Methods raise StatusError for a denial, and break a request off for the call of a webhook.

    `obj` is None for a delete, `held` for a create.
    """

    def begin(self, replies: Sequence[WebhookReply], seed: int) -> None:
        """A request comes, with the replies of the webhooks that it was broken off for."""
        ...

    def end(self) -> None:
        """It is answered, or broken off."""
        ...

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
        """The object as it is changed by those that may change it."""
        ...

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
        """Ask all that may only say yes or no."""
        ...
