"""Rollouts in virtual time: ten minutes of them cost nothing, and two runs are alike."""

from __future__ import annotations

import asyncio
import time

import pytest

from chaos.virtual.loop import VirtualLoop
from chaos.virtual.run import run_virtual
from chaos.worlds.virtual import World
from fakekube.controllers import STAGES
from tests.unit.fakekube.controllers.cluster_site import Obj, condition, deployment

SLOW = STAGES.delayed(start=30, ready=90)
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
PATCH = {"Content-Type": "application/merge-patch+json"}
ONE_BY_ONE = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
NEW_IMAGE = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:2"}]}}}}


async def until_rolled_out(world: World, generation: int) -> Obj:
    while True:
        async with world.session("paris").get(f"{DEPLOYMENTS}/web") as response:
            web: Obj = await response.json()
        progress = condition(web, "Progressing")
        seen = web["status"].get("observedGeneration") == generation
        if seen and progress is not None and progress["reason"] == "NewReplicaSetAvailable":
            return web
        await asyncio.sleep(5)


async def rolled_out(world: World) -> tuple[float, str]:
    """The seconds of one rollout, pod by pod, and the pods at its end."""
    session = world.session("paris")
    async with session.post(DEPLOYMENTS, json=deployment(replicas=5, strategy=ONE_BY_ONE)) as response:
        assert response.status == 201
    await until_rolled_out(world, 1)
    began = world.now()
    async with session.patch(f"{DEPLOYMENTS}/web", json=NEW_IMAGE, headers=PATCH) as response:
        assert response.status == 200
    await until_rolled_out(world, 2)
    async with session.get("/api/v1/namespaces/default/pods") as response:
        return world.now() - began, await response.text()


def rollout_in_a_world() -> tuple[float, str]:
    found: list[tuple[float, str]] = []

    async def main(_: VirtualLoop) -> None:
        async with World(["paris"], seed=3, agent=None, controllers="workloads", stages=SLOW) as world:
            found.append(await rolled_out(world))

    run_virtual(main)
    return found[0]


def test_a_rollout_of_ten_minutes_takes_no_time_and_repeats() -> None:
    began = time.monotonic()
    took, pods = rollout_in_a_world()
    assert 600 <= took < 700
    assert time.monotonic() - began < took / 10
    assert rollout_in_a_world() == (took, pods)


def test_a_world_refuses_controllers_it_does_not_know() -> None:
    async def main(_: VirtualLoop) -> None:
        with pytest.raises(ValueError, match="core or workloads"):
            World(1, controllers="all")  # type: ignore[arg-type]  # what is wrong is the point

    run_virtual(main)
