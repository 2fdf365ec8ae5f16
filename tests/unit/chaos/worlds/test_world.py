"""The virtual world: real apiservers, real clients, links that cut, and no machine time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random

import aiohttp
import pytest

from chaos.scenario.links import LinkQuality
from chaos.virtual.loop import EPOCH_S, VirtualLoop
from chaos.virtual.run import run_virtual
from chaos.virtual.sites import current_site
from chaos.worlds.virtual import World
from collab.agent.config import AgentConfig
from collab.agent.disk import Disk

NAMESPACES = "/api/v1/namespaces"
TEAM = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}


def in_world(story: Callable[[World], Coroutine[object, object, None]], **options: object) -> None:
    """Run `story` in a world of three sites without agents, 20 ms apart."""

    async def main(_: VirtualLoop) -> None:
        async with World(**{"sites": 3, "agent": None, **options}) as world:  # type: ignore[arg-type]  # by name
            await story(world)

    run_virtual(main)


async def names_at(world: World, asker: str, site: str) -> list[str]:
    async with world.session(asker).get(world.apiserver_url(site) + NAMESPACES) as response:
        return [item["metadata"]["name"] for item in (await response.json())["items"]]


def test_sites_are_apart() -> None:
    async def story(world: World) -> None:
        async with world.session("site-000").post(NAMESPACES, json=TEAM) as response:
            assert response.status == 201
        assert "team" in await names_at(world, "site-000", "site-000")
        assert "team" not in await names_at(world, "site-000", "site-001")

    in_world(story)


def test_a_request_costs_the_latency_of_the_asking_site() -> None:
    async def story(world: World) -> None:
        start = world.loop.time()
        await names_at(world, "site-000", "site-000")
        assert world.loop.time() == start
        await names_at(world, "site-000", "site-001")
        assert world.loop.time() - start == pytest.approx(0.08), "connect and request, one round trip each"

    in_world(story, link=LinkQuality(latency_s=0.02))


def test_single_links_may_differ() -> None:
    async def story(world: World) -> None:
        start = world.loop.time()
        await names_at(world, "site-000", "site-001")
        assert world.loop.time() - start == pytest.approx(2 * (0.5 + 0.02))

    in_world(story, links={("site-000", "site-001"): LinkQuality(latency_s=0.5)})


def test_a_cut_link_refuses_and_a_healed_one_serves() -> None:
    async def story(world: World) -> None:
        world.partition("site-000", ["site-001", "site-002"], mode="reject")
        with pytest.raises(aiohttp.ClientConnectorError):
            await names_at(world, "site-000", "site-001")
        assert await names_at(world, "site-001", "site-002")
        world.heal("site-000", "site-001")
        assert await names_at(world, "site-000", "site-001")
        with pytest.raises(aiohttp.ClientConnectorError):
            await names_at(world, "site-000", "site-002")
        world.heal()
        assert await names_at(world, "site-000", "site-002")

    in_world(story)


def test_a_dropped_link_times_out_in_virtual_time() -> None:
    async def story(world: World) -> None:
        world.partition("site-000", "site-001", mode="drop", direction="to")
        start = world.now()
        with pytest.raises(TimeoutError):
            await names_at(world, "site-000", "site-001")
        assert world.now() - start == pytest.approx(30)

    in_world(story)


def test_programs_run_at_their_site_and_end_with_the_world() -> None:
    ended: list[str] = []

    async def program() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(current_site())

    async def story(world: World) -> None:
        task = world.run_at("site-002", program())
        await asyncio.sleep(1)
        assert not task.done()

    in_world(story)
    assert ended == ["site-002"]


def test_a_program_gives_its_result() -> None:
    async def where() -> str:
        return current_site()

    async def story(world: World) -> None:
        assert await world.run_at("site-001", where()) == "site-001"

    in_world(story)


def test_the_clock_is_the_world_s_own() -> None:
    async def story(world: World) -> None:
        assert world.now() == EPOCH_S
        await asyncio.sleep(3600)
        assert world.now() == EPOCH_S + 3600

    in_world(story)


class Recorder:
    """A downstream agent that only notes with what it was made."""

    made: dict[str, tuple[AgentConfig, Disk, int]]
    stopped: list[str]

    def __init__(self, config: AgentConfig, *, disk: Disk, now: Callable[[], float], rng: Random) -> None:
        self.config = config
        type(self).made[config.site] = (config, disk, rng.getrandbits(32))

    async def start(self) -> None:
        assert current_site() == self.config.site

    async def stop(self) -> None:
        type(self).stopped.append(self.config.site)


def test_a_world_runs_agents_of_its_user() -> None:
    Recorder.made, Recorder.stopped = {}, []

    async def story(world: World) -> None:
        config, disk, _ = Recorder.made["site-001"]
        assert config.apiserver.url == "http://site-001:6443"
        assert config.resolve("site-002", "") == "http://site-002:8443"  # type: ignore[arg-type]  # a SiteName
        assert disk is world.disks["site-001"]
        assert world.url("site-001") == "http://site-001:8443"

    in_world(story, agent=Recorder, seed=4)
    first = {site: drawn for site, (_, _, drawn) in Recorder.made.items()}
    assert len(set(first.values())) == 3, "each site has chance of its own"
    assert Recorder.stopped == ["site-000", "site-001", "site-002"]

    in_world(story, agent=Recorder, seed=4)
    assert {site: drawn for site, (_, _, drawn) in Recorder.made.items()} == first


def test_an_unknown_site_is_named() -> None:
    async def story(world: World) -> None:
        with pytest.raises(ValueError, match="unknown site 'paris': this world has site-000 to site-002"):
            world.partition("site-000", "paris")
        with pytest.raises(ValueError, match="unknown site 'paris'"):
            world.session("paris")
        with pytest.raises(ValueError, match="this world has no agents"):
            await world.start_agent("site-000")

    in_world(story)


def test_outside_a_virtual_loop_the_mistake_is_explained() -> None:
    with pytest.raises(RuntimeError, match="a World lives on a VirtualLoop"):
        World(sites=2)
