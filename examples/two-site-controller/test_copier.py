"""Two sites, a link that comes and goes, and one question: is the copy right in the end?

pytest --copier=naive --fakekube-runs=20      # finds seeds that lose an update, and prints how to see one again
pytest --copier=level --fakekube-runs=20      # passes
"""

from __future__ import annotations

import asyncio
import random

import pytest
from copier import PATH, Copier

from chaos.worlds.virtual import World

pytestmark = pytest.mark.fakekube_world(sites=["paris", "rennes"], agent=None)


async def write(world: World, name: str, value: int) -> None:
    """A user at paris writes a ConfigMap."""
    session, body = world.session("paris"), {"metadata": {"name": name}, "data": {"value": str(value)}}
    async with session.put(f"{PATH}/{name}", json=body) as response:
        missing = response.status == 404
    if missing:
        await session.post(PATH, json=body)


async def values(world: World, site: str) -> dict[str, str]:
    async with world.session(site).get(PATH) as response:
        return {item["metadata"]["name"]: item["data"].get("value") for item in (await response.json())["items"]}


async def test_the_copy_is_right_on_a_good_link(world: World, copier: type[Copier]) -> None:
    world.run_at("paris", copier(world.apiserver_url("paris"), world.apiserver_url("rennes")).run())
    for number in range(10):
        await write(world, f"config-{number % 3}", number)
        await asyncio.sleep(1)
    await asyncio.sleep(60)
    ours = await values(world, "paris")
    assert {name: value for name, value in (await values(world, "rennes")).items() if name in ours} == ours


async def test_the_copy_is_right_after_cuts(world: World, copier: type[Copier], fakekube_seed: int) -> None:
    chance = random.Random(fakekube_seed)
    world.run_at("paris", copier(world.apiserver_url("paris"), world.apiserver_url("rennes")).run())
    for number in range(10):
        await asyncio.sleep(chance.uniform(0, 20))
        if chance.random() < 0.3:
            world.partition("paris", "rennes", mode=chance.choice(["drop", "reject"]))
        await write(world, f"config-{number % 3}", number)
        await asyncio.sleep(chance.uniform(0, 60))
        world.heal()
    await asyncio.sleep(300)
    ours = await values(world, "paris")
    assert {name: value for name, value in (await values(world, "rennes")).items() if name in ours} == ours
