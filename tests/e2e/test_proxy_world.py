"""The shipped scenarios in real time, on sockets, behind the built-in Toxiproxy and behind the real one."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from chaos.checks.catalog import run_checks
from chaos.checks.finding import Finding, overall
from chaos.scenario import library
from chaos.scenario.compile import compile_scenario
from chaos.scenario.events import FAULT_EVENTS, Event, LinkCut, Timeline
from chaos.scenario.faults import Mode
from chaos.worlds.capabilities import PROXY
from chaos.worlds.outcome import Outcome
from chaos.worlds.proxy import play_proxied
from tests.real import start

HASTE = 8
"""The schedules of the shipped scenarios, so many times faster: 5 s to the heal of partition-e. What the sites take to
agree is theirs."""

AT_ONCE = 3
"""Runs spend nearly all of their time waiting; more at once would wait for each other."""

SCHEDULES = [
    *(name for name in library.names() if name.startswith(("partition-", "locality"))),
    *("apiserver-away", "bridge", "conflict-storm", "flapping-link", "one-way-cut", "reply-lost"),
]
"""Those of the museum take up to an hour of a world's time, and are about what a site does, not about links."""

WITH_CUTS = [
    name for name in SCHEDULES if name.startswith("partition-") and compile_scenario(library.find(name)).cuts()
]

pytestmark = pytest.mark.slow


def hastened(name: str, mode: Mode | None = None) -> Timeline:
    timeline = compile_scenario(library.find(name), world=PROXY)
    return replace(timeline, events=tuple(_hastened(event, mode) for event in timeline.events))


def _hastened(event: Event, mode: Mode | None) -> Event:
    if isinstance(event, FAULT_EVENTS):
        event = replace(event, until=event.until / HASTE)
    if isinstance(event, LinkCut):
        event = replace(event, mode=mode or event.mode)
    return replace(event, t=event.t / HASTE)


def problems(runs: Mapping[str, Future[Outcome]]) -> dict[str, list[Finding]]:
    """Of every run that is not valid, the findings that are not."""
    findings = {name: run_checks(future.result().evidence) for name, future in runs.items()}
    return {
        name: [finding for finding in found if finding.verdict != "valid"]
        for name, found in findings.items()
        if overall(found) != "valid"
    }


@pytest.mark.parametrize("mode", [None, "reject", "jam"])
def test_the_scenarios_on_the_built_in_toxiproxy(mode: Mode | None) -> None:
    """All of them as they are shipped, and those that cut with the other modes of cut."""
    names = [name for name in SCHEDULES if mode is None or name in WITH_CUTS]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = {name: pool.submit(play_proxied, hastened(name, mode)) for name in names}
        assert problems(runs) == {}


@pytest.mark.real
def test_the_scenarios_on_the_real_toxiproxy() -> None:
    """Each on a server of its own, since the names of their links are the same."""
    try:
        start.binary("toxiproxy-server")
    except start.NotBuilt as absent:
        pytest.skip(str(absent))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert problems({name: pool.submit(on_a_real_one, name) for name in SCHEDULES}) == {}


def on_a_real_one(name: str) -> Outcome:
    with start.toxiproxy() as server:
        return play_proxied(hastened(name), toxiproxy_url=server.url)
