"""Whatever a copy shows is what its users want: an apiserver that was put back speaks for them, and the old is new again."""

from __future__ import annotations

import asyncio
from functools import partial
from http import HTTPStatus
from typing import Final

from tests.museum.plain import PlainAgent, labels_of
from tests.museum.share import Share

COMPARE_EVERY_S: Final = 10.0


class BelievesItsCopy(PlainAgent):
    """Compares its copies with what it holds every ten seconds, and takes each difference for an edit."""

    async def start(self) -> None:
        await super().start()
        self.spawn(self._compare())

    async def _compare(self) -> None:
        while True:
            await asyncio.sleep(COMPARE_EVERY_S)
            for resource in list(self.shares):
                status, shown = await self.local("GET", f"/api/v1/{resource}")
                if status == HTTPStatus.OK:
                    await self.settle(resource, partial(self._as_shown, shown))

    def _as_shown(self, shown: object, share: Share) -> Share:
        return self.with_changes(share, labels_of(shown)) if self.site in share.joined() else share
