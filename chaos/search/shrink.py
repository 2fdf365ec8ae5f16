"""A failing timeline reduced to the few events that matter, and those to the shortest faults that still fail.

First whole events go (Zeller's ddmin: ever smaller parts are left out while the failure stays), then each fault's
duration is halved while it stays, then times are rounded to whole seconds. What fails must fail in the same checks.
Source: A. Zeller, R. Hildebrandt, Simplifying and Isolating Failure-Inducing Input, IEEE TSE 28(2), 2002.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from chaos.report.report import Report
from chaos.scenario.errors import BadScenario
from chaos.scenario.timeline import FAULT_EVENTS, Event, Quieting, Timeline

HALVINGS = 6
"""A fault of 40 s ends at 0.6 s at the shortest: below that its length is not the story."""

Run = Callable[[Timeline], Report]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """The smallest timeline found, its report, and how many runs it took."""

    timeline: Timeline
    report: Report
    runs: int


class _Search:
    """Runs candidates and remembers the smallest that fails as the first one did."""

    def __init__(self, run: Run, tried: Callable[[int, int], None]) -> None:
        self._run = run
        self._tried = tried
        self._checks: frozenset[str] = frozenset()
        self.runs = 0
        self.best: tuple[Timeline, Report] | None = None

    def start(self, timeline: Timeline) -> None:
        """Raises BadScenario when the timeline does not fail."""
        report = self._judged(timeline)
        self._checks = failing_checks(report)
        if not self._checks:
            raise BadScenario(
                timeline.source or timeline.scenario, "", f"is {report.verdict}: there is nothing to shrink"
            )
        self.best = (timeline, report)

    def fails(self, timeline: Timeline) -> bool:
        """Whether the candidate fails in at least one of the checks that the first run failed in."""
        report = self._judged(timeline)
        if not self._checks & failing_checks(report):
            return False
        self.best = (timeline, report)
        return True

    def _judged(self, timeline: Timeline) -> Report:
        self.runs += 1
        report = self._run(timeline)
        self._tried(self.runs, len(timeline.events))
        return report


def failing_checks(report: Report) -> frozenset[str]:
    return frozenset(finding.check for finding in report.findings if finding.verdict == "invalid")


def shrink(timeline: Timeline, run: Run, tried: Callable[[int, int], None] = lambda runs, events: None) -> Shrunk:
    """The smallest timeline that still fails. `tried(runs, events)` is told after each run.

    Raises BadScenario when `timeline` does not fail.
    """
    search = _Search(run, tried)
    search.start(timeline)
    for reduce in (_fewer_events, _shorter_faults, _rounder_times):
        assert search.best is not None, "set by start"
        reduce(search.best[0], search)
    assert search.best is not None, "set by start"
    smallest, report = search.best
    return Shrunk(timeline=smallest, report=report, runs=search.runs)


def _fewer_events(timeline: Timeline, search: _Search) -> None:
    """ddmin. The quiet period stays: without it nothing is judged."""
    kept: list[Event] = [event for event in timeline.events if not isinstance(event, Quieting)]
    parts = 2
    while len(kept) >= 2:
        smaller = _without_some(kept, parts, timeline, search)
        if smaller is not None:
            kept, parts = smaller, max(parts - 1, 2)
        elif parts >= len(kept):
            break
        else:
            parts = min(parts * 2, len(kept))


def _without_some(kept: list[Event], parts: int, timeline: Timeline, search: _Search) -> list[Event] | None:
    """`kept` without the first of its `parts` that the failure does not need."""
    for part in _split(kept, parts):
        gone = set(map(id, part))
        candidate = [event for event in kept if id(event) not in gone]
        if candidate and search.fails(_with_events(timeline, candidate)):
            return candidate
    return None


def _split(events: Sequence[Event], parts: int) -> list[Sequence[Event]]:
    bounds = [len(events) * part // parts for part in range(parts + 1)]
    return [events[low:high] for low, high in pairwise(bounds) if high > low]


def _with_events(timeline: Timeline, events: Sequence[Event]) -> Timeline:
    quiet = [event for event in timeline.events if isinstance(event, Quieting)]
    return replace(timeline, events=tuple(sorted([*events, *quiet], key=lambda event: event.t)))


def _shorter_faults(timeline: Timeline, search: _Search) -> None:
    """Each fault ends earlier while the failure stays."""
    for fault in [event for event in timeline.events if isinstance(event, FAULT_EVENTS)]:
        current = fault
        for _ in range(HALVINGS):
            assert search.best is not None, "set by start"
            shorter = replace(current, until=round(current.t + (current.until - current.t) / 2, 3))
            if not search.fails(_replaced(search.best[0], current, shorter)):
                break
            current = shorter


def _rounder_times(timeline: Timeline, search: _Search) -> None:
    """Whole seconds are easier to read; kept where the failure does not mind."""
    for event in timeline.events:
        if event.t != round(event.t):
            assert search.best is not None, "set by start"
            search.fails(_replaced(search.best[0], event, _at(event, float(round(event.t)))))


def _at(event: Event, t: float) -> Event:
    if isinstance(event, FAULT_EVENTS):
        return replace(event, t=t, until=max(event.until, t))
    return replace(event, t=t)


def _replaced(timeline: Timeline, old: Event, new: Event) -> Timeline:
    events = [new if event == old else event for event in timeline.events]
    return replace(timeline, events=tuple(sorted(events, key=lambda event: event.t)))
