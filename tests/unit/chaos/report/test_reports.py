"""Reports of one good and one bad run: text for people, JSON and JUnit for machines, files in a folder."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from chaos.checks.catalog import run_checks
from chaos.checks.evidence import Evidence
from chaos.report.folder import write_report, write_timeline
from chaos.report.junit import junit_xml
from chaos.report.report import Report
from chaos.report.summary import summary
from chaos.report.text import print_report
from chaos.scenario.model import Claim
from chaos.scenario.timeline import load_timeline
from chaos.worlds.outcome import Outcome
from tests.unit.chaos.checks.planted import GOOD, TEAM, TIMELINE, unseen, with_view

CLAIMS = (
    Claim(name="local-writes-available", phase="always"),
    Claim(name="converged", phase="eventually", resource=TEAM, within_s=20),
)


def report_of(evidence: Evidence) -> Report:
    evidence = replace(evidence, timeline=replace(TIMELINE, claims=CLAIMS))
    return Report(
        outcome=Outcome(world="virtual", evidence=evidence, seconds=45.5, requests=321, trace_sha256="ab12"),
        findings=tuple(run_checks(evidence)),
        wall_s=0.25,
        replay="fakekube run planted --sites 4 --seed 1",
    )


GOOD_REPORT = report_of(GOOD)
BAD_REPORT = report_of(with_view("b", objects={TEAM: {"labels/crop": "rye"}}))
DIM_REPORT = report_of(unseen("b"))


def printed(report: Report) -> str:
    file = io.StringIO()
    print_report(report, file)
    return file.getvalue()


def test_a_valid_run_tells_its_size_and_cost_and_no_replay() -> None:
    assert printed(GOOD_REPORT) == (
        "valid  planted: 4 sites, 3 members, seed 1, virtual world\n"
        "  valid   local-writes-available namespaces/team (saw 2)\n"
        "  valid   converged namespaces/team (saw 3)\n"
        "  3 operations, 321 requests, 45.5s in 0.25 s\n"
        "  trace ab12\n"
    )


def test_a_failing_run_says_why_and_prints_the_line_that_replays_it() -> None:
    lines = printed(BAD_REPORT).splitlines()
    assert lines[0].startswith("invalid  planted")
    assert "          labels/crop differs: 'oats' at 2 sites, but 'rye' at b" in lines
    assert lines[-1] == "  replay: fakekube run planted --sites 4 --seed 1"


def test_a_terminal_gets_colours_and_the_same_words() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    file = Terminal()
    print_report(BAD_REPORT, file)
    assert "converged namespaces/team" in file.getvalue()


@pytest.mark.parametrize(
    ("report", "verdict", "code"), [(GOOD_REPORT, "valid", 0), (BAD_REPORT, "invalid", 1), (DIM_REPORT, "unknown", 3)]
)
def test_the_verdict_decides_the_exit_code(report: Report, verdict: str, code: int) -> None:
    assert (report.verdict, report.exit_code) == (verdict, code)


def test_a_run_without_checks_is_unknown() -> None:
    assert replace(GOOD_REPORT, findings=()).exit_code == 3


def test_the_json_object_has_the_agreed_members() -> None:
    values = summary(GOOD_REPORT)
    agreed = ("verdict", "seed", "sites", "members", "virtual_s", "wall_s", "requests", "ops", "trace_sha256")
    assert [values[name] for name in agreed] == ["valid", 1, 4, 3, 45.5, 0.25, 321, 3, "ab12"]
    assert values["checks"] == [
        {"check": check, "resource": TEAM, "verdict": "valid", "saw": saw, "reasons": [], "guilty": []}
        for check, saw in (("local-writes-available", 2), ("converged", 3))
    ]


def test_junit_counts_invalid_as_failure_and_unknown_as_error() -> None:
    bad, dim = (ElementTree.fromstring(junit_xml(report).encode())[0] for report in (BAD_REPORT, DIM_REPORT))
    assert (bad.get("tests"), bad.get("failures"), bad.get("errors")) == ("2", "1", "0")
    assert (dim.get("tests"), dim.get("failures"), dim.get("errors")) == ("2", "0", "1")
    failure = bad.find("testcase/failure")
    assert failure is not None
    assert "labels/crop differs" in str(failure.get("message"))
    assert {node.get("name"): node.get("value") for node in bad.iter("property")}["replay"] == BAD_REPORT.replay


def test_a_folder_holds_all_of_a_run(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    written = write_timeline(folder, BAD_REPORT.timeline)
    write_report(folder, BAD_REPORT)

    assert load_timeline(written.read_text(), "").events == BAD_REPORT.timeline.events
    assert len((folder / "history.jsonl").read_text().splitlines()) == len(GOOD.history.lines)
    assert msgspec.json.decode((folder / "report.json").read_bytes())["verdict"] == "invalid"
    assert (folder / "junit.xml").read_text() == junit_xml(BAD_REPORT)
