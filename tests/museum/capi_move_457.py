"""After a move the new owner makes the copy anew, instead of taking the one that it has."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

from tests.museum.plain import PlainAgent
from tests.museum.share import NOTHING, Share

LOOK_AGAIN_S: Final = 0.5


class MakesAnewWhatMoved(PlainAgent):
    """Whose turn it becomes to own something deletes its copy, and creates its own."""

    async def keep(self, share: Share) -> None:
        before = self.shares.get(share.resource, NOTHING)
        if before.gid and before.owner != self.site == share.owner:
            await self.delete_copy(share.resource)
            await self._gone(share.resource)
        await super().keep(share)

    async def _gone(self, resource: str) -> None:
        while (await self.local("GET", f"/api/v1/{resource}"))[0] != HTTPStatus.NOT_FOUND:  # noqa: ASYNC110  # an apiserver tells no end of a deletion
            await asyncio.sleep(LOOK_AGAIN_S)
