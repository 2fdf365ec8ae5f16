"""Random scenarios in which everything happens at once: users write labels and ConfigMaps, sites join, leave, are taken out
or delete their copy, ownership is handed over and seized, while a nemesis breaks links, sites, clocks and apiservers.

Two members stay, and act for all the others; so who must be a member in the end can be told.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Final

from chaos.scenario.faults import Fault
from chaos.scenario.model import Claim, Quiet, Scenario
from chaos.scenario.nemesis import TARGETS, Nemesis, Weighted
from chaos.scenario.spans import Uniform
from chaos.scenario.topology import Sites
from chaos.scenario.workload import RandomSite, Step

RESOURCE: Final = "namespaces/wild-field"
WORK_S: Final = 90.0
QUIET_S: Final = 210.0
ANYBODY: Final = RandomSite(of="members")
EXITS: Final = ("keep", "delete")

CLAIMS: Final = (
    *(
        Claim(name=name, phase="always")
        for name in (
            "no-lost-acknowledged-write",
            "session-guarantees",
            "resource-versions-grow",
            "watch-equals-list",
        )
    ),
    Claim(name="converged", phase="eventually", within_s=150.0),
    *(Claim(name=name, phase="eventually") for name in ("one-owner", "placed-at-members", "members-agreed")),
)


def wild_scenario(seed: int, faults: tuple[Fault, ...]) -> Scenario:
    """Five to fourteen sites. Changes that had no answer leave a verdict open; nothing may ever be invalid."""
    rng = Random(f"wild/{seed}")
    sites = Sites(count=rng.randint(5, 14))
    names = sites.names()
    first = names[: rng.randint(3, len(names) - 1)]
    stay, passing, outside = first[:2], first[2:], names[len(first) :]
    nemesis = Nemesis(
        faults=tuple(Weighted(fault=fault) for fault in faults),
        targets=TARGETS,
        interval_s=rng.choice([4, 8]),
        duration_s=Uniform(2, 18),
        from_s=5,
        until_s=WORK_S - 5,
    )
    return Scenario(
        name="wild",
        seed=seed,
        sites=sites,
        duration_s=WORK_S + QUIET_S,
        quiet=Quiet(at_s=WORK_S, for_s=QUIET_S),
        workload=(
            _create(names[0], first),
            _everyday(),
            *_owners(rng, stay),
            *(step for site in outside for step in _visit(rng, stay, site)),
            *(step for site in passing for step in _parting(rng, stay, site)),
        ),
        nemeses=(nemesis,),
        claims=CLAIMS,
    )


def _create(site: str, members: tuple[str, ...]) -> Step:
    scope = " & ".join(members)
    return Step(do="create", resource=RESOURCE, on=site, scope=scope, kinds=("configmaps",), patch={"crop": "c0"})


def _everyday() -> Step:
    book = f"{RESOURCE}/configmaps/book"
    return Step(
        do="mix",
        at_s=6,
        every_s=2,
        jitter_s=1,
        until_s=WORK_S - 5,
        of=(
            Step(do="patch", weight=6, resource=RESOURCE, on=ANYBODY, patch={"crop": "{site}-{seq}"}),
            Step(do="patch", weight=2, resource=RESOURCE, on=ANYBODY, patch={"crop": None, "season": "{seq}"}),
            Step(do="apply", weight=3, resource=book, on=ANYBODY, data={"page": "{site}-{seq}"}),
            Step(do="get", weight=3, resource=RESOURCE, on=ANYBODY),
            Step(do="list", weight=1, resource=RESOURCE, on=ANYBODY),
        ),
    )


def _owners(rng: Random, stay: tuple[str, ...]) -> tuple[Step, ...]:
    """Hand-overs, asked at either of the two, and seizes, asked at the site that seizes."""
    steps = []
    for _ in range(rng.randint(0, 4)):
        to, force = rng.choice(stay), rng.random() < 0.5
        on = to if force else rng.choice(stay)
        steps.append(_at(rng, 8, WORK_S - 5, Step(do="reattach", resource=RESOURCE, on=on, to=to, force=force)))
    return tuple(steps)


def _visit(rng: Random, stay: tuple[str, ...], site: str) -> tuple[Step, ...]:
    """A site from outside joins, mostly, and leaves again, sometimes; perhaps before it has joined."""
    if rng.random() > 0.7:
        return ()
    asked = rng.choice(stay)
    joins = _at(rng, 8, 50, Step(do="extend", resource=RESOURCE, on=asked, to=site))
    if rng.random() > 0.5:
        return (joins,)
    on, exit_ = rng.choice((asked, asked, site)), rng.choice(EXITS)
    leaves = Step(do="retract", resource=RESOURCE, on=on, origin=site, exit=exit_)
    return joins, _at(rng, joins.at_s + 0.1, joins.at_s + 35, leaves)


def _parting(rng: Random, stay: tuple[str, ...], site: str) -> tuple[Step, ...]:
    """A member leaves, is taken out, or its users delete the namespace."""
    if rng.random() > 0.4:
        return ()
    how = rng.choice(("retract", "leave", "delete"))
    if how == "delete":
        return (_at(rng, 15, WORK_S - 5, Step(do="delete", resource=RESOURCE, on=site)),)
    on = site if how == "leave" else rng.choice(stay)
    leaves = Step(do="retract", resource=RESOURCE, on=on, origin=site, exit=rng.choice(EXITS))
    return (_at(rng, 15, WORK_S - 5, leaves),)


def _at(rng: Random, begin_s: float, end_s: float, step: Step) -> Step:
    return replace(step, at_s=round(rng.uniform(begin_s, end_s), 3))
