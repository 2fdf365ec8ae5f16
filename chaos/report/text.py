"""A report as lines for people; colours only on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TextIO

from chaos.checks.finding import Finding, Verdict
from chaos.report.report import Report
from chaos.scenario.duration import format_duration

STYLES: dict[Verdict, str] = {"valid": "bold green", "invalid": "bold red", "unknown": "bold yellow"}


class TextLine(NamedTuple):
    """One line; `style` belongs to its first word."""

    text: str
    style: str = ""


def text_lines(report: Report) -> Iterator[TextLine]:
    """The verdict first, then each check, then what it cost; a run that is not valid ends with the line that replays it."""
    yield TextLine(f"{report.verdict}  {_title(report)}", STYLES[report.verdict])
    for finding in report.findings:
        yield from _finding_lines(finding)
    yield from (TextLine(f"  approximate: {text}") for text in report.outcome.approximate)
    yield TextLine(f"  {_cost(report)}")
    if report.outcome.trace_sha256:
        yield TextLine(f"  trace {report.outcome.trace_sha256}")
    if report.verdict != "valid":
        yield TextLine(f"  replay: {report.replay}")


def _title(report: Report) -> str:
    timeline = report.timeline
    return f"{timeline.scenario}: {len(timeline.sites)} sites, {report.members} members, seed {timeline.seed}, {report.outcome.world} world"


def _finding_lines(finding: Finding) -> Iterator[TextLine]:
    yield TextLine(
        f"  {finding.verdict:<8}{finding.check} {finding.resource} (saw {finding.saw})", STYLES[finding.verdict]
    )
    yield from (TextLine(f"          {reason}") for reason in finding.reasons)
    if finding.guilty:
        yield TextLine(f"          operations: {', '.join(finding.guilty)}")


def _cost(report: Report) -> str:
    outcome = report.outcome
    return (
        f"{report.operations} operations, {outcome.requests} requests, "
        f"{format_duration(outcome.seconds)} in {report.wall_s:.2f} s"
    )


def print_report(report: Report, file: TextIO) -> None:
    if not file.isatty():
        file.writelines(f"{line.text}\n" for line in text_lines(report))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=file, highlight=False, soft_wrap=True)
    for line in text_lines(report):
        text = Text(line.text)
        start = len(line.text) - len(line.text.lstrip())
        text.stylize(line.style, start, start + len(line.text[start:].split(" ")[0]))
        console.print(text)
