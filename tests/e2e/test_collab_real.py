"""One site is a real kube-apiserver, the other a fake: the same agent, nobody can tell."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from collab.agent.config import AgentConfig, ApiserverAddress
from collab.agent.disk import FileDisk
from collab.agent.main import Agent
from tests.e2e.collab_sites import Federation, SiteUp, federation, until
from tests.real.start import RealApiserver

pytestmark = pytest.mark.real

NAMESPACES = "/api/v1/namespaces"


@asynccontextmanager
async def beside(real: RealApiserver, sites: Federation, folder: Path) -> AsyncIterator[SiteUp]:
    """The agent of site real, which knows site fake of `sites` and is known to it by a template of addresses."""
    token = folder / "token"
    token.write_text(real.token)
    address = ApiserverAddress(url=real.url, ca=real.ca, token_file=str(token))
    config = AgentConfig(site="real", apiserver=address, peers={"fake": sites["fake"].agent.url})
    disk = FileDisk(folder / "real" / "data")
    agent = Agent(config, disk=disk, now=time.time, rng=random.Random())
    await agent.start()
    async with aiohttp.ClientSession() as session:
        try:
            yield SiteUp("real", sites["fake"].http, real.url, config, disk, agent, session, real.token)
        finally:
            await agent.stop()


def name_of_this_run() -> str:
    """The real server is shared by the session's tests."""
    return f"team-{random.Random().getrandbits(32):08x}"


def test_a_namespace_of_a_real_cluster_is_shared_edited_on_both_sides_and_left(
    real_apiserver: RealApiserver, tmp_path: Path
) -> None:
    team = name_of_this_run()

    async def scenario() -> None:
        async with federation("fake") as sites, beside(real_apiserver, sites, tmp_path) as real:
            fake = sites["fake"]
            fake.config.peers["real"] = real.agent.url  # type: ignore[index]  # a map in these tests
            made = await real.ask("POST", NAMESPACES, {"metadata": {"name": team, "labels": {"k": "1"}}})
            assert made.status == 201
            extended = await real.operate("extend", team, to="fake", **{"with": ["configmaps"]})
            assert (extended.status, extended.body["state"]) == (200, "done"), extended.body
            await real.label(team, from_real="x")
            await fake.label(team, from_fake="y")
            want = {"k": "1", "from_real": "x", "from_fake": "y"}

            async def equal() -> bool:
                return await real.labels(team) == await fake.labels(team) == want

            await until(equal, "equal labels")
            path = f"{NAMESPACES}/{team}/configmaps"
            assert (await fake.ask("POST", path, {"metadata": {"name": "app"}, "data": {"c": "red"}})).status == 201

            async def there() -> bool:
                return (await real.ask("GET", f"{path}/app")).body.get("data") == {"c": "red"}

            await until(there, "the ConfigMap in the real cluster")
            moved = await real.operate("reattach", team, to="fake")
            assert moved.body["state"] == "done", moved.body
            assert (await real.ask("DELETE", f"{NAMESPACES}/{team}")).status == 200

            async def left() -> bool:
                return not await real.labels(team) and (await real.record(team)).get("state") == "left"

            await until(left, "the real cluster without it")
            assert await fake.labels(team) == want

    asyncio.run(scenario())


def test_requests_pass_through_to_a_real_server_as_they_are(real_apiserver: RealApiserver, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with federation("fake") as sites, beside(real_apiserver, sites, tmp_path) as real:
            for path in ("/api", "/apis", "/version", "/openapi/v3", "/api/v1/namespaces/none", "/readyz?verbose"):
                direct = await _raw(real, real_apiserver.url + path)
                passed = await _raw(real, real.agent.url + path)
                assert passed == direct, path

    asyncio.run(scenario())


async def _raw(site: SiteUp, url: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers but the two that name the one request, body."""
    headers = {"Authorization": f"Bearer {site.token}"}
    async with site.session.get(url, headers=headers, ssl=False) as answer:
        kept = [(name, value) for name, value in answer.headers.items() if name not in ("Audit-Id", "Date")]
        return answer.status, kept, await answer.read()
