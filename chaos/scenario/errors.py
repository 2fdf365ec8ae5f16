"""What can be wrong with a scenario or a timeline, in one line that names file, line, place and the way out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_LAST_STEP = re.compile(r"(\.[^.\[]*|\[[^\[]*\])$")


class BadScenario(ValueError):
    """The input is wrong; nothing ran. `str()` is the whole line a user sees (exit code 2)."""

    def __init__(self, source: str, path: str, problem: str, *, line: int | None = None) -> None:
        where = source if line is None else f"{source}:{line}"
        super().__init__(f"{where}: {path}: {problem}" if path else f"{where}: {problem}")
        self.source = source
        self.path = path
        self.problem = problem
        self.line = line


class Unsupported(BadScenario):
    """The scenario is right, but the chosen world cannot do one of its events."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document for complaints: its name, and the line of each of its values by path, where it has lines."""

    name: str
    lines: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)

    def bad(self, path: str, problem: str) -> BadScenario:
        return BadScenario(self.name, path, problem, line=self.line_of(path))

    def line_of(self, path: str) -> int | None:
        """The line of the value at `path`, or of the nearest one around it: what is missing has no line of its own."""
        while path and path not in self.lines:
            shorter = _LAST_STEP.sub("", path)
            path = shorter if shorter != path else ""
        return self.lines.get(path)
