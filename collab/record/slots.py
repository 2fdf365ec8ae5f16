"""The slots of a record: their keys, their values, their stamps. Text in, values out; knows no replication.

A record is a flat map of single-writer slots. A key is `<family>/<subject>|<writer>`, a value is canonical JSON text:

    own|paris~x7                                   {"e":0,"o":"paris","rk":1,"s":"own"}
    f/configmaps/app/1/f:data/f:colour|paris~x7    {"t":[12,"paris~x7"],"v":"red"}

A writer is `<site>~<token>`, new at every start and every join of a document, so no lost disk can reuse one.
"""

import hashlib
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

#: An update may raise the Lamport counter by its own number of writes plus this, no more.
LAMPORT_LEAP: Final = 1 << 20
#: How many concurrent stamps a field slot names as seen; what does not fit stays a visible conflict.
SEEN_LIMIT: Final = 8
_SMALL: Final = 512

Family = Literal["root", "policy", "own", "hand", "mb", "an", "o", "d", "f", "st"]

#: Family -> number of subject segments; `f` has three and a path of one or more.
SUBJECT_SIZES: Final[dict[str, int]] = {
    "root": 0,
    "policy": 0,
    "own": 0,
    "hand": 0,
    "mb": 1,
    "an": 2,
    "o": 3,
    "d": 3,
    "f": 4,
    "st": 3,
}
#: The value of an edit that takes a field away.
REMOVED: Final = msgspec.UNSET
_OBJECT_FAMILIES: Final = frozenset({"o", "d", "f", "st"})
_ESCAPES: Final = (("%", "%25"), ("/", "%2F"), ("|", "%7C"))


class BadSlot(ValueError):
    """A key or value outside the grammar. Nothing was changed; the message names the slot."""


class ObjectId(NamedTuple):
    """One object inside a record: plural resource (`configmaps`, `deployments.apps`) and name."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class Stamp(NamedTuple):
    """Lamport counter of the record, then the writer: a total order that no clock takes part in."""

    lamport: int
    writer: str


class Rank(NamedTuple):
    """What claims are compared by: epoch, 1 for a hand-over or genesis and 0 for a seize, owner."""

    e: int
    rk: int
    o: str


class OwnerStamp(NamedTuple):
    """A stamp under a claim: the whole claim first, so that no write of a deposed owner wins (O5)."""

    e: int
    rk: int
    o: str
    lamport: int
    writer: str

    @property
    def rank(self) -> Rank:
        return Rank(self.e, self.rk, self.o)


class SlotKey(NamedTuple):
    """A parsed key. `subject` holds the unescaped segments; of `f` the last one is the path, as written."""

    family: str
    subject: tuple[str, ...]
    writer: str

    @property
    def site(self) -> str:
        return site_of(self.writer)

    def __str__(self) -> str:
        return key_text(self.family, *self.subject, writer=self.writer)


def fingerprint(value: object) -> str:
    """Equal for equal JSON values, "" for REMOVED; says nothing of the value."""
    if value is REMOVED:
        return ""
    return hashlib.sha256(_ENCODER.encode(value)).hexdigest()[:32]


def escape(segment: str) -> str:
    for plain, escaped in _ESCAPES:
        segment = segment.replace(plain, escaped)
    return segment


def unescape(segment: str) -> str:
    for plain, escaped in reversed(_ESCAPES):
        segment = segment.replace(escaped, plain)
    return segment


def field_path(*names: str) -> str:
    """The FieldsV1 notation of nested field names: `f:metadata/f:labels/f:app.kubernetes.io%2Fname`."""
    return "/".join(f"f:{escape(name)}" for name in names)


def path_names(path: str) -> tuple[str, ...]:
    """The nested names of a path; the reverse of field_path. Raises BadSlot."""
    parts = path.split("/")
    if not all(part.startswith("f:") and len(part) > 2 for part in parts):
        raise BadSlot(f"path {path!r} is not in FieldsV1 notation (f:metadata/f:labels/f:KEY)")
    return tuple(unescape(part[2:]) for part in parts)


def site_of(writer: str) -> str:
    """The site of a writer `<site>~<token>`, or of anything numbered by one (`<writer>.<k>`)."""
    return writer.split("~", 1)[0]


def key_text(family: str, *subject: str, writer: str) -> str:
    """The key of a slot. Every segment is escaped but a field's path, which is in FieldsV1 notation already."""
    if family == "f":
        *names, path = subject
        segments = [*map(escape, names), path]
    else:
        segments = [escape(segment) for segment in subject]
    return "/".join([family, *segments]) + "|" + writer


@lru_cache(maxsize=65536)
def parse_key(text: str) -> SlotKey:
    """The parts of a key. Raises BadSlot for anything that key_text would not have written."""
    head, bar, writer = text.rpartition("|")
    site, tilde, token = writer.partition("~")
    if not (bar and tilde and site and token):
        raise BadSlot(f"slot key {text!r} does not end in |<site>~<token>")
    family, *segments = head.split("/")
    if family not in SUBJECT_SIZES:
        raise BadSlot(f"slot key {text!r} is of no known family")
    key = SlotKey(family, _subject(family, segments, text), writer)
    if str(key) != text:
        raise BadSlot(f"slot key {text!r} is not written the one canonical way")
    return key


def _subject(family: str, segments: list[str], text: str) -> tuple[str, ...]:
    size = SUBJECT_SIZES[family]
    if family == "f" and len(segments) > size:
        segments = [*segments[: size - 1], "/".join(segments[size - 1 :])]
    if len(segments) != size or not all(segments):
        raise BadSlot(f"slot key {text!r} needs {size} segments after {family!r}")
    if family == "f":
        path_names(segments[-1])
        names = (*map(unescape, segments[:-1]), segments[-1])
    else:
        names = tuple(map(unescape, segments))
    if family in _OBJECT_FAMILIES:
        _check_incarnation(names[2], text)
    return names


def _check_incarnation(number: str, text: str) -> None:
    if not (number.isascii() and number.isdigit() and number[0] != "0" and len(number) < 10):
        raise BadSlot(f"slot key {text!r} has no incarnation number (1, 2, ...) after its name")


class _Slot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A slot value; encoded with sorted keys, so equal values are equal text."""


class Root(_Slot, frozen=True):
    """`root`: what the record shares, written once by its creator. Join: the smallest stamp."""

    t: Stamp
    apiVersion: str
    kind: str
    name: str
    creator: str
    namespace: str = ""


class Policy(_Slot, frozen=True):
    """`policy`: how the record behaves, by the owner. Join: the largest owner stamp."""

    t: OwnerStamp
    mode: Literal["ap", "strict"] = "ap"
    collision: Literal["refuse", "adopt-if-identical", "adopt"] = "refuse"
    kinds: tuple[str, ...] = ()
    spec: Literal["all", "owner"] = "all"
    missing: Literal["recreate", "absent"] = "recreate"


class Claim(_Slot, frozen=True):
    """`own`: who owns. `s` is `own` for a claim by its owner, `rel` for a release to another. Never goes down."""

    e: int
    rk: int
    o: str
    s: Literal["own", "rel"]
    journal: str = ""

    @property
    def rank(self) -> Rank:
        return Rank(self.e, self.rk, self.o)


class Hand(_Slot, frozen=True):
    """`hand`: one side of a hand-over, beside the claim so that the claim never has to go down."""

    t: Stamp
    s: Literal["off", "rdy", "idle"]
    e: int = 0
    peer: str = ""  # `to` of an offer, `from` of a ready
    n: str = ""
    journal: str = ""


class Membership(_Slot, frozen=True):
    """`mb`: the owner's word on one member. `inv` is a unique id `<writer>.<k>` (M5)."""

    t: OwnerStamp
    inv: str
    state: Literal["in", "out", "refused"]
    role: Literal["rw", "ro"] = "rw"
    exit: Literal["keep", "delete"] = "keep"
    address: str = ""


class Answer(_Slot, frozen=True):
    """`an`: a member's own answer to one invitation; accepted < left, without a stamp."""

    s: Literal["accepted", "left"]
    journal: str = ""


class Existence(_Slot, frozen=True):
    """`o`: the object exists in this incarnation."""

    t: Stamp


class Tombstone(_Slot, frozen=True):
    """`d`: the incarnation is gone for ever; `o` lists the writers of the existence it had seen (D2)."""

    t: Stamp
    o: tuple[str, ...] = ()
    c: Rank | None = None  # the claim of the owner who destroyed the record; shown, not compared


class Field(_Slot, frozen=True):
    """`f`: a value `v`, or `x` = 1 for "removed"; `b` = stamps of concurrent slots its writer had seen."""

    t: Stamp
    b: tuple[Stamp, ...] = ()
    v: object = msgspec.UNSET
    x: Literal[0, 1] = 0

    @property
    def removed(self) -> bool:
        return self.x == 1


class Status(_Slot, frozen=True):
    """`st`: one site's status of the object; `observedAt` is shown and never compared."""

    t: Stamp
    status: dict[str, object]
    claim: Rank
    observedGeneration: int = 0
    observedAt: str = ""


SlotValue: TypeAlias = Root | Policy | Claim | Hand | Membership | Answer | Existence | Tombstone | Field | Status

VALUE_TYPES: Final[dict[str, type[SlotValue]]] = {
    "root": Root,
    "policy": Policy,
    "own": Claim,
    "hand": Hand,
    "mb": Membership,
    "an": Answer,
    "o": Existence,
    "d": Tombstone,
    "f": Field,
    "st": Status,
}
_DECODERS: Final[dict[str, msgspec.json.Decoder[SlotValue]]] = {
    family: msgspec.json.Decoder(value_type) for family, value_type in VALUE_TYPES.items()
}
_ENCODER: Final = msgspec.json.Encoder(order="sorted")


def value_text(value: SlotValue) -> str:
    """The canonical JSON text of a slot value: sorted keys, no spaces, defaults left out."""
    return _ENCODER.encode(value).decode()


def parse_value(family: str, text: str) -> SlotValue:
    """The value of a slot of this family. Raises BadSlot for anything but that family's shape."""
    try:
        value = _DECODERS[family].decode(text)
    except (msgspec.MsgspecError, UnicodeEncodeError) as error:
        raise BadSlot(f"value of a slot {family!r}: {error}") from error
    if isinstance(value, Field) and (value.v is msgspec.UNSET) != value.removed:
        raise BadSlot("value of a slot 'f' needs either v or x")
    if isinstance(value, Field) and len(value.b) > SEEN_LIMIT:
        raise BadSlot(f"value of a slot 'f' names more than {SEEN_LIMIT} seen stamps")
    return value


def parse_slot(key: SlotKey, text: str) -> SlotValue:
    """The value under a key. Raises BadSlot, also for a stamp that is not of the key's own writer."""
    return _parse_small_slot(key, text) if len(text) <= _SMALL else _parse_slot(key, text)


def _parse_slot(key: SlotKey, text: str) -> SlotValue:
    value = parse_value(key.family, text)
    if not isinstance(value, Claim | Answer) and value.t.writer != key.writer:
        raise BadSlot(f"slot {str(key)!r} carries a stamp of writer {value.t.writer!r}")
    return value


#: Values are never changed in place, so all replicas in one process share them.
_parse_small_slot = lru_cache(maxsize=16384)(_parse_slot)


def lamport_of(value: SlotValue) -> int:
    """The Lamport counter of a value's stamp; 0 for values that carry none (claims and answers)."""
    match value:
        case Claim() | Answer():
            return 0
        case _:
            return value.t.lamport
