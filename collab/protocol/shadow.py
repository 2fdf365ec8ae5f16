"""Writing back: one object at one site between its record and its apiserver. Pure: observations in, decisions out.

The shadow is what the object held when it was last compared, by fingerprint. A local edit is the difference between
an observation and the shadow; what the record wants beyond the live object becomes one write with preconditions.
Server-side apply cannot do this: under one manager per origin a removal by a user is not seen at all.

    step = shadow.observe(obj, n)            # edits found, and the durable entry that goes with their slots
    proposal = shadow.propose(wanted, tombstoned)   # the write to send, and the entry to persist before it
    step = shadow.finished("ok", 200, obj)   # the response is the new shadow

Rules (each a scripted test): W1 observations wait while a write is open; W2 nothing at or below the shadow's
resourceVersion counts; W3 what is read after a 409 passes edit detection, and a patch carries the resourceVersion of
the last compared object; W4 the shadow never goes back; W5 values are tried durably before they are sent, and a live
value equal to one is no edit; W6 a stamp already tried is not sent again unless the live object changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import msgspec

from collab.protocol.localness import is_shared_path, nested, new_object, shared_values
from collab.protocol.names import KubeObject
from collab.record.joins import Sight
from collab.record.slots import REMOVED, ObjectId, Stamp, fingerprint

FIELD_MANAGER: Final = "collab"
MERGE_PATCH: Final = "application/merge-patch+json"
JSON: Final = "application/json"

Verb = Literal["create", "patch", "delete"]
Outcome = Literal["ok", "refused", "unknown"]
Values = dict[str, object]

Edits = dict[str, tuple[object, Stamp]]

_MANAGED: Final = f"fieldManager={FIELD_MANAGER}"
_WHOLE: Final = ""  # stands for the object itself among the tried paths
_TRIED_LIMIT: Final = 4
_GONE_PRINT: Final = ""
_NOT_DONE_TRY_LATER: Final = frozenset({401, 403, 408, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The object as its record wants it: incarnation, and path -> (value or REMOVED, winning stamp).

    `losers`: path -> stamps of edits that are shown as conflicts there.
    """

    n: int
    fields: Mapping[str, tuple[object, Stamp]]
    losers: Mapping[str, tuple[Stamp, ...]] = field(default_factory=dict)

    def shown(self, path: str) -> tuple[Stamp, ...]:
        """The edits that somebody knows who sees this value."""
        return (self.fields[path][1], *self.losers.get(path, ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalWrite:
    """One request to the local apiserver on this object's path (`create`: on its collection)."""

    verb: Verb
    method: Literal["POST", "PATCH", "DELETE"]
    body: Mapping[str, object]
    content_type: str
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What an observation came to.

    `edits`: path -> value or REMOVED, to be written as slots together with `entry`, in one journal append; `sights`:
    what the user saw of each of these paths before.
    `read`: GET the object and hand it to `read`. `retry`: propose again after a backoff. `rejected`: why the server
    refused for good what the record wants.
    """

    edits: Values = field(default_factory=dict)
    sights: dict[str, Sight] = field(default_factory=dict)
    entry: bytes | None = None
    read: bool = False
    retry: bool = False
    rejected: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A write to send, once `entry` is durable."""

    entry: bytes
    write: LocalWrite


class _Tried(msgspec.Struct, frozen=True, array_like=True):
    """Values sent for a field, by fingerprint ("" for a removal), and the winning stamp of the last one.

    More than one only while an earlier, unanswered create may still arrive.
    """

    prints: tuple[str, ...]
    stamp: Stamp


class _Durable(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What survives a restart. `unsettled`: whether a sent write took effect is not known. `shown`: the stamps of the
    record's edits that a live value was last in step with; an old one shows a conflict too many, never one too few.
    `left_out`: the incarnation that was deleted here and is not made again; 0 for none.
    """

    kind: str
    name: str
    uid: str = ""
    rv: int = 0
    n: int = 0
    seen: dict[str, str] = {}
    tried: dict[str, _Tried] = {}
    unsettled: bool = False
    shown: dict[str, tuple[Stamp, ...]] = {}
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Live:
    uid: str
    rv: int
    values: Values
    prints: dict[str, str]
    terminating: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gone:
    rv: int


class BadObject(ValueError):
    """The apiserver's object has no usable metadata; nothing was changed."""


_DECODER: Final = msgspec.json.Decoder(_Durable)


class Shadow:
    """The state machine of one object. `namespace` is where its twin lives; "" for a namespace itself."""

    def __init__(self, object_id: ObjectId, namespace: str, merged_keys: frozenset[str] = frozenset()) -> None:
        self.object_id = object_id
        self.namespace = namespace
        self.merged_keys = merged_keys
        self._state = _Durable(kind=object_id.kind, name=object_id.name)
        self._saved = self._state
        self._live: _Live | None = None
        self._known = False  # whether the object has been looked for at all since the start
        self._held: _Live | _Gone | None = None
        self._open: LocalWrite | None = None
        self._sent: dict[str, tuple[Stamp, ...]] = {}  # what the open write's values show
        self._void = False  # the open write was sent to the apiserver as it was before a restore
        self._stale = False
        self._former = ""  # the uid that is gone: its late events are no new object
        self._deleting = ""  # the uid that a DELETE was accepted for

    # -- reading ------------------------------------------------------------------------------------------------

    @property
    def uid(self) -> str:
        """The uid of the twin; "" when there is none."""
        return self._state.uid

    @property
    def revision(self) -> int:
        """The resourceVersion last compared; never goes down but by a reset."""
        return self._state.rv

    @property
    def incarnation(self) -> int:
        """The incarnation the twin belongs to; 0 for none."""
        return self._state.n

    @property
    def busy(self) -> bool:
        """Whether a write is open, or a read is awaited."""
        return self._open is not None or self._stale

    @property
    def unsettled(self) -> bool:
        """Whether a write was sent, perhaps by an earlier run, of which it is not known if it took effect."""
        return self._state.unsettled

    @property
    def present(self) -> bool:
        return self._live is not None

    @property
    def live_values(self) -> Values:
        """The shared fields of the live object, as last observed."""
        return dict(self._live.values) if self._live else {}

    # -- observations -------------------------------------------------------------------------------------------

    def load(self, entry: bytes) -> None:
        """Take the state of a durable entry (the last one counts). Raises ValueError for another object's."""
        state = _DECODER.decode(entry)
        if (state.kind, state.name) != self.object_id:
            raise ValueError(f"an entry of {state.kind}/{state.name} for {self.object_id}")
        self._state = self._saved = state

    def entry(self) -> bytes:
        """The durable state as it is, for a rewritten journal."""
        return msgspec.json.encode(self._state, order="sorted")

    def adopt(self, obj: KubeObject, n: int) -> Step:
        """Take an existing object as the twin of incarnation n: its shared values, which are the shadow from now on."""
        live = self._live_of(obj)
        self._compare(live, n)
        return self._step(dict(live.values))

    def observe(self, obj: KubeObject, n: int) -> Step:
        """A watch event or list item. `n`: the incarnation the object belongs to if its uid is new."""
        live = self._live_of(obj)
        if self._open:
            self._hold(live)
            return Step()
        if self._known and (live.rv <= self._state.rv or live.uid == self._former):
            return Step()
        return self._take(live, n)

    def read(self, obj: KubeObject | None, n: int, *, asked_at: int) -> Step:
        """The answer of the GET that a step asked for; None for 404. It passes edit detection like any event (W3).

        `asked_at`: the shadow's revision when the GET was sent. A 404 carries no resourceVersion, so it says nothing
        once something newer was seen.
        """
        if obj is not None:
            self._stale = False
            self._former = ""
            return self.observe(obj, n)
        if self._state.rv != asked_at or self._open is not None:
            return Step(read=self._stale)
        self._vanish(self._state.rv)
        return self._step({})

    def gone(self, rv: int, uid: str = "") -> Step:
        """The object is not there: a DELETED event (its resourceVersion and uid), or missing from a list.

        Nothing is written about it: an absence is never a deletion. `propose` would make the object again.
        """
        another = uid and self._state.uid and uid != self._state.uid
        if self._known and (rv <= self._state.rv or another):
            return Step()
        if self._open:
            self._hold(_Gone(rv=rv))
            return Step()
        self._vanish(rv)
        return self._step({})

    def leave_out(self, n: int) -> Step:
        """What is gone is not made again here in this incarnation, until somebody makes it."""
        self._state = msgspec.structs.replace(self._state, left_out=n)
        return self._step({})

    def reset(self, obj: KubeObject | None, revision: int) -> Step:
        """The apiserver was restored from a backup: what it holds now is the shadow, and no edit by anybody."""
        self._held, self._deleting, self._former = None, "", ""
        self._void = self._open is not None
        self._state = msgspec.structs.replace(self._state, rv=0, tried={}, unsettled=False)
        if obj is None:
            self._vanish(revision)
        else:
            self._compare(self._live_of(obj), self._state.n)
        return self._step({})

    def finished(self, outcome: Outcome, code: int, obj: KubeObject, n: int) -> Step:
        """The open write ended. `obj`: the response's body. `n`: as for observe, for what waited meanwhile.

        Raises LookupError when no write is open: the caller mixed up its calls.
        """
        if self._open is None:
            raise LookupError(f"{self.object_id}: no write is open")
        verb, self._open = self._open.verb, None
        outcome, self._void = "unknown" if self._void else outcome, False
        step = self._settle(verb, outcome, code, obj)
        held, self._held = self._held, None
        if held is None or held.rv <= self._state.rv:
            return step
        late = self._take(held, n) if isinstance(held, _Live) else self._lose(held)
        return replace(
            step, edits=late.edits, sights=late.sights, entry=late.entry or step.entry, read=step.read and self._stale
        )

    def _hold(self, observation: _Live | _Gone) -> None:
        """While a write is open the newest observation waits (W1). One is enough: states are compared, not counted."""
        if self._held is None or observation.rv > self._held.rv:
            self._held = observation

    def _take(self, live: _Live, n: int) -> Step:
        same = live.uid == self._state.uid
        edits = self._edits(live, self._state.seen if same else {})
        sights = {path: self._sight(path) for path in edits}
        self._compare(live, self._state.n if same and self._state.n else n)
        return replace(self._step(edits), sights=sights)

    def _lose(self, gone: _Gone) -> Step:
        self._vanish(gone.rv)
        return self._step({})

    def _edits(self, live: _Live, seen: Mapping[str, str]) -> Values:
        """Where the object differs from the shadow, but for values that were tried and may have taken effect (W5)."""
        edits: Values = {}
        for path in sorted(seen.keys() | live.prints.keys()):
            now = live.prints.get(path, _GONE_PRINT)
            if now != seen.get(path, _GONE_PRINT) and now not in self._maybe_sent(path):
                edits[path] = live.values.get(path, REMOVED)
        return edits

    def _sight(self, path: str) -> Sight:
        return Sight(print=self._state.seen.get(path, _GONE_PRINT), stamps=self._state.shown.get(path, ()))

    def _maybe_sent(self, path: str) -> tuple[str, ...]:
        """What an unanswered write may have put there. Once settled, a user may set the same value again."""
        tried = self._state.tried.get(path) if self._state.unsettled else None
        return tried.prints if tried else ()

    def _compare(self, live: _Live, n: int) -> None:
        """The live object is the shadow from now on. It settles what an earlier write came to: every write carries
        the resourceVersion it builds on, so none can take effect after a newer one was seen.
        """
        if live.uid != self._state.uid:
            self._deleting = ""
        unchanged = live.prints == self._state.seen and live.uid == self._state.uid and not self._state.unsettled
        self._live, self._known, self._stale = live, True, False
        self._state = msgspec.structs.replace(
            self._state,
            uid=live.uid,
            rv=max(live.rv, self._state.rv),
            n=n,
            seen=live.prints,
            tried=self._state.tried if unchanged else {},
            unsettled=False,
            left_out=0,
        )

    def _vanish(self, rv: int) -> None:
        """No object. An unanswered create may still arrive, so what it tried is kept."""
        self._former = self._state.uid or self._former
        self._live, self._known, self._stale, self._deleting = None, True, False, ""
        tried = self._state.tried if self._state.unsettled else {}
        self._state = msgspec.structs.replace(
            self._state, uid="", n=0, rv=max(rv, self._state.rv), seen={}, tried=tried
        )

    # -- the end of a write -------------------------------------------------------------------------------------

    def _settle(self, verb: Verb, outcome: Outcome, code: int, obj: KubeObject) -> Step:
        if outcome == "ok":
            return self._done(verb, obj)
        if outcome == "unknown" or code >= 500 or (verb == "create" and code == 409):
            # a 409 to a create may speak of what an earlier, unanswered create made
            self._stale = True
            return Step(read=True)
        if code in (404, 409):
            self._stale = True
            return self._not_done(keep=False, read=True)
        if code in _NOT_DONE_TRY_LATER:
            return self._not_done(keep=False, retry=True)
        return self._not_done(keep=True, rejected=f"{code} {obj.get('message', '')}".rstrip())

    def _done(self, verb: Verb, obj: KubeObject) -> Step:
        if verb == "delete":
            self._deleting = self._state.uid
            self._state = msgspec.structs.replace(self._state, unsettled=False)
            return self._step({})
        tried = self._state.tried
        self._compare(self._live_of(obj), self._state.n)
        shown = self._state.shown | self._sent
        self._state = msgspec.structs.replace(self._state, tried=_newest(tried), unsettled=False, shown=shown)
        return self._step({})

    def _not_done(self, *, keep: bool, read: bool = False, retry: bool = False, rejected: str = "") -> Step:
        """Surely without effect; what the server will never take is remembered, so that it is not sent again (W6)."""
        tried = _newest(self._state.tried) if keep else {}
        self._state = msgspec.structs.replace(self._state, tried=tried, unsettled=False)
        return replace(self._step({}), read=read, retry=retry, rejected=rejected)

    # -- writing back -------------------------------------------------------------------------------------------

    def propose(self, wanted: Wanted | None, tombstoned: int) -> Proposal | None:
        """The one write that takes the object to what the record wants; None where there is nothing to do now.

        `tombstoned`: the highest tombstoned incarnation. The write counts as open until `finished`.
        """
        if self.busy or not self._known:
            return None
        live = self._live
        if live and 0 < self._state.n <= tombstoned:
            return None if live.terminating or self._deleting == live.uid else self._delete(live)
        if wanted is None or (live and live.terminating):
            return None
        return self._patch(live, wanted) if live else self._create(wanted)

    def _delete(self, live: _Live) -> Proposal:
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": live.uid}}
        write = LocalWrite(verb="delete", method="DELETE", body=body, content_type=JSON)
        return self._send(write, {}, Wanted(n=self._state.n, fields={}))

    def _create(self, wanted: Wanted) -> Proposal | None:
        fields = self._shared(wanted)
        marked = {_WHOLE: (REMOVED, Stamp(wanted.n, "")), **fields}
        if self._state.left_out == wanted.n or not self._untried(marked):
            return None
        values = {path: value for path, (value, _) in fields.items()}
        body = new_object(self.object_id.kind, self.namespace, self.object_id.name, values)
        write = LocalWrite(verb="create", method="POST", body=body, content_type=JSON, query=_MANAGED)
        return self._send(write, marked, wanted)

    def _patch(self, live: _Live, wanted: Wanted) -> Proposal | None:
        fields = self._shared(wanted)
        differing = {p: edit for p, edit in fields.items() if fingerprint(edit[0]) != live.prints.get(p, _GONE_PRINT)}
        self._note_shown({path: wanted.shown(path) for path in fields if path not in differing})
        untried = self._untried(differing)
        if not untried:
            return None
        body = nested({path: value for path, (value, _) in untried.items()})
        metadata = body.setdefault("metadata", {})
        assert isinstance(metadata, dict)
        metadata |= {"uid": live.uid, "resourceVersion": str(live.rv)}
        write = LocalWrite(verb="patch", method="PATCH", body=body, content_type=MERGE_PATCH, query=_MANAGED)
        return self._send(write, untried, wanted)

    def _note_shown(self, in_step: dict[str, tuple[Stamp, ...]]) -> None:
        """Where the live value is in step, its user knows what the record knows."""
        self._state = msgspec.structs.replace(self._state, shown=self._state.shown | in_step)

    def _shared(self, wanted: Wanted) -> Edits:
        """What the record wants here, without what this site does not let in."""
        kind = self.object_id.kind
        return {p: edit for p, edit in sorted(wanted.fields.items()) if is_shared_path(kind, p, self.merged_keys)}

    def _untried(self, edits: Edits) -> Edits:
        """Those whose stamp has not been tried on the object as it is (W6)."""
        if self._state.unsettled:
            return edits
        tried = self._state.tried
        return {p: (value, stamp) for p, (value, stamp) in edits.items() if p not in tried or tried[p].stamp != stamp}

    def _send(self, write: LocalWrite, edits: Edits, wanted: Wanted) -> Proposal:
        tried = dict(self._state.tried)
        for path, (value, stamp) in edits.items():
            tried[path] = _Tried((*self._maybe_sent(path), fingerprint(value))[-_TRIED_LIMIT:], stamp)
        self._open = write
        self._sent = {path: wanted.shown(path) for path in edits if path in wanted.fields}
        self._state = msgspec.structs.replace(self._state, tried=tried, unsettled=True, n=wanted.n)
        self._saved = self._state
        return Proposal(entry=self.entry(), write=write)

    # -- values -------------------------------------------------------------------------------------------------

    def _live_of(self, obj: KubeObject) -> _Live:
        metadata = obj.get("metadata")
        if not isinstance(metadata, Mapping):
            raise BadObject(f"{self.object_id}: an object without metadata")
        values = shared_values(self.object_id.kind, obj, self.merged_keys)
        return _Live(
            uid=str(metadata.get("uid", "")),
            rv=_revision(metadata.get("resourceVersion"), self.object_id),
            values=values,
            prints={path: fingerprint(value) for path, value in values.items()},
            terminating="deletionTimestamp" in metadata,
        )

    def _step(self, edits: Values) -> Step:
        """The step, with an entry if the durable state says something new. A newer resourceVersion alone does not, nor
        does what was shown."""
        known = msgspec.structs.replace(self._state, rv=self._saved.rv, shown=self._saved.shown)
        if not edits and known == self._saved:
            return Step()
        self._saved = self._state
        return Step(edits=edits, entry=self.entry())


def is_restored(shadows: Iterable[Shadow], revision: int) -> bool:
    """Whether a list's resourceVersion lies below a shadow's: the apiserver went back in time, `reset` them all."""
    return any(shadow.revision > revision for shadow in shadows)


def _revision(text: object, object_id: ObjectId) -> int:
    if not (isinstance(text, str) and text.isascii() and text.isdigit()):
        raise BadObject(f"{object_id}: resourceVersion {text!r} is not a decimal number")
    return int(text)


def _newest(tried: Mapping[str, _Tried]) -> dict[str, _Tried]:
    return {path: _Tried(entry.prints[-1:], entry.stamp) for path, entry in tried.items()}
