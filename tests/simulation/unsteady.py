"""An agent that does not repeat: it tells its members in the order of a set of names."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.simulation.eager import EagerAgent


class UnsteadyAgent(EagerAgent):
    """Waits, before each copy, for a time that hangs on Python's hash of a name."""

    async def _copy_to(self, site: str, copy: dict[str, Any]) -> str:
        await asyncio.sleep(hash(site) % 1000 / 1000)
        return await super()._copy_to(site, copy)
