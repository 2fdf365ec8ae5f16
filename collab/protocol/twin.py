"""The twin of a record at one site: its namespace and contents at the local apiserver. Knows no peer.

No event and no absence here ever writes a tombstone. A namespace that is Terminating, gone or of another uid makes the
host decide about leaving; contents that vanish are looked at only once the namespace was read and is Active, since a
real server deletes the contents one by one, on other streams, seconds before the namespace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, Protocol

from collab.protocol.actions import UnwatchKind, WatchKind
from collab.protocol.entries import entry
from collab.protocol.facts import CallFinished, Listed, Observed
from collab.protocol.localness import shared_values, why_not_shared
from collab.protocol.names import NAMESPACES, GroupKind, KubeObject, collection_path, object_path
from collab.protocol.shadow import BadObject, Shadow, Step, Wanted, is_restored
from collab.protocol.site import Site
from collab.protocol.sync import RecordSync
from collab.protocol.turn import Turn
from collab.record.slots import REMOVED, ObjectId, Stamp
from collab.record.view import ROOT_INCARNATION

TwinPhase = Literal["unknown", "absent", "active", "terminating", "lost", "closed"]
QUICK_READS = 3
"""So many times in a row a conflict is read again at once; then the backoff sets in."""
NO_STAMP = Stamp(0, "")
Taking = Literal["make", "adopt", "adopt-if-identical"]


class TwinHost(Protocol):
    """What the twin needs of its record's rules."""

    def twin_ready(self, turn: Turn) -> None:
        """The namespace exists and is the record's."""

    def twin_refused(self, code: int, why: str, turn: Turn) -> None:
        """It cannot be made here: an unrelated namespace has the name, or the server says no for good."""

    def twin_lost(self, why: str, turn: Turn) -> None:
        """The namespace is Terminating, gone, or another one."""


class Twin:
    """`made` is the uid of the namespace that is the record's, durable; "" until it was made or adopted.

    `writes`: whether local edits become slots (an ro member's do not, they are put right again).
    """

    def __init__(self, site: Site, sync: RecordSync, name: str, host: TwinHost) -> None:
        self.site = site
        self.sync = sync
        self.name = name
        self.phase: TwinPhase = "unknown"
        self.made = ""
        self.taking: Taking = "make"
        self.writes = True
        self.rejected: dict[ObjectId, str] = {}
        self._host = host
        self._root = ObjectId(NAMESPACES, name)
        self._shadows: dict[ObjectId, Shadow] = {}
        self._entries: dict[ObjectId, bytes] = {}
        self._watched: dict[GroupKind, None] = {}
        self._vanished: dict[ObjectId, tuple[int, str]] = {}
        self._verifying = False
        self._put_back: dict[ObjectId, dict[str, None]] = {}  # paths edited here that do not become slots
        self._listed_at: dict[GroupKind, int] = {}
        self._taken_in: dict[GroupKind, None] = {}  # kinds whose first list, what was there before, is in the record
        self._retry: dict[ObjectId, None] = {}
        self._reread: dict[ObjectId, None] = {}
        self._failures = 0
        self._unsure = False

    # -- beginning and end --------------------------------------------------------------------------------------

    def load(self, entries: Mapping[ObjectId, bytes], made: str, taken_in: Iterable[GroupKind] = ()) -> None:
        """Take up the durable state of an earlier run."""
        self.made = made
        self._taken_in = dict.fromkeys(taken_in)
        for object_id, state in entries.items():
            self._shadow(object_id).load(state)
            self._entries[object_id] = state

    def start(self, turn: Turn) -> None:
        """Begin to watch the namespace; the contents follow once it is there."""
        self._watch(NAMESPACES, turn)

    def stop(self, turn: Turn) -> None:
        """Look at nothing more. Calls that are open end unheard."""
        self.phase = "closed"
        for kind in self._watched:
            turn.add(UnwatchKind(kind=kind, namespace=self.name))
        self._watched.clear()
        self.site.timers.cancel(("twin", self.sync.gid))

    def take_root(self, obj: KubeObject, turn: Turn) -> None:
        """The record is being made from this namespace: all its shared values, and its contents, are first edits."""
        policy = self.sync.record.view.policy
        self._taken_in = dict.fromkeys(policy.kinds if policy else ())
        self._own_root(obj, self._shadow(self._root).adopt(obj, ROOT_INCARNATION), turn, adopted=False)

    def entries(self) -> list[bytes]:
        """Journal entries that stand for all durable state, for a rewritten journal."""
        made = [self._entry()] if self.made else []
        return made + [entry("shadow", {}, state) for _, state in sorted(self._entries.items())]

    def _entry(self) -> bytes:
        return entry("twin", {"uid": self.made, "kinds": sorted(self._taken_in)})

    @property
    def uid(self) -> str:
        return self.made

    # -- observations -------------------------------------------------------------------------------------------

    def listed(self, fact: Listed, turn: Turn) -> None:
        if self.phase in ("closed", "lost"):
            return
        if fact.kind == NAMESPACES:
            self._root_listed(fact, turn)
        else:
            self._contents_listed(fact, turn)

    def observed(self, fact: Observed, turn: Turn) -> None:
        if self.phase in ("closed", "lost"):
            return
        if fact.kind == NAMESPACES:
            self._root_seen(None if fact.event == "DELETED" else fact.object, turn)
        elif fact.event == "DELETED":
            object_id = ObjectId(fact.kind, _meta(fact.object, "name"))
            self._vanish(object_id, _revision(fact.object), _meta(fact.object, "uid"), turn)
        else:
            self._content_seen(fact.kind, fact.object, turn)

    def _root_listed(self, fact: Listed, turn: Turn) -> None:
        obj = fact.items[0] if fact.items else None
        self._listed_at[NAMESPACES] = fact.revision
        restored = self.made and is_restored([self._shadow(self._root)], fact.revision)
        if restored and (obj is None or _meta(obj, "uid") == self.made):
            self._restored(obj, fact.revision, turn)
        else:
            self._root_seen(obj, turn)

    def _restored(self, obj: KubeObject | None, revision: int, turn: Turn) -> None:
        """The list is older than what was seen before: a restored apiserver. What it lacks is made again."""
        self.sync.conditions["SiteRestored"] = f"the apiserver went back to resourceVersion {revision}"
        self.site.report(turn, "SiteRestored", self.sync.conditions["SiteRestored"], self.sync.gid)
        self._keep_entry(self._root, self._shadow(self._root).reset(obj, revision), turn)
        if obj is None:
            self.phase, self.made, self.taking = "absent", "", "make"
        else:
            self._become_active(turn)
        self.reconcile(self._root, turn)

    def _root_seen(self, obj: KubeObject | None, turn: Turn) -> None:
        if not self.made:
            self._unmade_root_seen(obj, turn)
        elif obj is None:
            self._lose("is gone", turn)
        elif _meta(obj, "uid") != self.made:
            self._lose("was replaced by another one", turn)
        elif is_terminating(obj):
            self._lose("is being deleted", turn)
        else:
            self._become_active(turn)
            self._observe(self._root, obj, turn)

    def _unmade_root_seen(self, obj: KubeObject | None, turn: Turn) -> None:
        """Nothing of that name is the record's yet: make it, adopt what is there, or refuse."""
        if obj is None:
            self.phase = "absent"
            self._shadow(self._root).gone(self._listed_at.get(NAMESPACES, 0))
            self.reconcile(self._root, turn)
        elif is_terminating(obj):
            self.phase = "terminating"  # wait until it is gone: Terminating admits no create
        elif self._shadow(self._root).busy:
            return  # our own create, seen before its answer (which settles it)
        elif self._shadow(self._root).unsettled and self._identical(obj):
            self._own_root(obj, self._shadow(self._root).observe(obj, ROOT_INCARNATION), turn, adopted=False)
        elif self.taking == "make" or (self.taking == "adopt-if-identical" and not self._identical(obj)):
            self._host.twin_refused(409, f"an unrelated namespace {self.name!r} exists", turn)
        else:
            self._own_root(obj, self._shadow(self._root).adopt(obj, ROOT_INCARNATION), turn, adopted=True)

    def _identical(self, obj: KubeObject) -> bool:
        desired = self.sync.record.view.desired(self._root)
        return desired is not None and shared_values(NAMESPACES, obj) == desired.values()

    def _own_root(self, obj: KubeObject, step: Step, turn: Turn, *, adopted: bool) -> None:
        """This namespace is the record's from now on."""
        self._made(obj, turn)
        self._write_edits(self._root, step, turn, adopted=adopted)
        self._become_active(turn)
        self.reconcile_all(turn)

    def _made(self, obj: KubeObject, turn: Turn) -> None:
        self.made = _meta(obj, "uid")
        turn.persist(self.sync.journal, self._entry())

    def _become_active(self, turn: Turn) -> None:
        if self.phase != "active":
            self.phase = "active"
            self.watch_contents(turn)
            self._host.twin_ready(turn)

    def _lose(self, why: str, turn: Turn) -> None:
        self.phase = "lost"
        self._host.twin_lost(f"the namespace {self.name!r} {why}", turn)

    # -- contents -----------------------------------------------------------------------------------------------

    def watch_contents(self, turn: Turn) -> None:
        """Watch the kinds that the record shares; called again when its policy names more."""
        policy = self.sync.record.view.policy
        if self.phase == "active" and policy is not None:
            for kind in policy.kinds:
                self._watch(kind, turn)

    def _watch(self, kind: GroupKind, turn: Turn) -> None:
        if kind not in self._watched:
            self._watched[kind] = None
            turn.add(WatchKind(kind=kind, namespace=self.name))

    def _contents_listed(self, fact: Listed, turn: Turn) -> None:
        seen = {_meta(item, "name"): item for item in fact.items}
        held = sorted(object_id for object_id in self._shadows if object_id.kind == fact.kind)
        if is_restored([self._shadows[object_id] for object_id in held], fact.revision):
            for object_id in held:
                step = self._shadow(object_id).reset(seen.get(object_id.name), fact.revision)
                self._take(object_id, step, turn)
        for item in fact.items:
            shadow = self._shadows.get(ObjectId(fact.kind, _meta(item, "name")))
            if fact.kind in self._taken_in or (shadow and (shadow.uid or shadow.busy)):
                self._content_seen(fact.kind, item, turn)
            else:
                self._adopt_content(fact.kind, item, turn)
        self._listed(fact, turn)
        for object_id in held:
            if object_id.name not in seen:
                self._vanish(object_id, fact.revision, "", turn)
        for object_id in self.sync.record.view.objects():
            if object_id.kind == fact.kind:
                self.reconcile(object_id, turn)

    def _listed(self, fact: Listed, turn: Turn) -> None:
        self._listed_at[fact.kind] = fact.revision
        for object_id, shadow in self._shadows.items():
            if object_id.kind == fact.kind and not shadow.uid and not shadow.busy:
                shadow.gone(fact.revision)
        if self.phase == "active" and fact.kind not in self._taken_in:
            self._taken_in[fact.kind] = None
            turn.persist(self.sync.journal, self._entry())

    def _adopt_content(self, kind: GroupKind, obj: KubeObject, turn: Turn) -> None:
        """What was there before its kind was shared here: it fills gaps, and loses as a visible conflict (D5); it does
        not lift what was deleted from the record (D6)."""
        if self.phase != "active" or why_not_shared(kind, obj):
            return
        object_id = ObjectId(kind, _meta(obj, "name"))
        self._write_edits(object_id, self._shadow(object_id).adopt(obj, self._n(object_id)), turn, adopted=True)
        self.reconcile(object_id, turn)

    def _content_seen(self, kind: GroupKind, obj: KubeObject, turn: Turn) -> None:
        if self.phase == "active" and not why_not_shared(kind, obj):
            self._observe(ObjectId(kind, _meta(obj, "name")), obj, turn)

    def _vanish(self, object_id: ObjectId, revision: int, uid: str, turn: Turn) -> None:
        """Something is not there any more: read the namespace before anything is concluded from it."""
        self._vanished[object_id] = (revision, uid)
        self._verify(turn)

    def _verify(self, turn: Turn) -> None:
        if not self._verifying:
            self._verifying = True
            self.site.read(object_path(NAMESPACES, "", self.name), turn, self._verified)

    def _verified(self, fact: CallFinished, turn: Turn) -> None:
        self._verifying = False
        if self.phase in ("closed", "lost"):
            return
        gone = fact.outcome == "refused" and fact.code == 404
        if fact.outcome != "ok" and not gone:
            self._retry_later(self._root, turn)
            return
        self._root_seen(None if gone else fact.object, turn)
        if self.phase == "active":
            self._settle_vanished(turn)

    def _settle_vanished(self, turn: Turn) -> None:
        """The namespace is Active: the objects are made again where the record has them."""
        vanished, self._vanished = self._vanished, {}
        for object_id, (revision, uid) in sorted(vanished.items()):
            shadow = self._shadow(object_id)
            again = shadow.present and self.sync.record.view.incarnation(object_id) is not None
            step = shadow.gone(revision, uid)
            if again and not shadow.present and self._leaves_out():
                self.site.report(turn, "LeftOut", f"{object_id} was deleted here and is left out here", self.sync.gid)
                step = shadow.leave_out(self._n(object_id))
            elif again and not shadow.present:
                self.site.report(turn, "Recreated", f"{object_id} was deleted here and is made again", self.sync.gid)
            self._take(object_id, step, turn)

    def _leaves_out(self) -> bool:
        policy = self.sync.record.view.policy
        return policy is not None and policy.missing == "absent"

    # -- writing back -------------------------------------------------------------------------------------------

    def reconcile(self, object_id: ObjectId, turn: Turn) -> None:
        """Send the one write, if any, that brings the object nearer to what the record wants."""
        shadow = self._shadow(object_id)
        if not self._may_write(object_id) or shadow.busy:
            return
        wanted = self._wanted(object_id)
        proposal = shadow.propose(wanted, self.sync.record.view.next_incarnation(object_id) - 1)
        if proposal is None:
            return
        self._persist_entry(object_id, proposal.entry, turn)
        write = proposal.write
        target = object_path(object_id.kind, self.name, object_id.name)
        if write.verb == "create":
            target = collection_path(object_id.kind, self.name)
        query = f"?{write.query}" if write.query else ""
        self.site.write(
            write.method,
            target + query,
            write.body,
            turn,
            lambda fact, later: self._finished(object_id, fact, later),
            write.content_type,
        )

    def reconcile_all(self, turn: Turn) -> None:
        for object_id in self.sync.record.view.objects():
            self.reconcile(object_id, turn)

    def retry(self, turn: Turn) -> None:
        """The backoff is over."""
        waiting, self._retry = self._retry, {}
        rereads, self._reread = self._reread, {}
        if self._vanished:
            self._verify(turn)
        for object_id in rereads:
            self._read(object_id, turn)
        for object_id in waiting:
            self.reconcile(object_id, turn)

    def _may_write(self, object_id: ObjectId) -> bool:
        if object_id == self._root:
            return self.phase == "active" or (self.phase == "absent" and not self.made)
        policy = self.sync.record.view.policy
        return self.phase == "active" and policy is not None and object_id.kind in policy.kinds

    def _wanted(self, object_id: ObjectId) -> Wanted | None:
        desired = self.sync.record.view.desired(object_id)
        if desired is None:
            return None
        edits = {path: joined.winner for path, joined in desired.fields.items()}
        fields = {path: (REMOVED if edit.removed else edit.value, edit.stamp) for path, edit in edits.items()}
        put_back = self._put_back.get(object_id, {}) if self._why_not_shared() else {}
        losers = {
            path: tuple(edit.stamp for edit in joined.losers)
            for path, joined in desired.fields.items()
            if joined.losers
        }
        return Wanted(n=desired.n, fields=dict.fromkeys(put_back, (REMOVED, NO_STAMP)) | fields, losers=losers)

    def _finished(self, object_id: ObjectId, fact: CallFinished, turn: Turn) -> None:
        if self.phase in ("closed", "lost"):
            return
        making = object_id == self._root and not self.made
        if making and fact.outcome == "refused" and fact.code == 409 and not self._unsure and self.taking == "make":
            self._host.twin_refused(409, f"an unrelated namespace {self.name!r} exists", turn)
            return
        self._unsure = making and (self._unsure or fact.outcome == "unknown")
        if fact.outcome == "ok":
            self._failures = 0
        elif fact.code == 404 and object_id != self._root:
            self._verify(turn)  # nothing can be made in a namespace that is not there
        shadow = self._shadow(object_id)
        step = shadow.finished(fact.outcome, fact.code, fact.object, self._n(object_id))
        if making and fact.outcome == "ok":
            self._own_root(fact.object, step, turn, adopted=False)
        elif making and step.rejected:
            self._host.twin_refused(fact.code, step.rejected, turn)
        else:
            self._take(object_id, step, turn)

    def _observe(self, object_id: ObjectId, obj: KubeObject, turn: Turn) -> None:
        try:
            step = self._shadow(object_id).observe(obj, self._n(object_id))
        except BadObject as error:
            self.site.report(turn, "BadObject", str(error), self.sync.gid)
            return
        self._take(object_id, step, turn)

    def _read_done(self, object_id: ObjectId, asked_at: int, fact: CallFinished, turn: Turn) -> None:
        if self.phase in ("closed", "lost"):
            return
        gone = fact.outcome == "refused" and fact.code == 404
        if fact.outcome != "ok" and not gone:
            self._reread_later(object_id, turn)
            return
        obj = None if gone else fact.object
        if object_id == self._root and self.made and (obj is None or is_terminating(obj)):
            self._root_seen(obj, turn)
            return
        step = self._shadow(object_id).read(obj, self._n(object_id), asked_at=asked_at)
        if object_id == self._root and not self.made and obj is not None:
            self._unsure_root_read(obj, step, turn)
        else:
            self._take(object_id, step, turn)

    def _unsure_root_read(self, obj: KubeObject, step: Step, turn: Turn) -> None:
        """Our create had no answer, and the namespace is there: ours if it is what was tried, else somebody's."""
        if is_terminating(obj):
            self.phase = "terminating"
        elif self._identical(obj):
            self._own_root(obj, step, turn, adopted=False)
        else:
            self._host.twin_refused(409, f"an unrelated namespace {self.name!r} exists", turn)

    def _n(self, object_id: ObjectId) -> int:
        """The incarnation that an object seen here belongs to: the live one, or the next."""
        view = self.sync.record.view
        return view.incarnation(object_id) or view.next_incarnation(object_id)

    def _read(self, object_id: ObjectId, turn: Turn) -> None:
        path = object_path(object_id.kind, self.name, object_id.name)
        asked_at = self._shadow(object_id).revision
        self.site.read(path, turn, lambda fact, later: self._read_done(object_id, asked_at, fact, later))

    def _take(self, object_id: ObjectId, step: Step, turn: Turn) -> None:
        """Carry out what an observation came to."""
        self._write_edits(object_id, step, turn, adopted=False)
        if step.rejected:
            self.rejected[object_id] = step.rejected
            self.site.report(turn, "Rejected", f"{object_id}: {step.rejected}", self.sync.gid)
        if step.read and self._failures < QUICK_READS:
            self._failures += 1
            self._read(object_id, turn)
        elif step.read:
            self._reread_later(object_id, turn)
        elif step.retry:
            self._retry_later(object_id, turn)
        else:
            self.reconcile(object_id, turn)

    def _write_edits(self, object_id: ObjectId, step: Step, turn: Turn, *, adopted: bool) -> None:
        """Edits and shadow are one append, so that a crash keeps both or none."""
        why = self._why_not_shared()
        slots = {} if why else self._slots(object_id, step, adopted=adopted)
        if why and step.edits:
            paths = ", ".join(sorted(step.edits))
            self.site.report(turn, "Rejected", f"{object_id}: {paths} edited here, {why}: put back", self.sync.gid)
            self._put_back.setdefault(object_id, {}).update(dict.fromkeys(step.edits))
        self._entries.update({object_id: step.entry} if step.entry is not None else {})
        beside = entry("shadow", {}, step.entry) if step.entry is not None else b""
        self.sync.write(slots, turn, beside=beside)

    def _why_not_shared(self) -> str:
        """Why local edits do not become slots now; empty when they do."""
        if not self.writes:
            return "where the record is read-only"
        return "while the record is full (RecordFull)" if self.sync.record.full else ""

    def _slots(self, object_id: ObjectId, step: Step, *, adopted: bool) -> dict[str, str]:
        record, shadow = self.sync.record, self._shadow(object_id)
        n = record.view.incarnation(object_id)
        if n is not None and shadow.incarnation == n:
            return record.edit.set_fields(object_id, step.edits, adopted=adopted, sights=step.sights)
        fresh = shadow.present and shadow.incarnation == record.view.next_incarnation(object_id)
        return record.edit.add_object(object_id, step.edits, adopted=adopted) if fresh and n is None else {}

    def _keep_entry(self, object_id: ObjectId, step: Step, turn: Turn) -> None:
        if step.entry is not None:
            self._persist_entry(object_id, step.entry, turn)

    def _persist_entry(self, object_id: ObjectId, state: bytes, turn: Turn) -> None:
        self._entries[object_id] = state
        turn.persist(self.sync.journal, entry("shadow", {}, state))

    def _retry_later(self, object_id: ObjectId, turn: Turn) -> None:
        self._retry[object_id] = None
        self._back_off(turn)

    def _reread_later(self, object_id: ObjectId, turn: Turn) -> None:
        self._reread[object_id] = None
        self._back_off(turn)

    def _back_off(self, turn: Turn) -> None:
        self.site.timers.set_earlier(("twin", self.sync.gid), turn.now + self.site.backoff(self._failures))
        self._failures += 1

    def _shadow(self, object_id: ObjectId) -> Shadow:
        found = self._shadows.get(object_id)
        if found is None:
            namespace = "" if object_id.kind == NAMESPACES else self.name
            found = self._shadows[object_id] = Shadow(object_id, namespace)
            if object_id.kind in self._listed_at and object_id != self._root:
                found.gone(self._listed_at[object_id.kind])  # what exists was listed, and has a shadow
        return found


def _meta(obj: KubeObject, name: str) -> str:
    """A text member of metadata; "" when it is not there."""
    metadata = obj.get("metadata")
    value = metadata.get(name) if isinstance(metadata, Mapping) else None
    return value if isinstance(value, str) else ""


def _revision(obj: KubeObject) -> int:
    text = _meta(obj, "resourceVersion")
    return int(text) if text.isdigit() else 0


def is_terminating(obj: KubeObject) -> bool:
    """Has the deletion of this namespace begun?"""
    status = obj.get("status")
    phase = status.get("phase") if isinstance(status, Mapping) else None
    return phase == "Terminating" or _meta(obj, "deletionTimestamp") != ""
