"""The verbs: what each operation needs to be done, step by step."""

from __future__ import annotations

from collab.protocol import forwarding, ownership
from collab.protocol.creating import create, name_next_owner
from collab.protocol.extending import extend, role_of, take_aim
from collab.protocol.facts import ForwardFinished
from collab.protocol.forwarding import forward, pass_to_owner, settle_elsewhere, withdraw
from collab.protocol.membership import in_rows
from collab.protocol.names import RecordId, SiteName
from collab.protocol.operations import OperationResult
from collab.protocol.pending import Pending
from collab.protocol.replica import Replica
from collab.protocol.rules import POLL_S, Records, Rule, done, refuse, shared_record, wait
from collab.protocol.turn import Turn


def advance(records: Records, pending: Pending, turn: Turn) -> OperationResult | None:
    """Bring an operation as far as it goes now."""
    if pending.result is not None or pending.busy or turn.now < pending.waits_until:
        return pending.result
    if pending.taken_back:
        return settle_elsewhere(records, pending, turn, refuse(pending, 409, "withdrawn before anybody began it"))
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


def forward_finished(records: Records, pending: Pending, fact: ForwardFinished, turn: Turn) -> OperationResult | None:
    """The end of a forward. A create that surely has not reached the site that was named is offered to the next one."""
    if pending.operation.verb == "create" and fact.outcome == "not-sent" and not pending.reached:
        pending.busy = False
        return name_next_owner(records, pending, fact.site, turn)
    return forwarding.forward_finished(records, pending, fact, turn)


# -- retract ------------------------------------------------------------------------------------------------------


def retract(records: Records, pending: Pending, turn: Turn) -> OperationResult | None:
    site = pending.operation.source
    assert site is not None, "parse_operation lets no retract without `from` through"
    record = shared_record(records, pending)
    if site == records.site.name:
        return _leave(records, pending, record, turn)
    if record is None:
        return _after_the_end(records, pending, turn)
    pending.gid = record.gid
    take_aim(pending, record, site)
    if record.acting:
        return _put_out(records, pending, record, site, turn)
    if _overtakes_an_extend(records, pending, turn):
        wait(records, pending, turn, POLL_S)
        return None
    return pass_to_owner(records, pending, record, turn)


def _overtakes_an_extend(records: Records, pending: Pending, turn: Turn) -> bool:
    """Might the owner hear of this retract before it hears of an extend to the same site that was asked here earlier?

    That extend is withdrawn: from now on it is either under way at the owner, so that the retract undoes it, or never.
    """
    subject = (pending.operation.resource, pending.operation.source)
    earlier = [one for one in records.unfinished("extend") if (one.operation.resource, one.operation.to) == subject]
    for extend_ in earlier:
        withdraw(records, extend_, turn)
    return any(how in ("trying", "sent") for one in earlier for how in one.passed.values())


def _after_the_end(records: Records, pending: Pending, turn: Turn) -> OperationResult | None:
    """The record is over here: destroyed, so that nobody is a member any more, or left."""
    marker = records.marker(pending.gid)
    if marker is not None and marker.destroyed:
        return done(pending, "the record is over")
    return settle_elsewhere(records, pending, turn, _not_shared(pending))


def _not_shared(pending: Pending) -> OperationResult:
    more = " any more" if pending.gid else ""
    return refuse(pending, 404, f"{pending.operation.resource} is not shared here{more}")


def _leave(records: Records, pending: Pending, record: Replica | None, turn: Turn) -> OperationResult | None:
    """Leaving needs nobody: not the owner, not a link."""
    me = records.site.name
    if record is None and pending.gid and records.marker(pending.gid) is not None:
        return done(pending, f"{me} has left")  # the agent stopped before it said so
    if record is None or record.phase == "joining":
        return _not_shared(pending)
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
    if (pending.inv and row.inv != pending.inv) or pending.overtaken(row.inv):
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


# -- reattach ------------------------------------------------------------------------------------------------------


def reattach(records: Records, pending: Pending, turn: Turn) -> OperationResult | None:
    to = pending.operation.to
    assert to is not None, "parse_operation lets no reattach without `to` through"
    record = shared_record(records, pending)
    if record is None:
        return _after_the_end(records, pending, turn)
    pending.gid = record.gid
    pending.outcomes = {to: "pending"}
    if record.view.acting == to:
        pending.outcomes = {to: "applied"}
        return done(pending, f"{to} is the owner")
    if pending.operation.force or pending.operation.break_glass:
        return _seize(records, pending, record, to, turn)
    if _was_handed_over(records, pending, record, to):
        pending.outcomes = {to: "applied"}
        return done(pending, f"{to} took it, and {record.view.owner} owns it now")
    if not record.acting:
        return _pass_to_owner_unless_released(records, pending, record, turn)
    if pending.passed and not pending.begun:
        came = refuse(pending, 409, "the ownership came here while this was passed on: ask again")
        return settle_elsewhere(records, pending, turn, came)
    return _hand_over(records, pending, record, to, turn)


def _was_handed_over(records: Records, pending: Pending, record: Replica, to: SiteName) -> bool:
    """Did this site release it to `to` for this operation, and has it been accepted? It may have moved on since then,
    which is not to be undone."""
    mine, claim = record.view.claims().get(records.site.name), record.view.claim
    if pending.aim is None:
        pending.aim = str(claim.e) if claim is not None else ""
    if not pending.begun or mine is None or ownership.released_by(record.view, records.site.name):
        return False
    return (mine.s, mine.o) == ("rel", to) and mine.e > int(pending.aim or 0)


def _seize(records: Records, pending: Pending, record: Replica, to: SiteName, turn: Turn) -> OperationResult | None:
    if to != records.site.name:
        forward(records, pending, to, turn)
        return None
    row = record.row
    if row is None or not row.is_member or row.role != "rw" or record.phase != "member":
        return refuse(pending, 409, f"{to} is no rw member")
    if record.strict and not pending.operation.break_glass:
        return refuse(pending, 409, "mode strict: ownership is handed over; when the owner is lost, --break-glass")
    if pending.operation.break_glass and not record.strict:
        return refuse(pending, 409, "mode ap needs no broken glass: --force")
    if record.recovering:
        wait(records, pending, turn, POLL_S)  # nothing is written before a member's state is here
        return None
    if record.strict:
        records.site.report(turn, "BreakGlass", f"{to} takes the ownership by {pending.id}", record.gid)
    record.succession.seize(turn)
    pending.outcomes = {to: "applied"}
    return done(pending, f"{to} is the owner by force")


def _pass_to_owner_unless_released(
    records: Records, pending: Pending, record: Replica, turn: Turn
) -> OperationResult | None:
    if ownership.released_by(record.view, records.site.name):
        wait(records, pending, turn, POLL_S)
        return None
    return pass_to_owner(records, pending, record, turn)


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
    record.succession.offer(to, turn)
    made = record.view.hands().get(records.site.name)
    if made is not None and made.s == "off":
        pending.inv = made.n
        records.keep(pending, turn)
    return None


# -- destroy -------------------------------------------------------------------------------------------------------


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


VERBS: dict[str, Rule] = {
    "create": create,
    "extend": extend,
    "retract": retract,
    "reattach": reattach,
    "destroy": destroy,
}
