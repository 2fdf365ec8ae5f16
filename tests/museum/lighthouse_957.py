"""The same name at two sites: the one that arrives overwrites the one that is there."""

from __future__ import annotations

from tests.museum.plain import PlainAgent


class NamesAreIdentity(PlainAgent):
    """Whatever has the name is the resource."""

    async def is_taken(self, resource: str) -> bool:
        return False
