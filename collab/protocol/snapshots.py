"""What a site shows of its records, conflicts and peers, as plain data: the bodies of the agent's HTTP API."""

from __future__ import annotations

from collections.abc import Mapping

from collab.protocol import ownership
from collab.protocol.links import Links, LinkState, Peer
from collab.protocol.markers import Marker
from collab.protocol.names import NAMESPACES, SiteName
from collab.protocol.replica import Replica
from collab.protocol.site import Site
from collab.record.joins import Edit, MemberRow
from collab.record.slots import ObjectId, Stamp

Json = dict[str, object]

_TWIN_PHASES: Mapping[str, str] = {"active": "Active", "terminating": "Terminating", "absent": "Absent"}


def record_json(replica: Replica) -> Json:
    """A record that is held here."""
    view, me = replica.view, replica.site.name
    claim, policy, row = view.claim, view.policy, replica.row
    document = replica.record.document
    return {
        "gid": replica.gid,
        "resource": f"{NAMESPACES}/{replica.name}",
        "state": row.state if row is not None and row.state in ("member", "left", "out") else "invited",
        "owner": view.owner,
        "acting": replica.acting,
        "claim": {"e": claim.e, "rk": claim.rk, "o": claim.o, "state": claim.s} if claim else None,
        "members": [_member_json(member) for _, member in sorted(view.members().items())],
        "kinds": list(policy.kinds) if policy else [],
        "digest": document.digest(),
        "valueDigest": document.value_digest(),
        "conditions": _conditions(replica, me),
        "twin": _twin_json(replica),
    }


def marker_json(marker: Marker) -> Json:
    """A record that is over here."""
    owed = [{"type": "Owed", "message": f"still to be told: {', '.join(sorted(marker.owed))}"}] if marker.owed else []
    return {
        "gid": marker.gid,
        "resource": f"{NAMESPACES}/{marker.name}",
        "state": "destroyed" if marker.destroyed else "left",
        "owner": None,
        "acting": False,
        "claim": None,
        "members": [],
        "kinds": [],
        "digest": "",
        "valueDigest": "",
        "conditions": owed,
        "twin": None,
    }


def conflicts_json(replica: Replica) -> list[Json]:
    """The record's losing edits that nobody has seen yet."""
    return [
        {
            "gid": replica.gid,
            "resource": f"{NAMESPACES}/{replica.name}",
            "object": str(conflict.object_id),
            "path": conflict.path,
            "winner": _edit_json(conflict.winner),
            "losers": [_edit_json(edit) for edit in conflict.losers],
        }
        for conflict in replica.view.conflicts()
    ]


def why_json(replica: Replica, object_id: ObjectId, path: str) -> Json:
    """What stands in one field, and every edit of it that this site remembers: whether it stands, lost unseen (a
    conflict), or was replaced by somebody who had seen it."""
    field = replica.view.field(object_id, path)
    standing = {} if field is None else {field.winner.stamp: "stands"} | {one.stamp: "lost" for one in field.losers}
    return {
        "gid": replica.gid,
        "resource": f"{NAMESPACES}/{replica.name}",
        "object": str(object_id),
        "path": path,
        "winner": _edit_json(field.winner) if field is not None else None,
        "edits": [
            {**_edit_json(heard.edit), "at": heard.at, "saw": [list(stamp) for stamp in heard.saw]}
            | {"state": standing.get(heard.edit.stamp, "replaced")}
            for heard in replica.chronicle.of(object_id, path)
        ],
    }


def sites_json(site: Site, records: list[Replica]) -> Json:
    """This site and its peers."""
    comparing = {peer for record in records for peer, flow in record.sync.flows.items() if not flow.live}
    peers = [_peer_json(site.links, site.links.peers[name], comparing) for name in sorted(site.links.peers)]
    return {"site": site.name, "uid": site.uid, "boot": site.boot, "peers": peers}


def _peer_json(links: Links, peer: Peer, comparing: set[SiteName]) -> Json:
    state: LinkState = links.state(peer.site)
    if state == "live" and peer.site in comparing:
        state = "reconcile"
    address = peer.address or peer.advertised
    return {"site": peer.site, "address": address, "state": state, "lastHeard": peer.heard_at}


def _member_json(row: MemberRow) -> Json:
    return {"site": row.site, "state": row.state, "role": row.role, "address": row.address}


def _twin_json(replica: Replica) -> Json | None:
    phase = _TWIN_PHASES.get(replica.twin.phase)
    return {"uid": replica.twin.uid, "phase": phase} if phase and replica.twin.uid else None


def _conditions(replica: Replica, me: SiteName) -> list[Json]:
    found = dict(replica.sync.conditions)
    conflicts = len(replica.view.conflicts())
    if conflicts:
        found["CollabConflict"] = f"{conflicts} fields have edits that lost unseen: collab conflicts"
    if replica.record.full:
        found["RecordFull"] = "the record is over its size; writes to it are refused"
    if replica.view.bad:
        found["BadSlots"] = f"{len(replica.view.bad)} slots are outside the grammar and decide nothing"
    if replica.twin.rejected:
        found["Rejected"] = "; ".join(f"{name}: {why}" for name, why in sorted(replica.twin.rejected.items()))
    state = ownership.owner_state(replica.view, me)
    if state in ("offering", "ready", "released"):
        found["HandOver"] = f"this site is {state}"
    away = _unreachable(replica, me)
    if away:
        found["OwnershipUncertain"] = f"unreachable: {', '.join(away)}"
    return [{"type": type_, "message": message} for type_, message in sorted(found.items())]


def _unreachable(replica: Replica, me: SiteName) -> list[str]:
    """Members that may believe something else about the owner: those this site wants a link to and has none."""
    links = replica.site.links
    return [peer for peer in replica.sync.neighbours if peer != me and not links.connected(peer)]


def _edit_json(edit: Edit) -> Json:
    return {"value": edit.value, "site": edit.site, "stamp": _stamp_text(edit.stamp)}


def _stamp_text(stamp: Stamp) -> str:
    return f"{stamp.lamport}@{stamp.writer}"
