"""A controller that copies the ConfigMaps of one site to another: first as it is often written, then as it works.

Nothing here knows of fakekube. It is plain aiohttp, and takes the two apiservers' URLs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

PATH = "/api/v1/namespaces/default/configmaps"
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=30)
RETRY_S = 5


class Copier:
    """Copies by events: what the watch tells is written to the target. It looks right, and it passes every test on a good link."""

    def __init__(self, source: str, target: str) -> None:
        self.source = source + PATH
        self.target = target + PATH

    async def run(self) -> None:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            version = ""
            while True:
                try:
                    async for kind, found in self.watch(session, version):
                        version = found["metadata"]["resourceVersion"]
                        if kind in ("ADDED", "MODIFIED"):
                            await self.write(session, found)
                except (aiohttp.ClientError, TimeoutError):
                    await asyncio.sleep(RETRY_S)

    async def watch(self, session: aiohttp.ClientSession, version: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Events from a version on; from the beginning without one."""
        query = {"watch": "true", **({"resourceVersion": version} if version else {})}
        async with session.get(self.source, params=query) as response:
            async for line in response.content:
                event = json.loads(line)
                yield event["type"], event["object"]

    async def write(self, session: aiohttp.ClientSession, found: dict[str, Any]) -> None:
        """Make the target's copy equal."""
        name = found["metadata"]["name"]
        copy = {"metadata": {"name": name}, "data": found.get("data", {})}
        async with session.put(f"{self.target}/{name}", json=copy) as response:
            missing = response.status == 404
        if missing:
            async with session.post(self.target, json=copy) as response:
                response.raise_for_status()


class LevelCopier(Copier):
    """Copies by state: events only say that it is time to look, and what failed is looked at again."""

    async def run(self) -> None:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            while True:
                try:
                    await self.copy_what_differs(session)
                    async for _ in self.watch(session, ""):
                        await self.copy_what_differs(session)
                except (aiohttp.ClientError, TimeoutError):
                    await asyncio.sleep(RETRY_S)

    async def copy_what_differs(self, session: aiohttp.ClientSession) -> None:
        wanted, there = await self.list(session, self.source), await self.list(session, self.target)
        for name in sorted(wanted):
            if wanted[name].get("data") != there.get(name, {}).get("data"):
                await self.write(session, wanted[name])

    async def list(self, session: aiohttp.ClientSession, url: str) -> dict[str, dict[str, Any]]:
        async with session.get(url) as response:
            response.raise_for_status()
            return {item["metadata"]["name"]: item for item in (await response.json())["items"]}
