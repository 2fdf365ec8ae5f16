"""What happens to sites: crash and restart with memory or disks lost, pause, wrong clocks, names that do not resolve."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Literal

import aiohttp
import pytest

from chaos.scenario.links import LinkQuality
from chaos.virtual.loop import EPOCH_S, VirtualLoop
from chaos.virtual.run import run_virtual
from chaos.worlds.virtual import World
from collab.agent.config import AgentConfig
from collab.agent.disk import Disk

NAMESPACES = "/api/v1/namespaces"
TEAM = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}
PARIS, RENNES = "paris", "rennes"


def in_world(story: Callable[[World], Coroutine[object, object, None]], **options: object) -> str:
    """Run `story` in a world of paris and rennes, 20 ms apart; gives the trace."""

    async def main(loop: VirtualLoop) -> str:
        async with World([PARIS, RENNES], **{"agent": None, "link": LinkQuality(latency_s=0.02), **options}) as world:  # type: ignore[arg-type]  # by name
            await story(world)
            return loop.network.trace.hexdigest()

    return run_virtual(main)


async def create(world: World, site: str) -> None:
    async with world.session(site).post(world.apiserver_url(site) + NAMESPACES, json=TEAM) as response:
        assert response.status == 201


async def names(world: World, asker: str, site: str) -> list[str]:
    async with world.session(asker).get(world.apiserver_url(site) + NAMESPACES) as response:
        return [item["metadata"]["name"] for item in (await response.json())["items"]]


async def uid(world: World, site: str) -> str:
    """The site's identity: that of its kube-system namespace."""
    async with world.session(site).get(world.apiserver_url(site) + NAMESPACES + "/kube-system") as response:
        found: str = (await response.json())["metadata"]["uid"]
        return found


@pytest.mark.parametrize("lose", ["memory", "disk"])
def test_a_restarted_site_has_what_was_on_its_disk(lose: Literal["memory", "disk"]) -> None:
    async def story(world: World) -> None:
        await create(world, RENNES)
        identity = await uid(world, RENNES)
        world.crash(RENNES, lose=lose)
        with pytest.raises(aiohttp.ClientConnectorError):
            await names(world, PARIS, RENNES)
        await world.restart(RENNES)
        kept = lose == "memory"
        assert ("team" in await names(world, PARIS, RENNES)) is kept
        assert (await uid(world, RENNES) == identity) is kept, "a site without its disk comes back as another one"

    in_world(story)


def test_a_crash_ends_watches_with_a_reset_after_one_latency() -> None:
    async def story(world: World) -> None:
        url = world.apiserver_url(RENNES) + NAMESPACES
        async with world.session(PARIS).get(url, params={"watch": "true"}) as watch:
            await watch.content.readline()
            start = world.loop.time()
            world.crash(RENNES)
            with pytest.raises(aiohttp.ClientError):
                await watch.read()
            assert world.loop.time() - start == pytest.approx(0.02)

    in_world(story)


def test_background_work_waits_for_the_restart() -> None:
    """A namespace that was Terminating at the crash goes when its site is back."""

    async def story(world: World) -> None:
        await create(world, RENNES)
        async with world.session(RENNES).delete(world.apiserver_url(RENNES) + NAMESPACES + "/team") as response:
            assert response.status == 200
        world.crash(RENNES)
        await asyncio.sleep(60)
        assert world.apiservers[RENNES].site.store.get("namespaces", "", "team") is not None
        await world.restart(RENNES)
        await asyncio.sleep(1)
        assert "team" not in await names(world, PARIS, RENNES)

    in_world(story)


class Counting:
    """An agent that counts seconds on its disk, and would note its own end there."""

    ids: list[int]

    def __init__(self, config: AgentConfig, *, disk: Disk, now: Callable[[], float], rng: Random) -> None:
        self._disk = disk
        type(self).ids.append(rng.getrandbits(32))

    async def start(self) -> None:
        self._task = asyncio.ensure_future(self._count())

    async def _count(self) -> None:
        try:
            while True:
                self._disk.append("seconds", b".")
                await asyncio.sleep(1)
        finally:
            self._disk.append("seconds", b"!")

    async def stop(self) -> None:
        self._task.cancel()


@pytest.mark.parametrize(("lose", "seconds"), [("memory", b"......"), ("disk", b"...")])
def test_the_dead_say_nothing_more(lose: Literal["memory", "disk"], seconds: bytes) -> None:
    """No `finally` of a killed program has a say, not even at the world's end; the next life draws other ids."""
    Counting.ids = []

    async def story(world: World) -> None:
        await asyncio.sleep(2.5)
        world.crash(PARIS, lose=lose)
        before = world.disks[PARIS].read("seconds")
        await asyncio.sleep(100)
        assert world.disks[PARIS].read("seconds") == before == b"..."
        await world.restart(PARIS)
        await asyncio.sleep(2.5)
        assert world.disks[PARIS].read("seconds") == seconds

    in_world(story, agent=Counting)
    assert len(set(Counting.ids)) == 3


def test_a_crash_cancels_programs_but_no_users() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    async def story(world: World) -> None:
        program, user = world.run_at(PARIS, forever()), world.run_near(PARIS, forever())
        await asyncio.sleep(1)
        world.crash(PARIS)
        with pytest.raises(asyncio.CancelledError):
            await program
        assert not user.done()

    in_world(story)


def test_crashing_twice_and_restarting_twice_does_no_more() -> None:
    async def story(world: World) -> None:
        await create(world, RENNES)
        world.crash(RENNES)
        world.crash(RENNES, lose="disk")
        await world.restart(RENNES)
        await create(world, RENNES)
        await world.restart(RENNES)
        assert "team" in await names(world, PARIS, RENNES)

    in_world(story)


def test_a_site_that_stays_down_or_paused_does_not_hold_up_the_end() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    async def story(world: World) -> None:
        world.run_at(RENNES, forever())
        world.pause(RENNES)
        world.crash(PARIS)

    in_world(story)


def test_a_paused_site_answers_when_it_goes_on() -> None:
    async def story(world: World) -> None:
        world.pause(RENNES)
        asked = asyncio.ensure_future(names(world, PARIS, RENNES))
        await asyncio.sleep(20)
        assert not asked.done()
        world.resume(RENNES)
        assert "default" in await asked
        assert world.loop.time() == pytest.approx(20.02, abs=0.001), "the connection stood and the request had arrived"

    in_world(story)


def test_a_wrong_clock_shows_in_what_the_site_writes() -> None:
    async def story(world: World) -> None:
        world.skew(RENNES, 86_400)
        await create(world, RENNES)
        async with world.session(PARIS).get(world.apiserver_url(RENNES) + NAMESPACES + "/team") as response:
            assert (await response.json())["metadata"]["creationTimestamp"] == "2026-01-02T00:00:00Z"
        assert world.now() == EPOCH_S + world.loop.time(), "the clock of the world itself is right"

    in_world(story)


def test_without_names_a_site_reaches_only_itself() -> None:
    async def story(world: World) -> None:
        world.dns(PARIS, works=False)
        with pytest.raises(aiohttp.ClientConnectorDNSError):
            await names(world, PARIS, RENNES)
        assert await names(world, PARIS, PARIS)
        assert await names(world, RENNES, PARIS)
        world.dns(PARIS, works=True)
        assert await names(world, PARIS, RENNES)

    in_world(story)


def test_two_runs_with_crashes_have_one_trace() -> None:
    async def story(world: World) -> None:
        for lose in ("memory", "disk"):
            await create(world, RENNES)
            watching = asyncio.ensure_future(names(world, PARIS, RENNES))
            await asyncio.sleep(0.05)
            world.crash(RENNES, lose=lose)
            await asyncio.gather(watching, return_exceptions=True)
            await world.restart(RENNES)
            if lose == "memory":
                async with world.session(RENNES).delete(world.apiserver_url(RENNES) + NAMESPACES + "/team"):
                    await asyncio.sleep(1)

    assert in_world(story) == in_world(story)
