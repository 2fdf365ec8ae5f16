"""Random worlds of site cores: users edit and delete while links break, agents restart and answers get lost.

Each edit has a value of its own, and the world notes what its user could see. Then all heals, and every edit must be the
winner, have been seen by a later one, have been shown as the loser of a conflict, or have gone with an object that was
deleted where it was made (S7). All sites agree (C1, C2) and rest (K1).
"""

import random
from dataclasses import dataclass, field

import pytest

from collab.protocol.actions import ReadLocal, WriteLocal
from collab.protocol.facts import Fact
from tests.unit.collab.protocol.federation import TEAM, Federation, same_everywhere

FIELDS = ("label-colour", "label-size", "data-colour", "data-size")
SEEDS = 15


class Watched(Federation):
    """Notes every value that was shown as the loser of a conflict, however briefly: an edit that is on its way to the
    agent when the conflict appears there ends it at once."""

    def __init__(self, sites: str, *, seed: int) -> None:
        self.told: set[str] = set()
        super().__init__(sites, seed=seed)

    def step(self, site: str, fact: Fact) -> None:
        super().step(site, fact)
        if self.nodes[site].core is not None:
            self.told |= losing(self, site)


def shared(sites: str, seed: int) -> Watched:
    """A namespace of all these sites."""
    world = Watched(sites, seed=seed)
    world.kube(sites[0]).namespace("team", app="x")
    for site in sites[1:]:
        world.ask(sites[0], verb="extend", resource=TEAM, to=site, **{"with": ["configmaps"]})
    world.run(5)
    return world


@dataclass
class Edits:
    """Every edit by its value, with what its user could see of the field: live, as the loser of a conflict, or as the
    site's own edit before. `deleted`: values that went with an object."""

    saw: dict[str, set[str]] = field(default_factory=dict)
    last: dict[tuple[str, str], str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)

    def make(self, world: Federation, site: str, where: str) -> None:
        value = f"{where}-{site}-{len(self.saw)}"
        own = {self.last[site, where]} if (site, where) in self.last else set()
        self.saw[value] = own | {seen for seen in shown(world, site) if seen.startswith(where)}
        self.last[site, where] = value
        if where.startswith("label"):
            world.kube(site).label("team", **{where: value})
        else:
            world.kube(site).configmap("team", "app", **{where: value})

    def delete_object(self, world: Federation, site: str) -> None:
        data = world.kube(site).data("team", "app")
        if isinstance(data, dict):
            self.deleted |= set(data.values())
            world.kube(site).delete("configmaps", "team", "app", {})

    def lost(self, world: Watched, site: str) -> list[str]:
        """Edits that nobody at this site can tell the fate of."""
        reached: set[str] = set()
        queue = sorted(shown(world, site) | world.told | self.deleted)
        while queue:
            value = queue.pop()
            if value not in reached:
                reached.add(value)
                queue += sorted(self.saw.get(value, ()))
        return sorted(set(self.saw) - reached)


def shown(world: Federation, site: str) -> set[str]:
    """All values a user can find at a site: live ones, and losers of conflicts."""
    live = [fields for fields in world.kube(site).content("team").values() if isinstance(fields, dict)]
    return {value for fields in live for value in fields.values()} | losing(world, site)


def losing(world: Federation, site: str) -> set[str]:
    found: set[str] = set()
    for conflict in world.core(site).conflicts():
        losers = conflict["losers"]
        assert isinstance(losers, list)
        found |= {str(loser["value"]) for loser in losers}
    return found


def disturb(world: Federation, rng: random.Random, sites: str) -> None:
    one, other = rng.sample(sites, 2)
    match rng.randrange(6):
        case 0 | 1:
            world.cut(one, other)
        case 2 | 3:
            world.heal(one, other)
        case 4:
            world.restart(one)
        case 5:
            world.relist(one)


def play(seed: int, *, lossy: float) -> tuple[Watched, Edits]:
    rng = random.Random(seed)
    sites = "abcd"[: rng.randint(2, 4)]
    world, edits = shared(sites, seed), Edits()

    def lose(site: str, call: WriteLocal | ReadLocal) -> bool:
        return world.rng.random() < lossy

    world.lose_call = lose
    for _ in range(rng.randint(10, 40)):
        act = rng.random()
        if act < 0.55:
            edits.make(world, rng.choice(sites), rng.choice(FIELDS))
        elif act < 0.62:
            edits.delete_object(world, rng.choice(sites))
        else:
            disturb(world, rng, sites)
        world.run(rng.choice([0.0, 0.01, 0.03, 0.2, 3.0]))
    world.lose_call = lambda site, call: False
    world.heal()
    world.run(180)
    return world, edits


@pytest.mark.parametrize("lossy", [0.0, 0.2])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_no_edit_is_lost_unseen_s7(seed: int, lossy: float) -> None:
    world, edits = play(seed, lossy=lossy)
    assert same_everywhere(world)
    for site in world.nodes:
        assert not edits.lost(world, site), f"at {site}: neither won, nor seen, nor shown"
    writes = [node.kube.writes for node in world.nodes.values()]
    world.run(60)
    assert [node.kube.writes for node in world.nodes.values()] == writes, "equal state, and yet a write (K1)"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_sites_agree_whoever_lost_a_disk(seed: int) -> None:
    """One disk at a time: while somebody holds the record, everybody has it again in the end."""
    rng = random.Random(seed)
    sites = "abcd"[: rng.randint(2, 4)]
    world, edits = shared(sites, seed), Edits()
    for _ in range(rng.randint(5, 20)):
        edits.make(world, rng.choice(sites), rng.choice(FIELDS))
        if len(world.held_by()) == len(sites):
            world.restart(rng.choice(sites), lose_disk=rng.random() < 0.5)
        else:
            disturb(world, rng, sites)
        world.run(rng.choice([0.01, 0.2, 3.0]))
    world.heal()
    world.run(240)
    assert sorted(world.held_by()) == sorted(sites)
    assert same_everywhere(world)
