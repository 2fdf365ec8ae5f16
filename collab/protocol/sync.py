"""Replication of one record: what was written here goes out, what peers send comes in, nothing before it is on disk.

Per peer a `Flow`. A flow is live once both documents were compared on the present link; only then fresh updates go to
it as OPs, in batches, and only to overlay neighbours. Everything else is repaired by HAVE, WANT and DIFF.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from collab.protocol.codec import encode
from collab.protocol.entries import entry, record_journal
from collab.protocol.messages import Ack, Diff, Have, Message, Nack, NackReason, Offer, Op, Want
from collab.protocol.names import RecordId, SiteName
from collab.protocol.site import Site
from collab.protocol.turn import Turn
from collab.record.document import Gap, Poisoned
from collab.record.record import LamportLeap, Record
from collab.record.slots import BadSlot, ObjectId, parse_key, site_of
from collab.record.updates import BadUpdate, Clocks, Shape, clocks_bytes, read_clocks, read_shape
from collab.record.view import Changes

FLUSH_S = 0.02
"""Own writes of one record wait this long for company."""
RELAY_S = 0.05
"""What is passed on for others, and ACKs, wait longer: meanwhile most neighbours have sent it themselves."""
GOSSIP_S = 5.0
GOSSIP_LINK_S = 15.0
"""How long a connection made for one anti-entropy round is wanted."""
MAX_PENDING = 64
SEEN_UPDATES = 4096
"""In an overlay an update arrives over several links: so many of the last ones are known again at sight."""
COMPACT_FACTOR = 4
COMPACT_FLOOR = 1 << 16
NO_CLOCKS = clocks_bytes({})


@dataclass(slots=True)
class Flow:
    """One peer's side of one record, while its link is up."""

    live: bool = False
    gap: bool = False
    overflow: bool = False
    pending: deque[tuple[int, tuple[Clocks, ...]]] = field(default_factory=deque)
    known: Clocks = field(default_factory=dict)
    ack_seq: int = 0
    ack_due: Clocks = field(default_factory=dict)

    def learn(self, clocks: Mapping[int, int]) -> None:
        """The peer has at least these, durably."""
        _raise(self.known, clocks)

    def acknowledged(self, seq: int) -> None:
        """The peer has every OP up to this one, durably."""
        while self.pending and self.pending[0][0] <= seq:
            for ends in self.pending.popleft()[1]:
                _raise(self.known, ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """An update that neighbours may not have: who sent it and whose slots it holds do not get it back. `base`: what it
    needs of other clients than its own."""

    update: bytes
    shape: Shape
    source: SiteName | None
    origin: str
    base: Clocks


def covers(have: Mapping[int, int], clocks: Mapping[int, int]) -> bool:
    """Is everything of `clocks` in `have`?"""
    for client, clock in clocks.items():  # noqa: SIM110 - runs for every update on every link, a generator costs thrice
        if have.get(client, 0) < clock:
            return False
    return True


def _raise(target: Clocks, clocks: Mapping[int, int]) -> None:
    for client, clock in clocks.items():
        if clock > target.get(client, 0):
            target[client] = clock


class RecordSync:
    """The replicated part of a record at one site.

    `changes` collects what merges and writes did to the view, for the rules that run at the end of the turn.
    """

    def __init__(self, site: Site, record: Record, updates: Iterable[bytes] = ()) -> None:
        self.site = site
        self.record = record
        self.gid = RecordId(record.gid)
        self.journal = record_journal(self.gid)
        self.flows: dict[SiteName, Flow] = {}
        self.neighbours: tuple[SiteName, ...] = ()
        self.changes: list[Changes] = []
        self.conditions: dict[str, str] = {}
        self._outbox: list[Fresh] = []
        self._clocks: Clocks = {}
        self._log: list[bytes] = []
        self._log_bytes = 0
        self._state_bytes = 0
        self._seq = 0
        self._diffs: dict[bytes, bytes] = {}
        self._seen: dict[bytes, Clocks] = {}
        self._vector = b""
        self._greeted: dict[SiteName, None] = {}
        self._load(list(updates))

    def _load(self, updates: list[bytes]) -> None:
        self.record.load(updates)
        for update in updates:
            _raise(self._clocks, read_shape(update).end)
        self._log = updates
        self._log_bytes = self._state_bytes = sum(map(len, updates))

    # -- writing here -------------------------------------------------------------------------------------------

    def write(self, slots: Mapping[str, str], turn: Turn, remove: Iterable[str] = (), beside: bytes = b"") -> bool:
        """Write own slots durably and have them sent. `beside`: another entry of this journal, in the same append.

        False when the record said all of it already.
        """
        removed = tuple(remove)
        update = self.record.write(slots, removed)
        if update:
            self._keep(update, turn)
            self._spread(update, read_shape(update), None, turn)
            self.changes.append(_changes_of((*slots, *removed)))
        if beside:
            turn.persist(self.journal, beside)
        return bool(update)

    def _keep(self, update: bytes, turn: Turn) -> None:
        """Into the journal, and into what the document is rebuilt from if yrs fails in it."""
        turn.persist(self.journal, entry("update", {}, update))
        self._log.append(update)
        self._log_bytes += len(update)
        self._diffs.clear()

    def _spread(self, update: bytes, shape: Shape, source: SiteName | None, turn: Turn) -> None:
        _raise(self._clocks, shape.end)
        self._vector = b""
        if len(self._seen) >= SEEN_UPDATES:
            self._seen.clear()
        self._seen[update] = shape.end
        base = {client: n for client, n in shape.needs.items() if client not in shape.first}
        self._outbox.append(Fresh(update=update, shape=shape, source=source, origin=_origin(shape), base=base))
        self.site.timers.set_earlier(("flush", self.gid), turn.now + (FLUSH_S if source is None else RELAY_S))

    def hush(self) -> None:
        """Relay nothing of what came so far: a first DIFF is somebody's whole state, known to the others."""
        self._outbox.clear()

    # -- merging ------------------------------------------------------------------------------------------------

    def merge(self, update: bytes, source: SiteName, turn: Turn) -> NackReason | None:
        """Merge a peer's update: durable in this turn, and relayed. The reason when it was not taken."""
        known = self._seen.get(update)
        if known is not None:
            self._learn(source, known)
            return None
        try:
            return self._merge(update, source, turn)
        except Gap:
            return "gap"
        except (BadUpdate, BadSlot, LamportLeap) as error:
            self.conditions["Quarantined"] = f"an update of {source} was not taken: {error}"
            self.site.report(turn, "Quarantined", str(error), self.gid, source)
            return "schema"
        except Poisoned as error:
            self.site.report(turn, "Rebuilt", str(error), self.gid, source)
            self.rebuild(self.record.writer)
            return "schema"

    def merge_all(self, updates: Iterable[bytes], source: SiteName, turn: Turn) -> NackReason | None:
        """Merge a batch: in one transaction if all of it is good, else one by one, up to the first that is not."""
        fresh = []
        for update in updates:
            known = self._seen.get(update)
            if known is None:
                fresh.append(update)
            else:
                self._learn(source, known)
        if len(fresh) > 1 and self._merge_at_once(fresh, source, turn):
            return None
        return next((reason for update in fresh if (reason := self.merge(update, source, turn))), None)

    def _merge_at_once(self, updates: list[bytes], source: SiteName, turn: Turn) -> bool:
        """False: something about one of them is not plain, and nothing was changed."""
        try:
            shaped = [(update, read_shape(update)) for update in updates]
            if any(shape.deletes or self._overlaps(shape) for _, shape in shaped):
                return False
            changes = self.record.apply_all(updates)
        except (Gap, BadUpdate, BadSlot, LamportLeap, Poisoned):
            return False
        for update, shape in shaped:
            self._learn(source, shape.end)
            self._keep(update, turn)
            self._spread(update, shape, source, turn)
        self.changes.append(changes)
        return True

    def _overlaps(self, shape: Shape) -> bool:
        """Does it bring some of what is here already?"""
        return any(clock < self._clocks.get(client, 0) for client, clock in shape.first.items())

    def _merge(self, update: bytes, source: SiteName, turn: Turn) -> NackReason | None:
        shape = read_shape(update)
        self._learn(source, shape.end)
        if not shape.deletes and covers(self._clocks, shape.end):
            return None
        overlap = self._overlaps(shape)
        before = clocks_bytes(self._clocks) if overlap else b""
        changes = self.record.apply(update)
        if not changes.keys and covers(self._clocks, shape.end):
            return None
        fresh = self.record.document.diff(before) if overlap else update
        self._keep(fresh, turn)
        self._spread(fresh, read_shape(fresh) if overlap else shape, source, turn)
        self.changes.append(changes)
        return None

    def _learn(self, peer: SiteName, ends: Clocks) -> None:
        flow = self.flows.get(peer)
        if flow is not None:
            _raise(flow.known, ends)

    def _owe_ack(self, turn: Turn) -> None:
        self.site.timers.set_earlier(("flush", self.gid), turn.now + RELAY_S)

    def rebuild(self, writer: str) -> None:
        """Load the document again from what is on disk, as another writer (a new join) or after yrs failed in it."""
        self.record.close()
        self.record = Record(self.gid, writer)
        self.record.load(self._log)

    # -- the link -----------------------------------------------------------------------------------------------

    def offer(self) -> Offer:
        """What HELLO says of this record."""
        document = self.record.document
        return Offer(doc=self.gid, digest=document.digest(), sv=self.state_vector())

    def state_vector(self) -> bytes:
        self._vector = self._vector or self.record.document.state_vector()
        return self._vector

    def link_up(self, peer: SiteName) -> Flow:
        """A fresh flow: what was pending on the old link is settled by comparing again."""
        flow = self.flows[peer] = Flow()
        return flow

    def greet(self, peer: SiteName) -> None:
        """The next batch goes to this site whatever it has, and though it may be no neighbour: our acceptance."""
        self.flows.setdefault(peer, Flow()).live = True
        self._greeted[peer] = None

    def link_down(self, peer: SiteName) -> None:
        self.flows.pop(peer, None)

    def compare(self, peer: SiteName, offer: Offer, turn: Turn) -> None:
        """A member's offer: equal digests skip, else it gets what it lacks (its own HELLO brings what we lack)."""
        flow = self.link_up(peer)
        if offer.digest == self.record.document.digest():
            flow.learn(self._clocks)
            flow.live = True
        else:
            theirs = _clocks_or_none(offer.sv)
            flow.learn(theirs)
            self.send_diff(peer, offer.sv if theirs else NO_CLOCKS, turn)

    def send(self, peer: SiteName, message: Message, turn: Turn) -> bool:
        return self.site.links.send(peer, message, turn)

    def nack(self, peer: SiteName, reason: NackReason, turn: Turn) -> None:
        self.send(peer, Nack(doc=self.gid, reason=reason), turn)

    def have(self, peer: SiteName, turn: Turn) -> None:
        self.send(peer, Have(doc=self.gid, digest=self.record.document.digest()), turn)

    def want(self, peer: SiteName, turn: Turn) -> None:
        self.send(peer, Want(doc=self.gid, sv=self.state_vector()), turn)

    def send_diff(self, peer: SiteName, base: bytes, turn: Turn) -> None:
        """Everything beyond `base`; from here on OPs reach the peer in order behind it."""
        frame = self._diffs.get(base)
        if frame is None:
            upd = self.record.document.diff(base)
            frame = encode(Diff(doc=self.gid, base=base, after=self.state_vector(), upd=upd))
            if len(self._diffs) < MAX_PENDING:
                self._diffs[base] = frame
        if self.site.links.transmit(peer, frame, turn):
            flow = self.flows.setdefault(peer, Flow())
            flow.live, flow.overflow = True, False

    # -- messages of members ------------------------------------------------------------------------------------

    def on_have(self, peer: SiteName, message: Have, turn: Turn) -> None:
        """Equal: live (said back once, so that both know). Different: ask, which tells the peer what we have."""
        flow = self.flows.setdefault(peer, Flow())
        if message.digest != self.record.document.digest():
            self.want(peer, turn)
        elif not flow.live:
            flow.live = True
            self.have(peer, turn)

    def on_want(self, peer: SiteName, message: Want, turn: Turn) -> None:
        """Answer with a DIFF; if the peer has what we lack, ask back."""
        theirs = _clocks_or_none(message.sv)
        self.flows.setdefault(peer, Flow()).learn(theirs)
        self.send_diff(peer, message.sv if theirs else NO_CLOCKS, turn)
        if not covers(self._clocks, theirs):
            self.want(peer, turn)

    def on_diff(self, peer: SiteName, message: Diff, turn: Turn) -> NackReason | None:
        flow = self.flows.setdefault(peer, Flow())
        flow.gap = False
        try:
            if not covers(self._clocks, read_clocks(message.base)):
                return "gap"
            ends = read_shape(message.upd).end
        except BadUpdate:
            return "schema"
        reason = self.merge(message.upd, peer, turn)
        if reason is None:
            _raise(flow.ack_due, ends)
            self._owe_ack(turn)
        return reason

    def on_op(self, peer: SiteName, message: Op, turn: Turn) -> NackReason | None:
        """Merge a batch. After a gap the rest of the episode is dropped quietly: a DIFF is on its way."""
        flow = self.flows.setdefault(peer, Flow())
        reason = self.merge_all(message.upd, peer, turn)
        if reason == "gap":
            quiet, flow.gap = flow.gap, True
            return None if quiet else "gap"
        if reason is not None:
            return reason
        flow.ack_seq = message.seq
        self._owe_ack(turn)
        return None

    def on_ack(self, peer: SiteName, message: Ack, turn: Turn) -> None:
        flow = self.flows.get(peer)
        if flow is None:
            return
        flow.learn(_clocks_or_none(message.sv))
        flow.acknowledged(message.seq)
        if flow.overflow and not flow.pending:
            self.send_diff(peer, clocks_bytes(flow.known), turn)

    def on_gap(self, peer: SiteName, turn: Turn) -> None:
        """The peer misses something: a DIFF over what it surely has."""
        flow = self.flows.setdefault(peer, Flow())
        flow.pending.clear()
        self.send_diff(peer, clocks_bytes(flow.known), turn)

    # -- time ---------------------------------------------------------------------------------------------------

    def flush(self, turn: Turn) -> None:
        """Send what was collected: one frame per set of updates, encoded once for all peers that get the same."""
        fresh, self._outbox = self._outbox, []
        frames: dict[tuple[int, ...], tuple[bytes, tuple[Clocks, ...]]] = {}
        self._seq += 1 if fresh else 0
        for peer in self._receivers() if fresh else ():
            flow = self.flows.get(peer)
            if flow is None or not flow.live or flow.overflow:
                continue
            chosen = tuple(i for i, one in enumerate(fresh) if not _has(peer, flow, one))
            if not chosen:
                continue
            if chosen not in frames:
                frames[chosen] = self._op([fresh[i] for i in chosen])
            self._send_op(peer, flow, *frames[chosen], turn)
        self._send_acks(turn)

    def _receivers(self) -> tuple[SiteName, ...]:
        greeted, self._greeted = self._greeted, {}
        return tuple(dict.fromkeys((*self.neighbours, *greeted)))

    def _op(self, fresh: list[Fresh]) -> tuple[bytes, tuple[Clocks, ...]]:
        base: Clocks = {}
        for one in fresh:
            if one.base:
                _raise(base, one.base)
        op = Op(doc=self.gid, seq=self._seq, base=clocks_bytes(base), upd=tuple(one.update for one in fresh))
        return encode(op), tuple(one.shape.end for one in fresh)

    def _send_op(self, peer: SiteName, flow: Flow, frame: bytes, ends: tuple[Clocks, ...], turn: Turn) -> None:
        if len(flow.pending) >= MAX_PENDING:
            flow.overflow = True
            return
        if self.site.links.transmit(peer, frame, turn):
            flow.pending.append((self._seq, ends))

    def _send_acks(self, turn: Turn) -> None:
        for peer in sorted(self.flows):
            flow = self.flows[peer]
            if flow.ack_due or flow.ack_seq:
                ack = Ack(doc=self.gid, sv=clocks_bytes(flow.ack_due), seq=flow.ack_seq)
                self.send(peer, ack, turn)
                flow.ack_due, flow.ack_seq = {}, 0

    def compact_due(self) -> bool:
        """Has the journal grown over four times what a fresh state would take?"""
        return self._log_bytes > COMPACT_FLOOR and self._log_bytes > COMPACT_FACTOR * self._state_bytes

    def compact(self) -> bytes:
        """The one update that stands for the whole journal; from here on rebuilds start from it."""
        state = self.record.document.diff()
        self._log, self._log_bytes, self._state_bytes = [state], len(state), len(state)
        return entry("update", {}, state)


def _has(peer: SiteName, flow: Flow, one: Fresh) -> bool:
    """Did the update come from the peer, in whatever hop, or has the peer sent it meanwhile?"""
    return peer in (one.source, one.origin) or (not one.shape.deletes and covers(flow.known, one.shape.end))


def _origin(shape: Shape) -> str:
    """The site whose slots an update holds, when it is one site's and that can be seen."""
    if len(shape.first) != 1:
        return ""
    keys = [key for key, _ in shape.entries if key is not None]
    return site_of(keys[0].rpartition("|")[2]) if keys else ""


def _changes_of(keys: Iterable[str]) -> Changes:
    """What own writes touched, as `Record.apply` says it of a peer's."""
    parsed = [parse_key(key) for key in sorted(set(keys))]
    objects = {ObjectId(key.subject[0], key.subject[1]) for key in parsed if key.family in ("o", "d", "f")}
    return Changes(
        keys=tuple(map(str, parsed)),
        families=tuple(sorted({key.family for key in parsed})),
        objects=tuple(sorted(objects)),
    )


def _clocks_or_none(state_vector: bytes) -> Clocks:
    """A peer's state vector; garbage says nothing, and a DIFF over nothing is always right."""
    try:
        return read_clocks(state_vector)
    except BadUpdate:
        return {}
