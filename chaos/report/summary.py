"""A report as one JSON object."""

from __future__ import annotations

from chaos.checks.finding import Finding
from chaos.report.report import Report

WALL_DIGITS = 3
VIRTUAL_DIGITS = 6


def summary(report: Report) -> dict[str, object]:
    """All but `wall_s` is the same for the same seed."""
    outcome = report.outcome
    return {
        "verdict": report.verdict,
        "scenario": report.timeline.scenario,
        "world": outcome.world,
        "seed": report.timeline.seed,
        "sites": len(report.timeline.sites),
        "members": report.members,
        "virtual_s": round(outcome.seconds, VIRTUAL_DIGITS),
        "wall_s": round(report.wall_s, WALL_DIGITS),
        "requests": outcome.requests,
        "ops": report.operations,
        "trace_sha256": outcome.trace_sha256,
        "checks": [_check(finding) for finding in report.findings],
        "approximate": list(outcome.approximate),
        "replay": report.replay,
    }


def _check(finding: Finding) -> dict[str, object]:
    return {
        "check": finding.check,
        "resource": finding.resource,
        "verdict": finding.verdict,
        "saw": finding.saw,
        "reasons": list(finding.reasons),
        "guilty": list(finding.guilty),
    }
