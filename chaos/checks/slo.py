"""Objectives for latencies: `local-write-p99: 50ms` says that 99 of 100 writes are answered within 50 ms of the world's time."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from chaos.checks.autonomy import is_cut
from chaos.checks.evidence import Evidence
from chaos.checks.finding import Finding, judge
from chaos.checks.history import Call
from chaos.scenario.duration import format_duration
from chaos.scenario.workload import READS, VERBS, shared_part

WRITES: Final = ("patch", "update", "apply", "delete")
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "write": WRITES,
    "local-write": WRITES,
    "cut-write": WRITES,
    "read": READS,
    "operation": VERBS,
    **{verb: (verb,) for verb in VERBS},
}
"""What an objective may be about. Every write goes to the writer's own site, so `write` and `local-write` are one;
`cut-write` are those at a site that has a link cut at that moment."""
PATTERN: Final = f"^({'|'.join(GROUPS)})-p(100|[1-9]?[0-9]([.][0-9]+)?)$"


@dataclass(frozen=True, slots=True)
class Objective:
    """`group` of GROUPS, at `percent` of its calls."""

    group: str
    percent: float


def parse(name: str) -> Objective:
    """Raises ValueError, naming the form."""
    match = re.fullmatch(PATTERN, name)
    if match is None:
        raise ValueError(f"{name!r} is no objective: write write-p99, read-p50 or one of {', '.join(GROUPS)} likewise")
    return Objective(match[1], float(match[2]))


def check(evidence: Evidence, name: str, resource: str, within_s: float) -> Finding:
    """The percentile by nearest rank. A call without an answer is slower than any bound; a refusal is an answer."""
    objective = parse(name)
    calls = [
        call
        for call in evidence.history.calls(*GROUPS[objective.group])
        if shared_part(call.invoke.resource) == resource and _is_meant(evidence, objective, call)
    ]
    took = sorted((latency_s(call), call.invoke.id) for call in calls)
    slowest = took[rank(len(took), objective.percent)][0] if took else 0.0
    wrong = [f"the slowest of {objective.percent:g}% took {_told(slowest)}, more than {format_duration(within_s)}"]
    return judge(
        name,
        resource,
        saw=len(calls),
        wrong=wrong if slowest > within_s else (),
        unsure=() if calls else (f"no {objective.group} of {resource}",),
        guilty=[event for latency, event in took if latency > within_s],
    )


def _is_meant(evidence: Evidence, objective: Objective, call: Call) -> bool:
    return objective.group != "cut-write" or is_cut(evidence, call)


def latency_s(call: Call) -> float:
    """From request to answer, for ever without one."""
    return math.inf if call.end is None or not call.answered else call.end.t - call.invoke.t


def rank(count: int, percent: float) -> int:
    """The index, from 0, of the percentile among `count` sorted values."""
    return max(0, math.ceil(count * percent / 100) - 1)


def _told(seconds: float) -> str:
    return "for ever" if math.isinf(seconds) else format_duration(seconds)
