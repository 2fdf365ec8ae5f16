"""A namespace deleted at one site is deleted at all: the agent cannot tell what a user of one site meant from what all want."""

from __future__ import annotations

from tests.museum.plain import PlainAgent


class DeletesEverywhere(PlainAgent):
    """Takes every deletion it carries out for one that all should carry out."""

    async def delete_copy(self, resource: str) -> None:
        await super().delete_copy(resource)
        if self.shares[resource].joined():
            self.spawn(self.settle(resource, lambda share: share.without_members(by=self.site)))
