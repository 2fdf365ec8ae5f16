"""Faults of a timeline on a virtual world: each is felt while it lasts, and is gone when the last of its kind has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

import aiohttp
import pytest

from chaos.scenario.links import LinkQuality
from chaos.scenario.timeline import (
    ApiserverTrouble,
    ClockSkew,
    FaultEvent,
    LinkCut,
    LinkDegraded,
    LinkToxic,
    NamesLost,
    SiteCrash,
    SitePause,
    Timeline,
)
from chaos.virtual.loop import VirtualLoop
from chaos.virtual.run import run_virtual
from chaos.worlds.degradations import Degradations
from chaos.worlds.effects import Effects
from chaos.worlds.virtual import World

T = TypeVar("T")
A, B = "site-000", "site-001"
QUICK = aiohttp.ClientTimeout(total=1.0)


def in_world(story: Callable[[World, Effects], Coroutine[object, object, T]], **timeline: object) -> T:
    """Two sites without agents, 10 ms apart, a proper status of health at each."""
    plan = Timeline(
        scenario="x",
        seed=1,
        duration_s=60,
        sites=(A, B),
        link=LinkQuality(latency_s=0.01),
        **timeline,  # type: ignore[arg-type]  # by name
    )

    async def main(_: VirtualLoop) -> T:
        async with World(plan.sites, agent=None, link=plan.link, links=plan.links) as world:
            return await story(world, Effects(world, plan))

    return run_virtual(main)


async def answer_of(world: World, path: str = "/api/v1/namespaces", method: str = "GET") -> int | str:
    """What a program of A hears from the apiserver of B: a status, or what went wrong."""

    async def ask() -> int | str:
        try:
            async with (
                aiohttp.ClientSession(timeout=QUICK) as session,
                session.request(
                    method, f"{world.apiserver_url(B)}{path}", json={"metadata": {"name": "x"}}
                ) as response,
            ):
                await response.read()
                return response.status
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return type(error).__name__

    return await world.run_near(A, ask())


FELT: list[tuple[FaultEvent, int | str]] = [
    (LinkCut(t=0, id="f0", origin=A, target=B, mode="drop", until=9), "ConnectionTimeoutError"),
    (LinkCut(t=0, id="f0", origin=A, target=B, mode="reject", until=9), "ClientConnectorError"),
    (LinkDegraded(t=0, id="f0", origin=A, target=B, until=9, latency_s=2), "ConnectionTimeoutError"),
    (
        LinkToxic(
            t=0, id="f0", origin=A, target=B, until=9, type="latency", stream="upstream", attributes={"latency": 3000}
        ),
        "ServerTimeoutError",
    ),
    (SiteCrash(t=0, id="f0", site=B, until=9, lose="memory"), "ClientConnectorError"),
    (SitePause(t=0, id="f0", site=B, until=9), "TimeoutError"),
    (NamesLost(t=0, id="f0", site=A, until=9), "ClientConnectorDNSError"),
    (ApiserverTrouble(t=0, id="f0", site=B, until=9, kind="refuse", status=429), 429),
]


@pytest.mark.parametrize(("fault", "felt"), FELT, ids=lambda value: type(value).__name__)
def test_a_fault_is_felt_until_it_ends(fault: FaultEvent, felt: int | str) -> None:
    async def story(world: World, effects: Effects) -> list[int | str]:
        answers = [await answer_of(world)]
        await effects.begin(fault)
        answers.append(await answer_of(world))
        await effects.end(fault)
        await asyncio.sleep(10)  # what was cut waits for TCP to send again
        answers.append(await answer_of(world))
        return answers

    before, during, after = in_world(story)
    assert (before, after) == (200, 200)
    assert during == felt or (isinstance(felt, str) and "Timeout" in felt and "Timeout" in str(during))


def test_two_of_a_kind_end_with_the_last() -> None:
    faults: list[FaultEvent] = [
        SitePause(t=0, id="f0", site=B, until=9),
        SitePause(t=0, id="f1", site=B, until=9),
        SiteCrash(t=0, id="f2", site=B, until=9, lose="memory"),
        SiteCrash(t=0, id="f3", site=B, until=9, lose="memory"),
        NamesLost(t=0, id="f4", site=A, until=9),
        NamesLost(t=0, id="f5", site=A, until=9),
    ]

    async def story(world: World, effects: Effects) -> list[int | str]:
        answers: list[int | str] = []
        for first, second in zip(faults[::2], faults[1::2], strict=True):
            await effects.begin(first)
            await effects.begin(second)
            await effects.end(first)
            answers.append(await answer_of(world))
            await effects.end(second)
            await effects.end(second)
            await asyncio.sleep(10)
            answers.append(await answer_of(world))
        return answers

    answers = in_world(story)
    assert answers[1::2] == [200, 200, 200]
    assert all(isinstance(answer, str) for answer in answers[::2])


def test_clocks_add_up_and_come_back() -> None:
    async def story(world: World, effects: Effects) -> list[float]:
        hour = ClockSkew(t=0, id="f0", site=B, until=9, by_s=3600)
        back = ClockSkew(t=0, id="f1", site=B, until=9, by_s=-60)
        await effects.begin(hour)
        await effects.begin(back)
        skews = [world.network.skew_s(B)]
        await effects.end_all()
        return [*skews, world.network.skew_s(B)]

    assert in_world(story) == [3540, 0]


def test_a_lost_reply_is_a_write_that_happened() -> None:
    async def story(world: World, effects: Effects) -> tuple[int | str, int | str]:
        await effects.begin(ApiserverTrouble(t=0, id="f0", site=B, until=9, kind="lose-reply", times=1))
        return await answer_of(world, method="POST"), await answer_of(world, "/api/v1/namespaces/x")

    assert in_world(story) == ("ClientOSError", 200)


def test_a_site_that_lost_its_disk_knows_nothing() -> None:
    async def story(world: World, effects: Effects) -> list[int | str]:
        answers = [await answer_of(world, method="POST")]
        for lose in ("memory", "disk"):
            crash = SiteCrash(t=0, id=lose, site=B, until=9, lose=lose)
            await effects.begin(crash)
            await effects.end(crash)
            answers.append(await answer_of(world, "/api/v1/namespaces/x"))
        return answers

    assert in_world(story) == [201, 200, 404]


def test_pairs_without_a_link_stay_apart_when_all_heals() -> None:
    async def story(world: World, effects: Effects) -> tuple[int | str, int | str]:
        before = await answer_of(world)
        await effects.end_all()
        return before, await answer_of(world)

    assert in_world(story, unlinked=((A, B), (B, A))) == ("ClientConnectorError", "ClientConnectorError")


def test_the_worst_of_several_degradations_holds() -> None:
    links = Degradations(LinkQuality(latency_s=0.02, rate_bytes_s=5000), {})
    slow = LinkDegraded(t=0, id="f0", origin=A, target=B, until=9, latency_s=1, rate_bytes_s=9000)
    lossy = LinkDegraded(t=0, id="f1", origin=A, target=B, until=9, latency_s=0.5, loss=0.1)
    links.add(slow)
    links.add(lossy)
    assert links.quality(A, B) == LinkQuality(latency_s=1, loss=0.1, rate_bytes_s=5000)
    links.remove(slow)
    links.remove(slow)
    assert links.quality(A, B) == LinkQuality(latency_s=0.5, loss=0.1, rate_bytes_s=5000)
    links.remove(lossy)
    assert links.quality(A, B) == links.quality(B, A)


def test_a_restored_apiserver_has_what_it_had_when_the_fault_began() -> None:
    async def story(world: World, effects: Effects) -> tuple[list[int | str], int, int]:
        restore = ApiserverTrouble(t=0, id="f0", site=B, until=9, kind="restore")
        await effects.begin(restore)
        before = world.apiservers[B].site.store.revision
        answers = [await answer_of(world, method="POST"), await answer_of(world, "/api/v1/namespaces/x")]
        await effects.end(restore)
        after = world.apiservers[B].site.store.revision
        return [*answers, await answer_of(world, "/api/v1/namespaces/x")], before, after

    answers, before, after = in_world(story)
    assert answers == [201, 200, 404]
    assert before == after


def test_a_restarted_apiserver_has_skipped_revisions() -> None:
    async def story(world: World, effects: Effects) -> int:
        before = world.apiservers[B].site.store.revision
        await effects.begin(ApiserverTrouble(t=0, id="f0", site=B, until=9, kind="restart", revisions=1000))
        return world.apiservers[B].site.store.revision - before

    assert in_world(story) == 1000
