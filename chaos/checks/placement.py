"""At rest a shared resource exists at its members and at no other site: absence is checked, not assumed."""

from __future__ import annotations

from chaos.checks.evidence import Evidence
from chaos.checks.finding import Finding, judge
from chaos.checks.history import Call
from chaos.checks.members import Missing, doubtful_sites, doubts, members_of, some, viewed, was_refused

NAME = "placed-at-members"


def check(evidence: Evidence, resource: str, _within_s: float | None) -> Finding:
    members = members_of(evidence, resource)
    views, unsure = viewed(evidence, evidence.timeline.sites)
    unsure += doubts(evidence, resource)
    holders = [site for site, view in views.items() if resource in view.objects]
    open_sites = {*doubtful_sites(evidence, resource), *_keepers(evidence, resource)}
    strays = [site for site in holders if site not in members and site not in open_sites]
    wrong = Missing("copy", resource).at(site for site in views if site in members and site not in holders)
    wrong += [f"a copy of {resource} at {some(strays)}, outside its members"] if strays else []
    saw = len(views) if _was_destroyed(evidence, resource) else len(holders)
    return judge(NAME, resource, saw=saw, wrong=wrong, unsure=unsure)


def _keepers(evidence: Evidence, resource: str) -> set[str]:
    """Former members that may keep what they had: a retract keeps the copy unless it says otherwise."""
    retracts = (each for each in evidence.timeline.operations() if each.verb == "retract" and each.resource == resource)
    return {each.origin for each in retracts if each.origin is not None and each.exit != "delete"}


def _was_destroyed(evidence: Evidence, resource: str) -> bool:
    """Whether absence everywhere is the news, after the resource had been there: then each empty site counts as seen.
    A destroy that was promised (a member is cut off) is one, unless it is refused in the end."""
    done = [
        call.invoke.f
        for call in evidence.history.calls("create", "destroy")
        if call.invoke.resource == resource and (call.acknowledged or _is_promised_destroy(evidence, call))
    ]
    return done == ["create", "destroy"]


def _is_promised_destroy(evidence: Evidence, call: Call) -> bool:
    return call.invoke.f == "destroy" and call.answered and not was_refused(evidence, call)
