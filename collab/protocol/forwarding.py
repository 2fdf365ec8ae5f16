"""Passing an operation on to the site whose turn it is, and what its answer says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from collab.protocol.actions import Forward
from collab.protocol.entries import BadEntryError
from collab.protocol.facts import ForwardFinished
from collab.protocol.names import RecordId, SiteName
from collab.protocol.operations import OperationResult
from collab.protocol.pending import Pending, read_result
from collab.protocol.replica import Replica
from collab.protocol.rules import POLL_S, Records, wait
from collab.protocol.turn import Turn

FORWARD_S = 5.0
FORWARD_SHARE = 0.8
"""Of the time until our own answer is due: what the other site has done by then shall be in it."""


def forward(records: Records, pending: Pending, site: SiteName, turn: Turn) -> None:
    """Ask another site's agent to do it, under the same id; or, once it is withdrawn, never to begin it."""
    pending.busy = True
    if site not in pending.passed:
        pending.passed[site] = "trying"
        records.keep(pending, turn)
    peer = records.site.links.peers.get(site)
    timeout_s = max(0.5, min(FORWARD_S, FORWARD_SHARE * (pending.answer_at - turn.now)))
    operation = replace(pending.operation, gid=pending.gid, timeout_s=timeout_s, withdraw=pending.taken_back)
    turn.add(Forward(operation=operation, site=site, address=peer.address if peer else "", timeout_s=timeout_s + 0.5))


def pass_to_owner(records: Records, pending: Pending, record: Replica, turn: Turn) -> OperationResult | None:
    owner = record.view.owner
    if owner is None or owner == records.site.name or record.phase != "member":
        wait(records, pending, turn, POLL_S)  # between a release and its acceptance, or still joining
    else:
        forward(records, pending, SiteName(owner), turn)
    return None


def withdraw(records: Records, pending: Pending, turn: Turn) -> None:
    """It is not to be begun any more, anywhere: those that it was passed on to are told."""
    if not pending.withdrawn:
        pending.withdrawn, pending.waits_until = True, turn.now
        records.keep(pending, turn)
        records.again(pending, turn.now)


def settle_elsewhere(
    records: Records, pending: Pending, turn: Turn, otherwise: OperationResult
) -> OperationResult | None:
    """It cannot be carried out here any more; but sites that it was passed on to may do it, at once or when it reaches
    them. Each is asked how it stands, and not to begin what it has not begun: so what is refused here is done nowhere,
    and never later. `otherwise` is the result when all have refused."""
    if pending.passed and not pending.begun:
        withdraw(records, pending, turn)
    site = next((site for site, how in sorted(pending.passed.items()) if how != "refused"), None)
    if site is None:
        return otherwise
    forward(records, pending, site, turn)
    return None


def forward_finished(records: Records, pending: Pending, fact: ForwardFinished, turn: Turn) -> OperationResult | None:
    """The end of a forward. Only an answer that is final ends the operation; everything else is tried again."""
    pending.busy = False
    pending.reached = pending.reached or fact.outcome != "not-sent"
    _note(pending, fact)
    if fact.outcome != "answered":
        wait(records, pending, turn)
        return None
    result = _answer_of(pending, fact.body)
    if result is not None and result.state != "pending":
        return _final(records, pending, fact.site, result, turn)
    if result is not None:
        pending.outcomes = dict(result.outcomes)
        pending.manifest = result.manifest or pending.manifest
        pending.gid = pending.gid or RecordId(result.gid)
        _note_begun(pending, fact)
    wait(records, pending, turn, POLL_S)
    return None


def _note(pending: Pending, fact: ForwardFinished) -> None:
    """What is known now of the site that it was passed on to."""
    if pending.passed.get(fact.site) == "trying" and fact.outcome == "not-sent":
        del pending.passed[fact.site]
    elif pending.passed.get(fact.site) == "trying":
        pending.passed[fact.site] = "sent"


def _note_begun(pending: Pending, fact: ForwardFinished) -> None:
    """It was told of the withdrawal and goes on: it has begun."""
    if pending.taken_back:
        pending.passed[fact.site] = "begun"


def _final(
    records: Records, pending: Pending, site: SiteName, result: OperationResult, turn: Turn
) -> OperationResult | None:
    """One site's last word is the last word on the operation; on a withdrawn one only if it was done: then the others
    are asked as well."""
    if not pending.taken_back or result.state == "done":
        return result
    pending.passed[site] = "refused"
    records.keep(pending, turn)
    records.again(pending, turn.now)
    return None


def _answer_of(pending: Pending, body: Mapping[str, object]) -> OperationResult | None:
    try:
        return replace(read_result(body), id=pending.id)
    except BadEntryError:
        return None  # not an agent's answer: a proxy's error page, or another version
