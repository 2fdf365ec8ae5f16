"""Random schedules of users, faults and crashes; then all is healed and the invariants must hold.

pytest tests/unit/collab/protocol/test_random.py -k 'seed17'
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.unit.collab.protocol.federation import TEAM, Federation
from tests.unit.collab.protocol.invariants import boots_alike, check_quiescent, claims

SEEDS = 50
LARGE_SEEDS = 10
STEPS = 40
SITES = ("a", "b", "c", "d")
LARGE = tuple(f"s{number:02}" for number in range(12))
"""More than a mesh: the overlay is a ring with chords."""


class Chaos:
    """One schedule: what happens next is drawn from the seed."""

    def __init__(self, seed: int, sites: tuple[str, ...] = SITES) -> None:
        self.rng = random.Random(seed)
        self.sites = sites
        self.world = Federation(sites, seed=seed)
        self.trace: list[str] = []
        self.forgot = ""
        self.acts: list[tuple[int, Callable[[], None]]] = [
            (10, self.label),
            (6, self.configmap),
            (2, self.unlabel),
            (2, self.delete_configmap),
            (5, self.extend),
            (3, self.retract),
            (2, self.leave),
            (3, self.reattach),
            (3, self.seize),
            (6, self.cut),
            (4, self.heal),
            (2, self.restart),
            (3, self.crash),
            (2, self.stall),
            (1, self.lose_disk),
            (1, self.delete_namespace),
            (1, self.destroy),
        ]

    def run(self) -> Federation:
        first = self.sites[0]
        self.world.kube(first).namespace("team", app="x")
        for site in self.sites[1:-1]:
            self.ask(first, verb="extend", to=site, **{"with": ["configmaps"]})
        self.world.run(5)
        self.world.lose_call = lambda site, call: self.rng.random() < 0.02
        self.world.lose_request = lambda site, call: self.rng.random() < 0.02
        self.world.copies = lambda sender: self.rng.choices([0, 1, 2], [1, 30, 1])[0]
        for _ in range(STEPS):
            known = claims(self.world)
            act = self.rng.choices([act for _, act in self.acts], [weight for weight, _ in self.acts])[0]
            self.forgot = ""
            act()
            self.world.run(self.rng.choice([0.01, 0.1, 0.5, 2.0, 8.0]))
            now = claims(self.world)
            for key in sorted(now.keys() & known.keys()):
                assert now[key] >= known[key] or key[0] == self.forgot, f"O1: the claim at {key} went down"
        self.world.lose_call = self.world.lose_request = lambda site, call: False
        self.world.copies = lambda sender: 1
        self.world.heal()
        self.world.unstall()
        self.trace.append("heal all")
        self.world.run(150)
        return self.world

    def note(self, *words: object) -> None:
        self.trace.append(f"{self.world.now:.2f} " + " ".join(map(str, words)))

    def ask(self, site: str, **body: object) -> None:
        self.note(site, body)
        self.world.ask(site, resource=TEAM, timeoutSeconds=1, **body)

    def site(self) -> str:
        return self.rng.choice(self.sites)

    def member(self) -> str:
        """A site that holds the record, as long as there is one."""
        return self.rng.choice(sorted(self.world.held_by()) or self.sites)

    def label(self) -> None:
        site = self.member()
        labels = self.world.kube(site).labels("team")
        if labels is not None:
            key, value = self.rng.choice(["one", "two", "app"]), f"{site}{self.rng.randrange(100)}"
            self.note(site, "label", key, value)
            self.world.kube(site).label("team", **{key: value})

    def unlabel(self) -> None:
        site = self.member()
        labels = self.world.kube(site).labels("team")
        if labels:
            key = self.rng.choice(sorted(labels))
            self.note(site, "unlabel", key)
            self.world.kube(site).label("team", **{key: None})

    def configmap(self) -> None:
        site = self.member()
        if self.active(site):
            name, key = self.rng.choice(["app", "web"]), self.rng.choice(["k", "l"])
            self.note(site, "configmap", name, key)
            self.world.kube(site).configmap("team", name, **{key: f"{site}{self.rng.randrange(100)}"})

    def active(self, site: str) -> bool:
        return (
            self.world.kube(site).labels("team") is not None and "team" not in self.world.kube(site).terminating_names()
        )

    def delete_configmap(self) -> None:
        site = self.member()
        self.note(site, "delete configmap app")
        self.world.kube(site).delete("configmaps", "team", "app", {})

    def extend(self) -> None:
        self.ask(self.member(), verb="extend", to=self.site(), collision=self.rng.choice(["refuse", "adopt"]))

    def retract(self) -> None:
        self.ask(self.member(), verb="retract", **{"from": self.site(), "exit": self.rng.choice(["keep", "delete"])})

    def leave(self) -> None:
        site = self.member()
        self.ask(site, verb="retract", **{"from": site})

    def reattach(self) -> None:
        self.ask(self.member(), verb="reattach", to=self.member())

    def seize(self) -> None:
        site = self.member()
        self.ask(site, verb="reattach", to=site, force=True)

    def destroy(self) -> None:
        if self.rng.random() < 0.3:
            self.ask(self.member(), verb="destroy")

    def cut(self) -> None:
        one, other = self.rng.sample(self.sites, 2)
        self.note("cut", one, other)
        self.world.cut(one, other)

    def heal(self) -> None:
        self.note("heal")
        self.world.heal()

    def restart(self) -> None:
        site = self.site()
        self.note("restart", site)
        self.world.restart(site)

    def crash(self) -> None:
        site, actions = self.site(), self.rng.randrange(1, 30)
        self.note("crash", site, "after", actions, "actions")
        self.world.crash_after(site, actions)

    def stall(self) -> None:
        site, kind = self.site(), self.rng.choice(["namespaces", "configmaps"])
        self.note("stall", kind, "at", site)
        self.world.unstall()
        self.world.stall(site, kind)

    def lose_disk(self) -> None:
        site = self.site()
        self.note("lose disk", site)
        self.forgot = site
        self.world.restart(site, lose_disk=True)

    def delete_namespace(self) -> None:
        site = self.member()
        if self.active(site):
            self.note("delete namespace at", site)
            self.world.delete_namespace(site)


@pytest.mark.parametrize("seed", range(SEEDS), ids=lambda seed: f"seed{seed}")
def test_a_random_schedule_ends_well(seed: int) -> None:
    check(Chaos(seed))


@pytest.mark.parametrize("seed", range(LARGE_SEEDS), ids=lambda seed: f"seed{seed}")
def test_a_random_schedule_of_a_large_record_ends_well(seed: int) -> None:
    check(Chaos(seed, LARGE))


def check(chaos: Chaos) -> None:
    try:
        world = chaos.run()
        check_quiescent(world)
        for site in chaos.sites:
            boots_alike(world, site)
    except AssertionError as error:
        raise AssertionError(f"{error}\n" + "\n".join(chaos.trace)) from error
