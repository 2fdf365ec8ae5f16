"""A scenario as a value: sites, links, workload, faults, a quiet period and what must hold. A file is its text form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from chaos.scenario.faults import Partition
from chaos.scenario.topology import Links, Sites
from chaos.scenario.workload import Step

API_VERSION = "fakekube/v1alpha1"

Phase = Literal["always", "eventually"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """At `at_s` everything heals and the workload ends; then the sites have `for_s` to come to rest before the last look.
    The duration of a scenario includes its quiet period."""

    at_s: float
    for_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What must hold: the check called `name`, on `resource` (None: all that were created).

    `within_s` bounds how long after the heal the sites may still change.
    """

    name: str
    phase: Phase
    resource: str | None = None
    within_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`source` is the name for complaints: the file, or the scenario's name."""

    name: str
    sites: Sites
    duration_s: float
    quiet: Quiet
    seed: int = 0
    links: Links = field(default_factory=Links)
    workload: tuple[Step, ...] = ()
    faults: tuple[Partition, ...] = ()
    claims: tuple[Claim, ...] = ()
    description: str = ""
    source: str = ""
