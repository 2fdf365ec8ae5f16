"""Something is left behind after a delete: who could not be reached when it was deleted is never told."""

from __future__ import annotations

from tests.museum.plain import PlainAgent


class DeletesOnce(PlainAgent):
    """Sends each deletion once."""

    async def unreached(self, site: str, resource: str, silent_s: float) -> None:
        if not self.shares[resource].joined():
            self.reached(site, resource)
