"""What a record says, kept up to date slot by slot: owner, members, policy, desired objects, conflicts.

Fed with changed keys only, since a record of 200 members has a thousand slots and gets thousands of updates. A slot
outside the grammar is kept aside and shown; it decides nothing, at every replica alike.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from collab.record import joins
from collab.record.joins import Edit, JoinedField, MemberRow
from collab.record.slots import (
    Answer,
    BadSlot,
    Claim,
    Existence,
    Field,
    Hand,
    Membership,
    ObjectId,
    Policy,
    Root,
    SlotKey,
    SlotValue,
    Status,
    Tombstone,
    key_text,
    lamport_of,
    parse_key,
    parse_slot,
    site_of,
)

Value = TypeVar("Value", bound=SlotValue)
Subject = tuple[str, ...]

#: The root object of a record never gets a second incarnation: a destroyed record is not made again, a new one is.
ROOT_INCARNATION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What an update touched: families of slots, and the objects whose desired state may differ now. All sorted."""

    keys: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    objects: tuple[ObjectId, ...] = ()

    @property
    def membership(self) -> bool:
        return "mb" in self.families or "an" in self.families

    @property
    def ownership(self) -> bool:
        return "own" in self.families or "hand" in self.families


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Edits that lost without having been seen by the winner. `path` is "" for an object that a tombstone took."""

    object_id: ObjectId
    path: str
    winner: Edit
    losers: tuple[Edit, ...]


class CellStore(Protocol):
    def put(self, subject: Subject, writer: str, value: SlotValue) -> None: ...
    def drop(self, subject: Subject, writer: str) -> None: ...


class Cells(Generic[Value]):
    """The slots of one family: subject -> writer -> value."""

    def __init__(self, value_type: type[Value]) -> None:
        self._type = value_type
        self._cells: dict[Subject, dict[str, Value]] = {}

    def put(self, subject: Subject, writer: str, value: SlotValue) -> None:
        if not isinstance(value, self._type):
            raise TypeError(f"{type(value).__name__} in the cells of {self._type.__name__}")
        self._cells.setdefault(subject, {})[writer] = value

    def drop(self, subject: Subject, writer: str) -> None:
        cell = self._cells.get(subject, {})
        cell.pop(writer, None)
        if not cell:
            self._cells.pop(subject, None)

    def __getitem__(self, subject: Subject) -> Mapping[str, Value]:
        return self._cells.get(subject, {})

    def __contains__(self, subject: Subject) -> bool:
        return subject in self._cells

    def subjects(self) -> list[Subject]:
        return sorted(self._cells)


class ObjectIndex:
    """Which incarnations and paths exist, so that one object is read without a walk over all slots."""

    def __init__(self) -> None:
        self._numbers: dict[ObjectId, set[int]] = {}

    def put(self, subject: Subject, present: bool) -> None:
        numbers = self._numbers.setdefault(ObjectId(subject[0], subject[1]), set())
        if present:
            numbers.add(int(subject[2]))
        else:
            numbers.discard(int(subject[2]))
        if not numbers:
            del self._numbers[ObjectId(subject[0], subject[1])]

    def __getitem__(self, object_id: ObjectId) -> set[int]:
        return self._numbers.get(object_id, set())

    def __contains__(self, object_id: ObjectId) -> bool:
        return object_id in self._numbers

    def objects(self) -> list[ObjectId]:
        return sorted(self._numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """An object as the record wants it: incarnation and, per path, the winning edit and its losers."""

    object_id: ObjectId
    n: int
    fields: dict[str, JoinedField]

    def values(self) -> dict[str, object]:
        """Path -> value; removed paths are left out."""
        return {path: field.winner.value for path, field in self.fields.items() if not field.winner.removed}


class RecordView:
    """The joined state of a record. `take` feeds it; everything else reads."""

    def __init__(self) -> None:
        self.lamport = 0
        self.bad: dict[str, str] = {}  # key -> why it is outside the grammar
        self._root = Cells(Root)
        self._policy = Cells(Policy)
        self._own = Cells(Claim)
        self._hand = Cells(Hand)
        self._mb = Cells(Membership)
        self._an = Cells(Answer)
        self._o = Cells(Existence)
        self._d = Cells(Tombstone)
        self._f = Cells(Field)
        self._st = Cells(Status)
        self._cells: dict[str, CellStore] = {
            "root": self._root,
            "policy": self._policy,
            "own": self._own,
            "hand": self._hand,
            "mb": self._mb,
            "an": self._an,
            "o": self._o,
            "d": self._d,
            "f": self._f,
            "st": self._st,
        }
        self._existing = ObjectIndex()
        self._tombstoned = ObjectIndex()
        self._paths: dict[Subject, set[str]] = {}
        self._joined: dict[Subject, JoinedField | None] = {}
        self._members: dict[str, MemberRow] = {}

    # -- feeding ------------------------------------------------------------------------------------------------

    def take(self, slots: Mapping[str, str | None]) -> Changes:
        """Take changed slots: key -> text, or None for a removed one."""
        keys = [key for text_key, text in sorted(slots.items()) if (key := self._take_slot(text_key, text))]
        objects = {ObjectId(key.subject[0], key.subject[1]) for key in keys if key.family in ("o", "d", "f")}
        return Changes(
            keys=tuple(sorted(slots)),
            families=tuple(sorted({key.family for key in keys})),
            objects=tuple(sorted(objects)),
        )

    def _take_slot(self, text_key: str, text: str | None) -> SlotKey | None:
        self.bad.pop(text_key, None)
        try:
            key = parse_key(text_key)
        except BadSlot as error:
            if text is not None:
                self.bad[text_key] = str(error)
            return None
        value = self._value(key, text_key, text)
        if value is None:
            self._cells[key.family].drop(key.subject, key.writer)
        else:
            self.lamport = max(self.lamport, lamport_of(value))
            self._cells[key.family].put(key.subject, key.writer, value)
        self._reindex(key)
        return key

    def _value(self, key: SlotKey, text_key: str, text: str | None) -> SlotValue | None:
        try:
            return None if text is None else parse_slot(key, text)
        except BadSlot as error:
            self.bad[text_key] = str(error)
            return None

    def _reindex(self, key: SlotKey) -> None:
        match key.family:
            case "mb" | "an":
                self._refresh_member(key.subject[0])
            case "o":
                self._existing.put(key.subject, key.subject in self._o)
            case "d":
                self._tombstoned.put(key.subject, key.subject in self._d)
            case "f":
                self._joined.pop(key.subject, None)
                self._index_path(key.subject)

    def _index_path(self, subject: Subject) -> None:
        paths = self._paths.setdefault(subject[:3], set())
        if subject in self._f:
            paths.add(subject[3])
        else:
            paths.discard(subject[3])
        if not paths:
            del self._paths[subject[:3]]

    # -- the record itself --------------------------------------------------------------------------------------

    @property
    def root(self) -> Root | None:
        return joins.join_root(self._root[()])

    @property
    def root_object(self) -> ObjectId | None:
        """The shared object the record is about, in the same notation as its contents."""
        root = self.root
        return ObjectId(root.kind, root.name) if root else None

    @property
    def policy(self) -> Policy | None:
        return joins.join_policy(self._policy[()])

    @property
    def destroyed(self) -> Tombstone | None:
        """The root's tombstone. It is not fenced: any owner's destroy wins."""
        root = self.root_object
        return joins.join_tombstones(self._d[(*root, str(ROOT_INCARNATION))]) if root else None

    # -- ownership ----------------------------------------------------------------------------------------------

    @property
    def claim(self) -> Claim | None:
        """The largest claim: its `o` owns the record."""
        return joins.join_claims(self._own[()])

    @property
    def owner(self) -> str | None:
        claim = self.claim
        return claim.o if claim else None

    @property
    def acting(self) -> str | None:
        """The owner, once it has written its own accepting claim."""
        return joins.acting_owner(self._own[()])

    def claims(self) -> dict[str, Claim]:
        """Each site's largest claim."""
        return joins.claims_by_site(self._own[()])

    def hands(self) -> dict[str, Hand]:
        """Each site's latest word in a hand-over."""
        return joins.join_hands(self._hand[()])

    # -- membership ---------------------------------------------------------------------------------------------

    def members(self) -> dict[str, MemberRow]:
        """Every site an owner ever named, sorted; `is_member` tells the members of now. A copy is yours to keep."""
        return dict(self._members)

    def member(self, site: str) -> MemberRow | None:
        return self._members.get(site)

    def is_member(self, site: str) -> bool:
        row = self.member(site)
        return row is not None and row.is_member

    def answer(self, site: str, inv: str) -> Answer | None:
        return joins.join_answers(self._an[(site, inv)])

    def _refresh_member(self, site: str) -> None:
        """Join one member again; a record of 200 cannot afford all of them at each answer."""
        row = joins.join_membership(self._mb[(site,)])
        if row is None:
            self._members.pop(site, None)
            return
        known = site in self._members
        self._members[site] = joins.member_row(site, row, self.answer(site, row.inv))
        if not known:
            self._members = dict(sorted(self._members.items()))

    # -- objects ------------------------------------------------------------------------------------------------

    def objects(self) -> list[ObjectId]:
        """The objects that exist, sorted; of a destroyed record none."""
        if self.destroyed:
            return []
        return [object_id for object_id in self._existing.objects() if self.incarnation(object_id)]

    def incarnation(self, object_id: ObjectId) -> int | None:
        return joins.live_incarnation(self._existing[object_id], self._tombstoned[object_id])

    def next_incarnation(self, object_id: ObjectId) -> int:
        return joins.next_incarnation(self._tombstoned[object_id])

    def is_tombstoned(self, object_id: ObjectId) -> bool:
        """Whether any incarnation has a tombstone: adopt then does not lift it again (D6)."""
        return object_id in self._tombstoned

    def tombstones(self) -> dict[ObjectId, int]:
        """Each object that was ever deleted, with its highest tombstoned incarnation."""
        return {object_id: max(self._tombstoned[object_id]) for object_id in self._tombstoned.objects()}

    def desired(self, object_id: ObjectId) -> Desired | None:
        """The object as the record wants it, or None where it must not exist."""
        n = None if self.destroyed else self.incarnation(object_id)
        if n is None:
            return None
        subject = (*object_id, str(n))
        fields = {path: self._field((*subject, path)) for path in sorted(self._paths.get(subject, ()))}
        return Desired(object_id=object_id, n=n, fields={path: field for path, field in fields.items() if field})

    def field(self, object_id: ObjectId, path: str) -> JoinedField | None:
        n = self.incarnation(object_id)
        return self._field((*object_id, str(n), path)) if n else None

    def field_slot(self, key: SlotKey) -> Field | None:
        """One writer's slot of a field; None when it has none."""
        return self._f[key.subject].get(key.writer)

    def _field(self, subject: Subject) -> JoinedField | None:
        if subject not in self._joined:
            self._joined[subject] = joins.join_field(self._f[subject])
        return self._joined[subject]

    def field_slots(self, object_id: ObjectId, n: int, path: str) -> Mapping[str, Field]:
        """Writer -> slot of one field."""
        return self._f[(*object_id, str(n), path)]

    def existence(self, object_id: ObjectId, n: int) -> Mapping[str, Existence]:
        return self._o[(*object_id, str(n))]

    def statuses(self, object_id: ObjectId) -> dict[str, Status]:
        """Each site's latest status of the object."""
        n = self.incarnation(object_id)
        return joins.join_status(self._st[(*object_id, str(n))]) if n else {}

    # -- conflicts and covered slots ----------------------------------------------------------------------------

    def conflicts(self) -> list[Conflict]:
        """All losing edits nobody has seen yet, sorted by object and path."""
        return [*self._lost_creations(), *self._field_conflicts()]

    def _field_conflicts(self) -> Iterator[Conflict]:
        for object_id in self.objects():
            desired = self.desired(object_id)
            for path, field in desired.fields.items() if desired else ():
                if field.losers:
                    yield Conflict(object_id=object_id, path=path, winner=field.winner, losers=field.losers)

    def _lost_creations(self) -> Iterator[Conflict]:
        for subject in self._d.subjects():
            tombstones = self._d[subject]
            lost = joins.unseen_creations(self._o[subject], tombstones)
            last = joins.join_tombstones(tombstones)
            if lost and last:
                losers = tuple(
                    Edit(value=self._values(subject, writer), removed=False, stamp=slot.t)
                    for writer, slot in lost.items()
                )
                winner = Edit(value=None, removed=True, stamp=last.t)
                yield Conflict(object_id=ObjectId(subject[0], subject[1]), path="", winner=winner, losers=losers)

    def _values(self, subject: Subject, writer: str) -> dict[str, object]:
        """Path -> value as one writer had set them."""
        slots = {path: self._f[(*subject, path)].get(writer) for path in sorted(self._paths.get(subject, ()))}
        return {path: field.v for path, field in slots.items() if field and not field.removed}

    def covered(self, site: str, keys: Iterable[str]) -> list[str]:
        """The site's own field slots, in the cells of these keys, that the winner had seen: it may remove them."""
        subjects = {key.subject for key in map(parsed_or_none, keys) if key and key.family == "f"}
        return [
            key_text("f", *subject, writer=writer)
            for subject in sorted(subjects)
            for writer in joins.covered_writers(self._f[subject])
            if site_of(writer) == site
        ]


def parsed_or_none(text: str) -> SlotKey | None:
    try:
        return parse_key(text)
    except BadSlot:
        return None
