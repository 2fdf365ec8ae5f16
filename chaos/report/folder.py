"""What a run leaves in a folder: the timeline, the history, and the report in two forms for machines."""

from __future__ import annotations

from pathlib import Path

import msgspec

from chaos.report.html import html_report
from chaos.report.junit import junit_xml
from chaos.report.report import Report
from chaos.report.summary import summary
from chaos.scenario.timeline import Timeline, dump_timeline
from chaos.worlds.film import Film

TIMELINE = "timeline.jsonl"
HISTORY = "history.jsonl"
REPORT = "report.json"
JUNIT = "junit.xml"
HTML = "report.html"


def write_timeline(folder: Path, timeline: Timeline) -> Path:
    """Before the run, so that a run that dies can be repeated. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / TIMELINE
    path.write_text(dump_timeline(timeline), encoding="utf-8")
    return path


def write_report(folder: Path, report: Report, film: Film | None = None) -> None:
    """Raises OSError."""
    (folder / HTML).write_text(html_report(report, film), encoding="utf-8")
    (folder / HISTORY).write_text(report.outcome.evidence.history.dump(), encoding="utf-8")
    (folder / REPORT).write_bytes(msgspec.json.format(msgspec.json.encode(summary(report))) + b"\n")
    (folder / JUNIT).write_text(junit_xml(report), encoding="utf-8")
