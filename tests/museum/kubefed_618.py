"""Something is back after a delete: an update that arrives late makes what it does not find."""

from __future__ import annotations

from aiohttp import web

from tests.museum.plain import PlainAgent
from tests.museum.share import NOTHING, Share


class UpdatesOrCreates(PlainAgent):
    """Writes every new value to its copy, whether or not it is still to have one."""

    async def hear(self, told: Share) -> web.StreamResponse:
        before = self.shares.get(told.resource, NOTHING)
        answer = await super().hear(told)
        if self.shares.get(told.resource, NOTHING).labels != before.labels:
            await self.write_copy(self.shares[told.resource])
        return answer
