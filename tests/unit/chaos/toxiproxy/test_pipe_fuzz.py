"""Whatever is added, changed and removed while bytes run: toxics that lose nothing lose nothing, and keep the order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.toxiproxy.behaviours import ACTS
from chaos.toxiproxy.toxics import TYPES, Toxic
from tests.unit.chaos.toxiproxy.hand_clock import Bench, toxic

LOSSLESS = ("latency", "bandwidth", "slow_close", "slicer", "noop")
HOUR_S = 3600.0

Step = tuple[str, int, int]

steps = st.lists(
    st.tuples(st.sampled_from(["send", "wait", "add", "change", "remove"]), st.integers(0, 70_000), st.integers(0, 9)),
    max_size=30,
)


def made(number: int, size: int) -> Toxic:
    """One of the toxics that lose nothing, with attributes from 0 to large ones."""
    kind = LOSSLESS[number % len(LOSSLESS)]
    attributes = {name: size % (7 * 10**place) for place, name in enumerate(TYPES[kind].attributes, start=1)}
    if kind == "slicer":
        attributes = {"average_size": 1 + size % 5000, "size_variation": size % 2, "delay": size}
    return toxic(kind, name=f"{number}/{size}", toxicity=1.0 if size % 3 else 0.5, **attributes)


class Run:
    """A pipe, what went in, and the toxics that are on it."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.sent = bytearray()
        self.on: list[Toxic] = []

    def step(self, act: str, size: int, number: int) -> None:
        match act:
            case "send":
                data = bytes((len(self.sent) + place) % 251 for place in range(size))
                self.sent += data
                self.bench.pipe.receive(data)
            case "wait":
                self.bench.clock.pass_s(size / 10_000)
            case "add":
                self.on.append(made(number, size))
                self.bench.pipe.add(self.on[-1])
            case "change" if self.on:
                self._change(self.on[number % len(self.on)], size)
            case "remove" if self.on:
                self.bench.pipe.remove(self.on.pop(number % len(self.on)))

    def _change(self, changed: Toxic, size: int) -> None:
        changed.attributes.update(made(LOSSLESS.index(changed.type.name), size).attributes)
        self.bench.pipe.change(changed)

    def finish(self) -> None:
        self.bench.pipe.receive_end()
        for left in self.on:
            self.bench.pipe.remove(left)
        self.bench.clock.pass_s(HOUR_S)


@settings(deadline=None)
@given(steps=steps)
def test_lossless_toxics_keep_every_byte_in_order(steps: list[Step]) -> None:
    run = Run()
    for step in steps:
        run.step(*step)
    run.finish()
    *data, end = [what for _, what in run.bench.arrivals]
    assert end == "end"
    assert b"".join(part for part in data if isinstance(part, bytes)) == bytes(run.sent)
    assert run.bench.ends.totals == {"received": len(run.sent), "sent": len(run.sent)}


def test_all_other_toxics_lose_something() -> None:
    assert set(ACTS) - set(LOSSLESS) == {"timeout", "reset_peer", "limit_data"}
