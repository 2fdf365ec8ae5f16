"""A replicated set of single-writer slots: one Y.Doc with one flat map of text. The only importer of pycrdt.

House rules, each from a measured failure of this version: a flat root map only, explicit client id and guid, writes
in one short transaction, no write inside a callback, `close` unobserves (a dropped Doc leaks otherwise), and a Doc
that panicked is never used again. No update is applied whose base is not covered.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from pycrdt import Doc, Map, MapEvent, TransactionEvent

from collab.record.updates import ROOT_NAME, BadUpdate, Clocks, Shape, clocks_bytes, read_clocks, read_shape

_CLIENT_BITS = 53
_EMPTY_UPDATE = b"\x00\x00"


class Gap(Exception):
    """The update builds on writes this document has not got. Nothing was changed: ask for a DIFF."""


class Poisoned(Exception):
    """yrs failed inside the document, which is closed for good: rebuild it from the journal."""


def client_id(writer: str, gid: str) -> int:
    """The Yjs client of a writer in a document: the first 53 bits of sha256(writer, document)."""
    digest = hashlib.sha256(f"{writer}\0{gid}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - _CLIENT_BITS)


class Document:
    """The slots of one record at one site, written as one writer.

    >>> paris, rennes = Document("paris~1.1", "paris~1"), Document("paris~1.1", "rennes~1")
    >>> rennes.apply(paris.put({"own|paris~1": "{}"}))
    ('own|paris~1',)
    """

    def __init__(self, gid: str, writer: str) -> None:
        self.gid = gid
        self.writer = writer
        self._client = client_id(writer, gid)
        self._doc: Doc[Map[str]] = Doc(client_id=self._client, guid=gid)
        self._map: Map[str] = self._doc.get(ROOT_NAME, type=Map)
        self._slots: dict[str, str] = {}
        self._clocks: Clocks = {}
        self._size = 0
        self._updates: list[bytes] = []
        self._events: list[dict[str, dict[str, str]]] = []
        self._subscriptions = (self._doc.observe(self._on_update), self._map.observe(self._on_keys))
        self._digests: tuple[str, str] | None = None
        self._closed = False

    # -- reading ------------------------------------------------------------------------------------------------

    def get(self, key: str) -> str | None:
        return self._slots.get(key)

    def items(self) -> list[tuple[str, str]]:
        """All slots, sorted by key."""
        return sorted(self._slots.items())

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def size(self) -> int:
        """Bytes of all present keys and values, as text: what the 1 MB limit of a record is about."""
        return self._size

    def state_vector(self) -> bytes:
        """What this document has got, in Yjs' encoding, sorted by client."""
        return clocks_bytes(self._clocks)

    def covers(self, base: bytes) -> bool:
        """Whether everything in the state vector `base` is here. Raises BadUpdate for garbage."""
        return self._has(read_clocks(base))

    def _has(self, clocks: Clocks) -> bool:
        return all(self._clocks.get(client, 0) >= clock for client, clock in clocks.items())

    def diff(self, since: bytes = b"\x00") -> bytes:
        """The update that takes a document from state vector `since` to this one (all of it by default)."""
        read_clocks(since)
        return self._doc.get_update(since)

    def digest(self) -> str:
        """Equal for equal replicas: state vector and delete set decoded, sorted and hashed (hex, 128 bits)."""
        return self._both_digests()[0]

    def value_digest(self) -> str:
        """Equal for equal slots, however they came about (hex, 128 bits)."""
        return self._both_digests()[1]

    def _both_digests(self) -> tuple[str, str]:
        if self._digests is None:
            deletes = read_shape(self._doc.get_update(self._doc.get_state())).deletes
            state = (sorted(self._clocks.items()), sorted(deletes.items()))
            self._digests = _hash(repr(state)), _hash(repr(self.items()))
        return self._digests

    # -- writing ------------------------------------------------------------------------------------------------

    def put(self, slots: Mapping[str, str], remove: Iterable[str] = ()) -> bytes:
        """Write and remove slots in one transaction; the update for journal and peers, b"" if nothing changed.

        A slot that has this text already is not written again. Raises Poisoned on a closed document.
        """
        self._check_open()
        writes = {key: text for key, text in sorted(slots.items()) if self._slots.get(key) != text}
        removals = [key for key in sorted(set(remove)) if key in self._slots and key not in writes]
        if not writes and not removals:
            return b""
        with self._doc.transaction():
            for key, text in writes.items():
                self._map[key] = text
            for key in removals:
                del self._map[key]
        update = self._updates.pop()
        if writes:
            self._clocks[self._client] = self._clocks.get(self._client, 0) + len(writes)
        self._take_events()
        return update

    def remove(self, keys: Iterable[str]) -> bytes:
        """Remove slots; as put."""
        return self.put({}, keys)

    def apply(self, update: bytes) -> tuple[str, ...]:
        """Merge a peer's update; the keys that changed, sorted.

        Raises BadUpdate or Gap with the document untouched; Poisoned when yrs itself failed: then the document is
        closed and must be rebuilt from the journal.
        """
        return self.apply_shape(update, read_shape(update))

    def apply_shape(self, update: bytes, shape: Shape) -> tuple[str, ...]:
        """As apply, for an update whose shape the caller has read (and judged) already."""
        return self.apply_all([(update, shape)])

    def apply_all(self, updates: Sequence[tuple[bytes, Shape]]) -> tuple[str, ...]:
        """As apply_shape, for several in order and in one transaction: all of them, or none where one leaves a gap."""
        self._check_open()
        ends = self._ends_of(updates)
        try:
            with self._doc.transaction():
                for update, _ in updates:
                    self._doc.apply_update(update)
        except BaseException as error:  # a Rust panic is no Exception; the Doc is then in an unknown state
            self.close()
            raise Poisoned(f"document {self.gid}: {error}") from error
        self._clocks.update(ends)
        self._updates.clear()
        return self._take_events()

    def _ends_of(self, updates: Sequence[tuple[bytes, Shape]]) -> Clocks:
        """The clocks that rise with these updates. Raises Gap unless each is covered by the document and those before."""
        ends: Clocks = {}
        for _, shape in updates:
            for client, clock in shape.needs.items():
                if clock > max(self._clocks.get(client, 0), ends.get(client, 0)):
                    raise Gap(f"document {self.gid}: the update's base is not covered")
            for client, clock in shape.end.items():
                if clock > max(self._clocks.get(client, 0), ends.get(client, 0)):
                    ends[client] = clock
        return ends

    def _check_open(self) -> None:
        if self._closed:
            raise Poisoned(f"document {self.gid} is closed")

    def load(self, updates: Iterable[bytes]) -> None:
        """Rebuild from a journal: its updates in the order they were written. Errors as apply."""
        for update in updates:
            self.apply(update)

    def close(self) -> None:
        """Give the document back; safe to call twice."""
        if not self._closed:
            self._closed = True
            self._doc.unobserve(self._subscriptions[0])
            self._map.unobserve(self._subscriptions[1])

    # -- what yrs tells -----------------------------------------------------------------------------------------

    def _on_update(self, event: TransactionEvent) -> None:
        self._updates.append(event.update)

    def _on_keys(self, event: MapEvent) -> None:
        self._events.append(event.keys)  # type: ignore[attr-defined]  # the extension sets it, its stub does not say so

    def _take_events(self) -> tuple[str, ...]:
        changed: set[str] = set()
        for keys in self._events:
            changed.update(keys)
            for key, change in keys.items():
                self._set(key, change.get("newValue"))
        self._events.clear()
        self._digests = None
        return tuple(sorted(changed))

    def _set(self, key: str, text: str | None) -> None:
        old = self._slots.pop(key, None)
        if old is not None:
            self._size -= len(key) + len(old)
        if text is not None:
            self._slots[key] = text
            self._size += len(key) + len(text)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


__all__ = ["BadUpdate", "Document", "Gap", "Poisoned", "client_id"]
