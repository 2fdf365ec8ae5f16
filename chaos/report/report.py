"""A run with its verdict: what `chaos.run` returns and all reports print."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.checks.finding import Finding, Verdict, overall
from chaos.scenario.timeline import Timeline
from chaos.worlds.outcome import Outcome

EXIT_CODES: dict[Verdict, int] = {"valid": 0, "invalid": 1, "unknown": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`wall_s` is what the run took on this machine. `replay` is the command that does the same run again."""

    outcome: Outcome
    findings: tuple[Finding, ...]
    wall_s: float
    replay: str

    @property
    def verdict(self) -> Verdict:
        return overall(self.findings)

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]

    @property
    def timeline(self) -> Timeline:
        return self.outcome.evidence.timeline

    @property
    def members(self) -> int:
        """Sites in the largest record, as the sites themselves told at the end."""
        records = (record for view in self.outcome.evidence.views.values() for record in view.records)
        return max((sum(state == "member" for state in record.members.values()) for record in records), default=0)

    @property
    def operations(self) -> int:
        return sum(1 for _ in self.outcome.evidence.history.calls())
