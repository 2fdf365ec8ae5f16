"""One site's apiserver as a value machine: requests in, responses and watches out, no sockets, no clock of its own."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal

from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response, WatchStream

Controllers = Literal["none", "core"]


def _nobody_listens() -> None:
    """The default for `on_due_changed`."""


class Apiserver:
    """A Kubernetes apiserver, synchronous and total: `handle` never raises.

    `now` gives epoch seconds, `rng` every uid and generated name. `controllers="core"` runs namespace deletion,
    garbage collection, default ServiceAccounts and root CA as background work: a shell calls `run_due(now)` at
    `next_due()`, and is told by `on_due_changed` when an earlier due time appears.
    `deletion_delay_s` is how long a namespace stays Terminating at least.
    """

    def __init__(
        self,
        *,
        name: str,
        now: Callable[[], float],
        rng: random.Random,
        controllers: Controllers = "core",
        deletion_delay_s: float = 0.25,
    ) -> None:
        self.name = name
        self.now = now
        self.on_due_changed: Callable[[], None] = _nobody_listens

    def handle(self, request: Request) -> Response | WatchStream:
        """The answer to one request; a failure of our own is a 500 `Status` and a log record."""
        return Response(status=200, headers=(("Content-Type", "text/plain; charset=utf-8"),), body=b"ok")

    def next_due(self) -> float | None:
        """When background work is next due, in epoch seconds; None when nothing waits."""
        return None

    def run_due(self, now: float) -> None:
        """Do the background work that is due by `now`."""
