"""Each incident's bug is seen in a naive agent, by the check meant for it; the collaboration layer does not have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.museum import __main__ as museum
from tests.museum.exhibits import EXHIBITS, show
from tests.museum.plain import PlainAgent

PAGE = Path(__file__).parents[2] / "docs" / "museum.md"

WITHOUT_LOSERS = "mcs-api-119"
"""Its scenario wants the loser of a concurrent write shown, which the plain agent cannot."""


@pytest.mark.parametrize("name", EXHIBITS)
def test_the_bug_is_seen(name: str) -> None:
    exhibit = EXHIBITS[name]
    shown = show(name, exhibit.naive)
    finding = shown.says(exhibit.check)
    assert (shown.verdict, finding.verdict) == ("invalid", "invalid")
    assert any(exhibit.reason in reason for reason in finding.reasons), finding.reasons


@pytest.mark.parametrize("name", EXHIBITS)
def test_collab_does_not_have_it(name: str) -> None:
    shown = show(name)
    assert [finding for finding in shown.findings if finding.verdict != "valid"] == []
    assert shown.verdict == "valid"


@pytest.mark.parametrize("name", sorted({*EXHIBITS} - {WITHOUT_LOSERS}))
def test_it_is_the_bug_that_is_seen_and_nothing_else(name: str) -> None:
    """The naive agents are the plain one with one thing changed, and the plain one passes."""
    assert [finding for finding in show(name, PlainAgent).findings if finding.verdict != "valid"] == []


def test_without_the_clock_the_plain_agent_agrees() -> None:
    assert show(WITHOUT_LOSERS, PlainAgent).says("converged").verdict == "valid"


def test_the_table_says_so_and_is_the_one_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert museum.main() == 0
    printed = capsys.readouterr().out
    assert printed.count("| invalid (") == printed.count("| valid") == len(EXHIBITS)
    assert printed in PAGE.read_text()


def test_an_exhibit_that_shows_nothing_fails_the_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    exhibit = EXHIBITS["liqo-1846"]
    sound = type(exhibit)(PlainAgent, exhibit.check, exhibit.reason)
    monkeypatch.setattr(museum, "EXHIBITS", {"liqo-1846": sound})
    assert museum.main() == 1
    assert "not as it should be: liqo-1846" in capsys.readouterr().err
