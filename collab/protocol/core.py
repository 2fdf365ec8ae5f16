"""A site's whole protocol as one pure state machine: facts and `now` in, actions out.

    core = SiteCore(random.Random(7))
    actions = core.step(Booted(identity=..., journals=disk), now)

No clock, no chance of its own, no event loop. A frame that cannot be read closes its channel; nothing a peer sends
raises. The views (`records`, `conflicts`, ...) change nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import assert_never

from collab.protocol.actions import SITE_JOURNAL, Action
from collab.protocol.boot import SavedRecord, SavedSite, read_record, read_site
from collab.protocol.chronicle import plain_field
from collab.protocol.codec import FrameError, decode
from collab.protocol.ended import EndedRecords
from collab.protocol.entries import RECORD_PREFIX, BadEntryError, entry, record_journal
from collab.protocol.facts import (
    Booted,
    CallFinished,
    ChannelClosed,
    ChannelOpened,
    CommandIssued,
    DialFailed,
    Fact,
    ForwardFinished,
    FrameReceived,
    Identified,
    Listed,
    Observed,
    Woken,
)
from collab.protocol.joining import Joining
from collab.protocol.ledger import Ledger
from collab.protocol.links import INFINITY, Channel, Links
from collab.protocol.markers import Marker
from collab.protocol.membership import in_rows
from collab.protocol.messages import (
    PROTOCOL_VERSION,
    Ack,
    Diff,
    Exit,
    Exited,
    Have,
    Hello,
    Invite,
    Message,
    Nack,
    Offer,
    Op,
    Ping,
    Refuse,
    Want,
)
from collab.protocol.names import (
    NAMESPACES,
    KubeObject,
    RecordId,
    SiteName,
    check_gid,
    check_site,
    name_of,
)
from collab.protocol.operations import Operation, Verb
from collab.protocol.pending import Pending
from collab.protocol.receiving import RecordMessage
from collab.protocol.replica import Replica, first_entry
from collab.protocol.site import Site
from collab.protocol.snapshots import Json, conflicts_json, marker_json, record_json, sites_json, why_json
from collab.protocol.sync import RecordSync
from collab.protocol.turn import Turn
from collab.record.record import Record

SETTLE_ROUNDS = 100
COMPACT_SITE_BYTES = 1 << 18


class SiteCore:
    """One site. `step` is total over whatever peers, apiserver and clients do; before `Booted` nothing may come."""

    def __init__(self, rng: random.Random) -> None:
        name = SiteName("")
        self.site = Site(name=name, rng=rng, links=Links(site=name, rng=rng))
        self._replicas: dict[RecordId, Replica] = {}
        self._names: dict[str, RecordId] = {}
        self._ended = EndedRecords(self)
        self._ledger = Ledger(self)
        self._joining = Joining(self)
        self._touched: dict[RecordId, None] = {}
        self._poked: dict[RecordId, None] = {}
        self._site_bytes = 0
        self._turn = Turn(0.0)

    # -- the seam -----------------------------------------------------------------------------------------------

    @property
    def wake_at(self) -> float | None:
        """When to send Woken; None: nothing is due."""
        timer = self.site.timers.next_due()
        due = self.site.links.due_at if timer is None else min(timer, self.site.links.due_at)
        return None if due == INFINITY else due

    def step(self, fact: Fact, now: float) -> list[Action]:
        """One fact; what is to be done about it, in order."""
        turn = self._turn = Turn(now)
        self._dispatch(fact, turn)
        self._settle(turn)
        return turn.finish()

    def close(self) -> None:
        """No step follows: give every document back, since one that is only dropped stays while the process lives."""
        for replica in self._replicas.values():
            replica.sync.record.close()

    def _dispatch(self, fact: Fact, turn: Turn) -> None:
        match fact:
            case FrameReceived():
                self._on_frame(fact, turn)
            case Woken():
                self._run_due(turn)
            case Listed() | Observed():
                self._on_watched(fact, turn)
            case CallFinished():
                self.site.finish_call(fact, turn)
            case ChannelOpened():
                self._on_opened(fact, turn)
            case ChannelClosed():
                self._link_lost(self.site.links.closed(fact.channel, turn.now))
            case DialFailed():
                self.site.links.dial_failed(fact.site, turn.now)
            case CommandIssued():
                self._ledger.accept(fact.operation, turn)
            case ForwardFinished():
                self._ledger.forwarded(fact, turn)
            case Booted():
                self._boot(fact, turn)
            case Identified():
                self._identify(fact.uid, turn)
            case _:
                assert_never(fact)

    def _settle(self, turn: Turn) -> None:
        """Run the rules of what was touched, then the operations that wait for it, until nothing changes."""
        for _ in range(SETTLE_ROUNDS):
            touched, self._touched = self._touched, {}
            for gid in touched:
                replica = self._replicas.get(gid)
                if replica is not None:
                    replica.settle(turn)
            poked, self._poked = self._poked, {}
            self._ledger.poked(poked, turn)
            if not self._touched and not self._poked:
                return

    def _link_lost(self, site: SiteName | None) -> None:
        if site is not None:
            for replica in self._replicas.values():
                replica.contacts.link_down(site)

    # -- boot ---------------------------------------------------------------------------------------------------

    def _boot(self, fact: Booted, turn: Turn) -> None:
        """Take everything up from the journals; a new boot id, and a new writer in each record."""
        site, identity = self.site, fact.identity
        site.name = site.links.site = identity.site
        site.address, site.known, site.allow = identity.address, identity.known, identity.allow
        site.boot = site.token()
        saved = read_site(fact.journals.get(SITE_JOURNAL, ()))
        site.uid, site.uids = identity.uid or saved.uid, saved.uids
        site.journal_id = site.token() if fact.recovered or not saved.journal_id else saved.journal_id
        self._ended.markers = saved.markers
        self._rewrite_site(saved, turn)
        for name in sorted(fact.journals):
            if name.startswith(RECORD_PREFIX):
                gid = RecordId(name[len(RECORD_PREFIX) :])
                self._boot_record(gid, fact.journals[name], fact.recovered, turn)
        self._ended.resume_all(turn)
        for pending in saved.operations:
            self._ledger.resume(pending, turn)

    def _boot_record(self, gid: RecordId, entries: Sequence[bytes], recovered: bool, turn: Turn) -> None:
        """A record of an earlier run. One that has a marker was to be dropped when the agent stopped."""
        try:
            saved = read_record(gid, entries)
            if gid in self._ended.markers or not saved.updates:
                turn.drop(record_journal(gid))
                return
            self._take_up(saved, recovered, turn)
        except (BadEntryError, ValueError) as error:
            self.site.report(turn, "Damaged", f"record {gid} cannot be read: {error}; fetched again", gid)

    def _take_up(self, saved: SavedRecord, recovered: bool, turn: Turn) -> None:
        sync = RecordSync(self.site, Record(saved.gid, self.site.new_writer()), saved.updates)
        root = sync.record.view.root
        if root is None:
            raise BadEntryError("its document has no root")
        replica = Replica(self.site, sync, root.name, self, inviter=saved.inviter)
        replica.phase = "member" if saved.member else "joining"
        replica.recovering = recovered and saved.member and len(in_rows(replica.view)) > 1
        replica.twin.load(saved.shadows, saved.twin_uid, saved.twin_kinds)
        if not saved.member:
            replica.twin.taking = self._joining.taking(replica.view.policy)
        self.add(replica, turn)

    def _identify(self, uid: str, turn: Turn) -> None:
        if uid != self.site.uid:
            self.site.uid = uid
            self.persist_site(entry("identity", {"uid": uid, "journal": self.site.journal_id}), turn)

    def persist_site(self, data: bytes, turn: Turn) -> None:
        turn.persist(SITE_JOURNAL, data)
        self._site_bytes += len(data)
        if self._site_bytes > COMPACT_SITE_BYTES:
            self._rewrite_site(self._saved(), turn)

    def _saved(self) -> SavedSite:
        saved = SavedSite(uid=self.site.uid, journal_id=self.site.journal_id, uids=self.site.uids)
        saved.markers = self._ended.markers
        saved.operations = self._ledger.all()
        return saved

    def _rewrite_site(self, saved: SavedSite, turn: Turn) -> None:
        saved.uid, saved.journal_id = self.site.uid, self.site.journal_id
        turn.rewrite(SITE_JOURNAL, saved.entries())
        self._site_bytes = 0

    # -- links --------------------------------------------------------------------------------------------------

    def _on_opened(self, fact: ChannelOpened, turn: Turn) -> None:
        channel = self.site.links.opened(fact.channel, fact.dialled, turn.now)
        if fact.dialled is not None:
            turn.send(channel.number, self._hello(fact.dialled))

    def _hello(self, peer: SiteName) -> Hello:
        offers = (replica.contacts.offer_for(peer) for _, replica in sorted(self._replicas.items()))
        return Hello(
            site=self.site.name,
            uid=self.site.uid,
            boot=self.site.boot,
            proto=PROTOCOL_VERSION,
            address=self.site.address,
            docs=tuple(offer for offer in offers if offer is not None),
        )

    def _on_frame(self, fact: FrameReceived, turn: Turn) -> None:
        channel = self.site.links.heard(fact.channel, turn.now)
        if channel is None:
            return
        try:
            message = decode(fact.data)
        except FrameError as error:
            self.site.report(turn, "BadFrame", str(error), site=channel.site)
            self._close(channel, "bad frame", turn)
            return
        if isinstance(message, Hello):
            self._on_hello(channel, message, turn)
        elif not channel.boot or channel.site is None:
            self._close(channel, "a message before HELLO", turn)
        else:
            self._on_message(channel.site, message, turn)

    def _close(self, channel: Channel, why: str, turn: Turn) -> None:
        established = channel.site is not None and self.site.links.peer(channel.site).channel == channel.number
        self.site.links.hang_up(channel.number, why, turn)
        if established:
            self._link_lost(channel.site)

    def _on_hello(self, channel: Channel, hello: Hello, turn: Turn) -> None:
        why = self._why_not_hello(channel, hello)
        if why:
            self.site.report(turn, "HelloRefused", why, site=hello.site)
            self._close(channel, why, turn)
            return
        self._know_uid(hello, turn)
        had = self.site.links.connected(hello.site)
        if not self.site.links.establish(channel, hello.site, hello.boot, turn):
            return
        if had:
            self._link_lost(hello.site)
        self.site.links.peer(hello.site).advertised = hello.address
        if channel.dialled is None:
            turn.send(channel.number, self._hello(hello.site))
        self._link_up(hello, turn)

    def _why_not_hello(self, channel: Channel, hello: Hello) -> str:
        known_uid = self.site.uids.get(hello.site, "")
        if hello.proto != PROTOCOL_VERSION:
            return f"protocol {hello.proto}, this agent speaks {PROTOCOL_VERSION}"
        if not check_site(hello.site):
            return f"{hello.site[:64]!r} is not a site name"
        if channel.boot or hello.site == self.site.name:
            return "a second HELLO, or one from this site itself"
        if channel.dialled is not None and channel.dialled != hello.site:
            return f"dialled {channel.dialled}, answered by {hello.site}"
        if known_uid and hello.uid and known_uid != hello.uid:
            return f"site {hello.site} has another identity than before ({hello.uid}, not {known_uid})"
        return ""

    def _know_uid(self, hello: Hello, turn: Turn) -> None:
        """The first uid seen for a site is the one it keeps."""
        if hello.uid and hello.site not in self.site.uids:
            self.site.uids[hello.site] = hello.uid
            self.persist_site(entry("peer", {"site": hello.site, "uid": hello.uid}), turn)

    def _link_up(self, hello: Hello, turn: Turn) -> None:
        offers = {offer.doc: offer for offer in hello.docs if check_gid(offer.doc)}
        for gid in sorted(self._replicas):
            self._touched[gid] = None
            self._replicas[gid].contacts.link_up(hello.site, offers.pop(gid, None), turn)
        for offer in offers.values():
            self._on_offer(hello.site, offer, turn)
        self._ended.met(hello.site, turn)

    def _on_offer(self, peer: SiteName, offer: Offer, turn: Turn) -> None:
        """The peer counts us a member of something that is not here: over, or lost with our disk."""
        self._about_unheld(peer, Have(doc=offer.doc, digest=offer.digest), turn)

    # -- messages -----------------------------------------------------------------------------------------------

    def _on_message(self, peer: SiteName, message: Message, turn: Turn) -> None:
        match message:
            case Ping() | Hello():
                return
            case Invite() | Refuse() | Have() | Want() | Diff() | Op() | Ack() | Nack() | Exit() | Exited():
                replica = self._replicas.get(message.doc)
                if replica is None:
                    self._about_unheld(peer, message, turn)
                else:
                    self._touched[replica.gid] = None
                    replica.receiving.receive(peer, message, turn)
            case _:
                assert_never(message)

    def _about_unheld(self, peer: SiteName, message: RecordMessage, turn: Turn) -> None:
        """A frame about a record that is not here: its marker answers, or it may become ours."""
        marker = self._ended.get(message.doc)
        if marker is None or self._may_rejoin(marker, message):
            self._joining.receive(peer, message, turn)
        else:
            self._ended.answer(marker, peer, message, turn)

    def _may_rejoin(self, marker: Marker, message: RecordMessage) -> bool:
        """A new invitation after this site left, and the DIFF that answers our WANT for it."""
        if marker.destroyed:
            return False
        if isinstance(message, Invite):
            return message.inv not in marker.an
        return isinstance(message, Diff | Nack) and self._joining.awaits(message.doc)

    # -- host of the records ------------------------------------------------------------------------------------

    def joined(self, replica: Replica, turn: Turn) -> None:
        self._ended.void(replica.gid, turn)

    def ended(self, replica: Replica, marker: Marker | None, turn: Turn) -> None:
        self._replicas.pop(replica.gid, None)
        if self._names.get(replica.name) == replica.gid:
            del self._names[replica.name]
        turn.drop(record_journal(replica.gid))
        if marker is not None:
            self._ended.add(marker, turn)
        self._poked[replica.gid] = None

    def poke(self, gid: RecordId, turn: Turn) -> None:
        self._poked[gid] = None

    def refused(self, gid: RecordId, site: SiteName, code: int, turn: Turn) -> None:
        self._ledger.refused(gid, site, code)
        self._poked[gid] = None

    # -- what verbs and joining ask ------------------------------------------------------------------------------

    def by_name(self, name: str) -> Replica | None:
        gid = self._names.get(name)
        return self.replica(gid) if gid is not None else None

    def replica(self, gid: RecordId) -> Replica | None:
        """A record held here; whoever asks may change it, so its rules run at the end of the turn."""
        found = self._replicas.get(gid)
        if found is not None:
            self._touched[gid] = None
        return found

    def marker(self, gid: RecordId) -> Marker | None:
        return self._ended.markers.get(gid)

    def unfinished(self, verb: Verb) -> list[Pending]:
        return self._ledger.unfinished(verb)

    def keep(self, pending: Pending, turn: Turn) -> None:
        self._ledger.keep(pending, turn)

    def again(self, pending: Pending, at: float) -> None:
        self._ledger.again(pending, at)

    def make_record(self, gid: RecordId, obj: KubeObject, operation: Operation, turn: Turn) -> Replica:
        name = name_of(operation.resource)
        sync = self.open(gid, None, turn)
        replica = Replica(self.site, sync, name, self)
        replica.phase = "member"
        genesis = sync.record.edit.genesis(
            api_version="v1",
            kind=NAMESPACES,
            name=name,
            kinds=operation.kinds,
            mode=operation.mode,
            missing=operation.missing,
            address=self.site.address,
            journal=self.site.journal_id,
        )
        sync.write(genesis, turn, beside=entry("member", {}))
        self.add(replica, turn)
        replica.twin.take_root(obj, turn)
        return replica

    def open(self, gid: RecordId, inviter: SiteName | None, turn: Turn) -> RecordSync:
        """An empty document with a fresh journal, as a fresh writer."""
        sync = RecordSync(self.site, Record(gid, self.site.new_writer()))
        turn.rewrite(sync.journal, (first_entry(inviter),))
        return sync

    def hold(self, sync: RecordSync, name: str, inviter: SiteName) -> Replica:
        """The record of a document that was fetched; not yet one of this site's."""
        return Replica(self.site, sync, name, self, inviter=inviter)

    def add(self, replica: Replica, turn: Turn) -> None:
        """This site holds the record from now on."""
        self._replicas[replica.gid] = replica
        self._names[replica.name] = replica.gid
        self._touched[replica.gid] = None
        replica.begin(turn)

    # -- the local apiserver ------------------------------------------------------------------------------------

    def _on_watched(self, fact: Listed | Observed, turn: Turn) -> None:
        replica = self.by_name(fact.namespace)
        if replica is None:
            return
        if isinstance(fact, Listed):
            replica.twin.listed(fact, turn)
        else:
            replica.twin.observed(fact, turn)

    # -- time ---------------------------------------------------------------------------------------------------

    def _run_due(self, turn: Turn) -> None:
        for name, *subject in self.site.timers.pop_due(turn.now):
            self._due[name](self, subject[0], turn)
        for site in self.site.links.run_due(turn):
            self._link_lost(site)

    def _record_due(self, gid: str, act: Callable[[Replica, Turn], None], turn: Turn) -> None:
        replica = self.replica(RecordId(gid))
        if replica is not None:
            act(replica, turn)

    _due: Mapping[str, Callable[[SiteCore, str, Turn], None]] = {
        "flush": lambda core, gid, turn: core._record_due(gid, Replica.flush, turn),
        "gossip": lambda core, gid, turn: core._record_due(
            gid, lambda replica, now: replica.contacts.gossip(now), turn
        ),
        "hand": lambda core, gid, turn: core._record_due(gid, lambda replica, now: replica.succession.due(now), turn),
        "twin": lambda core, gid, turn: core._record_due(gid, lambda replica, now: replica.twin.retry(now), turn),
        "marker": lambda core, gid, turn: core._ended.due(RecordId(gid), turn),
        "delete": lambda core, gid, turn: core._ended.delete_due(gid, turn),
        "operation": lambda core, operation, turn: core._ledger.due(operation, turn),
        "answer": lambda core, operation, turn: core._ledger.answer_due(operation, turn),
        "join": lambda core, gid, turn: core._joining.due(RecordId(gid), turn),
    }

    # -- views --------------------------------------------------------------------------------------------------

    def records(self) -> Json:
        """All records: those held here, then those that left a marker."""
        held = [record_json(replica) for _, replica in sorted(self._replicas.items())]
        over = [marker_json(marker) for gid, marker in sorted(self._ended.markers.items()) if gid not in self._replicas]
        return {"site": self.site.name, "records": held + over}

    def conflicts(self) -> list[Json]:
        return [conflict for _, replica in sorted(self._replicas.items()) for conflict in conflicts_json(replica)]

    def why(self, resource: str, path: str) -> Json | None:
        """What is remembered of one field: `labels/crop` of the namespace, `configmaps/NAME/data/KEY` of what is in it.
        None where the namespace is not shared; ValueError for a path of another form."""
        object_id, field = plain_field(name_of(resource), path)
        gid = self._names.get(name_of(resource))
        replica = self._replicas.get(gid) if gid is not None else None
        return why_json(replica, object_id, field) if replica is not None else None

    def operations(self) -> list[Json]:
        """All known operations, oldest first; finished ones are kept up to a bound."""
        return self._ledger.snapshots()

    def sites(self) -> Json:
        return sites_json(self.site, list(self._replicas.values()))
