"""A hand-over that is cut, crashes or loses a disk at the very moment of each of its steps: offer, ready, release, accept.

`site-000` hands over to `site-001`; `site-002` is a member and looks on. Whatever happens, in the end all three agree on
one owner, which acts alone, and on what users wrote.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, cast

import pytest

from chaos.scenario.links import LinkQuality
from chaos.virtual.loop import VirtualLoop
from chaos.virtual.run import run_virtual
from chaos.worlds.rehearsal import look_at_sites
from chaos.worlds.virtual import World
from collab.agent.main import Agent

OLD, NEW, THIRD = "site-000", "site-001", "site-002"
SITES: Final = (OLD, NEW, THIRD)
RELAY: Final = "namespaces/relay"
STEPS: Final = {"offer": OLD, "ready": NEW, "release": OLD, "accept": NEW}
"""Each step of a hand-over, and the site that takes it."""
TROUBLE_S: Final = 6.0
SETTLE_S: Final = 60.0

Trouble = Callable[[World], Awaitable[None]]


# --- what goes wrong


def cut_off(site: str) -> Trouble:
    async def act(world: World) -> None:
        world.partition(site, [other for other in SITES if other != site])
        await asyncio.sleep(TROUBLE_S)
        world.heal()

    return act


async def cut_between(world: World) -> None:
    """The two do not hear each other, but of each other, through the third."""
    world.partition(OLD, NEW)
    await asyncio.sleep(TROUBLE_S)
    world.heal()


def crash(site: str) -> Trouble:
    async def act(world: World) -> None:
        world.crash(site)
        await asyncio.sleep(TROUBLE_S)
        await world.restart(site)

    return act


def lose_journal(site: str) -> Trouble:
    """The agent's disk is lost, not the apiserver's: the site comes back as itself, and knows of no record."""

    async def act(world: World) -> None:
        world.crash(site)
        del world.disks[site]
        await asyncio.sleep(TROUBLE_S)
        await world.restart(site)

    return act


def seen_only_by(witness: str) -> Trouble:
    """What the old owner has just written reaches one site only, and then the old owner loses its disk."""

    async def act(world: World) -> None:
        deaf = next(site for site in SITES if site not in (OLD, witness))
        world.partition(deaf, [OLD, witness])
        await asyncio.sleep(1)
        await lose_journal(OLD)(world)
        world.heal()

    return act


TROUBLES: Final[dict[str, Trouble]] = {
    "nothing": lambda world: asyncio.sleep(0),
    "old cut off": cut_off(OLD),
    "new cut off": cut_off(NEW),
    "cut between them": cut_between,
    "old crashes": crash(OLD),
    "new crashes": crash(NEW),
    "old loses its disk": lose_journal(OLD),
    "new loses its disk": lose_journal(NEW),
    "third loses its disk": lose_journal(THIRD),
    "old loses its disk, only new has seen it": seen_only_by(NEW),
    "old loses its disk, only third has seen it": seen_only_by(THIRD),
}


# --- the story


async def command(world: World, site: str, **body: object) -> None:
    async with world.session(site).post("/collab/v1/operations", json={"resource": RELAY, **body}) as response:
        assert response.status in (200, 202), await response.text()


async def label(world: World, site: str, **labels: str) -> None:
    patch = {"metadata": {"labels": labels}}
    headers = {"Content-Type": "application/merge-patch+json"}
    async with world.session(site).patch(f"/api/v1/{RELAY}", json=patch, headers=headers) as response:
        assert response.status == 200, await response.text()


async def reached(world: World, step: str) -> None:
    """Wait for the site whose turn it is to take the step. A hundred seconds without it fail the test."""
    agent = world.agents[STEPS[step]]
    assert isinstance(agent, Agent)
    for _ in range(100_000):
        if any(entry.message.startswith(f"{step}:") for entry in agent.log.entries):
            return
        await asyncio.sleep(0.001)
    raise AssertionError(f"{STEPS[step]} never came to {step}")


async def story(world: World, step: str, trouble: Trouble, mode: str = "ap") -> None:
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "relay"}}
    await command(world, OLD, verb="create", members=list(SITES), object=manifest, mode=mode)
    await asyncio.sleep(5)
    await label(world, OLD, horse="bay")
    asking = world.run_near(OLD, command(world, OLD, verb="reattach", to=NEW, timeoutSeconds=1))
    await reached(world, step)
    await trouble(world)
    await asyncio.gather(asking, return_exceptions=True)
    await label(world, NEW, rider="new")
    await asyncio.sleep(SETTLE_S)


async def judge(world: World) -> None:
    views = await look_at_sites(world, (RELAY,))
    assert {site: view.problem for site, view in views.items()} == dict.fromkeys(SITES, "")
    records = {site: view.record_of(RELAY) for site, view in views.items()}
    assert all(records.values()), records
    held = {site: record for site, record in records.items() if record is not None}
    assert len({(record.owner, record.digest, record.value_digest) for record in held.values()}) == 1, held
    assert [site for site, record in held.items() if record.acting] == [held[OLD].owner]
    assert [dict(view.objects[RELAY]) for view in views.values()] == [
        {"labels/horse": "bay", "labels/rider": "new"}
    ] * 3


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("step", STEPS)
def test_a_hand_over_in_trouble_ends_with_one_owner(step: str, trouble: str) -> None:
    async def main(_: VirtualLoop) -> None:
        async with World(SITES, seed=1, wire=False, link=LinkQuality(latency_s=0.05)) as world:
            await story(world, step, TROUBLES[trouble])
            await judge(world)

    run_virtual(main)


# --- mode strict


async def count_actors(world: World, seen: set[tuple[str, ...]]) -> None:
    """Which sites act as owner, looked at from outside every 20 ms: no cut hides it."""
    while True:
        running = [(site, agent) for site, agent in sorted(world.agents.items()) if isinstance(agent, Agent)]
        told = {site: cast("list[dict[str, object]]", agent.list_records()["records"]) for site, agent in running}
        seen.add(tuple(site for site, records in told.items() if any(record["acting"] for record in records)))
        await asyncio.sleep(0.02)


LOST: Final = ("old loses", "new loses")


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("step", STEPS)
def test_in_mode_strict_no_two_ever_act(step: str, trouble: str) -> None:
    """And where no disk of the two was lost one owner acts in the end; else perhaps nobody, until glass is broken."""
    seen: set[tuple[str, ...]] = set()

    async def main(_: VirtualLoop) -> None:
        async with World(SITES, seed=1, wire=False, link=LinkQuality(latency_s=0.05)) as world:
            watching = asyncio.ensure_future(count_actors(world, seen))
            await story(world, step, TROUBLES[trouble], mode="strict")
            watching.cancel()
            if not trouble.startswith(LOST):
                await judge(world)

    run_virtual(main)
    assert max(len(actors) for actors in seen) == 1
    assert {(OLD,)} <= seen
