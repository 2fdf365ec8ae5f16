"""partition-e in real time, on sockets, behind the built-in Toxiproxy and behind the real one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.checks.catalog import run_checks
from chaos.checks.finding import overall
from chaos.scenario import library
from chaos.scenario.compile import compile_scenario
from chaos.scenario.faults import Mode
from chaos.scenario.timeline import Event, LinkCut, Timeline
from chaos.worlds.capabilities import PROXY
from chaos.worlds.outcome import Outcome
from chaos.worlds.proxy import play_proxied
from tests.real.start import RealToxiproxy

HASTE = 8
"""The schedule of the shipped scenario, so many times faster: 5 s to the heal. What the sites take to agree is theirs."""


def hastened(mode: Mode) -> Timeline:
    timeline = compile_scenario(library.find("partition-e"), world=PROXY)
    return replace(timeline, events=tuple(_hastened(event, mode) for event in timeline.events))


def _hastened(event: Event, mode: Mode) -> Event:
    if isinstance(event, LinkCut):
        return replace(event, t=event.t / HASTE, until=event.until / HASTE, mode=mode)
    return replace(event, t=event.t / HASTE)


def check(outcome: Outcome) -> None:
    findings = run_checks(outcome.evidence)
    assert overall(findings) == "valid", [finding for finding in findings if finding.verdict != "valid"]
    assert outcome.world == "proxy"
    assert any("connect succeeds" in text for text in outcome.approximate) == any(
        cut.mode == "drop" for cut in outcome.evidence.timeline.cuts()
    )


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["drop", "reject", "jam"])
def test_partition_e_on_the_built_in_toxiproxy(mode: Mode) -> None:
    check(play_proxied(hastened(mode)))


@pytest.mark.slow
@pytest.mark.real
def test_partition_e_on_the_real_toxiproxy(real_toxiproxy: RealToxiproxy) -> None:
    check(play_proxied(hastened("drop"), toxiproxy_url=real_toxiproxy.url))
