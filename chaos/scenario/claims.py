"""What a scenario claims: the checks that must hold, and the moment at which each is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

Phase = Literal["always", "eventually", "sometimes", "slo"]
PHASES: Final[tuple[Phase, ...]] = get_args(Phase)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What must hold: the check called `name`, on `resource` (None: all that were created).

    `within_s` bounds how long after the heal the sites may still change, or, of an slo, a latency.
    """

    name: str
    phase: Phase
    resource: str | None = None
    within_s: float | None = None
