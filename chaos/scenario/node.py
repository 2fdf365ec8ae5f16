"""A value of a document together with its place, so that every complaint can name it (`$.spec.faults[2].at`)."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass

from chaos.scenario.duration import parse_duration
from chaos.scenario.errors import BadScenario

SHOWN_MAX = 60


@dataclass(frozen=True, slots=True)
class Node:
    """`value` at `path` of the file (or Python value) called `source`."""

    source: str
    path: str
    value: object

    def bad(self, problem: str) -> BadScenario:
        return BadScenario(self.source, self.path, problem)

    def fields(
        self, known: Collection[str], *, required: Collection[str] = (), later: Collection[str] = ()
    ) -> dict[str, Node]:
        """The members of this mapping. `later` are names of the language that this version does not run yet.

        Raises BadScenario for anything but a mapping, for a member outside `known`, and for a missing `required` one.
        """
        members = self._members()
        for name, node in members.items():
            if name in later:
                raise node.bad(f"{name} is not supported yet: leave it out (here: {', '.join(known)})")
            if name not in known:
                raise node.bad(f"unknown field {name!r}: {nearest(name, known)}")
        for name in required:
            if name not in members:
                raise self.bad(f"{name} is missing: add it")
        return members

    def _members(self) -> dict[str, Node]:
        if not isinstance(self.value, dict):
            raise self.bad(f"must be a mapping, not {self.shown()}")
        return {str(name): self.member(str(name), value) for name, value in self.value.items()}

    def member(self, name: str, value: object) -> Node:
        """Its path is one line of printable text, whatever the name is."""
        printed = f".{name}" if name.isprintable() else f"[{name!r}]"
        return Node(self.source, f"{self.path}{printed}", value)

    def texts_by_name(self) -> dict[str, str]:
        """A mapping of text to text, such as labels."""
        return {name: node.text() for name, node in self._members().items()}

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

    def count(self, least: int) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self.bad(f"must be a whole number, not {self.shown()}")
        if self.value < least:
            raise self.bad(f"{self.value} is too small: at least {least}")
        return self.value

    def number(self) -> float:
        """Seconds in a compiled timeline, from 0 on."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.bad(f"must be a number of seconds, not {self.shown()}")
        if self.value < 0:
            raise self.bad(f"{self.value} is negative: times count from 0")
        return self.value

    def seconds(self) -> float:
        """A duration. A bare number is refused, because nobody can tell its unit."""
        if not isinstance(self.value, str):
            raise self.bad(f"{self.shown()} has no unit: write it like 20ms, 5s or 3m50s")
        if self.value.startswith("-"):
            raise self.bad(f"{self.value} is negative: times count from 0s")
        try:
            return parse_duration(self.value)
        except ValueError as error:
            raise self.bad(f"{self.shown()} {error}") from None

    def one_of(self, words: Collection[str], *, later: Collection[str] = ()) -> str:
        word = self.text()
        if word in later:
            raise self.bad(f"{word} is not supported yet: use one of {', '.join(words)}")
        if word not in words:
            raise self.bad(f"unknown value {word!r}: {nearest(word, words)}")
        return word

    def shown(self) -> str:
        text = repr(self.value)
        return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "..."


def nearest(word: str, known: Collection[str]) -> str:
    """`did you mean ...?` where one known word is near, else all known words."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
