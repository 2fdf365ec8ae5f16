"""Local writes: each builds the slots of one edit, with a fresh stamp. Nothing is written until the record does it."""

from collections.abc import Mapping
from typing import Literal

from collab.record.joins import Sight, join_field, seen_stamps
from collab.record.slots import (
    REMOVED,
    Answer,
    Claim,
    Existence,
    Field,
    Hand,
    Membership,
    ObjectId,
    OwnerStamp,
    Policy,
    Rank,
    Root,
    SlotValue,
    Stamp,
    Status,
    Tombstone,
    key_text,
    site_of,
    value_text,
)
from collab.record.view import ROOT_INCARNATION, RecordView

Slots = dict[str, str]

GENESIS_EPOCH = 0
HAND_OVER = 1
SEIZE = 0


class Editor:
    """Builds slots for one writer over what the view has seen. Slots that say nothing new come back empty."""

    def __init__(self, view: RecordView, writer: str) -> None:
        self._view = view
        self._issued = 0
        self.writer = writer
        self.site = site_of(writer)

    def stamp(self) -> Stamp:
        """The next stamp: above all seen and all given out."""
        self._issued = max(self._issued, self._view.lamport) + 1
        return Stamp(self._issued, self.writer)

    def owner_stamp(self, under: Rank | None = None) -> OwnerStamp:
        """A stamp under a claim, the largest one unless told. Raises LookupError where nobody has claimed."""
        claim = self._view.claim
        rank = under or (claim.rank if claim else None)
        if rank is None:
            raise LookupError("no claim to stamp an owner's slot with: write the claim first")
        return OwnerStamp(*rank, *self.stamp())

    def new_id(self) -> str:
        """A unique id `<writer>.<k>`, for an invitation or an offer. k is a Lamport counter of its own: what was
        written is above it, so a record that is loaded again never gives the same id twice (M5).
        """
        return f"{self.writer}.{self.stamp().lamport}"

    # -- the record ---------------------------------------------------------------------------------------------

    def genesis(
        self,
        *,
        api_version: str,
        kind: str,
        name: str,
        namespace: str = "",
        kinds: tuple[str, ...] = (),
        mode: Literal["ap", "strict"] = "ap",
        missing: Literal["recreate", "absent"] = "recreate",
        address: str = "",
        journal: str = "",
    ) -> Slots:
        """The first slots of a record: root, policy, claim (0, 1, creator), and the creator as a member."""
        rank = Rank(GENESIS_EPOCH, HAND_OVER, self.site)
        inv = self.new_id()
        root = Root(
            t=self.stamp(), apiVersion=api_version, kind=kind, namespace=namespace, name=name, creator=self.site
        )
        return {
            **self._slot("root", root),
            **self.claim(rank, "own", journal=journal),
            **self.policy(Policy(t=self.owner_stamp(rank), mode=mode, kinds=kinds, missing=missing)),
            **self.membership(self.site, inv=inv, address=address, under=rank),
            **self.answer(self.site, inv, "accepted", journal=journal),
            **self._slot("o", Existence(t=self.stamp()), kind, name, str(ROOT_INCARNATION)),
        }

    def policy(self, policy: Policy) -> Slots:
        """The policy, as given; its stamp comes from owner_stamp."""
        return self._slot("policy", policy)

    # -- ownership ----------------------------------------------------------------------------------------------

    def claim(self, rank: Rank, state: Literal["own", "rel"], journal: str = "") -> Slots:
        """This site's claim. Raises ValueError where it would go down: a claim is monotone."""
        mine = self._view.claims().get(self.site)
        if mine and rank < mine.rank:
            raise ValueError(f"claim {tuple(rank)} is below this site's own {tuple(mine.rank)}")
        return self._slot("own", Claim(e=rank.e, rk=rank.rk, o=rank.o, s=state, journal=journal))

    def hand(
        self, state: Literal["off", "rdy", "idle"], *, e: int = 0, peer: str = "", n: str = "", journal: str = ""
    ) -> Slots:
        return self._slot("hand", Hand(t=self.stamp(), s=state, e=e, peer=peer, n=n, journal=journal))

    # -- membership ---------------------------------------------------------------------------------------------

    def membership(
        self,
        member: str,
        *,
        inv: str,
        state: Literal["in", "out", "refused"] = "in",
        role: Literal["rw", "ro"] = "rw",
        exit: Literal["keep", "delete"] = "keep",
        address: str = "",
        under: Rank | None = None,
    ) -> Slots:
        """The owner's word on one member, under the largest claim or the one being written now."""
        row = Membership(t=self.owner_stamp(under), inv=inv, state=state, role=role, exit=exit, address=address)
        return self._slot("mb", row, member)

    def answer(self, member: str, inv: str, state: Literal["accepted", "left"], journal: str = "") -> Slots:
        """A member's answer to an invitation; left is final, so accepting after it says nothing."""
        known = self._view.answer(member, inv)
        if known and (known.s == "left" or known.s == state):
            return {}
        return self._slot("an", Answer(s=state, journal=journal), member, inv)

    # -- objects ------------------------------------------------------------------------------------------------

    def add_object(
        self,
        object_id: ObjectId,
        fields: Mapping[str, object],
        *,
        adopted: bool = False,
        sights: Mapping[str, Sight] | None = None,
    ) -> Slots:
        """The object exists, with these fields (path -> value), in a new incarnation where it was deleted before.

        Where it exists already, its fields are set. Adopt does not lift what has a tombstone (D6): no slots then.
        """
        if adopted and self._view.is_tombstoned(object_id):
            return {}
        n = self._view.incarnation(object_id)
        if n is not None:
            return self._fields(object_id, n, fields, adopted, sights)
        n = self._view.next_incarnation(object_id)
        existence = self._slot("o", Existence(t=self._field_stamp(adopted)), *object_id, str(n))
        return existence | self._fields(object_id, n, fields, adopted, sights)

    def set_fields(
        self,
        object_id: ObjectId,
        fields: Mapping[str, object],
        *,
        adopted: bool = False,
        sights: Mapping[str, Sight] | None = None,
    ) -> Slots:
        """New values, path -> value or REMOVED. Nothing for what the record says already, or for no such object.

        `sights`: what the user saw of each path before the edit; without, everything in the record.
        Adopted values enter below everything, with an empty `b`: they fill gaps, and lose as a visible conflict (D5).
        """
        n = self._view.incarnation(object_id)
        return {} if n is None else self._fields(object_id, n, fields, adopted, sights)

    def _fields(
        self,
        object_id: ObjectId,
        n: int,
        fields: Mapping[str, object],
        adopted: bool,
        sights: Mapping[str, Sight] | None,
    ) -> Slots:
        slots: Slots = {}
        for path, value in sorted(fields.items()):
            sight = sights.get(path) if sights else None
            slots |= self._field(object_id, n, path, value, adopted, sight)
        return slots

    def _field(
        self, object_id: ObjectId, n: int, path: str, value: object, adopted: bool, sight: Sight | None
    ) -> Slots:
        cell = self._view.field_slots(object_id, n, path)
        if self._says_already(cell, value) or (adopted and self.writer in cell):
            return {}
        others = {writer: field for writer, field in cell.items() if writer != self.writer}
        seen = () if adopted else seen_stamps(others, self.site, sight)
        field = Field(t=self._field_stamp(adopted), b=seen, v=value, x=1 if value is REMOVED else 0)
        return self._slot("f", field, *object_id, str(n), path)

    def _says_already(self, cell: Mapping[str, Field], value: object) -> bool:
        joined = join_field(cell)
        if joined is None or joined.winner.removed:
            return value is REMOVED
        return joined.winner.value == value

    def _field_stamp(self, adopted: bool) -> Stamp:
        return Stamp(0, self.writer) if adopted else self.stamp()

    def tombstone(self, object_id: ObjectId) -> Slots:
        """The object is deleted, everywhere and for ever in this incarnation; of the root: the record is destroyed."""
        n = self._view.incarnation(object_id)
        if n is None:
            return {}
        writers = tuple(sorted(self._view.existence(object_id, n)))
        claim = self._view.claim if object_id == self._view.root_object else None
        tombstone = Tombstone(t=self.stamp(), o=writers, c=claim.rank if claim else None)
        return self._slot("d", tombstone, *object_id, str(n))

    def status(
        self, object_id: ObjectId, status: dict[str, object], *, observed_generation: int = 0, observed_at: str = ""
    ) -> Slots:
        """This site's status of the object, under the claim it sees; `observed_at` is for showing alone."""
        n, claim = self._view.incarnation(object_id), self._view.claim
        if n is None or claim is None:
            return {}
        value = Status(
            t=self.stamp(),
            status=status,
            claim=claim.rank,
            observedGeneration=observed_generation,
            observedAt=observed_at,
        )
        return self._slot("st", value, *object_id, str(n))

    def _slot(self, family: str, value: SlotValue, *subject: str) -> Slots:
        return {key_text(family, *subject, writer=self.writer): value_text(value)}
