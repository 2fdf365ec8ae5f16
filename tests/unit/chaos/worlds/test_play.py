"""Playing a timeline: order, instants, the heal, and waiting until the sites are at rest."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest

from chaos.checks.evidence import Evidence, SiteView
from chaos.checks.history import History
from chaos.scenario.model import Claim
from chaos.scenario.timeline import Event, FaultEvent, LinkCut, Operation, Quieting, Timeline
from chaos.virtual.loop import VirtualLoop
from chaos.virtual.run import run_virtual
from chaos.worlds.play import REST_S, agenda, play


class Notebook:
    """A stage that notes what is asked of it. `changes` are the times after which a site has changed, `views` what it
    shows, look by look; the last one stays."""

    def __init__(self, loop: VirtualLoop, changes: tuple[float, ...], views: tuple[SiteView, ...]) -> None:
        self._loop = loop
        self._changes = changes
        self._views = list(views)
        self.notes: list[str] = []

    def now(self) -> float:
        return self._loop.time()

    def note(self, text: str) -> None:
        self.notes.append(f"{self.now():g} {text}")

    async def begin(self, fault: FaultEvent) -> None:
        self.note(f"break {fault.id}")

    async def end(self, fault: FaultEvent) -> None:
        self.note(f"heal {fault.id}")

    async def end_all(self) -> None:
        self.note("heal all")

    async def look(self) -> dict[str, SiteView]:
        self.note("look")
        view = self._views.pop(0) if len(self._views) > 1 else self._views[0] if self._views else SiteView(site="a")
        return {view.site: view}

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


def played(
    *events: Event, changes: tuple[float, ...] = (), views: tuple[SiteView, ...] = ()
) -> tuple[list[str], Evidence]:
    claims = (Claim(name="placed-at-members", phase="eventually"),) if views else ()
    timeline = Timeline(scenario="x", seed=0, duration_s=100, sites=("a",), events=events, claims=claims)

    async def main(loop: VirtualLoop) -> tuple[list[str], Evidence]:
        stage = Notebook(loop, changes, views)
        return stage.notes, await play(timeline, stage, History(), stage.perform)

    return run_virtual(main)


def test_acts_come_at_their_instants_and_operations_overlap() -> None:
    notes, _ = played(CUT, WRITE, Quieting(t=5, id="quiet", limit_s=60))
    assert notes == ["1 break f0", "3 heal f0", "3 begin w0", "5 heal all", "7 end w0", "17 look"]


def test_at_one_instant_a_heal_comes_before_a_cut_and_both_before_an_operation() -> None:
    again = LinkCut(t=3, id="f1", origin="a", target="b", mode="drop", until=9)
    timeline = Timeline(scenario="x", seed=0, duration_s=9, sites=("a",), events=(WRITE, again, CUT))
    assert [type(act).__name__ for act in agenda(timeline)] == ["LinkCut", "End", "LinkCut", "Operation", "End"]


@pytest.mark.parametrize(
    ("changes", "settled_t"),
    [((), 5), ((7.5, 12.2), 13), ((5.5, 20), 6)],
    ids=["nothing changes", "two late changes", "a change after the sites were at rest"],
)
def test_the_sites_are_at_rest_when_nothing_changed_for_a_while(changes: tuple[float, ...], settled_t: float) -> None:
    _, evidence = played(Quieting(t=5, id="quiet", limit_s=60), changes=changes)
    assert (evidence.healed_t, evidence.settled_t) == (5, settled_t)


def test_sites_that_never_rest_are_told_of() -> None:
    restless = tuple(float(t) for t in range(5, 200, int(REST_S) - 1))
    notes, evidence = played(Quieting(t=5, id="quiet", limit_s=60), changes=restless)
    assert evidence.settled_t is None
    assert notes[-1] == "65 look"


CREATE = Operation(t=0, id="w0", verb="create", on="a", resource="namespaces/team", scope=("a",))
BARE = SiteView(site="a")
HELD = SiteView(site="a", objects={"namespaces/team": {"labels/a": "b"}})
QUIET = Quieting(t=5, id="quiet", limit_s=60)


def test_stillness_is_not_enough_while_what_must_hold_does_not() -> None:
    """The copy comes at 33 s, when the sites have long been still: the run waits for it."""
    notes, evidence = played(CREATE, QUIET, changes=(33,), views=(BARE, BARE, HELD))
    assert [note for note in notes if note.endswith("look")] == ["15 look", "25 look", "43 look"]
    assert (evidence.settled_t, evidence.views) == (33, {"a": HELD})


def test_the_quiet_period_ends_the_wait() -> None:
    notes, evidence = played(CREATE, QUIET, views=(BARE,))
    assert notes[-1] == "65 look"
    assert evidence.views == {"a": BARE}
    assert evidence.settled_t == 5
