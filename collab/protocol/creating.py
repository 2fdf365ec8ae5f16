"""create: one namespace at all sites of a scope. The ingress names an owner; the owner makes it and invites the others."""

from __future__ import annotations

from collections.abc import Mapping

from collab.protocol.extending import invitation, outcome_of
from collab.protocol.facts import CallFinished
from collab.protocol.forwarding import forward
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
from collab.protocol.operations import Operation, OperationResult
from collab.protocol.pending import Pending
from collab.protocol.replica import Replica
from collab.protocol.rules import Records, done, refuse, wait
from collab.protocol.turn import Turn

OPERATION_ANNOTATION = "collab.fakekube.dev/operation"


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


def name_next_owner(records: Records, pending: Pending, failed: SiteName, turn: Turn) -> OperationResult | None:
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
        return done(pending, "the record is over here")
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
        site: outcome_of(rows.get(site), pending.codes.get(site, 409)) for site in pending.operation.members
    }
    if "pending" in pending.outcomes.values():
        return None
    return done(pending, "created")
