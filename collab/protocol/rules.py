"""What the rule of a verb gets to see and to do, and how it ends: the ground that all verbs stand on.

A rule returns the result when there is one, None while the operation is pending. It looks at the state as it is and may
be asked again at any time: after a crash, on another answer, on every change of its record.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from collab.protocol.markers import Marker
from collab.protocol.names import KubeObject, RecordId, name_of
from collab.protocol.operations import Operation, OperationResult, Verb
from collab.protocol.pending import Pending
from collab.protocol.replica import Replica
from collab.protocol.site import Site
from collab.protocol.turn import Turn

POLL_S = 1.0


class Records(Protocol):
    """What the verbs need of the site's core."""

    site: Site

    def by_name(self, name: str) -> Replica | None:
        """The record that shares this namespace here."""

    def replica(self, gid: RecordId) -> Replica | None: ...

    def marker(self, gid: RecordId) -> Marker | None: ...

    def unfinished(self, verb: Verb) -> list[Pending]:
        """Operations of this verb that are accepted here and neither done nor refused yet, oldest first."""

    def make_record(self, gid: RecordId, obj: KubeObject, operation: Operation, turn: Turn) -> Replica:
        """A new record over a namespace of this site, with this site as its owner."""

    def keep(self, pending: Pending, turn: Turn) -> None:
        """Write the operation down as it is now."""

    def again(self, pending: Pending, at: float) -> None:
        """Ask its rule again at a time."""


Rule = Callable[[Records, Pending, Turn], OperationResult | None]


def refuse(pending: Pending, code: int, message: str) -> OperationResult:
    return pending.finished("refused", code, message)


def done(pending: Pending, message: str) -> OperationResult:
    return pending.finished("done", 200, message)


def wait(records: Records, pending: Pending, turn: Turn, at_most_s: float = 30.0) -> None:
    """Ask again after a backoff."""
    delay = min(at_most_s, records.site.backoff(pending.tries))
    pending.tries += 1
    pending.waits_until = turn.now + delay
    records.again(pending, pending.waits_until)


def shared_record(records: Records, pending: Pending) -> Replica | None:
    """The record an operation is about: that of its name, and of its id once it has met one."""
    record = records.by_name(name_of(pending.operation.resource))
    return None if record is not None and pending.gid not in ("", record.gid) else record
