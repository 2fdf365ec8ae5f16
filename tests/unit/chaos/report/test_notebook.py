"""In a notebook: a run inside its event loop, and a report that shows itself."""

from __future__ import annotations

import asyncio
from html import unescape

import chaos


async def _run_in_a_loop(*, filmed: bool) -> chaos.Report:
    return chaos.run("partition-e", sites=5, filmed=filmed)


def test_a_run_inside_a_running_loop_is_the_same_run() -> None:
    inside = asyncio.run(_run_in_a_loop(filmed=False))
    outside = chaos.run("partition-e", sites=5)
    assert inside.verdict == outside.verdict == "valid"
    assert inside.outcome.trace_sha256 == outside.outcome.trace_sha256


def test_a_report_shows_itself_with_its_messages_when_it_was_filmed() -> None:
    shown = asyncio.run(_run_in_a_loop(filmed=True))._repr_html_()
    page = unescape(shown.removeprefix('<iframe srcdoc="').partition('" style=')[0])
    assert page.startswith("<!doctype html>")
    assert page.endswith("</html>\n")
    assert "valid: partition-e, seed 1" in page
    assert '"messages":[[' in page


def test_without_a_film_it_still_shows_the_verdicts() -> None:
    assert "no-lost-acknowledged-write" in chaos.run("partition-e", sites=5)._repr_html_()
