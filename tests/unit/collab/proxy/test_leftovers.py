"""A copy that a fallen-through create left behind: removed when nobody touched it, kept and reported when somebody did."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from collab.agent import journal
from collab.agent.config import AgentConfig, ApiserverAddress
from collab.agent.disk import MemoryDisk
from collab.agent.journals import LEFTOVERS
from collab.agent.leftovers import Leftover, Leftovers, unmodified
from collab.agent.link import open_session, plain_connector
from collab.agent.passing import Upstream
from collab.agent.sites import Sites
from collab.agent.tasks import Tasks
from collab.protocol.names import SiteName
from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from fakekube.apiserver.server import Apiserver
from fakekube.http.site import HttpSite
from fakekube.meta.objects import KubeObject

PATH = "/api/v1/namespaces/default/configmaps/app"
MANIFEST: KubeObject = {
    "kind": "ConfigMap",
    "apiVersion": "v1",
    "metadata": {"name": "app", "annotations": {"collab.fakekube.dev/operation": "op-1"}},
    "data": {"colour": "red"},
}
LEFT = Leftover(operation="op-1", site=SiteName("b"), path=PATH, manifest=MANIFEST)


class WatchedDisk(MemoryDisk):
    """Tells when nothing is left to look after."""

    def __init__(self) -> None:
        super().__init__()
        self.emptied = asyncio.Event()

    def replace(self, name: str, data: bytes) -> None:
        super().replace(name, data)
        if not data:
            self.emptied.set()


@dataclass
class Looked:
    """Leftovers at work beside a fake site b, their disk and what they reported."""

    leftovers: Leftovers
    apiserver: Apiserver
    disk: WatchedDisk
    notes: list[str] = field(default_factory=list)

    def ask(self, method: str, path: str, body: KubeObject | None = None) -> int:
        data = json.dumps(body).encode() if body else b""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        answer = self.apiserver.handle(Request(method=method, path=path, headers={"content-type": kind}, body=data))
        assert isinstance(answer, Response)
        return answer.status

    def make(self, manifest: KubeObject = MANIFEST) -> None:
        assert self.ask("POST", PATH.rpartition("/")[0], manifest) == 201

    async def settled(self) -> None:
        await asyncio.wait_for(self.disk.emptied.wait(), 20)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collab.agent.leftovers.FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr("collab.agent.leftovers.PAUSE_MAX_S", 0.01)


@asynccontextmanager
async def looked(disk: WatchedDisk | None = None) -> AsyncIterator[Looked]:
    apiserver = Apiserver(name="b", now=time.time, rng=random.Random(1))
    http, tasks = HttpSite(apiserver), Tasks()
    url = await http.listen()
    config = AgentConfig(site="a", apiserver=ApiserverAddress(url=url), peers={"b": url})
    async with open_session(plain_connector()) as session:
        sites = Sites(config, session=session, local=Upstream(url=url), now=time.time)
        disk = disk or WatchedDisk()
        notes: list[str] = []
        leftovers = Leftovers(
            disk, sites=sites, tasks=tasks, rng=random.Random(1), note=lambda kind, text: notes.append(kind)
        )
        yield Looked(leftovers, apiserver, disk, notes)
        await tasks.finish()
    await http.close()


def test_an_untouched_copy_is_removed() -> None:
    async def scenario() -> None:
        async with looked() as site:
            site.make()
            site.leftovers.add(LEFT)
            await site.settled()
            assert (site.ask("GET", PATH), site.notes) == (404, ["LeftoverRemoved"])

    asyncio.run(scenario())


def test_a_copy_that_turns_up_late_is_removed_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collab.agent.leftovers.ABSENT_TIMES", 10**6)

    async def scenario() -> None:
        async with looked() as site:
            site.leftovers.add(LEFT)
            await asyncio.sleep(0.05)
            site.make()
            await site.settled()
            assert site.ask("GET", PATH) == 404

    asyncio.run(scenario())


def test_a_copy_that_somebody_changed_stays_and_is_reported() -> None:
    async def scenario() -> None:
        async with looked() as site:
            site.make()
            assert site.ask("PATCH", PATH, {"data": {"colour": "blue"}}) == 200
            site.leftovers.add(LEFT)
            await site.settled()
            assert (site.ask("GET", PATH), site.notes) == (200, ["LeftoverKept"])

    asyncio.run(scenario())


def test_an_unrelated_object_of_the_name_is_left_alone() -> None:
    async def scenario() -> None:
        async with looked() as site:
            site.make({**MANIFEST, "metadata": {"name": "app"}})
            site.leftovers.add(LEFT)
            await site.settled()
            assert (site.ask("GET", PATH), site.notes) == (200, [])

    asyncio.run(scenario())


def test_a_copy_that_never_turns_up_is_forgotten() -> None:
    async def scenario() -> None:
        async with looked() as site:
            site.leftovers.add(LEFT)
            await site.settled()
            assert site.notes == []

    asyncio.run(scenario())


def test_the_next_run_goes_on_where_the_last_one_stopped() -> None:
    async def scenario() -> None:
        disk = WatchedDisk()
        async with looked(disk) as first:
            first.leftovers.add(LEFT)
        assert len(journal.read(disk.read(LEFTOVERS)).payloads) == 1
        async with looked(disk) as second:
            second.make()
            second.leftovers.resume()
            await second.settled()
            assert second.ask("GET", PATH) == 404

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("found", "same"),
    [
        (MANIFEST, True),
        ({**MANIFEST, "metadata": {**MANIFEST["metadata"], "labels": {"kubernetes.io/metadata.name": "x"}}}, True),
        ({**MANIFEST, "metadata": {**MANIFEST["metadata"], "labels": {"mine": "x"}}}, False),
        ({**MANIFEST, "metadata": {**MANIFEST["metadata"], "generation": 1}, "spec": {"defaulted": 1}}, True),
        ({**MANIFEST, "metadata": {**MANIFEST["metadata"], "generation": 2}}, False),
        ({**MANIFEST, "data": {}}, False),
    ],
)
def test_what_counts_as_a_change(found: KubeObject, same: bool) -> None:
    assert unmodified(MANIFEST, found) is same
