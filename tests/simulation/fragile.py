"""An agent with a bug that only some seeds find: one draw in two makes it divide by zero as it starts."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from collab.agent.config import AgentConfig
from collab.agent.disk import Disk
from tests.simulation.eager import EagerAgent


class FragileAgent(EagerAgent):
    def __init__(self, config: AgentConfig, *, disk: Disk, now: Callable[[], float], rng: Random) -> None:
        super().__init__(config, disk=disk, now=now, rng=rng)
        self._share = 1 // rng.randrange(0, 2) if config.site == "site-000" else 1
