"""A plain delete at one site is a delete at all: the agent passes on whatever its users ask of the apiserver."""

from __future__ import annotations

from tests.museum.plain import PlainAgent
from tests.museum.share import Share


class PassesDeletesOn(PlainAgent):
    """Takes a user's deletion of the copy here for one of the resource."""

    def deleted_here(self, share: Share) -> Share:
        return share.without_members(by=self.site)
