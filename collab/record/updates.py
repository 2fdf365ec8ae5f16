"""What a Yjs update is made of, read without applying it: clocks, deletes, values. Knows no record.

Only the shape our documents produce is accepted: one flat root map `slots` of text. Nested types, other roots and
other contents are refused before yrs sees them, since they crash or diverge in this version of it.
The encoding is version 1 of Yjs (lib0 varints): structs by client, then the delete set.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

ROOT_NAME: Final = "slots"
_SMALL: Final = 1024

Clocks = dict[int, int]

_ORIGIN: Final = 0x80
_RIGHT_ORIGIN: Final = 0x40
_PARENT_SUB: Final = 0x20
_KIND: Final = 0x1F
_GC: Final = 0
_DELETED: Final = 1
_ANY: Final = 8
_STRING_TAG: Final = 119


class BadUpdate(ValueError):
    """Not an update of a flat map of text. The document is untouched; quarantine what sent it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """An update, read. `first` and `end` hold per client the clock of its first struct and the one after its last."""

    first: Clocks
    end: Clocks
    needs: Clocks
    deletes: dict[int, tuple[tuple[int, int], ...]]
    entries: tuple[tuple[str | None, str], ...]

    @property
    def writes(self) -> int:
        """How many slot writes it holds, those since overwritten included: what may raise the Lamport counter."""
        return sum(self.end[client] - clock for client, clock in self.first.items())


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def uint(self) -> int:
        data, at = self._data, self._at
        byte = data[at]
        if byte < 0x80:  # nearly all numbers but client ids
            self._at = at + 1
            return byte
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                self._at = at
                return value
            shift += 7
            if shift > 63:
                raise BadUpdate(f"a number longer than 64 bits at byte {at}")

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def text(self) -> str:
        size = self.uint()
        raw = self._data[self._at : self._at + size]
        if len(raw) != size:
            raise BadUpdate(f"text cut at byte {len(self._data)}")
        self._at += size
        return raw.decode()

    def finish(self) -> None:
        if self._at != len(self._data):
            raise BadUpdate(f"{len(self._data) - self._at} bytes behind the delete set")


class _ShapeReader:
    """One pass over an update; fills the parts of a Shape."""

    def __init__(self, update: bytes) -> None:
        self._in = _Reader(update)
        self.first: Clocks = {}
        self.end: Clocks = {}
        self.needs: Clocks = {}
        self.entries: list[tuple[str | None, str]] = []

    def read(self) -> Shape:
        for _ in range(self._in.uint()):
            self._client()
        deletes = self._deletes()
        self._in.finish()
        return Shape(
            first=self.first, end=self.end, needs=self._outside(), deletes=deletes, entries=tuple(self.entries)
        )

    def _client(self) -> None:
        structs, client, clock = self._in.uint(), self._in.uint(), self._in.uint()
        if client in self.first:
            raise BadUpdate(f"client {client} is listed twice")
        self.first[client] = clock
        self._need(client, clock)
        for _ in range(structs):
            clock += self._struct()
        self.end[client] = clock

    def _struct(self) -> int:
        """Read one struct; its length in clocks."""
        info = self._in.byte()
        kind = info & _KIND
        if kind == _GC:
            return self._in.uint()
        key = self._parent(info)
        if kind == _DELETED:
            return self._in.uint()
        if kind == _ANY and self._in.uint() == 1 and self._in.byte() == _STRING_TAG:
            self.entries.append((key, self._in.text()))
            return 1
        raise BadUpdate(f"content of kind {kind} is not one text")

    def _parent(self, info: int) -> str | None:
        """Read where a struct hangs; the map key, or None where an origin implies it."""
        for flag in (_ORIGIN, _RIGHT_ORIGIN):
            if info & flag:
                client, clock = self._in.uint(), self._in.uint()
                self._need(client, clock + 1)
        if info & (_ORIGIN | _RIGHT_ORIGIN):
            return None
        if self._in.uint() != 1 or self._in.text() != ROOT_NAME or not info & _PARENT_SUB:
            raise BadUpdate(f"a struct outside the root map {ROOT_NAME!r}")
        return self._in.text()

    def _deletes(self) -> dict[int, tuple[tuple[int, int], ...]]:
        deletes = read_deletes(self._in)
        for client, ranges in deletes.items():
            self._need(client, ranges[-1][1])
        return deletes

    def _need(self, client: int, clock: int) -> None:
        if clock > self.needs.get(client, 0):
            self.needs[client] = clock

    def _outside(self) -> Clocks:
        """What is needed from elsewhere: of a client the update brings itself, only the start."""
        needs = {}
        for client, clock in self.needs.items():
            clock = self.first[client] if clock <= self.end.get(client, 0) else clock
            if clock:
                needs[client] = clock
        return needs


def read_shape(update: bytes) -> Shape:
    """Read an update. Raises BadUpdate when it is cut, garbled or not of a flat map of text."""
    return _read_small(update) if len(update) <= _SMALL else _read_large(update)


def _read(update: bytes) -> Shape:
    try:
        return _ShapeReader(update).read()
    except (IndexError, UnicodeDecodeError) as error:
        raise BadUpdate(f"update of {len(update)} bytes: {error}") from error


#: One update is read by every site of a simulated federation, and twice by its writer.
_read_small = lru_cache(maxsize=4096)(_read)
#: A record's whole state goes to every site that joins at that moment, and is read there more than once.
_read_large = lru_cache(maxsize=8)(_read)


def read_deletes(reader: _Reader) -> dict[int, tuple[tuple[int, int], ...]]:
    """A delete set: client -> ranges (start, end), sorted, adjacent ones joined."""
    deletes = {}
    for _ in range(reader.uint()):
        client, count = reader.uint(), reader.uint()
        ranges = []
        for _ in range(count):
            start = reader.uint()
            ranges.append((start, start + reader.uint()))
        if ranges:
            deletes[client] = joined_ranges(ranges)
    return dict(sorted(deletes.items()))


def joined_ranges(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def read_clocks(state_vector: bytes) -> Clocks:
    """A state vector as client -> clock. Raises BadUpdate when it is cut or has trailing bytes."""
    reader = _Reader(state_vector)
    try:
        clocks = {reader.uint(): reader.uint() for _ in range(reader.uint())}
        reader.finish()
    except IndexError as error:
        raise BadUpdate(f"state vector cut at byte {len(state_vector)}") from error
    return clocks


def clocks_bytes(clocks: Mapping[int, int]) -> bytes:
    """A state vector in Yjs' encoding, sorted by client: equal clocks are equal bytes."""
    numbers = [len(clocks)]
    for client, clock in sorted(clocks.items()):
        numbers += (client, clock)
    return b"".join(map(_uint_bytes, numbers))


def _uint_bytes(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(0x80 | number & 0x7F)
        number >>= 7
    out.append(number)
    return bytes(out)
