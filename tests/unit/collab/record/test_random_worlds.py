"""Random worlds of site cores: users edit while links break, agents restart and answers get lost. Then all heals.

Each edit has a value of its own, and the world notes which value a user saw when editing. So at the end every edit must
be the winner, have been seen by a later one, or be or have been shown as the loser of a conflict (S7); all sites agree
(C1, C2) and rest (K1).
"""

import random
from dataclasses import dataclass, field

import pytest

from collab.protocol.actions import ReadLocal, WriteLocal
from tests.unit.collab.protocol.federation import Federation, same_everywhere, shared

KEYS = ("colour", "size")
SEEDS = 40


@dataclass
class Edits:
    """Every edit by its value: what a user could see of the key when making it, live or as the loser of a conflict,
    and the site's own edit before."""

    saw: dict[str, set[str]] = field(default_factory=dict)
    last: dict[tuple[str, str], str] = field(default_factory=dict)
    conflicts: set[str] = field(default_factory=set)

    def make(self, world: Federation, site: str, key: str) -> None:
        value = f"{key}-{site}-{len(self.saw)}"
        own = {self.last[site, key]} if (site, key) in self.last else set()
        self.saw[value] = own | {seen for seen in shown(world, site) if seen.startswith(key)}
        self.last[site, key] = value
        world.kube(site).label("team", **{key: value})

    def seen_from(self, values: set[str]) -> set[str]:
        """These values and all that were seen, step by step, before them."""
        reached: set[str] = set()
        queue = sorted(values)
        while queue:
            value = queue.pop()
            if value not in reached:
                reached.add(value)
                queue += sorted(self.saw.get(value, ()))
        return reached


def shown(world: Federation, site: str) -> set[str]:
    """All values a user can find at a site: live ones, and losers of conflicts."""
    return set((world.kube(site).labels("team") or {}).values()) | losing(world, site)


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


def play(seed: int, *, lossy: float) -> tuple[Federation, Edits]:
    rng = random.Random(seed)
    sites = "abcd"[: rng.randint(2, 4)]
    world, edits = shared(*sites, seed=seed), Edits()

    def lose(site: str, call: WriteLocal | ReadLocal) -> bool:
        return world.rng.random() < lossy

    world.lose_call = lose
    for _ in range(rng.randint(10, 40)):
        if rng.random() < 0.6:
            edits.make(world, rng.choice(sites), rng.choice(KEYS))
        else:
            disturb(world, rng, sites)
        world.run(rng.choice([0.0, 0.01, 0.03, 0.2, 3.0]))
        edits.conflicts |= {value for site in sites for value in losing(world, site)}
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
        missing = set(edits.saw) - edits.seen_from(shown(world, site) | edits.conflicts)
        assert not missing, f"at {site}: {sorted(missing)} neither won, nor was seen, nor is shown"
    writes = [node.kube.writes for node in world.nodes.values()]
    world.run(60)
    assert [node.kube.writes for node in world.nodes.values()] == writes, "equal state, and yet a write (K1)"
