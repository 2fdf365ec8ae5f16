"""What a site asks about every write while it has policies or webhooks: see dynamic_admission."""

from __future__ import annotations

from typing import Protocol

from fakekube.meta.objects import KubeObject
from fakekube.registry.options import DeleteOptions, WriteOptions
from fakekube.registry.plugins import Operation
from fakekube.registry.strategies import Served


class WriteControl(Protocol):
    """Methods raise StatusError for a denial. `obj` is None for a delete, `held` for a create."""

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
