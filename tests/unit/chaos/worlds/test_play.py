"""Playing a timeline: order, instants, the heal, and waiting until the sites are at rest."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest

from chaos.scenario.timeline import Event, LinkCut, Operation, Quieting, Timeline
from chaos.virtual.loop import VirtualLoop
from chaos.virtual.run import run_virtual
from chaos.worlds.play import REST_S, Rest, agenda, play


class Notebook:
    """A stage that notes what is asked of it. `changes` are the times after which a site has changed."""

    def __init__(self, loop: VirtualLoop, changes: tuple[float, ...] = ()) -> None:
        self._loop = loop
        self._changes = changes
        self.notes: list[str] = []

    def now(self) -> float:
        return self._loop.time()

    def note(self, text: str) -> None:
        self.notes.append(f"{self.now():g} {text}")

    async def cut(self, cut: LinkCut) -> None:
        self.note(f"cut {cut.id}")

    async def heal(self, cut: LinkCut) -> None:
        self.note(f"heal {cut.id}")

    async def heal_all(self) -> None:
        self.note("heal all")

    async def revisions(self) -> tuple[str, ...]:
        return (str(sum(change <= self.now() for change in self._changes)),)

    def start(self, site: str, coroutine: Coroutine[object, object, None]) -> asyncio.Task[None]:
        return asyncio.create_task(coroutine)

    async def perform(self, operation: Operation) -> None:
        self.note(f"begin {operation.id}")
        await asyncio.sleep(4)
        self.note(f"end {operation.id}")


CUT = LinkCut(t=1, id="f0", origin="a", target="b", mode="drop", until=3)
WRITE = Operation(t=3, id="w0", verb="patch", on="a", resource="namespaces/team")


def played(*events: Event, changes: tuple[float, ...] = ()) -> tuple[list[str], Rest]:
    timeline = Timeline(scenario="x", seed=0, duration_s=100, sites=("a", "b"), events=events)

    async def main(loop: VirtualLoop) -> tuple[list[str], Rest]:
        stage = Notebook(loop, changes)
        return stage.notes, await play(timeline, stage, stage.perform)

    return run_virtual(main)


def test_acts_come_at_their_instants_and_operations_overlap() -> None:
    notes, _ = played(CUT, WRITE, Quieting(t=5, id="quiet", limit_s=60))
    assert notes == ["1 cut f0", "3 heal f0", "3 begin w0", "5 heal all", "7 end w0"]


def test_at_one_instant_a_heal_comes_before_a_cut_and_both_before_an_operation() -> None:
    again = LinkCut(t=3, id="f1", origin="a", target="b", mode="drop", until=9)
    timeline = Timeline(scenario="x", seed=0, duration_s=9, sites=("a", "b"), events=(WRITE, again, CUT))
    assert [type(act).__name__ for act in agenda(timeline)] == ["LinkCut", "Heal", "LinkCut", "Operation", "Heal"]


@pytest.mark.parametrize(
    ("changes", "settled_t"),
    [((), 5), ((7.5, 12.2), 13), ((5.5, 20), 6)],
    ids=["nothing changes", "two late changes", "a change after the sites were at rest"],
)
def test_the_sites_are_at_rest_when_nothing_changed_for_a_while(changes: tuple[float, ...], settled_t: float) -> None:
    _, rest = played(Quieting(t=5, id="quiet", limit_s=60), changes=changes)
    assert rest == Rest(healed_t=5, settled_t=settled_t)


def test_sites_that_never_rest_are_told_of() -> None:
    restless = tuple(float(t) for t in range(5, 200, int(REST_S) - 1))
    _, rest = played(Quieting(t=5, id="quiet", limit_s=60), changes=restless)
    assert rest == Rest(healed_t=5, settled_t=None)
