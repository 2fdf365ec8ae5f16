"""What agents say to each other, as frozen values. How they look on the wire is codec.py's business.

`doc` is a record's gid; `sv` a Yjs state vector, encoded (in OP and ACK only the clients concerned); `digest` the
canonical digest of a document; `upd` a Yjs update. Bytes are base64 in the header, or the frame's payload (PAYLOADS).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from collab.protocol.names import RecordId, SiteName
from collab.record.slots import OwnerStamp, Policy, Root

PROTOCOL_VERSION = 1

NackReason = Literal["gap", "auth", "schema", "full", "no"]
"""gap: an update's base is not covered. auth: not a member, or not allowed. schema: unreadable slots. full: the record
is over its size. no: unknown or not yours, which are not told apart."""

ExitMode = Literal["exit", "destroyed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One document in a HELLO: its digest, and the state vector that lets the peer answer with a DIFF at once."""

    doc: RecordId
    digest: str
    sv: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first message of each side on a channel. `docs`: only those whose member the peer is. `address`: where the
    sender can be dialled, for the records that will name it."""

    site: SiteName
    uid: str
    boot: str
    proto: int
    address: str = ""
    docs: tuple[Offer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """Please become a member. Names the resource and its rules; no byte of the contents."""

    doc: RecordId
    inv: str
    root: Root
    policy: Policy
    owner: SiteName
    addresses: dict[str, str]
    role: str = "rw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """No to an INVITE; `code` is an HTTP status: 403 not allowed, 409 an unrelated object of that name."""

    doc: RecordId
    inv: str
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Have:
    """Anti-entropy: what I hold of the document."""

    doc: RecordId
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """Send me what I lack beyond `sv`. With `inv`: the invitation that gives me the right to ask."""

    doc: RecordId
    sv: bytes
    inv: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """Everything beyond `base`; with it, the receiver's state covers `after`."""

    doc: RecordId
    base: bytes
    after: bytes
    upd: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """One batch of fresh updates. `seq` counts the sender's batches of this document; `base`: the clocks of other clients
    that the receiver must already have (of the updates' own clients the updates say it themselves)."""

    doc: RecordId
    seq: int
    base: bytes
    upd: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """Durable here: at least these clocks, and every OP of the receiver up to `seq` (0: none)."""

    doc: RecordId
    sv: bytes
    seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Nack:
    """Not taken, and why."""

    doc: RecordId
    reason: NackReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """You are out (`stamp`: of the membership slot that says so; `policy`: what becomes of the twin), or the record
    was destroyed (`stamp`: none, nothing outweighs it)."""

    doc: RecordId
    stamp: OwnerStamp | None
    mode: ExitMode
    policy: Literal["keep", "delete"] = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exited:
    """I have left: my final acknowledgements, invitation -> state, and what nobody may have had from me yet."""

    doc: RecordId
    an: dict[str, str]
    diff: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """I am alive."""


Message: TypeAlias = Hello | Invite | Refuse | Have | Want | Diff | Op | Ack | Nack | Exit | Exited | Ping

MESSAGE_TYPES: dict[str, type[Message]] = {
    "HELLO": Hello,
    "INVITE": Invite,
    "REFUSE": Refuse,
    "HAVE": Have,
    "WANT": Want,
    "DIFF": Diff,
    "OP": Op,
    "ACK": Ack,
    "NACK": Nack,
    "EXIT": Exit,
    "EXITED": Exited,
    "PING": Ping,
}

PAYLOADS: dict[type[Message], str] = {Diff: "upd", Op: "upd", Exited: "diff"}
"""The member that travels as the frame's binary payload."""
