"""Actions: everything a site's core asks of its shell, as frozen values. The shell carries them out in order.

A `Persist`, `Rewrite` or `Drop` is durable (fsync) before any action behind it is begun: nothing is sent, answered or
written to the apiserver before it is on disk. All others are only *begun* in order; their ends come back as facts.
No action is ever waited for by the core: a slow peer or apiserver delays nobody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from collab.protocol.names import GroupKind, SiteName
from collab.protocol.operations import Operation, OperationResult

Method = Literal["GET", "POST", "PATCH", "DELETE"]
SITE_JOURNAL = "site"
"""The journal that belongs to no record: identity, boots, operations, markers. A record's journal is `record.GID`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persist:
    """Append these entries to a journal (made when absent); durable on return. Names are safe file names."""

    journal: str
    entries: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """Replace a journal by these entries: atomic, durable on return (compaction)."""

    journal: str
    entries: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Remove a journal; durable on return. An absent one is fine."""

    journal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transmit:
    """Send one binary WebSocket message. One `bytes` object may appear in many Transmits (it is encoded once).

    On a channel that is gone: nothing. The shell's send queue is bounded; overflow closes the channel.
    """

    channel: int
    frame: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """Open a WebSocket to a peer: `resolve(site, address)` gives where. Ends in ChannelOpened or DialFailed."""

    site: SiteName
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hangup:
    """Close a channel after what was transmitted before. `reason` is for the log."""

    channel: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteLocal:
    """Send a request to the local apiserver. `path` includes the query; `body` is b"" for none.

    Ends in one CallFinished with this number.
    """

    call: int
    method: Method
    path: str
    body: bytes = b""
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLocal:
    """GET one object of the local apiserver. Ends in one CallFinished with this number (404: refused, code 404)."""

    call: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchKind:
    """List, then watch, a kind of one namespace. For kind `namespaces`: that one namespace, by the field selector
    metadata.name. For other kinds: all its objects in the namespace."""

    kind: GroupKind
    namespace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwatchKind:
    """End the watch of the same name."""

    kind: GroupKind
    namespace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """POST an operation to another site's agent, `/collab/v1/operations`. Ends in one ForwardFinished.

    The shell waits for the answer at most `timeout_s` (counted from now; then `not-sent` when no byte of the request
    can have arrived, else `unknown`).
    """

    operation: Operation
    site: SiteName
    address: str
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Answer every request that waits for this operation id. May come again later with a newer state (done after
    pending): with nobody waiting it only feeds the log."""

    operation: str
    result: OperationResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """Something a person should know: for the agent's log and `/collab/v1/log`. `site` is the peer concerned, if any."""

    type: str
    message: str
    gid: str = ""
    site: SiteName | None = None


Action: TypeAlias = (
    Persist
    | Rewrite
    | Drop
    | Transmit
    | Dial
    | Hangup
    | WriteLocal
    | ReadLocal
    | WatchKind
    | UnwatchKind
    | Forward
    | Answer
    | Reported
)
