"""Steps that any client of Kubernetes could make, calls of Python functions, and a client that follows a watch."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from chaos.checks.evidence import Followed
from chaos.checks.history import History, Line
from chaos.scenario.errors import BadScenario
from chaos.scenario.timeline import Operation, Timeline
from chaos.virtual.loop import VirtualLoop
from chaos.virtual.run import run_virtual
from chaos.worlds.following import PATHS, Follower
from chaos.worlds.operations import Users
from chaos.worlds.virtual import World
from chaos.worlds.visits import Failed, Visit, functions_of

A = "site-000"
TEAM = "namespaces/team"
SETTINGS = f"{TEAM}/configmaps/settings"


def step(verb: str, resource: str = SETTINGS, **fields: object) -> Operation:
    return Operation(t=0, id=verb, verb=verb, on=A, resource=resource, **fields)  # type: ignore[arg-type]  # by name


async def make_team(world: World) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team", "labels": {"crop": "rye"}}}
    async with world.session(A).post("/api/v1/namespaces", json=body) as response:
        assert response.status == 201


def ends_of(*operations: Operation) -> list[Line]:
    """How each ended, done one after another at a site with a namespace `team`."""
    history = History()

    async def main(_: VirtualLoop) -> None:
        async with World(sites=1, agent=None) as world:
            await make_team(world)
            timeline = Timeline(scenario="x", seed=0, duration_s=1, sites=(A,), events=operations)
            users = Users(
                history=history,
                now=world.loop.time,
                agent_url=world.url,
                session=world.session,
                functions=functions_of(timeline),
            )
            for operation in operations:
                await users.perform(operation)

    run_virtual(main)
    return [line for line in history.lines if line.type != "invoke"]


def test_apply_makes_merges_and_tells_what_it_replaced() -> None:
    first, second, read = ends_of(
        step("apply", data={"a": "1", "b": "1"}), step("apply", data={"a": "2", "b": None}), step("get")
    )
    assert [first.type, first.code, first.value["seen"]] == ["ok", 201, {"a": None, "b": None}]
    assert [second.type, second.code, second.value["seen"]] == ["ok", 200, {"a": "1", "b": "1"}]
    assert read.value["read"] == {"configmaps/settings/data/a": "2"}
    assert read.rv == second.rv


def test_reads_show_values_by_the_paths_of_views() -> None:
    labels, listed, absent = ends_of(step("get", TEAM), step("list", TEAM), step("get"))
    assert labels.value["read"] == {"labels/crop": "rye", "labels/kubernetes.io/metadata.name": "team"}
    assert isinstance(listed.value["read"], Mapping)
    assert (absent.type, absent.code, absent.value["read"]) == ("ok", 404, None)


def test_a_delete_is_done_once() -> None:
    _, deleted, again = ends_of(step("apply", data={"a": "1"}), step("delete"), step("delete"))
    assert [(line.type, line.code) for line in (deleted, again)] == [("ok", 200), ("fail", 404)]


async def count_namespaces(visit: Visit) -> dict[str, object]:
    async with visit.session.get(f"{visit.url}/api/v1/namespaces") as response:
        return {"found": len((await response.json())["items"]), "asked": visit.arguments["why"]}


async def refuse(_: Visit) -> None:
    raise Failed("not today")


async def wait_in_vain(_: Visit) -> None:
    raise TimeoutError


async def blunder(_: Visit) -> None:
    raise ZeroDivisionError("a mistake in the function")


def plain(_: Visit) -> None:
    """No coroutine."""


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --import-mode=importlib this file is no module that others can name."""
    import sys
    from types import ModuleType

    module = ModuleType("called_functions")
    for function in (count_namespaces, refuse, wait_in_vain, blunder, plain):
        setattr(module, function.__name__, function)
    monkeypatch.setitem(sys.modules, "called_functions", module)


def called(name: str) -> Operation:
    return step("call", "", function=f"called_functions:{name}", arguments={"why": "curious"})


def test_a_function_acts_at_the_site_and_its_answer_stands_in_the_history() -> None:
    counted, refused, waited = ends_of(
        called("count_namespaces"), replace(called("refuse"), id="r"), replace(called("wait_in_vain"), id="w")
    )
    assert counted.type == "ok"
    assert isinstance(counted.value["found"], int)
    assert counted.value["found"] >= 5
    assert counted.value["asked"] == "curious"
    assert (refused.type, refused.value["problem"]) == ("fail", "not today")
    assert (waited.type, waited.value["problem"]) == ("info", "TimeoutError")


def test_a_mistake_in_a_function_ends_the_run() -> None:
    with pytest.raises(ZeroDivisionError):
        ends_of(called("blunder"))


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("called_functions:none", "cannot be called: module 'called_functions' has no attribute 'none'"),
        ("no_such_package:f", "cannot be called: No module named 'no_such_package'"),
        ("called_functions:plain", "cannot be called: write it as `async def`"),
    ],
)
def test_a_function_that_cannot_be_called_is_named_before_anything_runs(name: str, complaint: str) -> None:
    operation = step("call", "", function=name)
    with pytest.raises(BadScenario, match="event call at 0s") as refused:
        functions_of(Timeline(scenario="x", seed=0, duration_s=1, sites=(A,), events=(operation,), source="x.yaml"))
    assert complaint in str(refused.value)


def test_a_follower_ends_with_what_a_list_shows_whatever_happened_to_the_server() -> None:
    async def main(_: VirtualLoop) -> Followed:
        async with World(sites=1, agent=None) as world:
            follower = Follower(url=world.url(A), session=world.session(A))
            follower.tasks += [world.run_near(A, follower.follow(path)) for path in PATHS]
            await asyncio.sleep(1)
            await make_team(world)
            await asyncio.sleep(1)
            world.crash(A)
            await asyncio.sleep(5)
            await world.restart(A)
            async with world.session(A).delete("/api/v1/namespaces/team") as response:
                assert response.status == 200
            await asyncio.sleep(30)
            return await follower.stop()

    followed = run_virtual(main)
    assert followed.events >= 2
    assert followed.watched == followed.listed
    assert "namespaces/team" not in followed.listed
    assert "namespaces/default" in followed.listed
