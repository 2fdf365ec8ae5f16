"""Playing a timeline on a stage: faults and operations at their instants, the end of all faults, the rest.

Every world is a stage; the order of things is decided here, once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from chaos.checks.catalog import holds_eventually
from chaos.checks.evidence import Evidence, SiteView
from chaos.checks.history import History
from chaos.scenario.duration import NANOSECOND_DIGITS
from chaos.scenario.events import FAULT_EVENTS, FaultEvent, Operation, Quieting, Timeline

REST_S = 10.0
"""Sites are at rest when none changed for so long: longer than the slowest round of anti-entropy (7.5 s)."""
LOOK_EVERY_S = 1.0


class Stage(Protocol):
    """What a world must do. Times are seconds since the start of the timeline."""

    def now(self) -> float: ...

    async def begin(self, fault: FaultEvent) -> None:
        """Raises nothing for what a fault does to programs: that is what it is for."""

    async def end(self, fault: FaultEvent) -> None:
        """End this one; others on the same link or site stay."""

    async def end_all(self) -> None:
        """End every fault; all programs run when this returns."""

    async def look(self) -> Mapping[str, SiteView]:
        """What every site shows now."""

    async def revisions(self) -> tuple[str, ...]:
        """One text per site that changes whenever anything at the site's apiserver does."""

    def start(self, site: str, coroutine: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run the coroutine as a program of the site."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of a fault."""

    t: float
    fault: FaultEvent


Act = FaultEvent | End | Operation | Quieting


def agenda(timeline: Timeline) -> list[Act]:
    """All acts in the order of their times. At one instant: ends, beginnings, operations, and the quiet period last."""
    return sorted(_acts(timeline), key=lambda act: (act.t, _RANK.get(type(act), _BEGINNING)))


_BEGINNING = 1
_RANK: dict[type, int] = {End: 0, Operation: 2, Quieting: 3}


def _acts(timeline: Timeline) -> Iterator[Act]:
    for event in timeline.events:
        yield event
        if isinstance(event, FAULT_EVENTS):
            yield End(event.until, event)


async def play(
    timeline: Timeline,
    stage: Stage,
    history: History,
    perform: Callable[[Operation], Coroutine[object, object, None]],
) -> Evidence:
    """Play all of it, wait for the operations still under way, and then until what must hold eventually holds.

    The evidence is what the sites show at the end; the wire and the disks are the world's to add.
    """
    tasks: list[asyncio.Task[None]] = []
    limit_t = 0.0
    for act in agenda(timeline):
        await _sleep_until(stage, act.t)
        match act:
            case End():
                await stage.end(act.fault)
            case Operation():
                tasks.append(stage.start(act.on, perform(act)))
            case Quieting():
                await stage.end_all()
                limit_t = act.t + act.limit_s
            case _:
                await stage.begin(act)
    healed_t = stage.now()
    await asyncio.gather(*tasks)
    unseen = Evidence(timeline=timeline, history=history, views={}, healed_t=healed_t, settled_t=None)
    return await _rest(stage, unseen, limit_t)


async def _sleep_until(stage: Stage, t: float) -> None:
    wait_s = t - stage.now()
    if wait_s > 0:
        await asyncio.sleep(wait_s)


async def _rest(stage: Stage, unseen: Evidence, limit_t: float) -> Evidence:
    """Look whenever the sites have been still for REST_S, until what they show is good or the quiet period ends.

    Stillness alone proves nothing: a site that waits to dial again is as still as one that has arrived.
    """
    stillness = Stillness(stage)
    while True:
        settled_t = await stillness.wait(limit_t)
        evidence = replace(unseen, settled_t=settled_t, views=await stage.look())
        if stage.now() >= limit_t or holds_eventually(evidence):
            return evidence


class Stillness:
    """Watches the revisions of all sites from the moment it is made."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._changed_t = stage.now()
        self._seen: tuple[str, ...] | None = None

    async def wait(self, limit_t: float) -> float | None:
        """Wait at least REST_S, and until nothing changed for REST_S; gives the time of the last change.

        None when `limit_t` came less than REST_S after a change.
        """
        asked_t = self._stage.now()
        while self._stage.now() - max(self._changed_t, asked_t) < REST_S and self._stage.now() < limit_t:
            await self._look()
            await asyncio.sleep(LOOK_EVERY_S)
        await self._look()
        return self._changed_t if self._stage.now() - self._changed_t >= REST_S else None

    async def _look(self) -> None:
        revisions = await self._stage.revisions()
        if self._seen is not None and revisions != self._seen:
            self._changed_t = round(self._stage.now(), NANOSECOND_DIGITS)
        self._seen = revisions
