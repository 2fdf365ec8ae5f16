"""Situations that a scenario is meant to bring about. A run in which none is seen proves nothing about them: unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from chaos.checks.autonomy import is_cut
from chaos.checks.evidence import Evidence
from chaos.checks.finding import Finding
from chaos.checks.history import Call
from chaos.checks.members import members_of, viewed
from chaos.scenario.workload import shared_part

Sight = Callable[[Evidence, str], Iterable[str]]
"""What was seen, as the ids of operations or the names of sites."""


def sighting(name: str, sight: Sight) -> Callable[[Evidence, str, float | None], Finding]:
    """A check that is valid once `sight` has seen anything, and never invalid."""

    def check(evidence: Evidence, resource: str, _within_s: float | None) -> Finding:
        seen = list(dict.fromkeys(sight(evidence, resource)))
        reasons = () if seen else (f"never seen of {resource}",)
        return Finding(
            check=name, resource=resource, verdict="valid" if seen else "unknown", saw=len(seen), reasons=reasons
        )

    return check


def _done(evidence: Evidence, resource: str, *verbs: str) -> list[Call]:
    calls = evidence.history.calls(*verbs)
    return [call for call in calls if shared_part(call.invoke.resource) == resource and call.acknowledged]


def _while_cut(*verbs: str) -> Sight:
    return lambda evidence, resource: (
        call.invoke.id for call in _done(evidence, resource, *verbs) if is_cut(evidence, call)
    )


def _concurrent_edit(evidence: Evidence, resource: str) -> Iterable[str]:
    """A member shows a value that lost against a concurrent one."""
    views, _ = viewed(evidence, members_of(evidence, resource))
    return (site for site, view in views.items() if any(loser.resource == resource for loser in view.losers))


def _other_owner(evidence: Evidence, resource: str) -> Iterable[str]:
    """The owner at the end is not the site that created the resource."""
    creators = {call.invoke.process for call in _done(evidence, resource, "create")}
    views, _ = viewed(evidence, members_of(evidence, resource))
    records = (record for view in views.values() if (record := view.record_of(resource)) is not None)
    return (
        record.owner for record in records if record.owner is not None and creators and record.owner not in creators
    )


def _refused(evidence: Evidence, resource: str) -> Iterable[str]:
    calls = evidence.history.calls()
    return (call.invoke.id for call in calls if shared_part(call.invoke.resource) == resource and call.surely_failed)


def _unanswered(evidence: Evidence, resource: str) -> Iterable[str]:
    calls = evidence.history.calls()
    return (call.invoke.id for call in calls if shared_part(call.invoke.resource) == resource and not call.answered)


def _pending(evidence: Evidence, resource: str) -> Iterable[str]:
    """A promise that could not be kept at once."""
    calls = (call for call in evidence.history.calls() if shared_part(call.invoke.resource) == resource)
    return (call.invoke.id for call in calls if call.end is not None and call.end.value.get("state") == "pending")


SIGHTINGS: Final[Mapping[str, Sight]] = {
    "concurrent-edit-merged": _concurrent_edit,
    "write-during-partition": _while_cut("patch", "update", "apply", "delete"),
    "reattach-during-partition": _while_cut("reattach"),
    "extend-during-partition": _while_cut("extend"),
    "retract-during-partition": _while_cut("retract"),
    "ownership-moved": _other_owner,
    "operation-pending": _pending,
    "operation-refused": _refused,
    "operation-unanswered": _unanswered,
}
