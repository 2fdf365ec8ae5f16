"""Owner references are copied as they stand: at the other site nobody has that uid, and the garbage collector acts."""

from __future__ import annotations

import msgspec

from tests.museum.plain import PlainAgent
from tests.museum.share import Share


class Owned(msgspec.Struct, frozen=True):
    owner_references: list[dict[str, object]] = msgspec.field(name="ownerReferences", default=[])


class Copy(msgspec.Struct, frozen=True):
    """What is read of the owner's copy."""

    metadata: Owned = Owned()


class CopiesOwners(PlainAgent):
    """Gives its copy the owner references that the owner's has."""

    async def write_copy(self, share: Share) -> None:
        await super().write_copy(share)
        if share.owner == self.site:
            return
        copy = await self.ask(share.owner, f"/api/v1/{share.resource}")
        references = msgspec.json.decode(copy, type=Copy).metadata.owner_references if copy else []
        if references:
            await self.local("PATCH", f"/api/v1/{share.resource}", {"metadata": {"ownerReferences": references}})
