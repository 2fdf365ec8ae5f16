"""What every verb of one site shares: its objects, its clock, its chance, its catalog and its work for later."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from fakekube.registry.resources import ResourceCatalog
from fakekube.registry.schedule import Schedule
from fakekube.registry.strategies import Served, served
from fakekube.storage.store import Store


@dataclass(slots=True, kw_only=True)
class Site:
    """`now` gives epoch seconds; every uid and generated name is drawn from `rng`."""

    name: str
    now: Callable[[], float]
    rng: random.Random
    store: Store
    catalog: ResourceCatalog
    schedule: Schedule = field(default_factory=Schedule)

    def served(self, group: str, version: str, plural: str) -> Served | None:
        resource = self.catalog.find(group, version, plural)
        return served(resource) if resource is not None else None
