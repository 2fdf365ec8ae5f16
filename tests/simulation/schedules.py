"""Random scenarios: sites that share a namespace, write to it, pass its ownership on, and lose each other meanwhile."""

from __future__ import annotations

from random import Random
from typing import Final, get_args

from chaos.scenario.faults import Direction, Mode, Partition
from chaos.scenario.links import LinkQuality, Links
from chaos.scenario.model import Claim, Quiet, Scenario
from chaos.scenario.selector import Selector
from chaos.scenario.topology import Sites
from chaos.scenario.workload import RandomSite, Step

RESOURCE: Final = "namespaces/random-field"
WORK_S: Final = 90.0
QUIET_S: Final = 150.0

CLAIMS: Final = (
    Claim(name="no-lost-acknowledged-write", phase="always"),
    Claim(name="no-leak-outside-scope", phase="always"),
    Claim(name="converged", phase="eventually", within_s=90.0),
    Claim(name="one-owner", phase="eventually"),
    Claim(name="placed-at-members", phase="eventually"),
)


def random_scenario(seed: int) -> Scenario:
    """Four to nine members, one site outside, up to five cuts of any kind and direction, and twenty to forty operations."""
    rng = Random(f"schedule/{seed}")
    sites = Sites(count=rng.randint(5, 10))
    members = sites.names()[:-1]
    return Scenario(
        name="random",
        seed=seed,
        sites=sites,
        duration_s=WORK_S + QUIET_S,
        quiet=Quiet(at_s=WORK_S, for_s=QUIET_S),
        links=Links(default=LinkQuality(latency_s=rng.choice([0.001, 0.02, 0.2]), jitter_s=rng.choice([0.0, 0.01]))),
        workload=(*_writes(rng, members), *_changes_of_owner(rng, members), *_changes_of_members(rng, members)),
        faults=tuple(_cut(rng, sites.names()) for _ in range(rng.randint(1, 5))),
        claims=CLAIMS,
    )


def _writes(rng: Random, members: tuple[str, ...]) -> tuple[Step, ...]:
    """The create first; its scope leaves the last member to an extension. Then two streams of writes, some removals."""
    first = members[:-1]
    anywhere = RandomSite(of="members")
    create = Step(do="create", resource=RESOURCE, on=first[0], scope=" & ".join(first), patch={"crop": "c0"})
    patches = Step(
        do="patch",
        resource=RESOURCE,
        at_s=6,
        every_s=rng.uniform(3, 6),
        jitter_s=3,
        until_s=WORK_S - 5,
        on=anywhere,
        patch={"crop": "p{seq}", "last": "{site}-{seq}"},
    )
    removals = Step(
        do="update",
        resource=RESOURCE,
        at_s=10,
        every_s=rng.uniform(10, 20),
        jitter_s=5,
        until_s=WORK_S - 5,
        on=anywhere,
        patch={"crop": None, "season": "s{seq}"},
    )
    return (create, patches, removals)


def _changes_of_owner(rng: Random, members: tuple[str, ...]) -> tuple[Step, ...]:
    """Hand-overs, asked anywhere, and seizes, asked at the site that seizes."""
    steps = []
    for _ in range(rng.randint(0, 4)):
        target, force = rng.choice(members[:-2]), rng.random() < 0.5
        asked = target if force else rng.choice(members[:-1])
        at_s = round(rng.uniform(8, WORK_S - 10), 3)
        steps.append(Step(do="reattach", resource=RESOURCE, at_s=at_s, on=asked, to=target, force=force))
    return tuple(steps)


def _changes_of_members(rng: Random, members: tuple[str, ...]) -> tuple[Step, ...]:
    """One more member, and often one less: at the creator's wish or its own."""
    joins = Step(
        do="extend",
        resource=RESOURCE,
        at_s=round(rng.uniform(8, 60), 3),
        on=rng.choice(members[:-1]),
        to=members[-1],
    )
    leaver = members[-2]
    leaves = Step(
        do="retract",
        resource=RESOURCE,
        at_s=round(rng.uniform(30, 80), 3),
        on=rng.choice((members[0], leaver)),
        origin=leaver,
        exit="delete",
    )
    return (joins, leaves) if rng.random() < 0.5 else (joins,)


def _cut(rng: Random, sites: tuple[str, ...]) -> Partition:
    """One site, or a random half, against all others."""
    group = rng.sample(sites, rng.choice([1, len(sites) // 2]))
    at_s = round(rng.uniform(1, WORK_S - 20), 3)
    return Partition(
        at_s=at_s,
        duration_s=round(rng.uniform(3, WORK_S - at_s), 3),
        mode=rng.choice(get_args(Mode)),
        direction=rng.choice(get_args(Direction)),
        selector=Selector(sites=tuple(sorted(group))),
        target=Selector(excluded=tuple(sorted(group))),
    )
