"""A value of a document together with its place, so that every complaint can name it (`$.spec.faults[2].at`)."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection
from dataclasses import dataclass

from chaos.scenario.duration import parse_duration
from chaos.scenario.errors import BadScenario, Source

SHOWN_MAX = 60


@dataclass(frozen=True, slots=True)
class Node:
    """`value` at `path` of the file (or Python value) that `source` names."""

    source: Source
    path: str
    value: object

    def bad(self, problem: str) -> BadScenario:
        return self.source.bad(self.path, problem)

    def fields(self, known: Collection[str], *, required: Collection[str] = ()) -> dict[str, Node]:
        """The members of this mapping.

        Raises BadScenario for anything but a mapping, for a member outside `known`, and for a missing `required` one.
        """
        members = self.members()
        for name, node in members.items():
            if name not in known:
                raise node.bad(f"unknown field {clipped(name)}: {nearest(name, known)}")
        for name in required:
            if name not in members:
                raise self.bad(f"{name} is missing: add it")
        return members

    def members(self) -> dict[str, Node]:
        """Raises BadScenario for anything but a mapping with names that are text."""
        if not isinstance(self.value, dict):
            raise self.bad(f"must be a mapping, not {self.shown()}")
        for name in self.value:
            if not isinstance(name, str):
                raise self.bad(f"a field's name must be text, not {clipped(name)}: put it in quotes")
        return {name: self.member(name) for name in self.value}

    def member(self, name: str) -> Node:
        """Its path is one line of printable text, whatever the name is."""
        assert isinstance(self.value, dict), "asked of mappings"
        return Node(self.source, f"{self.path}{step(name)}", self.value[name])

    def items(self) -> list[Node]:
        if not isinstance(self.value, list | tuple):
            raise self.bad(f"must be a list, not {self.shown()}")
        return [Node(self.source, f"{self.path}[{index}]", value) for index, value in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.bad(f"must be text, not {self.shown()}: put it in quotes")
        return self.value

    def truth(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.bad(f"must be true or false, not {self.shown()}")
        return self.value

    def count(self, least: int, most: int | None = None) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self.bad(f"must be a whole number, not {self.shown()}")
        if self.value < least:
            raise self.bad(f"{self.value} is too small: at least {least}")
        if most is not None and self.value > most:
            raise self.bad(f"{self.value} is too large: at most {most}")
        return self.value

    def number(self, least: float, most: float = math.inf) -> float:
        """A number of the range, both ends included."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.bad(f"must be a number, not {self.shown()}")
        if not least <= self.value <= most or not math.isfinite(self.value):
            rule = f"from {least:g} on" if most == math.inf else f"from {least:g} to {most:g}"
            negative = f"{self.value} is negative" if self.value < 0 else f"{self.value} is out of range"
            raise self.bad(f"{negative}: give a number {rule}")
        return self.value

    def seconds(self) -> float:
        """A duration. A bare number is refused, because nobody can tell its unit."""
        if not isinstance(self.value, str):
            raise self.bad(f"{self.shown()} has no unit: write it like 20ms, 5s or 3m50s")
        if self.value.startswith("-"):
            raise self.bad(f"{clipped(self.value, str)} is negative: times count from 0s")
        try:
            return parse_duration(self.value)
        except ValueError as error:
            raise self.bad(f"{self.shown()} {error}") from None

    def one_of(self, words: Collection[str]) -> str:
        word = self.text()
        if word not in words:
            raise self.bad(f"unknown value {clipped(word)}: {nearest(word, words)}")
        return word

    def shown(self) -> str:
        return clipped(self.value)


def step(name: str) -> str:
    """The last part of a path for a member of that name."""
    return f".{name}" if name.isprintable() else f"[{name!r}]"


def clipped(value: object, told: type[str] | None = None) -> str:
    """A value in a complaint: what a reader needs to find it, and no more."""
    text = str(value) if told is not None else repr(value)
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "..."


def nearest(word: str, known: Collection[str]) -> str:
    """`did you mean ...?` where one known word is near, else all known words."""
    close = difflib.get_close_matches(word[:SHOWN_MAX], list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
