"""Leaving needs nobody: a site that wants to leave does so by itself, at once, whoever it can or cannot reach."""

from __future__ import annotations

from chaos.checks.autonomy import LATENCY_MAX_S, is_cut, late_or_refused, was_out
from chaos.checks.evidence import Evidence
from chaos.checks.finding import Finding, judge
from chaos.checks.history import Call

NAME = "leaving-needs-nobody"


def check(evidence: Evidence, resource: str, within_s: float | None) -> Finding:
    """`within_s` bounds the latency of a retract (default LATENCY_MAX_S). Sees only those that a site asks of itself
    while a link of it is cut."""
    bound_s = LATENCY_MAX_S if within_s is None else within_s
    calls = [
        call
        for call in evidence.history.calls("retract")
        if call.invoke.resource == resource
        and _leaves_itself(call)
        and is_cut(evidence, call)
        and not was_out(evidence, call)
    ]
    held = [(call.invoke, problem) for call in calls if (problem := late_or_refused(call, bound_s))]
    return judge(
        NAME,
        resource,
        saw=len(calls),
        wrong=[f"{line.id}: {line.process} could not leave by itself, it {problem}" for line, problem in held],
        unsure=() if calls else (f"no site left {resource} while a link of it was cut",),
        guilty=[line.id for line, _ in held],
    )


def _leaves_itself(call: Call) -> bool:
    return call.invoke.value.get("from") == call.invoke.process
