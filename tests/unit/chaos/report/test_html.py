"""The page of a run: what it is told, that filming changes nothing, that no text can break it, and what a browser shows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chaos.report.html import html_report, page_data
from chaos.report.report import Report
from chaos.runner import run_timeline
from chaos.scenario import library
from chaos.scenario.compile import compile_scenario
from chaos.worlds.film import MESSAGES_MAX, Film

NAIVE = "tests.simulation.eager:EagerAgent"
CHROMIUM = shutil.which("chromium")


def filmed(agent: str | None = None) -> tuple[Report, Film]:
    timeline = compile_scenario(library.find("partition-e"))
    film = Film(tuple(timeline.members()))
    return run_timeline(timeline, agent=agent, film=film), film


@pytest.fixture(scope="module")
def good() -> tuple[Report, Film]:
    return filmed()


@pytest.fixture(scope="module")
def bad() -> tuple[Report, Film]:
    return filmed(NAIVE)


def test_filming_changes_nothing(good: tuple[Report, Film]) -> None:
    unfilmed = run_timeline(compile_scenario(library.find("partition-e")))
    assert good[0].outcome.trace_sha256 == unfilmed.outcome.trace_sha256


def test_the_page_is_told_messages_contents_owners_and_cuts(good: tuple[Report, Film]) -> None:
    data = page_data(*good)
    assert data["sites"] == [f"site-{number:03}" for number in range(5)]
    assert {source for _, source, _, _ in data["messages"]} == {0, 1, 2, 3, 4}
    assert {cut["t"] for cut in data["cuts"]} == {10.0}
    last = {site: labels for _, site, _, labels in data["held"]}
    assert len({json.dumps(labels) for labels in last.values()}) == 1, "the film must end converged, as the run did"
    assert {owner for _, _, _, owner, acting in data["owned"] if acting} == {0}
    assert data["all"]


def test_no_message_crosses_a_cut(good: tuple[Report, Film]) -> None:
    data = page_data(*good)
    crossing = [t for t, source, target, _ in data["messages"] if 4 in (source, target) and 10.5 < t < 39.9]
    assert crossing == []


def test_the_operations_that_a_failed_check_names_are_marked(bad: tuple[Report, Film]) -> None:
    assert {op["id"] for op in page_data(*bad)["operations"] if op["guilty"]} == {"w1", "w2"}


def test_a_run_without_a_film_still_has_a_page(good: tuple[Report, Film]) -> None:
    assert page_data(good[0], None)["messages"] == []


def embedded(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_no_text_of_a_run_can_end_the_script_it_stands_in(good: tuple[Report, Film]) -> None:
    evil = "</script><b id=evil>"
    report = replace(good[0], replay=evil)
    page = html_report(report, None)
    assert evil not in page
    assert embedded(page)["summary"]["replay"] == evil


def test_the_page_needs_nothing_from_elsewhere(good: tuple[Report, Film]) -> None:
    page = html_report(*good)
    assert not re.search(r"(src|href)\s*=|@import|url\(|https?://", page.replace(json.dumps(embedded(page)), ""))


def test_a_film_of_more_messages_than_anybody_sees_says_so() -> None:
    film = Film(("namespaces/x",))
    for number in range(MESSAGES_MAX + 2):
        film._message(number, "a", "b", 1)
    film.finish()
    assert len(film.messages) == MESSAGES_MAX
    assert not film.complete


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (Debian: apt-get install chromium)")
def test_a_browser_draws_the_page_without_an_error(bad: tuple[Report, Film], tmp_path: Path) -> None:
    page = html_report(*bad).replace("</body>", "<script>document.title = `drawn ${things.length}`</script></body>")
    (tmp_path / "report.html").write_text(page)
    assert CHROMIUM is not None
    shown = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            f"file://{tmp_path / 'report.html'}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    drawn = re.search(r"<title>drawn (\d+)</title>", shown)
    assert drawn is not None, "the script ended before its last line"
    assert int(drawn[1]) > 10
    assert "labels/crop differs" in shown
