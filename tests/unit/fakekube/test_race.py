"""List, then watch from its resourceVersion, while 1,000 clients write: no event is lost and none comes twice."""

from __future__ import annotations

import asyncio
import json
import random
import time
from typing import Any

import aiohttp

from fakekube.apiserver.server import Apiserver
from fakekube.http.site import HttpSite
from tests.unit.fakekube.sites import CONFIG_MAPS, config_map

WRITERS = 1000
NAMES = 200
WATCHERS = 10
CONNECTIONS = 100
PATIENCE_S = 60.0


class Follower:
    """Lists at some moment, follows with a watch, and keeps what every cache of a client keeps."""

    def __init__(self, client: aiohttp.ClientSession, url: str) -> None:
        self._client = client
        self._url = url
        self.held: dict[str, str] = {}
        self.seen: list[int] = []

    async def follow(self, until: asyncio.Future[int]) -> None:
        """Until the watch has reached the revision that `until` tells."""
        listed = await (await self._client.get(self._url)).json()
        self.held = {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in listed["items"]}
        self.seen = [int(listed["metadata"]["resourceVersion"])]
        query = {"watch": "1", "resourceVersion": listed["metadata"]["resourceVersion"]}
        async with self._client.get(self._url, params=query) as watch:
            async for line in watch.content:
                self._take(json.loads(line))
                if until.done() and self.seen[-1] >= until.result():
                    return

    def _take(self, event: dict[str, Any]) -> None:
        meta = event["object"]["metadata"]
        assert (event["type"] == "ADDED") == (meta["name"] not in self.held)
        self.seen.append(int(meta["resourceVersion"]))
        if event["type"] == "DELETED":
            del self.held[meta["name"]]
        else:
            self.held[meta["name"]] = meta["resourceVersion"]


async def _write(client: aiohttp.ClientSession, url: str, number: int) -> None:
    """Create, change and sometimes delete one of a few names; who loses against another writer has lost."""
    await asyncio.sleep(number / WRITERS)
    name = f"x{number % NAMES}"
    async with client.post(url, json=config_map(name, a=str(number))) as created:
        assert created.status in (201, 409)
    patch = {"data": {"a": f"again {number}"}}
    merge = {"Content-Type": "application/merge-patch+json"}
    async with client.patch(f"{url}/{name}", data=json.dumps(patch), headers=merge) as patched:
        assert patched.status in (200, 404)
    if number % 3 == 0:
        async with client.delete(f"{url}/{name}") as deleted:
            assert deleted.status in (200, 404)


def test_a_thousand_writers_and_no_event_is_lost_or_repeated() -> None:
    async def story() -> None:
        site = HttpSite(Apiserver(name="paris", now=time.time, rng=random.Random(1)))
        url = await site.listen() + CONFIG_MAPS
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as writing,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as watching,
        ):
            until: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            followers = [Follower(watching, url) for _ in range(WATCHERS)]
            following: list[asyncio.Task[None]] = []

            async def join() -> None:
                for follower in followers:
                    following.append(asyncio.create_task(follower.follow(until)))
                    await asyncio.sleep(1 / WATCHERS)

            await asyncio.gather(join(), *(_write(writing, url, number) for number in range(WRITERS)))
            last = await (await writing.post(url, json=config_map("last"))).json()
            until.set_result(int(last["metadata"]["resourceVersion"]))
            await asyncio.wait_for(asyncio.gather(*following), PATIENCE_S)
            listed = await (await writing.get(url)).json()
        await site.close()
        truth = {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in listed["items"]}
        for follower in followers:
            assert follower.held == truth
            assert follower.seen == sorted(set(follower.seen))
        tails = {tuple(seen for seen in follower.seen if seen > followers[-1].seen[0]) for follower in followers}
        assert len(tails) == 1

    asyncio.run(story())
