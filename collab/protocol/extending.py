"""extend: one more member. The owner writes an invitation; anybody else passes the wish on to it."""

from __future__ import annotations

from collections.abc import Mapping

from collab.protocol.facts import CallFinished
from collab.protocol.forwarding import pass_to_owner, settle_elsewhere
from collab.protocol.localness import why_not_shared
from collab.protocol.names import NAMESPACES, KubeObject, SiteName, name_of, object_path
from collab.protocol.operations import Operation, OperationResult, Role
from collab.protocol.pending import Pending
from collab.protocol.replica import Replica
from collab.protocol.rules import Records, done, refuse, shared_record, wait
from collab.protocol.turn import Turn
from collab.record.joins import MemberRow


def extend(records: Records, pending: Pending, turn: Turn) -> OperationResult | None:
    operation = pending.operation
    to = operation.to
    assert to is not None, "parse_operation lets no extend without `to` through"
    if not records.site.knows(to):
        return refuse(pending, 400, f"site {to!r} is not known here; known sites are the agent's peers")
    record = shared_record(records, pending)
    if record is None and pending.gid:
        gone = refuse(pending, 404, f"{operation.resource} is not shared here any more")
        return settle_elsewhere(records, pending, turn, gone)
    if record is None:
        _share_existing(records, pending, turn)
        return None
    pending.gid = record.gid
    take_aim(pending, record, to)
    if not record.acting:
        return pass_to_owner(records, pending, record, turn)
    policy = record.view.policy
    if operation.mode == "strict" and policy is not None and policy.mode != "strict":
        return refuse(pending, 409, "its mode is ap, and a mode is given when a record is made: destroy it first")
    if record.record.full:
        return refuse(pending, 409, "RecordFull: the record is over its size of 1 MB")
    _widen_policy(record, operation, turn)
    return _invite(records, pending, record, to, turn)


def take_aim(pending: Pending, record: Replica, site: SiteName) -> None:
    """Note which invitation of the site this was asked about: who passes it on may come to be asked again as the owner,
    and an operation acts once (S8)."""
    if pending.aim is None:
        row = record.view.member(site)
        pending.aim = row.inv if row is not None else ""


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


def _widen_policy(record: Replica, operation: Operation, turn: Turn) -> None:
    """Kinds that this operation shares as well, and its word on collisions and on what goes missing."""
    policy = record.view.policy
    if policy is None:
        return
    kinds = tuple(sorted({*policy.kinds, *operation.kinds}))
    collision = operation.collision if operation.collision != "refuse" else policy.collision
    missing = operation.missing if operation.missing != "recreate" else policy.missing
    if (kinds, collision, missing) != (policy.kinds, policy.collision, policy.missing):
        stamp = record.record.edit.owner_stamp()
        wider = type(policy)(
            t=stamp, mode=policy.mode, collision=collision, kinds=kinds, spec=policy.spec, missing=missing
        )
        record.sync.write(record.record.edit.policy(wider), turn)


def _invite(records: Records, pending: Pending, record: Replica, to: SiteName, turn: Turn) -> OperationResult | None:
    row = record.view.member(to)
    if row is not None and not pending.inv and pending.overtaken(row.inv):
        pending.inv = row.inv
    pending.outcomes = {to: outcome_of(row, pending.codes.get(to, 409))}
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


def outcome_of(row: MemberRow | None, code: int) -> str:
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
