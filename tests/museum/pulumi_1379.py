"""A refresh that gets an error takes what it could not read for deleted."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

from tests.museum.plain import PlainAgent

REFRESH_EVERY_S: Final = 10.0


class TakesErrorsForAbsence(PlainAgent):
    """Looks at its copies now and then; one that it cannot read is one that somebody deleted."""

    async def start(self) -> None:
        await super().start()
        self.spawn(self._refresh())

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_EVERY_S)
            for resource, share in list(self.shares.items()):
                status, _ = await self.local("GET", f"/api/v1/{resource}")
                if self.site in share.joined() and status != HTTPStatus.OK:
                    await self.settle(resource, self.deleted_here)
