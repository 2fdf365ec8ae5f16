"""Who should hold a resource, and who could be looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chaos.checks.evidence import Evidence, SiteView
from chaos.checks.history import Call
from chaos.scenario.events import Operation

EXAMPLES_MAX = 3


CHANGES = ("create", "extend", "retract", "destroy", "delete")


def members_of(evidence: Evidence, resource: str) -> tuple[str, ...]:
    """The sites that are members for sure: what was refused, at once or in the end, changed nothing; what was promised
    (pending) counts as done; and the sites of a change without an answer are left out."""
    refused = {call.invoke.id for call in evidence.history.calls(*CHANGES) if was_refused(evidence, call)}
    doubtful = doubtful_sites(evidence, resource)
    members = evidence.timeline.members(without=refused).get(resource, ())
    return tuple(site for site in members if site not in doubtful)


def was_refused(evidence: Evidence, call: Call) -> bool:
    """Refused in its answer; or promised, and shown as refused by the site where it was asked when that was looked at."""
    if call.surely_failed:
        return True
    view = evidence.views.get(call.invoke.process)
    operation = str(call.end.value.get("id", "")) if call.end is not None else ""
    return view is not None and view.operations.get(operation) == "refused"


def doubtful_sites(evidence: Evidence, resource: str) -> dict[str, str]:
    """Sites that may or may not be members, each with the event that had no answer."""
    calls = evidence.history.calls(*CHANGES)
    unanswered = {call.invoke.id for call in calls if call.invoke.resource == resource and not call.answered}
    return {
        site: operation.id
        for operation in evidence.timeline.operations()
        if operation.id in unanswered
        for site in _concerned(operation)
        if site is not None
    }


def _concerned(operation: Operation) -> tuple[str | None, ...]:
    """Sites that the operation makes members, or no longer."""
    if operation.verb == "delete":
        return (operation.on,)
    return (*operation.scope, operation.to, operation.origin)


def doubts(evidence: Evidence, resource: str) -> list[str]:
    """`doubtful_sites` as lines for people."""
    return [
        f"whether {site} is a member is open: {event} had no answer"
        for site, event in doubtful_sites(evidence, resource).items()
    ]


def viewed(evidence: Evidence, sites: Sequence[str]) -> tuple[dict[str, SiteView], list[str]]:
    """The views of `sites`, and a line for each that could not be looked at."""
    views = {site: evidence.views[site] for site in sites if site in evidence.views}
    unseen = [f"{site} was not looked at" for site in sites if site not in views]
    unseen += [f"{site} could not be looked at: {view.problem}" for site, view in views.items() if view.problem]
    return {site: view for site, view in views.items() if not view.problem}, unseen


@dataclass(frozen=True, slots=True)
class Missing:
    """Says at which sites something of a resource is missing."""

    what: str
    resource: str

    def at(self, sites: Iterable[str]) -> list[str]:
        missing = list(sites)
        return [f"no {self.what} of {self.resource} at {some(missing)}"] if missing else []


def some(sites: Sequence[str]) -> str:
    """`a, b, c and 4 more`."""
    named = ", ".join(sites[:EXAMPLES_MAX])
    rest = len(sites) - EXAMPLES_MAX
    return f"{named} and {rest} more" if rest > 0 else named
