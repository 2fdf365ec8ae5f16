"""The history: pairs calls with their ends, is bounded, and prints in Jepsen's shape."""

from __future__ import annotations

from chaos.checks.history import Call, History, Line
from tests.unit.chaos.checks.planted import LINES


def test_calls_are_paired_by_event_and_process() -> None:
    calls = list(History(list(LINES)).calls("patch"))
    assert [(call.invoke.id, call.end.t if call.end else None) for call in calls] == [("w1", 15.01), ("w2", 15.02)]
    assert all(call.acknowledged for call in calls)


def test_a_call_without_an_end_is_neither_done_nor_failed() -> None:
    (call,) = History([LINES[0]]).calls()
    assert call == Call(LINES[0], None)
    assert not call.acknowledged
    assert not call.surely_failed


def test_past_its_limit_the_history_says_that_it_is_cut() -> None:
    history = History(limit=2)
    for line in LINES[:3]:
        history.add(line)
    assert (len(history.lines), history.truncated) == (2, True)


def test_it_prints_one_line_each_without_empty_members() -> None:
    line = Line(t=15.0, process="a", type="ok", f="patch", id="w1", value={"resource": "namespaces/team"}, rv="7")
    assert History([line]).dump() == (
        '{"t":15.0,"process":"a","type":"ok","f":"patch","id":"w1","value":{"resource":"namespaces/team"},"rv":"7"}\n'
    )
