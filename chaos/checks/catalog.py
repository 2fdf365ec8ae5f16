"""The checks by the names that scenarios use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from chaos.checks import (
    autonomy,
    convergence,
    finishing,
    keeping,
    leaving,
    locality,
    loss,
    namesakes,
    ownership,
    placement,
    resurrection,
    roster,
    sameness,
    sessions,
    slo,
    versions,
    watches,
)
from chaos.checks.finding import Finding
from chaos.checks.sightings import SIGHTINGS, sighting

if TYPE_CHECKING:
    from chaos.checks.evidence import Evidence
    from chaos.scenario.claims import Claim


@dataclass(frozen=True, slots=True)
class Check:
    """`run(evidence, resource, within_s)` is pure. `phase` is where a scenario may name the check."""

    phase: Literal["always", "eventually", "sometimes"]
    run: Callable[[Evidence, str, float | None], Finding]


CHECKS: Mapping[str, Check] = {
    autonomy.NAME: Check("always", autonomy.check),
    leaving.NAME: Check("always", leaving.check),
    finishing.NAME: Check("always", finishing.check),
    sameness.NAME: Check("always", sameness.check),
    locality.NAME: Check("always", locality.check),
    loss.NAME: Check("always", loss.check),
    convergence.NAME: Check("eventually", convergence.check),
    ownership.NAME: Check("eventually", ownership.check),
    placement.NAME: Check("eventually", placement.check),
    roster.NAME: Check("eventually", roster.check),
    keeping.NAME: Check("eventually", keeping.check),
    namesakes.NAME: Check("eventually", namesakes.check),
    resurrection.NAME: Check("always", resurrection.check),
    sessions.NAME: Check("always", sessions.check),
    versions.NAME: Check("always", versions.check),
    watches.NAME: Check("always", watches.check),
    **{name: Check("sometimes", sighting(name, sight)) for name, sight in SIGHTINGS.items()},
}


def run_checks(evidence: Evidence) -> list[Finding]:
    """Every claim of the timeline, on every resource it is about, in the timeline's order."""
    return [finding for claim in evidence.timeline.claims for finding in _run_claim(claim, evidence)]


def holds_eventually(evidence: Evidence) -> bool:
    """Whether all that must hold eventually holds now, in what the sites show."""
    claims = (claim for claim in evidence.timeline.claims if claim.phase == "eventually")
    return all(finding.verdict == "valid" for claim in claims for finding in _run_claim(claim, evidence))


def _run_claim(claim: Claim, evidence: Evidence) -> list[Finding]:
    resources = [claim.resource] if claim.resource is not None else list(evidence.timeline.members())
    return [_run(claim, evidence, resource) for resource in resources]


def _run(claim: Claim, evidence: Evidence, resource: str) -> Finding:
    if claim.phase == "slo":
        assert claim.within_s is not None, "every objective has a bound"
        return slo.check(evidence, claim.name, resource, claim.within_s)
    return CHECKS[claim.name].run(evidence, resource, claim.within_s)
