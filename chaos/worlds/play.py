"""Playing a timeline on a stage: cuts, heals and operations at their instants, the heal of everything, the rest.

Every world is a stage; the order of things is decided here, once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Protocol, assert_never

from chaos.scenario.duration import NANOSECOND_DIGITS
from chaos.scenario.timeline import LinkCut, Operation, Quieting, Timeline

REST_S = 10.0
"""Sites are at rest when none changed for so long: longer than the slowest round of anti-entropy (7.5 s)."""
LOOK_EVERY_S = 1.0


class Stage(Protocol):
    """What a world must do. Times are seconds since the start of the timeline."""

    def now(self) -> float: ...

    async def cut(self, cut: LinkCut) -> None: ...

    async def heal(self, cut: LinkCut) -> None:
        """End this one cut; others on the same link stay."""

    async def heal_all(self) -> None: ...

    async def revisions(self) -> tuple[str, ...]:
        """One text per site that changes whenever anything at the site's apiserver does."""

    def start(self, site: str, coroutine: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run the coroutine as a program of the site."""


@dataclass(frozen=True, slots=True)
class Heal:
    """The end of a cut."""

    t: float
    cut: LinkCut


@dataclass(frozen=True, slots=True)
class Rest:
    """When all was healed, and when the last change was seen after it (None: changes went on to the end)."""

    healed_t: float
    settled_t: float | None


Act = LinkCut | Heal | Operation | Quieting


def agenda(timeline: Timeline) -> list[Act]:
    """All acts in the order of their times. At one instant: heals, cuts, operations, and the quiet period last."""
    return sorted(_acts(timeline), key=lambda act: (act.t, _RANK[type(act)]))


_RANK: dict[type, int] = {Heal: 0, LinkCut: 1, Operation: 2, Quieting: 3}


def _acts(timeline: Timeline) -> Iterator[Act]:
    for event in timeline.events:
        yield event
        if isinstance(event, LinkCut):
            yield Heal(event.until, event)


async def play(
    timeline: Timeline, stage: Stage, perform: Callable[[Operation], Coroutine[object, object, None]]
) -> Rest:
    """Play all of it, wait for the operations still under way, and for the sites to come to rest."""
    tasks: list[asyncio.Task[None]] = []
    quiet: Quieting | None = None
    for act in agenda(timeline):
        await _sleep_until(stage, act.t)
        match act:
            case LinkCut():
                await stage.cut(act)
            case Heal():
                await stage.heal(act.cut)
            case Operation():
                tasks.append(stage.start(act.on, perform(act)))
            case Quieting():
                await stage.heal_all()
                quiet = act
            case _:
                assert_never(act)
    healed_t = stage.now()
    await asyncio.gather(*tasks)
    return Rest(healed_t, await _rest(stage, healed_t, healed_t + (quiet.limit_s if quiet else 0.0)))


async def _sleep_until(stage: Stage, t: float) -> None:
    wait_s = t - stage.now()
    if wait_s > 0:
        await asyncio.sleep(wait_s)


async def _rest(stage: Stage, healed_t: float, limit_t: float) -> float | None:
    """The time of the last change; None when there was one within REST_S of the limit."""
    changed_t, seen = healed_t, await stage.revisions()
    while stage.now() - changed_t < REST_S:
        if stage.now() >= limit_t:
            return None
        await asyncio.sleep(LOOK_EVERY_S)
        revisions = await stage.revisions()
        if revisions != seen:
            changed_t, seen = round(stage.now(), NANOSECOND_DIGITS), revisions
    return changed_t
