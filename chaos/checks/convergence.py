"""At rest, every member holds the same: the same content at its apiserver, the same record at its agent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from chaos.checks.evidence import Content, Evidence
from chaos.checks.finding import Finding, judge
from chaos.checks.members import Missing, doubts, members_of, viewed
from chaos.scenario.duration import format_duration

NAME = "converged"


def check(evidence: Evidence, resource: str, within_s: float | None) -> Finding:
    views, unsure = viewed(evidence, members_of(evidence, resource))
    unsure += doubts(evidence, resource)
    contents = {site: view.objects[resource] for site, view in views.items() if resource in view.objects}
    records = {site: record for site, view in views.items() if (record := view.record_of(resource)) is not None}
    wrong = [
        *Missing("copy", resource).at(site for site in views if site not in contents),
        *Missing("record", resource).at(site for site in views if site not in records),
        *_different_contents(contents),
        *_odd_ones("record digest", {site: record.digest for site, record in records.items()}),
        *_odd_ones("value digest", {site: record.value_digest for site, record in records.items()}),
        *_late(evidence, within_s),
    ]
    return judge(NAME, resource, saw=_values_seen(contents), wrong=wrong, unsure=unsure)


def _values_seen(contents: Mapping[str, Content]) -> int:
    """Values present at two members or more: one copy alone compares with nothing."""
    return sum(len(content) for content in contents.values()) if len(contents) > 1 else 0


def _different_contents(contents: Mapping[str, Content]) -> list[str]:
    paths = sorted({path for content in contents.values() for path in content})
    return [
        text
        for path in paths
        for text in _odd_ones(path, {site: repr(content.get(path)) for site, content in contents.items()})
    ]


def _odd_ones(what: str, values: Mapping[str, str]) -> list[str]:
    """One line when not all are equal: the commonest value, and an example of each other."""
    counts = Counter(values.values())
    if len(counts) < 2:
        return []
    common = min(counts, key=lambda value: (-counts[value], value))
    others = {value: site for site, value in sorted(values.items(), reverse=True) if value != common}
    examples = ", ".join(f"{value} at {site}" for value, site in sorted(others.items())[:3])
    return [f"{what} differs: {common} at {counts[common]} sites, but {examples}"]


def _late(evidence: Evidence, within_s: float | None) -> list[str]:
    if evidence.settled_t is None:
        return ["the sites were still changing when the quiet period ended"]
    took = evidence.settled_t - evidence.healed_t
    if within_s is None or took <= within_s:
        return []
    return [f"the last change came {format_duration(took)} after the heal, later than {format_duration(within_s)}"]
