"""What a world hands back after a timeline: the evidence for the checks, and what the run cost."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.checks.evidence import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`seconds` passed in the world's own time. `requests` were answered by the apiservers.

    `messages` is how many chunks of data reached another site (0 in a world that cannot count them).
    `trace_sha256` covers every delivery on the wire and every line of the history; "" in a world that cannot repeat a run.
    `approximate` says where the world only came near to what the timeline asked.
    """

    world: str
    evidence: Evidence
    seconds: float
    requests: int
    messages: int = 0
    trace_sha256: str = ""
    approximate: tuple[str, ...] = ()
