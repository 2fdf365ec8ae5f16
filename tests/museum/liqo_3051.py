"""Who wants to leave a peer that cannot be reached waits for it, for ever."""

from __future__ import annotations

import asyncio

from tests.museum.plain import TELL_AGAIN_S, Operation, PlainAgent


class AsksBeforeItLeaves(PlainAgent):
    """Leaves when the owner has agreed."""

    async def retract(self, operation: Operation) -> None:
        share = self.shares[operation.resource]
        while share.owner != self.site and not await self.reach(share.owner, share):  # noqa: ASYNC110  # it polls, as what it shows did
            await asyncio.sleep(TELL_AGAIN_S)
        await super().retract(operation)
