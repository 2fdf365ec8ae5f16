"""At rest every member's record names the members, all of them and nobody else: what a member owes a leaver is settled."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.checks.evidence import Evidence, RecordView
from chaos.checks.finding import Finding, judge
from chaos.checks.members import Missing, doubtful_sites, doubts, members_of, some, viewed

NAME = "members-agreed"


def check(evidence: Evidence, resource: str, _within_s: float | None) -> Finding:
    members = members_of(evidence, resource)
    views, unsure = viewed(evidence, members)
    records = {site: record for site, view in views.items() if (record := view.record_of(resource)) is not None}
    wrong = Missing("record", resource).at(site for site in views if site not in records)
    for site, record in records.items():
        wrong += _differences(site, record, set(members), set(doubtful_sites(evidence, resource)))
    return judge(NAME, resource, saw=len(records), wrong=wrong, unsure=[*unsure, *doubts(evidence, resource)])


def _differences(site: str, record: RecordView, members: set[str], open_sites: set[str]) -> Iterator[str]:
    named = {name for name, state in record.members.items() if state == "member"}
    if strangers := sorted(named - members - open_sites):
        yield f"{site} still takes {some(strangers)} for a member"
    if missing := sorted(members - named):
        yield f"{site} does not know that {some(missing)} is a member"
