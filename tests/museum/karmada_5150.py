"""Out of reach for long counts as gone: the member is evicted, and on recovery its copy is deleted."""

from __future__ import annotations

from typing import Final

from tests.museum.plain import PlainAgent

EVICT_AFTER_S: Final = 300.0


class EvictsTheSilent(PlainAgent):
    """The owner takes out whom it has not reached for five minutes."""

    async def unreached(self, site: str, resource: str, silent_s: float) -> None:
        share = self.shares[resource]
        if self.acts(share) and site in share.joined() and silent_s > EVICT_AFTER_S:
            await self.settle(resource, lambda held: held.with_member(site, by=self.site, joined=False, exit="delete"))
