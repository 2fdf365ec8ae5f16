"""No answer is read as "not there": when the owner cannot be reached, its members delete what they have."""

from __future__ import annotations

import asyncio
from typing import Final

from tests.museum.plain import PlainAgent

ASK_EVERY_S: Final = 10.0


class TakesSilenceForAbsence(PlainAgent):
    """Asks the owner every ten seconds whether it still has the resource, and takes any failure for a no."""

    async def start(self) -> None:
        await super().start()
        self.spawn(self._follow_owners())

    async def _follow_owners(self) -> None:
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            for resource, share in list(self.shares.items()):
                if share.owner != self.site and not await self.reach(share.owner, share):
                    await self.delete_copy(resource)
