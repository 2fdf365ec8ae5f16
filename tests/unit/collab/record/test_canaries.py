"""Canaries: the facts about this version of pycrdt that the record relies on, and a long fuzz of the flat map.

The fuzz compares three things after lost, repeated and reordered updates, restarts and disk losses: the documents with
each other, each with a fresh load of its state by plain pycrdt, and all with a slot store of thirty lines that has never
heard of Yjs.
"""

import json
import random
from dataclasses import dataclass, field
from importlib.metadata import version

import pytest
from pycrdt import Doc, Map

from collab.record.document import Document, Gap, client_id
from collab.record.updates import read_shape

GID = "s0~x.1"
SCHEDULES = 2000
BATCH = 100


# -- facts ----------------------------------------------------------------------------------------------------------


def flat(client: int) -> tuple[Doc[Map[object]], Map[object]]:
    doc: Doc[Map[object]] = Doc(client_id=client)
    return doc, doc.get("slots", type=Map)


def test_the_version_is_the_one_that_was_measured() -> None:
    assert version("pycrdt") == "0.14.13"


def test_a_concurrent_set_is_won_by_the_higher_client_so_ties_must_never_reach_it() -> None:
    (low, low_map), (high, high_map) = flat(1), flat(2)
    high_map["k"] = "first"
    low_map["k"] = "second"
    low.apply_update(high.get_update())
    high.apply_update(low.get_update())
    assert low_map["k"] == high_map["k"] == "first"


def test_a_reused_client_id_diverges_silently_so_writers_are_never_reused() -> None:
    (one, one_map), (other, other_map) = flat(1), flat(1)
    one_map["k"] = "one"
    other_map["k"] = "other"
    one.apply_update(other.get_update())
    other.apply_update(one.get_update())
    assert (one_map["k"], other_map["k"]) == ("one", "other")


def test_whole_numbers_come_back_as_floats_so_values_are_text() -> None:
    doc, slots = flat(1)
    slots["k"] = 1
    assert type(slots["k"]) is float
    assert json.loads(str(slots)) == {"k": 1.0}
    doc.get_update()


def test_an_equal_value_makes_an_update_so_put_compares_first() -> None:
    doc, slots = flat(1)
    slots["k"] = "v"
    before = doc.get_state()
    slots["k"] = "v"
    assert doc.get_state() != before


def test_an_update_over_a_gap_is_taken_in_without_a_word_so_bases_are_checked() -> None:
    (doc, slots), (late, late_slots) = flat(1), flat(2)
    slots["k"] = "1"
    state = doc.get_state()
    slots["k"] = "2"
    late.apply_update(doc.get_update(state))
    assert json.loads(str(late_slots)) == {}
    assert late.get_state() == b"\x00"


def test_equal_replicas_encode_their_state_vectors_differently_so_digests_decode_and_sort() -> None:
    updates = []
    for number in range(10):
        doc, slots = flat(client_id(f"s{number}~1", GID))
        slots[f"k|s{number}~1"] = "v"
        updates.append(doc.get_update())
    (one, _), (other, _) = flat(1), flat(2)
    for update, reverse in zip(updates, updates[::-1], strict=True):
        one.apply_update(update)
        other.apply_update(reverse)
    assert one.get_update() == other.get_update()
    assert one.get_state() != other.get_state()


# -- the fuzz -------------------------------------------------------------------------------------------------------

Op = tuple[str, int, str, str]  # writer, clock, key, text


@dataclass
class SlotStore:
    """The same slots without Yjs: each writer's writes in order, and a set of removed ones."""

    writer: str
    ops: dict[str, list[Op]] = field(default_factory=dict)
    removed: set[tuple[str, int]] = field(default_factory=set)

    def put(self, slots: dict[str, str], remove: list[str]) -> "Payload":
        heads = self.heads()
        mine = self.ops.setdefault(self.writer, [])
        start = len(mine)
        for key, text in sorted(slots.items()):
            mine.append((self.writer, len(mine), key, text))
        gone = {heads[key][:2] for key in [*slots, *remove] if key in heads}
        self.removed |= gone
        return Payload(ops=mine[start:], removed=gone)

    def apply(self, payload: "Payload") -> None:
        for op in payload.ops:
            known = self.ops.setdefault(op[0], [])
            if op[1] == len(known):
                known.append(op)
        self.removed |= payload.removed

    def diff(self) -> "Payload":
        return Payload(ops=[op for writer in sorted(self.ops) for op in self.ops[writer]], removed=set(self.removed))

    def heads(self) -> dict[str, Op]:
        last = {op[2]: op for ops in self.ops.values() for op in ops}  # an overwritten one never comes back
        return {key: op for key, op in last.items() if op[:2] not in self.removed}

    def items(self) -> list[tuple[str, str]]:
        return sorted((key, op[3]) for key, op in self.heads().items())


@dataclass
class Payload:
    ops: list[Op]
    removed: set[tuple[str, int]]


@dataclass
class Message:
    """An update in both worlds."""

    update: bytes
    payload: Payload


class Site:
    """A document and a slot store kept alike, with a journal that a restart loads."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.boots = 1
        self.journal: list[Message] = []
        self.document, self.store = Document(GID, f"{name}~1"), SlotStore(f"{name}~1")

    def restart(self) -> None:
        self.boots += 1
        self.document.close()
        writer = f"{self.name}~{self.boots}"
        self.document, self.store = Document(GID, writer), SlotStore(writer)
        for message in self.journal:
            self.document.apply(message.update)
            self.store.apply(message.payload)

    def lose_disk(self) -> None:
        self.journal.clear()
        self.restart()

    def write(self, rng: random.Random) -> Message | None:
        keys = [f"k{rng.randrange(4)}|{self.document.writer}" for _ in range(rng.randint(1, 3))]
        slots = {key: str(rng.randrange(3)) for key in keys if rng.random() < 0.8}
        own = [key for key, _ in self.document.items() if key.partition("|")[2].startswith(f"{self.name}~")]
        remove = [key for key in own if key not in slots and rng.random() < 0.15]
        slots = {key: text for key, text in slots.items() if self.document.get(key) != text}
        update = self.document.put(slots, remove)
        if not update:
            return None
        return self._kept(Message(update, self.store.put(slots, remove)))

    def take(self, *messages: Message) -> bool:
        """Merge a batch in one transaction; whether the base of each was covered."""
        try:
            self.document.apply_all([(message.update, read_shape(message.update)) for message in messages])
        except Gap:
            return False
        for message in messages:
            self.store.apply(message.payload)
            self._kept(message)
        return True

    def diff_for(self, other: "Site") -> Message:
        return Message(self.document.diff(other.document.state_vector()), self.store.diff())

    def _kept(self, message: Message) -> Message:
        self.journal.append(message)
        return message


def run_schedule(rng: random.Random) -> list[Site]:
    sites = [Site(f"s{number}") for number in range(rng.randint(2, 4))]
    flying: list[tuple[Site, Message]] = []
    for _ in range(rng.randint(8, 40)):
        site, chance = rng.choice(sites), rng.random()
        if chance < 0.5:
            message = site.write(rng)
            if message:
                flying += [(other, message) for other in sites if other is not site]
        elif chance < 0.85 and flying:
            target, first = flying[rng.randrange(len(flying))]
            more = [message for other, message in flying if other is target and message is not first]
            batch = [first, *more[: rng.choice([0, 0, 1, 3])]]
            if rng.random() < 0.7:
                flying = [(other, message) for other, message in flying if other is not target or message not in batch]
            if rng.random() < 0.8 and not target.take(*batch):
                target.take(rng.choice(sites).diff_for(target))
        elif chance < 0.93:
            site.restart()
        elif chance < 0.96:
            site.lose_disk()
    return sites


def settle(sites: list[Site]) -> None:
    for _ in range(2):
        for site in sites:
            for other in sites:
                if other is not site:
                    assert site.take(other.diff_for(site)), "a diff never leaves a gap"


@pytest.mark.parametrize("first", range(0, SCHEDULES, BATCH))
def test_the_flat_map_never_diverges(first: int) -> None:
    for seed in range(first, first + BATCH):
        sites = run_schedule(random.Random(seed))
        settle(sites)
        assert len({site.document.digest() for site in sites}) == 1, f"seed {seed}: digests differ"
        assert len({site.document.value_digest() for site in sites}) == 1, f"seed {seed}: values differ"
        for site in sites:
            fresh, slots = flat(client_id("fresh~1", GID))
            fresh.apply_update(site.document.diff())
            assert sorted(json.loads(str(slots)).items()) == site.document.items(), f"seed {seed}: fresh load differs"
            assert site.store.items() == site.document.items(), f"seed {seed}: the slot store differs"
            site.document.close()
