"""An operation whose answer was lost is sent again, and runs again: nobody remembers which ones have run."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from collab.agent.config import AgentConfig
from collab.agent.disk import Disk
from tests.museum.plain import PlainAgent
from tests.museum.share import Label, Share


class RunsWhatItIsSent(PlainAgent):
    """Sends each change as it was made, until it is answered, and does whatever it is sent."""

    def __init__(self, config: AgentConfig, *, disk: Disk, now: Callable[[], float], rng: Random) -> None:
        super().__init__(config, disk=disk, now=now, rng=rng)
        self._sent: dict[tuple[str, str], Share] = {}

    def message(self, site: str, resource: str) -> Share:
        return self._sent.setdefault((site, resource), self.shares[resource])

    def reached(self, site: str, resource: str) -> None:
        super().reached(site, resource)
        del self._sent[site, resource]

    def is_newer(self, told: Label, held: Label) -> bool:
        return True
