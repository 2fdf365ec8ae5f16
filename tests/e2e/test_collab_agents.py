"""Agents over real sockets, from extend to destroy."""

from __future__ import annotations

import asyncio

from tests.e2e.collab_sites import federation, until

NAMESPACES = "/api/v1/namespaces"


def test_a_namespace_is_extended_labelled_on_both_sides_and_equal() -> None:
    async def scenario() -> None:
        async with federation("a", "b") as sites:
            a, b = sites["a"], sites["b"]
            assert (await a.ask("POST", NAMESPACES, {"metadata": {"name": "team", "labels": {"k": "1"}}})).status == 201
            extended = await a.operate("extend", "team", to="b")
            assert (extended.status, extended.body["state"]) == (200, "done"), extended.body
            assert await b.labels("team") == {"k": "1"}
            await a.label("team", from_a="x")
            await b.label("team", from_b="y")
            want = {"k": "1", "from_a": "x", "from_b": "y"}

            async def equal() -> bool:
                return await a.labels("team") == await b.labels("team") == want

            await until(equal, "equal labels on both sides")

    asyncio.run(scenario())
