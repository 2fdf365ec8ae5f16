"""A scenario as a value: sites, links, workload, faults, a quiet period and what must hold. A file is its text form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chaos.scenario.claims import Claim, Phase
from chaos.scenario.faults import Fault
from chaos.scenario.links import Links
from chaos.scenario.nemesis import Nemesis
from chaos.scenario.topology import Sites
from chaos.scenario.workload import Step

__all__ = ["API_VERSION", "Claim", "Phase", "Quiet", "Scenario"]

API_VERSION = "fakekube/v1alpha1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """At `at_s` everything heals and the workload ends; then the sites have `for_s` to come to rest before the last look.
    The duration of a scenario includes its quiet period."""

    at_s: float
    for_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`source` is the name for complaints: the file, or the scenario's name; `lines` is where each value stands in it."""

    name: str
    sites: Sites
    duration_s: float
    quiet: Quiet
    seed: int = 0
    links: Links = field(default_factory=Links)
    workload: tuple[Step, ...] = ()
    faults: tuple[Fault, ...] = ()
    nemeses: tuple[Nemesis, ...] = ()
    claims: tuple[Claim, ...] = ()
    description: str = ""
    source: str = ""
    lines: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)
