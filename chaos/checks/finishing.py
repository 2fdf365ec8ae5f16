"""A deletion at a site finishes there by itself: what a user deleted is gone soon, whoever the site can or cannot reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chaos.checks.evidence import Evidence
from chaos.checks.finding import Finding, judge
from chaos.checks.history import Call
from chaos.scenario.workload import shared_part

NAME: Final = "deletions-finish"
FINISH_S: Final = 5.0
"""How long after the answer to a delete its object may still be shown."""


def check(evidence: Evidence, resource: str, within_s: float | None) -> Finding:
    """Judges by reads at the same site, `within_s` (default FINISH_S) or more after the delete was answered."""
    bound_s = FINISH_S if within_s is None else within_s
    seen = list(_reads_after_deletes(evidence, resource, bound_s))
    held = [(delete, read) for delete, read in seen if read.end is not None and read.end.value.get("read") is not None]
    return judge(
        NAME,
        resource,
        saw=len(seen),
        wrong=[
            f"{delete.invoke.id} deleted {delete.invoke.resource} at {delete.invoke.process}, and {read.invoke.id} "
            f"still shows it {read.invoke.t - delete.invoke.t:g}s later"
            for delete, read in held
        ],
        unsure=() if seen else (f"nobody looked for {resource} where it had been deleted",),
        guilty=[delete.invoke.id for delete, _ in held],
    )


def _reads_after_deletes(evidence: Evidence, resource: str, bound_s: float) -> Iterator[tuple[Call, Call]]:
    """Every read of a deleted object at the site where it was deleted, unless somebody may have made it again."""
    calls = [call for call in evidence.history.calls() if shared_part(call.invoke.resource) == resource]
    for delete in (call for call in calls if call.invoke.f == "delete" and call.acknowledged):
        assert delete.end is not None, "an acknowledged call has an end"
        later = [call for call in calls if call.invoke.t >= delete.end.t and call is not delete]
        made_t = min((call.invoke.t for call in later if _may_make(call, delete)), default=float("inf"))
        for read in later:
            if _looks_for(read, delete) and delete.end.t + bound_s <= read.invoke.t < made_t:
                yield delete, read


def _looks_for(read: Call, delete: Call) -> bool:
    place = (read.invoke.process, read.invoke.resource)
    return read.invoke.f == "get" and read.acknowledged and place == (delete.invoke.process, delete.invoke.resource)


def _may_make(call: Call, delete: Call) -> bool:
    """Wherever it was asked: what one site makes, others copy."""
    if call.invoke.f == "apply":
        return call.invoke.resource == delete.invoke.resource
    return call.invoke.f in ("create", "extend")
