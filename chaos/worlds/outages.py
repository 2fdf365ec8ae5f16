"""Crashes of sites that overlap: a site is down until the last of them is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaos.scenario.events import SiteCrash
    from chaos.worlds.virtual import World


class Outages:
    """What is down, and why."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._causes: dict[str, list[SiteCrash]] = {}

    def begin(self, event: SiteCrash) -> None:
        self._causes.setdefault(event.site, []).append(event)
        self._world.crash(event.site, lose=event.lose)

    async def end(self, event: SiteCrash) -> None:
        causes = self._causes[event.site]
        causes.remove(event)
        if not causes:
            await self._world.restart(event.site)
