"""Records that are over at this site: the small markers that they leave, who is still to be told, and twins to delete."""

from __future__ import annotations

from typing import Protocol

from collab.protocol.entries import entry
from collab.protocol.facts import CallFinished
from collab.protocol.markers import LINK_S, RETRY_S, Marker, answer_from_marker
from collab.protocol.messages import Message
from collab.protocol.names import NAMESPACES, RecordId, SiteName, object_path
from collab.protocol.receiving import RecordMessage
from collab.protocol.site import Site
from collab.protocol.turn import Turn


class EndedHost(Protocol):
    """What ended records need of their site's core."""

    site: Site

    def poke(self, gid: RecordId, turn: Turn) -> None: ...

    def persist_site(self, data: bytes, turn: Turn) -> None: ...


class EndedRecords:
    """By their ids. A marker stays for good: it answers whoever still speaks of its record (M1, M2, M3)."""

    def __init__(self, host: EndedHost) -> None:
        self._host = host
        self.markers: dict[RecordId, Marker] = {}

    def get(self, gid: RecordId) -> Marker | None:
        return self.markers.get(gid)

    def add(self, marker: Marker, turn: Turn) -> None:
        """A record has just ended."""
        self.markers[marker.gid] = marker
        self.changed(marker, turn)
        self.resume(marker, turn)

    def void(self, gid: RecordId, turn: Turn) -> None:
        """The site is a member again."""
        if self.markers.pop(gid, None) is not None:
            self._host.persist_site(entry("unmarked", {"gid": gid}), turn)
            self._host.site.timers.cancel(("marker", gid))

    def answer(self, marker: Marker, peer: SiteName, message: RecordMessage, turn: Turn) -> None:
        reply = answer_from_marker(marker, peer, message)
        if reply.message is not None:
            self._host.site.links.send(peer, reply.message, turn)
        if reply.changed:
            self.changed(marker, turn)

    def met(self, peer: SiteName, turn: Turn) -> None:
        """A link is up: the peer is told what it is owed."""
        for marker in self.markers.values():
            if peer in marker.owed:
                self.tell(marker, peer, turn)

    def resume_all(self, turn: Turn) -> None:
        for marker in self.markers.values():
            self.resume(marker, turn)

    def changed(self, marker: Marker, turn: Turn) -> None:
        self._host.persist_site(marker.entry(), turn)
        self._host.poke(marker.gid, turn)

    def resume(self, marker: Marker, turn: Turn) -> None:
        if marker.owed:
            self._host.site.timers.set(("marker", marker.gid), turn.now)
        if marker.delete_uid:
            self._delete_twin(marker, turn)

    def due(self, gid: RecordId, turn: Turn) -> None:
        """Somebody is still to be told: a destroy by everybody at once, a leave by any one member."""
        marker = self.markers.get(gid)
        if marker is None or not marker.owed:
            return
        self._host.site.timers.set(("marker", gid), turn.now + self._host.site.jitter(RETRY_S))
        sites = sorted(marker.owed)
        for site in sites if marker.destroyed else [self._host.site.rng.choice(sites)]:
            if not self.tell(marker, site, turn):
                self._host.site.links.want_until(site, marker.owed[site], turn.now, turn.now + LINK_S)

    def tell(self, marker: Marker, site: SiteName, turn: Turn) -> bool:
        message: Message = marker.exit(site) if marker.destroyed else marker.exited()
        return self._host.site.links.send(site, message, turn)

    def delete_due(self, gid: str, turn: Turn) -> None:
        marker = self.markers.get(RecordId(gid))
        if marker is not None and marker.delete_uid:
            self._delete_twin(marker, turn)

    def _delete_twin(self, marker: Marker, turn: Turn) -> None:
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": marker.delete_uid}}
        path = object_path(NAMESPACES, "", marker.name)
        self._host.site.write("DELETE", path, body, turn, lambda fact, later: self._twin_deleted(marker, fact, later))

    def _twin_deleted(self, marker: Marker, fact: CallFinished, turn: Turn) -> None:
        """Accepted, gone, or another namespace by now: done. Anything else is tried again."""
        if fact.outcome == "ok" or (fact.outcome == "refused" and fact.code in (404, 409)):
            marker.delete_uid = ""
            self.changed(marker, turn)
        else:
            self._host.site.timers.set(("delete", marker.gid), turn.now + self._host.site.jitter(RETRY_S))
