"""A report as JUnit XML, one test case a check. What is unknown is an error there: it must not turn a build green."""

from __future__ import annotations

from xml.etree import ElementTree

from chaos.checks.finding import Finding, Verdict
from chaos.report.report import Report
from chaos.report.summary import summary

_OUTCOME_TAGS: dict[Verdict, str | None] = {"valid": None, "invalid": "failure", "unknown": "error"}
_PROPERTIES = ("seed", "world", "sites", "members", "virtual_s", "requests", "ops", "trace_sha256", "replay")


def junit_xml(report: Report) -> str:
    """A document with one suite, named after the scenario; the properties tell how to do the run again."""
    verdicts = [finding.verdict for finding in report.findings]
    suite = ElementTree.Element(
        "testsuite",
        name=report.timeline.scenario,
        tests=str(len(verdicts)),
        failures=str(verdicts.count("invalid")),
        errors=str(verdicts.count("unknown")),
        time=f"{report.wall_s:.3f}",
    )
    _add_properties(suite, report)
    for finding in report.findings:
        _add_case(suite, report.timeline.scenario, finding)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_properties(suite: ElementTree.Element, report: Report) -> None:
    properties = ElementTree.SubElement(suite, "properties")
    values = summary(report)
    for name in _PROPERTIES:
        ElementTree.SubElement(properties, "property", name=name, value=str(values[name]))


def _add_case(suite: ElementTree.Element, scenario: str, finding: Finding) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=scenario, name=f"{finding.check} {finding.resource}")
    tag = _OUTCOME_TAGS[finding.verdict]
    if tag is not None:
        outcome = ElementTree.SubElement(case, tag, message=finding.reasons[0], type=finding.verdict)
        outcome.text = "\n".join(finding.reasons)
