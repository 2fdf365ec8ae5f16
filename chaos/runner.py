"""Scenario or timeline -> world -> checks -> report.

report = chaos.run("partition-e", sites=200, seed=7)
assert report.verdict == "valid"
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

from chaos.checks.catalog import run_checks
from chaos.report.report import Report
from chaos.scenario import library
from chaos.scenario.compile import check_world, compile_scenario
from chaos.scenario.errors import BadScenario
from chaos.scenario.model import Scenario
from chaos.scenario.node import nearest
from chaos.scenario.timeline import Timeline
from chaos.worlds.capabilities import WORLDS, Capabilities
from chaos.worlds.film import Film
from chaos.worlds.outcome import Outcome
from chaos.worlds.staging import AS_IT_IS, Staging


def run(
    scenario: Scenario | str,
    *,
    seed: int | None = None,
    sites: int | None = None,
    world: str = "virtual",
    toxiproxy_url: str | None = None,
    agent: str | None = None,
    filmed: bool = False,
    staging: Staging = AS_IT_IS,
) -> Report:
    """Run a scenario: a value, a shipped one's name, or a file. `seed` and `sites` replace the scenario's own.

    `filmed` notes every message for the picture that a notebook shows of the report (virtual world).
    `staging` says more of the virtual world, `Staging(wire=False)` above all: the same verdicts in less time.

    Raises BadScenario for what cannot be run, before anything runs.
    """
    if isinstance(scenario, str):
        scenario = library.find(scenario)
    timeline = compile_scenario(scenario, seed=seed, sites=sites, world=capabilities(world))
    film = Film(tuple(timeline.members())) if filmed else None
    return run_timeline(timeline, world=world, toxiproxy_url=toxiproxy_url, agent=agent, film=film, staging=staging)


def run_timeline(
    timeline: Timeline,
    *,
    world: str = "virtual",
    toxiproxy_url: str | None = None,
    agent: str | None = None,
    film: Film | None = None,
    replay: str = "",
    staging: Staging = AS_IT_IS,
) -> Report:
    """Run what was compiled. `replay` is the command that repeats it, where the caller knows a better one.

    `agent` is `package.module:Class`, run at every site instead of the collaboration layer's own (virtual world).
    `film` is shown what happens (virtual world).
    Inside a running event loop, as in a notebook, the run has a thread of its own; the caller waits for it.

    Raises BadScenario as `run` does.
    """
    check_world(timeline, capabilities(world))
    if toxiproxy_url is not None and world != "proxy":
        raise BadScenario("--toxiproxy-url", "", f"the {world} world asks no Toxiproxy: add --world proxy")
    play = _PLAYERS[world](agent, film, staging)
    started_s = perf_counter()
    outcome = _off_the_loop(lambda: play(timeline, toxiproxy_url))
    findings = tuple(run_checks(outcome.evidence))
    return Report(
        outcome=outcome,
        findings=findings,
        wall_s=perf_counter() - started_s,
        replay=replay or replay_command(timeline, world, toxiproxy_url, agent, staging),
        film=film,
    )


def _off_the_loop(play: Callable[[], Outcome]) -> Outcome:
    """Two event loops cannot run in one thread."""
    if asyncio._get_running_loop() is None:
        return play()
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(play).result()


def capabilities(world: str) -> Capabilities:
    """Raises BadScenario for a world that there is not."""
    if world not in WORLDS:
        raise BadScenario("--world", "", f"unknown world {world!r}: {nearest(world, sorted(WORLDS))}")
    return WORLDS[world]


def replay_command(
    timeline: Timeline,
    world: str,
    toxiproxy_url: str | None,
    agent: str | None = None,
    staging: Staging = AS_IT_IS,
) -> str:
    """The command line that compiles and runs the same timeline again."""
    shipped = Path(timeline.source).parent == library.FOLDER
    name = timeline.scenario if shipped else timeline.source
    words = ["fakekube", "run", name, "--sites", str(len(timeline.sites)), "--seed", str(timeline.seed)]
    words += [] if world == "virtual" else ["--world", world]
    words += [] if toxiproxy_url is None else ["--toxiproxy-url", toxiproxy_url]
    words += [] if agent is None else ["--agent", agent]
    return shlex.join(words + staging_words(staging))


def staging_words(staging: Staging) -> list[str]:
    """The options that say the same."""
    words = [] if staging.wire else ["--no-wire"]
    return words + (["--lose-message", str(staging.lose_message)] if staging.lose_message else [])


Player = Callable[[Timeline, str | None], Outcome]


def _virtual(agent: str | None, film: Film | None, staging: Staging) -> Player:
    from chaos.worlds.agents import agent_class
    from chaos.worlds.rehearsal import rehearse

    acting = agent_class(agent)
    return lambda timeline, _toxiproxy_url: rehearse(timeline, agent=acting, film=film, staging=staging)


def _proxy(agent: str | None, film: Film | None, staging: Staging) -> Player:
    from chaos.worlds.proxy import play_proxied

    if agent is not None:
        raise BadScenario("--agent", "", "agents of your own run in the virtual world: leave out --world proxy")
    if staging != AS_IT_IS:
        raise BadScenario(staging_words(staging)[0], "", "is for the virtual world: leave out --world proxy")

    return lambda timeline, toxiproxy_url: play_proxied(timeline, toxiproxy_url=toxiproxy_url)


_PLAYERS: Mapping[str, Callable[[str | None, Film | None, Staging], Player]] = {"virtual": _virtual, "proxy": _proxy}
