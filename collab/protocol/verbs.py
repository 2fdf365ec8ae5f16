"""The verbs: what each operation needs to be done, step by step. Each rule looks at the state as it is and may be
asked again at any time: after a crash, on another answer, on every change of its record.

A rule returns the result when there is one, None while the operation is pending.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from collab.protocol import ownership
from collab.protocol.actions import Forward
from collab.protocol.entries import BadEntryError
from collab.protocol.facts import CallFinished, ForwardFinished
from collab.protocol.localness import why_not_shared
from collab.protocol.markers import Marker
from collab.protocol.membership import in_rows
from collab.protocol.names import (
    KINDS,
    NAMESPACES,
    KubeObject,
    RecordId,
    SiteName,
    collection_path,
    name_of,
    object_path,
)
from collab.protocol.operations import Operation, OperationResult, Role
from collab.protocol.pending import Pending, read_result
from collab.protocol.replica import Replica
from collab.protocol.site import Site
from collab.protocol.turn import Turn
from collab.record.joins import MemberRow

OPERATION_ANNOTATION = "collab.fakekube.dev/operation"
FORWARD_S = 5.0
FORWARD_SHARE = 0.8
"""Of the time until our own answer is due: what the other site has done by then shall be in it."""
POLL_S = 1.0


class Records(Protocol):
    """What the verbs need of the site's core."""

    site: Site

    def by_name(self, name: str) -> Replica | None:
        """The record that shares this namespace here."""

    def replica(self, gid: RecordId) -> Replica | None: ...

    def marker(self, gid: RecordId) -> Marker | None: ...

    def make_record(self, gid: RecordId, obj: KubeObject, operation: Operation, turn: Turn) -> Replica:
        """A new record over a namespace of this site, with this site as its owner."""

    def keep(self, pending: Pending, turn: Turn) -> None:
        """Write the operation down as it is now."""

    def again(self, pending: Pending, at: float) -> None:
        """Ask its rule again at a time."""


Rule = Callable[[Records, Pending, Turn], OperationResult | None]


def advance(records: Records, pending: Pending, turn: Turn) -> OperationResult | None:
    """Bring an operation as far as it goes now."""
    if pending.result is not None or pending.busy or turn.now < pending.waits_until:
        return pending.result
    if _passed_on_too_early(records, pending):
        wait(records, pending, turn, POLL_S)
        return None
    return VERBS[pending.operation.verb](records, pending, turn)


def _passed_on_too_early(records: Records, pending: Pending) -> bool:
    """Another site passed this on for a record that is not here (yet, or not since a disk was lost): it must not be
    taken for one about an unshared namespace of that name."""
    gid, operation = RecordId(pending.operation.gid), pending.operation
    if operation.verb == "create" or not gid:
        return False
    pending.gid = pending.gid or gid
    return records.replica(gid) is None and records.marker(gid) is None


def refuse(pending: Pending, code: int, message: str) -> OperationResult:
    return pending.finished("refused", code, message)


def shared_record(records: Records, pending: Pending) -> Replica | None:
    """The record an operation is about: that of its name, and of its id once it has met one."""
    record = records.by_name(name_of(pending.operation.resource))
    return None if record is not None and pending.gid not in ("", record.gid) else record


def done(pending: Pending, message: str) -> OperationResult:
    return pending.finished("done", 200, message)


def wait(records: Records, pending: Pending, turn: Turn, at_most_s: float = 30.0) -> None:
    """Ask again after a backoff."""
    delay = min(at_most_s, records.site.backoff(pending.tries))
    pending.tries += 1
    pending.waits_until = turn.now + delay
    records.again(pending, pending.waits_until)


# -- passing on ---------------------------------------------------------------------------------------------------


def forward(records: Records, pending: Pending, site: SiteName, turn: Turn) -> None:
    """Ask another site's agent to do it, under the same id."""
    pending.busy = True
    peer = records.site.links.peers.get(site)
    timeout_s = max(0.5, min(FORWARD_S, FORWARD_SHARE * (pending.answer_at - turn.now)))
    operation = replace(pending.operation, gid=pending.gid, timeout_s=timeout_s)
    turn.add(Forward(operation=operation, site=site, address=peer.address if peer else "", timeout_s=timeout_s + 0.5))


def forward_finished(records: Records, pending: Pending, fact: ForwardFinished, turn: Turn) -> OperationResult | None:
    """The end of a forward. Only an answer that is final ends the operation; everything else is tried again."""
    pending.busy = False
    pending.reached = pending.reached or fact.outcome != "not-sent"
    if fact.outcome == "answered":
        result = _answer_of(pending, fact.body)
        if result is not None and result.state != "pending":
            return result
        if result is not None:
            pending.outcomes = dict(result.outcomes)
            pending.manifest = result.manifest or pending.manifest
            pending.gid = pending.gid or RecordId(result.gid)
        wait(records, pending, turn, POLL_S)
        return None
    if pending.operation.verb == "create" and not pending.reached:
        return _name_next_owner(records, pending, fact.site, turn)
    wait(records, pending, turn)
    return None


def _answer_of(pending: Pending, body: Mapping[str, object]) -> OperationResult | None:
    try:
        return replace(read_result(body), id=pending.id)
    except BadEntryError:
        return None  # not an agent's answer: a proxy's error page, or another version


# -- extend -------------------------------------------------------------------------------------------------------


def extend(records: Records, pending: Pending, turn: Turn) -> OperationResult | None:
    operation = pending.operation
    to = operation.to
    assert to is not None, "parse_operation lets no extend without `to` through"
    if not records.site.knows(to):
        return refuse(pending, 400, f"site {to!r} is not known here; known sites are the agent's peers")
    record = shared_record(records, pending)
    if record is None and pending.gid:
        return refuse(pending, 404, f"{operation.resource} is not shared here any more")
    if record is None:
        _share_existing(records, pending, turn)
        return None
    pending.gid = record.gid
    if not record.acting:
        return _pass_to_owner(records, pending, record, turn)
    if record.record.full:
        return refuse(pending, 409, "RecordFull: the record is over its size of 1 MB")
    _widen_policy(record, operation, turn)
    return _invite(records, pending, record, to, turn)


def _share_existing(records: Records, pending: Pending, turn: Turn) -> None:
    """The namespace is not shared yet: look at it, and make a record of it."""
    pending.busy = True
    path = object_path(NAMESPACES, "", name_of(pending.operation.resource))
    records.site.read(path, turn, lambda fact, later: _shared_read(records, pending, fact, later))


def _shared_read(records: Records, pending: Pending, fact: CallFinished, turn: Turn) -> None:
    pending.busy = False
    name = name_of(pending.operation.resource)
    if records.by_name(name) is not None:
        pass  # another operation made the record meanwhile
    elif fact.outcome == "ok":
        why = _why_not(fact.object)
        if why:
            pending.result = refuse(pending, 409, why)
        else:
            pending.gid = records.site.new_gid()
            records.make_record(pending.gid, fact.object, pending.operation, turn)
    elif fact.outcome == "refused" and fact.code in (403, 404):
        pending.result = refuse(pending, fact.code, str(fact.object.get("message", f"namespace {name!r} not found")))
    else:
        wait(records, pending, turn)
    records.again(pending, max(turn.now, pending.waits_until))


def _why_not(obj: KubeObject) -> str:
    status = obj.get("status")
    if isinstance(status, Mapping) and status.get("phase") == "Terminating":
        return "the namespace is being deleted"
    return why_not_shared(NAMESPACES, obj)


def _pass_to_owner(records: Records, pending: Pending, record: Replica, turn: Turn) -> OperationResult | None:
    owner = record.view.owner
    if owner is None or owner == records.site.name or record.phase != "member":
        wait(records, pending, turn, POLL_S)  # between a release and its acceptance, or still joining
    else:
        forward(records, pending, SiteName(owner), turn)
    return None


def _widen_policy(record: Replica, operation: Operation, turn: Turn) -> None:
    """Kinds that this operation shares as well, and its word on collisions."""
    policy = record.view.policy
    if policy is None:
        return
    kinds = tuple(sorted({*policy.kinds, *operation.kinds}))
    collision = operation.collision if operation.collision != "refuse" else policy.collision
    if (kinds, collision) != (policy.kinds, policy.collision):
        stamp = record.record.edit.owner_stamp()
        wider = type(policy)(
            t=stamp, mode=policy.mode, collision=collision, kinds=kinds, spec=policy.spec, missing=policy.missing
        )
        record.sync.write(record.record.edit.policy(wider), turn)


def _invite(records: Records, pending: Pending, record: Replica, to: SiteName, turn: Turn) -> OperationResult | None:
    row = record.view.member(to)
    pending.outcomes = {to: _outcome(row, pending.codes.get(to, 409))}
    if row is not None and row.is_member:
        _set_role(record, row, pending.operation, turn)
        return done(pending, f"{to} is a member")
    if row is not None and row.state == "refused" and row.inv == pending.inv:
        code = pending.codes.get(to, 409)
        return refuse(pending, code, _refusal(to, code))
    if pending.inv and row is not None and row.state in ("out", "left"):
        return refuse(pending, 409, f"{to} was taken out again before it accepted")
    if row is None or row.state != "invited":
        pending.inv = invite(record, to, pending.operation.role, turn)
        pending.outcomes = {to: "pending"}
        records.keep(pending, turn)
    elif not pending.inv:
        pending.inv = row.inv
        records.keep(pending, turn)
    return None


def _refusal(site: SiteName, code: int) -> str:
    if code == 403:
        return f"{site} does not take invitations from here"
    return f"{site} has an unrelated namespace of that name; see --collision adopt"


def _outcome(row: MemberRow | None, code: int) -> str:
    if row is not None and row.is_member:
        return "applied"
    return f"rejected:{code}" if row is not None and row.state == "refused" else "pending"


def _set_role(record: Replica, row: MemberRow, operation: Operation, turn: Turn) -> None:
    if row.role != operation.role and row.site != record.site.name:
        slots = record.record.edit.membership(row.site, inv=row.inv, role=operation.role, address=row.address)
        record.sync.write(slots, turn)


def invite(record: Replica, site: SiteName, role: str, turn: Turn) -> str:
    """Put a site on the list of members; the id of the invitation, which is then sent until it is answered."""
    slots, inv = invitation(record, site, role)
    record.sync.write(slots, turn)
    return inv


def invitation(record: Replica, site: SiteName, role: str) -> tuple[dict[str, str], str]:
    inv = record.record.edit.new_id()
    peer = record.site.links.peers.get(site)
    address = peer.advertised if peer else ""
    return record.record.edit.membership(site, inv=inv, role=role_of(role), address=address), inv


def role_of(text: str) -> Role:
    return "ro" if text == "ro" else "rw"


# -- retract ------------------------------------------------------------------------------------------------------


def retract(records: Records, pending: Pending, turn: Turn) -> OperationResult | None:
    site = pending.operation.source
    assert site is not None, "parse_operation lets no retract without `from` through"
    record = shared_record(records, pending)
    if site == records.site.name:
        return _leave(records, pending, record, turn)
    if record is None:
        return _after_the_end(records, pending)
    pending.gid = record.gid
    if not record.acting:
        return _pass_to_owner(records, pending, record, turn)
    return _put_out(records, pending, record, site, turn)


def _after_the_end(records: Records, pending: Pending) -> OperationResult:
    marker = records.marker(pending.gid)
    if marker is not None and pending.gid:
        return done(pending, "the record is over here")
    return refuse(pending, 404, f"{pending.operation.resource} is not shared here")


def _leave(records: Records, pending: Pending, record: Replica | None, turn: Turn) -> OperationResult | None:
    """Leaving needs nobody: not the owner, not a link."""
    me = records.site.name
    if record is None or record.phase == "joining":
        return _after_the_end(records, pending)
    pending.gid = record.gid
    state = ownership.owner_state(record.view, me)
    if state in ("owner", "offering"):
        return refuse(pending, 409, f"{me} owns it: reattach it to another member first, or destroy it")
    if state == "released":
        return refuse(pending, 409, "the hand-over is not accepted yet; ask again when it is")
    record.leave(pending.operation.exit, turn)
    pending.outcomes = {me: "applied"}
    return done(pending, f"{me} has left")


def _put_out(records: Records, pending: Pending, record: Replica, site: SiteName, turn: Turn) -> OperationResult | None:
    row = record.view.member(site)
    if row is None:
        return refuse(pending, 404, f"{site} is no member of {pending.operation.resource}")
    if pending.inv and row.inv != pending.inv:
        pending.outcomes = {site: "applied"}
        return done(pending, f"{site} was put out, and invited again since")
    left = record.view.answer(site, row.inv)
    if (left is not None and left.s == "left") or row.state == "refused":
        pending.outcomes = {site: "applied"}
        return done(pending, f"{site} is out")
    pending.outcomes = {site: "pending"}
    if not pending.inv:
        pending.inv = row.inv
        records.keep(pending, turn)
    if row.state != "out":
        slots = record.record.edit.membership(
            site, inv=row.inv, state="out", role=role_of(row.role), exit=pending.operation.exit, address=row.address
        )
        record.sync.write(slots, turn)
    return None


# -- reattach -----------------------------------------------------------------------------------------------------


def reattach(records: Records, pending: Pending, turn: Turn) -> OperationResult | None:
    to = pending.operation.to
    assert to is not None, "parse_operation lets no reattach without `to` through"
    record = shared_record(records, pending)
    if record is None:
        return _after_the_end(records, pending)
    pending.gid = record.gid
    pending.outcomes = {to: "pending"}
    if record.view.acting == to:
        pending.outcomes = {to: "applied"}
        return done(pending, f"{to} is the owner")
    if pending.operation.force:
        return _seize(records, pending, record, to, turn)
    if not record.acting:
        return _pass_to_owner_unless_released(records, pending, record, turn)
    return _hand_over(records, pending, record, to, turn)


def _seize(records: Records, pending: Pending, record: Replica, to: SiteName, turn: Turn) -> OperationResult | None:
    if to != records.site.name:
        forward(records, pending, to, turn)
        return None
    row = record.row
    if row is None or not row.is_member or row.role != "rw" or record.phase != "member":
        return refuse(pending, 409, f"{to} is no rw member")
    if record.recovering:
        wait(records, pending, turn, POLL_S)  # nothing is written before a member's state is here
        return None
    record.seize(turn)
    pending.outcomes = {to: "applied"}
    return done(pending, f"{to} is the owner by force")


def _pass_to_owner_unless_released(
    records: Records, pending: Pending, record: Replica, turn: Turn
) -> OperationResult | None:
    if ownership.released_by(record.view, records.site.name):
        wait(records, pending, turn, POLL_S)
        return None
    return _pass_to_owner(records, pending, record, turn)


def _hand_over(records: Records, pending: Pending, record: Replica, to: SiteName, turn: Turn) -> OperationResult | None:
    row = record.view.member(to)
    if row is None or not row.is_member or row.role != "rw":
        return refuse(pending, 409, f"{to} is no rw member: extend to it first")
    hand = record.view.hands().get(records.site.name)
    offered = hand is not None and hand.s == "off"
    if offered and hand is not None:
        pending.inv = hand.n if hand.peer == to else pending.inv
        return None  # under way, or another's turn: one offer at a time
    if pending.inv and not offered:
        return refuse(pending, 409, f"{to} did not become ready; the offer was cancelled. --force seizes (at {to})")
    record.offer(to, turn)
    return None


# -- destroy ------------------------------------------------------------------------------------------------------


def destroy(records: Records, pending: Pending, turn: Turn) -> OperationResult | None:
    record = shared_record(records, pending)
    if record is None:
        return _destroy_progress(records, pending)
    pending.gid = record.gid
    me = records.site.name
    if not record.acting:
        return refuse(pending, 409, f"{record.view.owner or 'nobody'} owns it: ask there")
    sites = [SiteName(row.site) for row in in_rows(record.view)]
    pending.outcomes = dict.fromkeys(sites, "pending")
    if pending.operation.dry_run:
        return done(pending, f"would be deleted at {', '.join(sites)}")
    pending.outcomes[me] = "applied"
    records.keep(pending, turn)
    root = record.view.root_object
    if root is not None:
        record.sync.write(record.record.edit.tombstone(root), turn)
    record.destroyed(turn, tell_all=True)
    return None


def _destroy_progress(records: Records, pending: Pending) -> OperationResult | None:
    marker = records.marker(pending.gid)
    if marker is None or not marker.destroyed:
        return refuse(pending, 404, f"{pending.operation.resource} is not shared here")
    for site in sorted(pending.outcomes):
        pending.outcomes[site] = "pending" if site in marker.owed else "applied"
    if marker.owed or marker.delete_uid:
        return None
    return done(pending, "destroyed everywhere")


# -- create -------------------------------------------------------------------------------------------------------


def create(records: Records, pending: Pending, turn: Turn) -> OperationResult | None:
    """At the ingress: name one owner, durably and before sending. At the owner: make it, then invite the others."""
    operation = pending.operation
    unknown = [site for site in operation.members if not records.site.knows(site)]
    if unknown:
        return refuse(pending, 400, f"site {unknown[0]!r} is not known here; known sites are the agent's peers")
    if operation.gid and pending.given is None:
        pending.gid, pending.given = RecordId(operation.gid), records.site.name
    if pending.given is None:
        return _name_owner(records, pending, operation.members[0], turn)
    if pending.given != records.site.name:
        forward(records, pending, pending.given, turn)
        return None
    return _create_here(records, pending, turn)


def _name_owner(records: Records, pending: Pending, site: SiteName, turn: Turn) -> OperationResult | None:
    """A fresh gid for each site that is named: one gid is given to no second owner (P4)."""
    pending.given, pending.gid = site, records.site.new_gid()
    pending.outcomes = dict.fromkeys(pending.operation.members, "pending")
    records.keep(pending, turn)
    return create(records, pending, turn)


def _name_next_owner(records: Records, pending: Pending, failed: SiteName, turn: Turn) -> OperationResult | None:
    """Nothing of it has reached the site that was named: the next one, or after a round all again, later."""
    members = pending.operation.members
    following = members.index(failed) + 1 if failed in members else 0
    if following < len(members):
        return _name_owner(records, pending, members[following], turn)
    pending.given = None
    wait(records, pending, turn)
    return None


def _create_here(records: Records, pending: Pending, turn: Turn) -> OperationResult | None:
    record = records.replica(pending.gid)
    if record is not None:
        return _create_progress(pending, record)
    if records.marker(pending.gid) is not None:
        return _after_the_end(records, pending)
    if records.by_name(name_of(pending.operation.resource)) is not None:
        pending.outcomes = {records.site.name: "rejected:409"}
        return refuse(pending, 409, f"{pending.operation.resource} is shared already at {records.site.name}")
    pending.busy = True
    body = _manifest(pending.operation)
    path = f"{collection_path(NAMESPACES, '')}?fieldManager=collab"
    records.site.write("POST", path, body, turn, lambda fact, later: _created(records, pending, fact, later))
    return None


def _manifest(operation: Operation) -> dict[str, object]:
    """The object as it was asked for, with the operation's id: so that a repeated create knows its own."""
    info = KINDS[NAMESPACES]
    given = dict(operation.manifest or {})
    metadata = given.get("metadata")
    metadata = dict(metadata) if isinstance(metadata, Mapping) else {}
    annotations = metadata.get("annotations")
    annotations = dict(annotations) if isinstance(annotations, Mapping) else {}
    metadata |= {"name": name_of(operation.resource), "annotations": annotations | {OPERATION_ANNOTATION: operation.id}}
    return {**given, "apiVersion": info.api_version, "kind": info.kind, "metadata": metadata}


def _created(records: Records, pending: Pending, fact: CallFinished, turn: Turn) -> None:
    pending.busy = False
    if fact.outcome == "ok":
        _make(records, pending, fact.object, turn)
    elif fact.outcome == "refused" and fact.code == 409 and fact.object.get("reason") == "AlreadyExists":
        pending.busy = True
        path = object_path(NAMESPACES, "", name_of(pending.operation.resource))
        records.site.read(path, turn, lambda read, later: _existing_read(records, pending, fact, read, later))
    elif fact.outcome == "refused" and 400 <= fact.code < 500 and fact.code not in (401, 408, 429):
        _reject_create(records, pending, fact)
    else:
        wait(records, pending, turn)
    records.again(pending, max(turn.now, pending.waits_until))


def _existing_read(records: Records, pending: Pending, refusal: CallFinished, fact: CallFinished, turn: Turn) -> None:
    """Somebody's namespace has the name. It may be ours: the answer to an earlier try was lost."""
    pending.busy = False
    if fact.outcome == "ok" and _operation_of(fact.object) == pending.id:
        _make(records, pending, fact.object, turn)
    elif fact.outcome == "ok":
        _reject_create(records, pending, refusal)
    else:
        wait(records, pending, turn)
    records.again(pending, max(turn.now, pending.waits_until))


def _operation_of(obj: KubeObject) -> str:
    metadata = obj.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    value = annotations.get(OPERATION_ANNOTATION) if isinstance(annotations, Mapping) else None
    return value if isinstance(value, str) else ""


def _reject_create(records: Records, pending: Pending, fact: CallFinished) -> None:
    pending.outcomes = {records.site.name: f"rejected:{fact.code}"}
    pending.manifest = fact.object
    pending.result = refuse(pending, fact.code, str(fact.object.get("message", "refused by the apiserver")))


def _make(records: Records, pending: Pending, obj: KubeObject, turn: Turn) -> None:
    """The namespace is made here: its record, and an invitation to every other site, in one batch."""
    pending.manifest = obj
    record = records.make_record(pending.gid, obj, pending.operation, turn)
    slots: dict[str, str] = {}
    for site in pending.operation.members:
        if site != records.site.name:
            slots |= invitation(record, site, "rw")[0]
    record.sync.write(slots, turn)
    records.keep(pending, turn)


def _create_progress(pending: Pending, record: Replica) -> OperationResult | None:
    rows = record.view.members()
    pending.outcomes = {
        site: _outcome(rows.get(site), pending.codes.get(site, 409)) for site in pending.operation.members
    }
    if "pending" in pending.outcomes.values():
        return None
    return done(pending, "created")


VERBS: dict[str, Rule] = {
    "create": create,
    "extend": extend,
    "retract": retract,
    "reattach": reattach,
    "destroy": destroy,
}
