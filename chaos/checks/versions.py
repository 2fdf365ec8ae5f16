"""The resourceVersions that a site tells of one object only grow, from one answer to the next question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chaos.checks.evidence import Evidence
from chaos.checks.finding import Finding, judge
from chaos.scenario.events import SiteCrash
from chaos.scenario.workload import shared_part

NAME = "resource-versions-grow"


@dataclass(frozen=True, slots=True)
class _Told:
    id: str
    site: str
    resource: str
    version: int
    begin: float
    end: float


def check(evidence: Evidence, resource: str, _within_s: float | None) -> Finding:
    told = sorted(_told(evidence, resource), key=lambda one: one.begin)
    pairs = [
        (before, later)
        for number, later in enumerate(told)
        for before in told[:number]
        if _comparable(evidence, before, later)
    ]
    shrunk = [(before, later) for before, later in pairs if later.version < before.version]
    return judge(
        NAME,
        resource,
        saw=len(pairs),
        wrong=[
            f"{later.site} told {later.resource} at {later.version} in {later.id}, after {before.version} in {before.id}"
            for before, later in shrunk
        ],
        unsure=() if pairs else (f"no site told a version of {resource} twice",),
        guilty=dict.fromkeys(one.id for pair in shrunk for one in pair),
    )


def _told(evidence: Evidence, resource: str) -> Iterator[_Told]:
    """Lists are told apart from the namespace itself: their version is that of the collection."""
    for call in evidence.history.calls():
        line, end = call.invoke, call.end
        mine = shared_part(line.resource) == resource
        if mine and end is not None and end.type == "ok" and end.rv is not None and end.rv.isdecimal():
            what = line.resource + ("/configmaps" if line.f == "list" else "")
            yield _Told(line.id, line.process, what, int(end.rv), line.t, end.t)


def _comparable(evidence: Evidence, before: _Told, later: _Told) -> bool:
    same = (before.site, before.resource) == (later.site, later.resource)
    return same and before.end < later.begin and not _lost_disk(evidence, before, later)


def _lost_disk(evidence: Evidence, before: _Told, later: _Told) -> bool:
    """A site that came back without its disks counts from the beginning."""
    return any(
        isinstance(event, SiteCrash) and event.lose == "disk" and event.site == before.site and event.t < later.end
        for event in evidence.timeline.faults()
        if event.until > before.begin
    )
