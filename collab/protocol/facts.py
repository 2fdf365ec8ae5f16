"""Facts: everything that can happen to a site's core, as frozen values. The shell turns the world into these.

Order of events that the shell keeps:
- `Booted` is the first fact, once. Nothing else may come before it.
- A channel is one WebSocket. Its number is given by the shell, never used twice in one run of the agent.
  `ChannelOpened` comes first, then its `FrameReceived` in the order of arrival, then `ChannelClosed` once (also after
  the core's own `Hangup`). A `Dial` ends in exactly one of `ChannelOpened(dialled=SITE)` or `DialFailed(SITE)`.
- A `WriteLocal` or `ReadLocal` ends in exactly one `CallFinished` with its number.
- A `WatchKind` is answered by `Listed`, then `Observed` in the order of the stream; after a lost stream or 410 the
  shell lists again (`Listed`) by itself. After `UnwatchKind` nothing of that stream may come.
- A `Forward` ends in exactly one `ForwardFinished`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from collab.protocol.names import GroupKind, KubeObject, SiteName
from collab.protocol.operations import Operation

CallOutcome = Literal["ok", "refused", "unknown"]
ForwardOutcome = Literal["answered", "not-sent", "unknown"]
WatchEvent = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who this site is. `uid`: of the kube-system namespace, "" while the apiserver has not been reached.

    `address`: the URL that peers use to reach this agent. `known`: every site a scope may name, or None when any DNS
    label may be one (peers given as a template). `allow`: sites that may invite this one; None allows all.
    """

    site: SiteName
    uid: str
    address: str
    known: frozenset[SiteName] | None = None
    allow: frozenset[SiteName] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Booted:
    """The agent started. `journals`: name -> entries in the order they were persisted (all journals on the disk).

    `recovered`: the disk was restored from a backup or a damaged journal was set aside (`--recovered`): the core
    writes to no record before it has heard from a peer.
    """

    identity: Identity
    journals: Mapping[str, Sequence[bytes]]
    recovered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """The uid of the local kube-system namespace became known after the boot."""

    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOpened:
    """A WebSocket to a peer agent is open. `dialled`: the site of the `Dial` it answers; None: the peer dialled us
    (who it is, its HELLO says)."""

    channel: int
    dialled: SiteName | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelClosed:
    """The WebSocket is gone, for whatever reason."""

    channel: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DialFailed:
    """A `Dial` did not succeed."""

    site: SiteName


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameReceived:
    """One binary WebSocket message, whole. Text messages and oversize ones: the shell closes the channel itself."""

    channel: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The objects of a watched kind, complete, at `revision` (the list's metadata.resourceVersion).

    For kind `namespaces` the watch is on the one namespace: `items` holds it, or nothing when it does not exist.
    Items carry apiVersion and kind only if the server gave them; the core does not need them.
    """

    kind: GroupKind
    namespace: str
    revision: int
    items: tuple[KubeObject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A watch event. For DELETED `object` is the last state."""

    kind: GroupKind
    namespace: str
    event: WatchEvent
    object: KubeObject


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFinished:
    """The end of a `WriteLocal` or `ReadLocal`.

    ok: 2xx, `object` is the body. refused: the server answered 4xx or 5xx, surely not done; `code` and `object` (the
    Status, {} if none). unknown: no answer (reset, time-out, crash of the server): it may have been done; a connect
    error may be told as unknown as well. 429 and 5xx of the server are `refused`, the core backs off.
    """

    call: int
    outcome: CallOutcome
    code: int = 0
    object: KubeObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandIssued:
    """Somebody asked for an operation at this site (POST /collab/v1/operations, a scoped request, a forward of a peer).

    It is answered by at least one `Answer` with its id: at once, when done, or at the operation's time-out (pending).
    The same id again is answered with the state of the first.
    """

    operation: Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardFinished:
    """The end of a `Forward`. answered: `body` is the JSON answer (an OperationResult), `code` its HTTP status.

    not-sent: connect error, or connect time-out: surely not done. unknown: bytes were sent, no answer came.
    """

    operation: str
    site: SiteName
    outcome: ForwardOutcome
    code: int = 0
    body: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Woken:
    """`now` reached the core's `wake_at`. Early or doubled ones do no harm."""


Fact: TypeAlias = (
    Booted
    | Identified
    | ChannelOpened
    | ChannelClosed
    | DialFailed
    | FrameReceived
    | Listed
    | Observed
    | CallFinished
    | CommandIssued
    | ForwardFinished
    | Woken
)
