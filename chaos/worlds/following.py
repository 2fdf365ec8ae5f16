"""A client at a site that builds up a picture from watches, as controllers do: list, then watch from there, and list again
when the watch is too old. Run only where a scenario asks for it, since every request is part of a run's trace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import msgspec

from chaos.checks import watches
from chaos.checks.evidence import Followed

if TYPE_CHECKING:
    from chaos.scenario.timeline import Timeline
    from chaos.worlds.virtual import World

PATHS: Final = ("/api/v1/namespaces", "/api/v1/configmaps")
AGAIN_S: Final = 1.0
"""After a connection that failed."""
_ENDLESS: Final = aiohttp.ClientTimeout(total=None, sock_connect=10.0)
_LIST_TIMEOUT: Final = aiohttp.ClientTimeout(total=10.0)


@dataclass(slots=True)
class Follower:
    """`picture` maps `namespaces/NAME` and `namespaces/NAME/configmaps/NAME` to resourceVersions. `url` is what the site's users
    talk to, `session` stands at the site."""

    url: str
    session: aiohttp.ClientSession
    events: int = 0
    pictures: dict[str, dict[str, str]] = field(default_factory=dict)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def follow(self, path: str) -> None:
        """Until cancelled. What a server or a link does is waited out."""
        while True:
            try:
                version = await self._list(path)
                while version:
                    version = await self._watch(path, version)
            except (TimeoutError, aiohttp.ClientError, ConnectionError):
                await asyncio.sleep(AGAIN_S)

    async def _list(self, path: str) -> str:
        items, version = await self.listed(path)
        self.pictures[path] = items
        return version

    async def listed(self, path: str) -> tuple[dict[str, str], str]:
        """What a list shows now, and its resourceVersion."""
        async with self.session.get(self.url + path, timeout=_LIST_TIMEOUT) as response:
            response.raise_for_status()
            body = msgspec.json.decode(await response.read())
        return {name_of(item): item["metadata"]["resourceVersion"] for item in body["items"]}, body["metadata"][
            "resourceVersion"
        ]

    async def _watch(self, path: str, version: str) -> str:
        """The version to go on from; "" when the server has forgotten it."""
        parameters = {"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true"}
        async with self.session.get(self.url + path, params=parameters, timeout=_ENDLESS) as response:
            response.raise_for_status()
            async for line in response.content:
                event = msgspec.json.decode(line)
                if event["type"] == "ERROR":
                    return ""
                version = self._take(path, event)
        return version

    def _take(self, path: str, event: Mapping[str, Any]) -> str:
        item = event["object"]
        version: str = item["metadata"]["resourceVersion"]
        if event["type"] == "BOOKMARK":
            return version
        self.events += 1
        if event["type"] == "DELETED":
            self.pictures[path].pop(name_of(item), None)
        else:
            self.pictures[path][name_of(item)] = version
        return version

    async def stop(self) -> Followed:
        """The picture, beside what lists show at this very moment; then the watches end."""
        try:
            lists = [(await self.listed(path))[0] for path in PATHS]
        except (TimeoutError, aiohttp.ClientError, ConnectionError) as error:
            return Followed(problem=f"{type(error).__name__}: {error}")
        finally:
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)
        watched = {name: version for picture in self.pictures.values() for name, version in picture.items()}
        return Followed(watched=watched, listed=_merged(lists), events=self.events)


def follow_sites(world: World, timeline: Timeline) -> dict[str, Follower]:
    """A follower at each site, at work already; none where the timeline does not claim what watches tell."""
    if not any(claim.name == watches.NAME for claim in timeline.claims):
        return {}
    followers = {site: Follower(url=world.agent_url(site), session=world.session(site)) for site in timeline.sites}
    for site, follower in followers.items():
        follower.tasks += [world.run_near(site, follower.follow(path)) for path in PATHS]
    return followers


def _merged(lists: list[dict[str, str]]) -> dict[str, str]:
    return {name: version for found in lists for name, version in found.items()}


def name_of(item: Mapping[str, Any]) -> str:
    metadata = item["metadata"]
    inside = metadata.get("namespace")
    return f"namespaces/{inside}/configmaps/{metadata['name']}" if inside else f"namespaces/{metadata['name']}"
