"""At rest exactly one site owns a resource: a member, named by every member, and acting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chaos.checks.evidence import Evidence, RecordView
from chaos.checks.finding import Finding, judge
from chaos.checks.members import Missing, doubts, members_of, some, viewed

NAME = "one-owner"


def check(evidence: Evidence, resource: str, _within_s: float | None) -> Finding:
    views, unsure = viewed(evidence, members_of(evidence, resource))
    unsure += doubts(evidence, resource)
    records = {site: record for site, view in views.items() if (record := view.record_of(resource)) is not None}
    wrong = Missing("record", resource).at(site for site in views if site not in records)
    if records:
        wrong += _several_records(records) + _disagreement(records) + _actors(records, whole=not unsure)
    return judge(NAME, resource, saw=len(records), wrong=wrong, unsure=unsure)


def _several_records(records: Mapping[str, RecordView]) -> list[str]:
    gids = sorted({record.gid for record in records.values()})
    return [f"{len(gids)} records of one resource: {some(gids)}"] if len(gids) > 1 else []


def _disagreement(records: Mapping[str, RecordView]) -> list[str]:
    owners = sorted({str(record.owner) for record in records.values()})
    if len(owners) > 1:
        return [f"{owner} is the owner for {some(_believers(records, owner))}" for owner in owners]
    owner = owners[0]
    strangers = [site for site, record in records.items() if record.members.get(owner) != "member"]
    return [f"the owner {owner} is no member for {some(strangers)}"] if strangers else []


def _believers(records: Mapping[str, RecordView], owner: str) -> Sequence[str]:
    return [site for site, record in records.items() if str(record.owner) == owner]


def _actors(records: Mapping[str, RecordView], *, whole: bool) -> list[str]:
    """With a member out of sight, nobody acting proves nothing: it may be the one that acts."""
    acting = [site for site, record in records.items() if record.acting]
    if len(acting) > 1:
        return [f"{len(acting)} sites act as owner: {some(acting)}"]
    if not acting:
        return ["nobody acts as owner"] if whole else []
    owner = records[acting[0]].owner
    return [] if owner == acting[0] else [f"{acting[0]} acts as owner, but names {owner}"]
