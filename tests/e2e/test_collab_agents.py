"""Agents over real sockets, from extend to destroy: what a user sees on both sides of links that are cut and healed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from collab.agent.disk import MemoryDisk
from collab.agent.journals import DamagedJournal
from tests.e2e.collab_sites import Federation, SiteUp, federation, until

NAMESPACES = "/api/v1/namespaces"
Story = Callable[[Federation], Awaitable[None]]


def told(story: Story, *sites: str) -> None:
    """Run a story among these sites."""

    async def scenario() -> None:
        async with federation(*sites) as all_sites:
            await story(all_sites)

    asyncio.run(scenario())


async def share(site: SiteUp, *others: str, kinds: tuple[str, ...] = ()) -> None:
    """Make namespace team at `site` and extend it to the others."""
    made = await site.ask("POST", NAMESPACES, {"metadata": {"name": "team", "labels": {"k": "1"}}})
    assert made.status == 201
    for other in others:
        extended = await site.operate("extend", "team", to=other, **{"with": list(kinds)} if kinds else {})
        assert (extended.status, extended.body["state"]) == (200, "done"), extended.body


async def agree(labels: dict[str, str] | None, *sites: SiteUp) -> None:
    async def agreed() -> bool:
        return all([await site.labels("team") == labels for site in sites])

    await until(agreed, f"labels {labels} at {', '.join(site.name for site in sites)}")


async def converged(*sites: SiteUp) -> None:
    """The record has one digest everywhere."""

    async def equal() -> bool:
        rows = [await site.record("team") for site in sites]
        return len({(str(row["digest"]), str(row["valueDigest"]), str(row["owner"])) for row in rows}) == 1

    await until(equal, "one digest and one owner")


def test_a_namespace_is_extended_labelled_on_both_sides_and_equal() -> None:
    async def story(sites: Federation) -> None:
        a, b = sites["a"], sites["b"]
        await share(a, "b")
        assert await b.labels("team") == {"k": "1"}
        await a.label("team", from_a="x")
        await b.label("team", from_b="y", k=None)
        await agree({"from_a": "x", "from_b": "y"}, a, b)
        await converged(a, b)

    told(story, "a", "b")


def test_edits_across_a_cut_meet_after_the_heal_and_the_losing_value_is_shown() -> None:
    async def story(sites: Federation) -> None:
        a, b = sites["a"], sites["b"]
        await share(a, "b")
        sites.cut("a", "b")
        await a.label("team", left="x", same="of-a")
        await b.label("team", right="y", same="of-b")
        assert await a.labels("team") == {"k": "1", "left": "x", "same": "of-a"}
        sites.heal("a", "b")
        await converged(a, b)

        async def equal() -> bool:
            found = await a.labels("team")
            return found == await b.labels("team") and found is not None and {"left", "right"} <= set(found)

        await until(equal, "equal labels")
        kept = (await a.labels("team") or {})["same"]
        lost = {"of-a": "of-b", "of-b": "of-a"}[kept]
        for site in (a, b):
            conflicts = (await site.ask("GET", "/collab/v1/conflicts")).body["conflicts"]
            assert isinstance(conflicts, list)
            (conflict,) = conflicts
            assert conflict["object"] == "namespaces/team"
            assert (conflict["winner"]["value"], [one["value"] for one in conflict["losers"]]) == (kept, [lost])

    told(story, "a", "b")


def test_three_members_agree_while_two_of_them_cannot_meet() -> None:
    async def story(sites: Federation) -> None:
        a, b, c = sites["a"], sites["b"], sites["c"]
        await share(a, "b", "c")
        sites.cut("a", "b")
        await a.label("team", of_a="x")
        await b.label("team", of_b="y")
        await agree({"k": "1", "of_a": "x", "of_b": "y"}, a, b, c)
        # asked at a member that is not the owner, and cannot reach it: waits, and is done after the heal
        asked = await b.operate("retract", "team", **{"from": "c", "timeoutSeconds": 0.2})
        assert asked.body["state"] == "pending", asked.body
        sites.heal("a", "b")

        async def out() -> bool:
            return (await c.record("team")).get("state") == "left"

        await until(out, "c has left")
        await a.label("team", later="z")
        await agree({"k": "1", "of_a": "x", "of_b": "y", "later": "z"}, a, b)
        assert await c.labels("team") == {"k": "1", "of_a": "x", "of_b": "y"}

    told(story, "a", "b", "c")


def test_a_member_leaves_on_its_own_while_nobody_can_be_reached() -> None:
    async def story(sites: Federation) -> None:
        a, b = sites["a"], sites["b"]
        await share(a, "b")
        sites.cut("a", "b")
        left = await b.operate("retract", "team", **{"from": "b"})
        assert (left.status, left.body["state"]) == (200, "done"), left.body
        await a.label("team", later="z")
        sites.heal("a", "b")

        async def known() -> bool:
            members = (await a.record("team"))["members"]
            assert isinstance(members, list)
            return [member["state"] for member in members if member["site"] == "b"] == ["left"]

        await until(known, "a knows that b left")
        assert await b.labels("team") == {"k": "1"}

    told(story, "a", "b")


def test_ownership_moves_by_reattach_and_is_seized_across_a_cut() -> None:
    async def story(sites: Federation) -> None:
        a, b = sites["a"], sites["b"]
        await share(a, "b")
        assert ((await a.record("team"))["owner"], (await a.record("team"))["acting"]) == ("a", True)
        moved = await a.operate("reattach", "team", to="b")
        assert (moved.status, moved.body["state"]) == (200, "done"), moved.body
        await converged(a, b)
        assert (await a.record("team"))["owner"] == "b"
        sites.cut("a", "b")
        seized = await a.operate("reattach", "team", to="a", force=True)
        assert seized.status == 200, seized.body
        assert (await a.record("team"))["acting"] is True
        sites.heal("a", "b")
        await converged(a, b)
        assert ((await b.record("team"))["owner"], (await b.record("team"))["acting"]) == ("a", False)

    told(story, "a", "b")


def test_destroy_deletes_everywhere_and_only_the_owner_may() -> None:
    async def story(sites: Federation) -> None:
        a, b = sites["a"], sites["b"]
        await share(a, "b")
        refused = await b.operate("destroy", "team")
        assert refused.body["state"] == "refused"
        assert "a" in str(refused.body["message"])
        destroyed = await a.operate("destroy", "team")
        assert destroyed.status in (200, 202), destroyed.body
        await agree(None, a, b)

    told(story, "a", "b")


def test_a_plain_delete_at_a_member_leaves_the_owners_untouched() -> None:
    async def story(sites: Federation) -> None:
        a, b = sites["a"], sites["b"]
        await share(a, "b")
        deleted = await b.ask("DELETE", f"{NAMESPACES}/team")
        assert deleted.status == 200
        assert "deleted at b only" in deleted.headers["Warning"]
        await agree(None, b)

        async def left() -> bool:
            row = await a.record("team")
            members = row["members"]
            assert isinstance(members, list)
            return [member["state"] for member in members if member["site"] == "b"] == ["left"]

        await until(left, "b left the record")
        assert await a.labels("team") == {"k": "1"}

    told(story, "a", "b")


def test_configmaps_are_shared_where_asked() -> None:
    async def story(sites: Federation) -> None:
        a, b = sites["a"], sites["b"]
        await share(a, "b", kinds=("configmaps",))
        path = f"{NAMESPACES}/team/configmaps"
        assert (await b.ask("POST", path, {"metadata": {"name": "app"}, "data": {"colour": "red"}})).status == 201

        async def there() -> bool:
            reply = await a.ask("GET", f"{path}/app")
            return reply.status == 200 and reply.body["data"] == {"colour": "red"}

        await until(there, "the ConfigMap at a")
        roots = [await site.ask("GET", f"{path}/kube-root-ca.crt") for site in (a, b)]
        assert roots[0].body["metadata"]["uid"] != roots[1].body["metadata"]["uid"]  # type: ignore[index]  # objects

    told(story, "a", "b")


def test_a_killed_agent_goes_on_from_its_disk() -> None:
    async def story(sites: Federation) -> None:
        a, b = sites["a"], sites["b"]
        await share(a, "b")
        b.agent.kill()
        await a.label("team", meanwhile="x")
        await sites.restart("b")
        await agree({"k": "1", "meanwhile": "x"}, a, b)
        await b.label("team", after="y")
        await agree({"k": "1", "meanwhile": "x", "after": "y"}, a, b)

    told(story, "a", "b")


def test_a_damaged_journal_is_refused_and_recovered_from_the_peers() -> None:
    async def story(sites: Federation) -> None:
        a, b = sites["a"], sites["b"]
        await share(a, "b")
        b.agent.kill()
        disk = b.disk
        assert isinstance(disk, MemoryDisk)
        name = next(name for name in disk.names() if name.startswith("record."))
        whole = disk.files[name]
        disk.files[name] = whole[:20] + bytes([whole[20] ^ 1]) + whole[21:]
        with pytest.raises(DamagedJournal):
            await sites.restart("b")
        await a.label("team", meanwhile="x")
        await sites.restart("b", recovered=True)
        await agree({"k": "1", "meanwhile": "x"}, a, b)
        await b.label("team", after="y")
        await agree({"k": "1", "meanwhile": "x", "after": "y"}, a, b)
        assert name + ".corrupt" in disk.files

    told(story, "a", "b")


def test_an_operation_that_cannot_be_done_now_is_pending_and_done_after_the_heal() -> None:
    async def story(sites: Federation) -> None:
        a, b = sites["a"], sites["b"]
        assert (await a.ask("POST", NAMESPACES, {"metadata": {"name": "team"}})).status == 201
        sites.cut("a", "b")
        asked = await a.operate("extend", "team", to="b", timeoutSeconds=0.2)
        assert (asked.status, asked.body["state"]) == (202, "pending")
        sites.heal("a", "b")
        await agree({}, a, b)

        async def done() -> bool:
            return (await a.ask("GET", f"/collab/v1/operations/{asked.body['id']}")).body["state"] == "done"

        await until(done, "the operation done")

    told(story, "a", "b")


def test_create_under_both_makes_one_record_and_a_delete_under_both_ends_it() -> None:
    async def story(sites: Federation) -> None:
        a, b, c = sites["a"], sites["b"], sites["c"]
        made = await a.ask("POST", NAMESPACES, {"metadata": {"name": "team", "labels": {"k": "1"}}}, scope="a & b")
        assert (made.status, made.headers["X-Collab-Outcome"]) == (201, "a=applied, b=applied")
        await agree({"k": "1"}, a, b)
        assert await c.labels("team") is None
        listed = await a.ask("GET", NAMESPACES + "?labelSelector=k", scope="a & b")
        items = listed.body["items"]
        assert isinstance(items, list)
        assert [item["metadata"]["annotations"]["collab.fakekube.dev/site"] for item in items] == ["a,b"]
        patch = {"metadata": {"labels": {"p": "q"}}}
        assert (await b.ask("PATCH", f"{NAMESPACES}/team", patch, scope="b & a")).status == 200
        await agree({"k": "1", "p": "q"}, a, b)
        # c is no member: it hands the request over to one that knows
        wrong = await c.ask("PATCH", f"{NAMESPACES}/team", patch, scope="a & c")
        assert (wrong.status, "a & b" in str(wrong.body["message"])) == (409, True)
        assert (await a.ask("DELETE", f"{NAMESPACES}/team", scope="a & b")).status in (200, 202)
        await agree(None, a, b)

    told(story, "a", "b", "c")


def test_create_under_both_with_nobody_reachable_waits_at_the_ingress() -> None:
    async def story(sites: Federation) -> None:
        a, b, c = sites["a"], sites["b"], sites["c"]
        for pair in (("a", "b"), ("a", "c")):
            sites.cut(*pair)
        made = await a.ask("POST", NAMESPACES + "?timeout=300ms", {"metadata": {"name": "team"}}, scope="b & c")
        assert (made.status, made.body["kind"]) == (202, "Status")
        assert "op-" in str(made.body["message"])
        for pair in (("a", "b"), ("a", "c")):
            sites.heal(*pair)
        await agree({}, b, c)
        assert await a.labels("team") is None

    told(story, "a", "b", "c")


def test_tables_and_the_first_reachable_site_over_a_cut() -> None:
    async def story(sites: Federation) -> None:
        a = sites["a"]
        await share(a, "b")
        table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
        got = await a.ask("GET", f"{NAMESPACES}?labelSelector=k", scope="a & b", accept=table)
        rows = got.body["rows"]
        assert isinstance(rows, list)
        assert [row["cells"][:2] for row in rows] == [["a", "team"], ["b", "team"]]
        sites.cut("a", "b")
        partial = await a.ask("GET", f"{NAMESPACES}?labelSelector=k", scope="a & b", accept=table)
        assert partial.headers["Warning"].startswith('299 - "site b: unreachable')
        fell = await a.ask("GET", f"{NAMESPACES}/team", scope="b | a")
        assert (fell.status, "Warning" in fell.headers) == (200, True)
        nobody = await a.ask("GET", f"{NAMESPACES}/team", scope="b")
        assert (nobody.status, nobody.body["kind"]) == (504, "Status")

    told(story, "a", "b")


def test_an_agent_without_an_apiserver_starts_answers_and_says_so() -> None:
    async def story(sites: Federation) -> None:
        b = sites["b"]
        await b.http.close()
        b.agent.kill()
        await sites.restart("b")
        assert (await b.ask("GET", "/collab/v1/records")).status == 200
        assert (await b.ask("GET", "/api")).status == 502
        entries = (await b.ask("GET", "/collab/v1/log")).body["entries"]
        assert isinstance(entries, list)
        assert [entry["type"] for entry in entries] == ["Started", "Unidentified"]

    told(story, "a", "b")
