"""Facts to the core, actions to the world: durable first, in order, one timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from collab.agent import journal
from collab.agent.actor import Actor
from collab.agent.disk import MemoryDisk
from collab.protocol.actions import Action, Drop, Hangup, Persist, Rewrite, Transmit, UnwatchKind
from collab.protocol.facts import ChannelClosed, DialFailed, Fact, Woken
from collab.protocol.names import SiteName
from tests.unit.collab.proxy.wire import ScriptedCore


class StepCore(ScriptedCore):
    """Does what `on` says of each fact, and remembers the facts."""

    def __init__(self, on: Callable[[Fact], list[Action]]) -> None:
        super().__init__()
        self.on = on
        self.facts: list[Fact] = []

    def step(self, fact: Fact, now: float) -> list[Action]:
        self.facts.append(fact)
        return self.on(fact)


class World:
    """What an actor did, with the state of the disk at that moment."""

    def __init__(self, on: Callable[[Fact], list[Action]]) -> None:
        self.core = StepCore(on)
        self.disk = MemoryDisk()
        self.done: list[tuple[Action, tuple[bytes, ...]]] = []
        self.failures: list[Exception] = []
        self.actor = Actor(self.core, self.disk, now=self._now, perform=self._perform, failed=self.failures.append)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _perform(self, action: Action) -> None:
        self.done.append((action, journal.read(self.disk.read("j")).payloads))


def fact(number: int) -> Fact:
    return ChannelClosed(channel=number)


def number_of(told: Fact) -> int:
    assert isinstance(told, ChannelClosed)
    return told.channel


async def settle() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def test_what_is_sent_is_on_the_disk_before_and_waiting_facts_share_one_append() -> None:
    def on(told: Fact) -> list[Action]:
        entry = bytes([number_of(told)])
        return [Persist(journal="j", entries=(entry,)), Transmit(channel=number_of(told), frame=entry)]

    async def scenario() -> None:
        world = World(on)
        for n in (1, 2, 3):
            world.actor.tell(fact(n))
        await settle()
        assert [action for action, _ in world.done] == [Transmit(channel=n, frame=bytes([n])) for n in (1, 2, 3)]
        assert {entries for _, entries in world.done} == {(b"\x01", b"\x02", b"\x03")}

    asyncio.run(scenario())


def test_a_journal_dropped_and_begun_again_keeps_what_came_after() -> None:
    def on(told: Fact) -> list[Action]:
        if number_of(told) == 1:
            return [Persist(journal="j", entries=(b"old",)), Hangup(channel=1, reason=""), Drop(journal="j")]
        return [Persist(journal="j", entries=(b"new",))]

    async def scenario() -> None:
        world = World(on)
        world.actor.tell(fact(1))
        world.actor.tell(fact(2))
        await settle()
        assert journal.read(world.disk.read("j")).payloads == (b"new",)
        assert world.done == [(Hangup(channel=1, reason=""), (b"old",))]

    asyncio.run(scenario())


def test_a_rewrite_replaces_what_was_appended_before_it() -> None:
    def on(told: Fact) -> list[Action]:
        if number_of(told) == 2:
            return [Rewrite(journal="j", entries=(b"all",))]
        return [Persist(journal="j", entries=(b"%d" % number_of(told),))]

    async def scenario() -> None:
        world = World(on)
        for n in (1, 2, 3):
            world.actor.tell(fact(n))
        await settle()
        assert journal.read(world.disk.read("j")).payloads == (b"all", b"3")

    asyncio.run(scenario())


def test_a_fact_that_is_not_wanted_any_more_is_not_stepped() -> None:
    async def scenario() -> None:
        live = [True]

        def on(told: Fact) -> list[Action]:
            return [UnwatchKind(kind="configmaps", namespace="n")] if told == fact(1) else []

        world = World(on)
        world.actor = Actor(
            world.core, world.disk, now=lambda: 0.0, perform=lambda _: live.clear(), failed=world.failures.append
        )
        world.actor.tell(fact(1))
        world.actor.tell(fact(2), still=lambda: bool(live))
        world.actor.tell(fact(3))
        await settle()
        assert world.core.facts == [fact(1), fact(3)]

    asyncio.run(scenario())


def test_the_core_is_woken_when_it_asked_to_be() -> None:
    async def scenario() -> None:
        woken = asyncio.Event()

        def on(told: Fact) -> list[Action]:
            if isinstance(told, Woken):
                world.core.wake_at = None
                woken.set()
            else:
                world.core.wake_at = asyncio.get_running_loop().time() + 0.01
            return []

        world = World(on)
        world.actor.tell(DialFailed(site=SiteName("b")))
        await asyncio.wait_for(woken.wait(), 10)
        assert [type(told) for told in world.core.facts] == [DialFailed, Woken]

    asyncio.run(scenario())


def test_a_step_or_disk_that_fails_ends_the_actor() -> None:
    def on(told: Fact) -> list[Action]:
        raise OSError("no space left")

    async def scenario() -> None:
        world = World(on)
        world.actor.tell(fact(1))
        world.actor.tell(fact(2))
        await settle()
        world.actor.tell(fact(3))
        await settle()
        assert [str(error) for error in world.failures] == ["no space left"]
        assert world.core.facts == [fact(1)]

    asyncio.run(scenario())


def test_nothing_happens_after_the_end() -> None:
    async def scenario() -> None:
        world = World(lambda told: [])
        world.actor.tell(fact(1))
        world.actor.end()
        await settle()
        assert world.core.facts == []

    asyncio.run(scenario())
