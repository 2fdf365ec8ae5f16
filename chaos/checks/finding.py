"""What a check says: valid, invalid or unknown, how much it saw, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["valid", "invalid", "unknown"]

REASONS_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`saw` counts the real values the check looked at. `guilty` names the operations that a reader should look at."""

    check: str
    resource: str
    verdict: Verdict
    saw: int
    reasons: tuple[str, ...] = ()
    guilty: tuple[str, ...] = ()


def judge(
    check: str,
    resource: str,
    *,
    saw: int,
    wrong: Sequence[str] = (),
    unsure: Sequence[str] = (),
    guilty: Iterable[str] = (),
) -> Finding:
    """Invalid with anything wrong; else unknown with anything unsure or with nothing seen; else valid.

    What is wrong stays wrong however little was seen; what was not seen proves nothing.
    """
    if wrong:
        return Finding(
            check=check, resource=resource, verdict="invalid", saw=saw, reasons=bounded(wrong), guilty=tuple(guilty)
        )
    reasons = unsure or ((f"nothing of {resource} was seen",) if not saw else ())
    return Finding(
        check=check, resource=resource, verdict="unknown" if reasons else "valid", saw=saw, reasons=bounded(reasons)
    )


def bounded(reasons: Sequence[str]) -> tuple[str, ...]:
    if len(reasons) <= REASONS_MAX:
        return tuple(reasons)
    return (*reasons[:REASONS_MAX], f"and {len(reasons) - REASONS_MAX} more")


def overall(findings: Iterable[Finding]) -> Verdict:
    """One invalid makes the run invalid, one unknown makes it unknown; a run without checks proves nothing."""
    return overall_of(finding.verdict for finding in findings)


def overall_of(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of all together."""
    found = set(verdicts)
    if "invalid" in found:
        return "invalid"
    return "valid" if found == {"valid"} else "unknown"
