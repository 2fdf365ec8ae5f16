"""At rest a shared resource exists at its members and at no other site: absence is checked, not assumed."""

from __future__ import annotations

from chaos.checks.evidence import Evidence
from chaos.checks.finding import Finding, judge
from chaos.checks.members import Missing, doubtful_sites, doubts, members_of, some, viewed

NAME = "placed-at-members"


def check(evidence: Evidence, resource: str, _within_s: float | None) -> Finding:
    members = members_of(evidence, resource)
    views, unsure = viewed(evidence, evidence.timeline.sites)
    unsure += doubts(evidence, resource)
    holders = [site for site, view in views.items() if resource in view.objects]
    doubtful = doubtful_sites(evidence, resource)
    strays = [site for site in holders if site not in members and site not in doubtful]
    wrong = Missing("copy", resource).at(site for site in views if site in members and site not in holders)
    wrong += [f"a copy of {resource} at {some(strays)}, outside its members"] if strays else []
    return judge(NAME, resource, saw=len(holders), wrong=wrong, unsure=unsure)
