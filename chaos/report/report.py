"""A run with its verdict: what `chaos.run` returns and all reports print."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from chaos.checks.finding import Finding, Verdict, overall
from chaos.scenario.timeline import Timeline
from chaos.worlds.film import Film
from chaos.worlds.outcome import Outcome

EXIT_CODES: dict[Verdict, int] = {"valid": 0, "invalid": 1, "unknown": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`wall_s` is what the run took on this machine. `replay` is the command that does the same run again.

    `film` is what the run showed, for the picture; without one the picture has operations and faults alone.
    """

    outcome: Outcome
    findings: tuple[Finding, ...]
    wall_s: float
    replay: str
    film: Film | None = field(default=None, repr=False)

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

    def _repr_html_(self) -> str:
        """The page of report.html in a frame of its own: what a notebook shows."""
        from chaos.report.html import html_report  # which knows reports itself

        page = escape(html_report(self, self.film), quote=True)
        return f'<iframe srcdoc="{page}" style="width: 100%; height: 720px; border: 0"></iframe>'

    @property
    def operations(self) -> int:
        return sum(1 for _ in self.outcome.evidence.history.calls())
