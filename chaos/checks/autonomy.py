"""A site that is cut off serves its own users as ever: local writes answer, and at once."""

from __future__ import annotations

import math

from chaos.checks.evidence import Evidence
from chaos.checks.finding import Finding, judge
from chaos.checks.history import Call
from chaos.scenario.duration import format_duration
from chaos.scenario.workload import shared_part

NAME = "local-writes-available"

LATENCY_MAX_S = 1.0
NOT_FOUND = 404
"""A site that never got its copy has nothing to write to: that says nothing about its availability."""


def check(evidence: Evidence, resource: str, within_s: float | None) -> Finding:
    """`within_s` bounds one write's latency (default LATENCY_MAX_S).

    Sees only writes at sites with a link cut, and none that the site could not serve for another reason.
    """
    bound_s = LATENCY_MAX_S if within_s is None else within_s
    writes = [
        call
        for call in evidence.history.calls("patch", "update", "apply", "delete")
        if shared_part(call.invoke.resource) == resource
        and is_cut(evidence, call)
        and not (_nothing_there(call) or was_out(evidence, call))
    ]
    refused = [(call.invoke, problem) for call in writes if (problem := late_or_refused(call, bound_s))]
    return judge(
        NAME,
        resource,
        saw=len(writes),
        wrong=[f"{line.id} at {line.process}: {problem}" for line, problem in refused],
        unsure=() if writes else (f"no write to {resource} at a site with a link cut",),
        guilty=[line.id for line, _ in refused],
    )


def is_cut(evidence: Evidence, call: Call) -> bool:
    """Whether a link of the acting site was cut when the call was made."""
    return any(cut.t <= call.invoke.t < cut.until for cut in evidence.timeline.cuts_at(call.invoke.process))


def was_out(evidence: Evidence, call: Call) -> bool:
    """Whether the acting site was dead, stood still, or had a fault injected while the call went on."""
    begun, ended = call.invoke.t, call.end.t if call.end is not None else math.inf
    return any(each.t <= ended and begun < each.until for each in evidence.timeline.outages_at(call.invoke.process))


def _nothing_there(call: Call) -> bool:
    return call.end is not None and call.end.code == NOT_FOUND


def late_or_refused(call: Call, bound_s: float) -> str:
    """What is wrong with the answer, or ""."""
    if call.end is None:
        return "was never answered"
    if call.end.type != "ok":
        return f"ended as {call.end.type} ({call.end.code or call.end.value.get('problem', 'no answer')})"
    took = call.end.t - call.invoke.t
    return f"took {format_duration(took)}" if took > bound_s else ""
