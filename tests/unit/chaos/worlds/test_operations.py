"""Operations over HTTP: what ends as ok, fail and info, and that a write knows what it replaced."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace

import msgspec
import pytest
from aiohttp import web

from chaos.checks.history import History, Line
from chaos.scenario.timeline import Operation
from chaos.virtual.loop import VirtualLoop
from chaos.virtual.run import run_virtual
from chaos.worlds.client import command_body
from chaos.worlds.operations import Users
from chaos.worlds.views import CONFLICTS
from chaos.worlds.virtual import World

TEAM = "namespaces/team"
PATCH = Operation(t=0, id="w1", verb="patch", on="site-000", resource=TEAM, patch={"crop": "oats", "old": None})
EXTEND = Operation(t=0, id="w2", verb="extend", on="site-000", resource=TEAM, to="site-001")


def history_of(story: Callable[[World, Users], Coroutine[object, object, None]]) -> list[Line]:
    """Lines of a story in a world of two sites, whose users talk to the apiserver itself."""
    history = History()

    async def main(_: VirtualLoop) -> None:
        async with World(sites=2, agent=None) as world:
            users = Users(history=history, now=world.loop.time, agent_url=world.url, session=world.session)
            await story(world, users)

    run_virtual(main)
    return history.lines


async def create(world: World, **labels: str) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team", "labels": labels}}
    async with world.session("site-000").post("/api/v1/namespaces", json=body) as response:
        assert response.status == 201


@pytest.mark.parametrize("verb", ["patch", "update"])
def test_a_write_is_recorded_with_what_it_replaced(verb: str) -> None:
    async def story(world: World, users: Users) -> None:
        await create(world, crop="barley", old="x", other="y")
        await users.perform(_as(verb))
        async with world.session("site-000").get(f"/api/v1/{TEAM}") as response:
            labels = (await response.json())["metadata"]["labels"]
        assert labels == {"crop": "oats", "other": "y", "kubernetes.io/metadata.name": "team"}

    invoke, end = history_of(story)
    assert (invoke.type, invoke.process, invoke.f, invoke.id) == ("invoke", "site-000", verb, "w1")
    assert invoke.value == {"resource": TEAM, "patch": {"crop": "oats", "old": None}}
    assert (end.type, end.code) == ("ok", 200)
    assert end.value["seen"] == {"crop": "barley", "old": "x"}
    assert end.rv


def _as(verb: str) -> Operation:
    return Operation(t=0, id="w1", verb=verb, on="site-000", resource=TEAM, patch=PATCH.patch)


def test_a_write_to_nothing_fails_for_sure() -> None:
    async def story(_: World, users: Users) -> None:
        await users.perform(PATCH)

    assert [(line.type, line.code) for line in history_of(story)] == [("invoke", None), ("fail", 404)]


def test_a_server_that_does_not_listen_did_nothing() -> None:
    async def story(world: World, users: Users) -> None:
        world.network.crash("site-001")
        await users.perform(Operation(t=0, id="w1", verb="patch", on="site-001", resource=TEAM, patch={"a": "b"}))

    end = history_of(story)[-1]
    assert end.type == "fail"
    assert str(end.value["problem"]).startswith("reading first: ")


class Answers:
    """An agent that gives the same answer to everything, or none at all."""

    def __init__(self, status: int, body: object = None) -> None:
        self.status = status
        self.body = body

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        if not self.status and request.transport is not None:
            request.transport.abort()
        return web.Response(status=self.status or 200, body=msgspec.json.encode(self.body))


def end_of(operation: Operation, answers: Answers) -> Line:
    async def story(world: World, users: Users) -> None:
        await world.loop.create_server(web.Server(answers), "site-000", 8443)
        await Users(
            history=users.history, now=users.now, agent_url=lambda site: f"http://{site}:8443", session=users.session
        ).perform(operation)

    return history_of(story)[-1]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, "ok"), (202, "info"), (403, "fail"), (409, "fail"), (501, "fail"), (503, "info"), (504, "info")],
)
def test_a_command_ends_as_its_status_says(status: int, kind: str) -> None:
    body = {"state": "done", "gid": "a~1.1", "message": "m", "outcomes": {"site-001": "applied"}}
    line = end_of(EXTEND, Answers(status, body))
    assert (line.type, line.code) == (kind, status)
    assert line.value == {"resource": TEAM, "to": "site-001", **body}


def test_no_answer_means_that_it_may_have_happened() -> None:
    line = end_of(EXTEND, Answers(0))
    assert (line.type, line.code) == ("info", None)


def test_a_write_that_always_meets_another_gives_up_as_failed() -> None:
    """Every PUT is answered 409: somebody else was faster, five times."""

    class Busy(Answers):
        puts = 0

        async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
            if request.path == CONFLICTS:
                return web.Response(status=404)
            if request.method == "GET":
                return web.Response(body=b'{"metadata":{"resourceVersion":"1"}}')
            self.puts += 1
            return web.Response(status=409)

    busy = Busy(409)
    line = end_of(_as("update"), busy)
    assert (line.type, line.code, busy.puts) == ("fail", 409, 5)


def test_a_write_tells_which_conflicts_it_settled() -> None:
    loser = {"value": "wheat", "site": "site-001", "stamp": [1, "w"]}
    path = "f:metadata/f:labels/f:crop"
    conflicts = [
        {"resource": TEAM, "object": TEAM, "path": path, "losers": [loser]},
        {"resource": TEAM, "object": TEAM, "path": "f:metadata/f:labels/f:other", "losers": [loser]},
        {"resource": "namespaces/else", "object": "namespaces/else", "path": path, "losers": [loser]},
    ]

    class Shows(Answers):
        async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
            if request.path == CONFLICTS:
                return web.Response(body=msgspec.json.encode({"conflicts": conflicts}))
            return web.Response(body=b'{"metadata":{"resourceVersion":"1","labels":{"crop":"barley"}}}')

    line = end_of(PATCH, Shows(200))
    assert (line.value["seen"], line.value["overrode"]) == ({"crop": "barley", "old": None}, {"crop": ["wheat"]})


def test_an_apply_tells_which_conflicts_it_settled() -> None:
    loser = {"value": "7", "site": "site-001", "stamp": [1, "w"]}
    conflicts = [
        {"resource": TEAM, "object": f"configmaps/{name}", "path": "f:data/f:page", "losers": [loser]}
        for name in ("book", "other")
    ]

    class Shows(Answers):
        async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
            if request.path == CONFLICTS:
                return web.Response(body=msgspec.json.encode({"conflicts": conflicts}))
            return web.Response(body=b'{"metadata":{"resourceVersion":"1"},"data":{"page":"6"}}')

    apply = replace(PATCH, verb="apply", resource=f"{TEAM}/configmaps/book", patch={}, data={"page": "8"})
    line = end_of(apply, Shows(200))
    assert (line.value["seen"], line.value["overrode"]) == ({"page": "6"}, {"page": ["7"]})


def test_an_answer_that_cannot_be_read_stops_the_write_before_it_begins() -> None:
    class Garbled(Answers):
        async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
            return web.Response(body=b"<html>" if request.path == CONFLICTS else b'{"metadata":{}}')

    assert end_of(PATCH, Garbled(200)).type == "fail"


def test_a_create_names_its_members_and_its_object() -> None:
    create = Operation(
        t=0, id="w0", verb="create", on="a", resource=TEAM, scope=("a", "b"), patch={"l": "1"}, kinds=("configmaps",)
    )
    assert command_body(create) == {
        "verb": "create",
        "resource": TEAM,
        "members": ["a", "b"],
        "with": ["configmaps"],
        "object": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team", "labels": {"l": "1"}}},
    }


def test_a_command_carries_only_what_was_said() -> None:
    force = Operation(t=0, id="w", verb="reattach", on="a", resource=TEAM, to="b", force=True)
    assert command_body(force) == {"verb": "reattach", "resource": TEAM, "to": "b", "force": True}
