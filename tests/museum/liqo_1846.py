"""Ending the sharing force-deletes what the other site has, though nobody asked for that."""

from __future__ import annotations

from msgspec.structs import replace

from tests.museum.plain import Operation, PlainAgent


class RetractDeletes(PlainAgent):
    """Takes a member out, and its copy with it, whatever `exit` says."""

    async def retract(self, operation: Operation) -> None:
        await super().retract(replace(operation, exit="delete"))
