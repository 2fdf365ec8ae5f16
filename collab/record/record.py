"""One record at one site: the replicated slots, what they say, and the local writes, kept in step."""

from collections.abc import Iterable, Mapping

import msgspec

from collab.record.document import Document
from collab.record.edits import Editor
from collab.record.slots import LAMPORT_LEAP, BadSlot, Field, parse_key, parse_slot, site_of
from collab.record.updates import Shape, read_shape
from collab.record.view import Changes, RecordView

#: A larger record refuses collab writes with condition RecordFull.
SIZE_LIMIT = 1 << 20


class LamportLeap(Exception):
    """The update would raise the Lamport counter by more than its writes and 2^20 (D4). Nothing was changed."""


class Record:
    """A document, its view and its editor.

    >>> record = Record("paris~1.1", "paris~1")
    >>> update = record.write(record.edit.genesis(api_version="v1", kind="namespaces", name="team"))
    >>> record.view.acting
    'paris'
    """

    def __init__(self, gid: str, writer: str) -> None:
        self.gid = gid
        self.writer = writer
        self.document = Document(gid, writer)
        self.view = RecordView()
        self.edit = Editor(self.view, writer)

    @property
    def full(self) -> bool:
        return self.document.size > SIZE_LIMIT

    def write(self, slots: Mapping[str, str], remove: Iterable[str] = ()) -> bytes:
        """Write local slots in one transaction; the update for journal and peers, b"" if nothing changed.

        A site's slots of earlier writers that the new ones had seen go in the same transaction.
        """
        removed = sorted({*remove, *self._own_covered(slots)})
        update = self.document.put(slots, removed)
        self._refresh([*slots, *removed])
        return update

    def apply(self, update: bytes) -> Changes:
        """Merge a peer's update.

        Raises BadUpdate, BadSlot, LamportLeap (quarantine) or Gap (ask for a DIFF) with nothing changed; Poisoned
        when the record must be rebuilt from the journal, as a new Record.
        """
        return self.apply_all([update])

    def apply_all(self, updates: Iterable[bytes]) -> Changes:
        """As apply, for several in order and in one transaction: all of them, or none where one of them errs."""
        shaped = [(update, read_shape(update)) for update in updates]
        writes = 0
        for _, shape in shaped:
            writes += shape.writes
            self._judge(shape, writes)
        return self._refresh(self.document.apply_all(shaped))

    def load(self, updates: Iterable[bytes]) -> None:
        """Rebuild from the journal, in order. What was judged when it was written is not judged again."""
        self.document.load(updates)
        self._refresh([key for key, _ in self.document.items()])

    def staged(self, update: bytes) -> RecordView:
        """What the record would say with this update, on a copy: for senders not (yet) known as members.

        Errors as apply.
        """
        copy = Record(self.gid, self.writer)
        try:
            copy.load([self.document.diff()])
            copy.apply(update)
        finally:
            copy.document.close()
        return copy.view

    def close(self) -> None:
        self.document.close()

    def _refresh(self, keys: Iterable[str]) -> Changes:
        return self.view.take({key: self.document.get(key) for key in keys})

    def _own_covered(self, slots: Mapping[str, str]) -> list[str]:
        return [key for text_key, text in slots.items() for key in self._earlier_slots(text_key, text)]

    def _earlier_slots(self, text_key: str, text: str) -> list[str]:
        """The keys of this site's earlier writers that a new field slot had seen (never re-stamped: D3)."""
        key = parse_key(text_key)
        if key.family != "f":
            return []
        value = parse_slot(key, text)
        earlier = [stamp.writer for stamp in value.b] if isinstance(value, Field) else []
        return [str(key._replace(writer=w)) for w in earlier if site_of(w) == key.site and w != key.writer]

    def _judge(self, shape: Shape, writes: int) -> None:
        """`writes`: those of this update and of the ones before it in the same batch."""
        for key, _ in shape.entries:
            if key is not None:
                parse_key(key)
        limit = self.view.lamport + writes + LAMPORT_LEAP
        highest = max((_lamport(text) for _, text in shape.entries), default=0)
        if highest > limit:
            raise LamportLeap(f"record {self.gid}: an update stamps {highest}, over {limit}")


class _Stamped(msgspec.Struct):
    """The part of any slot value that a Lamport counter is read from: `[..., L, w]`."""

    t: list[int | str] = []


_STAMPED = msgspec.json.Decoder(_Stamped)


def _lamport(text: str) -> int:
    """The Lamport counter in a slot's text, whatever its family. Raises BadSlot."""
    try:
        stamp = _STAMPED.decode(text).t
    except msgspec.MsgspecError as error:
        raise BadSlot(f"slot value: {error}") from error
    match stamp:
        case []:
            return 0
        case [*_, int(lamport), str()]:
            return lamport
        case _:
            raise BadSlot(f"slot value with a stamp {stamp}")
