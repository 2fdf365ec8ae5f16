"""Copies that a create under `a | b` may have left at a site that was tried first and did not answer.

Remembered on the disk until the site has been asked: a copy that nobody has changed is removed, one that somebody has
stays as an object of its own and is reported.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping

import msgspec

from collab.agent import journal
from collab.agent.disk import Disk
from collab.agent.journals import LEFTOVERS
from collab.agent.kube import parse_object
from collab.agent.link import Answered, Outcome
from collab.agent.scoping import OPERATION_ANNOTATION
from collab.agent.sites import Sites
from collab.agent.tasks import Tasks
from collab.protocol.names import SiteName
from fakekube.meta.objects import KubeObject, metadata, revision_of, uid_of

LEFTOVERS_MAX = 1000
FIRST_PAUSE_S = 1.0
PAUSE_MAX_S = 30.0
ABSENT_TIMES = 4
"""A request held up in a cut link may arrive after the heal: so many times in a row nothing must be found."""

_LOCAL_DOMAINS = ("kubernetes.io/", "k8s.io/")


class Leftover(msgspec.Struct, frozen=True, kw_only=True):
    """One copy that may exist: what was sent, where, under which operation."""

    operation: str
    site: SiteName
    path: str
    manifest: KubeObject


class Leftovers:
    """Looks after every leftover until it is settled; goes on with those of the last run."""

    def __init__(
        self, disk: Disk, *, sites: Sites, tasks: Tasks, rng: random.Random, note: Callable[[str, str], None]
    ) -> None:
        self._disk = disk
        self._sites = sites
        self._tasks = tasks
        self._rng = rng
        self._note = note
        self._open: list[Leftover] = []

    def resume(self) -> None:
        """Begin with what the last run left. What cannot be read is reported: no object is touched for it."""
        contents = journal.read(self._disk.read(LEFTOVERS))
        if contents.damaged_at is not None:
            self._note("Journal", f"{LEFTOVERS}: damaged at byte {contents.damaged_at}; later leftovers are forgotten")
        for payload in contents.payloads:
            self._begin(msgspec.json.decode(payload, type=Leftover))

    def add(self, leftover: Leftover) -> None:
        """Remember it, durable on return, and begin. Beyond LEFTOVERS_MAX it is reported and left to a person."""
        if len(self._open) >= LEFTOVERS_MAX:
            self._note("LeftoverKept", f"{leftover.path} at {leftover.site}: too many to look after")
            return
        self._disk.append(LEFTOVERS, journal.frame(msgspec.json.encode(leftover)))
        self._begin(leftover)

    def _begin(self, leftover: Leftover) -> None:
        self._open.append(leftover)
        self._tasks.begin(self._settle(leftover))

    async def _settle(self, leftover: Leftover) -> None:
        absent, tries = 0, 0
        while absent < ABSENT_TIMES:
            await asyncio.sleep(self._rng.uniform(0.5, 1.0) * min(PAUSE_MAX_S, FIRST_PAUSE_S * 2 ** min(tries, 10)))
            tries += 1
            outcome = await self._sites.call("GET", leftover.site, leftover.path, {"Accept": "application/json"})
            if not isinstance(outcome, Answered):
                absent = 0
            elif outcome.status == 404:
                absent += 1
            elif outcome.status == 200 and await self._removed(leftover, parse_object(outcome.body)):
                break
        self._open.remove(leftover)
        self._disk.replace(LEFTOVERS, journal.frames(msgspec.json.encode(one) for one in self._open))

    async def _removed(self, leftover: Leftover, found: KubeObject) -> bool:
        """True when the object found needs no further look: not ours, changed by somebody, or removed now."""
        where = f"{leftover.path} at {leftover.site}"
        if _annotation(found) != leftover.operation:
            return True
        if not unmodified(leftover.manifest, found):
            self._note("LeftoverKept", f"{where}, made by operation {leftover.operation}, was changed since and stays")
            return True
        outcome = await self._delete(leftover, found)
        gone = isinstance(outcome, Answered) and outcome.status in (200, 202, 404)
        if gone:
            self._note("LeftoverRemoved", f"{where}, made by operation {leftover.operation}, was created elsewhere")
        return gone

    async def _delete(self, leftover: Leftover, found: KubeObject) -> Outcome:
        """With preconditions, so that what somebody changes in this moment stays."""
        conditions = {"uid": uid_of(found), "resourceVersion": revision_of(found)}
        body = msgspec.json.encode({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": conditions})
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        return await self._sites.call("DELETE", leftover.site, leftover.path, headers, body)


def unmodified(sent: Mapping[str, object], found: Mapping[str, object]) -> bool:
    """Whether nobody changed the object since it was created: labels and annotations, generation, and content.

    What the server itself adds (its own labels, defaults in spec) is no change.
    """
    if any(_keys(sent, name) != _keys(found, name) for name in ("labels", "annotations")):
        return False
    if "generation" in metadata(found):
        return bool(metadata(found)["generation"] == 1)
    aside = {"metadata", "status", "apiVersion", "kind", "spec"}
    return all(found.get(name) == value for name, value in sent.items() if name not in aside)


def _keys(obj: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = metadata(obj).get(name) or {}
    return {key: value for key, value in found.items() if not any(domain in key for domain in _LOCAL_DOMAINS)}


def _annotation(obj: Mapping[str, object]) -> object:
    return (metadata(obj).get("annotations") or {}).get(OPERATION_ANNOTATION)
