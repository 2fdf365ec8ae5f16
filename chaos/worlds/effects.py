"""The faults of a timeline on a virtual world: each begins, ends, and overlaps with others of its kind.

What two causes do to one site or link ends with the last of them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, assert_never

from chaos.scenario.events import (
    ApiserverTrouble,
    ClockSkew,
    FaultEvent,
    LinkCut,
    LinkDegraded,
    LinkToxic,
    NamesLost,
    SiteCrash,
    SitePause,
    Timeline,
)
from chaos.scenario.links import LinkQuality
from chaos.virtual.link import LinkSettings
from chaos.worlds.apiserver_faults import Trouble, inject
from chaos.worlds.degradations import Degradations
from chaos.worlds.outages import Outages
from chaos.worlds.virtual import settings

if TYPE_CHECKING:
    from chaos.worlds.virtual import World

UNLINKED = "no link"
"""The cause of cuts that belong to the topology and never heal."""


class Effects:
    """Begins and ends the faults of `timeline` on `world`."""

    def __init__(self, world: World, timeline: Timeline) -> None:
        self._world = world
        self._degradations = Degradations(timeline.link, timeline.links)
        self._outages = Outages(world)
        self._under_way: dict[int, FaultEvent] = {}
        self._paused: dict[str, set[int]] = {}
        self._nameless: dict[str, set[int]] = {}
        self._skews: dict[str, dict[int, float]] = {}
        self._injected: dict[int, Trouble] = {}
        for origin, target in timeline.unlinked:
            world.network.link(origin, target).cut("reject", cause=UNLINKED)

    async def begin(self, event: FaultEvent) -> None:
        key = id(event)
        self._under_way[key] = event
        network = self._world.network
        match event:
            case LinkCut():
                network.link(event.origin, event.target).cut(event.mode, cause=event.id)
            case LinkDegraded():
                self._degradations.add(event)
                self._shape(event)
            case LinkToxic():
                toxics = network.toxics(event.origin, event.target)
                toxics.add(event.type, stream=event.stream, name=_toxic_name(event), **event.attributes)
            case SiteCrash():
                self._outages.begin(event)
            case SitePause():
                self._paused.setdefault(event.site, set()).add(key)
                network.pause(event.site)
            case ClockSkew():
                self._skews.setdefault(event.site, {})[key] = event.by_s
                self._skew(event.site)
            case NamesLost():
                self._nameless.setdefault(event.site, set()).add(key)
                network.fail_names(event.site)
            case ApiserverTrouble():
                self._injected[key] = inject(self._world.apiservers[event.site], event)
            case _:
                assert_never(event)

    async def end(self, event: FaultEvent) -> None:
        """Once; ending it again does nothing, since everything may have been healed before."""
        key = id(event)
        if self._under_way.pop(key, None) is None:
            return
        network = self._world.network
        match event:
            case LinkCut():
                network.link(event.origin, event.target).heal(cause=event.id)
            case LinkDegraded():
                self._degradations.remove(event)
                self._shape(event)
            case LinkToxic():
                network.toxics(event.origin, event.target).remove(_toxic_name(event))
            case SiteCrash():
                await self._outages.end(event)
            case SitePause():
                self._paused[event.site].discard(key)
                if not self._paused[event.site]:
                    network.resume(event.site)
            case ClockSkew():
                del self._skews[event.site][key]
                self._skew(event.site)
            case NamesLost():
                self._nameless[event.site].discard(key)
                if not self._nameless[event.site]:
                    network.restore_names(event.site)
            case ApiserverTrouble():
                self._injected.pop(key).remove()
            case _:
                assert_never(event)

    async def end_all(self) -> None:
        """In the order in which they began."""
        for event in list(self._under_way.values()):
            await self.end(event)

    def _shape(self, event: LinkDegraded) -> None:
        quality = self._degradations.quality(event.origin, event.target)
        self._world.network.link(event.origin, event.target).adopt(_settings(quality))

    def _skew(self, site: str) -> None:
        self._world.network.set_skew(site, sum(self._skews[site].values()))


@lru_cache(maxsize=1024)
def _settings(quality: LinkQuality) -> LinkSettings:
    return LinkSettings(**settings(quality))


def _toxic_name(event: LinkToxic) -> str:
    return f"{event.id}-{event.type}-{event.stream}"
