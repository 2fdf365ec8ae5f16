"""The agent's own HTTP API: what it answers, what it refuses and how; and what an agent leaves behind when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from collab.agent.disk import MemoryDisk
from tests.e2e.collab_sites import Federation, SiteUp, federation, until

API = "/collab/v1"
Story = Callable[[Federation], Awaitable[None]]


def told(story: Story, *sites: str) -> None:
    async def scenario() -> None:
        async with federation(*sites) as all_sites:
            await story(all_sites)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "verb: must be one of"),
        ([], "body: must be a JSON object"),
        ({"verb": "extend", "resource": "namespaces/x"}, "to: extend needs a site"),
        ({"verb": "extend", "resource": "pods/x", "to": "b"}, "must be namespaces/NAME"),
        ({"verb": "extend", "resource": "namespaces/kube-system", "to": "b"}, "system namespace"),
        ({"verb": "extend", "resource": "namespaces/x", "to": "b", "colour": 1}, "colour: unknown member"),
        ({"verb": "extend", "resource": "namespaces/x", "to": "b", "timeoutSeconds": -1}, "timeoutSeconds: must be"),
    ],
)
def test_an_operation_that_cannot_be_understood_is_400_and_names_the_member(body: object, said: str) -> None:
    async def story(sites: Federation) -> None:
        reply = await sites["a"].ask("POST", f"{API}/operations", body)
        assert (reply.status, reply.body["kind"]) == (400, "Status")
        assert said in str(reply.body["message"])

    told(story, "a", "b")


def test_a_body_that_is_no_json_or_too_long_is_400() -> None:
    async def story(sites: Federation) -> None:
        a = sites["a"]
        for data in (b"{", b"x" * (5 << 20)):
            async with a.session.post(f"{a.agent.url}{API}/operations", data=data) as answer:
                assert answer.status == 400

    told(story, "a")


def test_an_operation_id_acts_once_and_is_found_again() -> None:
    async def story(sites: Federation) -> None:
        a = sites["a"]
        assert (await a.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "team"}})).status == 201
        asked = [await a.operate("extend", "team", to="b", id="op-mine") for _ in range(2)]
        assert asked[0].body == asked[1].body
        assert (await a.ask("GET", f"{API}/operations/op-mine")).body == asked[0].body
        listed = (await a.ask("GET", f"{API}/operations")).body["operations"]
        assert listed == [asked[0].body]

    told(story, "a", "b")


def test_views_are_json_and_what_is_not_there_is_404() -> None:
    async def story(sites: Federation) -> None:
        a = sites["a"]
        assert (await a.ask("GET", f"{API}/records")).body == {"site": "a", "records": []}
        assert (await a.ask("GET", f"{API}/conflicts")).body == {"conflicts": []}
        assert (await a.ask("GET", f"{API}/sites")).body["site"] == "a"
        for path in ("records/none", "operations/none", "nothing", "sites/b"):
            assert (await a.ask("GET", f"{API}/{path}")).status == 404
        assert (await a.ask("DELETE", f"{API}/records")).status == 405
        assert (await a.ask("GET", f"{API}/why?resource=namespaces/team&path=labels/crop")).status == 404
        assert (await a.ask("GET", f"{API}/why?resource=namespaces/team&path=crop")).status == 400
        assert (await a.ask("GET", f"{API}/why?resource=pods/team&path=labels/crop")).status == 400

    told(story, "a", "b")


def test_a_record_is_found_by_its_id() -> None:
    async def story(sites: Federation) -> None:
        a = sites["a"]
        made = await a.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "team"}}, scope="a & b")
        assert made.status == 201
        record = await a.record("team")
        assert (await a.ask("GET", f"{API}/records/{record['gid']}")).body == record

    told(story, "a", "b")


def test_explain_knows_the_sites() -> None:
    async def story(sites: Federation) -> None:
        a = sites["a"]
        plan = await a.ask("GET", f"{API}/explain?scope=b%7Ca")
        assert (plan.body["scope"], plan.body["alternatives"]) == ("b | a", [["b"], ["a"]])
        unknown = await a.ask("GET", f"{API}/explain?scope=a%26nowhere")
        assert (unknown.status, unknown.body["message"]) == (
            400,
            "scope, column 3: unknown site 'nowhere': not among this site's peers",
        )
        assert (await a.ask("GET", f"{API}/explain?scope=a%25b")).status == 501

    told(story, "a", "b")


def test_health_and_metrics_are_for_probes() -> None:
    async def story(sites: Federation) -> None:
        a = sites["a"]
        async with a.session.get(f"{a.agent.url}/healthz") as answer:
            assert (answer.status, await answer.text()) == (200, "ok\n")
        await a.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "team"}}, scope="a & b")
        async with a.session.get(f"{a.agent.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        assert "collab_records 1" in lines
        assert "collab_peers_live 1" in lines
        assert "collab_operations_pending 0" in lines

    told(story, "a", "b")


def test_nothing_runs_and_nothing_is_written_after_an_end() -> None:
    async def scenario() -> None:
        before = asyncio.all_tasks()
        async with federation("a", "b") as sites:
            a, b = sites["a"], sites["b"]
            made = await a.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "team"}}, scope="a & b")
            assert made.status == 201
            b.agent.kill()
            assert isinstance(b.disk, MemoryDisk)
            files = dict(b.disk.files)
            await a.label("team", after="x")
            assert b.disk.files == files
        # what a client of this test holds open ends a moment later
        await asyncio.sleep(0)
        left = [task for task in asyncio.all_tasks() - before if "collab" in repr(task.get_coro())]
        assert left == []

    asyncio.run(scenario())


class FullDisk(MemoryDisk):
    """A disk that is full from the moment it is told so."""

    full = False

    def append(self, name: str, data: bytes) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        super().append(name, data)


def test_a_full_disk_ends_collaboration_but_no_request_of_a_client() -> None:
    async def story(sites: Federation) -> None:
        a, b = sites["a"], sites["b"]
        assert (await a.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "team"}}, scope="a & b")).status == 201
        a.agent.kill()
        disk = FullDisk()
        disk.files = cast(MemoryDisk, a.disk).files
        a.disk = disk
        await sites.restart("a")
        await linked(b, "live")
        disk.full = True
        await a.label("team", k="v")
        with pytest.raises(OSError, match="No space left"):
            await asyncio.wait_for(a.agent.failed(), 20)
        assert await a.labels("team") == {"k": "v"}
        await a.label("team", k="w")
        assert await a.labels("team") == {"k": "w"}
        assert (await a.operate("destroy", "team")).status == 503
        async with a.session.get(f"{a.agent.url}/healthz") as answer:
            assert answer.status == 503
        await linked(b, "down", "dialling")
        assert await b.labels("team") == {}

    told(story, "a", "b")


async def linked(site: SiteUp, *states: str) -> None:
    """Wait until the link to the only peer is in one of these states."""

    async def reached() -> bool:
        peers = (await site.ask("GET", f"{API}/sites")).body["peers"]
        assert isinstance(peers, list)
        return bool(peers) and peers[0]["state"] in states

    await until(reached, f"the link of {site.name} is {states}")


def test_an_agent_may_be_stopped_twice_and_started_by_another() -> None:
    async def story(sites: Federation) -> None:
        a = sites["a"]
        first = a.agent
        await first.stop()
        await first.stop()
        first.kill()
        await sites.restart("a")
        assert (await a.ask("GET", f"{API}/sites")).status == 200

    told(story, "a")
