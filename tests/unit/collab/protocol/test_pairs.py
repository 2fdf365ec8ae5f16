"""Every two operations crossing each other, connected and cut: whatever wins, all end up agreeing."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from tests.unit.collab.protocol.federation import TEAM, Federation, shared
from tests.unit.collab.protocol.invariants import check_quiescent

Act = Callable[[Federation], object]


def verb(site: str, **body: object) -> Act:
    return lambda world: world.ask(site, resource=TEAM, timeoutSeconds=1, **body)


ACTS: dict[str, Act] = {
    "label at a": lambda world: world.kube("a").label("team", colour="red"),
    "label at b": lambda world: world.kube("b").label("team", colour="blue"),
    "unlabel at c": lambda world: world.kube("c").label("team", app=None),
    "configmap at b": lambda world: world.kube("b").configmap("team", "cm", k="b"),
    "configmap gone at c": lambda world: world.kube("c").delete("configmaps", "team", "cm", {}),
    "reattach to b": verb("a", verb="reattach", to="b"),
    "reattach to c, asked at c": verb("c", verb="reattach", to="c"),
    "seize at b": verb("b", verb="reattach", to="b", force=True),
    "seize at c": verb("c", verb="reattach", to="c", force=True),
    "evict b": verb("a", verb="retract", **{"from": "b"}),
    "evict c, asked at b": verb("b", verb="retract", **{"from": "c", "exit": "delete"}),
    "b leaves": verb("b", verb="retract", **{"from": "b"}),
    "extend to d": verb("a", verb="extend", to="d"),
    "extend to d, asked at c": verb("c", verb="extend", to="d"),
    "destroy": verb("a", verb="destroy"),
    "delete ns at b": lambda world: world.delete_namespace("b"),
    "delete ns at a": lambda world: world.delete_namespace("a"),
    "b loses its disk": lambda world: world.restart("b", lose_disk=True),
    "a restarts": lambda world: world.restart("a"),
}


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(sorted(ACTS), 2)))
def test_two_operations_cross(one: str, other: str) -> None:
    for cut, seed in ((True, 1), (False, 2)):
        world = shared("a", "b", "c", seed=seed)
        world.add("d")
        world.kube("a").configmap("team", "cm", k="a")
        world.run(2)
        if cut:
            world.split("ad", "bc")
            world.cut("b", "c")
        for name in (one, other):
            ACTS[name](world)
        world.run(0.03 if seed == 2 else 5)
        world.heal()
        world.run(100)
        check_quiescent(world)


def test_v1_two_halves_that_both_grew_find_each_other() -> None:
    left, right = [f"l{n}" for n in range(9)], [f"r{n}" for n in range(9)]
    world = shared("l0", "r0")
    for site in [*left[1:], *right[1:]]:
        world.add(site)
    world.split(left, right)
    world.ask("r0", verb="reattach", resource=TEAM, to="r0", force=True)
    for half in (left, right):
        for site in half[1:]:
            world.ask(half[0], verb="extend", resource=TEAM, to=site)
    world.run(20)
    assert all(replica.view.is_member(site) for site, replica in world.held_by().items())
    world.kube("l3").label("team", left="yes")
    world.kube("r3").label("team", right="yes")
    world.run(5)
    world.heal()
    world.run(120)
    assert sorted(world.held_by()) == sorted([*left, *right])
    check_quiescent(world)
    assert world.kube("r8").labels("team") == {"app": "x", "left": "yes", "right": "yes"}
