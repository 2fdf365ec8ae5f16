"""A finalizer on each copy waits for the other side: where that cannot be reached, the namespace stays in Terminating."""

from __future__ import annotations

import asyncio
from typing import Final

from tests.museum.plain import TELL_AGAIN_S, PlainAgent
from tests.museum.share import Share

FINALIZER: Final = "example.org/settled-with-the-owner"


class WaitsForItsPeer(PlainAgent):
    """Puts a finalizer on its copy, and takes it off when the owner has heard of the deletion."""

    async def write_copy(self, share: Share) -> None:
        await super().write_copy(share)
        await self._set_finalizers(share.resource, [FINALIZER])

    def deleted_here(self, share: Share) -> Share:
        left = super().deleted_here(share)
        self.spawn(self._finish(left))
        return left

    async def _finish(self, share: Share) -> None:
        while not await self.reach(share.owner, share):  # noqa: ASYNC110  # it polls, as what it shows did
            await asyncio.sleep(TELL_AGAIN_S)
        await self._set_finalizers(share.resource, [])

    async def _set_finalizers(self, resource: str, finalizers: list[str]) -> None:
        await self.local("PATCH", f"/api/v1/{resource}", {"metadata": {"finalizers": finalizers}})
